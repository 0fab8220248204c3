"""What is wrong inside of layers: saturated and dead units, and samples that have become alike."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gradflow.core.catalog import Activation
from gradflow.core.diagnosis.case import OFTEN_DEAD_SHARE, Case
from gradflow.core.numbers import format_number, format_share
from gradflow.core.phrases import name_layers, name_row
from gradflow.core.text import EMPTY, N_, Text, Value
from gradflow.core.verdict import Finding, Severity, Verdict

SATURATED_SHARE = 0.3
"""Share of a layer's outputs in the flat part of the activation."""
DEAD_SHARE, ENOUGH_SAMPLES = 0.1, 16
"""Share of dead units; in fewer samples than that, a unit is off in all of them by chance."""
ALIKE_COSINE, NEARLY_EQUAL_COSINE, EQUAL_COSINE = 0.95, 1 - 1e-3, 1 - 1e-6
"""Mean cosine between the activations of two samples: noted, a warning, bad."""
ALIKE_BEFORE = 0.9
"""Mean cosine between what two samples bring to a layer, from which it decides for both alike."""
_BEHIND_SHORTCUT = ".tail."
"""In the names of modules of our networks: what runs behind the addition of a shortcut."""
_MEAN_FAR_OUT = 2.0
"""A mean of z that is so many standard deviations from 0 puts all units on one side."""


def check_saturation(case: Case) -> Iterator[Finding]:
    """Find outputs in the flat part of the activation, which alone never stop training."""
    share = case.layers.get_numbers("saturated")
    beyond = share > SATURATED_SHARE
    if not beyond.any():
        return
    numbers, worst = case.layers["layer"], int(np.nanargmax(share))
    values = _list_values(case, share, SATURATED_SHARE)
    evidence = (
        Text("In {layers} {share} of the outputs are saturated.", **values)
        if beyond.sum() == 1
        else Text(
            "Up to {share} of the outputs are saturated (layer {worst}), in {layers} more than "
            "{limit}.",
            **values,
        )
    )
    first = int(numbers[beyond][0])
    reason = _explain_saturated(case, worst)
    yield Finding(Severity.NOTE, Verdict.SATURATED, evidence, reason, first)


def _list_values(case: Case, share: npt.NDArray[np.float64], limit: float) -> dict[str, Value]:
    """List what is said of the layers whose share is beyond a limit, and of the largest share."""
    numbers, worst = case.layers["layer"], int(np.nanargmax(share))
    return {
        "share": format_share(share[worst]),
        "worst": name_row(int(numbers[worst]), case.modules),
        "layers": name_layers(numbers[share > limit].tolist(), case.modules),
        "limit": format_share(limit),
    }


def _explain_saturated(case: Case, row: int) -> Text:
    mean, std = _measure_activation_input(case, row)
    if math.isnan(mean):
        return Text(
            "What a branch and its shortcut add up to reaches beyond the part of the activation "
            "that has a slope; smaller weights or a smaller branch scale narrow it."
        )
    if abs(mean) > _MEAN_FAR_OUT * std:
        return Text(
            "What enters the activation lies far out, around {mean} with a standard deviation of "
            "{std}: a mean that inputs or biases bring in, not a spread that is too wide.",
            mean=format_number(mean),
            std=format_number(std),
        )
    return Text(
        "What enters the activation spreads to a standard deviation of {std}, beyond the part that "
        "has a slope; smaller weights or a normalization before it narrow it.",
        std=format_number(std),
    )


