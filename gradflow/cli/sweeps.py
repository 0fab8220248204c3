"""Sweeps named on a command line; imports PyTorch, pandas and Plotly."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gradflow.charts.report_page import figure_html
from gradflow.cli.axes import Axis
from gradflow.cli.console import CommandFailed, say
from gradflow.cli.reports import read_experiment
from gradflow.core.experiment import Experiment
from gradflow.core.stacked_pass import can_stack
from gradflow.core.sweep import MEASURES, Fate, Grid, sweep
from gradflow.core.sweep.phase import is_whole
from gradflow.core.sweep.table import WRITERS, list_axis_columns, write_table
from gradflow.core.text import Text
from gradflow.ui.phase.figure import MOST_AXES, draw_sweep

_SAY_SECONDS = 1.0


def run_sweep(
    text: str,
    axes: Sequence[Axis],
    seeds: int,
    out: Path | None,
    figure: Path | None,
    measure: str,
    scheduler: str | None,
) -> str:
    """Run a sweep, write its files, and return the table as CSV where no file was named.

    Raises:
        CommandFailed: a file cannot be written, or there is no such figure.
        GradflowError: the sweep is impossible.
    """
    experiment = read_experiment(text)
    grid = Grid(experiment, {a.name: _round_whole(a, experiment) for a in axes}, seeds)
    if figure is not None:
        _check_figure(grid, measure)
        _check_path("figure", figure)
    if out is not None and out.suffix.lower() not in WRITERS:
        raise CommandFailed(
            Text("out: {path} must end in {ends}", path=str(out), ends=" or ".join(WRITERS))
        )
    if out is not None:
        _check_path("out", out)
    part = None if out is None else out.with_name(f"{out.name}.part")
    if can_stack(grid.base):
        say(Text("running {count} networks", count=grid.count))
    else:
        message = Text(
            "running {count} networks one by one, because convolutional networks and transformers "
            "do not run as one",
            count=grid.count,
        )
        say(message)
    table = sweep(
        grid.base,
        grid.axes,
        seeds=seeds,
        progress=_make_progress(),
        scheduler=scheduler,
        file=part,
    )
    _tell_impossible(grid, table)
    if out is not None and part is not None:
        write_table(table, out)
        part.unlink(missing_ok=True)
    if figure is not None:
        page = figure_html(draw_sweep(grid, table, measure), title=str(MEASURES[measure].label))
        try:
            figure.write_text(page, encoding="utf-8")
        except OSError as error:
            message = Text(
                "figure: {path} cannot be written ({error})", path=str(figure), error=str(error)
            )
            raise CommandFailed(message) from error
    return "" if out is not None else str(table.drop(columns="profile").to_csv(index=False))


def _round_whole(axis: Axis, experiment: Experiment) -> list[Any]:
    """Round values between two ends where the setting takes whole numbers, each once."""
    if axis.is_spaced and is_whole(axis.name.rpartition(".")[2], experiment):
        return list(dict.fromkeys(map(round, axis.values)))
    return axis.values


def _check_path(option: str, path: Path) -> None:
    """Refuse a file that cannot be written before anything has run for it."""
    at = path if path.exists() else path.parent
    if path.is_dir() or not path.parent.is_dir() or not os.access(at, os.W_OK):
        message = Text("{option}: {path} cannot be written", option=option, path=str(path))
        raise CommandFailed(message)


def _tell_impossible(grid: Grid, table: pd.DataFrame) -> None:
    """Say how many points are not possible, and why the first is not: it may be a slip."""
    impossible = table[table["verdict"] == Fate.IMPOSSIBLE]
    points = impossible[list_axis_columns(grid)].drop_duplicates()
    if not len(points):
        return
    point = ", ".join(f"{name}={value}" for name, value in points.iloc[0].items())
    message = Text(
        "{count} of {total} points are not possible, such as {point} ({problem})",
        count=len(points),
        total=math.prod(grid.shape),
        point=point,
        problem=str(impossible["problem"].iloc[0]),
    )
    say(message)


def _check_figure(grid: Grid, measure: str) -> None:
    if len(grid.axes) > MOST_AXES:
        raise CommandFailed(Text("figure: needs one axis or two"))
    if measure not in MEASURES:
        message = Text(
            "measure: {name} is not measured; choose one of {names}",
            name=measure,
            names=", ".join(MEASURES),
        )
        raise CommandFailed(message)


def _make_progress() -> Callable[[int, int], None]:
    last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > _SAY_SECONDS:
            last = time.monotonic()
            say(Text("{done} of {total} networks", done=done, total=total))

    return report
