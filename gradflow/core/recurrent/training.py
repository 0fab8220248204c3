"""A short training of each cell on the same sequences, with its gradient through time.

The loop is that of ``core.training``. Every few steps a batch that is never trained on goes through
the network as it stands, and the norms of ∂L/∂h_t and ∂L/∂c_t are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from gradflow.core.catalog import CELLS, Cell, RecurrentInit, SequenceSource
from gradflow.core.catalog.choice import Choice
from gradflow.core.catalog.optimizers import Clip, Optimizer
from gradflow.core.errors import InvalidExperiment
from gradflow.core.frozen import freeze_mappings
from gradflow.core.histogram import FloatArray
from gradflow.core.recurrent.network import RecurrentNetwork
from gradflow.core.recurrent.record import record_pass
from gradflow.core.recurrent.report import State
from gradflow.core.recurrent.settings import copy_field
from gradflow.core.recurrent.spec import (
    Recurrent,
    SequenceExperiment,
    Sequences,
    estimate_pass_cost,
)
from gradflow.core.spec import Spec
from gradflow.core.text import N_, Text
from gradflow.core.training import Task, Trainer, TrainingPlan, make_task
from gradflow.core.training.task import Batch

MAX_STEPS = 2000
MAX_TFLOP = 5.0
"""Arithmetic of one cell's training: about two minutes of one core."""
MOMENT_COUNT = 40
"""Measurements of the gradient through time in one training."""

USUAL_SETTINGS: dict[Cell, dict[str, Any]] = {
    Cell.RNN_TANH: {"recurrent_init": RecurrentInit.ORTHOGONAL},
    Cell.RNN_RELU: {"recurrent_init": RecurrentInit.IDENTITY},
    Cell.LSTM: {},
    Cell.GRU: {},
}
"""How each cell is usually started: a rotation, the IRNN of Le et al. 2015, PyTorch's default."""
LEARNABLE: dict[SequenceSource, Choice] = {
    SequenceSource.ADDING: Choice(
        label=N_("Adding problem"),
        help=N_(
            "Two numbers of a sequence are marked, one in each half; the answer at the end is "
            "their sum. So a cell has to remember the first one over many steps."
        ),
    ),
    SequenceSource.DIGIT_ROWS: Choice(
        label=N_("Digits, row by row"),
        help=N_(
            "Images of 8 × 8 pixels, a row per step: eight steps, short enough for every cell."
        ),
    ),
    SequenceSource.DIGIT_PIXELS: Choice(
        label=N_("Digits, pixel by pixel"),
        help=N_("Images of 8 × 8 pixels, a pixel per step: 64 steps."),
    ),
}
"""The sequences that can be learned in a short training."""


