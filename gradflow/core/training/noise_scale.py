"""The simple gradient noise scale: the batch size at which noise and signal are equally strong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gradflow.core.errors import InvalidExperiment
from gradflow.core.networks.noise import list_noise_generators
from gradflow.core.recording.preserve import preserve
from gradflow.core.text import Text

BATCH_PARTS = 8
"""Parts of a batch whose gradients are compared."""
SMOOTHING = 0.9
"""Share of the old estimate that is kept."""


class NoiseScale:
    """B = tr Σ / |G|², both smoothed apart over the measurements of a run.

    G is the true gradient, Σ the covariance of the gradients of single samples. An estimate of B
    from one batch is noisy and biased, its numerator and denominator are not biased.

    Source: McCandlish, Kaplan, Amodei et al. 2018, An Empirical Model of Large-Batch Training,
    appendix A.1.
    """

    def __init__(self) -> None:
        self._trace = self._square = 0.0

    def add(self, trace: float, square: float) -> float:
        """Add a measurement and return B; NaN while the estimate of |G|² is not positive."""
        self._trace = SMOOTHING * self._trace + (1 - SMOOTHING) * trace
        self._square = SMOOTHING * self._square + (1 - SMOOTHING) * square
        return self._trace / self._square if self._square > 0 else math.nan


def measure_noise(
    model: nn.Module,
    forward: Callable[[Any], Any],
    loss: Callable[[Any, Any], Tensor],
    inputs: Tensor,
    targets: Tensor,
    axis: int = 0,
) -> tuple[float, float]:
    """Estimate tr Σ and |G|², both unbiased, from the gradients of K equal parts of one batch.

    With g_k the gradient of part k, each of b samples: tr Σ = b·Σ‖g_k − ḡ‖²/(K − 1) and
    |G|² = ‖ḡ‖² − tr Σ/(K·b), for a loss that is a mean over the batch. With batch normalization
    a part has statistics of its own, so its gradient is not that of the part in the batch.
    Nothing of the model changes, its random numbers included.

    Args:
        model: the model; its parameters are differentiated by.
        forward: ``forward(inputs)``, the outputs of the model.
        loss: ``loss(outputs, targets)``.
        inputs: inputs of one batch.
        targets: targets of that batch.
        axis: the axis along which the samples lie, in both.

    Raises:
        InvalidExperiment: the batch has fewer than four samples.
    """
    parts = min(BATCH_PARTS, inputs.shape[axis] // 2)
    if parts < 2:
        raise InvalidExperiment(
            Text(
                "batch_size: with {samples} samples in a batch its noise cannot be measured; "
                "choose 4 or more, or noise_every 0",
                samples=inputs.shape[axis],
            ),
            fields=("batch_size", "noise_every"),
        )
    size = inputs.shape[axis] // parts
    parameters = [p for p in model.parameters() if p.requires_grad]
    total: Tensor | None = None
    squares = []
    with preserve(model), _preserve_noise(model):
        for start in range(0, parts * size, size):
            part = inputs.narrow(axis, start, size)
            value = loss(forward(part), targets.narrow(axis, start, size))
            gradients: list[Tensor | None] = [
                *torch.autograd.grad(value, parameters, allow_unused=True)
            ]
            flat = torch.cat([g.reshape(-1) for g in gradients if g is not None]).double()
            squares.append(flat.square().sum())
            total = flat if total is None else total + flat
    assert total is not None
    mean_square = float((total / parts).square().sum())
    spread = (float(torch.stack(squares).sum()) - parts * mean_square) / (parts - 1)
    return size * spread, mean_square - spread / parts


@contextmanager
def _preserve_noise(model: nn.Module) -> Iterator[None]:
    states = [(generator, generator.get_state()) for generator in list_noise_generators(model)]
    try:
        yield
    finally:
        for generator, state in states:
            generator.set_state(state)
