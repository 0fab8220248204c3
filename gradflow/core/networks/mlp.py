"""Fully connected networks: one module per connection pattern.

The classes take plain sizes and factories, not specs, because ``to_code`` prints their source
into the exported script. ``sizes`` runs from the input dimension to the readout width; weight
layer i is called ``linear{i}``, its normalization ``norm{i}`` and its activation ``act{i}``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def finish_layer(
    index: int,
    width: int,
    activation: Callable[[], nn.Module],
    normalization: Callable[[int], nn.Module] | None,
    norm_first: bool,
) -> list[tuple[str, nn.Module]]:
    """Make the activation and normalization that follow weight layer ``index``, in their order."""
    modules = [(f"act{index}", activation())]
    if normalization is not None:
        modules.insert(0 if norm_first else 1, (f"norm{index}", normalization(width)))
    return modules


class PlainMLP(nn.Sequential):
    """Layers of linear → norm → activation, and a linear readout."""

    def __init__(self, sizes: list[int], **after: Any) -> None:
        modules: list[tuple[str, nn.Module]] = []
        for index, width in enumerate(sizes[1:-1], start=1):
            modules.append((f"linear{index}", nn.Linear(sizes[index - 1], width)))
            modules += finish_layer(index, width, **after)
        modules.append((f"linear{len(sizes) - 1}", nn.Linear(sizes[-2], sizes[-1])))
        super().__init__(OrderedDict(modules))


class Block(nn.Module):
    """tail(h + scale·branch(h)); the shortcut drops or zero-fills units where widths differ."""

    def __init__(
        self,
        branch: list[tuple[str, nn.Module]],
        tail: list[tuple[str, nn.Module]],
        scale: float,
    ) -> None:
        super().__init__()
        self.branch = nn.Sequential(OrderedDict(branch))
        self.tail = nn.Sequential(OrderedDict(tail))
        self.scale = scale

    def forward(self, h: Tensor) -> Tensor:
        """Map ``(…, width)`` to ``(…, width of the branch)``."""
        f = self.branch(h)
        out: Tensor = self.tail(self.fit_shortcut(h, f) + self.scale * f)
        return out

    def fit_shortcut(self, h: Tensor, f: Tensor) -> Tensor:
        """Give ``h`` the width of ``f``."""
        return h if f.shape[-1] == h.shape[-1] else F.pad(h, (0, f.shape[-1] - h.shape[-1]))


class ResidualMLP(nn.Sequential):
    """A first layer, blocks φ(h + α·f(h)) of ``block_size`` weight layers, a linear readout."""

    def __init__(self, sizes: list[int], block_size: int, scale: float, **after: Any) -> None:
        last = len(sizes) - 1
        modules: list[tuple[str, nn.Module]] = []
        if last > 1:
            modules.append(("linear1", nn.Linear(sizes[0], sizes[1])))
            modules += finish_layer(1, sizes[1], **after)
        for start in range(2, last, block_size):
            end = min(start + block_size, last)
            branch: list[tuple[str, nn.Module]] = []
            for index in range(start, end):
                branch.append((f"linear{index}", nn.Linear(sizes[index - 1], sizes[index])))
                branch += finish_layer(index, sizes[index], **after)
            # The activation of the block's last layer comes after the addition, and so does a
            # normalization that follows it.
            cut = len(branch) - 1
            while not branch[cut][0].startswith("act"):
                cut -= 1
            modules.append((f"block{start}", Block(branch[:cut], branch[cut:], scale)))
        modules.append((f"linear{last}", nn.Linear(sizes[-2], sizes[-1])))
        super().__init__(OrderedDict(modules))


class PreActivationMLP(nn.Sequential):
    """Blocks h + α·f(h) in which norm and activation come before each weight layer."""

    def __init__(self, sizes: list[int], block_size: int, scale: float, **after: Any) -> None:
        last = len(sizes) - 1
        modules: list[tuple[str, nn.Module]] = []
        if last > 1:
            modules.append(("linear1", nn.Linear(sizes[0], sizes[1])))
        for start in range(2, last, block_size):
            branch: list[tuple[str, nn.Module]] = []
            for index in range(start, min(start + block_size, last)):
                branch += finish_layer(index - 1, sizes[index - 1], **after)
                branch.append((f"linear{index}", nn.Linear(sizes[index - 1], sizes[index])))
            modules.append((f"block{start}", Block(branch, [], scale)))
        if last > 1:
            modules += finish_layer(last - 1, sizes[-2], **after)
        modules.append((f"linear{last}", nn.Linear(sizes[-2], sizes[-1])))
        super().__init__(OrderedDict(modules))


class DenseMLP(nn.Module):
    """Layers that each see the input and all earlier outputs side by side; so does the readout."""

    output: nn.Module | None

    def __init__(self, sizes: list[int], **after: Any) -> None:
        super().__init__()
        self.register_module("output", None)  # what may follow the readout
        self.hidden = nn.ModuleList()
        seen = sizes[0]
        for index, width in enumerate(sizes[1:-1], start=1):
            layer = [(f"linear{index}", nn.Linear(seen, width))]
            self.hidden.append(
                nn.Sequential(OrderedDict(layer + finish_layer(index, width, **after)))
            )
            seen += width
        self.readout = nn.Linear(seen, sizes[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(…, features)`` to ``(…, classes)``."""
        for layer in self.hidden:
            x = torch.cat([x, layer(x)], dim=-1)
        x = self.readout(x)
        return x if self.output is None else self.output(x)
