"""What happened to signal and gradient: verdicts with their evidence in numbers.

Everything here is free of scale: multiplying the loss by a constant changes no verdict but those
on underflow and overflow, which are about the number format.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gradflow.core.catalog import Connection, Downsampling, Normalization, NormPosition
from gradflow.core.causes import cause, experiment_of
from gradflow.core.experiment import ConvNet, LayerSettings
from gradflow.core.report import Quantity, Report
from gradflow.core.text import _
from gradflow.core.verdict import (
    NOTICED,
    STEADY_RATIO,
    Decay,
    Verdict,
    course,
    digits,
    layer_range,
    per_row,
)

SEVERE_RATIO = 1e4
"""Total change, either way, from which the gradient's fate is a problem whatever the depth."""
SATURATED, BADLY_SATURATED = 0.3, 0.6
"""Share of a layer's outputs in the flat part of the activation."""
DEAD, BADLY_DEAD, ENOUGH_SAMPLES = 0.1, 0.5, 16
"""Share of dead units; in fewer samples than that, a unit is off in all of them by chance."""
ALIKE, INDISTINGUISHABLE = 0.95, 0.999
"""Mean cosine between the activations of two samples."""
UNDERFLOW_SHARE = 0.01
"""Share of subnormal entries from which a layer is said to underflow; tails reach there earlier."""


class Severity(StrEnum):
    """How a finding is shown."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """A verdict on a report.

    Attributes:
        severity: how bad it is.
        verdict: which one; ``None`` if nothing could be judged.
        text: what happened, with the numbers that show it.
        cause: why, tied to the setting where it is known; may be empty.
        layer: the first bad layer, seen in the direction in which it goes wrong.
    """

    severity: Severity
    verdict: Verdict | None
    text: str
    cause: str = ""
    layer: int | None = None


def findings(report: Report) -> list[Finding]:
    """What a reader should know: first the gradient's fate, then what else is wrong."""
    if report.layers.empty:
        return [Finding(Severity.NOTE, None, _("No layer with weights was recorded."))]
    if _averaged_away(report):
        text = _("No gradient arrives below the readout: what is drawn there is rounding error. "
                 "The readout sees each channel's mean over its pixels; the normalization right "
                 "before it has made these means 0: the output is the same for every input. Put "
                 "the normalization before the activation.")  # fmt: skip
        return [Finding(Severity.BAD, Verdict.VANISHING, text)]
    problems = (_overflow, _lost, _symmetric, _saturated, _dead, _collapsed)
    found = [*_fate(report), *(finding for check in problems for finding in check(report))]
    if not found:
        text = _("There is no gradient to judge.")
        found = [Finding(Severity.NOTE, None, text)]
    return found


def _averaged_away(report: Report) -> bool:
    """Whether a norm over the pixels of single channels stands right before their mean."""
    experiment = experiment_of(report)
    network = experiment and experiment.network
    if not isinstance(network, ConvNet) or network.norm_position is not NormPosition.AFTER:
        return False
    if network.connection is Connection.DENSE and network.downsampling is not Downsampling.NONE:
        return False  # the images of earlier stages are averaged after they were pooled
    return network.normalization is Normalization.INSTANCE or (
        network.normalization is Normalization.GROUP
        and all(width == network.groups for width in network.hidden_widths)
    )


def _fate(report: Report) -> Iterator[Finding]:
    found = course(report)
    if found is None:
        return
    if found.ratio <= 1:
        where = _("at {row} {first} it is {ratio} of what it was at {row} {last}")
    else:
        where = _("at {row} {first} it is {ratio} times what it was at {row} {last}")
    words = {
        "row": _("layer") if found.rows == "layer" else _("branch"),
        "factor": per_row(found.factor),
    }
    words["where"] = where.format(
        first=found.first, ratio=digits(found.ratio), last=found.last, **words
    )
    if found.steady:
        verdict, severity, layer = Verdict.HEALTHY, Severity.GOOD, None
        if found.change < NOTICED:
            text = _("The gradient keeps its size on its way back (factor {factor} per {row}); "
                     "{where}.")  # fmt: skip
        else:
            text = _("The gradient changes only gently on its way back (factor {factor} per "
                     "{row}); {where}.")  # fmt: skip
    else:
        severity = Severity.BAD if found.change > SEVERE_RATIO else Severity.NOTE
        layer = _first_beyond(report, found)
        if found.factor < 1:
            verdict = Verdict.VANISHING
            text = _("The gradient shrinks by a factor {factor} per {row} on its way back; "
                     "{where}.")  # fmt: skip
        else:
            verdict = Verdict.EXPLODING
            text = _("The gradient grows by a factor {factor} per {row} on its way back; {where}.")
    yield Finding(severity, verdict, text.format(**words), cause(verdict, report), layer)


