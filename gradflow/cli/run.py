"""``gradflow run``: one experiment, named by an address of Explore or as JSON; its report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gradflow.cli.console import CommandFailed, say, write_data
from gradflow.core.errors import quote_value
from gradflow.core.text import Text, _

HELP = Text("run one experiment and write its report to stdout")
MORE = Text(
    "Examples: gradflow run 'http://localhost:8501/?depth=30&activation=relu'; "
    "gradflow run '{\"depth\": 30}' --format csv; gradflow run report.json --format html. "
    "What it does is said on stderr."
)
FORMATS = ("json", "csv", "html")
TABLES = ("layers", "signals", "parameters")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_experiment_argument(parser)
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help=_("default: json"))
    parser.add_argument(
        "--table", choices=TABLES, default=TABLES[0], help=_("what csv holds; default: layers")
    )


def add_experiment_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names an experiment."""
    parser.add_argument(
        "experiment",
        metavar="URL-or-JSON",
        help=_(
            "an address of Explore or its query, settings as JSON, a file with either or with a "
            "saved report, or - for stdin"
        ),
    )


def call(options: argparse.Namespace) -> None:
    """Run the experiment and write its report."""
    text = fetch_text(options.experiment)
    say(Text("loading PyTorch"))
    from gradflow.cli.reports import read_experiment, run, write_report  # noqa: PLC0415 - seconds

    experiment = read_experiment(text)
    say(Text("running one forward and one backward pass"))
    report = run(experiment)
    say(
        Text(
            "{title}: loss {loss}, {layers} layers, {seconds} s",
            title=report.title,
            loss=report.loss,
            layers=len(report.get_table("layers")),
            seconds=report.seconds,
        )
    )
    write_data(write_report(report, options.format, options.table))


def fetch_text(argument: str) -> str:
    """Fetch what an argument names: the text of stdin or of a file, or the argument itself."""
    try:
        if argument == "-":
            return sys.stdin.buffer.read().decode()
        return Path(argument).read_text(encoding="utf-8") if _is_file(argument) else argument
    except (OSError, ValueError) as error:  # one of bytes that are no text is a ValueError
        message = Text(
            "{name}: cannot be read ({error})", name=quote_value(argument), error=str(error)
        )
        raise CommandFailed(message) from error


def _is_file(argument: str) -> bool:
    try:
        return Path(argument).is_file()
    except OSError:  # an address with all its settings is too long for a name
        return False
