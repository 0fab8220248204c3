"""Shared, admitted calls into core, with a progress bar and a button that ends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow.core.pretraining import finetune, greedy
from gradflow.core.pretraining import transfer as transfers
from gradflow.core.pretraining.greedy import Progress
from gradflow.core.pretraining.spec import FineTuning, Stack, Transfer
from gradflow.core.spec import Spec
from gradflow.core.text import _
from gradflow.ui.long_work import compute_with_progress, prepare
from gradflow.ui.turns import ADMISSION

R = TypeVar("R")
_BYTES = 96 * 2**20
"""What the largest of these computations takes at its peak, rounded up."""
Stop = Callable[[Spec], None]
"""A function that ends the computation of these settings."""


def pretrain(stack: Stack, stop: Stop) -> greedy.PretrainedStack:
    """Train a stack layer by layer."""
    return _compute(stack, stop, lambda progress: greedy.pretrain(stack, progress))


def prepare_opening() -> None:
    """Train the stack that the page opens with before anybody opens it."""
    stack = Stack()
    prepare(stack, lambda progress: greedy.pretrain(stack, progress), _BYTES)


def fine_tune(
    spec: FineTuning, stop: Stop, show: Callable[[tuple[finetune.TuningCourse, ...]], object]
) -> tuple[finetune.TuningCourse, ...]:
    """Train a network from every start; ``show`` is called with those that are done."""

    def show_known(courses: tuple[finetune.TuningCourse, ...]) -> None:
        with ADMISSION.pause():
            show(courses)

    return _compute(spec, stop, lambda progress: finetune.fine_tune(spec, progress, show_known))


def transfer(spec: Transfer, stop: Stop) -> transfers.Reuse:
    """Learn the new digits in three ways."""
    return _compute(spec, stop, lambda progress: transfers.transfer_layers(spec, progress))


def _compute(spec: Spec, stop: Stop, work: Callable[[Progress], R]) -> R:
    return compute_with_progress(spec, work, lambda place: _draw_bar(place, spec, stop), _BYTES)


def _draw_bar(place: DeltaGenerator, spec: Spec, stop: Stop) -> DeltaGenerator:
    with place.container():
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        right.button(
            _("Stop"),
            icon=":material/stop_circle:",
            key="pretraining_stop",
            on_click=stop,
            args=(spec,),
            width="stretch",
        )
        return left.progress(0.0)