def _first_beyond(report: Report, found: Decay) -> int | None:
    """The first layer, on the way back, whose ‖δ‖ has changed by ``STEADY_RATIO``."""
    if found.rows != "layer":
        return None
    layers = report.layers[report.layers["layer"] <= found.last]
    norm = layers["delta_norm"].to_numpy(float)[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.abs(np.log(norm) - np.log(norm[0])) > math.log(STEADY_RATIO)
    return int(layers["layer"].to_numpy()[::-1][beyond][0]) if beyond.any() else None


def _overflow(report: Report) -> Iterator[Finding]:
    signals = report.signals
    for column, text in (
        ("nonfinite", _("The forward signal overflows {dtype}: {n} of its entries are infinite or "
                        "not a number, first in layer {layer}.")),
        ("grad_nonfinite", _("The gradient overflows: {n} entries are infinite or not a number, "
                             "on the way back first in layer {layer}.")),
    ):  # fmt: skip
        rows = signals[signals[column] > 0]
        if len(rows):
            layer = int(rows["layer"].iloc[0 if column == "nonfinite" else -1])
            count = f"{int(rows[column].sum()):,}"
            said = text.format(dtype=report.dtype, n=count, layer=layer)
            why = cause(Verdict.OVERFLOW, report)
            yield Finding(Severity.BAD, Verdict.OVERFLOW, said, why, layer)


def _lost(report: Report) -> Iterator[Finding]:
    """Underflow, and gradients that are zero although nothing underflowed."""
    numbers = [int(n) for n in report.layers["layer"]]
    small = [n for n in numbers if _subnormal_share(report, n) > UNDERFLOW_SHARE]
    gone = [n for n in numbers if _all_zero(report, n)]
    if small:
        text = _(
            "Underflow: from layer {layer} back, gradients come below {tiny}, the smallest normal "
            "{dtype} number{scaled}; there they lose digits and then become exactly 0."
        ).format(
            layer=max(small),
            tiny=digits(report.smallest_normal),
            dtype=report.dtype,
            scaled=_(" at this loss scale") if report.loss_scale != 1 else "",
        )
        if gone:
            text += " " + _("No gradient at all is left in {layers}.").format(
                layers=layer_range(gone)
            )
        why = cause(Verdict.UNDERFLOW, report)
        yield Finding(Severity.BAD, Verdict.UNDERFLOW, text, why, max(small))
    elif gone:
        experiment = experiment_of(report)
        network = experiment and experiment.network
        if isinstance(network, LayerSettings) and network.zero_last:
            yield Finding(Severity.NOTE, Verdict.HEALTHY, _closed_branches(gone))
            return
        text = _(
            "The gradient is exactly 0 in {layers}, without underflow: a weight or slope on its "
            "way back is 0."
        ).format(layers=layer_range(gone))
        yield Finding(Severity.BAD, Verdict.VANISHING, text, layer=max(gone))


def _closed_branches(layers: list[int]) -> str:
    return _(
        "In {layers} the gradient is exactly 0, because the last weight of each branch starts at 0 "
        "and the shortcut carries everything; the first step opens the branches."
    ).format(layers=layer_range(layers))


def _subnormal_share(report: Report, layer: int) -> float:
    """The larger share of subnormal entries in the layer's ∂L/∂z and ∂L/∂a."""
    quantities: tuple[Quantity, ...] = ("delta", "activation_grad")
    found = [report.histograms[q, layer] for q in quantities if (q, layer) in report.histograms]
    return max((h.subnormal / h.total for h in found if h.total), default=0.0)


def _all_zero(report: Report, layer: int) -> bool:
    delta = report.histograms.get(("delta", layer))
    return delta is not None and delta.zeros == delta.total > 0


def _symmetric(report: Report) -> Iterator[Finding]:
    """Layers whose units have equal weights on both sides: nothing will ever tell them apart."""
    layers, blocks = report.layers, set(report.signals["layer"][report.signals["kind"] == "block"])
    numbers = [int(n) for n in layers["layer"]]
    equal = [n for n in numbers if _all_equal(report, n)]
    same = [
        n
        for n, units in zip(numbers, layers["fan_out"], strict=True)
        # A shortcut brings units that differ, whatever the weights of its branch.
        if units > 1 and n in equal and n + 1 in equal and n not in blocks
    ]
    if not same:
        return
    zero = all(report.histograms["weight", n].zeros for n in same)
    text = _("All weights of {layers} are {value}: their units are copies of each other.").format(
        layers=layer_range(same), value=_("0") if zero else _("equal")
    )
    why = cause(Verdict.SYMMETRIC, report)
    yield Finding(Severity.BAD, Verdict.SYMMETRIC, text, why, same[0])


def _all_equal(report: Report, layer: int) -> bool:
    weight = report.histograms.get(("weight", layer))
    return weight is not None and len(weight.counts) == 1 and weight.nonfinite == 0


def _saturated(report: Report) -> Iterator[Finding]:
    share = report.layers["saturated"].to_numpy(float)
    text = _(
        "Up to {share} of the outputs are saturated (layer {worst}), in {layers} more than {limit}."
    )
    yield from _widespread(report, share, (SATURATED, BADLY_SATURATED), Verdict.SATURATED, text)


def _dead(report: Report) -> Iterator[Finding]:
    first = report.signals["shape"].iloc[0].split("×")[0]
    if first.isdigit() and int(first) < ENOUGH_SAMPLES:
        return
    share = report.dead_unit_share()
    text = _(
        "Up to {share} of the units are dead (layer {worst}): their slope is 0 for every sample of "
        "the batch, so they pass no gradient on; in {layers} more than {limit} are."
    )
    yield from _widespread(report, share, (DEAD, BADLY_DEAD), Verdict.DEAD, text)


def _widespread(
    report: Report,
    share: np.ndarray[tuple[int], np.dtype[np.float64]],
    limits: tuple[float, float],
    verdict: Verdict,
    text: str,
) -> Iterator[Finding]:
    beyond = share > limits[0]
    if not beyond.any():
        return
    numbers = report.layers["layer"].to_numpy(int)
    worst = int(np.nanargmax(share))
    severity = Severity.BAD if share[worst] > limits[1] else Severity.NOTE
    text = text.format(
        share=f"{share[worst]:.0%}",
        worst=numbers[worst],
        layers=layer_range(numbers[beyond].tolist()),
        limit=f"{limits[0]:.0%}",
    )
    yield Finding(severity, verdict, text, cause(verdict, report), int(numbers[beyond][0]))


def _collapsed(report: Report) -> Iterator[Finding]:
    hidden = report.layers.iloc[:-1]
    alike = hidden["similarity"].to_numpy(float)
    beyond = alike > ALIKE
    if not len(hidden) or not beyond.any():
        return
    worst, numbers = int(np.nanargmax(alike)), hidden["layer"].to_numpy(int)
    text = _(
        "The inputs become alike: the mean cosine between the activations of two samples reaches "
        "{cosine} (layer {worst}), from {first} in layer {start}."
    ).format(
        cosine=_cosine(alike[worst]),
        worst=numbers[worst],
        first=_cosine(alike[0]),
        start=numbers[0],
    )
    severity = Severity.BAD if alike[worst] > INDISTINGUISHABLE else Severity.NOTE
    why = cause(Verdict.COLLAPSED, report)
    yield Finding(severity, Verdict.COLLAPSED, text, why, int(numbers[beyond][0]))


def _cosine(value: float) -> str:
    """Near 1 it is the distance from 1 that matters."""
    return f"1 − {digits(1 - value)}" if 0.999 < value < 1 else f"{value:.3g}"
