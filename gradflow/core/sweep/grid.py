"""A grid of settings: which networks a sweep runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from gradflow.core.codec import from_fields, list_field_names, to_fields
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import Experiment
from gradflow.core.frozen import freeze_mappings
from gradflow.core.text import Text

MOST_NETWORKS = 200_000
_PREFIXES = ("network.", "data.", "experiment.")
_FIRST_POINTS = 4
"""Points of an axis, about, that a map shows first."""


class Network(NamedTuple):
    """One network of a sweep.

    Attributes:
        cell: the number of its grid point, the last axis running fastest.
        experiment: its settings, the seed among them.
    """

    cell: int
    experiment: Experiment


@dataclass(frozen=True, eq=False)
class Grid:
    """All combinations of the values of some settings, each under several seeds.

    Attributes:
        base: the settings that no axis changes; its seed is the first of each point.
        axes: setting → its values; the names are those of links, such as ``depth``, and
            ``network.depth`` means the same.
        seeds: seeds in a row at each point.

    Raises:
        InvalidExperiment: an axis is no setting, has no values or a value twice, or has no effect
            at any point; there are too many networks; or no point is possible.
    """

    base: Experiment
    axes: Mapping[str, Sequence[Any]]
    seeds: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.axes, Mapping):
            raise InvalidExperiment(Text("axes: give a mapping, setting → list of values"))
        axes = {_strip(name): _list_values(name, values) for name, values in self.axes.items()}
        if len(axes) < len(self.axes):
            raise InvalidExperiment(Text("axes: name each setting once"), fields=tuple(axes))
        object.__setattr__(self, "axes", axes)
        freeze_mappings(self, "axes")
        if not axes:
            raise InvalidExperiment(Text("axes: name at least one setting and its values"))
        for name, values in axes.items():
            _check_axis(name, values)
        if type(self.seeds) is not int or not 1 <= self.seeds <= MOST_NETWORKS:
            allowed = Text("a whole number from 1 to {most}", most=MOST_NETWORKS)
            raise InvalidExperiment.for_value("seeds", self.seeds, allowed)
        if "seed" in axes and self.seeds > 1:
            message = Text(
                "seeds: {seeds} have no meaning with an axis seed; choose 1", seeds=self.seeds
            )
            raise InvalidExperiment(message, fields=("seeds",))
        if self.count > MOST_NETWORKS:
            message = Text(
                "axes: {count} networks are too many; allowed are at most {most}, choose fewer "
                "values or seeds",
                count=self.count,
                most=MOST_NETWORKS,
            )
            raise InvalidExperiment(message, fields=tuple(axes))
        self._refuse_axes_without_effect()

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values of each axis."""
        return tuple(map(len, self.axes.values()))

    @property
    def count(self) -> int:
        """The number of networks."""
        return math.prod(self.shape) * self.seeds

    def list_points(self) -> list[dict[str, Any]]:
        """List the values of the axes at each point, the last axis running fastest."""
        return [
            dict(zip(self.axes, row, strict=True)) for row in itertools.product(*self.axes.values())
        ]

    def find_point(self, cell: int) -> dict[str, Any]:
        """Find the values of the axes at a point, as ``list_points`` lists them.

        Raises:
            IndexError: there are not so many points.
        """
        if not 0 <= cell < math.prod(self.shape):
            raise IndexError(cell)
        point = {}
        for name, values in reversed(list(self.axes.items())):
            cell, place = divmod(cell, len(values))
            point[name] = values[place]
        return dict(reversed(list(point.items())))

    def make_experiment(self, point: Mapping[str, Any]) -> Experiment:
        """Make the experiment of a point, with the first seed.

        Raises:
            InvalidExperiment: the values of the axes are not possible together.
        """
        return from_fields(to_fields(self.base) | dict(point))

    @cached_property
    def experiments(self) -> tuple[Experiment | None, ...]:
        """The experiment of every point, with the first seed; ``None`` where it is not possible."""
        return tuple(None if isinstance(e, InvalidExperiment) else e for e in self._outcomes)

    @cached_property
    def problems(self) -> Mapping[int, Text | str]:
        """Why points are not possible, by their numbers."""
        outcomes = enumerate(self._outcomes)
        return {i: e.message for i, e in outcomes if isinstance(e, InvalidExperiment)}

    def list_networks(self) -> Iterator[Network]:
        """List the networks of all possible points, those of a coarser grid first."""
        for cell in sorted(range(len(self.experiments)), key=self._find_level):
            experiment = self.experiments[cell]
            if experiment is not None:
                for seed in range(experiment.seed, experiment.seed + self.seeds):
                    yield Network(cell, experiment.model_copy(update={"seed": seed}))

    def _try_point(self, point: Mapping[str, Any]) -> Experiment | InvalidExperiment:
        try:
            return self.make_experiment(point)
        except InvalidExperiment as error:
            return error.with_traceback(None)

    @cached_property
    def _outcomes(self) -> tuple[Experiment | InvalidExperiment, ...]:
        return tuple(map(self._try_point, self.list_points()))

    def _find_level(self, cell: int) -> int:
        """Find how many times a coarse grid is halved before it has this point."""
        level = 0
        for size in reversed(self.shape):
            cell, place = divmod(cell, size)
            step = 2 ** max(math.ceil(math.log2(size / _FIRST_POINTS)), 0)
            halvings = 0
            while place % step:
                step //= 2
                halvings += 1
            level = max(level, halvings)
        return level

    def _refuse_axes_without_effect(self) -> None:
        used: set[str] = set()
        problem: InvalidExperiment | None = None
        # Whether a setting has an effect depends on choices, not on numbers.
        ends = [_choose_ends(values) for values in self.axes.values()]
        for row in itertools.product(*ends):
            point = dict(zip(self.axes, row, strict=True))
            try:
                used |= to_fields(self.make_experiment(point)).keys()
            except InvalidExperiment as error:
                problem = problem or error
            if used >= self.axes.keys():
                return
        if not used and problem is not None:
            raise problem
        raise make_unused_error(next(name for name in self.axes if name not in used))


