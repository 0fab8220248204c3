"""One network in place of many: each member gets the numbers of its own network.

Every signal is (members, batch, units); every weight has a leading member dimension too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.networks.mlp import Block
from gradflow.core.networks.noise import apply_random_slopes


class StackedLinear(nn.Linear):
    """z_s = a_s W_sᵀ + b_s, with weight (seeds, out, in) and bias (seeds, 1, out)."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(seeds, batch, in)`` to ``(seeds, batch, out)``."""
        return torch.baddbmm(self.bias, x, self.weight.mT)


class StackedBatchNorm(nn.BatchNorm1d):
    """Statistics per seed and unit; weight, bias and running statistics are those of every seed."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(seeds, batch, units)`` to the same shape."""
        seeds, batch, units = x.shape
        mean = var = None
        if not self.training:
            assert self.running_mean is not None
            assert self.running_var is not None
            mean, var = self.running_mean.repeat(seeds), self.running_var.repeat(seeds)
        out = F.batch_norm(
            x.transpose(0, 1).reshape(batch, seeds * units),
            mean,
            var,
            self.weight.repeat(seeds),
            self.bias.repeat(seeds),
            self.training,
            eps=self.eps,
        )
        return out.view(batch, seeds, units).transpose(0, 1).contiguous()


class StackedGroupNorm(nn.GroupNorm):
    """Statistics per seed, sample and group."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(seeds, batch, units)`` to the same shape."""
        return super().forward(x.flatten(0, 1)).view_as(x)


class StackedRReLU(nn.RReLU):
    """Each seed draws its slopes from its own generator, in the same order as its own network."""

    generators: Sequence[torch.Generator]

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(seeds, batch, units)`` to the same shape."""
        pairs = zip(x.unbind(), self.generators, strict=True)
        return torch.stack([apply_random_slopes(self, signal, own) for signal, own in pairs])


_STACKED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: StackedLinear,
    nn.BatchNorm1d: StackedBatchNorm,
    nn.GroupNorm: StackedGroupNorm,
    nn.RReLU: StackedRReLU,
}
"""All other modules of the catalog work on the last dimension, or on each entry."""


def stack(model: nn.Module) -> None:
    """Turn ``model`` into a network of many seeds, in place; ``load_weights`` fills it.

    Only the bias of the first layer requires a gradient, so that the graph starts there; the
    gradients of all weights follow from ∂L/∂z.
    """
    for module in model.modules():
        module.__class__ = _STACKED.get(type(module), type(module))
    model.requires_grad_(False)
    list_linears(model)[0].bias.requires_grad_()


def load_weights(
    model: nn.Module, weights: Sequence[Tensor], biases: Sequence[Tensor], seeds: Sequence[int]
) -> None:
    """Give a stacked ``model`` the weights (seeds, out, in) and biases (seeds, out) of its layers.

    RReLU draws its slopes from ``seeds`` during the pass.
    """
    for layer, weight, bias in zip(list_linears(model), weights, biases, strict=True):
        layer.weight.data = weight
        layer.bias.data = bias.unsqueeze(1)
    drawing = [module for module in model.modules() if isinstance(module, StackedRReLU)]
    if drawing:
        generators = [torch.Generator(weights[0].device).manual_seed(seed) for seed in seeds]
        for module in drawing:
            module.generators = generators


def list_linears(model: nn.Module) -> list[nn.Linear]:
    """List the weight layers, from the input side."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


def list_stream_blocks(model: nn.Module) -> list[nn.Module]:
    """List the blocks whose outputs make a residual stream; a single one makes none."""
    blocks: list[nn.Module] = [module for module in model.modules() if isinstance(module, Block)]
    return blocks if len(blocks) > 1 else []
