"""The distance of the blocks of a network from the identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from gradflow.core.catalog import Connection
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from gradflow.core.networks.mlp import Block
from gradflow.core.teaching.degradation.depth import BlockNetworks
from gradflow.core.theory.moments import FloatArray


class Blocks(BlockNetworks):
    """Plain and residual networks of one depth."""

    depth: int = Field(
        50, ge=4, le=100, title="Depth", description="Weight layers, the readout included."
    )


@dataclass(frozen=True, eq=False)
class Nearness:
    """Distance from the identity, one entry per block from the input side; h enters the block.

    Attributes:
        branch: ‖α·f(h)‖ / ‖h‖, Frobenius norms over batch × units (× pixels). A plain network has
            no f; its block B counts as f(h) = B(h) − h, which a branch would have to add.
        cosine: cosine between a sample's h and the output of the block, averaged over the batch.
    """

    branch: FloatArray
    cosine: FloatArray


@torch.no_grad()
def measure_nearness(spec: Blocks, connection: Connection) -> Nearness:
    """Measure the blocks of one kind of network, before training, in float64."""
    experiment = spec.make_experiment(connection, spec.depth)
    inputs, _targets = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, inputs).double()
    rows = []
    for before, added, after in _pass_blocks(model, inputs.double(), spec.block_size):
        size = before.norm()
        cosines = torch.cosine_similarity(before.flatten(1), after.flatten(1), dim=1, eps=1e-300)
        rows.append((float(added.norm() / size), float(cosines.mean())))
    return Nearness(*np.array(rows).reshape(-1, 2).T)


def _pass_blocks(
    model: nn.Module, signal: Tensor, block_size: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Pass a signal through; yield each block's input, the sum its branch adds, and its output."""
    if any(isinstance(module, Block) for module in model.children()):
        for module in model.children():
            before, signal = signal, module(signal)
            if isinstance(module, Block):
                yield before, module.scale * module.branch(before), signal
        return
    # A plain network: as many weight layers to a block, behind the first layer.
    handed_on = []
    for module in model.children():
        if isinstance(module, nn.Linear | nn.Conv2d):
            handed_on.append(signal)
        signal = module(signal)
    hidden = handed_on[1:]
    edges = [*range(0, len(hidden) - 1, block_size), len(hidden) - 1]
    for start, end in pairwise(edges):
        yield hidden[start], hidden[end] - hidden[start], hidden[end]
