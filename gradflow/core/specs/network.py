"""The base classes of the networks' specs."""

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
    Readout,
)
from gradflow.core.catalog.weight_fills import orthogonal
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.limits import LayerSize
from gradflow.core.spec import Spec, find_enum, list_options
from gradflow.core.specs.data import Data
from gradflow.core.text import Text

MAX_WIDTH = 4096


class NetworkSpec(Spec):
    """Base class of the specs of all networks."""

    architecture: Architecture = Field(
        Architecture.MLP, title="Architecture", description="The kind of network."
    )
    readout: Readout = Field(
        Readout.NONE, title="Readout activation", description="What follows the last weights."
    )

    @model_validator(mode="after")
    def _refuse_other_architectures(self) -> Self:
        own = type(self).model_fields["architecture"].default
        if self.architecture is not own:
            message = Text(
                "architecture: {value} is not allowed; {spec} is {own}, choose another spec",
                value=quote_value(self.architecture),
                spec=type(self).__name__,
                own=own,
            )
            raise InvalidExperiment(message, fields=("architecture",))
        return self

    @model_validator(mode="after")
    def _refuse_options_of_others(self) -> Self:
        for name, field in type(self).model_fields.items():
            enum = find_enum(field)
            if enum and getattr(self, name) not in (own := list_options(enum, self.architecture)):
                message = Text(
                    "{name}: {value} is not possible with architecture={architecture}; choose one "
                    "of {possible}",
                    name=name,
                    value=quote_value(getattr(self, name)),
                    architecture=self.architecture,
                    possible=", ".join(own),
                )
                raise InvalidExperiment(message, fields=(name,))
        return self

    @property
    @abstractmethod
    def size_fields(self) -> tuple[str, ...]:
        """Fields to lower if the network is too large; only those that apply."""

    @abstractmethod
    def list_layers(self, data: Data) -> list[LayerSize]:
        """List the sizes of all weight layers, in execution order."""

    @abstractmethod
    def describe_shape(self) -> Text:
        """Say depth and width in words, for titles."""

    def count_features(self, data: Data) -> int:
        """Count the numbers per sample that the network takes."""
        return data.features

    @property
    def orthogonal(self) -> bool:
        """Whether drawing the weights takes a QR decomposition of each."""
        return False


class ActivationSettings(NetworkSpec):
    """Settings of networks with an activation function: the function and its parameters."""

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
    """Settings that MLP and ConvNet share: weights, normalization, connections."""

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
    init_std: float = Field(0.01, gt=0, le=10, title="Weight σ", description="σ of the weights.")
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
    def positions(self) -> int:
        """Pixels at which every hidden layer is applied at least; 1 without images."""
        return 1

    @property
    def orthogonal(self) -> bool:
        """Whether drawing the weights takes a QR decomposition of each."""
        return INITIALIZATIONS[self.initialization].function is orthogonal

    @model_validator(mode="after")
    def _refuse_uneven_groups(self) -> Self:
        if self.normalization is Normalization.GROUP:
            for width in self.hidden_widths:
                if width % self.groups:
                    message = Text(
                        "groups: {groups} does not divide the width {width}; choose a divisor of "
                        "every hidden width",
                        groups=self.groups,
                        width=width,
                    )
                    raise InvalidExperiment(message, fields=("groups",))
        return self
