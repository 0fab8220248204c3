"""The verdicts, the decay of a gradient, and how numbers are written in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gradflow.core.report import Report
from gradflow.core.text import _

STEADY_FACTOR, STEADY_RATIO, SMALL_RATIO = 1.18, 100.0, 3.0
"""A gradient is steady if it changes by less than the first per layer and by less than the second
in all, or by less than the third in all."""
FEWEST_BRANCHES = 3
"""A residual stream of fewer has no course to judge."""
NOTICED = 10.0
"""A gradient that changes by more in all does not keep its size, however gently it changes."""


class Verdict(StrEnum):
    """What can be said of a network; the codes stand in the addresses of lessons."""

    HEALTHY = "healthy"
    VANISHING = "vanishing"
    EXPLODING = "exploding"
    SATURATED = "saturated"
    DEAD = "dead"
    COLLAPSED = "collapsed"
    SYMMETRIC = "symmetric"
    UNDERFLOW = "underflow"
    OVERFLOW = "overflow"


@dataclass(frozen=True)
class Decay:
    """How ‖δ‖ changes from layer to layer on its way back.

    Attributes:
        factor: ``exp`` of minus the slope of a straight line fitted to log ‖δ_l‖ over the hidden
            layers: below 1 the gradient shrinks on its way to the input.
        first, last: the outermost hidden layers whose ‖δ‖ is positive and finite.
        log_ratio: ln ‖δ_first‖ / ‖δ_last‖.
        rows: what is numbered: layers, or the branches of a residual stream, whose ‖∂L/∂h‖ it
            is then about.
    """

    factor: float
    first: int
    last: int
    log_ratio: float
    rows: str = "layer"

    @property
    def ratio(self) -> float:
        """‖δ_first‖ / ‖δ_last‖; 0 or infinite beyond the range of float64."""
        return _exp(self.log_ratio)

    @property
    def change(self) -> float:
        """The ratio or its inverse, whichever is above 1."""
        return _exp(abs(self.log_ratio))

    @property
    def steady(self) -> bool:
        """Whether the gradient keeps its size: little change per layer, or little in all."""
        per_layer = max(self.factor, 1 / self.factor)
        return self.change < SMALL_RATIO or (
            per_layer < STEADY_FACTOR and self.change < STEADY_RATIO
        )


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf


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
    return Decay(_exp(-slope), int(first), int(last), float(log_norm[0] - log_norm[-1]))


def course(report: Report) -> Decay | None:
    """The decay to judge: from branch to branch of a residual stream if there is one.

    Layers within a block differ in kind, and their ‖δ‖ with them; what passes the blocks does not.
    """
    stream = report.stream
    if stream is None:
        return decay(report)
    branches = stream.layers[stream.layers["layer"] > 0]
    if len(branches) < FEWEST_BRANCHES:
        return decay(report)
    norm = branches["activation_grad_norm"].to_numpy(float)
    usable = np.isfinite(norm) & (norm > 0)
    if usable.sum() < 2:
        return decay(report)
    number, log_norm = branches["layer"].to_numpy(int)[usable], np.log(norm[usable])
    slope = np.polyfit(number, log_norm, 1)[0]
    return Decay(
        _exp(-slope), int(number[0]), int(number[-1]), float(log_norm[0] - log_norm[-1]), "branch"
    )


def layer_range(layers: list[int]) -> str:
    """``layer 3``, ``layers 3 to 7`` or ``layers 3, 5, 9``; a long list is cut."""
    if len(layers) == 1:
        return _("layer {n}").format(n=layers[0])
    if layers == list(range(layers[0], layers[-1] + 1)):
        return _("layers {first} to {last}").format(first=layers[0], last=layers[-1])
    listed = ", ".join(map(str, layers[:6]))
    if len(layers) > 6:
        return _("{n} layers ({list}, …)").format(n=len(layers), list=listed)
    return _("layers {list}").format(list=listed)


def per_row(factor: float) -> str:
    """A factor that is taken again and again: near 1 its third digit counts."""
    return f"{factor:.3g}" if 0.9 < factor < 1.1 else digits(factor)


def digits(value: float) -> str:
    """Two digits, written as people write them: 0.24, 9,000, 4.3e-15."""
    if 1e-3 <= abs(value) < 1e6:
        rounded = float(f"{value:.2g}")
        return f"{rounded:,.0f}" if abs(rounded) >= 10 else f"{rounded:g}"
    mantissa, _e, exponent = f"{value:.2g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