def make_unused_error(name: str) -> InvalidExperiment:
    """Make the error of an axis that changes nothing."""
    message = Text(
        "{name}: it has no effect with these settings; choose another axis, or the setting that "
        "uses it",
        name=name,
    )
    return InvalidExperiment(message, fields=(name,))


def _strip(name: str) -> str:
    return next((name.removeprefix(p) for p in _PREFIXES if name.startswith(p)), name)


def _list_values(name: str, values: Any) -> tuple[Any, ...]:
    """List the values of an axis, which may be any iterable."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        message = Text("{name}: give a list of values, also of a single one", name=name)
        raise InvalidExperiment(message, fields=(name,))
    listed = tuple(map(_simplify, itertools.islice(values, MOST_NETWORKS + 1)))
    if len(listed) > MOST_NETWORKS:
        message = Text(
            "{name}: more than {most} values are too many; choose fewer",
            name=name,
            most=MOST_NETWORKS,
        )
        raise InvalidExperiment(message, fields=(name,))
    return listed


def _simplify(value: Any) -> Any:
    """Write an option as its code, and a number of NumPy as one of Python."""
    if isinstance(value, StrEnum):
        return str(value)
    return value.item() if hasattr(value, "item") else value


def _choose_ends(values: Sequence[Any]) -> Sequence[Any]:
    """Choose the first and the last of numbers, and all options of a choice."""
    return values if isinstance(values[0], str) else (values[0], values[-1])


def _find_key(value: Any) -> float | str:
    """Find what tells values apart: 2 and 2.0 are one, but not 1 and true."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else repr(value)


def _check_axis(name: str, values: Sequence[Any]) -> None:
    if name not in list_field_names():
        message = Text(
            "{name}: there is no such setting; settings are {known}",
            name=quote_value(name)[1:-1],
            known=", ".join(list_field_names()),
        )
        raise InvalidExperiment(message, fields=(name,))
    if not values or len(set(map(_find_key, values))) < len(values):
        message = Text("{name}: give at least one value, and each once", name=name)
        raise InvalidExperiment(message, fields=(name,))
