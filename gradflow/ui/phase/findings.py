"""What a whole map has found, in a few sentences that its own numbers make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradflow.core.decay import NOTICEABLE_CHANGE
from gradflow.core.numbers import format_count, format_number, format_share
from gradflow.core.sweep import Fate, Grid
from gradflow.core.sweep.critical import Growth
from gradflow.core.sweep.findings import (
    Band,
    BoolArray,
    choose_lines,
    compare_with_theory,
    count_fates,
    find_band,
    find_extremes,
    find_kept,
    measure_scatter,
)
from gradflow.core.sweep.table import shape_column
from gradflow.core.text import N_, _
from gradflow.ui.naming import describe_setting, format_setting, join_with_and, name_setting

if TYPE_CHECKING:
    import pandas as pd

_SHARES = {
    Fate.HEALTHY: N_("keeps its size, within a factor {factor}, in {share}"),
    Fate.VANISHING: N_("vanishes in {share}"),
    Fate.EXPLODING: N_("explodes in {share}"),
    Fate.UNEVEN: N_("is uneven in {share}"),
    Fate.ZERO: N_("is exactly 0 in a layer in {share}"),
    Fate.NOT_FINITE: N_("is not finite in {share}"),
    Fate.UNKNOWN: N_("has no two layers to compare in {share}"),
}
_MOST_CLAUSES = 6
"""Options of a choice of which each has a clause of its own."""
_MOST_NAMES = 3
"""Options that share the first place, at most, for them to be named."""


def write_findings(grid: Grid, table: pd.DataFrame, growth: Growth) -> str:
    """Write what a whole map of two axes has found; empty where nothing ran."""
    fates = count_fates(table)
    if not fates:
        return ""
    parts = [_write_shares(fates)]
    if "seed" in grid.axes:
        parts.append(_write_scatter(grid, table))
    else:
        distance = _write_distance(grid, table, growth)
        parts += [distance, _write_kept(grid, table)]
        if not distance and not any(map(_is_choice, grid.axes.values())):
            parts.append(_write_extremes(grid, table))
    return " ".join(filter(None, parts))


def _write_shares(fates: dict[Fate, int]) -> str:
    count = sum(fates.values())
    shares = [
        _(_SHARES[fate]).format(
            share=format_share(own / count), factor=format_number(NOTICEABLE_CHANGE)
        )
        for fate, own in fates.items()
    ]
    return _("Of {count} networks, the gradient {shares}.").format(
        count=format_count(count), shares=join_with_and(shares)
    )


def _write_distance(grid: Grid, table: pd.DataFrame, growth: Growth) -> str:
    distance = compare_with_theory(grid, table, growth)
    if distance is None:
        return ""
    return _(
        "Where the measured factor per layer is 1, {setting} is {median} from theory’s line at the "
        "median, and {largest} at most."
    ).format(
        setting=name_setting(distance.axis),
        median=format_number(distance.median, 2),
        largest=format_number(distance.largest, 2),
    )


def _write_kept(grid: Grid, table: pd.DataFrame) -> str:
    """Write where the gradient keeps its size, by the kinds of the axes."""
    kept = find_kept(grid, table)
    if not kept.any():
        return ""
    choices = [_is_choice(values) for values in grid.axes.values()]
    if all(choices):
        return " ".join(_write_options(grid, kept, axis) for axis in (1, 0))
    if any(choices):
        return _write_bands_of_options(grid, kept, choices.index(True))
    return _write_bands(grid, table, kept)


def _is_choice(values: Any) -> bool:
    return any(isinstance(value, (str, bool)) for value in values)


def _write_options(grid: Grid, kept: BoolArray, axis: int) -> str:
    """Write which options of an axis keep the gradient most often, and which never."""
    name, other = list(grid.axes)[axis], list(grid.axes)[1 - axis]
    counts = kept.sum(axis=1 - axis)
    best = np.flatnonzero(counts == counts.max()).tolist()
    never = [format_setting(name, grid.axes[name][i]) for i in np.flatnonzero(counts == 0).tolist()]
    names = [format_setting(name, grid.axes[name][i]) for i in best]
    text = _("{setting}: most often {best}, for {count} of {total} ({other})").format(
        setting=name_setting(name),
        best=_join_few(names, _MOST_NAMES),
        count=int(counts.max()),
        total=len(grid.axes[other]),
        other=name_setting(other).lower(),
    )
    if never:
        text += _("; never {never}").format(never=_join_few(never, _MOST_CLAUSES))
    return f"{text}."


def _join_few(names: Sequence[str], most: int) -> str:
    if len(names) > most:
        return _("{count} options").format(count=len(names))
    return join_with_and(names)


def _write_bands_of_options(grid: Grid, kept: BoolArray, axis: int) -> str:
    """Write, for every option of an axis, where along the other one the gradient is kept."""
    name, other = list(grid.axes)[axis], list(grid.axes)[1 - axis]
    lines = kept if axis == 0 else kept.T
    if len(lines) > _MOST_CLAUSES:
        return _write_options(grid, kept, axis)
    clauses = [
        f"{describe_setting(name, value)} {_describe_band(grid, other, find_band(line))}"
        for value, line in zip(grid.axes[name], lines, strict=True)
    ]
    return _("It keeps its size with {clauses}.").format(clauses="; ".join(clauses))


def _write_bands(grid: Grid, table: pd.DataFrame, kept: BoolArray) -> str:
    """Write where along one axis the gradient is kept, at the first and last value of the other."""
    choices = []
    for axis in (0, 1):  # the lines are at values of this axis
        ends = choose_lines(grid, table, axis)
        if ends is None:
            continue
        lines = kept if axis == 0 else kept.T
        bands = [(end, find_band(lines[end])) for end in dict.fromkeys(ends)]
        telling = sum(1 < len(band.places) < band.total for _end, band in bands)
        choices.append((telling, axis, bands))
    if not choices:
        return ""
    _telling, axis, bands = max(choices, key=lambda item: item[0])
    name, other = list(grid.axes)[axis], list(grid.axes)[1 - axis]
    clauses = [
        _("at {point} {band}").format(
            point=describe_setting(name, grid.axes[name][end]),
            band=_describe_band(grid, other, band),
        )
        for end, band in bands
    ]
    return _("It keeps its size {clauses}.").format(clauses="; ".join(clauses))


def _describe_band(grid: Grid, axis: str, band: Band) -> str:
    values, setting = grid.axes[axis], name_setting(axis)
    if not band.places:
        return _("nowhere")
    if band.is_whole:
        return _("everywhere")
    if not band.is_connected:
        return _("at {count} of {total} values of {setting}").format(
            count=len(band.places), total=band.total, setting=setting
        )
    low, high = (format_setting(axis, values[i]) for i in (band.places[0], band.places[-1]))
    if low == high:
        return _("for {setting} {low}").format(setting=setting, low=low)
    return _("for {setting} {low} to {high}").format(setting=setting, low=low, high=high)


def _write_extremes(grid: Grid, table: pd.DataFrame) -> str:
    clauses = [
        _("{value} at {point}").format(
            value=format_number(value, 2),
            point=", ".join(describe_setting(n, v) for n, v in grid.find_point(cell).items()),
        )
        for cell, value in find_extremes(grid, table)
    ]
    if not clauses:
        return ""
    return _(
        "The gradient at the first layer is largest, {largest}, and smallest, {smallest}."
    ).format(largest=clauses[0], smallest=clauses[1])


def _write_scatter(grid: Grid, table: pd.DataFrame) -> str:
    """Write how much draws differ at the first and the last value of the axis that is no seed."""
    seeds = list(grid.axes).index("seed")
    name = list(grid.axes)[1 - seeds]
    gradients = shape_column(grid, table, "first_gradient")[..., 0]
    lines = gradients if seeds == 1 else gradients.T
    clauses = [
        _("{factor} at {point}").format(
            factor=format_number(scatter, 2), point=describe_setting(name, grid.axes[name][i])
        )
        for i in dict.fromkeys((0, len(lines) - 1))
        if (scatter := measure_scatter(lines[i])) > 0
    ]
    if not clauses:
        return ""
    return _(
        "From seed to seed the gradient at the first layer varies by a factor {clauses}: one "
        "standard deviation of its logarithm."
    ).format(clauses=join_with_and(clauses))
