"""Drawing of a network's weights. ``to_code`` prints the source of these functions."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

WEIGHTED = (nn.Linear, nn.Conv2d)
"""Classes of weight layers."""


@torch.no_grad()
def initialize(
    model: nn.Module,
    fill: Callable[[Tensor, torch.Generator], None],
    generator: torch.Generator,
    bias_std: float = 0.0,
    pytorch_bias: bool = False,
) -> None:
    """Fill all weights, from the input side, with ``fill``; biases are 0 or N(0, bias_std²)."""
    for layer in model.modules():
        if isinstance(layer, WEIGHTED):
            weight, bias = layer.parameters()
            fill(weight, generator)
            if pytorch_bias:
                limit = 1 / math.sqrt(weight[0].numel())
                nn.init.uniform_(bias, -limit, limit, generator=generator)
            elif bias_std > 0:
                nn.init.normal_(bias, 0.0, bias_std, generator=generator)
            else:
                nn.init.zeros_(bias)


@torch.no_grad()
def scale_to_unit_variance(model: nn.Module, inputs: Tensor) -> None:
    """Divide each weight by the standard deviation of its output: LSUV (Mishkin & Matas 2016).

    One forward pass does all layers: a hook rescales a layer's output together with its weight,
    so that the layers after it already see the final signal. Biases must be zero. A layer with a
    constant output keeps its weight.
    """

    def rescale(layer: nn.Linear | nn.Conv2d, _args: tuple[Tensor], output: Tensor) -> Tensor:
        std = float(output.std(correction=0))
        if not (0 < std < math.inf):
            return output
        layer.weight /= std
        return output / std

    handles = [
        layer.register_forward_hook(rescale)
        for layer in model.modules()
        if isinstance(layer, WEIGHTED)
    ]
    try:
        model(inputs)
    finally:
        for handle in handles:
            handle.remove()
        for layer in model.modules():
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                layer.reset_running_stats()


@torch.no_grad()
def zero_last_branch_weights(model: nn.Module) -> None:
    """Zero the last weight and bias of every residual branch: each block is the identity."""
    for name, block in model.named_modules():
        if name.endswith(".branch"):
            last = [layer for layer in block.modules() if isinstance(layer, WEIGHTED)][-1]
            for parameter in last.parameters():
                nn.init.zeros_(parameter)


@torch.no_grad()
def initialize_transformer(
    model: nn.Module, generator: torch.Generator, std: float, output_std: float
) -> None:
    """Fill a transformer as GPT-2 (Radford et al. 2019): weights, positions N(0, std²), biases 0.

    The last weight of every branch comes from N(0, output_std²).
    """
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
        else:
            last = name.endswith("output.weight")
            nn.init.normal_(parameter, 0.0, output_std if last else std, generator=generator)
