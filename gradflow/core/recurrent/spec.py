"""Specs of recurrent networks, of sequences, and of one pass through time."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gradflow.core import limits
from gradflow.core.catalog import (
    CELLS,
    DTYPES,
    RECURRENT_INITS,
    SEQUENCE_SOURCES,
    Cell,
    Device,
    DType,
    LossAt,
    RecurrentInit,
    RecurrentScale,
    SequenceSource,
)
from gradflow.core.catalog.cells import CellChoice, RecurrentInitChoice
from gradflow.core.catalog.sequences import SequenceChoice
from gradflow.core.environment import MAX_GIB, MAX_TFLOP, read_limits
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.speed import describe_arithmetic, find_slowness
from gradflow.core.text import Text

MAX_LAYERS = 8
MAX_HIDDEN = 1024
MAX_LENGTH = 500
MAX_SEQUENCES = 2048
EIGENVALUES_FLOP = 25
"""Arithmetic of all eigenvalues of an n × n matrix, as a multiple of n³."""


class Recurrent(Spec):
    """Recurrent layers and a linear readout of the last one's hidden state.

    Input weights and the readout are drawn as PyTorch draws them, U(±1/√H); the settings say how
    the recurrent matrix W_hh is drawn, each block of a gate on its own. Biases are 0 unless
    ``recurrent_init`` is PyTorch's own. Raises ``InvalidExperiment`` on anything impossible.
    """

    cell: Cell = Field(Cell.RNN_TANH, title="Cell", description="What one time step computes.")
    layers: int = Field(
        1, ge=1, le=MAX_LAYERS, title="Layers", description="Recurrent layers on top of each other."
    )
    hidden_size: int = Field(
        128, ge=1, le=MAX_HIDDEN, title="Hidden size H", description="Units of the hidden state."
    )
    forget_bias: float = Field(
        0.0,
        ge=-10,
        le=10,
        title="Forget-gate bias b_f",
        description="The effective one; PyTorch keeps two biases, each gets half of it.",
    )
    recurrent_init: RecurrentInit = Field(
        RecurrentInit.PYTORCH,
        title="Recurrent matrix",
        description="The distribution W_hh is drawn from.",
    )
    recurrent_scale: RecurrentScale = Field(
        RecurrentScale.GAIN, title="Scaled by", description="What gives W_hh its scale."
    )
    recurrent_gain: float = Field(
        1.0, ge=0, le=10, title="Gain g", description="Factor on the drawn matrix."
    )
    spectral_radius: float = Field(
        1.0,
        ge=0,
        le=10,
        title="Spectral radius ρ",
        description="Largest |eigenvalue| of W_hh (of each gate's block).",
    )

    @property
    def row(self) -> CellChoice:
        """The cell's row in the catalog."""
        return CELLS[self.cell]

    @property
    def init(self) -> RecurrentInitChoice:
        """The initialization's row in the catalog."""
        return RECURRENT_INITS[self.recurrent_init]

    def list_input_sizes(self, features: int) -> list[int]:
        """List how many numbers per step enter each layer."""
        return [features, *[self.hidden_size] * (self.layers - 1)]


class Sequences(Spec):
    """A batch of sequences with their answers, drawn from the experiment's seed."""

    source: SequenceSource = Field(
        SequenceSource.NOISE, title="Sequences", description="Where the inputs come from."
    )
    batch_size: int = Field(
        64, ge=1, le=MAX_SEQUENCES, title="Batch size", description="Sequences in the one pass."
    )
    length: int = Field(100, ge=2, le=MAX_LENGTH, title="Length T", description="Time steps.")
    features: int = Field(8, ge=1, le=256, title="Features", description="Numbers per time step.")
    recall: int = Field(
        5, ge=1, le=20, title="Symbols", description="How many symbols have to be repeated."
    )

    @model_validator(mode="after")
    def _refuse_too_many_samples(self) -> Self:
        samples = self.row.samples
        if samples is not None and self.batch_size > samples:
            raise InvalidExperiment(
                Text(
                    "batch_size: {batch_size} is not allowed; {source} has {samples} samples, "
                    "choose a whole number from 1 to {samples} or other data",
                    batch_size=self.batch_size,
                    source=self.source,
                    samples=samples,
                ),
                fields=("batch_size",),
            )
        return self

    @model_validator(mode="after")
    def _refuse_no_room_for_recall(self) -> Self:
        if self.source is SequenceSource.COPY and self.length <= 2 * self.recall:
            raise InvalidExperiment(
                Text(
                    "length: {length} is not allowed with recall={recall}; symbols, a delimiter "
                    "and their recall take {steps} steps or more, choose a longer sequence or "
                    "fewer symbols",
                    length=self.length,
                    recall=self.recall,
                    steps=2 * self.recall + 1,
                ),
                fields=("length", "recall"),
            )
        return self

    @property
    def row(self) -> SequenceChoice:
        """The source's row in the catalog."""
        return SEQUENCE_SOURCES[self.source]

    @property
    def steps(self) -> int:
        """T, the time steps of every sequence."""
        return self.row.steps or self.length

    @property
    def inputs(self) -> int:
        """Numbers per time step."""
        return self.row.features or self.features

    @property
    def answer_steps(self) -> int:
        """Steps at the end at which the answer is due: 1, or the recall in the copy task."""
        return self.recall if self.source is SequenceSource.COPY else 1


