"""The settings of a convolutional network."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gradflow.core.catalog import (
    SOURCES,
    Architecture,
    Connection,
    Downsampling,
    Normalization,
    Padding,
)
from gradflow.core.errors import InvalidExperiment
from gradflow.core.limits import LayerSize
from gradflow.core.specs.data import Data
from gradflow.core.specs.network import LayerSettings
from gradflow.core.text import Text

MAX_CONV_DEPTH = 110
GAUSSIAN_CHANNELS = 3
"""Channels of images of Gaussian noise; digits have one."""


class ConvNet(LayerSettings):
    """A convolutional network on square images.

    ``depth`` counts the weight layers: depth 17 is 16 convolutions and a linear readout of the
    channels' means over the pixels. Convolutions keep the size of the image, except where a stage
    starts with a smaller one. Raises ``InvalidExperiment`` on anything impossible.
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
            message = Text(
                "downsampling: stride is not possible with connection=dense, which keeps all "
                "earlier images; choose max_pool, average_pool or none"
            )
            raise InvalidExperiment(message, fields=("downsampling",))
        return self

    @model_validator(mode="after")
    def _refuse_kernel_beyond_padding(self) -> Self:
        smallest = self.sizes[-1]
        if self.padding is Padding.CIRCULAR and self.kernel // 2 > smallest:
            message = Text(
                "kernel: {kernel} is too wide for circular padding of images of {size}×{size} "
                "pixels; choose a smaller kernel, fewer stages or zero padding",
                kernel=self.kernel,
                size=smallest,
            )
            raise InvalidExperiment(message, fields=("kernel",))
        return self

    @model_validator(mode="after")
    def _refuse_instance_norm_of_one_pixel(self) -> Self:
        if self.normalization is Normalization.INSTANCE and self.sizes[-1] == 1:
            message = Text(
                "normalization: instance is not possible on images of 1×1 pixels, whose mean is "
                "the pixel itself; choose fewer stages, a larger image_size or another "
                "normalization"
            )
            raise InvalidExperiment(message, fields=("normalization", "stages"))
        return self

    @model_validator(mode="after")
    def _refuse_empty_stages(self) -> Self:
        if self.downsampling is not Downsampling.NONE and len(self.units) < self.stages:
            message = Text(
                "stages: {stages} are more than the {units} convolutions or blocks that "
                "depth={depth} makes; choose fewer stages or a larger depth",
                stages=self.stages,
                units=len(self.units),
                depth=self.depth,
            )
            raise InvalidExperiment(message, fields=("stages",))
        return self

    def count_features(self, data: Data) -> int:
        """Count the numbers per sample: pixels × channels."""
        if SOURCES[data.source].features is None:
            return GAUSSIAN_CHANNELS * self.image_size**2
        return data.features

    def find_image_shape(self, data: Data) -> tuple[int, int]:
        """Return ``(channels, height = width)`` of the images in ``data``."""
        if SOURCES[data.source].features is None:
            return GAUSSIAN_CHANNELS, self.image_size
        return 1, math.isqrt(data.features)

    @property
    def size_fields(self) -> tuple[str, ...]:
        """Fields to lower if the network is too large."""
        growth = ("growth_rate",) if self.connection is Connection.DENSE else ()
        return ("depth", "channels", *growth, "kernel", "image_size")

    @property
    def units(self) -> list[list[int]]:
        """Convolutions, numbered from 1, in groups that no stage divides: blocks or single ones."""
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
        sizes, size = [], self.image_size
        for number in range(1, self.depth):
            if number in self.stage_starts:
                size = (size + 1) // 2
            sizes.append(size)
        return sizes

    @property
    def positions(self) -> int:
        """Pixels of the smallest image."""
        return self.sizes[-1] ** 2

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Channels of each convolution's output."""
        if self.connection is Connection.DENSE:
            return (self.channels,) + (self.growth_rate,) * (self.depth - 2)
        return (self.channels,) * (self.depth - 1)

    def list_layers(self, data: Data) -> list[LayerSize]:
        """List the sizes of all convolutions, which apply at each pixel, and of the readout."""
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
            LayerSize(seen[-1], data.outputs),
        ]

    def describe_shape(self) -> Text:
        """Say the size in words: ``17 layers, 32 channels``."""
        return Text("{depth} layers, {channels} channels", depth=self.depth, channels=self.channels)
