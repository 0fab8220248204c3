"""Several optimizers on one loss from one start; every number of every step is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from gradflow.core.catalog.optimizers import Clip
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.teaching.fields import SEPARATOR, numbers
from gradflow.core.teaching.optimizers import OPTIMIZERS, Optimizer, clip
from gradflow.core.teaching.surfaces import SURFACES, FloatArray, Surface, SurfaceChoice

MAX_STEPS = 300
RANGES: dict[str, tuple[float, float]] = {
    "learning_rate": (1e-6, 1000.0),
    "multipliers": (1e-4, 1e4),
    "momentum": (0.0, 0.999),
    "threshold": (1e-6, 1e6),
    "steps": (1, MAX_STEPS),
}
"""Smallest and largest value of the numbers of a ``Descent``."""

_Enum = TypeVar("_Enum", bound=StrEnum)


@dataclass(frozen=True, kw_only=True)
class Descent:
    """What to compute; checked, and completed with the surface's own defaults.

    Attributes:
        surface: the loss.
        shape: the number that shapes it; ``None`` stands for its default, or for none.
        start: where all trajectories begin, within the window; empty: the surface's first start.
        optimizers: which rules, each once.
        learning_rate: η, common to all; ``None``: one that suits plain descent on the surface.
        multipliers: what each optimizer multiplies η by; empty: 1.
        momentum: μ of momentum and Nesterov.
        clip: how gradients are clipped before each step.
        threshold: c, the largest norm or entry.
        steps: number of steps.

    Raises:
        InvalidExperiment: something is out of range; the message names field, value and range.
    """

    surface: Surface = Surface.SHELF
    shape: float | None = None
    start: tuple[float, ...] = ()
    optimizers: tuple[Optimizer, ...] = (Optimizer.SGD,)
    learning_rate: float | None = None
    multipliers: tuple[float, ...] = ()
    momentum: float = 0.9
    clip: Clip = Clip.NONE
    threshold: float = 1.0
    steps: int = 100

    def __post_init__(self) -> None:
        self._set("surface", _member("surface", Surface, self.surface))
        self._set("clip", _member("clip", Clip, self.clip))
        row = self.row
        self._set("optimizers", _members("optimizers", self.optimizers))
        self._set("start", _start(self.start, row))
        self._set("shape", _shape(self.shape, row))
        self._set("multipliers", _multipliers(self.multipliers, len(self.optimizers)))
        rate = row.learning_rate if self.learning_rate is None else self.learning_rate
        self._set("learning_rate", _within("learning_rate", rate))
        for name in ("momentum", "threshold"):
            self._set(name, _within(name, getattr(self, name)))
        self._set("steps", int(_within("steps", self.steps, whole=True)))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def row(self) -> SurfaceChoice:
        """The surface's row."""
        return SURFACES[self.surface]

    @property
    def rates(self) -> tuple[float, ...]:
        """η of each optimizer, its multiplier included."""
        assert self.learning_rate is not None  # completed on construction
        return tuple(self.learning_rate * factor for factor in self.multipliers)

    @property
    def takes_momentum(self) -> bool:
        """Whether μ matters."""
        return any(OPTIMIZERS[one].takes_momentum for one in self.optimizers)

    @property
    def applicable(self) -> list[str]:
        """Fields that have an effect, in order."""
        idle = set()
        if self.shape is None:
            idle.add("shape")
        if not self.takes_momentum:
            idle.add("momentum")
        if self.clip is Clip.NONE:
            idle.add("threshold")
        return [field.name for field in fields(self) if field.name not in idle]


def to_fields(descent: Descent) -> dict[str, Any]:
    """The settings that have an effect, as Python values."""
    return {name: getattr(descent, name) for name in descent.applicable}


