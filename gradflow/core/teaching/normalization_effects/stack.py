"""Copies of one network side by side, with hidden weights of different scale, in float64."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.data import draw_batch
from gradflow.core.experiment import Experiment
from gradflow.core.networks.build import allocate_network, build_network
from gradflow.core.networks.stacked import list_linears, load_weights, stack
from gradflow.core.theory.moments import FloatArray


class Copies:
    """Copies of a plain network, one for each number k of ``scales``, with hidden weights k·W.

    The readout keeps its weights. All copies see the same batch.

    Attributes:
        layers: the weight layers, weights ``(copies, out, in)`` and biases ``(copies, 1, out)``,
            which require gradients; scales and shifts of normalizations stay 1 and 0.
        inputs, targets: the batch, ``(batch, features)`` and ``(batch,)``.
    """

    def __init__(
        self,
        experiment: Experiment,
        scales: FloatArray,
        *,
        epsilon: float | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        inputs, self.targets = draw_batch(experiment.data, experiment.seed)
        drawn = list_linears(build_network(experiment, inputs))
        factors = torch.tensor(scales, dtype=dtype)[:, None, None]
        self.inputs = inputs.to(dtype)
        self.model = allocate_network(experiment)
        stack(self.model)
        self.model.to(dtype)
        weights = [factors * layer.weight.detach().to(dtype) for layer in drawn[:-1]]
        weights.append(drawn[-1].weight.detach().to(dtype).repeat(len(scales), 1, 1))
        biases = [layer.bias.detach().to(dtype).repeat(len(scales), 1) for layer in drawn]
        load_weights(self.model, weights, biases, [experiment.seed] * len(scales))
        self.layers = list_linears(self.model)
        for layer in self.layers:
            layer.requires_grad_()
        if epsilon is not None:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm1d | nn.LayerNorm):
                    # PyTorch refuses 0; the smallest number changes no variance it is added to.
                    module.eps = epsilon or torch.finfo(dtype).tiny

    def forward(self, inputs: Tensor) -> list[Tensor]:
        """Compute the signal behind each weight layer, ``(copies, batch, units)``.

        It is taken behind the layer's normalization and activation; the last is the output.
        """
        signal = inputs.expand(len(self.layers[0].weight), *inputs.shape)
        passed: list[Tensor] = []
        for module in self.model.children():
            if isinstance(module, nn.Linear) and module is not self.layers[0]:
                passed.append(signal)
            signal = module(signal)
        return [*passed, signal]

    def compute_losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean cross-entropy of each copy, ``(copies,)``."""
        entries = F.cross_entropy(outputs.mT, targets.expand(len(outputs), -1), reduction="none")
        return entries.mean(1)
