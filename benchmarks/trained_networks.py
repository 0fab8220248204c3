"""Training of one network at many learning rates at once, by two optimizers.

Copies of a network whose modules work on the last dimension are stacked: every weight gets a
leading dimension, one member per rate and optimizer. Their norms' scales and PReLU's slopes stay as
they are. Other networks are trained one copy after the other.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.drawn_networks import CLASSES, FEATURES, DrawnNetwork
from gradflow.core.networks.stacked import list_linears, load_weights, stack

BATCH, EVALUATED = 64, 512
MOMENTUM, BETAS, EPS = 0.9, (0.9, 0.999), 1e-8
ENOUGH = 0.95
"""Training stops once both optimizers have reached this accuracy."""
UNSETTLED = 0.2, 0.9
"""Where SGD is left between these, it has learned something: it is given more steps."""
LONGER, BEST = 3, 3
"""How many times as many steps, and at how many of the best rates."""
RATES = {
    "sgd": [10 ** (k / 2) for k in range(-8, 3)],
    "adam": [10 ** (k / 2) for k in range(-10, -1)],
}
COARSE_RATES = {"sgd": [10.0**k for k in range(-4, 2)], "adam": [10.0**k for k in range(-5, 0)]}
"""For networks that are trained one copy after the other."""


@dataclass(frozen=True)
class Trained:
    """The best accuracy on training samples that each optimizer reaches at any rate."""

    sgd: float
    adam: float


def load_task(name: str) -> tuple[Tensor, Tensor]:
    """Load standardized inputs ``(samples, 64)`` and labels of ``digits`` or ``mixture``.

    The mixture is generated: ten classes, each a centre with Gaussian noise of the same size.
    """
    if name == "digits":
        images, labels = load_digits(return_X_y=True)
        x, y = torch.tensor(images, dtype=torch.float32), torch.tensor(labels)
    else:
        generator = torch.Generator().manual_seed(0)
        centres = torch.randn(CLASSES, FEATURES, generator=generator)
        y = torch.randint(CLASSES, (2000,), generator=generator)
        x = centres[y] + torch.randn(len(y), FEATURES, generator=generator)
    return (x - x.mean()) / x.std(), y


def train_network(network: DrawnNetwork, task: tuple[Tensor, Tensor], steps: int) -> Trained:
    """Train copies of a network at all rates, and keep the best accuracy of each optimizer.

    If SGD has learned something and is not done, the best rates (of whole decades also those half a
    decade beside them) are trained longer.
    """
    x, y = network.transform(task[0]), task[1]
    train = _train_stacked if network.stackable else _train_in_turn
    reached = train(network.model, x, y, RATES if network.stackable else COARSE_RATES, steps)
    if UNSETTLED[0] < max(reached["sgd"].values()) < UNSETTLED[1]:
        rates = {
            name: _choose_rates(accuracies, network.stackable)
            for name, accuracies in reached.items()
        }
        longer = train(network.model, x, y, rates, LONGER * steps)
        reached = {name: reached[name] | longer[name] for name in reached}
    return Trained(**{name: max(accuracies.values()) for name, accuracies in reached.items()})


def _choose_rates(reached: dict[float, float], stackable: bool) -> list[float]:
    best = sorted(reached, key=lambda rate: reached[rate])[-BEST if stackable else -1 :]
    return best if stackable else [best[0] / 10**0.5, best[0], best[0] * 10**0.5]


class _Optimizer:
    """SGD with momentum for the first members of stacked parameters, Adam for the others."""

    def __init__(self, parameters: list[Tensor], rates: dict[str, list[float]]) -> None:
        self._parameters = parameters
        self._cut = len(rates["sgd"])
        self._rates = torch.tensor([*rates["sgd"], *rates["adam"]])
        self._first = [torch.zeros_like(p) for p in parameters]
        self._second = [torch.zeros_like(p) for p in parameters]
        self._step = 0

    @torch.no_grad()
    def step(self, gradients: tuple[Tensor, ...]) -> None:
        self._step += 1
        cut, (b1, b2) = self._cut, BETAS
        c1, c2 = 1 - b1**self._step, 1 - b2**self._step
        for p, g, m, v in zip(self._parameters, gradients, self._first, self._second, strict=True):
            rate = self._rates.view(-1, *[1] * (p.dim() - 1))
            m[:cut].mul_(MOMENTUM).add_(g[:cut])
            m[cut:].lerp_(g[cut:], 1 - b1)
            v[cut:].lerp_(g[cut:].square(), 1 - b2)
            p[:cut].sub_(rate[:cut] * m[:cut])
            p[cut:].sub_(rate[cut:] * (m[cut:] / c1) / ((v[cut:] / c2).sqrt_() + EPS))


def _train_stacked(
    model: nn.Module, x: Tensor, y: Tensor, rates: dict[str, list[float]], steps: int
) -> dict[str, dict[float, float]]:
    members = len(rates["sgd"]) + len(rates["adam"])
    model = copy.deepcopy(model)
    trained = [layer.weight.requires_grad for layer in list_linears(model)]
    weights = [layer.weight.data.expand(members, -1, -1).clone() for layer in list_linears(model)]
    biases = [layer.bias.data.expand(members, -1).clone() for layer in list_linears(model)]
    stack(model)
    load_weights(model, weights, biases, range(members))
    parameters = []
    for layer, train in zip(list_linears(model), trained, strict=True):
        layer.weight.requires_grad_(train)
        layer.bias.requires_grad_(train)
        parameters += [layer.weight, layer.bias] if train else []
    optimizer = _Optimizer(parameters, rates)
    generator = torch.Generator().manual_seed(0)
    best = torch.zeros(members)
    evaluated, labels = x[:EVALUATED].expand(members, -1, -1), y[:EVALUATED]
    for step in range(1, steps + 1):
        chosen = torch.randint(len(x), (BATCH,), generator=generator)
        outputs = model(x[chosen].expand(members, -1, -1))
        losses = F.cross_entropy(
            outputs.flatten(0, 1), y[chosen].repeat(members), reduction="none"
        ).view(members, -1)
        gradients = torch.autograd.grad(losses.mean(1).sum(), parameters, allow_unused=True)
        optimizer.step(
            tuple(
                torch.zeros_like(p) if g is None else g
                for p, g in zip(parameters, gradients, strict=True)
            )
        )
        if step % 50 == 0 or step == steps:
            with torch.no_grad():
                accuracy = (model(evaluated).argmax(-1) == labels).float().mean(1)
            best = torch.maximum(best, accuracy)
            cut = len(rates["sgd"])
            if min(float(best[:cut].max()), float(best[cut:].max())) >= ENOUGH:
                break
    reached = iter(best.tolist())
    return {name: {rate: next(reached) for rate in values} for name, values in rates.items()}


def _train_in_turn(
    model: nn.Module, x: Tensor, y: Tensor, rates: dict[str, list[float]], steps: int
) -> dict[str, dict[float, float]]:
    reached: dict[str, dict[float, float]] = {name: {} for name in rates}
    for name, values in rates.items():
        for rate in sorted(
            values, key=lambda r: abs(math.log10(r) + (1 if name == "sgd" else 2.5))
        ):
            reached[name][rate] = _train_copy(model, x, y, name, rate, steps)
            if reached[name][rate] >= ENOUGH:
                break
    return reached


def _train_copy(
    model: nn.Module, x: Tensor, y: Tensor, optimizer: str, rate: float, steps: int
) -> float:
    model = copy.deepcopy(model)
    parameters = [p for p in model.parameters() if p.requires_grad]
    stepper: torch.optim.Optimizer = (
        torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM)
        if optimizer == "sgd"
        else torch.optim.Adam(parameters, lr=rate, betas=BETAS, eps=EPS)
    )
    generator, best = torch.Generator().manual_seed(0), 0.0
    for step in range(1, steps + 1):
        chosen = torch.randint(len(x), (BATCH,), generator=generator)
        loss = F.cross_entropy(model(x[chosen]), y[chosen])
        if not torch.isfinite(loss):
            break
        stepper.zero_grad()
        loss.backward()
        stepper.step()
        if step % 50 == 0 or step == steps:
            with torch.no_grad():
                right = model(x[:EVALUATED]).argmax(-1) == y[:EVALUATED]
            best = max(best, float(right.float().mean()))
            if best >= ENOUGH or (step == 150 and best < 0.2):
                break
    return best
