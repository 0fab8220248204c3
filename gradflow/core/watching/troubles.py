"""Where the first value came from that is not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gradflow.core.recording.arguments import Arguments
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.host import HostSummarizer
from gradflow.core.recording.plain import run_plainly
from gradflow.core.recording.preserve import preserve
from gradflow.core.recording.recorder import Recorder
from gradflow.core.recording.records import Record
from gradflow.core.recording.summary import NONE, Summaries, Summarizer
from gradflow.core.timeline import Direction, Trouble


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

    Where they are finite next to the loss, the backward pass broke. Else the forward pass runs once
    more, on what the model was called with.

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
    if broken[-1] != ranked[-1]:
        module = broken[-1].rpartition(".")[0]
        return Trouble(step=step, direction=Direction.BACKWARD, module=module or "model")
    found = None if inputs is None else _run_again(step, model, inputs)
    return found or Trouble(step=step, direction=Direction.BACKWARD, module="")


def _run_again(step: int, model: nn.Module, inputs: Inputs) -> Trouble | None:
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
            model(*positional, **keywords)
    summaries = summarizer.collect()
    for record in recorder.records:
        if summaries.get_column("nonfinite", [record.signal])[0] > 0:
            parameters = dict(model.named_parameters())
            return _blame(step, record.name, record.module, parameters, 1.0)
    return None


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
