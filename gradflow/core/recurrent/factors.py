"""The factor of one step back on the gradient: residual blocks, the LSTM's cell, ReLU, tanh.

h_{l+1} = h_l + α·F(h_l), c_t = f ⊙ c_{t−1} + i ⊙ g, and h_t = ReLU(h_{t−1} + …) have one thing in
common: one summand of the step's Jacobian is close to the identity (Hochreiter & Schmidhuber
1997; Le et al. 2015; He et al. 2016). A tanh RNN has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from pydantic import Field

from gradflow.core.catalog import Cell, RecurrentInit, SequenceSource
from gradflow.core.catalog.choice import Choice
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.histogram import FloatArray
from gradflow.core.probe import run
from gradflow.core.recurrent.record import through_time
from gradflow.core.recurrent.report import State, TimeReport
from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment, Sequences
from gradflow.core.spec import Spec
from gradflow.core.text import N_

_STREAM_MODULES = r"linear1|block\d+(\.tail)?"
"""Modules of a pre-activation network whose outputs are the stream h_l."""


class GradientPath(StrEnum):
    """Codes of the paths that are compared."""

    RESIDUAL = "residual"
    LSTM_CELL = "lstm_cell"
    IRNN = "irnn"
    TANH_RNN = "tanh_rnn"


PATHS: dict[GradientPath, Choice] = {
    GradientPath.RESIDUAL: Choice(
        label=N_("Residual blocks"),
        help=N_("h + α·F(h): the factor is 1 plus what the branch adds."),
        parameters=("branch_scale",),
    ),
    GradientPath.LSTM_CELL: Choice(
        label=N_("LSTM, cell state"),
        help=N_("f ⊙ c + …: the factor is the forget gate, near 1 with a large bias."),
        parameters=("forget_bias",),
    ),
    GradientPath.IRNN: Choice(
        label=N_("ReLU RNN, identity matrix"),
        help=N_("ReLU(h + …): the factor is 1 for a unit that is active, else 0."),
    ),
    GradientPath.TANH_RNN: Choice(
        label=N_("tanh RNN, Gaussian matrix"),
        help=N_("tanh(W h + …): every factor is a matrix times a slope below 1."),
        parameters=("gain",),
    ),
}


class FactorSettings(Spec):
    """Settings that the four paths share, and the one number that three of them have."""

    steps: int = Field(50, ge=2, le=150, title="Steps", description="Blocks or time steps back.")
    hidden_size: int = Field(64, ge=2, le=512, title="Units", description="Width of the state.")
    batch_size: int = Field(64, ge=2, le=512, title="Batch size", description="Samples.")
    branch_scale: float = Field(
        0.1, ge=0, le=2, title="Branch scale α", description="Factor on the residual branch."
    )
    forget_bias: float = Field(
        3.0, ge=-10, le=10, title="Forget-gate bias b_f", description="The effective one."
    )
    gain: float = Field(
        0.9, ge=0, le=10, title="Gain g", description="W of the tanh RNN is N(0, g²/H)."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed", description="Draws other weights.")


@dataclass(frozen=True, eq=False)
class FactorCurve:
    """The factors of one path; entry k is the step from distance k to k+1 before the loss.

    Attributes:
        path: the path.
        norms: ‖∂L/∂s_t‖ from the loss back, ``(steps + 1,)``.
        direct: the factor of the direct path on the gradient of a unit, as a mean over batch and
            units, ``(steps,)``: 1 in a residual block, the forget gate in an LSTM, 1 for an active
            and 0 for an inactive unit of the IRNN (so the share of active units; it has no other
            path); NaN in a tanh RNN, which has no direct path.
    """

    path: GradientPath
    norms: FloatArray
    direct: FloatArray

    @property
    def total(self) -> FloatArray:
        """‖∂L/∂s_t‖ / ‖∂L/∂s_{t+1}‖, ``(steps,)``; NaN where nothing is left to multiply."""
        with np.errstate(divide="ignore", invalid="ignore"):
            factors: FloatArray = self.norms[1:] / self.norms[:-1]
        return factors

    @property
    def remaining(self) -> FloatArray:
        """Products of ``total``: the share of the gradient's norm that is left."""
        shares: FloatArray = self.norms[1:] / self.norms[0]
        return shares


def compute_factor_curves(settings: FactorSettings) -> list[FactorCurve]:
    """Compute the factors of all paths, in the order of ``GradientPath``.

    In float64, on Gaussian noise, with the loss at the end.
    """
    return [_TRACERS[path](settings) for path in GradientPath]


def _trace_residual(settings: FactorSettings) -> FactorCurve:
    report = run(
        Experiment(
            network=MLP(
                depth=settings.steps + 2,
                width=settings.hidden_size,
                connection="preactivation",
                block_size=1,
                branch_scale=settings.branch_scale,
            ),
            data=Data(
                source="gaussian",
                dimension=settings.hidden_size,
                batch_size=settings.batch_size,
            ),
            dtype="float64",
            seed=settings.seed,
        )
    )
    stream = report.signals["module"].str.fullmatch(_STREAM_MODULES)
    norms = report.signals.loc[stream, "grad_norm"].to_numpy(np.float64)
    return FactorCurve(GradientPath.RESIDUAL, norms[::-1], np.ones(settings.steps))


def _trace_lstm_cell(settings: FactorSettings) -> FactorCurve:
    network = Recurrent(
        cell=Cell.LSTM, hidden_size=settings.hidden_size, forget_bias=settings.forget_bias
    )
    report = _run_through_time(settings, network)
    return FactorCurve(
        GradientPath.LSTM_CELL,
        _reverse_norms(report, "cell"),
        _reverse_steps(report.gate("forget")),
    )


def _trace_irnn(settings: FactorSettings) -> FactorCurve:
    network = Recurrent(
        cell=Cell.RNN_RELU,
        hidden_size=settings.hidden_size,
        recurrent_init=RecurrentInit.IDENTITY,
    )
    report = _run_through_time(settings, network)
    active = 1 - report.column("hidden_zero")
    return FactorCurve(GradientPath.IRNN, _reverse_norms(report, "hidden"), _reverse_steps(active))


def _trace_tanh_rnn(settings: FactorSettings) -> FactorCurve:
    network = Recurrent(
        cell=Cell.RNN_TANH,
        hidden_size=settings.hidden_size,
        recurrent_init=RecurrentInit.GAUSSIAN,
        recurrent_gain=settings.gain,
    )
    report = _run_through_time(settings, network)
    nothing = np.full(settings.steps, np.nan)
    return FactorCurve(GradientPath.TANH_RNN, _reverse_norms(report, "hidden"), nothing)


_TRACERS: dict[GradientPath, Callable[[FactorSettings], FactorCurve]] = {
    GradientPath.RESIDUAL: _trace_residual,
    GradientPath.LSTM_CELL: _trace_lstm_cell,
    GradientPath.IRNN: _trace_irnn,
    GradientPath.TANH_RNN: _trace_tanh_rnn,
}


def _run_through_time(settings: FactorSettings, network: Recurrent) -> TimeReport:
    return through_time(
        SequenceExperiment(
            network=network,
            data=Sequences(
                source=SequenceSource.NOISE,
                length=settings.steps + 1,
                batch_size=settings.batch_size,
            ),
            dtype="float64",
            seed=settings.seed,
        )
    )


def _reverse_norms(report: TimeReport, state: State) -> FloatArray:
    return report.column(f"{state}_grad_norm")[::-1]


def _reverse_steps(values: FloatArray) -> FloatArray:
    """Take steps T to 2, the last first: on its way from t to t − 1 the gradient meets step t."""
    return values[:0:-1]
