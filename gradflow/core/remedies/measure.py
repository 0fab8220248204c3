"""How uneven a gradient is over the hidden layers, whatever the scale of the loss."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gradflow.core.decay import fit_decay
from gradflow.core.report import Report

STEADY_DECREASE = 0.1
"""Share of the loss that a step of a good size takes away."""
_LOST_FACTOR = 0.85
"""Factor of a gradient that is lost in some layers, if those that have one show none."""


def measure_unevenness(report: Report) -> float:
    """Count the decades between the largest and the smallest ‖δ_l‖ of the hidden layers.

    log10(max ‖δ_l‖ / min ‖δ_l‖): 0 if flat, or if there is no hidden layer; infinite if some
    ‖δ_l‖ is 0, infinite or NaN.
    """
    norms = _get_hidden_norms(report)
    if not len(norms):
        return 0.0
    if not has_lost_gradient(report):
        return float(np.ptp(np.log10(norms)))
    return math.inf


def measure_factor(report: Report) -> float:
    """Return the factor per layer of ‖δ‖ on its way back (``core.decay``), NaN if unknown."""
    decay = fit_decay(report)
    return math.nan if decay is None else decay.factor


def measure_trend(report: Report) -> float:
    """Return the factor per layer where the gradient is in trouble, else 1.

    Below 1 it vanishes, above 1 it explodes, by the bounds of ``core.decay``. 0: nothing is left
    of the gradient; ∞: it is not finite and has no factor.
    """
    decay = fit_decay(report)
    if not np.isfinite(_get_hidden_norms(report)).all():
        return decay.factor if decay is not None and decay.factor > 1 else math.inf
    if decay is None:
        return 0.0 if has_lost_gradient(report) else 1.0
    if has_lost_gradient(report):
        return min(decay.factor, _LOST_FACTOR)
    return 1.0 if decay.is_steady else decay.factor


def has_lost_gradient(report: Report) -> bool:
    """Whether ‖δ_l‖ is 0, infinite or NaN in some hidden layer."""
    norms = _get_hidden_norms(report)
    return not bool((np.isfinite(norms) & (norms > 0)).all())


def measure_saturated_share(report: Report) -> float:
    """Average the share of saturated units over the hidden layers; 0 if no layer can saturate."""
    shares = report.get_table("layers").get_numbers("saturated")[:-1]
    return float(np.nanmean(shares)) if np.isfinite(shares).any() else 0.0


def find_steady_rate(report: Report) -> float:
    """Find the power of ten next to the rate at which a step lowers the loss by a tenth.

    To first order a step of gradient descent with rate η lowers the loss L by η‖g‖², ‖g‖ over all
    parameters: η = 0.1·L/‖g‖². NaN if loss or gradient is 0 or not finite.
    """
    loss, square = report.loss, report.grad_norm**2
    if not (loss > 0 and square > 0 and math.isfinite(loss) and math.isfinite(square)):
        return math.nan
    return float(10.0 ** round(math.log10(STEADY_DECREASE * loss / square)))


def _get_hidden_norms(report: Report) -> npt.NDArray[np.float64]:
    """Return ‖δ_l‖ = ‖∂L/∂z_l‖ of the hidden layers, from the input side; not the readout's."""
    return report.get_table("layers").get_numbers("delta_norm")[:-1]
