"""The factor by which the gradient changes in each layer, as its law says and as measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradflow.core.catalog import INITIALIZATIONS, Connection, Normalization
from gradflow.core.experiment import MLP, Experiment
from gradflow.core.report import Report
from gradflow.core.theory.moments import FloatArray, get_activation_law


@dataclass(frozen=True, eq=False)
class Factors:
    """The factors of a plain network without normalization, one entry per hidden layer l.

    The mean square of δ_l = ∂L/∂z_l over batch × units is that of δ_{l+1} times the factor; so
    the product over all layers is what the gradient loses or gains on its way back.

    Attributes:
        units: n, the units of layer l + 1, from which the gradient comes.
        variance: the mean square of the entries of W_{l+1}; Var(W) where their mean is 0.
        slope: E φ'(z_l)² for Gaussian z_l of the measured root mean square.
        law: n·Var(W)·E φ'²; NaN where weights are no independent numbers around 0 (a constant).
        measured: the mean square of δ_l over that of δ_{l+1}; NaN where both are 0.
    """

    units: FloatArray
    variance: FloatArray
    slope: FloatArray
    law: FloatArray
    measured: FloatArray


def measure_factors(experiment: Experiment, report: Report) -> Factors | None:
    """Measure the factors; ``None`` for networks that have no single one per layer.

    Args:
        experiment: the network.
        report: its recorded pass.
    """
    network = experiment.network
    if not isinstance(network, MLP) or network.normalization is not Normalization.NONE:
        return None
    if network.connection is not Connection.PLAIN or network.depth < 2:
        return None
    layers, parameters = report.get_table("layers"), report.get_table("parameters")
    weights = [str(name).endswith("weight") for name in parameters["parameter"]]
    square = np.asarray(parameters["rms"], np.float64)[weights] ** 2
    z = np.asarray(layers["preactivation_rms"], np.float64)[:-1]
    delta = np.asarray(layers["delta_rms"], np.float64)
    units = np.asarray(layers["fan_out"], np.float64)[1:]
    slope = get_activation_law(network).compute_moments(z**2).slope
    has_law = INITIALIZATIONS[network.initialization].variance is not None
    law = units * square[1:] * slope
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = (delta[:-1] / delta[1:]) ** 2
    return Factors(units, square[1:], slope, law if has_law else law * np.nan, measured)
