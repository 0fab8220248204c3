"""The settings of an experiment: network, data, loss, number format. Frozen, validated."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from gradflow.core import limits
from gradflow.core.catalog import (
    DTYPES,
    LOSSES,
    READOUTS,
    SOURCES,
    Architecture,
    Device,
    DType,
    Loss,
    Normalization,
    NormMode,
    Source,
)
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec, list_options
from gradflow.core.specs.conv import ConvNet
from gradflow.core.specs.data import MAX_BATCH, Data
from gradflow.core.specs.mlp import MAX_DEPTH, MLP
from gradflow.core.specs.network import MAX_WIDTH, LayerSettings, NetworkSpec
from gradflow.core.specs.transformer import Transformer
from gradflow.core.speed import find_slowness
from gradflow.core.text import Text

__all__ = [
    "MAX_BATCH",
    "MAX_DEPTH",
    "MAX_WIDTH",
    "MLP",
    "NETWORKS",
    "ConvNet",
    "Data",
    "Experiment",
    "LayerSettings",
    "NetworkSpec",
    "Transformer",
]

NETWORKS: dict[Architecture, type[NetworkSpec]] = {
    Architecture.MLP: MLP,
    Architecture.CONV: ConvNet,
    Architecture.TRANSFORMER: Transformer,
}


class Experiment(Spec):
    """One network on one batch: all settings that determine a report.

    The same experiment gives the same numbers: weights and data are drawn from ``seed`` by a CPU
    generator in float32, then converted and moved. Raises ``InvalidExperiment`` on anything
    impossible.
    """

    network: MLP | ConvNet | Transformer = Field(default_factory=MLP)
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
    def _refuse_data_not_for_network(self) -> Self:
        only = SOURCES[self.data.source].only
        if only and self.network.architecture not in only:
            possible = ", ".join(list_options(Source, self.network.architecture))
            message = Text(
                "source: {source} is not possible with architecture={architecture}; choose one of "
                "{possible}",
                source=self.data.source,
                architecture=self.network.architecture,
                possible=possible,
            )
            raise InvalidExperiment(message, fields=("source",))
        return self

    @model_validator(mode="after")
    def _set_dimension(self) -> Self:
        if not self.data.applies("dimension", self.data_values):
            dimension = self.network.count_features(self.data)
            if self.data.dimension not in (Data.model_fields["dimension"].default, dimension):
                message = Text(
                    "dimension: {given} has no effect with architecture={architecture}, which "
                    "takes {dimension} numbers per sample; leave it out",
                    given=self.data.dimension,
                    architecture=self.network.architecture,
                    dimension=dimension,
                )
                raise InvalidExperiment(message, fields=("dimension",))
            if SOURCES[self.data.source].features is None:
                data = self.data.model_copy(update={"dimension": dimension})
                object.__setattr__(self, "data", data)  # frozen, but still in the making
        return self

    @model_validator(mode="after")
    def _refuse_loss_not_for_targets(self) -> Self:
        if self.data.targets not in LOSSES[self.loss].targets:
            message = Text(
                "loss: {loss} is not possible with targets={targets}; choose one of {possible}",
                loss=self.loss,
                targets=self.data.targets,
                possible=", ".join(
                    code for code, row in LOSSES.items() if self.data.targets in row.targets
                ),
            )
            raise InvalidExperiment(message, fields=("loss", "targets"))
        return self

    @model_validator(mode="after")
    def _refuse_loss_of_no_probabilities(self) -> Self:
        readout = self.network.readout
        if LOSSES[self.loss].probabilities and not READOUTS[readout].probabilities:
            message = Text(
                "loss: {loss} needs outputs from 0 to 1, which readout={readout} does not give; "
                "choose loss bce_with_logits, or one of the readouts {possible}",
                loss=self.loss,
                readout=readout,
                possible=", ".join(code for code, row in READOUTS.items() if row.probabilities),
            )
            raise InvalidExperiment(message, fields=("loss", "readout"))
        return self

    @model_validator(mode="after")
    def _refuse_batch_norm_of_one_value(self) -> Self:
        network = self.network
        if (
            isinstance(network, LayerSettings)
            and network.normalization is Normalization.BATCH
            and network.norm_mode is NormMode.TRAINING
            and self.data.batch_size < 2
            and network.positions < 2  # over several, PyTorch takes the statistics of one image
        ):
            message = Text(
                "batch_size: 1 is not allowed with batch normalization in training mode, which "
                "needs 2 samples or more; raise batch_size or choose norm_mode evaluation"
            )
            raise InvalidExperiment(message, fields=("batch_size",))
        return self

    @model_validator(mode="after")
    def _refuse_too_large(self) -> Self:
        limits.refuse_too_large(
            self.network.list_layers(self.data),
            self.data.batch_size,
            self.dtype,
            orthogonal=self.network.orthogonal,
            slowness=self.slowness,
            size=self.size,
        )
        return self

    @property
    def mlp(self) -> MLP:
        """The network of an experiment that is known to have a fully connected one.

        Raises:
            TypeError: it is of another kind.
        """
        if not isinstance(self.network, MLP):
            raise TypeError(f"network: {self.network.architecture} is not fully connected")
        return self.network

    @property
    def need(self) -> tuple[float, float]:
        """GiB of memory that one pass takes at most, and its TFLOP of arithmetic."""
        return limits.estimate_need(
            self.network.list_layers(self.data),
            self.data.batch_size,
            DTYPES[self.dtype].dtype.itemsize,
            orthogonal=self.network.orthogonal,
            slowness=self.slowness,
        )

    @property
    def slowness(self) -> int:
        """How many times as long as in float32 its products take."""
        images = isinstance(self.network, ConvNet)
        return find_slowness(self.dtype, self.device, images=images)

    @property
    def size(self) -> limits.Size:
        """What makes it large, in words."""
        fields = type(self.network).model_fields
        return limits.Size(
            self.network.describe_shape(),
            self.data.batch_size,
            {name: str(fields[name].title) for name in self.network.size_fields},
        )

    @property
    def data_values(self) -> dict[str, Any]:
        """The settings of the data, with the architecture, on which it depends which apply."""
        return dict(self.data) | {"architecture": self.network.architecture}
