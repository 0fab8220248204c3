"""What a run came to, in numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gradflow.charts.theme import number, share
from gradflow.charts.training.data import RECENT_RECORDS
from gradflow.core.text import _
from gradflow.core.training import Run


@dataclass(frozen=True)
class Summary:
    """Numbers of a run; "now" is the mean over the last records.

    Attributes:
        steps: of the last record.
        loss_before, loss: in the first record, and now.
        accuracy, held_out_loss, held_out_accuracy: now, and at the last look at held-out data.
        grad_norm_before, grad_norm, grad_norm_largest: over all parameters, before clipping; the
            largest that is finite.
        first_share: ‖∂L/∂W‖ of layer 1 in the first record, as a multiple of the last layer's.
        ratios: ‖ΔW‖/‖W‖ per layer, the median over the last records.
        dead: share of dead units now, over all layers that can have them.
        noise_scale: at the last look, NaN if it was not measured.
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
        """How many times as fast the fastest layer moves as the slowest."""
        moving = [ratio for ratio in self.ratios if math.isfinite(ratio)]
        if not moving or max(moving) == 0:
            return math.nan
        return max(moving) / min(moving) if min(moving) else math.inf


def summarized(run: Run) -> Summary | None:
    """The numbers of a run that recorded anything."""
    records = run.records
    if not records:
        return None
    first, last, recent = records[0], records[-1], records[-RECENT_RECORDS:]
    gradients = first.layers["weight_grad_norm"]
    divergence = run.divergence
    return Summary(
        steps=last.step,
        loss_before=first.loss,
        loss=_mean([r.loss for r in recent]),
        accuracy=_mean([r.accuracy for r in recent]),
        held_out_loss=_latest([r.held_out_loss for r in records]),
        held_out_accuracy=_latest([r.held_out_accuracy for r in records]),
        grad_norm_before=first.grad_norm,
        grad_norm=_mean([r.grad_norm for r in recent]),
        grad_norm_largest=max(
            (r.grad_norm for r in records if math.isfinite(r.grad_norm)), default=math.nan
        ),
        first_share=_ratio(float(gradients[0]), float(gradients[-1])),
        ratios=tuple(np.median([r.layers["update_ratio"] for r in recent], axis=0).tolist()),
        dead=_mean(last.layers["dead"].tolist(), known=True),
        noise_scale=_latest([r.noise_scale for r in records]),
        skipped=sum(r.skipped for r in records),
        broke=None if divergence is None else divergence.step,
    )


def _mean(values: Sequence[float], *, known: bool = False) -> float:
    """Of all values, NaN if one is NaN; ``known``: of those that are defined."""
    found = [value for value in values if not (known and math.isnan(value))]
    return float(np.mean(found)) if found else math.nan


def _latest(values: Sequence[float]) -> float:
    return next((value for value in reversed(values) if not math.isnan(value)), math.nan)


def _ratio(value: float, reference: float) -> float:
    return value / reference if reference else math.nan


def table(named: Sequence[tuple[str, Run]]) -> pd.DataFrame:
    """One column per run that recorded anything."""
    found = [(name, summarized(run)) for name, run in named]
    columns = {name: _texts(one) for name, one in found if one is not None}
    head = _("Mean of the last {n} records").format(n=RECENT_RECORDS)
    return pd.DataFrame(columns).rename_axis(head).reset_index()


def _texts(one: Summary) -> dict[str, str]:
    ratios = [ratio for ratio in one.ratios if math.isfinite(ratio)]
    return {
        _("Steps done"): str(one.steps),
        _("Broke in step"): "–" if one.broke is None else str(one.broke),
        _("Loss, first record"): number(one.loss_before),
        _("Loss"): number(one.loss),
        _("Accuracy"): _measured(one.accuracy, share),
        _("Held-out loss, last look"): _measured(one.held_out_loss),
        _("Held-out accuracy, last look"): _measured(one.held_out_accuracy, share),
        _("Gradient norm, first record"): number(one.grad_norm_before),
        _("Gradient norm"): number(one.grad_norm),
        _("Gradient norm, largest finite"): number(one.grad_norm_largest),
        _("‖∂L/∂W‖ of layer 1 ÷ that of the last, first record"): number(one.first_share),
        _("Update ratio of the slowest layer"): number(min(ratios, default=math.nan)),
        _("Update ratio of the fastest layer"): number(max(ratios, default=math.nan)),
        _("Dead units, last record"): share(one.dead),
        _("Gradient noise scale, samples"): _measured(one.noise_scale),
        _("Updates skipped, of those recorded"): str(one.skipped),
    }


def _measured(value: float, show: Callable[[float], str] = number) -> str:
    return "–" if math.isnan(value) else show(value)
