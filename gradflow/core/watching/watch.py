"""``gf.watch``: every so many steps of somebody's own loop are recorded, as they run."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from gradflow.core.errors import GradflowError, ProbeError
from gradflow.core.recording.hook import Hook
from gradflow.core.recording.names import Names
from gradflow.core.recording.plain import is_compiled
from gradflow.core.recording.refusals import refuse_unusable_model
from gradflow.core.report import Report
from gradflow.core.text import Text
from gradflow.core.timeline import Timeline, Trouble
from gradflow.core.training.record import StepRecord
from gradflow.core.watching.session import Session
from gradflow.core.watching.step_record import find_learning_rate, make_record
from gradflow.core.watching.troubles import Inputs, add_update, find_trouble_by_gradients
from gradflow.core.watching.wrappers import (
    find_own_model,
    is_distributed,
    is_other_rank,
    refuse_copies,
)

_MOST_STEPS = 200
"""Steps that a timeline keeps …"""
_MOST_CELLS = 6_000
"""… and layers × steps: about 1 kB each in a file."""
_FEWEST_STEPS = 16
_SMALL = 2**16
"""Entries of a parameter whose gradient is looked at in every step."""


class Watch:
    """What ``gf.watch`` returns: a context manager around a training loop.

    Attributes:
        steps: steps that the optimizer has made inside.
        troubles: the first value that was not finite.
        problems: what could not be recorded and why, each also given as a warning once.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        every: int,
        optimizer: Optimizer | None,
        keep: int,
        on_trouble: Callable[[Trouble], object] | None,
        on_report: Callable[[int, Report], object] | None,
    ) -> None:
        self.steps = 0
        self._reports: deque[Report] = deque(maxlen=keep)
        self.troubles: list[Trouble] = []
        self.problems: list[str] = []
        self._given, self._model = model, find_own_model(model)
        self._every, self._optimizer = every, optimizer
        self._on_trouble, self._on_report = on_trouble, on_report
        self._records: list[StepRecord] = []
        self._session: Session | None = None
        self._handles: list[Any] = []
        self._is_mine: WeakKeyDictionary[Optimizer, bool] = WeakKeyDictionary()
        self._inputs: Inputs | None = None
        self._order: dict[str, int] = {}
        self._sentinel: Tensor | None = None

    # --- life -----------------------------------------------------------------------------------

    def __enter__(self) -> Watch:
        if is_other_rank():
            return self
        try:
            refuse_copies(self._given)
            refuse_unusable_model(Names(self._model))
        except GradflowError as error:
            self._complain(error)
            return self
        self._handles = [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        is_plain = not isinstance(self._model, torch.jit.ScriptModule)
        if is_plain and not is_compiled(self._given):
            note = Hook(self._note_inputs)
            hook = self._model.register_forward_pre_hook(note, with_kwargs=True)
            self._handles.append(hook)
        self._choose_sentinel()
        self._open_session()
        return self

    def __exit__(self, *_error: object) -> None:
        if not self.steps and self._session is not None and self._session.has_backward:
            self._finish_session(None)  # a loop that makes its steps by hand
        self._close_session()
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._inputs = self._sentinel = None

    def step(self) -> None:
        """Count a step that no optimizer of ``torch.optim`` has made."""
        self._count_step(None)

    # --- results --------------------------------------------------------------------------------

    @property
    def reports(self) -> list[Report]:
        """The reports of the last recorded steps, the oldest first."""
        return [*self._reports]

    def timeline(self) -> Timeline:
        """Collect what was recorded so far: numbers and distributions layer by layer.

        It has at most 200 steps, fewer of a model with more than 30 layers; of more, every second
        of the older ones is left out, again and again. Full reports are kept of the first and the
        last one.
        """
        title = type(self._model).__name__
        return Timeline.collect(title, self._every, self._records, self.troubles)

    def save(self, path: str | Path) -> None:
        """Write the timeline as JSON, which ``gf.load`` and the page *Your model* read."""
        self.timeline().save(path)

    def __repr__(self) -> str:
        return (
            f"<Watch {type(self._model).__name__}, every {self._every}: {self.steps} steps, "
            f"{len(self._records)} recorded, {len(self.troubles)} troubles>"
        )

    # --- the loop -------------------------------------------------------------------------------

    def _note_inputs(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if module.training and torch.is_grad_enabled() and not self.troubles:
            kind = self._sentinel.device.type if self._sentinel is not None else "cpu"
            casts = torch.is_autocast_enabled(kind)
            self._inputs = Inputs(args, kwargs, casts, torch.get_autocast_dtype(kind))

    def _is_own(self, optimizer: Optimizer) -> bool:
        """Whether an optimizer makes the steps: the one that was given, or the first to move it."""
        if self._optimizer is not None:
            return optimizer is self._optimizer
        known = self._is_mine.get(optimizer)
        if known is None:
            own = {id(parameter) for parameter in self._model.parameters()}
            known = any(id(p) in own for group in optimizer.param_groups for p in group["params"])
            known = known and not any(self._is_mine.values())
            self._is_mine[optimizer] = known
        return known

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if not self._is_own(optimizer):
            return
        has_closure = any(a is not None for a in (*args[1:2], kwargs.get("closure")))
        if not has_closure:  # else the backward pass is still to come
            self.check_gradients()
        if self._session is not None:
            self._try(self._session.before_update)

    def _after_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        if self._is_own(optimizer):
            self._count_step(optimizer)

    def _choose_sentinel(self) -> None:
        """Choose a small parameter near the input: what is not finite behind comes back to it."""
        named = [(n, p) for n, p in self._model.named_parameters() if p.requires_grad]
        self._sentinel = None
        if named and (named[0][1].device.type == "cpu" or self._on_trouble is not None):
            small = [(n, p) for n, p in named if p.numel() <= _SMALL]
            place = {name: self._order.get(name, i) for i, (name, _) in enumerate(named)}
            _, self._sentinel = min(small or named, key=lambda item: place[item[0]])

    def check_gradients(self) -> None:
        """Look for values that are not finite, before the optimizer makes its step.

        That is done by itself, unless the optimizer is given a closure that runs the model.
        """
        sentinel = self._sentinel
        if sentinel is None or sentinel.grad is None or self.troubles:
            return
        if math.isfinite(sentinel.grad.sum().item()):
            return
        # Of several processes one alone cannot run the model again.
        inputs = None if is_distributed() else self._inputs
        self._look_for_trouble(
            lambda: find_trouble_by_gradients(self.steps + 1, self._model, self._order, inputs)
        )

    def _count_step(self, optimizer: Optimizer | None) -> None:
        session = self._session
        if session is not None:
            if session.has_backward:
                self._try(session.after_update)
                self._finish_session(optimizer)
            elif session.has_calls and not session.has_failed:
                self._complain(
                    ProbeError(
                        Text(
                            "no backward pass was seen before the step; gradients that "
                            "torch.autograd.grad returns are not recorded"
                        )
                    )
                )
            if session.has_backward or session.has_failed or session.has_calls:
                self._close_session()
        self.steps += 1
        if self._session is None and self.steps % self._every == 0:
            self._open_session()

    # --- recording ------------------------------------------------------------------------------

    def _open_session(self) -> None:
        def open_session() -> None:
            session = Session(self._model, self._given, self._complain, self._judge)
            self._session = session
            session.open()

        if not self._try(open_session):
            self._close_session()

    def _close_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._try(session.close)

    def _finish_session(self, optimizer: Optimizer | None) -> None:
        session = self._session
        assert session is not None

        def finish() -> None:
            step = self.steps + 1
            report = session.make_report(f"{type(self._model).__name__}, step {step}")
            self._keep(make_record(step, report, find_learning_rate(optimizer)))
            self._reports.append(report)
            self._order = session.find_order()
            self._choose_sentinel()
            if self._on_report is not None:
                self._on_report(step, report)

        self._try(finish)

    def _keep(self, record: StepRecord) -> None:
        """Keep a record; of too many, every second one goes. The ends stay, with their reports."""
        most = max(_FEWEST_STEPS, min(_MOST_STEPS, _MOST_CELLS // max(len(record.modules), 1)))
        records = self._records
        if len(records) > 1:
            records[-1] = replace(records[-1], snapshot=None)
        records.append(record)
        if len(records) > most:
            records[:] = [*records[:-1:2], records[-1]]

    def _judge(self) -> None:
        """Look for values that are not finite in what was just recorded."""
        session = self._session
        if not self.troubles and session is not None:
            self._look_for_trouble(lambda: session.find_trouble(self.steps + 1))

    def _look_for_trouble(self, find: Callable[[], Trouble | None]) -> None:
        troubles: list[Trouble | None] = []
        self._try(lambda: troubles.append(find()))
        if troubles and troubles[0] is not None:
            trouble = add_update(troubles[0], self._records)
            self.troubles.append(trouble)
            self._inputs = None
            if self._on_trouble is not None:
                self._on_trouble(trouble)

    def _try(self, action: Callable[[], object]) -> bool:
        """Do something of the watch's own, whose errors are not the loop's."""
        try:
            action()
        except Exception as error:
            self._complain(error)
            return False
        return True

    def _complain(self, error: Exception) -> None:
        """Warn of a problem, of each once."""
        problem = f"{type(error).__name__}: {error}"
        if problem not in self.problems:
            self.problems.append(problem)
            text = Text("gradflow.watch: this step was not recorded ({problem})", problem=problem)
            with contextlib.suppress(Warning):  # where warnings are errors
                warnings.warn(str(text), RuntimeWarning, stacklevel=3)


def watch(
    model: nn.Module,
    *,
    every: int = 50,
    optimizer: Optimizer | None = None,
    keep: int = 8,
    on_trouble: Callable[[Trouble], object] | None = None,
    on_report: Callable[[int, Report], object] | None = None,
) -> Watch:
    """Record every so many steps of your own training loop, inside its own passes.

    >>> with gf.watch(model, every=50) as watch:
    ...     for x, y in loader:
    ...         optimizer.zero_grad()
    ...         F.cross_entropy(model(x), y).backward()
    ...         optimizer.step()
    >>> watch.save("watch.json")

    Steps 1, 1 + every, 1 + 2·every … are recorded: what the model computes in its forward and
    backward pass, as ``probe`` would, and the update that the optimizer really makes. Nothing runs
    twice. A step is a call of ``optimizer.step``, of the first optimizer that holds parameters of
    the model; without one, call ``watch.step()``. A step that a ``GradScaler`` skips is none.

    Several forward passes before one backward pass are one recorded pass. Where gradients are
    accumulated over several backward passes, signals and δ are those of the first of them, and
    gradients of parameters are those of the step. They are taken before clipping, and divided by
    the scale of a ``GradScaler``; ``clip_factor`` says how much clipping shortened them. ``loss``
    is what ``backward`` was called on, without the scale.

    Nothing that goes wrong in recording reaches the loop: it becomes a warning, once. Under
    ``torch.distributed`` rank 0 records. At the end all hooks are gone.

    Args:
        model: the model, or what ``torch.compile`` or ``DistributedDataParallel`` made of it. What
            is compiled runs as it is written in the recorded steps.
        every: steps from one recording to the next.
        optimizer: whose steps count, if the model has several.
        keep: how many full reports are kept, the last ones.
        on_trouble: called once, at the first value that is not finite, with a ``Trouble``: module,
            pass and step. What it raises ends the loop. On a GPU the host then waits for the
            device once a step; without it, only recorded steps are looked at there.
        on_report: called with step and report of each recorded step.

    Raises:
        GradflowError: ``every`` or ``keep`` is not a whole number from 1.
    """
    for name, value in (("every", every), ("keep", keep)):
        if value != int(value) or value < 1:
            raise GradflowError(
                Text("{name}: {value!r} is not a whole number from 1", name=name, value=value)
            )
    return Watch(
        model,
        every=every,
        optimizer=optimizer,
        keep=keep,
        on_trouble=on_trouble,
        on_report=on_report,
    )
