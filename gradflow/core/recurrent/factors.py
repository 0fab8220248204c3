"""The factor of one step back on the gradient: residual blocks, the LSTM's cell, ReLU, tanh.

h_{l+1} = h_l + α·F(h_l), c_t = f ⊙ c_{t−1} + i ⊙ g, and h_t = ReLU(h_{t−1} + …) have one thing in
common: one summand of the step's Jacobian is close to the identity (Hochreiter & Schmidhuber
1997; Le et al. 2015; He et al. 2016). A tanh RNN has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from gradflow.core.catalog import Cell, RecurrentInit, SequenceSource
from gradflow.core.catalog.choice import Choice
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.histogram import FloatArray
from gradflow.core.probe import run
from gradflow.core.recurrent.record import through_time
from gradflow.core.recurrent.report import State, TimeReport
from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment, Sequences
from gradflow.core.report import Report
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

    @model_validator(mode="after")
    def _refuse_too_large(self) -> Self:
        for path in GradientPath:
            make_experiment(self, path)
        return self


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


def compute_factor_curve(
    settings: FactorSettings, path: GradientPath, advance: Callable[[], None] = lambda: None
) -> FactorCurve:
    """Compute the factors of a path, in float64, on Gaussian noise, with the loss at the end.

    Args:
        settings: what all paths share.
        path: which one.
        advance: called between the parts of the pass; what it raises ends it.
    """
    experiment = make_experiment(settings, path)
    if isinstance(experiment, Experiment):
        return _read_residual(run(experiment, advance=advance), settings)
    return _READERS[path](through_time(experiment, advance=advance), settings)


def make_experiment(
    settings: FactorSettings, path: GradientPath
) -> Experiment | SequenceExperiment:
    """Make the experiment that measures a path.

    Raises:
        InvalidExperiment: it takes more memory or arithmetic than one may.
    """
    hidden = settings.hidden_size
    match path:
        case GradientPath.RESIDUAL:
            return _make_residual(settings)
        case GradientPath.LSTM_CELL:
            network = Recurrent(
                cell=Cell.LSTM, hidden_size=hidden, forget_bias=settings.forget_bias
            )
        case GradientPath.IRNN:
            network = Recurrent(
                cell=Cell.RNN_RELU, hidden_size=hidden, recurrent_init=RecurrentInit.IDENTITY
            )
        case GradientPath.TANH_RNN:
            network = Recurrent(
                cell=Cell.RNN_TANH,
                hidden_size=hidden,
                recurrent_init=RecurrentInit.GAUSSIAN,
                recurrent_gain=settings.gain,
            )
    data = Sequences(
        source=SequenceSource.NOISE, length=settings.steps + 1, batch_size=settings.batch_size
    )
    return SequenceExperiment(network=network, data=data, dtype="float64", seed=settings.seed)


def _make_residual(settings: FactorSettings) -> Experiment:
    network = MLP(
        depth=settings.steps + 2,
        width=settings.hidden_size,
        connection="preactivation",
        block_size=1,
        branch_scale=settings.branch_scale,
    )
    data = Data(source="gaussian", dimension=settings.hidden_size, batch_size=settings.batch_size)
    return Experiment(network=network, data=data, dtype="float64", seed=settings.seed)


def _read_residual(report: Report, settings: FactorSettings) -> FactorCurve:
    stream = report.signals["module"].str.fullmatch(_STREAM_MODULES)
    norms = report.signals.loc[stream, "grad_norm"].to_numpy(np.float64)
    return FactorCurve(GradientPath.RESIDUAL, norms[::-1], np.ones(settings.steps))


def _read_lstm_cell(report: TimeReport, _settings: FactorSettings) -> FactorCurve:
    forget = _reverse_steps(report.gate("forget"))
    return FactorCurve(GradientPath.LSTM_CELL, _reverse_norms(report, "cell"), forget)


def _read_irnn(report: TimeReport, _settings: FactorSettings) -> FactorCurve:
    active = 1 - report.column("hidden_zero")
    return FactorCurve(GradientPath.IRNN, _reverse_norms(report, "hidden"), _reverse_steps(active))


def _read_tanh_rnn(report: TimeReport, settings: FactorSettings) -> FactorCurve:
    nothing = np.full(settings.steps, np.nan)
    return FactorCurve(GradientPath.TANH_RNN, _reverse_norms(report, "hidden"), nothing)


_READERS: dict[GradientPath, Callable[[TimeReport, FactorSettings], FactorCurve]] = {
    GradientPath.LSTM_CELL: _read_lstm_cell,
    GradientPath.IRNN: _read_irnn,
    GradientPath.TANH_RNN: _read_tanh_rnn,
}


def _reverse_norms(report: TimeReport, state: State) -> FloatArray:
    return report.column(f"{state}_grad_norm")[::-1]


def _reverse_steps(values: FloatArray) -> FloatArray:
    """Take steps T to 2, the last first: on its way from t to t − 1 the gradient meets step t."""
    return values[:0:-1]
