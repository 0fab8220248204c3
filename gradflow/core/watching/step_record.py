"""The record of a step, from the report of it."""

from __future__ import annotations

import math

import numpy as np
from torch.optim import Optimizer

from gradflow.core.histogram import FloatArray
from gradflow.core.report import Report
from gradflow.core.training.frame import Frame
from gradflow.core.training.record import StepRecord
from gradflow.core.training.series import LoadedReport

_SAME = (
    *("preactivation_std", "activation_mean", "activation_std", "activation_rms", "saturated"),
    *("delta_norm", "weight_norm", "weight_grad_norm", "update_ratio"),
)
"""Columns of the table of layers that a record has by the same name."""


def make_record(step: int, report: Report, learning_rate: float) -> StepRecord:
    """Make the record of a step: the numbers of its layers, and its distributions in short."""
    table = report.get_table("layers")
    layers = {name: table.get_numbers(name) for name in _SAME}
    clip = report.clip_factor
    nonfinite, grad_nonfinite = _count_nonfinite(report)
    return StepRecord(
        step=step,
        loss=report.loss,
        modules=tuple(table["module"]),
        layers={
            **layers,
            "dead": report.dead_unit_share(),
            "nonfinite": nonfinite,
            "clipped_grad_norm": layers["weight_grad_norm"] * clip,
            "grad_nonfinite": grad_nonfinite,
        },
        learning_rate=learning_rate,
        grad_norm=report.grad_norm,
        clipped_grad_norm=report.grad_norm * clip,
        loss_scale=report.loss_scale,
        nonfinite=float(np.nansum(report.get_table("signals").get_numbers("nonfinite"))),
        grad_nonfinite=float(
            np.nansum(report.get_table("parameters").get_numbers("grad_nonfinite"))
        ),
        snapshot=LoadedReport(report),
        frame=Frame.take(report),
    )


def _count_nonfinite(report: Report) -> tuple[FloatArray, FloatArray]:
    """Count the entries of each layer's signals, and of its parameters' gradients."""
    counts = []
    for name, column in (("signals", "nonfinite"), ("parameters", "grad_nonfinite")):
        table = report.get_table(name)  # type: ignore[arg-type]
        count = len(report.get_table("layers"))
        total = np.zeros(count + 1)
        np.add.at(total, table["layer"].astype(int), np.nan_to_num(table.get_numbers(column)))
        counts.append(total[1:])
    return counts[0], counts[1]


def find_learning_rate(optimizer: Optimizer | None) -> float:
    """Find the learning rate of an optimizer's first group; NaN if there is none."""
    if optimizer is None:
        return math.nan
    rate = optimizer.param_groups[0].get("lr", math.nan)
    return float(rate)
