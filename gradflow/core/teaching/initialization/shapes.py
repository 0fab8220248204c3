"""Normal and uniform weights of equal variance: different themselves, alike in what they do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
from pydantic import Field

from gradflow.core.catalog import Activation
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.histogram import Histogram
from gradflow.core.report import Quantity, Report
from gradflow.core.spec import Spec
from gradflow.core.theory.moments import FloatArray

WIDTHS = tuple(range(750, 299, -50))
SHOWN: tuple[Quantity, ...] = ("weight", "preactivation", "delta")


Family = Literal["lecun", "xavier", "kaiming"]
"""Codes of the variances that come as a normal and as a uniform law."""


class Shape(StrEnum):
    """Codes of the two shapes of a law."""

    NORMAL = "normal"
    UNIFORM = "uniform"


class Shapes(Spec):
    """Ten layers, drawn from a normal and from a uniform law of the same variance."""

    activation: Activation = Field(
        Activation.TANH, title="Activation φ", description="The function after each layer."
    )
    family: Family = Field(
        "xavier", title="Variance", description="LeCun 1/n, Xavier 2/(n_in + n_out), He 2/n."
    )
    layer: int = Field(
        5, ge=1, le=len(WIDTHS), title="Layer", description="Whose numbers are drawn."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other weights.")


@dataclass(frozen=True, eq=False)
class ShapeNumbers:
    """What one law gives.

    Attributes:
        histograms: of W, z and δ of the layer, in the order of ``SHOWN``.
        std: the standard deviation of W and of z, and the RMS of δ, of the layer.
        gradient: RMS of δ of every layer.
    """

    histograms: tuple[Histogram, ...]
    std: tuple[float, float, float]
    gradient: FloatArray


def make_experiment(spec: Shapes, shape: Shape) -> Experiment:
    """Make the network of one shape: ten layers from 800 inputs to 300 units."""
    network = MLP(
        widths=WIDTHS, activation=spec.activation, initialization=f"{spec.family}_{shape}"
    )
    data = Data(source="gaussian", dimension=800, batch_size=128)
    return Experiment(network=network, data=data, seed=spec.seed)


def read_shape(report: Report, layer: int) -> ShapeNumbers:
    """Read the numbers of one layer from the report of a network."""
    table = report.get_table("layers")
    gradient = np.asarray(table["delta_rms"], np.float64)
    parameters = report.get_table("parameters")
    weight = np.asarray(parameters["rms"], np.float64)[2 * (layer - 1)]
    z = float(np.asarray(table["preactivation_std"], np.float64)[layer - 1])
    return ShapeNumbers(
        tuple(report.histogram(what, layer) for what in SHOWN),
        (float(weight), z, float(gradient[layer - 1])),
        gradient,
    )
