"""The trajectories of a descent, every number of every step kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradflow.core.frozen import freeze_mappings
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.optimizers import (
    DESCENT_OPTIMIZERS,
    DescentOptimizer,
    clip_point_gradient,
)
from gradflow.core.teaching.surfaces import FloatArray


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The path of one optimizer; entry n belongs to the point x_n, the start is x_0.

    Attributes:
        optimizer: the rule of descent.
        learning_rate: η of this optimizer, its multiplier included.
        points: x_n, shape ``(steps + 1, d)``; shorter if it ran into something non-finite.
        loss: L(x_n).
        gradients: ∂L/∂x at x_n, as computed.
        clipped: the gradients after clipping, as the optimizer got them.
        memory: name in the ``memory`` of the optimizer's row → its value *after* step n, shape
            ``(steps, d)``.
    """

    optimizer: DescentOptimizer
    learning_rate: float
    points: FloatArray
    loss: FloatArray
    gradients: FloatArray
    clipped: FloatArray
    memory: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        freeze_mappings(self, "memory")

    @property
    def gradient_norm(self) -> FloatArray:
        """‖∂L/∂x‖ at every point, before clipping."""
        return _compute_norms(self.gradients)

    @property
    def clipped_norm(self) -> FloatArray:
        """‖∂L/∂x‖ at every point, after clipping."""
        return _compute_norms(self.clipped)

    @property
    def step_length(self) -> FloatArray:
        """‖x_{n+1} − x_n‖, shape ``(steps,)``."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _compute_norms(np.diff(self.points, axis=0))

    @property
    def broken_at(self) -> int | None:
        """The step whose point, loss or gradient is not finite, always the last; ``None``: none."""
        parts = (self.points[-1], self.loss[-1:], self.gradients[-1])
        return None if np.isfinite(np.concatenate(parts)).all() else len(self.loss) - 1


def run_descent(
    descent: Descent, advance: Callable[[], None] = lambda: None
) -> tuple[Trajectory, ...]:
    """Run all optimizers of a descent through ``torch.optim`` in float64.

    One backward pass serves all of them: the gradient of the sum of their losses by each point is
    that of its own loss. A trajectory ends at the first point where the loss, its gradient or the
    point itself is not finite. ``advance`` is called between steps; what it raises ends it.
    """
    function, shape = descent.row.loss, descent.shape or 0.0
    pairs = zip(descent.optimizers, descent.rates, strict=True)
    runners = [_Runner(descent, optimizer, rate) for optimizer, rate in pairs]
    active = runners
    for step in range(descent.steps + 1):
        advance()
        for runner in active:
            runner.point.grad = None
        losses = function(torch.stack([runner.point for runner in active]), shape)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        values = losses.tolist()
        active = [r for r, loss in zip(active, values, strict=True) if r.record(loss, descent)]
        if not active or step == descent.steps:
            break
        for runner in active:
            runner.step()
    return tuple(runner.make_trajectory() for runner in runners)


def _compute_norms(vectors: FloatArray) -> FloatArray:
    # hypot neither overflows nor underflows where the norm itself does not.
    columns = np.abs(vectors.T)
    norms: FloatArray = np.hypot(columns[0], columns[1]) if len(columns) > 1 else columns[0]
    return norms


class _Runner:
    """An optimizer under way, and a record of its path."""

    def __init__(self, descent: Descent, optimizer: DescentOptimizer, rate: float) -> None:
        self.row = DESCENT_OPTIMIZERS[optimizer]
        self.optimizer, self.rate = optimizer, rate
        self.point = torch.tensor(descent.start, dtype=torch.float64, requires_grad=True)
        self.engine = self.row.build(self.point, rate, descent.momentum)
        self.points: list[list[float]] = []
        self.loss: list[float] = []
        self.gradients: list[list[float]] = []
        self.clipped: list[list[float]] = []
        self.memory: dict[str, list[list[float]]] = {name: [] for name, _s in self.row.memory}

    def record(self, loss: float, descent: Descent) -> bool:
        """Record the current point, clip its gradient, and say whether all is finite."""
        gradient = _get_gradient(self.point)
        self.points.append(self.point.tolist())
        self.loss.append(loss)
        self.gradients.append(gradient.tolist())
        clip_point_gradient(self.point, descent.clip, descent.threshold)
        self.clipped.append(_get_gradient(self.point).tolist())
        return all(map(math.isfinite, (loss, *self.points[-1], *self.gradients[-1])))

    def step(self) -> None:
        """Take one step and record the optimizer's memory after it."""
        self.engine.step()
        state = self.engine.state[self.point]
        for name, values in self.memory.items():
            kept = state.get(name)
            # With μ = 0 PyTorch keeps no velocity: it is the gradient.
            values.append(self.clipped[-1] if kept is None else kept.tolist())

    def make_trajectory(self) -> Trajectory:
        """Put the record into arrays."""
        shape = (-1, len(self.points[0]))
        return Trajectory(
            self.optimizer,
            self.rate,
            np.array(self.points),
            np.array(self.loss),
            np.array(self.gradients),
            np.array(self.clipped),
            {name: np.array(values).reshape(shape) for name, values in self.memory.items()},
        )


def _get_gradient(point: Tensor) -> Tensor:
    assert point.grad is not None
    return point.grad