def _measure_activation_input(case: Case, row: int) -> tuple[float, float]:
    """Return mean and standard deviation of what a layer's activation sees; NaN if unknown.

    That is what the module before it gives out: the layer, its normalization, or a block. Behind a
    residual block the shortcut is added in between, and the sum is not recorded.
    """
    signals = case.signals
    rows = np.flatnonzero(signals["layer"] == case.numbers[row]).tolist()
    kinds = [str(signals["kind"][r]) for r in rows]
    if "activation" not in kinds[1:]:
        z = [case.layers.get_numbers(f"preactivation_{name}")[row] for name in ("mean", "std")]
        return float(z[0]), float(z[1])
    before = rows[kinds.index("activation", 1) - 1]
    if _BEHIND_SHORTCUT in str(signals["module"][before + 1]):
        return math.nan, math.nan
    return float(signals.get_numbers("mean")[before]), float(signals.get_numbers("std")[before])


def check_dead_units(case: Case) -> Iterator[Finding]:
    """Find units whose slope is 0 for every sample of a batch that is large enough."""
    samples = str(case.signals["shape"][0]).split("×")[0]
    if samples.isdigit() and int(samples) < ENOUGH_SAMPLES:
        return
    if case.dead_layer is not None and not case.underflowing:
        return  # it was said of the gradient
    share = case.report.dead_unit_share()
    if len(share) > 1:
        share[-1] = math.nan  # an activation on the readout is judged as such
    beyond = share > DEAD_SHARE
    if not beyond.any():
        return
    numbers, worst = case.layers["layer"], int(np.nanargmax(share))
    values = _list_values(case, share, DEAD_SHARE)
    evidence = (
        Text(
            "In {layers} {share} of the units are dead: their slope is 0 for every sample of the "
            "batch, so they pass no gradient on.",
            **values,
        )
        if beyond.sum() == 1
        else Text(
            "Up to {share} of the units are dead (layer {worst}): their slope is 0 for every "
            "sample of the batch, so they pass no gradient on; in {layers} more than {limit} are.",
            **values,
        )
    )
    severity = Severity.WARNING if share[worst] > OFTEN_DEAD_SHARE else Severity.NOTE
    reason = explain_dead(case, int(numbers[worst]))
    yield Finding(severity, Verdict.DEAD, evidence, reason, int(numbers[beyond][0]))


def explain_dead(case: Case, layer: int) -> Text:
    """Say why units of a layer are dead, by the mean and spread of its pre-activations."""
    row = case.numbers.index(layer)
    mean, std = _measure_activation_input(case, row)
    if not math.isfinite(mean + std):
        return EMPTY
    if mean == 0 == std:
        return _explain_zero(case, layer)
    cosine = np.nanmax(case.similarity[:row], initial=_find_input_cosine(case))
    if mean < -std:
        template = N_(
            "Their pre-activations lie below 0, around {mean} with a standard deviation of {std}: "
            "a large negative bias, or a large mean of what comes in."
        )
    elif mean <= std and cosine > ALIKE_BEFORE:
        template = N_(
            "Where all inputs have become alike, a unit is on for all of them or off for all of "
            "them."
        )
    elif mean <= std and _is_off_below_zero(case, row):
        template = N_(
            "Their pre-activation is negative for every sample, although that of the layer as a "
            "whole is not (mean {mean}, standard deviation {std}): what tells the samples apart is "
            "smaller than what they share."
        )
    else:
        template = N_(
            "For every sample they lie where the activation is flat; what enters it has a mean of "
            "{mean} and a standard deviation of {std} in this layer."
        )
    return Text(template, mean=format_number(mean), std=format_number(std))


def _explain_zero(case: Case, layer: int) -> Text:
    weight = case.report.histograms.get(("weight", layer))
    if weight is not None and weight.zeros == weight.total:
        return Text(
            "Their weights are all 0, and so is their pre-activation, where the slope is 0."
        )
    return Text("Their pre-activation is exactly 0, where the slope is 0: nothing comes in.")


def _find_input_cosine(case: Case) -> float:
    inputs = case.facts.inputs
    if inputs is None or math.isnan(inputs.similarity) or case.layers["fan_in"][0] < 2:
        return -math.inf
    return inputs.similarity


