"""A bad initialization: the gradient against the scale of all hidden weights, over six decades."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from gradflow.core.catalog import ACTIVATIONS, Activation, Initialization, Normalization
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization_effects.stack import Copies
from gradflow.core.theory.moments import FloatArray

RIVALS = (Normalization.NONE, Normalization.BATCH, Normalization.LAYER)
DECADES, PER_DECADE = 3, 4
"""Scales go so many decades down and up from 1, so many to a decade."""
_SCALES_AT_ONCE = 9
"""Scales that are computed in one stacked network, to bound its memory."""


class WeightScales(Spec):
    """A network on digits whose hidden weights are k times a good initialization.

    Good is what the catalog names for the activation (He for ReLU, Xavier for tanh, …). The
    normalization stands before the activation. The readout's weights are not scaled, so that
    nothing but the hidden layers changes.
    """

    depth: int = Field(
        20, ge=3, le=40, title="Depth", description="Weight layers, the readout included."
    )
    width: int = Field(64, ge=16, le=128, title="Width", description="Units in each hidden layer.")
    activation: Activation = Field(
        Activation.RELU, title="Activation", description="The function φ after each hidden layer."
    )
    epsilon: float = Field(
        1e-5, ge=0, le=0.1, title="ε", description="Added to the variance; PyTorch's is 10⁻⁵."
    )
    scale: float = Field(
        10.0, ge=1e-3, le=1e3, title="Weight scale k", description="For the identities below."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other data and weights.")

    def make_experiment(self, normalization: Normalization) -> Experiment:
        """Make the network with one normalization, at scale 1."""
        return Experiment(
            network=MLP(
                depth=self.depth,
                width=self.width,
                activation=self.activation,
                initialization=Initialization(ACTIVATIONS[self.activation].initialization),
                normalization=normalization,
            ),
            data=Data(source="digits", batch_size=64),
            seed=self.seed,
        )


@dataclass(frozen=True, eq=False)
class ScaleSweep:
    """The gradient with one normalization at every scale k; arrays have one entry per scale.

    Attributes:
        ratio: ‖∂L/∂a_1‖ / ‖∂L/∂a_{L−1}‖: the share of the gradient that arrives at the first
            hidden layer.
        weight_grad: ‖∂L/∂W_1‖, the gradient that the first layer learns from.
    """

    ratio: FloatArray
    weight_grad: FloatArray


def list_scales() -> FloatArray:
    """List the scales k from 10⁻³ to 10³, four to a decade."""
    return np.logspace(-DECADES, DECADES, 2 * DECADES * PER_DECADE + 1)


def sweep_scales(
    spec: WeightScales, normalization: Normalization, advance: Callable[[], None] = lambda: None
) -> ScaleSweep:
    """Measure the gradient with one normalization at every scale, in float64.

    ``advance`` is called between some scales and the next; what it raises ends it.
    """
    parts = np.array_split(list_scales(), -(-len(list_scales()) // _SCALES_AT_ONCE))
    rows = []
    for part in parts:
        advance()
        rows.append(_measure_part(spec, normalization, part))
    return ScaleSweep(*np.concatenate(rows, axis=1))


def _measure_part(spec: WeightScales, normalization: Normalization, part: FloatArray) -> FloatArray:
    """Measure the gradient at some of the scales; one row per attribute of ``ScaleSweep``."""
    with torch.enable_grad():
        copies = Copies(spec.make_experiment(normalization), part, epsilon=spec.epsilon)
        passed = copies.forward(copies.inputs)
        losses = copies.compute_losses(passed[-1], copies.targets)
        first, last, weight = torch.autograd.grad(
            losses.sum(), [passed[0], passed[-2], copies.layers[0].weight]
        )
    return torch.stack(
        [_compute_norms(first) / _compute_norms(last), _compute_norms(weight)]
    ).numpy()


def _compute_norms(tensors: Tensor) -> Tensor:
    """Compute the norm of each copy's tensor."""
    norms: Tensor = torch.linalg.vector_norm(tensors.flatten(1), dim=1)
    return norms
