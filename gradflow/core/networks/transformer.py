"""A transformer on the rows of an image; ``to_code`` prints the source of its classes.

The projections are plain ``nn.Linear`` modules, so that each is a layer of the report.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.networks.mlp import Block


class Rows(nn.Module):
    """Reshaping of flat images into sequences of their rows."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.tokens = tokens

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, tokens·row)`` to ``(batch, tokens, row)``."""
        return x.view(len(x), self.tokens, -1)


class Positions(nn.Module):
    """x + p, with a learned vector p for each position in the sequence."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(tokens, width))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, tokens, width)`` to the same shape."""
        return x + self.weight


class Attention(nn.Module):
    """softmax(Q Kᵀ/√d) V in each head, from Q, K and V side by side (Vaswani et al. 2017)."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, qkv: Tensor) -> Tensor:
        """Map ``(batch, tokens, 3·width)`` to ``(batch, tokens, width)``."""
        q, k, v = qkv.view(*qkv.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class TokenReadout(nn.Linear):
    """A linear readout of the mean over the tokens."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, tokens, width)`` to ``(batch, classes)``."""
        return super().forward(x.mean(-2))


class TransformerNet(nn.Sequential):
    """Embedding, blocks of attention and perceptron on a residual stream, linear readout."""

    def __init__(
        self,
        tokens: int,
        row: int,
        width: int,
        depth: int,
        heads: int,
        inner: int,
        classes: int,
        activation: Callable[[], nn.Module],
        placement: str,
        scale: float,
    ) -> None:
        before = ["norm"] if placement == "pre" else []
        after = ["norm"] if placement == "post" else []

        def make_norms(names: list[str]) -> list[tuple[str, nn.Module]]:
            return [(name, nn.LayerNorm(width)) for name in names]

        modules: list[tuple[str, nn.Module]] = [
            ("rows", Rows(tokens)),
            ("embedding", nn.Linear(row, width)),
            ("positions", Positions(tokens, width)),
        ]
        for index in range(1, depth + 1):
            attention: list[tuple[str, nn.Module]] = [
                *make_norms(before),
                ("qkv", nn.Linear(width, 3 * width)),
                ("attention", Attention(heads)),
                ("output", nn.Linear(width, width)),
            ]
            perceptron: list[tuple[str, nn.Module]] = [
                *make_norms(before),
                ("inner", nn.Linear(width, inner)),
                ("act", activation()),
                ("output", nn.Linear(inner, width)),
            ]
            modules.append((f"attention{index}", Block(attention, make_norms(after), scale)))
            modules.append((f"perceptron{index}", Block(perceptron, make_norms(after), scale)))
        modules += make_norms(before)
        modules.append(("readout", TokenReadout(width, classes)))
        super().__init__(OrderedDict(modules))
