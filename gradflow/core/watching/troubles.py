"""Where the first value came from that is not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gradflow.core.recording.arguments import Arguments
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.host import HostSummarizer
from gradflow.core.recording.modules import find_tensors
from gradflow.core.recording.plain import run_plainly
from gradflow.core.recording.preserve import preserve
from gradflow.core.recording.recorder import Recorder
from gradflow.core.recording.records import Record
from gradflow.core.recording.summary import NONE, Summaries, Summarizer
from gradflow.core.timeline import Direction, Trouble
from gradflow.core.training.record import StepRecord


class Inputs(NamedTuple):
    """What a model was called with last, and how autocast stood."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    casts: bool
    dtype: torch.dtype


def find_recorded_trouble(
    step: int,
    records: list[Record],
    summaries: Summaries,
    loss: float,
    parameters: Mapping[str, Tensor],
    loss_scale: float,
) -> Trouble | None:
    """Find where a recorded pass went wrong; ``None`` if it did not.

    An output of −∞ that the loss takes as it is (a mask) is nothing wrong. With a loss scale the
    scaler finds gradients that are not finite, skips the step and lowers the scale; so only the
    forward pass is judged.
    """
    signals = summaries.get_column("nonfinite", [record.signal for record in records])
    gradients = summaries.get_column("nonfinite", [record.gradient for record in records])
    nan = summaries.get_column("nan", [record.signal for record in records])
    has_spread = not math.isfinite(loss) or bool((gradients > 0).any())
    for record, count, nans in zip(records, signals, nan, strict=True):
        if nans > 0 or (count > 0 and has_spread):
            return _blame(step, record.name, record.module, parameters, loss_scale)
    if not math.isfinite(loss) and loss_scale == 1:
        return Trouble(step=step, direction=Direction.FORWARD, module="")
    if loss_scale != 1:
        return None
    broken = [i for i, count in enumerate(gradients) if count > 0]
    if not broken:
        return None
    known = [i for i, record in enumerate(records) if record.gradient != NONE]
    # Of what was recorded last, the gradient comes from the loss.
    name = "" if broken[-1] == known[-1] else records[broken[-1]].name
    return Trouble(step=step, direction=Direction.BACKWARD, module=name)


def find_trouble_by_gradients(
    step: int, model: nn.Module, order: Mapping[str, int], inputs: Inputs | None
) -> Trouble | None:
    """Find where a step went wrong of which only the gradients are there.

    The forward pass runs once more, on what the model was called with. Where all is finite in it,
    and gradients are next to the loss, the backward pass broke, unless the outputs are so large
    that their squares are infinite.

    Args:
        step: the step.
        model: with the weights of before the update.
        order: number of the layer of each parameter, as far as known.
        inputs: of the last call; ``None`` if they are not known.
    """
    parameters = {n: p for n, p in model.named_parameters() if p.grad is not None}
    ranked = sorted(parameters, key=lambda name: order.get(name, 0))
    broken = [name for name in ranked if not _is_finite(parameters[name].grad)]
    if not broken:
        return None
    trouble, largest = (None, 0.0) if inputs is None else _run_again(step, model, inputs)
    module = broken[-1].rpartition(".")[0] or "model"
    return trouble or Trouble(
        step=step,
        direction=Direction.FORWARD if largest else Direction.BACKWARD,
        module=module if broken[-1] != ranked[-1] else "",
        largest=largest,
    )


def add_update(trouble: Trouble, records: Sequence[StepRecord]) -> Trouble:
    """Add the last recorded update before, if it was larger than the weights themselves."""
    before = [record for record in records if record.step < trouble.step]
    if not before:
        return trouble
    ratios = before[-1].layers["update_ratio"]
    update = float(np.nanmax(ratios, initial=0.0))
    return replace(trouble, update=update, updated=before[-1].step) if update > 1 else trouble


def _run_again(step: int, model: nn.Module, inputs: Inputs) -> tuple[Trouble | None, float]:
    """Run the model again: what goes wrong, else the largest output if its square is infinite."""
    device = next(model.parameters()).device
    summarizer: Summarizer = (HostSummarizer if device.type == "cpu" else DeviceSummarizer)(1.0)
    with (
        torch.no_grad(),
        preserve(model) as guard,
        run_plainly(model),
        torch.autocast(device.type, inputs.dtype, enabled=inputs.casts),
    ):
        positional = Arguments(inputs.args, from_inputs=False).positional
        keywords = Arguments(inputs.kwargs, from_inputs=False).keywords
        recorder = Recorder(model, summarizer, None, guard)
        with recorder:
            recorder.mark_signals((positional, keywords))
            output = model(*positional, **keywords)
    summaries = summarizer.collect()
    for record in recorder.records:
        if summaries.get_column("nonfinite", [record.signal])[0] > 0:
            parameters = dict(model.named_parameters())
            return _blame(step, record.name, record.module, parameters, 1.0), 0.0
    made = [x.abs().max() for x in find_tensors(output) if x.is_floating_point() and x.numel()]
    return None, max((float(x) for x in made if not (x * x).isfinite()), default=0.0)


def _blame(
    step: int, name: str, module: nn.Module, parameters: Mapping[str, Tensor], loss_scale: float
) -> Trouble:
    own = {id(p) for p in module.parameters()}
    was_broken = any(id(p) in own and not _is_finite(p) for p in parameters.values())
    return Trouble(
        step=step,
        direction=Direction.FORWARD,
        module=name,
        weights=was_broken,
        loss_scale=loss_scale,
    )


def _is_finite(tensor: Tensor | None) -> bool:
    if tensor is None:
        return True
    values = tensor.coalesce().values() if tensor.layout is torch.sparse_coo else tensor
    return bool(values.isfinite().all())
