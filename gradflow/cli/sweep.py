"""``gradflow sweep``: one experiment at all combinations of some settings, as a table."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, NamedTuple

from gradflow.cli.console import CommandFailed, say, write_data
from gradflow.cli.run import add_experiment_argument, fetch_text
from gradflow.core.errors import quote_value
from gradflow.core.text import Text, _

HELP = Text("run one experiment at all combinations of some settings and write a table")
MORE = Text(
    "Example: gradflow sweep '?activation=tanh&initialization=normal' --axis depth=10,20,50 --axis "
    "init_std=0.02:0.5:20:log --seeds 8 --out sweep.parquet. What is done is kept in "
    "sweep.parquet.part until the sweep is whole: the same command goes on from there."
)
_MOST_VALUES = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_experiment_argument(parser)
    parser.add_argument(
        "--axis",
        action="append",
        required=True,
        metavar="NAME=VALUES",
        help=_(
            "a setting and its values, as 10,20,50 or from:to:count or from:to:count:log; repeat "
            "it for each setting"
        ),
    )
    parser.add_argument(
        "--seeds", type=int, default=8, help=_("seeds of every combination; default: 8")
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help=_("where the table goes, .parquet or .csv; default: CSV on stdout"),
    )
    parser.add_argument(
        "--figure", metavar="FILE", help=_("where a page with the figure of one or two axes goes")
    )
    parser.add_argument(
        "--measure",
        default="first_gradient",
        help=_("what the figure shows; a column of the table"),
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help=_("of a Dask cluster, such as tcp://10.0.0.2:8786; default: this machine"),
    )


def call(options: argparse.Namespace) -> None:
    """Run the sweep and write its table."""
    axes = list(map(parse_axis, options.axis))
    if len({axis.name for axis in axes}) < len(axes):
        raise CommandFailed(Text("axis: name each setting once"))
    text = fetch_text(options.experiment)
    say(Text("loading PyTorch"))
    from gradflow.cli.sweeps import run_sweep  # noqa: PLC0415 - seconds

    out = Path(options.out) if options.out else None
    figure = Path(options.figure) if options.figure else None
    csv = run_sweep(text, axes, options.seeds, out, figure, options.measure, options.scheduler)
    if csv:
        write_data(csv)


class Axis(NamedTuple):
    """A setting and its values, as somebody named them.

    Attributes:
        name: of the setting.
        values: numbers, or options.
        is_spaced: whether only the ends were named; whole numbers are rounded then.
    """

    name: str
    values: list[Any]
    is_spaced: bool = False


def parse_axis(text: str) -> Axis:
    """Parse ``name=values``: ``10,20,50``, or ``from:to:count``, with ``:log`` in equal ratios.

    Raises:
        CommandFailed: it is neither.
    """
    name, equals, values = text.partition("=")
    if not (name and equals and values):
        message = Text(
            "axis: {text} is not NAME=VALUES, such as depth=10,20,50", text=quote_value(text)
        )
        raise CommandFailed(message)
    if ":" in values:
        return Axis(name, _space_out(text, values.split(":")), is_spaced=True)
    return Axis(name, [_parse_value(value) for value in values.split(",")])


def _space_out(text: str, parts: list[str]) -> list[float]:
    try:
        low, high, count = float(parts[0]), float(parts[1]), int(parts[2])
        ratios = parts[3:] == ["log"]
        possible = 2 <= count <= _MOST_VALUES and (low > 0 < high or not ratios)
    except (ValueError, IndexError):
        possible = False
    if not possible or len(parts) > 3 + ratios or not math.isfinite(high - low):
        message = Text(
            "axis: {text} is not NAME=from:to:count or NAME=from:to:count:log, with a count of 2 "
            "to {most}, and numbers above 0 for log",
            text=quote_value(text),
            most=_MOST_VALUES,
        )
        raise CommandFailed(message)
    shares = [i / (count - 1) for i in range(count)]
    if ratios:
        return [float(f"{low * (high / low) ** share:.6g}") for share in shares]
    return [float(f"{low + (high - low) * share:.6g}") for share in shares]


def _parse_value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
