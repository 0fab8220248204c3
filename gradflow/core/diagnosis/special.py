"""What only some networks can have: small batches for batch norm, and states through time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradflow.core.decay import SEVERE_CHANGE, has_repeated_calls
from gradflow.core.diagnosis.case import Case
from gradflow.core.numbers import format_number
from gradflow.core.text import Text
from gradflow.core.verdict import Finding, Severity, Verdict

STEP_KINDS = ("recurrent", "linear", "conv")
"""Kinds of modules that a loop may call once per step."""
ENOUGH_BLOCKS = 4
"""Blocks of a transformer without shortcuts that are no accident."""
SMALL_BATCH = 8
"""Samples up to which the statistics of a batch are noise."""
_SMALLER_STEPS = Text(
    "The recurrent weights multiply state and gradient once per step. Smaller or orthogonal "
    "recurrent weights, an LSTM or GRU, fewer steps and clipping help."
)
LARGE_STATE, HUGE_STATE = 1e2, 1e4
"""Largest entry of a recurrent state, whose inputs have size 1."""
LARGE_PULL, HUGE_PULL = 1e3, 1e5
"""‖∂L/∂W‖/‖W‖ of recurrent weights, in units of that of the readout."""


def list_bare_blocks(case: Case) -> list[str]:
    """List the blocks of a transformer that have no shortcut."""
    return [name for name in case.facts.unbridged if name in case.facts.attending]


def check_shortcuts(case: Case) -> Iterator[Finding]:
    """Find a transformer whose blocks have no shortcuts: nobody leaves them out on purpose."""
    blocks = list_bare_blocks(case)
    if len(blocks) < ENOUGH_BLOCKS:
        return
    evidence = Text(
        "{n} blocks with attention, {first} to {last}, have no shortcut: what enters one gets out "
        "through its layers alone. Transformers add it to what attention, and then the perceptron, "
        "make of it.",
        n=len(blocks),
        first=blocks[0],
        last=blocks[-1],
    )
    reason = Text(
        "Attention averages over tokens: without shortcuts they become alike from block to block."
    )
    yield Finding(Severity.NOTE, None, evidence, reason)


def check_small_batch(case: Case) -> Iterator[Finding]:
    """Say what a few samples do to batch normalization in training mode."""
    samples = case.facts.samples
    if not case.facts.batch_statistics or not 1 <= samples <= SMALL_BATCH:
        return
    if samples == 1:
        evidence = Text(
            "Batch normalization sees one sample: its statistics are those of this image alone, as "
            "in instance normalization, and training differs from evaluation."
        )
    else:
        evidence = Text(
            "Batch normalization takes mean and variance from {n} samples: the mean of a unit is "
            "off by {error} of its standard deviation, and what comes out for one sample depends "
            "on the others.",
            n=samples,
            error=f"{1 / math.sqrt(samples):.0%}",
        )
    reason = Text("Layer or group normalization does not look at the batch.")
    yield Finding(Severity.NOTE, Verdict.SMALL_BATCH, evidence, reason)


def check_recurrent_states(case: Case) -> Iterator[Finding]:
    """Find a state, or a gradient, that grows or fades from step to step of a recurrent module."""
    recurrent = case.signals["kind"] == "recurrent"
    yield from _judge_steps(case)
    if not recurrent.any():
        return
    size = np.maximum(abs(case.signals.get_numbers("min")), abs(case.signals.get_numbers("max")))
    largest = float(np.nanmax(size[recurrent], initial=0.0))
    pull = _measure_recurrent_pull(case)
    if not (largest > LARGE_STATE or pull > LARGE_PULL):
        return
    severe = largest > HUGE_STATE or pull > HUGE_PULL
    evidence = (
        Text(
            "The state of the recurrent network grows from step to step: its largest entry is "
            "{size}.",
            size=format_number(largest),
        )
        if largest > LARGE_STATE
        else Text(
            "The gradient grows from step to step back through time: relative to the weights it is "
            "{pull} times that of the readout.",
            pull=format_number(pull),
        )
    )
    severity = Severity.BAD if severe else Severity.WARNING
    yield Finding(severity, Verdict.EXPLODING, evidence, _SMALLER_STEPS)


def _judge_steps(case: Case) -> Iterator[Finding]:
    """Judge the way back through the calls of a module, which a loop calls once per step.

    Of modules that are called as often (a layer for the inputs, one for the state) the first is
    named; of cells that return several states the one that keeps most.
    """
    named: set[int] = set()
    for name, course in _list_calls(case).items():
        if len(course) < 2 or not course[-1] > 0 or len(course) in named:
            continue
        left = course[0] / course[-1]
        if 1 / SEVERE_CHANGE <= left <= SEVERE_CHANGE:
            continue
        named.add(len(course))
        evidence = Text(
            "Through the {steps} steps of {name} the gradient changes by a factor {factor} per "
            "step on its way back: the first step gets {left} of what the last gets.",
            steps=len(course),
            name=name,
            factor=format_number(left ** (1 / (len(course) - 1))),
            left=format_number(left),
        )
        if left < 1:
            reason = Text(
                "What happened that long ago is not learned; the last steps are. An LSTM whose "
                "forget gates start open, a GRU, orthogonal recurrent weights or fewer steps help."
            )
            yield Finding(Severity.WARNING, Verdict.VANISHING, evidence, reason)
        else:
            severity = Severity.BAD if left > HUGE_PULL else Severity.WARNING
            yield Finding(severity, Verdict.EXPLODING, evidence, _SMALLER_STEPS)


def _list_calls(case: Case) -> dict[str, list[float]]:
    """List the norms of the gradient over the calls of each module that was called repeatedly.

    A cell that returns several states has the largest of their norms.
    """
    if not has_repeated_calls(case.report):
        return {}
    norms = case.signals.get_numbers("grad_norm").tolist()
    steps: dict[str, dict[str, float]] = {}
    for module, kind, norm in zip(
        case.signals["module"].tolist(), case.signals["kind"].tolist(), norms, strict=True
    ):
        if kind in STEP_KINDS and math.isfinite(norm):
            call = str(module).partition("[")[0]
            calls = steps.setdefault(call.partition("#")[0], {})
            calls[call] = max(norm, calls.get(call, 0.0))
    return {name: list(calls.values()) for name, calls in steps.items() if len(calls) > 1}


def _measure_recurrent_pull(case: Case) -> float:
    """Measure ‖∂L/∂W‖/‖W‖ of recurrent weights, in units of that of the last layer."""
    table = case.report.get_table("parameters")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = table.get_numbers("grad_norm") / table.get_numbers("norm")
    names = table["parameter"].tolist()
    own = np.array(["weight_hh" in str(name) for name in names], bool)
    last = (table["layer"] == case.numbers[-1]) if case.numbers else np.zeros(len(names), bool)
    last &= np.array([not str(name).endswith("bias") for name in names], bool)
    if not own.any() or not last.any() or not np.isfinite(ratio[last]).all():
        return 0.0
    return float(np.nanmax(ratio[own], initial=0.0)) / float(np.max(ratio[last]))