def to_query(descent: Descent) -> dict[str, str]:
    """The settings that have an effect, as text for a URL; numbers read back exactly."""

    def text(value: Any) -> str:
        if isinstance(value, tuple):
            return SEPARATOR.join(map(text, value))
        return repr(value) if isinstance(value, float) else str(value)

    return {name: text(value) for name, value in to_fields(descent).items()}


def from_fields(values: Mapping[str, Any]) -> Descent:
    """Inverse of :func:`to_fields` and of :func:`to_query`.

    Raises:
        InvalidExperiment: an unknown name, or a value that does not parse or is out of range.
    """
    known = [field.name for field in fields(Descent)]
    if unknown := [name for name in values if name not in known]:
        raise InvalidExperiment(
            f"{quote_value(unknown[0])[1:-1]}: there is no such setting; settings are {', '.join(known)}",
            fields=tuple(unknown),
        )
    return Descent(**values)


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What one optimizer did; entry n belongs to the point x_n, the start is x_0.

    Attributes:
        optimizer: the rule.
        learning_rate: its η.
        points: x_n, shape ``(steps + 1, d)``; shorter if it ran into something non-finite.
        loss: L(x_n).
        gradients: ∂L/∂x at x_n, as computed.
        clipped: the same after clipping, as the optimizer got it.
        memory: for each name of the row's ``memory`` its value *after* step n, shape
            ``(steps, d)``.
    """

    optimizer: Optimizer
    learning_rate: float
    points: FloatArray
    loss: FloatArray
    gradients: FloatArray
    clipped: FloatArray
    memory: dict[str, FloatArray]

    @property
    def gradient_norm(self) -> FloatArray:
        """‖∂L/∂x‖ at every point, before clipping."""
        return _norms(self.gradients)

    @property
    def clipped_norm(self) -> FloatArray:
        """‖∂L/∂x‖ at every point, after clipping."""
        return _norms(self.clipped)

    @property
    def step_length(self) -> FloatArray:
        """‖x_{n+1} − x_n‖, shape ``(steps,)``."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _norms(np.diff(self.points, axis=0))

    @property
    def broken_at(self) -> int | None:
        """The step whose point, loss or gradient is not finite, if any; it is the last one."""
        parts = (self.points[-1], self.loss[-1:], self.gradients[-1])
        return None if np.isfinite(np.concatenate(parts)).all() else len(self.loss) - 1


def _norms(vectors: FloatArray) -> FloatArray:
    # hypot neither overflows nor underflows where the norm itself does not.
    columns = np.abs(vectors.T)
    norms: FloatArray = np.hypot(columns[0], columns[1]) if len(columns) > 1 else columns[0]
    return norms


class _Runner:
    """One optimizer under way."""

    def __init__(self, descent: Descent, optimizer: Optimizer, rate: float) -> None:
        self.row = OPTIMIZERS[optimizer]
        self.optimizer, self.rate = optimizer, rate
        self.point = torch.tensor(descent.start, dtype=torch.float64, requires_grad=True)
        self.engine = self.row.build(self.point, rate, descent.momentum)
        self.points: list[list[float]] = []
        self.loss: list[float] = []
        self.gradients: list[list[float]] = []
        self.clipped: list[list[float]] = []
        self.memory: dict[str, list[list[float]]] = {name: [] for name, _s in self.row.memory}

    def look(self, loss: float, descent: Descent) -> bool:
        """Take down where it is, clip, and say whether everything is finite."""
        gradient = _gradient(self.point)
        self.points.append(self.point.tolist())
        self.loss.append(loss)
        self.gradients.append(gradient.tolist())
        clip(self.point, descent.clip, descent.threshold)
        self.clipped.append(_gradient(self.point).tolist())
        return all(map(math.isfinite, (loss, *self.points[-1], *self.gradients[-1])))

    def step(self) -> None:
        self.engine.step()
        state = self.engine.state[self.point]
        for name, values in self.memory.items():
            kept = state.get(name)
            # With μ = 0 PyTorch keeps no velocity: it is the gradient.
            values.append(self.clipped[-1] if kept is None else kept.tolist())

    def trajectory(self) -> Trajectory:
        shape = (-1, len(self.points[0]))
        return Trajectory(
            self.optimizer,
            self.rate,
            np.array(self.points),
            np.array(self.loss),
            np.array(self.gradients),
            np.array(self.clipped),
            {name: np.array(kept).reshape(shape) for name, kept in self.memory.items()},
        )


def _gradient(point: Tensor) -> Tensor:
    assert point.grad is not None
    return point.grad


def descend(descent: Descent) -> tuple[Trajectory, ...]:
    """Run all optimizers through ``torch.optim`` in float64.

    One backward pass serves all of them: the gradient of the sum of their losses by each point is
    that of its own loss. A trajectory ends at the first point where the loss, its gradient or the
    point itself is not finite.
    """
    function, shape = descent.row.loss, descent.shape or 0.0
    pairs = zip(descent.optimizers, descent.rates, strict=True)
    runners = [_Runner(descent, optimizer, rate) for optimizer, rate in pairs]
    active = runners
    for step in range(descent.steps + 1):
        for runner in active:
            runner.point.grad = None
        losses = function(torch.stack([runner.point for runner in active]), shape)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        values = losses.tolist()
        active = [r for r, loss in zip(active, values, strict=True) if r.look(loss, descent)]
        if not active or step == descent.steps:
            break
        for runner in active:
            runner.step()
    return tuple(runner.trajectory() for runner in runners)


def _refused(name: str, value: Any, allowed: str) -> InvalidExperiment:
    message = f"{name}: {quote_value(value)} is not allowed; choose {allowed}"
    return InvalidExperiment(message, fields=(name,))


def _member(name: str, enum: type[_Enum], value: Any) -> _Enum:
    if value not in list(enum):
        raise _refused(name, value, "one of " + ", ".join(enum))
    return enum(value)


def _members(name: str, values: Any) -> tuple[Optimizer, ...]:
    codes = values.split(SEPARATOR) if isinstance(values, str) else tuple(values)
    found = tuple(_member(name, Optimizer, code) for code in codes)
    if not found or len(set(found)) < len(found):
        raise _refused(name, list(codes), "at least one, each once, of " + ", ".join(Optimizer))
    return found


def _number(name: str, value: Any, low: float, high: float, *, whole: bool = False) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high or (whole and number != int(number)):
        noun = "a whole number" if whole else "a number"
        raise _refused(name, value, f"{noun} from {low:g} to {high:g}")
    return number


def _within(name: str, value: Any, *, whole: bool = False) -> float:
    return _number(name, value, *RANGES[name], whole=whole)


def _start(value: Any, row: SurfaceChoice) -> tuple[float, ...]:
    if value in ((), ""):
        return row.starts[0].point
    found = numbers("start", value, math.inf)
    ranges = ", ".join(
        f"{axis} from {low:g} to {high:g}"
        for axis, (low, high) in zip(row.axes, row.window, strict=True)
    )
    if len(found) != row.dimension or not all(
        low <= x <= high for x, (low, high) in zip(found, row.window, strict=True)
    ):
        raise _refused("start", value, ranges)
    return found


def _shape(value: Any, row: SurfaceChoice) -> float | None:
    if row.shape is None:
        if value is not None:
            message = f"shape: {quote_value(value)} has no effect on this surface; leave it out"
            raise InvalidExperiment(message, fields=("shape",))
        return None
    if value is None:
        return float(row.shape.default)
    return _number("shape", value, row.shape.low, row.shape.high, whole=row.shape.whole)


def _multipliers(value: Any, count: int) -> tuple[float, ...]:
    if value in ((), ""):
        return (1.0,) * count
    found = numbers("multipliers", value, math.inf)
    if len(found) != count:
        raise _refused("multipliers", value, f"{count} numbers, one per optimizer")
    return tuple(_within("multipliers", factor) for factor in found)
