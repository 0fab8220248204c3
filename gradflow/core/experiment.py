"""Specs: what to build, on which data, in which number format. Frozen, hashable, validated."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from gradflow.core import limits
from gradflow.core.catalog import (
    DTYPES,
    INITIALIZATIONS,
    SOURCES,
    Activation,
    Connection,
    Device,
    DType,
    FanMode,
    Gain,
    Initialization,
    Loss,
    Normalization,
    NormMode,
    NormPosition,
    Source,
)
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec, shown

MAX_DEPTH = 200
MAX_WIDTH = 4096
MAX_BATCH = 10_000
Width = Annotated[int, Field(ge=1, le=MAX_WIDTH)]


class MLP(Spec):
    """A fully connected network.

    ``depth`` counts the weight layers, the readout included: depth 20 is 19 hidden layers of
    ``width`` units and a readout of as many units as the data has classes. ``widths`` gives the
    hidden widths one by one instead. Raises ``InvalidExperiment`` on anything impossible.
    """

    depth: int = Field(
        20, ge=1, le=MAX_DEPTH, title="Depth", description="Weight layers, the readout included."
    )
    width: int = Field(
        128, ge=1, le=MAX_WIDTH, title="Width", description="Units in each hidden layer."
    )
    widths: tuple[Width, ...] = Field(
        (),
        max_length=MAX_DEPTH - 1,
        title="Widths, one by one",
        description="Hidden widths such as 750-700-650; they replace depth and width.",
    )
    connection: Connection = Field(
        Connection.PLAIN, title="Connection", description="How the layers are wired."
    )
    block_size: int = Field(
        2, ge=1, le=10, title="Layers per block", description="Weight layers that a shortcut skips."
    )
    branch_scale: float = Field(
        1.0, ge=0, le=10, title="Branch scale α", description="Factor on the branch f(h)."
    )
    zero_last: bool = Field(
        False,
        title="Last branch weight zero",
        description="Each block starts as the identity (Fixup, zero-γ).",
    )
    activation: Activation = Field(
        Activation.TANH, title="Activation", description="The function φ after each hidden layer."
    )
    negative_slope: float = Field(
        0.01, ge=0, le=1, title="Negative slope", description="Slope of Leaky ReLU below 0."
    )
    elu_alpha: float = Field(
        1.0, gt=0, le=10, title="ELU α", description="ELU goes down to −α on the left."
    )
    initialization: Initialization = Field(
        Initialization.XAVIER_NORMAL,
        title="Initialization",
        description="The distribution the weights are drawn from.",
    )
    init_value: float = Field(
        0.01, ge=-10, le=10, title="Value", description="The value of every weight."
    )
    init_std: float = Field(
        0.01, gt=0, le=10, title="Standard deviation σ", description="σ of the weights."
    )
    init_limit: float = Field(
        0.05, gt=0, le=10, title="Limit r", description="Weights are drawn from −r to r."
    )
    fan_mode: FanMode = Field(
        FanMode.FAN_IN, title="Fan", description="Which variance is kept: forward or backward."
    )
    gain: Gain = Field(
        Gain.STANDARD, title="Gain", description="Factor on the standard deviation of the weights."
    )
    gain_value: float = Field(1.0, gt=0, le=100, title="Gain value", description="Your own gain.")
    bias_std: float = Field(
        0.0, ge=0, le=10, title="Bias σ", description="Biases come from N(0, σ²); 0 means zero."
    )
    normalization: Normalization = Field(
        Normalization.NONE, title="Normalization", description="What keeps the signal in range."
    )
    groups: int = Field(
        8, ge=1, le=MAX_WIDTH, title="Groups", description="Groups of units; must divide the width."
    )
    norm_position: NormPosition = Field(
        NormPosition.BEFORE, title="Position", description="Before or after the activation."
    )
    norm_mode: NormMode = Field(
        NormMode.TRAINING, title="Mode", description="Batch statistics or running statistics."
    )

    exempt: ClassVar[frozenset[str]] = frozenset({"depth", "width"})

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:
        """Whether a field has an effect; a list of widths replaces depth and width."""
        if name in ("depth", "width") and values.get("widths"):
            return False
        return super().applies(name, values)

    @model_validator(mode="before")
    @classmethod
    def _depth_follows_widths(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("widths"), (list, tuple)):
            if not values["widths"]:
                return values
            implied = {
                "depth": len(values["widths"]) + 1,
                "width": cls.model_fields["width"].default,
            }
            for name, value in implied.items():
                if values.get(name, value) != value:  # as a dumped spec has them, they may stay
                    raise InvalidExperiment(
                        f"{name}: {shown(values[name])} cannot be combined with widths; give one "
                        "or the other",
                        fields=(name,),
                    )
            return values | implied
        return values

    @model_validator(mode="after")
    def _groups_divide_widths(self) -> Self:
        if self.normalization is Normalization.GROUP:
            for width in self.hidden_widths:
                if width % self.groups:
                    raise InvalidExperiment(
                        f"groups: {self.groups} does not divide the width {width}; "
                        "choose a divisor of every hidden width",
                        fields=("groups",),
                    )
        return self

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Units of each hidden layer, from the input side."""
        return self.widths or (self.width,) * (self.depth - 1)

    def fans(self, features: int, classes: int) -> list[tuple[int, int]]:
        """``(fan_in, fan_out)`` of each weight layer for this input and output dimension."""
        sizes = [features, *self.hidden_widths, classes]
        if self.connection is Connection.DENSE:
            return [(sum(sizes[: i + 1]), sizes[i + 1]) for i in range(len(sizes) - 1)]
        return list(pairwise(sizes))


