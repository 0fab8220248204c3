"""A phase diagram: an experiment, and the two settings over which a sweep maps it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self, get_args

import numpy as np
from pydantic import Field, field_validator, model_validator

from gradflow.core.codec import to_fields
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import Data, Experiment
from gradflow.core.spec import Spec, find_bounds, find_enum, list_options
from gradflow.core.sweep.grid import Grid, make_unused_error
from gradflow.core.sweep.measures import MEASURES
from gradflow.core.teaching.fields import parse_numbers
from gradflow.core.text import Text

MOST_POINTS = 40
MOST_NETWORKS = 6000
MOST_CELLS = 2


class Range(NamedTuple):
    """The usual values of a setting on an axis.

    Attributes:
        low: the first value.
        high: the last one.
        logarithmic: whether they stand in equal ratios instead of equal steps.
    """

    low: float
    high: float
    logarithmic: bool = False


RANGES: dict[str, Range] = {
    "depth": Range(2, 60),
    "width": Range(8, 256, logarithmic=True),
    "channels": Range(2, 32, logarithmic=True),
    "init_std": Range(0.02, 0.5, logarithmic=True),
    "init_limit": Range(0.02, 0.5, logarithmic=True),
    "weight_std": Range(0.005, 0.5, logarithmic=True),
    "gain_value": Range(0.5, 3),
    "bias_std": Range(0, 1),
    "negative_slope": Range(0, 1),
    "elu_alpha": Range(0.1, 3),
    "branch_scale": Range(0, 2),
    "residual_scale": Range(0, 2),
    "block_size": Range(1, 6),
    "batch_size": Range(2, 256, logarithmic=True),
    "scale": Range(0.1, 100, logarithmic=True),
    "correlation": Range(0, 1),
    "init_value": Range(0.001, 0.5, logarithmic=True),
    "groups": Range(1, 8),
    "growth_rate": Range(2, 16),
    "image_size": Range(8, 32),
    "stages": Range(1, 3),
    "heads": Range(1, 8),
    "dimension": Range(4, 256, logarithmic=True),
    "noise": Range(0, 2),
    "offset": Range(0, 10),
    "target_scale": Range(0.1, 100, logarithmic=True),
    "loss_scale": Range(1, 65536, logarithmic=True),
    "seed": Range(0, 15),
}
"""The numbers that may be an axis, with where they begin."""
CHOICES = (
    *("activation", "initialization", "normalization", "connection", "norm_position", "dtype"),
    *("gain", "fan_mode", "zero_last", "norm_mode", "norm_placement", "scaled_output", "readout"),
    *("kernel", "padding", "downsampling", "source", "inputs", "targets", "loss"),
)
"""The choices that may be an axis, with all their options."""
AXES = (*RANGES, *CHOICES)


class PhaseMap(Spec):
    """Which two settings are varied, and what is shown of every network."""

    across: str = Field("bias_std", title="Across", description="The setting that runs rightwards.")
    left: float = Field(0.0, ge=0, le=1e6, title="From", description="Its value at the left.")
    right: float = Field(1.0, ge=0, le=1e6, title="To", description="Its value at the right.")
    upwards: str = Field("depth", title="Upwards", description="The setting that runs up.")
    bottom: float = Field(2.0, ge=0, le=1e6, title="From", description="Its value at the bottom.")
    top: float = Field(60.0, ge=0, le=1e6, title="To", description="Its value at the top.")
    points: int = Field(
        24, ge=2, le=MOST_POINTS, title="Points", description="Values of each axis of numbers."
    )
    seeds: int = Field(
        1, ge=1, le=8, title="Seeds", description="Networks at each point; their median is shown."
    )
    measure: str = Field("first_gradient", title="Measure", description="What the colour shows.")
    cells: tuple[int, ...] = Field((), title="Cells", description="Those chosen, by number.")

    @field_validator("cells", mode="before")
    @classmethod
    def _parse_cells(cls, value: Any) -> tuple[int, ...]:
        cells = parse_numbers("cells", value, MOST_NETWORKS, low=0)
        if len(cells) > MOST_CELLS:
            allowed = Text("at most {most} cells", most=MOST_CELLS)
            raise InvalidExperiment.for_value("cells", len(cells), allowed)
        return tuple(map(int, cells))

    @model_validator(mode="after")
    def _refuse_other_axes(self) -> Self:
        for name, axis in (("across", self.across), ("upwards", self.upwards)):
            if axis not in AXES:
                allowed = Text("one of {axes}", axes=", ".join(AXES))
                raise InvalidExperiment.for_value(name, axis, allowed)
        if self.measure not in MEASURES:
            allowed = Text("one of {measures}", measures=", ".join(MEASURES))
            raise InvalidExperiment.for_value("measure", self.measure, allowed)
        if self.across == self.upwards:
            message = Text(
                "upwards: {axis} is the other axis already; choose another setting",
                axis=quote_value(self.upwards),
            )
            raise InvalidExperiment(message, fields=("upwards",))
        for name, axis, low, high, names in (
            ("across", self.across, self.left, self.right, ("left", "right")),
            ("upwards", self.upwards, self.bottom, self.top, ("bottom", "top")),
        ):
            if axis in RANGES and not low < high:
                message = Text(
                    "{name}: To, which is {high}, must be above From, which is {low}",
                    name=name,
                    low=low,
                    high=high,
                )
                raise InvalidExperiment(message, fields=names)
        return self


@dataclass(frozen=True)
class PhaseSettings:
    """What a phase diagram is made of.

    Attributes:
        experiment: what no axis changes.
        map: the axes and the measure.
    """

    experiment: Experiment
    map: PhaseMap

    def __post_init__(self) -> None:
        try:
            grid = self.grid
        except InvalidExperiment as error:
            plan = {"across": self.map.across, "upwards": self.map.upwards}
            error.fields += tuple(name for name, axis in plan.items() if axis in error.fields)
            raise
        if grid.count > MOST_NETWORKS:
            message = Text(
                "points: {count} networks are too many for one map; at most {most}, choose fewer "
                "points or seeds",
                count=grid.count,
                most=MOST_NETWORKS,
            )
            raise InvalidExperiment(message, fields=("points", "seeds"))
        count = math.prod(grid.shape)
        for cell in self.map.cells:
            if cell >= count:
                raise InvalidExperiment.for_value("cells", cell, Text("below {count}", count=count))

    @cached_property
    def grid(self) -> Grid:
        """The networks of the map; the measure does not change them.

        Raises:
            InvalidExperiment: see ``Grid``.
        """
        plan, base = self.map, self.experiment
        return Grid(
            base,
            {
                plan.upwards: list_values(plan.upwards, plan.bottom, plan.top, plan.points, base),
                plan.across: list_values(plan.across, plan.left, plan.right, plan.points, base),
            },
            1 if "seed" in (plan.across, plan.upwards) else plan.seeds,
        )


def list_axes(experiment: Experiment) -> list[str]:
    """List the settings of an experiment that may be an axis."""
    used = to_fields(experiment)
    return [name for name in AXES if name in used]


def list_values(
    name: str, low: float, high: float, points: int, experiment: Experiment
) -> list[Any]:
    """List the values of an axis: ``points`` numbers in even steps, or all options of a choice.

    Whole numbers that would come twice come once, and none leaves the bounds of the setting.

    Raises:
        InvalidExperiment: networks of this architecture have no such setting.
    """
    field = _find_field(name, experiment)
    if (enum := find_enum(field)) is not None:
        return [str(code) for code in list_options(enum, experiment.network.architecture)]
    if field.annotation is bool:
        return [False, True]
    if options := get_args(field.annotation):  # a Literal
        return list(options)
    least, most, excluded = find_bounds(field)
    first, last = max(low, least or 0.0), min(high, high if most is None else most)
    if excluded and first <= (least or 0.0):
        first = last / 100
    spread = np.geomspace if RANGES[name].logarithmic and first > 0 else np.linspace
    values = spread(first, max(last, first), points)
    if is_whole(name, experiment):
        return list(dict.fromkeys(round(value) for value in values.tolist()))
    return list(dict.fromkeys(float(f"{value:.4g}") for value in values.tolist()))


def is_whole(name: str, experiment: Experiment) -> bool:
    """Say whether a setting of an experiment takes whole numbers alone."""
    specs: tuple[type[Spec], ...] = (type(experiment.network), Data, Experiment)
    return any(s.model_fields[name].annotation is int for s in specs if name in s.model_fields)


def _find_field(name: str, experiment: Experiment) -> Any:
    specs: tuple[type[Spec], ...] = (type(experiment.network), Data, Experiment)
    for spec in specs:
        if name in spec.model_fields:
            return spec.model_fields[name]
    raise make_unused_error(name)
