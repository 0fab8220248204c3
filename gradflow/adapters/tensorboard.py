"""Reports in TensorBoard: ``pip install gradflow[tensorboard]``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradflow.core.histogram import Histogram
from gradflow.core.report import Quantity, Report

_NUMBERS = (
    *("activation_std", "saturated", "delta_rms"),
    *("weight_grad_norm", "update_ratio"),
)
_IMAGES: tuple[Quantity, ...] = ("activation", "delta", "weight_grad")


class ReportWriter:
    """Writes the reports of a watch into TensorBoard, without looking at a tensor again.

    >>> writer = torch.utils.tensorboard.SummaryWriter("runs/1")
    >>> with gf.watch(model, on_report=ReportWriter(writer)):
    ...     train(model)

    Histograms of gradients are those of log10 of their sizes.

    Args:
        writer: a ``SummaryWriter``.
        numbers: columns of ``report.layers`` to write.
        histograms: quantities whose histograms to write.
    """

    def __init__(
        self,
        writer: Any,
        *,
        numbers: Sequence[str] = _NUMBERS,
        histograms: Sequence[Quantity] = _IMAGES,
    ) -> None:
        self._writer = writer
        self._numbers, self._histograms = tuple(numbers), tuple(histograms)

    def __call__(self, step: int, report: Report) -> None:
        """Write the report of a step."""
        writer, table = self._writer, report.get_table("layers")
        writer.add_scalar("gradflow/loss", report.loss, step)
        writer.add_scalar("gradflow/grad_norm", report.grad_norm, step)
        for row, (layer, module) in enumerate(zip(table["layer"], table["module"], strict=True)):
            for name in self._numbers:
                value = float(table[name][row])
                if not math.isnan(value):  # does not apply to this layer
                    writer.add_scalar(f"{name}/{module}", value, step)
            for what in self._histograms:
                histogram = report.histograms.get((what, int(layer)))
                if histogram is not None and len(histogram.counts):
                    is_log = histogram.scale == "log10"
                    tag = f"log10 {what}/{module}" if is_log else f"{what}/{module}"
                    self._write_histogram(tag, histogram, step)

    def _write_histogram(self, tag: str, histogram: Histogram, step: int) -> None:
        edges, counts = histogram.edges, histogram.counts
        middles = edges[:-1] / 2 + edges[1:] / 2
        with np.errstate(over="ignore"):
            squares = float((counts * middles**2).sum())
        self._writer.add_histogram_raw(
            tag,
            min=float(edges[0]),
            max=float(edges[-1]),
            num=int(counts.sum()),
            sum=float((counts * middles).sum()),
            sum_squares=squares,
            bucket_limits=edges[1:].tolist(),
            bucket_counts=counts.tolist(),
            global_step=step,
        )
