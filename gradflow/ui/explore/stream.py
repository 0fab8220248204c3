"""The residual stream of a report: its rows beside the layers, wherever these are shown."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from gradflow.core.catalog import Architecture
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import blocks

_COLUMNS = {
    "layer": "branch",
    "module": "module",
    "activation_mean": "mean",
    "activation_std": "std",
    "activation_rms": "rms",
    "similarity": "similarity",
    "activation_grad_norm": "grad_norm",
    "activation_grad_rms": "grad_rms",
}
"""Column of a stream's ``layers`` → its name in the table, as in ``report.signals``."""


def choose_rows(experiment: Experiment, report: Report, place: str) -> Literal["layer", "block"]:
    """Draw the choice of what the columns of a figure are, layers or blocks.

    A transformer's layers differ in kind, so its stream says more than all of them.
    """
    if report.stream is None:
        return "layer"
    transformer = experiment.network.architecture is Architecture.TRANSFORMER
    names: dict[Literal["layer", "block"], str] = {
        "layer": _("All layers"),
        "block": _("Residual stream"),
    }
    return blocks.choose_one(
        _("Columns of the figure"),
        names,
        f"{place}_rows_{'transformer' if transformer else 'layers'}",
        "block" if transformer else "layer",
    )


def label_stream_table(stream: Report) -> pd.DataFrame:
    """Label the columns of a stream's table; row 0 is what enters the first branch."""
    return stream.layers[list(_COLUMNS)].rename(columns=_COLUMNS)
