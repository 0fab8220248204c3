"""What all network specs have in common, and what those made of weight layers share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

from pydantic import Field, model_validator

from gradflow.core.catalog import (
    INITIALIZATIONS,
    Activation,
    Architecture,
    Connection,
    FanMode,
    Gain,
    Initialization,
    Normalization,
    NormMode,
    NormPosition,
)
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.limits import LayerSize
from gradflow.core.spec import Spec, find_enum, list_options
from gradflow.core.specs.data import Data

MAX_WIDTH = 4096


class NetworkSpec(Spec):
    """Base class of all networks."""

    architecture: Architecture = Field(
        Architecture.MLP, title="Architecture", description="The kind of network."
    )

    @model_validator(mode="after")
    def _refuse_other_architectures(self) -> Self:
        own = type(self).model_fields["architecture"].default
        if self.architecture is not own:
            raise InvalidExperiment(
                f"architecture: {quote_value(self.architecture)} is not allowed; "
                f"{type(self).__name__} is {own}, choose another spec",
                fields=("architecture",),
            )
        return self

    @model_validator(mode="after")
    def _refuse_options_of_others(self) -> Self:
        for name, field in type(self).model_fields.items():
            enum = find_enum(field)
            if enum and getattr(self, name) not in (own := list_options(enum, self.architecture)):
                raise InvalidExperiment(
                    f"{name}: {quote_value(getattr(self, name))} is not possible with "
                    f"architecture={self.architecture}; choose one of {', '.join(own)}",
                    fields=(name,),
                )
        return self

    @property
    @abstractmethod
    def size_fields(self) -> tuple[str, ...]:
        """Fields to lower where a network is too large: those of them that apply."""

    @abstractmethod
    def list_layers(self, data: Data) -> list[LayerSize]:
        """The sizes of all weight layers, in execution order."""

    @abstractmethod
    def describe_shape(self) -> str:
        """Depth and width in words, for titles."""

    def count_features(self, data: Data) -> int:
        """Numbers per sample that the network takes."""
        return data.features

    @property
    def orthogonal(self) -> bool:
        """Whether drawing the weights takes a QR decomposition of each."""
        return False


class ActivationSettings(NetworkSpec):
    """The activation function and its parameters."""

    activation: Activation = Field(
        Activation.TANH, title="Activation", description="The function φ after each hidden layer."
    )
    negative_slope: float = Field(
        0.01, ge=0, le=1, title="Negative slope", description="Slope of Leaky ReLU below 0."
    )
    elu_alpha: float = Field(
        1.0, gt=0, le=10, title="ELU α", description="ELU goes down to −α on the left."
    )


class LayerSettings(ActivationSettings):
    """What an MLP and a ConvNet share: weights, normalization, connections."""

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

    @property
    @abstractmethod
    def hidden_widths(self) -> tuple[int, ...]:
        """Units (channels of a convolution) of each hidden layer, from the input side."""

    @property
    def orthogonal(self) -> bool:
        """Whether drawing the weights takes a QR decomposition of each."""
        return INITIALIZATIONS[self.initialization].function.__name__ == "orthogonal"

    @model_validator(mode="after")
    def _refuse_uneven_groups(self) -> Self:
        if self.normalization is Normalization.GROUP:
            for width in self.hidden_widths:
                if width % self.groups:
                    raise InvalidExperiment(
                        f"groups: {self.groups} does not divide the width {width}; "
                        "choose a divisor of every hidden width",
                        fields=("groups",),
                    )
        return self
