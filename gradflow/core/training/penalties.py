"""The L1 and the L2 penalty of a run: what they add to the loss and to the gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradflow.core.histogram import FloatArray
from gradflow.core.report import Report
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import StepRecord


@dataclass(frozen=True, eq=False)
class PenaltyCourse:
    """The two parts of the gradient of the weights, over the records; biases are not penalized.

    Attributes:
        steps: recorded steps.
        loss_gradient: ‖∂L/∂W‖ over all weight matrices.
        penalty_gradient: the norm of what the penalties add, ‖λ₁·sign(W) + λ₂·W‖; with both
            penalties its largest possible value, the sum of their norms.
    """

    steps: FloatArray
    loss_gradient: FloatArray
    penalty_gradient: FloatArray


@dataclass(frozen=True)
class PenalizedLoss:
    """The loss of one step with its penalties, L + λ₁·Σ|W| + λ₂/2·ΣW².

    Attributes:
        step: its number.
        loss: L.
        absolute: Σ|W|, from histograms, so that it is exact to a 256th of the weights' range.
        square: ΣW².
    """

    step: int
    loss: float
    absolute: float
    square: float


def measure_course(
    plan: TrainingPlan, records: tuple[StepRecord, ...], weights: int
) -> PenaltyCourse:
    """Measure the parts of the gradient of a run whose matrices have so many entries."""
    size = np.array([_join_norms(record.layers["weight_norm"]) for record in records])
    return PenaltyCourse(
        steps=np.array([float(record.step) for record in records]),
        loss_gradient=np.array([_join_norms(r.layers["weight_grad_norm"]) for r in records]),
        penalty_gradient=plan.l1 * math.sqrt(weights) + plan.l2 * size,
    )


def measure_loss(record: StepRecord, report: Report) -> PenalizedLoss:
    """Measure the penalized loss of a recorded step.

    Args:
        record: the step.
        report: its full report, for the weights' histograms.
    """
    absolute = 0.0
    for layer in range(1, len(record.modules) + 1):
        histogram = report.histogram("weight", layer)
        middles = (histogram.edges[:-1] + histogram.edges[1:]) / 2
        absolute += float(np.abs(middles) @ histogram.counts)
    square = _join_norms(record.layers["weight_norm"]) ** 2
    return PenalizedLoss(record.step, record.loss, absolute, square)


def _join_norms(norms: FloatArray) -> float:
    return float(np.sqrt(np.sum(np.square(norms))))