class ShortTraining(Spec):
    """Adam with gradient clipping, on batches of sequences that are drawn once from the seed."""

    source: SequenceSource = copy_field(Sequences, "source", SequenceSource.ADDING)
    length: int = Field(30, ge=2, le=200, title="Length T", description="Time steps.")
    rnn_tanh: bool = Field(True, title="Vanilla RNN, tanh", description="Orthogonal W_hh.")
    rnn_relu: bool = Field(True, title="Vanilla RNN, ReLU", description="W_hh is the identity.")
    lstm: bool = Field(True, title="LSTM", description="PyTorch's default and the bias below.")
    gru: bool = Field(True, title="GRU", description="PyTorch's default.")
    forget_bias: float = copy_field(Recurrent, "forget_bias", 1.0)
    hidden_size: int = Field(
        32, ge=1, le=128, title="Hidden size H", description="Units of the hidden state."
    )
    batch_size: int = Field(
        32, ge=1, le=256, title="Batch size", description="Sequences in one step."
    )
    steps: int = Field(
        500, ge=10, le=MAX_STEPS, title="Steps", description="Updates of the weights."
    )
    learning_rate: float = Field(0.01, gt=0, le=1, title="Learning rate η", description="Of Adam.")
    clip_norm: float = Field(
        1.0, gt=0, le=1e6, title="Largest norm c", description="Gradients are clipped to it."
    )
    seed: int = copy_field(SequenceExperiment, "seed")

    @model_validator(mode="after")
    def _refuse_impossible_training(self) -> Self:
        if self.source not in LEARNABLE:
            raise InvalidExperiment(
                Text(
                    'source: "{source}" cannot be learned in a short training; choose one of '
                    "{known}",
                    source=self.source,
                    known=", ".join(LEARNABLE),
                ),
                fields=("source",),
            )
        for cell in self.cells:
            needed = self.steps * estimate_pass_cost(self.build_experiment(cell))[1]
            if needed > MAX_TFLOP:
                raise InvalidExperiment(
                    Text(
                        "steps: {steps} steps of this network need {needed} TFLOP of "
                        "arithmetic, allowed are at most {most}; choose fewer steps, a shorter "
                        "sequence, a smaller batch or fewer units",
                        steps=self.steps,
                        needed=needed,
                        most=MAX_TFLOP,
                    ),
                    fields=("steps", "length", "batch_size", "hidden_size"),
                )
        return self

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells to train."""
        return tuple(cell for cell in Cell if getattr(self, cell))

    def build_experiment(self, cell: Cell) -> SequenceExperiment:
        """Build the experiment that trains ``cell``."""
        own = {"forget_bias": self.forget_bias} if "forget_bias" in CELLS[cell].parameters else {}
        data = {"length": self.length} if self.applies("length", dict(self)) else {}
        return SequenceExperiment(
            network=Recurrent(
                cell=cell, hidden_size=self.hidden_size, **USUAL_SETTINGS[cell], **own
            ),
            data=Sequences(source=self.source, batch_size=self.batch_size, **data),
            seed=self.seed,
        )

    @property
    def guessing(self) -> float:
        """Loss on the held-out batch without any knowledge of the sequences.

        It is that of always answering 1, the mean sum (1/6 in expectation), or of equal
        probabilities, ln 10.
        """
        experiment = self.build_experiment(Cell.GRU)
        if not experiment.data.row.regression:
            return math.log(experiment.data.row.outputs)
        _inputs, targets = take_held_out(make_task(experiment), self.batch_size)
        return float((targets[-1] - 1).square().mean())

    @property
    def plan(self) -> TrainingPlan:
        """The plan of the training; the engine's own records are not needed."""
        return TrainingPlan(
            steps=self.steps,
            optimizer=Optimizer.ADAM,
            learning_rate=self.learning_rate,
            clip=Clip.NORM,
            threshold=self.clip_norm,
            record_every=self.steps,
            reports=0,
            evaluate_every=0,
        )

    @property
    def every(self) -> int:
        """Steps from one measurement to the next."""
        return max(1, self.steps // MOMENT_COUNT)


@dataclass(frozen=True, eq=False)
class Moment:
    """A held-out batch in the network as it stands after some steps.

    Attributes:
        step: steps done.
        loss: loss of this batch.
        accuracy: share of right answers at the last step; NaN in regression.
        norms: ‖∂L/∂h_t‖ and, in an LSTM, ‖∂L/∂c_t‖ by state, ``(T,)``.
        forget: mean gate of the direct path over all steps; NaN in a cell without gates.
    """

    step: int
    loss: float
    accuracy: float
    norms: Mapping[State, FloatArray]
    forget: float

    def __post_init__(self) -> None:
        freeze_mappings(self, "norms")


@dataclass(frozen=True, eq=False)
class TrainedCell:
    """A training so far.

    Attributes:
        cell: the cell.
        moments: its measurements, in the order of their steps.
    """

    cell: Cell
    moments: Sequence[Moment]

    @property
    def steps(self) -> FloatArray:
        """Steps done at each moment."""
        return np.array([moment.step for moment in self.moments], np.float64)

    @property
    def loss(self) -> FloatArray:
        """Loss at each moment."""
        return np.array([moment.loss for moment in self.moments], np.float64)

    @property
    def accuracy(self) -> FloatArray:
        """Accuracy at each moment."""
        return np.array([moment.accuracy for moment in self.moments], np.float64)

    @property
    def diverged(self) -> bool:
        """Whether the last loss is not a finite number."""
        return bool(self.moments) and not math.isfinite(self.moments[-1].loss)

    @property
    def best(self) -> float:
        """The lowest loss so far; infinite if none is finite."""
        return float(np.min(self.loss[np.isfinite(self.loss)], initial=math.inf))

    def stack_norms(self, state: State) -> FloatArray:
        """Stack ‖∂L/∂s_t‖ of all moments, ``(T, moments)``, for a heatmap."""
        return np.stack([moment.norms[state] for moment in self.moments], axis=1)


def take_held_out(task: Task, count: int) -> Batch:
    """Take inputs and targets of ``count`` sequences that no batch contains, or of all of them."""
    assert task.held_out is not None
    inputs, targets = task.held_out
    return inputs[:, :count], targets[:, :count]


def train_cell(
    spec: ShortTraining, cell: Cell, advance: Callable[[], None] = lambda: None
) -> Iterator[Moment]:
    """Train one cell and yield moments: before the first step, every ``spec.every``, and the last.

    It ends early if the loss is no longer finite. Whoever drops the iterator ends the training;
    so does what ``advance`` raises, which is called between two steps.
    """
    experiment = spec.build_experiment(cell)
    trainer = Trainer(make_task(experiment), spec.plan)
    inputs, targets = take_held_out(trainer.task, spec.batch_size)
    yield _measure_moment(experiment, trainer, inputs, targets)
    while not trainer.finished:
        advance()
        trainer.advance()
        if trainer.step % spec.every == 0 or trainer.finished:
            yield _measure_moment(experiment, trainer, inputs, targets)


def _measure_moment(
    experiment: SequenceExperiment, trainer: Trainer, inputs: Any, targets: Any
) -> Moment:
    network = trainer.task.model
    assert isinstance(network, RecurrentNetwork)
    report = record_pass(experiment, network, inputs, targets)
    row = experiment.network.row
    states: tuple[State, ...] = ("hidden", "cell") if row.has_cell else ("hidden",)
    accuracy = math.nan
    if trainer.task.accuracy is not None:
        accuracy = float(trainer.task.accuracy(network(inputs).detach(), targets))
    return Moment(
        step=trainer.step,
        loss=report.loss,
        accuracy=accuracy,
        norms={state: report.column(f"{state}_grad_norm") for state in states},
        forget=float(report.gate(row.highway).mean()) if row.highway else math.nan,
    )