def _is_off_below_zero(case: Case, row: int) -> bool:
    """Tell whether units of a layer can be dead as those of a ReLU are: by negative z alone."""
    known = case.report.histograms.get(("preactivation", case.numbers[row]))
    rows = case.signals["layer"] == case.numbers[row]
    rows &= case.signals["kind"] == "activation"
    if known is None or not known.total or not rows.any():
        return False
    negative = (float(known.counts[known.edges[1:] <= 0].sum()) + known.zeros) / known.total
    low, high = (float(case.signals.get_numbers(name)[rows][0]) for name in ("min", "max"))
    is_clipped = high < known.edges[-1] * (1 - 1e-3)
    return low == 0 and not is_clipped and negative >= case.report.dead_unit_share()[row]


def check_collapse(case: Case) -> Iterator[Finding]:
    """Find hidden layers in which the activations of all samples point the same way."""
    alike = case.judged_similarity
    beyond = alike > ALIKE_COSINE
    if not beyond.any():
        return
    worst, start = int(np.nanargmax(alike)), int(np.flatnonzero(np.isfinite(alike))[0])
    values: dict[str, Value] = {
        "cosine": _format_cosine(alike[worst]),
        "worst": case.numbers[worst],
        "first": _format_cosine(alike[start]),
        "start": case.numbers[start],
    }
    evidence = (
        Text(
            "The inputs become alike: the mean cosine between the activations of two samples "
            "reaches {cosine} (layer {worst}), from {first} in layer {start}.",
            **values,
        )
        if _count_passed(alike[worst]) > _count_passed(alike[start])
        else Text(
            "The samples are alike from the start: the mean cosine between the activations of two "
            "of them is {first} in layer {start}.",
            **values,
        )
    )
    severity = case.soften(_judge_cosine(float(alike[worst])))
    few = case.report.dead_unit_share()[worst] > OFTEN_DEAD_SHARE
    if severity is Severity.BAD and (few or case.starts_small):
        # Few units are left to differ, and what they say may do; a small embedding grows.
        severity = Severity.WARNING
    layer = case.numbers[int(np.flatnonzero(beyond)[0])]
    yield Finding(severity, Verdict.COLLAPSED, evidence, _explain_collapsed(case), layer)


def _count_passed(cosine: float) -> int:
    """Count the limits that a cosine is beyond."""
    return sum(cosine > limit for limit in (ALIKE_COSINE, NEARLY_EQUAL_COSINE, EQUAL_COSINE))


def _judge_cosine(cosine: float) -> Severity:
    if cosine > EQUAL_COSINE:
        return Severity.BAD
    return Severity.WARNING if cosine > NEARLY_EQUAL_COSINE else Severity.NOTE


def _explain_collapsed(case: Case) -> Text:
    inputs, network = case.facts.inputs, case.network
    if inputs is not None and inputs.similarity > 0.9:
        return Text(
            "The inputs themselves are alike: two of them have a cosine of {cosine}.",
            cosine=_format_cosine(inputs.similarity),
        )
    if network is not None and network.activation is Activation.LINEAR:
        return Text(
            "A product of many matrices turns all inputs towards its largest singular vector."
        )
    mean = case.layers.get_numbers("activation_mean")[:-1]
    rms = case.layers.get_numbers("activation_rms")[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: npt.NDArray[np.float64] = np.abs(mean) / rms
    known = ratios[np.isfinite(ratios)]
    offset = float(np.median(known)) if len(known) else 0.0
    if offset > 0.4:
        return Text(
            "Every layer adds the same positive mean to all samples ({offset} of the RMS), which "
            "outweighs what tells them apart.",
            offset=f"{offset:.0%}",
        )
    return Text("Every layer shrinks the differences between samples more than the signal itself.")


def _format_cosine(value: float) -> str:
    """Write a cosine; near 1 it is the distance from 1 that matters."""
    return f"1 − {format_number(1 - value)}" if 0.999 < value < 1 else format_number(value)
