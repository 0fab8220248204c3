"""Predictions beyond what the number format holds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from gradflow.core.catalog import DTYPES
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import Text
from gradflow.core.theory.flow import PredictedFlow


def check_number_format(
    experiment: Experiment, report: Report, flow: PredictedFlow
) -> Iterator[Text]:
    """Find numbers that overflow, or are too small for the format; or that have no anchor."""
    largest = float(torch.finfo(DTYPES[experiment.dtype].dtype).max)
    anchor = float(report.get_table("layers")["delta_norm"][-1])
    sizes = experiment.network.list_layers(experiment.data)
    count = experiment.data.batch_size * np.array([s.fan_out * s.positions for s in sizes])
    entries = np.sqrt(np.array(flow.delta) / count) * anchor
    signal = np.nanmax([math.sqrt(z.mean_power) for z in flow.preactivation])
    known = 0 < anchor < math.inf
    if not 5 * signal < largest or (known and not 5 * entries.max() * report.loss_scale < largest):
        yield Text(
            "Predicted numbers come near {largest}, the largest in {dtype}: the measured ones "
            "overflow.",
            largest=largest,
            dtype=experiment.dtype,
        )
    if not known:
        yield Text("The readout's gradient is zero or not finite, so the gradient has no anchor.")
        return
    smallest = entries[entries > 0].min(initial=math.inf)
    if smallest < report.smallest_normal:
        yield Text(
            "Predicted gradient entries of {size} are below {tiny}, the smallest normal "
            "{dtype} number here: they are measured too small, or as zero.",
            size=float(smallest),
            tiny=report.smallest_normal,
            dtype=experiment.dtype,
        )
