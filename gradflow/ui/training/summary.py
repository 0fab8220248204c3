"""A run in numbers, and the table of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gradflow.charts.training.data import RECENT_RECORDS
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _
from gradflow.core.training import Run


@dataclass(frozen=True)
class Summary:
    """A run in numbers; "now" is the mean over the last records.

    Attributes:
        steps: of the last record.
        loss_before, loss: in the first record, and now.
        accuracy, held_out_loss, held_out_accuracy: now, and when held-out data were last used.
        grad_norm_before, grad_norm, grad_norm_largest: over all parameters, before clipping; the
            largest that is finite.
        first_share: ‖∂L/∂W‖ of layer 1 in the first record, as a multiple of the last layer's.
        ratios: ‖ΔW‖/‖W‖ per layer, the median over the last records.
        dead: share of dead units now, over all layers that can have them.
        noise_scale: as last measured, NaN if it never was.
        skipped: records of updates that were skipped, because the scaled gradient overflowed.
        broke: step of a loss that is not finite, or ``None``.
    """

    steps: int
    loss_before: float
    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float
    grad_norm_before: float
    grad_norm: float
    grad_norm_largest: float
    first_share: float
    ratios: tuple[float, ...]
    dead: float
    noise_scale: float
    skipped: int
    broke: int | None

    @property
    def spread(self) -> float:
        """Speed of the fastest layer as a multiple of the slowest's."""
        moving = [ratio for ratio in self.ratios if math.isfinite(ratio)]
        if not moving or max(moving) == 0:
            return math.nan
        return max(moving) / min(moving) if min(moving) else math.inf


def summarize_run(run: Run) -> Summary | None:
    """Summarize a run that recorded anything."""
    records = run.records
    if not records:
        return None
    first, last, recent = records[0], records[-1], records[-RECENT_RECORDS:]
    gradients = first.layers["weight_grad_norm"]
    divergence = run.divergence
    return Summary(
        steps=last.step,
        loss_before=first.loss,
        loss=_average([r.loss for r in recent]),
        accuracy=_average([r.accuracy for r in recent]),
        held_out_loss=_find_latest([r.held_out_loss for r in records]),
        held_out_accuracy=_find_latest([r.held_out_accuracy for r in records]),
        grad_norm_before=first.grad_norm,
        grad_norm=_average([r.grad_norm for r in recent]),
        grad_norm_largest=max(
            (r.grad_norm for r in records if math.isfinite(r.grad_norm)), default=math.nan
        ),
        first_share=_divide(float(gradients[0]), float(gradients[-1])),
        ratios=tuple(np.median([r.layers["update_ratio"] for r in recent], axis=0).tolist()),
        dead=_average(last.layers["dead"].tolist(), skip_nan=True),
        noise_scale=_find_latest([r.noise_scale for r in records]),
        skipped=sum(r.skipped for r in records),
        broke=None if divergence is None else divergence.step,
    )


def _average(values: Sequence[float], *, skip_nan: bool = False) -> float:
    """Average values; NaN if one of them is, unless these are skipped."""
    kept = [value for value in values if not (skip_nan and math.isnan(value))]
    return float(np.mean(kept)) if kept else math.nan


def _find_latest(values: Sequence[float]) -> float:
    return next((value for value in reversed(values) if not math.isnan(value)), math.nan)


def _divide(value: float, reference: float) -> float:
    return value / reference if reference else math.nan


def make_summary_table(runs: Sequence[tuple[str, Run]]) -> pd.DataFrame:
    """Make a table with a column per run that recorded anything, under its name."""
    summaries = [(name, summarize_run(run)) for name, run in runs]
    columns = {name: _format_summary(s) for name, s in summaries if s is not None}
    head = _("Mean of the last {n} records").format(n=RECENT_RECORDS)
    return pd.DataFrame(columns).rename_axis(head).reset_index()


def _format_summary(summary: Summary) -> dict[str, str]:
    ratios = [ratio for ratio in summary.ratios if math.isfinite(ratio)]
    return {
        _("Steps done"): str(summary.steps),
        _("Diverged in step"): "–" if summary.broke is None else str(summary.broke),
        _("Loss, first record"): format_number(summary.loss_before),
        _("Loss"): format_number(summary.loss),
        _("Accuracy"): _format_or_dash(summary.accuracy, format_share),
        _("Held-out loss, last look"): _format_or_dash(summary.held_out_loss),
        _("Held-out accuracy, last look"): _format_or_dash(summary.held_out_accuracy, format_share),
        _("Gradient norm, first record"): format_number(summary.grad_norm_before),
        _("Gradient norm"): format_number(summary.grad_norm),
        _("Gradient norm, largest finite"): format_number(summary.grad_norm_largest),
        _("‖∂L/∂W‖ of layer 1 ÷ that of the last, first record"): format_number(
            summary.first_share
        ),
        _("Update ratio of the slowest layer"): format_number(min(ratios, default=math.nan)),
        _("Update ratio of the fastest layer"): format_number(max(ratios, default=math.nan)),
        _("Dead units, last record"): format_share(summary.dead),
        _("Gradient noise scale, samples"): _format_or_dash(summary.noise_scale),
        _("Updates skipped, of those recorded"): str(summary.skipped),
    }


def _format_or_dash(value: float, write: Callable[[float], str] = format_number) -> str:
    return "–" if math.isnan(value) else write(value)
