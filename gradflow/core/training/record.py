"""The record of one step of a training, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from gradflow.core.histogram import FloatArray
from gradflow.core.report import Report
from gradflow.core.training.divergence import Divergence
from gradflow.core.training.frame import Frame

NUMBERS = (
    "loss",
    "accuracy",
    "learning_rate",
    "grad_norm",
    "clipped_grad_norm",
    "loss_scale",
    "nonfinite",
    "grad_nonfinite",
    "held_out_loss",
    "held_out_accuracy",
    "noise_scale",
)
"""The numbers of a step, in the order of tables."""
LAYER_COLUMNS = (
    "preactivation_std",
    "activation_mean",
    "activation_std",
    "activation_rms",
    "saturated",
    "dead",
    "nonfinite",
    "delta_norm",
    "weight_norm",
    "weight_grad_norm",
    "clipped_grad_norm",
    "grad_nonfinite",
    "update_ratio",
)
"""The numbers of a layer in a step."""


class ReportSource(Protocol):
    """Anything that a report can be made from."""

    def make_report(self) -> Report:
        """Make the report."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StepRecord:
    """One recorded step. The forward and backward pass are those before the step's update.

    Gradients are those of the loss as reduced over the batch: without penalty, not multiplied by
    the loss scale. Norms are Frobenius norms in float64. NaN: not measured in this step, or not
    defined for this network.

    Attributes:
        step: number of the step, from 1.
        loss: on the step's batch, before the update, without penalty.
        accuracy: share of right answers on the batch.
        learning_rate: η of the step.
        grad_norm: norm of the gradient over all parameters.
        clipped_grad_norm: that norm after clipping.
        loss_scale: factor on the loss in the backward pass.
        skipped: whether the scaled gradient overflowed, so that the weights were not updated.
        nonfinite: NaN and infinite entries of all recorded module outputs.
        grad_nonfinite: NaN and infinite entries of the gradients of all parameters.
        held_out_loss, held_out_accuracy: loss and accuracy on the held-out data, before the
            update, in evaluation mode.
        noise_scale: tr Σ/|G|², a batch size (``noise_scale.py``), smoothed over the run so far.
        modules: names of the layers, from the input side.
        layers: a value per layer for each of ``LAYER_COLUMNS``. A layer is a weight module and all
            that runs after it up to the next one; of a module called more than once the last call
            counts. ``saturated`` and ``dead`` are shares of entries and of units, ``update_ratio``
            is ‖ΔW‖/‖W‖ of the update really made, all else as in ``Report.layers``;
            ``weight_grad_norm`` is taken over all weights of the module.
        snapshot: the raw material of ``report``, where it is kept.
        frame: the distributions in short, where they are kept.
        divergence: where the run broke; only in its last record.
    """

    step: int
    loss: float
    modules: tuple[str, ...]
    layers: Mapping[str, FloatArray]
    accuracy: float = math.nan
    learning_rate: float = math.nan
    grad_norm: float = math.nan
    clipped_grad_norm: float = math.nan
    loss_scale: float = 1.0
    skipped: bool = False
    nonfinite: float = 0.0
    grad_nonfinite: float = 0.0
    held_out_loss: float = math.nan
    held_out_accuracy: float = math.nan
    noise_scale: float = math.nan
    snapshot: ReportSource | None = None
    frame: Frame | None = None
    divergence: Divergence | None = None

    @cached_property
    def report(self) -> Report | None:
        """The whole step as ``probe`` would report it, or ``None`` where it was not kept.

        Its tables are made on first access. ``update_ratio`` is that of the update really made.
        """
        return None if self.snapshot is None else self.snapshot.make_report()

    @cached_property
    def shown_frame(self) -> Frame | None:
        """The distributions in short: as they were kept, or those of the report if there is one."""
        if self.frame is not None or self.report is None:
            return self.frame
        return Frame.take(self.report)
