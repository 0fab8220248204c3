"""The decay of the gradient: how its size changes from layer to layer on its way back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradflow.core.report import Report

STEADY_FACTOR, STEADY_RATIO, SMALL_RATIO = 1.18, 100.0, 3.0
"""A gradient is steady if it changes by less than the first per layer and by less than the second
in all, or by less than the third in all."""
FEWEST_BRANCHES = 3
"""With fewer branches than that, the decay along a residual stream cannot be judged."""


@dataclass(frozen=True)
class Decay:
    """How ‖δ‖ changes from layer to layer on its way back.

    Attributes:
        factor: ``exp`` of minus the slope of a straight line fitted to log ‖δ_l‖ over the hidden
            layers: below 1 the gradient shrinks on its way to the input.
        first, last: the outermost hidden layers whose ‖δ‖ is positive and finite.
        log_ratio: ln ‖δ_first‖ / ‖δ_last‖.
        rows: what is numbered: ``layer``, or ``branch`` if this is the decay of ‖∂L/∂h‖ along a
            residual stream.
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
    def is_steady(self) -> bool:
        """Whether the gradient keeps its size: little change per layer, or little in all."""
        per_layer = max(self.factor, 1 / self.factor)
        return self.change < SMALL_RATIO or (
            per_layer < STEADY_FACTOR and self.change < STEADY_RATIO
        )


def fit_judged_decay(report: Report) -> Decay | None:
    """Fit the decay to judge: from branch to branch of a residual stream if there is one.

    Layers within a block differ in kind, and so do their ‖δ‖; the gradient that passes from block
    to block does not. ``None`` as for ``fit_decay``.
    """
    stream = report.stream
    if stream is not None:
        points = stream.get_table("layers")
        number = points["layer"]
        branches = number > 0
        usable = branches & _mark_usable(points.get_numbers("activation_grad_norm"))
        if branches.sum() >= FEWEST_BRANCHES and usable.sum() >= 2:
            norm = points.get_numbers("activation_grad_norm")[usable]
            return _fit(number[usable], norm, "branch")
    return fit_decay(report)


def fit_decay(report: Report) -> Decay | None:
    """Fit the decay of ‖δ‖ over the hidden layers; ``None`` with fewer than two usable layers."""
    layers = report.get_table("layers")
    norm = layers.get_numbers("delta_norm")
    usable = _mark_usable(norm)
    number = layers["layer"]
    if usable.sum() < 2:
        return None
    # The readout's δ comes straight from the loss; it follows no law of the layers before it.
    hidden = usable & (number < number[-1])
    if hidden.sum() < 2:
        hidden = usable
    return _fit(number[hidden], norm[hidden], "layer")


def _mark_usable(norm: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    usable: npt.NDArray[np.bool_] = np.isfinite(norm) & (norm > 0)
    return usable


def _fit(number: npt.NDArray[np.int_], norm: npt.NDArray[np.float64], rows: str) -> Decay:
    log_norm = np.log(norm)
    slope = np.polyfit(number, log_norm, 1)[0]
    log_ratio = float(log_norm[0] - log_norm[-1])
    return Decay(_exp(-slope), int(number[0]), int(number[-1]), log_ratio, rows)


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf
