"""The settings of a descent of several optimizers on one loss from one start."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gradflow.core.catalog.optimizers import CLIPS, Clip
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import SEPARATOR, parse_numbers
from gradflow.core.teaching.optimizers import (
    DESCENT_OPTIMIZERS,
    DescentOptimizer,
)
from gradflow.core.teaching.surfaces import SURFACES, Point, Surface, SurfaceChoice
from gradflow.core.text import N_, Text

MAX_STEPS = 300
MAX_MOMENTUM = 0.999
SMALLEST_MULTIPLIER, LARGEST_MULTIPLIER = 1e-4, 1e4

_LEFT_OUT: dict[str, tuple[Any, ...]] = {
    "shape": (None,),
    "start": ((), ""),
    "learning_rate": (None,),
}
"""Fields that a surface has defaults for, and the values that stand for "left out"."""


class Descent(Spec):
    """The settings of a descent, checked and completed with the surface's own defaults.

    Attributes:
        surface: the loss.
        shape: the number that shapes it; ``None`` stands for its default, or for none.
        start: where all trajectories begin, within the window; empty: the surface's first start.
        optimizers: the rules of descent, each at most once.
        learning_rate: η, common to all; ``None``: one that suits plain descent on the surface.
        multipliers: what each optimizer multiplies η by; empty: 1.
        momentum: μ of momentum and Nesterov.
        clip: how gradients are clipped before each step.
        threshold: c, the largest norm or entry.
        steps: number of steps.

    Raises:
        InvalidExperiment: something is out of range; the message names field, value and range.
    """

    surface: Surface = Field(Surface.SHELF, title="Loss")
    shape: float | None = Field(None, title="Shape")
    start: Point = Field((), title="Start")
    optimizers: tuple[DescentOptimizer, ...] = Field((DescentOptimizer.SGD,), title="Optimizers")
    learning_rate: float = Field(
        SURFACES[Surface.SHELF].learning_rate, ge=1e-6, le=1000, title="Learning rate η"
    )
    multipliers: tuple[float, ...] = Field((), validate_default=True, title="η of each optimizer")
    momentum: float = Field(0.9, ge=0, le=MAX_MOMENTUM, title="Momentum μ")
    clip: Clip = Field(Clip.NONE, title="Gradient clipping")
    threshold: float = Field(1.0, ge=1e-6, le=1e6, title="Threshold c")
    steps: int = Field(100, ge=1, le=MAX_STEPS, title="Steps")

    exempt: ClassVar[frozenset[str]] = frozenset({"shape", "momentum", "threshold"})

    @classmethod
    def applies(cls, name: str, values: Mapping[str, Any]) -> bool:
        """Whether a field has an effect under these (possibly unvalidated) values."""
        if name == "shape":
            row = SURFACES.get(values.get("surface", Surface.SHELF))
            return row is not None and row.shape is not None
        if name == "momentum":
            codes = _split(values.get("optimizers", cls.model_fields["optimizers"].default))
            return any(
                DESCENT_OPTIMIZERS[code].takes_momentum
                for code in DescentOptimizer
                if code in codes
            )
        if name == "threshold":
            choice = CLIPS.get(values.get("clip", Clip.NONE))
            return choice is not None and name in choice.parameters
        return True

    @model_validator(mode="before")
    @classmethod
    def _take_surface_defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Give the surface's own defaults to what is left out.

        An unknown surface is refused later, by the check of its own field.
        """
        surface = values.get("surface", Surface.SHELF)
        if surface not in list(Surface):
            return values
        row = SURFACES[Surface(surface)]
        given = {n: value for n, value in values.items() if value not in _LEFT_OUT.get(n, ())}
        return {
            "shape": row.shape and row.shape.default,
            "start": row.starts[0].point,
            "learning_rate": row.learning_rate,
        } | given

    @field_validator("shape", mode="before")
    @classmethod
    def _check_shape(cls, value: Any, info: ValidationInfo) -> float | None:
        row = _find_row(info)
        if row is None or value is None:
            return None
        if row.shape is None:
            message = Text(
                "shape: {value} has no effect on this surface; leave it out",
                value=quote_value(value),
            )
            raise InvalidExperiment(message, fields=("shape",))
        low, high, whole = row.shape.low, row.shape.high, row.shape.whole
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not low <= number <= high or (whole and not number.is_integer()):
            template = (
                N_("a whole number from {low} to {high}")
                if whole
                else N_("a number from {low} to {high}")
            )
            raise InvalidExperiment.for_value("shape", value, Text(template, low=low, high=high))
        return number

    @field_validator("start", mode="before")
    @classmethod
    def _check_start(cls, value: Any, info: ValidationInfo) -> Point:
        start = parse_numbers("start", value, math.inf)
        row = _find_row(info)
        if row is not None and not row.contains(start):
            raise InvalidExperiment.for_value("start", value, _describe_window(row))
        return start

    @field_validator("optimizers", mode="before")
    @classmethod
    def _check_optimizers(cls, value: Any) -> tuple[DescentOptimizer, ...]:
        codes, known = _split(value), ", ".join(DescentOptimizer)
        for code in codes:
            if code not in list(DescentOptimizer):
                allowed = Text("one of {known}", known=known)
                raise InvalidExperiment.for_value("optimizers", code, allowed)
        if not codes or len(set(codes)) < len(codes):
            allowed = Text("at least one, each once, of {known}", known=known)
            raise InvalidExperiment.for_value("optimizers", list(codes), allowed)
        return tuple(map(DescentOptimizer, codes))

    @field_validator("multipliers", mode="before")
    @classmethod
    def _check_multipliers(cls, value: Any, info: ValidationInfo) -> tuple[float, ...]:
        count = len(info.data.get("optimizers", ()))
        if value in ((), ""):
            return (1.0,) * count
        factors = parse_numbers("multipliers", value, LARGEST_MULTIPLIER, low=SMALLEST_MULTIPLIER)
        if count and len(factors) != count:
            allowed = Text("{count} numbers, one per optimizer", count=count)
            raise InvalidExperiment.for_value("multipliers", value, allowed)
        return factors

    @property
    def row(self) -> SurfaceChoice:
        """The row of ``SURFACES`` about the surface."""
        return SURFACES[self.surface]

    @property
    def rates(self) -> tuple[float, ...]:
        """η of each optimizer, its multiplier included."""
        return tuple(self.learning_rate * factor for factor in self.multipliers)

    @property
    def takes_momentum(self) -> bool:
        """Whether one of the optimizers has momentum, so that μ matters."""
        return self.applies("momentum", dict(self))


def _find_row(info: ValidationInfo) -> SurfaceChoice | None:
    """Find the row of the surface validated before; ``None`` if that was refused."""
    surface = info.data.get("surface")
    return None if surface is None else SURFACES[surface]


def _describe_window(row: SurfaceChoice) -> Text:
    first, *second = (
        Text("{axis} from {low} to {high}", axis=axis, low=low, high=high)
        for axis, (low, high) in zip(row.axes, row.window, strict=True)
    )
    return Text("{first}, {second}", first=first, second=second[0]) if second else first


def _split(codes: Any) -> tuple[Any, ...]:
    """Split the text of a URL into codes; codes that are already apart stay."""
    return tuple(codes.split(SEPARATOR) if isinstance(codes, str) else codes)
