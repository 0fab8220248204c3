"""``gradflow sweep``: one experiment at all combinations of some settings, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradflow.cli.axes import parse_axis
from gradflow.cli.console import CommandFailed, say, write_data
from gradflow.cli.run import add_experiment_argument, fetch_text
from gradflow.core.text import Text, _

HELP = Text("run one experiment at all combinations of some settings and write a table")
MORE = Text(
    "Example: gradflow sweep '?activation=tanh&initialization=normal' --axis depth=10,20,50 --axis "
    "init_std=0.02:0.5:20:log --seeds 8 --out sweep.parquet. What is done is kept in "
    "sweep.parquet.part until the sweep is whole: the same command goes on from there."
)


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
