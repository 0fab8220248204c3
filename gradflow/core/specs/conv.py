"""The settings of a convolutional network."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gradflow.core.catalog import (
    Architecture,
    Connection,
    Downsampling,
    Normalization,
    Padding,
    Source,
)
from gradflow.core.errors import InvalidExperiment
from gradflow.core.limits import LayerSize
from gradflow.core.specs.data import Data
from gradflow.core.specs.network import LayerSettings

MAX_CONV_DEPTH = 110
GAUSSIAN_CHANNELS = 3


class ConvNet(LayerSettings):
    """A convolutional network on square images.

    ``depth`` counts the weight layers: depth 17 is 16 convolutions and a linear readout of the
    channels' means over the pixels. The convolutions keep the size of the image, but for the
    first of each stage. Raises ``InvalidExperiment`` on anything impossible.
    """

    architecture: Architecture = Field(
        Architecture.CONV, title="Architecture", description="The kind of network."
    )
    depth: int = Field(
        17,
        ge=2,
        le=MAX_CONV_DEPTH,
        title="Depth",
        description="Weight layers: convolutions and a linear readout.",
    )
    channels: int = Field(
        16, ge=1, le=512, title="Channels", description="Channels of each hidden layer."
    )
    growth_rate: int = Field(
        16,
        ge=1,
        le=128,
        title="Growth rate k",
        description="Channels that each layer adds to what the next ones see, as in DenseNet.",
    )
    kernel: Literal[1, 3, 5, 7] = Field(
        3, title="Kernel", description="Height and width of the window that an output sees."
    )
    padding: Padding = Field(
        Padding.ZERO, title="Padding", description="What stands beyond the border."
    )
    image_size: int = Field(
        8,
        ge=4,
        le=64,
        title="Image size",
        description="Height and width; pixels of the 8×8 digits are repeated to fill it.",
    )
    downsampling: Downsampling = Field(
        Downsampling.NONE,
        title="Downsampling",
        description="How the image is halved from stage to stage.",
    )
    stages: int = Field(
        2, ge=2, le=4, title="Stages", description="Parts of equal depth; each halves the image."
    )

    @field_validator("kernel", mode="before")
    @classmethod
    def _read_kernel(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value in ("1", "3", "5", "7") else value

    @model_validator(mode="after")
    def _refuse_stride_with_dense(self) -> Self:
        if self.downsampling is Downsampling.STRIDE and self.connection is Connection.DENSE:
            raise InvalidExperiment(
                "downsampling: stride is not possible with connection=dense, which keeps all "
                "earlier images; choose max_pool, average_pool or none",
                fields=("downsampling",),
            )
        return self

    @model_validator(mode="after")
    def _refuse_kernel_beyond_padding(self) -> Self:
        smallest = self.sizes[-1]
        if self.padding is Padding.CIRCULAR and self.kernel // 2 > smallest:
            raise InvalidExperiment(
                f"kernel: {self.kernel} is too wide for circular padding of images of "
                f"{smallest}×{smallest} pixels; choose a smaller kernel, fewer stages or zero "
                "padding",
                fields=("kernel",),
            )
        return self

    @model_validator(mode="after")
    def _refuse_instance_norm_of_one_pixel(self) -> Self:
        if self.normalization is Normalization.INSTANCE and self.sizes[-1] == 1:
            raise InvalidExperiment(
                "normalization: instance is not possible on images of 1×1 pixels, whose mean is "
                "the pixel itself; choose fewer stages, a larger image_size or another "
                "normalization",
                fields=("normalization", "stages"),
            )
        return self

    @model_validator(mode="after")
    def _refuse_empty_stages(self) -> Self:
        if self.downsampling is not Downsampling.NONE and len(self.units) < self.stages:
            raise InvalidExperiment(
                f"stages: {self.stages} are more than the {len(self.units)} convolutions or blocks "
                f"that depth={self.depth} makes; choose fewer stages or a larger depth",
                fields=("stages",),
            )
        return self

    def count_features(self, data: Data) -> int:
        """Numbers per sample: pixels and channels."""
        if data.source is Source.GAUSSIAN:
            return GAUSSIAN_CHANNELS * self.image_size**2
        return data.features

    def find_image_shape(self, data: Data) -> tuple[int, int]:
        """``(channels, size)`` of the images in ``data``."""
        if data.source is Source.GAUSSIAN:
            return GAUSSIAN_CHANNELS, self.image_size
        return 1, math.isqrt(data.features)

    @property
    def size_fields(self) -> tuple[str, ...]:
        """Fields to lower where a network is too large."""
        growth = ("growth_rate",) if self.connection is Connection.DENSE else ()
        return ("depth", "channels", *growth, "kernel", "image_size")

    @property
    def units(self) -> list[list[int]]:
        """Convolutions (numbered from 1) that stay together: single ones, or those of a block.

        A stage starts with a unit, never within one.
        """
        numbers = list(range(1, self.depth))
        if self.connection in (Connection.RESIDUAL, Connection.PREACTIVATION):
            size = self.block_size
            return [numbers[:1], *(numbers[i : i + size] for i in range(1, len(numbers), size))]
        return [[number] for number in numbers]

    @property
    def stage_starts(self) -> frozenset[int]:
        """Convolutions with which the second and further stages start."""
        if self.downsampling is Downsampling.NONE:
            return frozenset()
        units = self.units
        return frozenset(
            units[len(units) * stage // self.stages][0] for stage in range(1, self.stages)
        )

    @property
    def sizes(self) -> list[int]:
        """Height and width of each convolution's output."""
        found, size = [], self.image_size
        for number in range(1, self.depth):
            if number in self.stage_starts:
                size = (size + 1) // 2
            found.append(size)
        return found

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Channels of each convolution's output."""
        if self.connection is Connection.DENSE:
            return (self.channels,) + (self.growth_rate,) * (self.depth - 2)
        return (self.channels,) * (self.depth - 1)

    def list_layers(self, data: Data) -> list[LayerSize]:
        """Every convolution, applied at each pixel, and the readout."""
        outs = self.hidden_widths
        dense = self.connection is Connection.DENSE
        seen = [sum(outs[:i]) if dense else outs[i - 1] for i in range(1, len(outs) + 1)]
        window = self.kernel**2
        return [
            *(
                LayerSize(channels * window, out, size**2, channels)
                for channels, out, size in zip(
                    [self.find_image_shape(data)[0], *seen], outs, self.sizes, strict=False
                )
            ),
            LayerSize(seen[-1], data.classes),
        ]

    def describe_shape(self) -> str:
        """Such as ``17 layers, 32 channels``."""
        return f"{self.depth} layers, {self.channels} channels"
