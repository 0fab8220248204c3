"""The view of a short training: loss per cell, and the gradient through time as it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow.charts.recurrent.training import training_gradient_figure, training_loss_figure
from gradflow.core.catalog import Cell, SequenceSource
from gradflow.core.numbers import format_number, format_share
from gradflow.core.recurrent.report import STATE_SYMBOLS, State
from gradflow.core.recurrent.training import (
    LEARNABLE,
    Moment,
    ShortTraining,
    TrainedCell,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.recurrent import compute, words
from gradflow.ui.recurrent.state import (
    TRAINING,
    begin_first_training,
    begin_training,
    has_begun,
    has_other_results,
    is_stopped,
    keep_moments,
    list_trained,
    stop_training,
)
from gradflow.ui.stage import Stage
from gradflow.ui.wanted import check_wanted

_REDRAW_SECONDS = 1.0
"""Time between two drawings of the loss while a training runs."""
_LEARNED, _BEGUN = 0.2, 0.7
"""Shares of the loss of guessing below which the adding problem is learned, or begun."""


def show_short_training(stage: Stage) -> None:
    """Show the training while it runs, else its results and the button that begins it."""
    spec = TRAINING.read()
    begin_first_training(spec)
    st.markdown(_(LEARNABLE[spec.source].help))
    running, ended = st.empty(), st.empty()  # the results are gone while a training runs
    if not has_begun(spec):
        stop_training()  # settings that are put back do not start it again
    elif not is_stopped() and not _is_complete(spec, list_trained(spec)):
        _train(spec, running)
        running.empty()
    trained = list_trained(spec)
    with ended.container():
        _show_ended(spec, trained)
    with stage.details:
        if trained:
            _show_details(spec, trained)
        else:
            blocks.explain("recurrent_training")


def _is_complete(spec: ShortTraining, trained: Sequence[TrainedCell]) -> bool:
    """Whether every cell was trained to its end."""
    return len(trained) == len(spec.cells) and all(
        cell.steps[-1] == spec.steps or cell.diverged for cell in trained
    )


def _show_ended(spec: ShortTraining, trained: Sequence[TrainedCell]) -> None:
    """Show the results, as far as there are any of these settings."""
    complete = bool(trained) and _is_complete(spec, trained)
    if not complete:
        st.button(
            _("Train again") if trained else _("Train"),
            type="primary",
            key="recurrent_train",
            on_click=begin_training,
            args=(spec,),
            disabled=not spec.cells,
            icon=":material/play_arrow:",
        )
    if not spec.cells:
        st.info(_("Choose at least one cell."), icon=":material/info:")
    if not trained:
        if has_begun(spec) and is_stopped():
            st.info(_("Stopped before the first measurement."), icon=":material/stop_circle:")
        elif has_other_results(spec):
            st.info(
                _(
                    "The settings have changed since the last training: train with these, or put "
                    "them back to see its results again."
                ),
                icon=":material/info:",
            )
        st.markdown(_describe_task(spec))
        return
    if not complete:
        st.info(_("Stopped. What was trained so far:"), icon=":material/stop_circle:")
    _show_losses(spec, trained, "recurrent_loss")


def _describe_task(spec: ShortTraining) -> str:
    return _(
        "**{task}:** sequences of {length} time steps, {count} cells, {steps} training steps each. "
        "Loss and gradient through time are measured {times} times on the way."
    ).format(
        count=len(spec.cells),
        steps=spec.steps,
        task=_(LEARNABLE[spec.source].label),
        length=spec.build_experiment(Cell.GRU).data.steps,
        times=1 + math.ceil(spec.steps / spec.every),
    )


def _train(spec: ShortTraining, place: DeltaGenerator) -> None:
    """Train one cell after the other; a newer run of the page ends it, its moments are kept."""
    with place.container():
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        right.button(
            _("Stop"),
            icon=":material/stop_circle:",
            key="recurrent_stop",
            on_click=stop_training,
            width="stretch",
        )
        bar = left.progress(0.0)
        chart = st.empty()
    drawn = -math.inf  # the first figure comes at once
    frames = 0

    def show_progress(cell: Cell, done: float, what: str) -> None:
        check_wanted()
        whole = (spec.cells.index(cell) + done) / len(spec.cells)
        bar.progress(min(whole, 1.0), f"{_(words.CELL_NAMES[cell])}: {what}")

    for cell in spec.cells:

        def advance(moments: Sequence[Moment], cell: Cell = cell) -> None:
            nonlocal drawn, frames
            keep_moments(cell, moments)
            step = moments[-1].step
            text = _("step {step} of {steps}").format(step=step, steps=spec.steps)
            show_progress(cell, step / spec.steps, text)
            if time.monotonic() - drawn > _REDRAW_SECONDS:
                drawn, frames = time.monotonic(), frames + 1
                with chart:
                    _show_losses(spec, list_trained(spec), f"recurrent_live_{frames}")

        def show_waiting(cell: Cell = cell) -> None:
            show_progress(
                cell, 0.0, _("waiting for the same computation, which someone else started")
            )

        keep_moments(cell, compute.train_to_end(spec, cell, advance, show_waiting))


def _show_losses(spec: ShortTraining, trained: Sequence[TrainedCell], key: str) -> None:
    adding = spec.source is SequenceSource.ADDING
    name = _("always answering 1: {loss}") if adding else _("guessing: {loss}")
    guess = compute.measure_guessing(spec)
    baseline = (name.format(loss=format_number(guess)), guess)
    curves = [(_(words.CELL_NAMES[cell.cell]), cell.steps, cell.loss) for cell in trained]
    blocks.show_figure(
        training_loss_figure(curves, steps=spec.steps, baseline=baseline, mode=blocks.read_mode()),
        key,
        _("Loss of each cell over the training steps"),
    )


def _show_details(spec: ShortTraining, trained: Sequence[TrainedCell]) -> None:
    st.markdown("\n".join(f"- {describe_trained_cell(spec, cell)}" for cell in trained))
    blocks.explain("recurrent_training")
    st.subheader(_("Gradient per time step as training goes"))
    options = {
        f"{cell.cell}_{state}": (cell, state) for cell in trained for state in cell.moments[0].norms
    }
    best = min(options, key=lambda code: (options[code][0].best, options[code][1] == "hidden"))
    names = {code: name_state(*option) for code, option in options.items()}
    key = f"recurrent_whose_{'_'.join(cell.cell for cell in trained)}"
    cell, state = options[blocks.choose_one(_("Whose gradient"), names, key, best)]
    blocks.show_figure(
        training_gradient_figure(
            cell.steps,
            cell.stack_norms(state),
            f"{STATE_SYMBOLS[state]}<sub>t</sub>",
            mode=blocks.read_mode(),
        ),
        "recurrent_trained_gradient",
        _("Gradient norm per time step against training steps"),
    )
    st.markdown(describe_opening(cell, state))
    blocks.explain("recurrent_training_gradient")


def name_state(cell: TrainedCell, state: State) -> str:
    """Name a cell, with the symbol of its state where it has two."""
    name = _(words.CELL_NAMES[cell.cell])
    return f"{name} ({STATE_SYMBOLS[state]})" if len(cell.moments[0].norms) > 1 else name


def describe_trained_cell(spec: ShortTraining, cell: TrainedCell) -> str:
    """Say how far the training of a cell came."""
    name, last = _(words.CELL_NAMES[cell.cell]), cell.moments[-1]
    if cell.diverged:
        return _("**{name}** diverged: its loss is not a finite number at step {step}.").format(
            name=name, step=last.step
        )
    loss, start = format_number(last.loss), format_number(cell.moments[0].loss)
    guess = compute.measure_guessing(spec)
    if spec.source is not SequenceSource.ADDING:
        return _(
            "**{name}** gets **{share}** of {count} held-out images right, after {step} steps; "
            "loss {start} → {loss}."
        ).format(
            name=name,
            share=format_share(last.accuracy),
            count=spec.batch_size,
            step=last.step,
            start=start,
            loss=loss,
        )
    text = (
        _("**{name}** has learned to add: loss {start} → **{loss}** in {step} steps.")
        if last.loss < _LEARNED * guess
        else _("**{name}** has begun to learn: loss {start} → **{loss}** in {step} steps.")
        if last.loss < _BEGUN * guess
        else _(
            "**{name}** has not begun to learn: loss {start} → **{loss}** after {step} steps, no "
            "better than always answering 1."
        )
    )
    return text.format(name=name, start=start, loss=loss, step=last.step)


def describe_opening(cell: TrainedCell, state: State) -> str:
    """Say what of the gradient arrives at the first time step before and after training."""
    norms = cell.stack_norms(state)
    ratios = [float(norms[0, k] / norms[-1, k]) if norms[-1, k] else math.nan for k in (0, -1)]
    text = _(
        "{first} / {last}: **{before}** before training, **{after}** after {step} steps."
    ).format(
        first=words.format_norm(state, "1"),
        last=words.format_norm(state, "T"),
        step=cell.moments[-1].step,
        before=format_number(ratios[0], 2),
        after=format_number(ratios[1], 2),
    )
    before, after = cell.moments[0].forget, cell.moments[-1].forget
    if not math.isnan(before):
        text += " " + _("The mean gate on the direct path went from {before} to {after}.").format(
            before=format_number(before, 2), after=format_number(after, 2)
        )
    return text
