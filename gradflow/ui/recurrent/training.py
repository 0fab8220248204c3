"""The view of a short training: loss per cell, and the gradient through time as it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from gradflow.charts.recurrent.training import training_gradient_figure, training_loss_figure
from gradflow.charts.theme import format_number, format_share
from gradflow.core.catalog import Cell, SequenceSource
from gradflow.core.recurrent.report import STATE_SYMBOLS, State
from gradflow.core.recurrent.training import (
    LEARNABLE,
    Moment,
    ShortTraining,
    TrainedCell,
)
from gradflow.core.spec import Spec
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.recurrent import compute, state, words
from gradflow.ui.recurrent.state import VIEWS, View

_REDRAWN = 1.0
"""Seconds between two drawings of the loss while a training runs."""
_LEARNED, _BEGUN = 0.2, 0.7
"""Shares of the loss of guessing below which the adding problem is learned, or begun."""


def show() -> Spec:
    """The button, the training while it runs, and what came of it."""
    spec = VIEWS.spec(View.TRAINING)
    assert isinstance(spec, ShortTraining)
    st.caption(_(LEARNABLE[spec.source].help))
    place, below = st.empty(), st.empty()  # what was below is gone while a training runs
    if not state.begun():
        state.stop()  # settings that are put back do not start it again
    elif not state.stopped() and not _complete(spec, state.trained()):
        _run(spec, place)
        place.empty()
    with below.container():
        _ended(spec, state.trained())
    return spec


def _complete(spec: ShortTraining, done: Sequence[TrainedCell]) -> bool:
    """Whether every cell was trained to its end."""
    return len(done) == len(spec.cells) and all(
        one.steps[-1] == spec.steps or one.diverged for one in done
    )


def _ended(spec: ShortTraining, done: Sequence[TrainedCell]) -> None:
    """What there is while nothing runs; results belong to the settings as they stand."""
    complete = bool(done) and _complete(spec, done)
    if not complete:
        st.button(
            _("Train") if not done else _("Train again"), type="primary",
            key="recurrent_train", on_click=state.begin, disabled=not spec.cells,
            icon=":material/play_arrow:",
        )  # fmt: skip
    if not spec.cells:
        st.info(_("Choose at least one cell."), icon=":material/info:")
    if not done:
        if state.elsewhere():
            st.info(
                _("The settings have changed since the last training: train with these, or put "
                  "them back to see its results again."),
                icon=":material/info:",
            )  # fmt: skip
        st.markdown(_about(spec))
        blocks.explain("recurrent_training")
        return
    if not complete:
        st.info(_("Stopped. What was trained so far:"), icon=":material/stop_circle:")
    _results(spec, done)


def _about(spec: ShortTraining) -> str:
    return _(
        "**{task}:** sequences of {length} time steps, {count} cells, {steps} training steps each. "
        "Loss and gradient through time are measured {times} times on the way."
    ).format(
        count=len(spec.cells), steps=spec.steps, task=_(LEARNABLE[spec.source].label),
        length=spec.build_experiment(Cell.GRU).data.steps,
        times=1 + math.ceil(spec.steps / spec.every),
    )  # fmt: skip


def _run(spec: ShortTraining, place: Any) -> None:
    """Train one cell after the other; a newer run of the page ends it, its moments are kept."""
    with place.container():
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        right.button(
            _("Stop"), icon=":material/stop_circle:", key="recurrent_stop", on_click=state.stop,
            width="stretch",
        )  # fmt: skip
        bar = left.progress(0.0)
        chart = st.empty()
    drawn = time.monotonic()
    frames = 0

    def tell(cell: Cell, done: float, what: str) -> None:
        whole = (spec.cells.index(cell) + done) / len(spec.cells)
        bar.progress(min(whole, 1.0), f"{words.CELLS[cell]}: {what}")

    for cell in spec.cells:

        def advance(moments: Sequence[Moment], cell: Cell = cell) -> None:
            nonlocal drawn, frames
            state.keep(cell, moments)
            step = moments[-1].step
            tell(
                cell, step / spec.steps,
                _("step {step} of {steps}").format(step=step, steps=spec.steps),
            )  # fmt: skip
            if time.monotonic() - drawn > _REDRAWN:
                drawn, frames = time.monotonic(), frames + 1
                with chart:
                    _loss(spec, state.trained(), f"recurrent_live_{frames}")

        def waiting(cell: Cell = cell) -> None:
            tell(cell, 0.0, _("waiting for the same computation of someone else"))

        state.keep(cell, compute.train(spec, cell, advance, waiting))


def _loss(spec: ShortTraining, done: Sequence[TrainedCell], key: str) -> None:
    adding = spec.source is SequenceSource.ADDING
    name = _("always answering 1: {loss}") if adding else _("guessing: {loss}")
    guess = compute.guessing(spec)
    baseline = (name.format(loss=format_number(guess)), guess)
    learned = [(words.CELLS[one.cell], one.steps, one.loss) for one in done]
    blocks.show_figure(
        training_loss_figure(learned, steps=spec.steps, baseline=baseline, mode=blocks.mode()),
        key,
        _("Loss of each cell over the training steps"),
    )


def _results(spec: ShortTraining, done: Sequence[TrainedCell]) -> None:
    st.markdown("\n".join(f"- {sentence(spec, one)}" for one in done))
    _loss(spec, done, "recurrent_loss")
    blocks.explain("recurrent_training")
    st.subheader(_("Gradient per time step as training goes"))
    options = {
        f"{one.cell}_{which}": (one, which) for one in done for which in one.moments[0].norms
    }
    best = min(options, key=lambda code: (options[code][0].best, options[code][1] == "hidden"))
    names = {code: _named(*option) for code, option in options.items()}
    key = f"recurrent_whose_{'_'.join(one.cell for one in done)}"
    one, which = options[blocks.one_of(_("Whose gradient"), names, key, best)]
    blocks.show_figure(
        training_gradient_figure(
            one.steps,
            one.stack_norms(which),
            f"{STATE_SYMBOLS[which]}<sub>t</sub>",
            mode=blocks.mode(),
        ),
        "recurrent_trained_gradient",
        _("Gradient norm per time step against training steps"),
    )
    st.markdown(opened(one, which))
    blocks.explain("recurrent_training_gradient")


def _named(one: TrainedCell, which: State) -> str:
    label = words.CELLS[one.cell]
    return f"{label} ({STATE_SYMBOLS[which]})" if len(one.moments[0].norms) > 1 else label


def sentence(spec: ShortTraining, one: TrainedCell) -> str:
    """How far a cell came."""
    name, last = words.CELLS[one.cell], one.moments[-1]
    if one.diverged:
        return _("**{name}** diverged: its loss is not a finite number at step {step}.").format(
            name=name, step=last.step
        )
    loss, start, guess = (
        format_number(last.loss),
        format_number(one.moments[0].loss),
        compute.guessing(spec),
    )
    if spec.source is not SequenceSource.ADDING:
        return _(
            "**{name}** gets **{share}** of {count} held-out images right, after {step} steps; "
            "loss {start} → {loss}."
        ).format(name=name, share=format_share(last.accuracy), count=spec.batch_size,
                 step=last.step, start=start, loss=loss)  # fmt: skip
    text = (
        _("**{name}** has learned to add: loss {start} → **{loss}** in {step} steps.")
        if last.loss < _LEARNED * guess
        else _("**{name}** has begun to learn: loss {start} → **{loss}** in {step} steps.")
        if last.loss < _BEGUN * guess
        else _("**{name}** still answers 1, whatever it reads: loss {start} → **{loss}** after "
               "{step} steps.")
    )  # fmt: skip
    return text.format(name=name, start=start, loss=loss, step=last.step)


def opened(one: TrainedCell, which: State) -> str:
    """What arrived at the first time step before and after training."""
    norms = one.stack_norms(which)
    ratios = [float(norms[0, k] / norms[-1, k]) if norms[-1, k] else math.nan for k in (0, -1)]
    text = _(
        "{first} / {last}: **{before}** before training, **{after}** after {step} steps."
    ).format(
        first=words.norm(which, "1"), last=words.norm(which, "T"), step=one.moments[-1].step,
        before=format_number(ratios[0], 2), after=format_number(ratios[1], 2),
    )  # fmt: skip
    gates = (one.moments[0].forget, one.moments[-1].forget)
    if not math.isnan(gates[0]):
        text += " " + _("The mean gate on the direct path went from {before} to {after}.").format(
            before=format_number(gates[0], 2), after=format_number(gates[1], 2)
        )
    return text
