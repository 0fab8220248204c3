"""Several networks of the same shape in one stack, for repetitions with other seeds or data."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.catalog import Activation
from gradflow.core.pretraining.autoencoder import PHI
from gradflow.core.pretraining.greedy import MOMENTUM

_MODULES: dict[str, type[nn.Module]] = {
    Activation.SIGMOID: nn.Sigmoid,
    Activation.TANH: nn.Tanh,
    Activation.RELU: nn.ReLU,
}


@dataclass(frozen=True, eq=False)
class Networks:
    """n fully connected networks: hidden layers φ(Wx + b) and a linear readout.

    Attributes:
        weights: one ``(n, out, in)`` per layer.
        biases: one ``(n, 1, out)`` per layer.
        activation: φ.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    activation: str

    @classmethod
    def from_weights(cls, weights: Sequence[Sequence[Tensor]], activation: str) -> Networks:
        """Stack one network per entry of ``weights``, which has its weights from the input side.

        All biases are 0.
        """
        stacked = [torch.stack(layer) for layer in zip(*weights, strict=True)]
        biases = [torch.zeros(len(w), 1, w.shape[1]) for w in stacked]
        return cls(stacked, biases, activation)

    def compute_logits(self, x: Tensor) -> Tensor:
        """Compute the logits, ``(n, batch, classes)``.

        Inputs are ``(n, batch, pixels)``, or ``(batch, pixels)`` if all networks get the same.
        """
        x = x.expand(len(self.weights[0]), *x.shape[-2:])
        phi = PHI[self.activation]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = phi(torch.baddbmm(bias, x, weight.mT))
        return torch.baddbmm(self.biases[-1], x, self.weights[-1].mT)

    def select(self, index: int) -> Networks:
        """Select a single network; its tensors are shared, not copied."""
        chosen = slice(index, index + 1)
        return Networks(
            [w[chosen] for w in self.weights], [b[chosen] for b in self.biases], self.activation
        )

    def build_module(self, index: int) -> nn.Module:
        """Build a module of a single network; its layers are called linear1, act1, linear2, …."""
        modules: list[tuple[str, nn.Module]] = []
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            linear = nn.Linear(weight.shape[2], weight.shape[1], device="meta")
            linear.weight = nn.Parameter(weight[index].clone())
            linear.bias = nn.Parameter(bias[index, 0].clone())
            activation = _MODULES[self.activation]()
            modules += [(f"linear{number}", linear), (f"act{number}", activation)]
        return nn.Sequential(OrderedDict(modules[:-1]))


def draw_normals(sizes: Sequence[int], generator: torch.Generator) -> list[Tensor]:
    """Draw standard normal numbers in the shapes of the weights between layers of these sizes."""
    return [
        torch.randn(fan_out, fan_in, generator=generator) for fan_in, fan_out in pairwise(sizes)
    ]


def scale_xavier(z: Tensor) -> Tensor:
    """Scale standard normal numbers to variance 2/(n_in + n_out) (Glorot & Bengio 2010)."""
    return z * math.sqrt(2 / sum(z.shape))


def scale_he(z: Tensor) -> Tensor:
    """Scale standard normal numbers to variance 2/n_in (He et al. 2015)."""
    return z * math.sqrt(2 / z.shape[1])


def measure_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Measure the mean cross-entropy of each network, ``(n,)``; labels ``(n, batch)``."""
    return F.cross_entropy(logits.mT, labels, reduction="none").mean(1)


def measure_accuracies(logits: Tensor, labels: Tensor) -> Tensor:
    """Measure the share of images whose largest logit is the label's, ``(n,)`` in float64.

    It is NaN for a network whose logits are not all finite.
    """
    right = (logits.argmax(2) == labels).double().mean(1)
    return torch.where(logits.isfinite().all(2).all(1), right, math.nan)


def train_networks(
    networks: Networks, batches: Tensor, images: Tensor, labels: Tensor, rate: float, frozen: int
) -> Iterator[int]:
    """Train in place by SGD with momentum 0.9; yield the steps taken, from 0 to the last.

    Args:
        networks: each descends its own mean cross-entropy.
        batches: the images that each network sees at each step, ``(steps, n, batch)``.
        images: all images, ``(images, pixels)``.
        labels: their labels, ``(images,)``.
        rate: the learning rate.
        frozen: the number of layers, from the input side, that stay as they are.
    """
    parameters = networks.weights[frozen:] + networks.biases[frozen:]
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM)
    try:
        for step, chosen in enumerate(batches):
            yield step
            loss = measure_losses(networks.compute_logits(images[chosen]), labels[chosen]).sum()
            for parameter, gradient in zip(
                parameters, torch.autograd.grad(loss, parameters), strict=True
            ):
                parameter.grad = gradient
            optimizer.step()
        yield len(batches)
    finally:
        optimizer.zero_grad()
        for parameter in parameters:
            parameter.requires_grad_(False)
