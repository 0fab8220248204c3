"""The gradient before and after clipping, by norm and by value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gradflow.core.errors import InvalidExperiment
from gradflow.core.histogram import FloatArray
from gradflow.core.recurrent.record import compute_sequence_loss, prepare_pass
from gradflow.core.recurrent.spec import SequenceExperiment
from gradflow.core.text import Text

EPSILON = 1e-6
"""Added to the norm before the division, as PyTorch does."""
SWEEP_POINTS = 19


@dataclass(frozen=True, eq=False)
class ClippedGradient:
    """A gradient after one way of clipping.

    Attributes:
        threshold: c.
        norm: ‖g‖ over all parameters afterwards.
        cosine: cosine between the gradients before and after; 1 if the direction is kept, NaN if
            either is zero.
        changed: share of the entries that changed.
        norms: ‖g‖ of each parameter afterwards.
    """

    threshold: float
    norm: float
    cosine: float
    changed: float
    norms: FloatArray


@dataclass(frozen=True, eq=False)
class ClippingReport:
    """A gradient before and after clipping, by norm and by value.

    Attributes:
        names: names of the parameters.
        before: ‖g‖ of each parameter.
        norm: ‖g‖ over all parameters.
        largest: the largest |entry|.
        by_norm: g·min(1, c/(‖g‖ + 1e-6)) (Pascanu et al. 2013; ``clip_grad_norm_``).
        by_value: every entry cut to [−c, c] (``clip_grad_value_``).
    """

    names: Sequence[str]
    before: FloatArray
    norm: float
    largest: float
    by_norm: ClippedGradient
    by_value: ClippedGradient

    @property
    def table(self) -> pd.DataFrame:
        """A row per parameter: its norm before, clipped by norm, clipped by value."""
        return pd.DataFrame(
            {
                "parameter": pd.Series(list(self.names), dtype="str"),
                "before": self.before,
                "by_norm": self.by_norm.norms,
                "by_value": self.by_value.norms,
            }
        )


def measure_clipping(
    experiment: SequenceExperiment, *, norm: float = 1.0, value: float = 0.01
) -> ClippingReport:
    """Clip the gradient of an experiment, both ways, in float64.

    Args:
        experiment: network, data and loss.
        norm: threshold c for the norm over all parameters.
        value: threshold c for each entry.

    Raises:
        InvalidExperiment: a threshold is not a positive number.
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    return compare_clippings(_compute_gradients(experiment), norm=norm, value=value)


def compare_clippings(
    gradients: Mapping[str, Tensor], *, norm: float, value: float
) -> ClippingReport:
    """Clip the gradient of each parameter, both ways; the tensors stay as they are.

    Raises:
        InvalidExperiment: a threshold is not a positive number.
    """
    for name, threshold in (("norm", norm), ("value", value)):
        if not 0 < threshold < math.inf:
            raise InvalidExperiment(
                Text(
                    "{name}: {threshold} is not allowed; choose a threshold above 0",
                    name=name,
                    threshold=threshold,
                ),
                fields=(name,),
            )
    flat = torch.cat([g.detach().reshape(-1).double().cpu() for g in gradients.values()])
    sizes = [g.numel() for g in gradients.values()]
    length = float(torch.linalg.vector_norm(flat))
    by_norm = flat * min(norm / (length + EPSILON), 1.0)  # in this order NaN stays NaN, as in torch
    return ClippingReport(
        names=tuple(gradients),
        before=_measure_norms(flat, sizes),
        norm=length,
        largest=float(flat.abs().amax()),
        by_norm=_compare(flat, by_norm, sizes, norm),
        by_value=_compare(flat, flat.clamp(-value, value), sizes, value),
    )


def _compare(before: Tensor, after: Tensor, sizes: list[int], threshold: float) -> ClippedGradient:
    norms = [float(torch.linalg.vector_norm(g)) for g in (before, after)]
    product = norms[0] * norms[1]
    return ClippedGradient(
        threshold=threshold,
        norm=norms[1],
        cosine=float(before @ after) / product if product else math.nan,
        changed=float((before != after).double().mean()),
        norms=_measure_norms(after, sizes),
    )


def _measure_norms(flat: Tensor, sizes: list[int]) -> FloatArray:
    return np.array([float(torch.linalg.vector_norm(part)) for part in torch.split(flat, sizes)])


@dataclass(frozen=True, eq=False)
class ClippingCourse:
    """Both ways of clipping over a range of thresholds, ``(thresholds,)`` each.

    Attributes:
        thresholds: c.
        norm_cosine, value_cosine: cosine between the gradients before and after.
    """

    thresholds: FloatArray
    norm_cosine: FloatArray
    value_cosine: FloatArray


def sweep_clipping(
    experiment: SequenceExperiment, *, norm: float, value: float
) -> tuple[ClippingReport, ClippingCourse]:
    """Clip the gradient of an experiment at its thresholds, and at many others.

    They reach from far below the gradient to above it; those of the report are among them.

    Args:
        experiment: network, data and loss.
        norm: threshold of the report for the norm over all parameters.
        value: threshold of the report for each entry.

    Raises:
        InvalidExperiment: a threshold is not a positive number.
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    gradients = _compute_gradients(experiment)
    report = compare_clippings(gradients, norm=norm, value=value)
    if not (report.largest > 0 and report.norm < math.inf):
        nothing = np.zeros(0)
        return report, ClippingCourse(nothing, nothing, nothing)
    low, high = report.largest / 1000, 2 * report.norm
    ends = min(low, norm, value), max(high, norm, value)
    spread = [np.geomspace(low, high, SWEEP_POINTS), np.geomspace(*ends, SWEEP_POINTS // 2)]
    thresholds = np.unique(np.concatenate([*spread, [norm, value]]))
    reports = [compare_clippings(gradients, norm=c, value=c) for c in thresholds.tolist()]
    return report, ClippingCourse(
        thresholds=thresholds,
        norm_cosine=np.array([clipped.by_norm.cosine for clipped in reports]),
        value_cosine=np.array([clipped.by_value.cosine for clipped in reports]),
    )


def _compute_gradients(experiment: SequenceExperiment) -> dict[str, Tensor]:
    network, inputs, targets = prepare_pass(experiment)
    with torch.enable_grad():
        loss = compute_sequence_loss(experiment, network.unroll(inputs), targets)
        gradients = torch.autograd.grad(loss, list(network.parameters()))
    names = [name for name, _ in network.named_parameters()]
    return dict(zip(names, gradients, strict=True))
