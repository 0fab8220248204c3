"""Experiments named on a command line, and reports as text; imports PyTorch and Plotly."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gradflow.charts import report_html
from gradflow.cli.console import CommandFailed
from gradflow.core import codec
from gradflow.core.diagnosis import findings, summarize
from gradflow.core.errors import quote_value
from gradflow.core.experiment import Experiment
from gradflow.core.probe import run
from gradflow.core.report import FORMAT, Report
from gradflow.core.text import Text
from gradflow.ui.paths import EXPLORE, PAGES

__all__ = ["read_experiment", "run", "write_report"]


def read_experiment(text: str) -> Experiment:
    """Read an experiment from an address of Explore, its query, settings as JSON, or a report.

    A page leaves out what is impossible in a link and says so; this refuses it.

    Raises:
        CommandFailed: the text is none of them, or of another page.
        InvalidExperiment: a setting is unknown or impossible.
        InvalidReport: the saved report is damaged.
    """
    text = text.strip()
    if not text.startswith("{"):
        return codec.from_query(dict(parse_qsl(_find_query(text), keep_blank_values=True)))
    try:
        values: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = Text("settings: this is not JSON ({error})", error=str(error))
        raise CommandFailed(message) from error
    if values.get("format") == FORMAT:
        return _find_setting(Report.from_json(text))
    widths = values.get("widths")
    return codec.from_fields(values | ({"widths": tuple(widths)} if type(widths) is list else {}))


def write_report(report: Report, form: str, table: str) -> str:
    """Write a report as ``json``, as ``csv`` of one of its tables, or as an ``html`` page."""
    match form:
        case "json":
            return report.to_json() + "\n"
        case "csv":
            return str(getattr(report, table).to_csv(index=False))
        case _:
            return report_html(report, summary=summarize(findings(report)))


def _find_query(text: str) -> str:
    address = urlsplit(text)
    is_whole = address.scheme in {"http", "https"}
    if is_whole or text.startswith("?") or (text.startswith("/") and "?" in text):
        name = address.path.rstrip("/").rpartition("/")[2]
        page = PAGES / f"{name}.py"
        if page != EXPLORE and page.is_file():
            message = Text("{name}: only settings of Explore are run, not this page's", name=name)
            raise CommandFailed(message)
        return address.query
    if "=" in text and len(text.split()) == 1:
        return text
    message = Text(
        "{text}: this is neither an address of Explore (…/?depth=30), nor settings as JSON, nor "
        "a file",
        text=quote_value(text),
    )
    raise CommandFailed(message)


def _find_setting(report: Report) -> Experiment:
    if report.experiment is None:
        raise CommandFailed(Text("report: its model is somebody's own, not one of settings"))
    return codec.from_query({str(name): str(text) for name, text in report.experiment.items()})
