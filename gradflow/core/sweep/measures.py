"""What a sweep keeps of each network: a few numbers, the fate of its gradient, and its course."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gradflow.core.catalog import DTYPES
from gradflow.core.decay import Decay, fit_judged_decay
from gradflow.core.diagnosis.case import UNDERFLOW_RMS
from gradflow.core.diagnosis.fate import name_fate
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import N_
from gradflow.core.verdict import Verdict

FloatArray = npt.NDArray[np.float64]
MOST_ERROR = 1e-3
"""Relative error of a gradient from which its number format is not to be trusted."""
_LEAST_GROWTH = 10.0
"""Growth of errors that every format may have, also those that begin with fewer digits."""


class Fate(StrEnum):
    """What happens to the gradient of a network on its way back."""

    HEALTHY = "healthy"
    VANISHING = "vanishing"
    EXPLODING = "exploding"
    UNEVEN = "uneven"
    ZERO = "zero"
    NOT_FINITE = "not_finite"
    UNKNOWN = "unknown"
    IMPOSSIBLE = "impossible"


FATES: dict[str, str] = {
    Fate.HEALTHY: N_("The gradient keeps its size."),
    Fate.VANISHING: N_("The gradient vanishes."),
    Fate.EXPLODING: N_("The gradient explodes."),
    Fate.UNEVEN: N_("The gradient is uneven, although its ends are alike."),
    Fate.ZERO: N_("The gradient is exactly 0 in a layer."),
    Fate.NOT_FINITE: N_("The gradient or the loss is not finite."),
    Fate.UNKNOWN: N_("There are no two layers to compare."),
    Fate.IMPOSSIBLE: N_("These settings are not possible together."),
}
"""What each fate says of a network."""


@dataclass(frozen=True)
class Measure:
    """A column of numbers of a sweep.

    Attributes:
        label: its name for people.
        help: what it is.
        logarithmic: whether it spans decades.
    """

    label: str
    help: str
    logarithmic: bool = False


MEASURES: dict[str, Measure] = {
    "first_gradient": Measure(
        N_("Gradient at the first layer"),
        N_("‖δ‖ of the first layer, divided by that of the readout."),
        logarithmic=True,
    ),
    "largest_change": Measure(
        N_("Largest change of the gradient"),
        N_("The largest ‖δ‖ divided by the smallest, of the layers that are compared."),
        logarithmic=True,
    ),
    "factor": Measure(
        N_("Factor per layer"),
        N_("By what ‖δ‖ is multiplied from layer to layer on its way back."),
        logarithmic=True,
    ),
    "saturated": Measure(
        N_("Saturated"), N_("Share of activations in the flat part, mean of the hidden layers.")
    ),
    "dead": Measure(N_("Dead units"), N_("Share of dead units, mean of the hidden layers.")),
    "similarity": Measure(
        N_("Similarity of samples"),
        N_("Mean cosine between two samples in the last hidden layer; 1: all are alike."),
    ),
    "loss": Measure(N_("Loss"), N_("The loss at the start."), logarithmic=True),
}
"""The numbers of a network, in their order."""


@dataclass(frozen=True, eq=False)
class Course:
    """The layers of one network, from the input side, as arrays ``(layers,)``.

    Attributes:
        loss: as in a report.
        delta_norm, delta_rms: of ∂L/∂z.
        activation_rms: of the layer's output.
        similarity: mean cosine between two samples.
        saturated, dead: shares; NaN where the notion does not apply.
        decay: the course that is judged; ``None`` with fewer than two layers to compare.
    """

    loss: float
    delta_norm: FloatArray
    delta_rms: FloatArray
    activation_rms: FloatArray
    similarity: FloatArray
    saturated: FloatArray
    dead: FloatArray
    decay: Decay | None

    @classmethod
    def from_report(cls, report: Report) -> Course:
        """Take it from the report of a network that ran alone."""
        layers = report.get_table("layers")
        names = ("delta_norm", "delta_rms", "activation_rms", "similarity", "saturated")
        return cls(
            loss=report.loss,
            **{name: layers.get_numbers(name) for name in names},
            dead=report.dead_unit_share(),
            decay=fit_judged_decay(report),
        )


def measure(course: Course, experiment: Experiment) -> dict[str, Any]:
    """Measure a network: the columns ``MEASURES``, ``verdict``, ``precise`` and ``profile``.

    ``profile`` is log₁₀ of the RMS of ∂L/∂z of each layer, −∞ where it is 0. ``precise`` says
    whether the number format is to be trusted: rounding grows from layer to layer by as much as
    ‖δ‖ does beyond the signal itself; a gradient that underflows or overflows is lost.
    """
    delta, hidden = course.delta_norm, slice(None, max(len(course.delta_norm) - 1, 1))
    decay = course.decay
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        first = float(delta[0] / delta[-1])
        profile = np.log10(course.delta_rms)
    return {
        "first_gradient": first,
        "largest_change": math.nan if decay is None else decay.span,
        "factor": math.nan if decay is None else decay.factor,
        "saturated": _average(course.saturated[hidden]),
        "dead": _average(course.dead[hidden]),
        "similarity": float(course.similarity[hidden][-1]),
        "loss": course.loss,
        "verdict": str(_find_fate(course)),
        "precise": _is_precise(course, experiment),
        "profile": [round(float(value), 4) for value in profile],
    }


def _average(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _find_fate(course: Course) -> Fate:
    if not (np.isfinite(course.delta_norm).all() and math.isfinite(course.loss)):
        return Fate.NOT_FINITE
    if (course.delta_norm == 0).any():
        return Fate.ZERO
    if course.decay is None:
        return Fate.UNKNOWN
    return Fate(Verdict.HEALTHY if course.decay.is_steady else name_fate(course.decay))


def _is_precise(course: Course, experiment: Experiment) -> bool:
    """Say whether rounding leaves three digits of the first layer's gradient, or nearly all."""
    numbers = torch.finfo(DTYPES[experiment.dtype].dtype)
    if not np.isfinite(course.delta_norm).all():
        return False
    smallest = UNDERFLOW_RMS * numbers.smallest_normal / experiment.loss_scale
    # Where no gradient is that small, one that is exactly 0 has not underflown: weights are 0.
    known = course.delta_rms > 0
    if (course.delta_rms[known] < smallest).any():
        return False
    if len(known) < 3 or not known[[0, -2]].all():
        return True
    signal = course.activation_rms[-2] / max(course.activation_rms[0], 1e-300)
    growth = course.delta_norm[0] / course.delta_norm[-2] / max(signal, 1e-300)
    return bool(growth < max(MOST_ERROR / numbers.eps, _LEAST_GROWTH))
