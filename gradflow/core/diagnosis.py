"""What happened to the gradient, in numbers and in a plain sentence.

Everything here is free of scale: multiplying the loss by a constant changes no factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gradflow.core.report import Quantity, Report
from gradflow.core.text import _

STEADY_FACTOR, STEADY_RATIO = 1.18, 100.0
"""The gradient is called steady if it changes by less than this per layer, and in all."""
SEVERE_RATIO = 1e4
"""Total change, either way, from which the gradient's fate is a problem whatever the depth."""
UNDERFLOW_SHARE = 0.01
"""Share of subnormal entries from which a layer is said to underflow; tails reach there earlier."""


@dataclass(frozen=True)
class Decay:
    """How ‖δ‖ changes from layer to layer on its way back.

    Attributes:
        factor: ``exp`` of minus the slope of a straight line fitted to log ‖δ_l‖ over the hidden
            layers: below 1 the gradient shrinks on its way to the input.
        first, last: the outermost hidden layers whose ‖δ‖ is positive and finite.
        ratio: ‖δ_first‖ / ‖δ_last‖.
    """

    factor: float
    first: int
    last: int
    ratio: float


class Severity(StrEnum):
    """How a finding is shown."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One sentence about a report."""

    severity: Severity
    text: str


def decay(report: Report) -> Decay | None:
    """The decay of ‖δ‖, or ``None`` with fewer than two usable layers."""
    layers = report.layers
    norm = layers["delta_norm"].to_numpy(float)
    usable = np.isfinite(norm) & (norm > 0)
    number = layers["layer"].to_numpy(int)
    if usable.sum() < 2:
        return None
    # The readout's δ comes straight from the loss; it follows no law of the layers before it.
    hidden = usable & (number < number[-1])
    if hidden.sum() < 2:
        hidden = usable
    log_norm = np.log(norm[hidden])
    slope = np.polyfit(number[hidden], log_norm, 1)[0]
    first, last = number[hidden][0], number[hidden][-1]
    return Decay(math.exp(-slope), int(first), int(last), math.exp(log_norm[0] - log_norm[-1]))


def findings(report: Report) -> list[Finding]:
    """What a reader should know first: the gradient's fate, then what the numbers suffer from."""
    if report.layers.empty:
        return [Finding(Severity.NOTE, _("No layer with weights was recorded."))]
    problems = [*_not_finite(report), *_lost(report)]
    fate = _fate(report)
    return [*([fate] if fate else []), *problems]


def _fate(report: Report) -> Finding | None:
    found = decay(report)
    if found is None:
        return None
    change = max(found.ratio, 1 / found.ratio)
    steady = max(found.factor, 1 / found.factor) < STEADY_FACTOR and change < STEADY_RATIO
    if found.ratio <= 1:
        where = _("at layer {first} it is {ratio} of what it was at layer {last}")
    else:
        where = _("at layer {first} it is {ratio} times what it was at layer {last}")
    where = where.format(first=found.first, ratio=_number(found.ratio), last=found.last)
    if steady:
        text = _(
            "The gradient roughly keeps its size on its way back (factor {factor} per layer); "
            "{where}."
        )
    elif found.factor < 1:
        text = _("The gradient shrinks by a factor {factor} per layer on its way back; {where}.")
    else:
        text = _("The gradient grows by a factor {factor} per layer on its way back; {where}.")
    severity = Severity.GOOD if steady else Severity.BAD if change > SEVERE_RATIO else Severity.NOTE
    return Finding(severity, text.format(factor=_number(found.factor), where=where))


def _not_finite(report: Report) -> list[Finding]:
    found = []
    signals = report.signals
    for column, text in (
        ("nonfinite", _("The forward signal overflows {dtype}: {n} of its entries are infinite or "
                        "not a number, first in layer {layer}.")),
        ("grad_nonfinite", _("The gradient overflows: {n} entries are infinite or not a number, "
                             "on the way back first in layer {layer}.")),
    ):  # fmt: skip
        rows = signals[signals[column] > 0]
        if len(rows):
            layer = rows["layer"].iloc[0 if column == "nonfinite" else -1]
            found.append(Finding(Severity.BAD, text.format(
                dtype=report.dtype, n=f"{int(rows[column].sum()):,}", layer=layer
            )))  # fmt: skip
    return found


def _lost(report: Report) -> list[Finding]:
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
            tiny=_number(report.smallest_normal),
            dtype=report.dtype,
            scaled=_(" at this loss scale") if report.loss_scale != 1 else "",
        )
        if gone:
            text += " " + _("No gradient at all is left in {layers}.").format(layers=_range(gone))
        return [Finding(Severity.BAD, text)]
    if gone:
        text = _(
            "The gradient is exactly 0 in {layers}, without underflow: a weight or slope on its "
            "way back is 0."
        ).format(layers=_range(gone))
        return [Finding(Severity.BAD, text)]
    return []


def _subnormal_share(report: Report, layer: int) -> float:
    """The larger share of subnormal entries in the layer's ∂L/∂z and ∂L/∂a."""
    quantities: tuple[Quantity, ...] = ("delta", "activation_grad")
    found = [report.histograms[q, layer] for q in quantities if (q, layer) in report.histograms]
    return max((h.subnormal / h.total for h in found if h.total), default=0.0)


def _all_zero(report: Report, layer: int) -> bool:
    delta = report.histograms.get(("delta", layer))
    return delta is not None and delta.zeros == delta.total > 0


def _range(layers: list[int]) -> str:
    if len(layers) == 1:
        return _("layer {n}").format(n=layers[0])
    if layers == list(range(layers[0], layers[-1] + 1)):
        return _("layers {first} to {last}").format(first=layers[0], last=layers[-1])
    return _("layers {list}").format(list=", ".join(map(str, layers)))


def _number(value: float) -> str:
    """Two digits, written as people write them: 0.24, 9,000, 4.3e-15."""
    if 1e-3 <= abs(value) < 1e6:
        rounded = float(f"{value:.2g}")
        return f"{rounded:,.0f}" if abs(rounded) >= 10 else f"{rounded:g}"
    mantissa, _e, exponent = f"{value:.2g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
