"""One step of somebody's loop, recorded inside its own forward and backward pass."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gradflow.core.facts import Facts
from gradflow.core.recording.device import DeviceSummarizer
from gradflow.core.recording.facts import FactTickets
from gradflow.core.recording.hook import Hook
from gradflow.core.recording.host import HostSummarizer
from gradflow.core.recording.parameters import Parameters
from gradflow.core.recording.plain import run_openly, strip_compiler
from gradflow.core.recording.recorder import Recorder
from gradflow.core.recording.result import Recording, add_weights, find_single_tickets
from gradflow.core.recording.summary import Summaries, Summarizer
from gradflow.core.report import Report
from gradflow.core.timeline import Trouble
from gradflow.core.watching import taps
from gradflow.core.watching.troubles import find_recorded_trouble
from gradflow.core.watching.updates import Update

MOST_CALLS = 32
"""Calls of the model, or of parts of it, that are recorded in a step."""


class _Call(NamedTuple):
    """The last call of the model before the backward pass: what went in and what came out."""

    inputs: Any
    output: Any


class _Measured(NamedTuple):
    """What is known after a backward pass."""

    parameters: Parameters
    summaries: Summaries
    weights: Any
    loss: float
    seen: FactTickets | None


class Session:
    """Hooks on a model from ``open`` to ``close``, in which one step of a loop runs.

    What the model computes between two backward passes is recorded as one pass. After the first
    backward pass, more forward passes are not recorded: they accumulate gradients. Gradients of
    parameters are those after the last backward pass, before they are clipped.

    Args:
        model: the model itself.
        given: what the loop calls: the model, or what a compiler or a wrapper made of it.
        on_error: told of errors of the recording.
        on_measured: called when a backward pass was measured.
    """

    def __init__(
        self,
        model: nn.Module,
        given: nn.Module,
        on_error: Callable[[Exception], None],
        on_measured: Callable[[], None],
    ) -> None:
        self.has_failed = False
        self.start = time.perf_counter()
        self._model, self._on_error, self._on_measured = model, on_error, on_measured
        self._parameters = dict(model.named_parameters())
        first = next(iter(self._parameters.values()), torch.empty(0))
        self._device = first.device
        self._dtype = first.dtype if first.is_floating_point() else torch.get_default_dtype()
        self._thread = threading.get_ident()
        self._summarizer = self._make_summarizer()
        shown = given if strip_compiler(given) is model else model
        self._recorder = Recorder(shown, self._summarizer, on_error=self._fail)
        self._handles: list[Any] = []
        self._plain = run_openly(given)
        self._outermost: list[nn.Module] = []
        self._calls = 0
        self._was_training = model.training
        self._backward_depth = 0
        self._received = 0
        self._call: _Call | None = None
        self._root: Tensor | None = None
        self._loss = math.nan
        self._scaled: tuple[Any, Tensor, float] | None = None
        self._measured: _Measured | None = None
        self._update: Update | None = None
        self._ratios = np.full(len(self._parameters), math.nan)
        self._clip_factor = 1.0

    # --- life -----------------------------------------------------------------------------------

    def open(self) -> None:
        """Put everything in place."""
        self._plain.__enter__()
        modules = [m for m in self._model.modules() if not isinstance(m, torch.jit.ScriptModule)]
        # Before the recorder's own hooks a call begins, and behind them it ends.
        for module in modules:
            self._handles.append(
                module.register_forward_pre_hook(Hook(self._enter_module), with_kwargs=True)
            )
        self._recorder.attach()
        for module in modules:
            leave = Hook(self._leave_module)
            self._handles.append(module.register_forward_hook(leave, always_call=True))
        taps.listen(self)

    def close(self) -> None:
        """Take everything away."""
        taps.ignore(self)
        self._recorder.detach()
        self._recorder.ledger.is_final = False  # gradients that come later do not count
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._plain.__exit__(None, None, None)
        self._call = self._root = self._scaled = self._update = None
        # It holds the graph, whose hooks hold the session, where no collector sees it.
        self._measured = None

    @property
    def has_backward(self) -> bool:
        """Whether a forward pass and its backward pass were recorded."""
        return self._measured is not None and not self.has_failed

    @property
    def has_calls(self) -> bool:
        """Whether the model was called, so that a backward pass must follow."""
        return bool(self._calls)

    # --- forward --------------------------------------------------------------------------------

    def _enter_module(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._outermost:
            if module is self._outermost[0]:
                self._outermost.append(module)
            return
        if self._wants_call(module):
            try:
                if self._begins_anew():
                    self._restart()
                self._outermost.append(module)
                self._calls += 1
                self._was_training = self._model.training
                self._call = _Call((args, kwargs), None)
                self._recorder.resume()
                self._recorder.mark_signals((args, kwargs))
            except Exception as error:
                self._fail(error)

    def _leave_module(self, module: nn.Module, _args: Any, output: Any) -> None:
        if not self._outermost or module is not self._outermost[-1]:
            return
        self._outermost.pop()
        if not self._outermost:
            self._recorder.pause()
            # What the loop differentiates by itself does not count (a gradient penalty).
            self._recorder.ledger.is_final = False
            if output is None:  # it has raised
                self._calls, self._call = 0, None
            elif self._call is not None:
                self._call = self._call._replace(output=output)

    def _wants_call(self, module: nn.Module) -> bool:
        """Whether a call of the model, or of a part of it, belongs to the recorded pass."""
        if (
            self.has_failed
            or self._backward_depth  # a checkpoint that computes again
            or not torch.is_grad_enabled()
            or self._calls >= MOST_CALLS
            or threading.get_ident() != self._thread
        ):
            return False
        if not module.training and self._model.training:
            return False
        return self._measured is None or self._has_cleared_gradients()

    def _begins_anew(self) -> bool:
        """Whether what was recorded so far is no part of the pass that begins now."""
        was_trial = self._model.training and not self._was_training
        has_broken = not self._calls and bool(self._recorder.records)
        return self._measured is not None or was_trial or has_broken

    def _has_cleared_gradients(self) -> bool:
        """Whether gradients were set to nothing since the backward pass: it was not for a step."""
        return all(parameter.grad is None for parameter in self._parameters.values())

    def _restart(self) -> None:
        self._summarizer = self._make_summarizer()
        self._recorder.restart(self._summarizer)
        self._measured, self._calls, self._received = None, 0, 0
        self.start = time.perf_counter()

    # --- backward -------------------------------------------------------------------------------

    def note_scaled_loss(self, scaled: Any, loss: Any, scale: float) -> None:
        """See ``taps.Listener``."""
        self._scaled = scaled, loss.detach(), scale
        self._root = loss

    def before_backward(self, tensors: Any, seeds: Any) -> None:
        """See ``taps.Listener``."""
        self._backward_depth += 1
        if self._backward_depth > 1 or self.has_failed or not self._calls:
            return
        try:
            roots = [tensors] if isinstance(tensors, Tensor) else [*tensors]
            scale, root = 1.0, roots[0]
            if self._scaled is not None and self._scaled[0] is root:
                scale = self._scaled[2]
                self._loss = float(self._scaled[1])
            else:
                self._root, self._scaled = root, None
                self._loss = taps.sum_losses(roots, seeds)
            if self._measured is None:
                self._summarizer.loss_scale = scale
                for tensor in roots:
                    self._recorder.watch_unseen(tensor)
            self._received = self._recorder.ledger.received
            self._recorder.ledger.is_final = True
        except Exception as error:
            self._fail(error)

    def after_backward(self, *, completed: bool) -> None:
        """See ``taps.Listener``."""
        self._backward_depth -= 1
        if self._backward_depth:
            return
        self._recorder.ledger.is_final = False
        if not completed or self.has_failed or not self._calls or self._root is None:
            return
        is_ours = self._recorder.ledger.received > self._received
        if not is_ours and self._measured is None:
            return  # the loss of something else
        try:
            self._measure(is_ours)
        except Exception as error:
            self._fail(error)
        else:
            self._on_measured()

    def _measure(self, is_ours: bool) -> None:
        """Measure the parameters and their gradients."""
        root, summarizer, earlier = self._root, self._summarizer, self._measured
        assert root is not None
        if earlier is None:
            seen, loss = None, self._loss
            if self._call is not None and root.grad_fn is not None:
                inputs, output = self._call
                find_axis = self._recorder.find_axis
                seen = FactTickets.record(inputs, output, None, root, summarizer, find_axis)
        else:
            # Another loss of the same pass adds to it; one of the next pass accumulates gradients.
            seen, loss = earlier.seen, earlier.loss + (self._loss if is_ours else 0.0)
        self._call = self._root = self._scaled = None
        gradients = {
            name: p.grad.to_dense() if p.grad.layout is not torch.strided else p.grad
            for name, p in self._parameters.items()
            if p.grad is not None
        }
        weights = add_weights(self._recorder.records, self._parameters, gradients, summarizer)
        summaries = summarizer.collect()
        tickets = find_single_tickets(weights)
        measured = Parameters.measure(
            self._parameters, gradients, tickets, summaries, summarizer.loss_scale
        )
        self._measured = _Measured(measured, summaries, weights, loss, seen)

    # --- step -----------------------------------------------------------------------------------

    def before_update(self) -> None:
        """Keep what the optimizer is about to change."""
        self._update = Update(self._parameters)

    def after_update(self) -> None:
        """Measure the update, and by how much the gradient was shortened before it."""
        if self._update is not None:
            self._ratios = self._update.measure()
            self._update = None
        if self._measured is None:
            return
        before = self._measured.parameters.total_grad_norm
        grads = [p.grad for p in self._parameters.values() if p.grad is not None]
        if grads and 0 < before < math.inf:
            after = float(torch.nn.utils.get_total_norm(grads))
            # What is shortened by less is rounding.
            self._clip_factor = min(1.0, after / before) if after < 0.9999 * before else 1.0

    def make_report(self, title: str) -> Report:
        """Make the report of the step."""
        assert self._measured is not None
        measured, recorder, summarizer = self._measured, self._recorder, self._summarizer
        facts = Facts()
        if measured.seen is not None:
            facts = measured.seen.make_facts(
                self._parameters, measured.parameters, recorder, measured.summaries
            )
        recording = Recording.from_recorder(
            self._model,
            recorder,
            measured.summaries,
            measured.parameters,
            measured.weights,
            loss=measured.loss,
            loss_scale=summarizer.loss_scale,
            dtype=recorder.ledger.find_format(self._dtype),
            device=str(self._device),
            seconds=time.perf_counter() - self.start,
            title=title,
            experiment=None,
            facts=facts,
        )
        return recording.make_report(np.append(self._ratios, math.nan), self._clip_factor)

    def find_trouble(self, step: int) -> Trouble | None:
        """Find the first value that is not finite in what was recorded."""
        assert self._measured is not None
        return find_recorded_trouble(
            step,
            self._recorder.records,
            self._measured.summaries,
            self._measured.loss,
            self._parameters,
            self._summarizer.loss_scale,
        )

    def find_order(self) -> dict[str, int]:
        """Find the number of the layer of each parameter."""
        return self._recorder.find_layers_of_parameters()

    def _make_summarizer(self) -> Summarizer:
        return (HostSummarizer if self._device.type == "cpu" else DeviceSummarizer)(1.0)

    def _fail(self, error: Exception) -> None:
        """Record nothing more in this step."""
        self.has_failed = True
        if self._outermost:
            self._recorder.give_up()
        self._on_error(error)
