"""The residual stream of a report: its rows beside the layers, wherever these are shown."""

from __future__ import annotations

import pandas as pd

from gradflow.core.report import Report

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


def label_stream_table(stream: Report) -> pd.DataFrame:
    """Label the columns of a stream's table; row 0 is what enters the first branch."""
    return stream.layers[list(_COLUMNS)].rename(columns=_COLUMNS)