class SequenceExperiment(Spec):
    """One recurrent network on one batch of sequences: everything that determines a report.

    Weights and data are drawn from ``seed`` by a CPU generator in float32, then converted and
    moved. The loss is cross-entropy, or the mean squared error in the adding problem; half formats
    compute it in float32.
    """

    network: Recurrent = Field(default_factory=Recurrent)
    data: Sequences = Field(default_factory=Sequences)
    loss_at: LossAt = Field(
        LossAt.LAST, title="Loss at", description="The steps whose outputs count; their mean."
    )
    dtype: DType = Field(
        DType.FLOAT32, title="Number format", description="Format of weights, signals, gradients."
    )
    device: Device = Field(Device.AUTO, title="Device", description="Where the pass runs.")
    seed: int = Field(
        0, ge=0, le=2**31 - 1, title="Seed", description="Draws other weights and another batch."
    )
    learning_rate: float = Field(
        0.01,
        gt=0,
        le=100,
        title="Learning rate",
        description="Only for the update ratio lr·‖∂L/∂W‖/‖W‖ in the tables.",
    )

    @model_validator(mode="after")
    def _refuse_beyond_limits(self) -> Self:
        needs = estimate_pass_cost(self)
        names = (
            (Text("{n} GiB of memory", n=needs[0]), MAX_GIB),
            (describe_arithmetic(needs[1], self.dtype, self.slowness), MAX_TFLOP),
        )
        for need, limit, (words, variable) in zip(needs, read_limits(), names, strict=True):
            if need > limit:
                raise self.refuse(words, limits.describe_limit(limit, variable))
        return self

    def refuse(self, needed: Text, allowed: Text) -> InvalidExperiment:
        """Make the error that says what is needed, what is allowed, and what to lower."""
        message = Text(
            "layers × hidden_size × length × batch_size: {layers} layers of {units} units over "
            "{steps} steps of {sequences} sequences need {needed}, {allowed}; lower one of them",
            layers=self.network.layers,
            units=self.network.hidden_size,
            steps=self.data.steps,
            sequences=self.data.batch_size,
            needed=needed,
            allowed=allowed,
        )
        return InvalidExperiment(message, ("layers", "hidden_size", "length", "batch_size"))

    @property
    def slowness(self) -> int:
        """How many times as long as in float32 its products take."""
        return find_slowness(self.dtype, self.device)

    @property
    def loss_steps(self) -> int:
        """Steps at the end whose outputs count."""
        return self.data.steps if self.loss_at is LossAt.EVERY else self.data.answer_steps


def count_weights(experiment: SequenceExperiment) -> int:
    """Count the weights of all cells, input and recurrent ones."""
    spec = experiment.network
    sizes = spec.list_input_sizes(experiment.data.inputs)
    return sum(spec.row.blocks * spec.hidden_size * (n + spec.hidden_size) for n in sizes)


def estimate_pass_cost(experiment: SequenceExperiment) -> tuple[float, float]:
    """Estimate the GiB of memory and the TFLOP of arithmetic that an experiment takes.

    Memory: weights as drawn, weights in their format, and two gradients; per step and layer the
    tensors that autograd keeps, about six arrays of batch × units for each block of the recurrent
    weight. Arithmetic: 6·steps·batch·weights, as many times as a slow number format takes
    longer than float32, and the eigenvalues of the recurrent matrices.
    """
    spec, data = experiment.network, experiment.data
    itemsize = DTYPES[experiment.dtype].dtype.itemsize
    hidden, blocks = spec.hidden_size, spec.row.blocks
    weights = count_weights(experiment)
    kept = 6 * blocks * hidden * spec.layers * data.steps * data.batch_size
    gib = (weights * (4 + 3 * itemsize) + kept * itemsize) / 2**30
    flop = 6 * experiment.slowness * data.steps * data.batch_size * weights
    flop += EIGENVALUES_FLOP * spec.layers * blocks * hidden**3
    return gib, flop / 1e12
