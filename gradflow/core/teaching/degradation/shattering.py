"""Shattered gradients: the gradient as a function of one number (Balduzzi et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from gradflow.core.catalog import Activation, Connection, Initialization, Normalization
from gradflow.core.data import DATA_SEED_OFFSET
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.degradation.tangents import propagate_tangents
from gradflow.core.theory.moments import FloatArray

POINTS, REACH = 256, 2.0
"""Number of inputs on an even grid from −REACH to REACH."""
LAGS = POINTS // 2
"""The largest lag of an autocorrelation, in steps of the grid."""
MOST_LAYERS = 100
_BIAS_STD = 1.0
"""Without biases all ReLU units of the first layer would have their kink at x = 0."""


class Shattering(Spec):
    """ReLU networks with He initialization, plain and residual ones, of any depth.

    The blocks of the residual networks have one weight layer, as in Balduzzi et al. 2017.
    """

    layers: int = Field(
        24, ge=2, le=MOST_LAYERS, title="Plain layers", description="Of the plain network drawn."
    )
    residual_layers: int = Field(
        50,
        ge=2,
        le=MOST_LAYERS,
        title="Residual layers",
        description="Of the residual network drawn.",
    )
    branch_scale: float = Field(
        0.1, ge=0, le=1, title="Branch scale β", description="Blocks are h + β·f(h)."
    )
    normalized: bool = Field(
        True, title="Batch normalization", description="Before every activation."
    )
    width: int = Field(128, ge=32, le=256, title="Width", description="Units in each layer.")
    cosine: float = Field(
        0.9, ge=0, le=0.9999, title="Cosine of the two inputs", description="1: the same input."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other weights.")

    def make_experiment(
        self,
        connection: Connection,
        *,
        layers: int = MOST_LAYERS,
        features: int = 1,
        normalized: bool | None = None,
        bias_std: float = _BIAS_STD,
    ) -> Experiment:
        """Make a network of so many layers and a readout.

        Its data only say how many inputs it has.
        """
        norm = self.normalized if normalized is None else normalized
        own: dict[str, Any] = {}
        if connection is not Connection.PLAIN:
            own = {"block_size": 1, "branch_scale": self.branch_scale}
        return Experiment(
            network=MLP(
                depth=layers + 1,
                width=self.width,
                connection=connection,
                activation=Activation.RELU,
                initialization=Initialization.KAIMING_NORMAL,
                bias_std=bias_std,
                normalization=Normalization.BATCH if norm else Normalization.NONE,
                **own,
            ),
            data=Data(source="gaussian", dimension=features, batch_size=2),
            seed=self.seed,
        )


@dataclass(frozen=True, eq=False)
class Landscape:
    """The gradient df/dx of a network, or a noise, on the grid.

    Attributes:
        gradient: for one random readout f = v·h, v ~ N(0, I), divided by its root mean square.
        correlation: correlation of the gradients at x and at x + lag over random readouts, for
            lags 0 … ``LAGS``: the cosine of dh/dx at both, averaged over x; of a noise, its exact
            expectation.
    """

    gradient: FloatArray
    correlation: FloatArray


@dataclass(frozen=True, eq=False)
class Landscapes:
    """Gradients as functions of a scalar input x, and noises to compare them with.

    Attributes:
        x: the grid.
        shallow: a network of one hidden layer, without normalization.
        plain, residual: deep networks; residual is h + β·f(h) with activation inside f.
        brown, white: a random walk, and independent numbers.
    """

    x: FloatArray
    shallow: Landscape
    plain: Landscape
    residual: Landscape
    brown: Landscape
    white: Landscape


def compute_landscapes(spec: Shattering, advance: Callable[[], None] = lambda: None) -> Landscapes:
    """Compute the gradients of three networks of one input, brown and white noise, in float64.

    ``advance`` is called before each; what it raises ends it.
    """
    random = torch.Generator().manual_seed(spec.seed + DATA_SEED_OFFSET)
    x = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)[:, None]

    def compute_landscape(
        connection: Connection, layers: int, normalized: bool | None = None
    ) -> Landscape:
        advance()
        experiment = spec.make_experiment(connection, layers=layers, normalized=normalized)
        gradients = propagate_tangents(experiment, x, torch.ones_like(x))[-1]
        readout = torch.randn(spec.width, generator=random, dtype=torch.float64)
        return Landscape(_scale_to_unit(gradients @ readout), measure_autocorrelation(gradients))

    noise = torch.randn(2, POINTS, generator=random, dtype=torch.float64)
    step = np.arange(1.0, POINTS + 1)
    lags = np.arange(LAGS + 1)
    brown = np.array([np.sqrt(step[: POINTS - k] / step[k:]).mean() for k in lags])
    return Landscapes(
        x=x[:, 0].numpy(),
        shallow=compute_landscape(Connection.PLAIN, 1, normalized=False),
        plain=compute_landscape(Connection.PLAIN, spec.layers),
        residual=compute_landscape(Connection.PREACTIVATION, spec.residual_layers),
        brown=Landscape(_scale_to_unit(noise[0].cumsum(0)), brown),
        white=Landscape(_scale_to_unit(noise[1]), (lags == 0).astype(np.float64)),
    )


def measure_autocorrelation(gradients: Tensor) -> FloatArray:
    """Measure the mean cosine of rows i and i + lag of ``(points, units)``, for lags 0 … ``LAGS``.

    A row of zeros has the cosine 0 with every other.
    """
    rows = gradients / gradients.norm(dim=1, keepdim=True).clamp_min(1e-300)
    cosines = (rows @ rows.T).numpy()
    return np.array([np.diagonal(cosines, lag).mean() for lag in range(LAGS + 1)])


def _scale_to_unit(values: Tensor) -> FloatArray:
    """Divide values by their root mean square."""
    scaled: FloatArray = (values / values.square().mean().sqrt().clamp_min(1e-300)).numpy()
    return scaled
