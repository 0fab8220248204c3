"""Convolutional networks: one module per connection pattern.

The classes take plain sizes and factories, not specs, because ``to_code`` prints their source.
Convolution i is called ``conv{i}``, its normalization ``norm{i}`` and its activation ``act{i}``.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.networks.mlp import Block, finish_layer


class Windows(NamedTuple):
    """The window of all convolutions, and the convolutions (from 1) before which images halve."""

    kernel: int
    circular: bool
    downsampling: str
    starts: tuple[int, ...]

    def make_convolution(self, index: int, channels: int, out: int) -> tuple[str, nn.Module]:
        """Make convolution ``index``, which keeps the image's size or halves it by its stride."""
        stride = 2 if self.downsampling == "stride" and index in self.starts else 1
        layer = nn.Conv2d(
            channels,
            out,
            self.kernel,
            stride,
            self.kernel // 2,
            padding_mode="circular" if self.circular else "zeros",
        )
        return f"conv{index}", layer

    def make_pooling(self, index: int) -> list[tuple[str, nn.Module]]:
        """Make the pooling before convolution ``index``; none where images do not halve by one."""
        if index not in self.starts or self.downsampling == "stride":
            return []
        pool = nn.MaxPool2d if self.downsampling == "max_pool" else nn.AvgPool2d
        return [(f"pool{index}", pool(2, ceil_mode=True))]


class Images(nn.Module):
    """Reshaping of flat pixels into images of ``size``×``size``; pixels repeat to fill it."""

    def __init__(self, channels: int, side: int, size: int) -> None:
        super().__init__()
        self.shape = (channels, side, side)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels·side²)`` to ``(batch, channels, size, size)``."""
        x = x.view(-1, *self.shape)
        return x if self.size == self.shape[-1] else F.interpolate(x, size=self.size)


class MeanLinear(nn.Linear):
    """A linear readout of the channels' means over all pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, height, width)`` to ``(batch, classes)``."""
        return super().forward(x.mean((-2, -1)))


class ImageBlock(Block):
    """tail(h + scale·branch(h)); the shortcut skips pixels where the branch's stride does."""

    def fit_shortcut(self, h: Tensor, f: Tensor) -> Tensor:
        """Take the pixels of ``h`` that the branch's stride takes."""
        return h if f.shape[-1] == h.shape[-1] else h[..., ::2, ::2]


class PlainConvNet(nn.Sequential):
    """Layers of conv → norm → activation, and a linear readout."""

    def __init__(
        self,
        image: tuple[int, int, int],
        widths: list[int],
        classes: int,
        windows: Windows,
        **after: Any,
    ) -> None:
        modules: list[tuple[str, nn.Module]] = [("images", Images(*image))]
        for index, width in enumerate(widths, start=1):
            channels = widths[index - 2] if index > 1 else image[0]
            modules += windows.make_pooling(index)
            modules.append(windows.make_convolution(index, channels, width))
            modules += finish_layer(index, width, **after)
        modules.append((f"linear{len(widths) + 1}", MeanLinear(widths[-1], classes)))
        super().__init__(OrderedDict(modules))


class ResidualConvNet(nn.Sequential):
    """A first convolution, basic blocks φ(h + α·f(h)) (He et al. 2016), a linear readout."""

    def __init__(
        self,
        image: tuple[int, int, int],
        widths: list[int],
        classes: int,
        windows: Windows,
        block_size: int,
        scale: float,
        **after: Any,
    ) -> None:
        last = len(widths) + 1
        modules: list[tuple[str, nn.Module]] = [("images", Images(*image))]
        modules.append(windows.make_convolution(1, image[0], widths[0]))
        modules += finish_layer(1, widths[0], **after)
        for start in range(2, last, block_size):
            branch: list[tuple[str, nn.Module]] = []
            for index in range(start, min(start + block_size, last)):
                branch.append(windows.make_convolution(index, widths[index - 2], widths[index - 1]))
                branch += finish_layer(index, widths[index - 1], **after)
            # The activation of the block's last convolution comes after the addition, and so
            # does a normalization that follows it.
            cut = len(branch) - 1
            while not branch[cut][0].startswith("act"):
                cut -= 1
            modules += windows.make_pooling(start)
            modules.append((f"block{start}", ImageBlock(branch[:cut], branch[cut:], scale)))
        modules.append((f"linear{last}", MeanLinear(widths[-1], classes)))
        super().__init__(OrderedDict(modules))


class PreActivationConvNet(nn.Sequential):
    """Blocks h + α·f(h) in which norm and activation come before each convolution."""

    def __init__(
        self,
        image: tuple[int, int, int],
        widths: list[int],
        classes: int,
        windows: Windows,
        block_size: int,
        scale: float,
        **after: Any,
    ) -> None:
        last = len(widths) + 1
        modules: list[tuple[str, nn.Module]] = [("images", Images(*image))]
        modules.append(windows.make_convolution(1, image[0], widths[0]))
        for start in range(2, last, block_size):
            branch: list[tuple[str, nn.Module]] = []
            for index in range(start, min(start + block_size, last)):
                branch += finish_layer(index - 1, widths[index - 2], **after)
                branch.append(windows.make_convolution(index, widths[index - 2], widths[index - 1]))
            modules += windows.make_pooling(start)
            modules.append((f"block{start}", ImageBlock(branch, [], scale)))
        modules += finish_layer(last - 1, widths[-1], **after)
        modules.append((f"linear{last}", MeanLinear(widths[-1], classes)))
        super().__init__(OrderedDict(modules))


class DenseConvNet(nn.Module):
    """Layers that each see the outputs of all earlier ones (Huang et al. 2017)."""

    output: nn.Module | None

    def __init__(
        self,
        image: tuple[int, int, int],
        widths: list[int],
        classes: int,
        windows: Windows,
        **after: Any,
    ) -> None:
        super().__init__()
        self.register_module("output", None)  # what may follow the readout
        self.images = Images(*image)
        self.hidden = nn.ModuleList()
        self.pools = nn.ModuleDict()
        seen = image[0]
        for index, width in enumerate(widths, start=1):
            self.pools.update(dict(windows.make_pooling(index)))
            layer = [windows.make_convolution(index, seen, width)]
            self.hidden.append(
                nn.Sequential(OrderedDict(layer + finish_layer(index, width, **after)))
            )
            seen = width if index == 1 else seen + width
        self.readout = MeanLinear(seen, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, pixels)`` to ``(batch, classes)``."""
        x = self.images(x)
        for index, layer in enumerate(self.hidden, start=1):
            if f"pool{index}" in self.pools:
                x = self.pools[f"pool{index}"](x)
            x = layer(x) if index == 1 else torch.cat([x, layer(x)], dim=1)
        x = self.readout(x)
        return x if self.output is None else self.output(x)