class Data(Spec):
    """A batch of inputs and class labels, drawn from the experiment's seed."""

    source: Source = Field(Source.DIGITS, title="Data", description="Where the inputs come from.")
    batch_size: int = Field(
        256, ge=1, le=MAX_BATCH, title="Batch size", description="Samples in the one pass."
    )
    dimension: int = Field(
        64, ge=1, le=MAX_WIDTH, title="Input dimension", description="Numbers per sample."
    )
    scale: float = Field(
        1.0, gt=0, le=1e6, title="Scale", description="Standard deviation of the inputs."
    )
    correlation: float = Field(
        0.0, ge=0, le=1, title="Correlation", description="Between any two samples; 1: all equal."
    )
    noise: float = Field(
        0.1, ge=0, le=1, title="Noise", description="Spread around the curves, before scaling."
    )

    @model_validator(mode="after")
    def _enough_samples(self) -> Self:
        samples = SOURCES[self.source].samples
        if samples is not None and self.batch_size > samples:
            raise InvalidExperiment(
                f"batch_size: {self.batch_size} is not allowed; the {self.source} data has "
                f"{samples} samples, choose a whole number from 1 to {samples} or other data",
                fields=("batch_size",),
            )
        return self

    @property
    def features(self) -> int:
        """Input dimension."""
        return SOURCES[self.source].features or self.dimension

    @property
    def classes(self) -> int:
        """Number of classes, the width of the readout."""
        return SOURCES[self.source].classes


class Experiment(Spec):
    """One network on one batch: everything that determines a report.

    Same experiment, same numbers: weights and data are drawn from ``seed`` by a CPU generator in
    float32 and then converted and moved.
    """

    network: MLP = Field(default_factory=MLP)
    data: Data = Field(default_factory=Data)
    loss: Loss = Field(
        Loss.CROSS_ENTROPY, title="Loss", description="What the gradient is the gradient of."
    )
    dtype: DType = Field(
        DType.FLOAT32, title="Number format", description="Format of weights, signals, gradients."
    )
    loss_scale: float = Field(
        1.0,
        gt=0,
        le=2.0**24,
        title="Loss scale",
        description="The loss is multiplied by it before the backward pass, gradients divided.",
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
    clip_norm: float = Field(
        0.0,
        ge=0,
        le=1e6,
        title="Clip the gradient's norm at c",
        description="The step uses g·min(1, c/‖g‖), ‖g‖ over all parameters; 0: no clipping. Only "
        "the update ratio changes.",
    )

    @model_validator(mode="after")
    def _batch_norm_needs_two(self) -> Self:
        network = self.network
        if (
            network.normalization is Normalization.BATCH
            and network.norm_mode is NormMode.TRAINING
            and self.data.batch_size < 2
        ):
            raise InvalidExperiment(
                "batch_size: 1 is not allowed with batch normalization in training mode, which "
                "needs 2 samples or more; raise batch_size or choose norm_mode evaluation",
                fields=("batch_size",),
            )
        return self

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        fans = self.network.fans(self.data.features, self.data.classes)
        limits.check(
            fans,
            self.data.batch_size,
            DTYPES[self.dtype].dtype.itemsize,
            orthogonal=INITIALIZATIONS[self.network.initialization].function.__name__
            == "orthogonal",
        )
        return self
