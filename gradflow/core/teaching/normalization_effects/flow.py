"""The growth of the gradient per layer of one deep network, with each normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from gradflow.core.catalog import (
    INITIALIZATIONS,
    Activation,
    Initialization,
    Normalization,
    NormPosition,
)
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.report import Report
from gradflow.core.spec import Spec
from gradflow.core.teaching.activation_facts import Alpha, NegativeSlope
from gradflow.core.text import Text
from gradflow.core.theory import Prediction, Standing
from gradflow.core.theory.moments import FloatArray, get_activation_law

COMPARED = (
    Normalization.NONE,
    Normalization.BATCH,
    Normalization.LAYER,
    Normalization.GROUP,
    Normalization.RMS,
)
NORMS = COMPARED[1:]


class NormalizedFlow(Spec):
    """A deep network, drawn from one seed, with each of the normalizations in turn.

    Inputs are N(0, I), scaled and shifted where that is asked for, as many numbers per sample as a
    layer has units, because the laws are about samples that differ in many directions; ten classes
    and cross-entropy.
    """

    depth: int = Field(
        30, ge=5, le=60, title="Depth", description="Weight layers, the readout included."
    )
    width: int = Field(128, ge=16, le=256, title="Width", description="Units in each hidden layer.")
    batch_size: int = Field(128, ge=8, le=256, title="Batch size", description="Samples.")
    activation: Activation = Field(
        Activation.RELU, title="Activation", description="The function φ after each hidden layer."
    )
    negative_slope: NegativeSlope = 0.01
    elu_alpha: Alpha = 1.0
    initialization: Initialization = Field(
        Initialization.KAIMING_NORMAL,
        title="Initialization",
        description="The distribution the weights are drawn from.",
    )
    init_std: float = Field(
        0.05, ge=0.001, le=10, title="Standard deviation σ", description="σ of the weights."
    )
    scale: float = Field(
        1.0, ge=1e-3, le=1e3, title="Input scale", description="Standard deviation of the inputs."
    )
    offset: float = Field(
        0.0, ge=0, le=1e3, title="Input offset", description="Mean of the inputs."
    )
    norm_position: NormPosition = Field(
        NormPosition.BEFORE, title="Position", description="Before or after the activation."
    )
    groups: int = Field(
        8, ge=1, le=256, title="Groups", description="Of GroupNorm; must divide the width."
    )
    placed: str = Field(
        "batch", title="Normalization", description="The one to show in both places."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other data and weights.")

    @field_validator("placed", mode="before")
    @classmethod
    def _check_placed(cls, value: Any) -> str:
        if value not in NORMS:
            allowed = Text("one of {codes}", codes=", ".join(NORMS))
            raise InvalidExperiment.for_value("placed", value, allowed)
        return str(value)

    @model_validator(mode="after")
    def _check_groups(self) -> NormalizedFlow:
        self.make_network(Normalization.GROUP)
        return self

    def make_network(
        self, normalization: Normalization, position: NormPosition | None = None
    ) -> MLP:
        """Make the network with one normalization; ``position`` replaces ``norm_position``."""
        names = ("negative_slope", "elu_alpha", "init_std")
        own: dict[str, Any] = {
            name: getattr(self, name) for name in names if self.applies(name, dict(self))
        }
        if normalization is not Normalization.NONE:
            own["norm_position"] = position or self.norm_position
        if normalization is Normalization.GROUP:
            own["groups"] = self.groups
        return MLP(
            depth=self.depth,
            width=self.width,
            activation=self.activation,
            initialization=self.initialization,
            normalization=normalization,
            **own,
        )

    def make_experiment(self, network: MLP) -> Experiment:
        """Make the experiment of a network of ``make_network`` on the data."""
        return Experiment(
            network=network,
            data=Data(
                source="gaussian",
                dimension=self.width,
                batch_size=self.batch_size,
                scale=self.scale,
                offset=self.offset,
            ),
            seed=self.seed,
        )


@dataclass(frozen=True)
class Growth:
    """Factor of ‖∂L/∂a‖² per layer on the way back to the input; below 1 the gradient vanishes.

    Attributes:
        measured: exp of minus the slope of the line fitted to ln ‖∂L/∂a_l‖² over the hidden
            layers; NaN if fewer than two norms are positive and finite.
        predicted: the same slope of the curve that theory predicts for this width and batch; NaN
            without a theory.
        limit: the law of wide layers and large batches, see ``compute_limit``; NaN without one.
        ratio: ‖∂L/∂a_1‖ / ‖∂L/∂a_{L−1}‖, measured between the first and the last hidden layer.
    """

    measured: float
    predicted: float
    limit: float
    ratio: float


def measure_growth(spec: MLP, report: Report, prediction: Prediction) -> Growth:
    """Measure how fast the gradient of a plain network grows, and predict it by theory."""
    norms = report.layers["activation_grad_norm"].to_numpy(np.float64)[:-1]
    known = prediction.standing is not Standing.NONE
    predicted = prediction.activation_grad_norm[:-1] if known else np.zeros(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(norms[0] / norms[-1])
    law = prediction.chi if spec.normalization is Normalization.NONE else compute_limit(spec)
    return Growth(fit_growth(norms), fit_growth(predicted), law, ratio)


def fit_growth(norms: Sequence[float] | FloatArray) -> float:
    """Fit the factor of the squared norms per step from the last to the first, to their logs."""
    values = np.asarray(norms, dtype=np.float64)
    layers = np.flatnonzero(np.isfinite(values) & (values > 0))
    if len(layers) < 2:
        return math.nan
    return float(np.exp(-2 * np.polyfit(layers, np.log(values[layers]), 1)[0]))


def compute_limit(spec: MLP) -> float:
    """Compute the growth of ‖∂L/∂a‖² per layer for infinitely wide layers and batches.

    Before φ the norm makes u ~ N(0, 1), whatever the weights: E φ'(u)² / Var φ(u) for batch norm
    (Yang et al. 2019), E φ'(u)² / E φ(u)² for layer, group and RMS norm. After φ the signal that
    enters a weight layer has mean square 1, so z ~ N(0, q) with q = σ_w² = fan_in·Var(W), and the
    factor is q·E φ'(z)² over the statistic that the norm divides by: Var φ(z), or E φ(z)² for
    RMS norm. NaN without a norm.
    """
    norm, before = spec.normalization, spec.norm_position is NormPosition.BEFORE
    if norm is Normalization.NONE:
        return math.nan
    q = 1.0 if before else compute_weight_gain(spec)
    if not q > 0:
        return math.nan
    moments = get_activation_law(spec).compute_moments(np.array([q]))
    # Before φ, batch norm alone subtracts the part that the mean of φ contributes behind the
    # weights, because it is the same for all samples; behind φ, every norm but RMS norm subtracts
    # the mean itself.
    centred = norm is Normalization.BATCH if before else norm is not Normalization.RMS
    statistic = moments.variance if centred else moments.power
    return float(q * moments.slope[0] / statistic[0])


def compute_weight_gain(spec: MLP) -> float:
    """Compute σ_w² = fan_in·Var(W) of the hidden layers; NaN if the weights are not random."""
    choice = INITIALIZATIONS[spec.initialization]
    if choice.variance is None:
        return math.nan
    return spec.width * choice.variance(spec, spec.width, spec.width)
