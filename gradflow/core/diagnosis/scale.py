"""The scale of what enters and leaves: inputs, targets, logits, and the signal on its way."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradflow.core.decay import USUAL_INPUT
from gradflow.core.diagnosis.case import Case
from gradflow.core.diagnosis.shapes import REGRESSIONS
from gradflow.core.facts import Extent
from gradflow.core.numbers import format_number
from gradflow.core.text import EMPTY, Text, join_texts
from gradflow.core.verdict import Finding, Severity, Verdict

LARGE_INPUT, VERY_LARGE_INPUT = USUAL_INPUT, 20.0
"""RMS of the inputs."""
SMALL_INPUT, VERY_SMALL_INPUT = 0.3, 0.03
"""Largest entry of the inputs."""
OFFSET, LARGE_OFFSET, HUGE_OFFSET = 3.0, 10.0, 30.0
"""Mean of the inputs in units of their standard deviation."""
LARGE_TARGET, VERY_LARGE_TARGET, HUGE_TARGET = 10.0, 100.0, 1e4
"""RMS of the targets of a regression."""
SMALL_TARGET, VERY_SMALL_TARGET = 0.03, 1e-3
"""RMS of the targets below which they are small; ``OFFSET`` counts for them, too."""
LARGE_LOGITS, VERY_LARGE_LOGITS = 3.0, 10.0
"""Standard deviation of the logits, unless the loss says that they are right."""
FAINT_SIGNAL, LOST_SIGNAL = 1e-2, 1e-5
"""RMS of what differs between the samples, where the readout reads."""
USUAL_UPDATE = 1e-3
_LARGE_UPDATE = 0.1
SAME_COSINE = 1 - 1e-12
"""Mean cosine between samples that are the same but for rounding."""


def check_inputs(case: Case) -> Iterator[Finding]:
    """Judge size and mean of the inputs, unless a normalization comes first."""
    inputs = case.facts.inputs
    if inputs is None or inputs.nonfinite:
        return
    if inputs.largest == 0:
        evidence = Text("All inputs are 0: the network sees nothing.")
        reason = Text("Look at how the data are loaded, and at what is done to them.")
        yield Finding(Severity.BAD, Verdict.INPUTS, evidence, reason)
        return
    if case.facts.samples > 1 and (inputs.std == 0 or _is_one_sample(inputs, case)):
        evidence = Text("All samples are the same: nothing tells them apart.")
        reason = Text("Look at how the data are loaded, and at what is done to them.")
        yield Finding(Severity.BAD, Verdict.INPUTS, evidence, reason)
        return
    severity, evidence = _judge_inputs(case, inputs)
    if severity is None or _is_normalized(case, 0):
        return
    if case.facts.batch_statistics and _is_normalized(case, 1):
        reason = Text(
            "The batch normalization behind the first layer takes their scale and mean out again."
        )
        yield Finding(Severity.NOTE, Verdict.INPUTS, evidence, reason)
        return
    reason = Text(
        "Initializations and learning rates are made for inputs of mean 0 and standard deviation "
        "1: subtract the mean of the training data and divide by its standard deviation."
    )
    yield Finding(severity, Verdict.INPUTS, join_texts(evidence, describe_update(case)), reason)


def _judge_inputs(case: Case, inputs: Extent) -> tuple[Severity | None, Text]:
    values = {
        "mean": format_number(inputs.mean),
        "std": format_number(inputs.std),
        "low": format_number(inputs.low),
        "high": format_number(inputs.high),
    }
    large = Text(
        "The inputs are large: from {low} to {high}, mean {mean}, standard deviation {std}.",
        **values,
    )
    offset = abs(inputs.mean) / inputs.std if inputs.std > 0 else math.inf
    if offset > OFFSET:
        severity = (
            Severity.BAD
            if offset > HUGE_OFFSET
            else Severity.WARNING
            if offset > LARGE_OFFSET or inputs.rms > VERY_LARGE_INPUT
            else Severity.NOTE
        )
        return severity, Text(
            "The inputs lie far from 0: mean {mean}, standard deviation {std}. What they share "
            "outweighs what tells them apart.",
            **values,
        )
    if inputs.rms > LARGE_INPUT:
        return Severity.WARNING if inputs.rms > VERY_LARGE_INPUT else Severity.NOTE, large
    if inputs.largest < SMALL_INPUT:
        small = Text("The inputs are small: the largest entry is {size}.", size=inputs.largest)
        if _is_lost(case):
            return Severity.BAD, small
        return Severity.WARNING if inputs.largest < VERY_SMALL_INPUT else Severity.NOTE, small
    return None, EMPTY


def _is_one_sample(inputs: Extent, case: Case) -> bool:
    return bool(
        len(case.layers) and case.layers["fan_in"][0] > 1 and inputs.similarity > SAME_COSINE
    )


def _is_normalized(case: Case, layer: int) -> bool:
    kinds, layers = case.signals["kind"], case.signals["layer"]
    return bool(((kinds == "norm") & (layers == layer)).any())


def describe_update(case: Case) -> Text:
    """Describe how far a step at the learning rate goes, if that is far."""
    ratios = case.layers.get_numbers("update_ratio")
    largest = float(np.nanmax(ratios, initial=0.0))
    if not largest > _LARGE_UPDATE:
        return EMPTY
    return Text(
        "A first step of plain SGD changes a layer's weights by {ratio} of their size, where "
        "{usual} is usual.",
        ratio=format_number(largest),
        usual=format_number(USUAL_UPDATE),
    )


def check_targets(case: Case) -> Iterator[Finding]:
    """Judge the size of the targets of a regression."""
    facts, targets = case.facts, case.facts.targets
    like_outputs = facts.target_shape == facts.output_shape
    if targets is None or not (facts.loss in REGRESSIONS or (not facts.loss and like_outputs)):
        return
    if targets.std == 0 and targets.mean != 0 and facts.samples > 1:
        evidence = Text("All targets are {value}: no input tells them apart.", value=targets.mean)
        reason = Text("Look at how the targets are made, or at a batch that has others.")
        finding = Finding(Severity.NOTE, Verdict.TARGETS, evidence, reason, case.readout)
    elif not targets.rms > 0:
        return
    elif targets.rms > LARGE_TARGET:
        finding = _describe_large_targets(case, targets)
    elif targets.rms < SMALL_TARGET or abs(targets.mean) > LARGE_OFFSET * targets.std > 0:
        finding = _describe_small_targets(case, targets)
    else:
        return
    yield finding


def _describe_large_targets(case: Case, targets: Extent) -> Finding:
    severity = (
        Severity.BAD
        if targets.rms > HUGE_TARGET and case.facts.loss
        else Severity.WARNING
        if targets.rms > VERY_LARGE_TARGET
        else Severity.NOTE
    )
    evidence = Text(
        "The targets are large: mean {mean}, standard deviation {std}; the outputs have an RMS of "
        "{rms}.",
        **_list_sizes(case, targets),
    )
    reason = join_texts(
        Text("The gradient grows with the targets, and every usual learning rate is too large.")
        if case.facts.loss == "mse"
        else Text("A step of a usual learning rate moves the outputs by far less than they miss.")
        if case.facts.loss
        else Text("The outputs have far to go, and losses are made for errors of size 1."),
        Text("Subtract their mean and divide by their standard deviation; scale predictions back."),
    )
    evidence = join_texts(evidence, describe_update(case))
    return Finding(severity, Verdict.TARGETS, evidence, reason, case.readout)


def _describe_small_targets(case: Case, targets: Extent) -> Finding:
    evidence = Text(
        "What tells the targets apart is small: mean {mean}, standard deviation {std}; the outputs "
        "have an RMS of {rms}.",
        **_list_sizes(case, targets),
    )
    reason = Text(
        "The loss is nearly as low for a network that always answers their mean. Subtract their "
        "mean and divide by their standard deviation; scale predictions back."
    )
    severity = Severity.WARNING if targets.std < VERY_SMALL_TARGET else Severity.NOTE
    return Finding(severity, Verdict.TARGETS, evidence, reason, case.readout)


def _list_sizes(case: Case, targets: Extent) -> dict[str, str]:
    return {
        "mean": format_number(targets.mean),
        "std": format_number(targets.std),
        "rms": format_number(case.facts.outputs.rms) if case.facts.outputs else "?",
    }


def check_logits(case: Case) -> Iterator[Finding]:
    """Judge logits that are sure, and wrong: a loss far above that of a guess."""
    facts = case.facts
    binary = facts.loss in ("bce_with_logits", "soft_margin")
    if not (binary or (facts.loss == "cross_entropy" and facts.classes > 1)) or not facts.outputs:
        return
    classes = 2 if binary else facts.classes
    guess, std = math.log(classes), facts.outputs.std
    if not LARGE_LOGITS < std < math.inf or not (facts.rescaled or case.report.loss > guess):
        return
    severity = Severity.WARNING if std > VERY_LARGE_LOGITS else Severity.NOTE
    evidence = Text(
        "The loss is {loss} at the start; a guess among {n} classes costs ln {n} = {guess}. The "
        "logits have a standard deviation of {std}: the network is sure, and wrong.",
        loss=format_number(case.report.loss),
        n=classes,
        guess=format_number(guess),
        std=format_number(std),
    )
    reason = Text(
        "Large weights in the readout, or a signal that grows on its way. The first steps only "
        "shrink the logits; a smaller readout, or one that starts at 0, saves them."
    )
    evidence = join_texts(evidence, describe_update(case))
    yield Finding(severity, Verdict.LOGITS, evidence, reason, case.readout)


def check_faint_signal(case: Case) -> Iterator[Finding]:
    """Judge what is left of the differences between samples where the readout reads."""
    signal, inputs = case.signal_at_readout, case.facts.inputs
    if signal is None or not signal < FAINT_SIGNAL:
        return
    if inputs is not None and inputs.largest < SMALL_INPUT:
        return  # it was said of the inputs
    evidence = (
        Text(
            "What differs between the samples has an RMS of only {signal} where the readout reads: "
            "it learns {times} times more slowly than from a signal of size 1.",
            signal=format_number(signal),
            times=format_number(1 / signal),
        )
        if signal
        else Text("Where the readout reads, nothing differs between the samples any more.")
    )
    if case.starts_small:
        reason = Text(
            "The vectors of the embedding start small. They are weights, and grow with the first "
            "steps; larger ones, or a normalization behind them, save these."
        )
    else:
        reason = Text("The signal, or what tells the samples apart, fades on its way forward.")
    is_hopeless = _is_lost(case) and not case.starts_small
    severity = case.soften(Severity.BAD) if is_hopeless else Severity.WARNING
    yield Finding(severity, Verdict.FAINT, evidence, reason, case.numbers[-2])


def _is_lost(case: Case) -> bool:
    signal = case.signal_at_readout
    return signal is not None and signal < LOST_SIGNAL
