"""How uneven a gradient is over the hidden layers, whatever the scale of the loss."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gradflow.core.report import Report
from gradflow.core.verdict import STEADY_FACTOR, decay


def hidden_norms(report: Report) -> npt.NDArray[np.float64]:
    """‖δ_l‖ = ‖∂L/∂z_l‖ of the hidden layers, from the input side; without the readout's."""
    return report.layers["delta_norm"].to_numpy(np.float64)[:-1]


def unevenness(report: Report) -> float:
    """Decades between the largest and the smallest ‖δ_l‖ of the hidden layers.

    log10(max ‖δ_l‖ / min ‖δ_l‖): 0 if flat, or if there is no hidden layer; infinite if some
    ‖δ_l‖ is 0, infinite or NaN.
    """
    norms = hidden_norms(report)
    if not len(norms):
        return 0.0
    if not lost(report):
        return float(np.ptp(np.log10(norms)))
    return math.inf


def lost(report: Report) -> bool:
    """Whether ‖δ_l‖ is 0, infinite or NaN in some hidden layer."""
    norms = hidden_norms(report)
    return not bool((np.isfinite(norms) & (norms > 0)).all())


def factor(report: Report) -> float:
    """The factor per layer of ‖δ‖ on its way back (``diagnosis.decay``), NaN if unknown."""
    found = decay(report)
    return math.nan if found is None else found.factor


def trend(report: Report) -> float:
    """The factor per layer where the gradient is in trouble, else 1.

    Below 1 it vanishes, above 1 it explodes, by the bounds of ``diagnosis``. 0: nothing is left
    of it; ∞: it is not finite and tells no factor.
    """
    found = decay(report)
    if not np.isfinite(hidden_norms(report)).all():
        return found.factor if found is not None and found.factor > 1 else math.inf
    if found is None:
        return 0.0 if lost(report) else 1.0
    if lost(report):
        return min(found.factor, 1 / STEADY_FACTOR)
    return 1.0 if found.steady else found.factor


def saturated_share(report: Report) -> float:
    """Mean share of saturated units over the hidden layers; 0 where the notion does not apply."""
    shares = report.layers["saturated"].to_numpy(np.float64)[:-1]
    return float(np.nanmean(shares)) if np.isfinite(shares).any() else 0.0
