"""Signals of all layers and their derivatives by the input, propagated side by side."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gradflow.core.experiment import Experiment
from gradflow.core.networks.build import build_network
from gradflow.core.networks.mlp import Block


class Dual(NamedTuple):
    """A signal, and its derivative along one direction in input space; ``(batch, units)`` each."""

    signal: Tensor
    tangent: Tensor


@torch.no_grad()
def propagate_tangents(experiment: Experiment, inputs: Tensor, direction: Tensor) -> list[Tensor]:
    """Propagate J_l(x)·v through each layer l: the derivative of its units along direction v.

    Of a plain network a layer is a weight layer and its activation; of a residual one the first
    layer and then each block. The readout is left out. Batch normalization uses the statistics
    of ``inputs`` and holds them fixed, so that every sample has a derivative of its own.

    Args:
        experiment: a ReLU network, with batch normalization or without; its data only say how
            many inputs it has.
        inputs: x, ``(batch, features)``.
        direction: v for each sample, of the same shape and dtype.

    Returns:
        One tensor ``(batch, units)`` per layer.
    """
    model = build_network(experiment, inputs.float()).to(inputs.dtype)
    dual, derivatives, in_blocks = Dual(inputs, direction), [], False
    for module, following in pairwise(model.children()):
        dual = _push_through(module, dual)
        in_blocks = in_blocks or isinstance(module, Block)
        # Modules behind the last block belong to the readout.
        next_begins = isinstance(following, Block | nn.Linear) and not in_blocks
        if next_begins or isinstance(module, Block):
            derivatives.append(dual.tangent)
    return derivatives


def _push_through(module: nn.Module, dual: Dual) -> Dual:
    """Run the forward pass of a module, and the chain rule beside it."""
    signal, tangent = dual
    if isinstance(module, Block):
        branch = _push_through_all(module.branch.children(), dual)
        joined = Dual(
            signal + module.scale * branch.signal, tangent + module.scale * branch.tangent
        )
        return _push_through_all(module.tail.children(), joined)
    if isinstance(module, nn.Linear):
        return Dual(module(signal), tangent @ module.weight.T)
    if isinstance(module, nn.BatchNorm1d):
        variance, mean = torch.var_mean(signal, 0, correction=0)
        deviation = (variance + module.eps).sqrt()
        return Dual((signal - mean) / deviation, tangent / deviation)
    assert isinstance(module, nn.ReLU)
    return Dual(module(signal), tangent * (signal > 0))


def _push_through_all(modules: Iterable[nn.Module], dual: Dual) -> Dual:
    for module in modules:
        dual = _push_through(module, dual)
    return dual
