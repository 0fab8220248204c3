"""Predictions of the gradient through time: each line follows one part of it, and says which.

All lines start from the measured gradient of the last step and go back by
m_t² = f_t²·m_{t+1}² + u_t², with a factor f_t of their own and the measured norm u_t of the
gradient that enters at step t itself (from the loss there, or from the layer above). The bound adds
norms instead of squares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch

from gradflow.core.catalog import Activation, Cell
from gradflow.core.catalog.choice import Choice
from gradflow.core.experiment import MLP
from gradflow.core.frozen import freeze_mappings
from gradflow.core.histogram import FloatArray
from gradflow.core.recurrent.data import draw_sequences
from gradflow.core.recurrent.network import RecurrentNetwork, build_recurrent, spectral_radius
from gradflow.core.recurrent.report import State, TimeReport
from gradflow.core.text import N_
from gradflow.core.theory.moments import get_activation_law

_ACTIVATIONS = {Cell.RNN_TANH: Activation.TANH, Cell.RNN_RELU: Activation.RELU}


class TimeLine(StrEnum):
    """Codes of the predicted lines."""

    SPECTRAL = "spectral"
    MEAN_FIELD = "mean_field"
    BOUND = "bound"
    GATES = "gates"
    FORGET_BIAS = "forget_bias"


TIME_LINES: dict[TimeLine, Choice] = {
    TimeLine.SPECTRAL: Choice(
        label=N_("Spectral radius ρ of W_hh per step"),
        help=N_("Only the matrix, as if φ′ were 1 everywhere: a linear network, in the long run."),
    ),
    TimeLine.MEAN_FIELD: Choice(
        label=N_("Mean field: σ_w·√E[φ′²] per step"),
        help=N_("A random matrix and the mean square slope of φ at Gaussian pre-activations."),
    ),
    TimeLine.BOUND: Choice(
        label=N_("Upper bound (γ·s_max)^(T−t)"),
        help=N_("Largest singular value times the largest slope: never exceeded, rarely reached."),
    ),
    TimeLine.GATES: Choice(
        label=N_("Product of the gates: the direct path only"),
        help=N_("The gradient of the last step sent back through the gate alone, as measured."),
    ),
    TimeLine.FORGET_BIAS: Choice(
        label=N_("σ(b)^(T−t): the direct path with the gate at its bias"),
        help=N_("What the bias alone would do; the input and h move the gate around it."),
    ),
}


@dataclass(frozen=True, eq=False)
class TimeTheory:
    """Predictions for one layer.

    Attributes:
        state: the state whose gradient is predicted: the cell state in an LSTM.
        lines: norms of ∂L/∂s_t by code of the line, ``(T,)``, for the lines that apply.
        factors: the factor of one step back of each line, ``(T−1,)``: from t+1 to t.
        spectral_radius: largest |eigenvalue| of each H × H block of W_hh, by gate (``state``
            in a cell without gates).
        largest_singular_value: s_max of each block, by gate.
    """

    state: State
    lines: Mapping[TimeLine, FloatArray]
    factors: Mapping[TimeLine, FloatArray]
    spectral_radius: Mapping[str, float]
    largest_singular_value: Mapping[str, float]

    def __post_init__(self) -> None:
        freeze_mappings(self, "lines", "factors", "spectral_radius", "largest_singular_value")


def predict_through_time(
    report: TimeReport, layer: int = 1, network: RecurrentNetwork | None = None
) -> TimeTheory:
    """Predict the lines for one layer of a report (layers from 1).

    * vanilla RNN: ``SPECTRAL`` ρ(W_hh); ``BOUND`` γ·s_max with γ = 1, the largest slope of tanh
      and ReLU (Pascanu et al. 2013); ``MEAN_FIELD`` σ_w·√E[φ′(√q_t z)²] with σ_w² = ‖W_hh‖²/H and
      q_t = σ_w² E[φ(√q_{t−1} z)²] + σ_x² ‖x_t‖² + σ_b², averaged over the batch (Chen, Pennington &
      Schoenholz 2018); not for the identity, whose units do not mix.
    * LSTM and GRU: ``GATES`` is the measured ``direct_grad_norm``; ``FORGET_BIAS`` σ(b)^{T−t}, b
      the mean effective bias of the gate. The true gradient is larger: it also runs through h.

    ``network`` is the one that was recorded, if it is not the experiment's as drawn.

    Raises:
        GradflowError: there is no such layer.
    """
    spec = report.experiment.network
    state: State = "cell" if spec.row.has_cell else "hidden"
    measured = report.column(f"{state}_grad_norm", layer)
    network = network or build_recurrent(report.experiment)
    blocks = _split_blocks(network, report, layer)
    radius = {name: spectral_radius(block) for name, block in blocks.items()}
    largest = {
        name: float(torch.linalg.matrix_norm(block.double(), 2)) for name, block in blocks.items()
    }
    lines: dict[TimeLine, FloatArray] = {}
    factors: dict[TimeLine, FloatArray] = {}
    if spec.row.highway is None:
        incoming = report.column("incoming_grad_norm", layer)
        ones = np.ones(report.length - 1)
        factors[TimeLine.SPECTRAL] = radius["state"] * ones
        if spec.init.variance is not None:
            factors[TimeLine.MEAN_FIELD] = _compute_mean_field(network, report, layer)
        factors[TimeLine.BOUND] = largest["state"] * ones
        for line, factor in factors.items():
            power = 1 if line is TimeLine.BOUND else 2
            lines[line] = _propagate_back(measured[-1], factor, incoming, power)
    else:
        direct = report.column("direct_grad_norm", layer)
        gate = report.gate_codes.index(spec.row.highway)
        biases = [
            b.detach().chunk(spec.row.blocks)[gate] for b in network.list_weights(layer - 1)[2:]
        ]
        bias = sum(float(b.mean()) for b in biases)
        lines[TimeLine.GATES] = direct
        with np.errstate(divide="ignore", invalid="ignore"):
            factors[TimeLine.GATES] = direct[:-1] / direct[1:]
        constant = np.full(report.length - 1, 1 / (1 + np.exp(-bias)))
        factors[TimeLine.FORGET_BIAS] = constant
        lines[TimeLine.FORGET_BIAS] = _propagate_back(
            measured[-1], constant, np.zeros(report.length), 2
        )
    return TimeTheory(state, lines, factors, radius, largest)


def _propagate_back(
    last: float, factor: FloatArray, incoming: FloatArray, power: int
) -> FloatArray:
    line = np.empty(len(incoming))
    line[-1] = last
    with np.errstate(over="ignore"):
        for t in range(len(line) - 2, -1, -1):
            line[t] = np.linalg.norm([factor[t] * line[t + 1], incoming[t]], power)
    return line


def _split_blocks(
    network: RecurrentNetwork, report: TimeReport, layer: int
) -> dict[str, torch.Tensor]:
    weight = network.list_weights(layer - 1)[1].detach()
    names = report.gate_codes or ["state"]
    return dict(zip(names, weight.chunk(len(names)), strict=True))


def _compute_mean_field(network: RecurrentNetwork, report: TimeReport, layer: int) -> FloatArray:
    """Compute √(σ_w² E[φ′(z_{t+1})²]) for t = 1 … T−1, with the slope of the later step."""
    experiment = report.experiment
    inputs = draw_sequences(experiment.data, experiment.seed)[0].double()
    square: FloatArray = inputs.square().mean(2).numpy()  # per step and sequence
    law = get_activation_law(MLP(activation=_ACTIVATIONS[experiment.network.cell]))
    slopes: FloatArray = square
    for index in range(layer):
        weight_ih, weight_hh, *biases = (w.detach().double() for w in network.list_weights(index))
        variance = float(weight_hh.square().mean()) * len(weight_hh)
        q = float(weight_ih.square().mean()) * weight_ih.shape[1] * square
        q += sum(float(bias.square().mean()) for bias in biases)
        power, slopes = np.zeros(q.shape[1]), np.empty_like(q)
        for t in range(len(q)):
            q[t] += variance * power
            moments = law.compute_moments(q[t])
            power, slopes[t] = moments.power, moments.slope
            square[t] = power
    factors: FloatArray = np.sqrt(variance * slopes[1:].mean(1))
    return factors
