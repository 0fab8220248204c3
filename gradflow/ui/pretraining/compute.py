"""Cached, admitted calls into core, with a progress bar and a button that ends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from gradflow.core.pretraining import finetune, greedy
from gradflow.core.pretraining import transfer as transfers
from gradflow.core.pretraining.greedy import Progress
from gradflow.core.pretraining.spec import FineTuning, Stack, Transfer
from gradflow.core.text import _
from gradflow.ui.long_work import ResultCache, compute_with_progress

ENTRIES = 24
"""Results that are kept; the largest take some megabytes."""
R = TypeVar("R")
Stop = Callable[[], None]


@st.cache_resource(show_spinner=False)
def _kept() -> ResultCache:
    return ResultCache(ENTRIES)


def pretrain(stack: Stack, stop: Stop) -> greedy.PretrainedStack:
    """The trained stack; ``stop``: callback of the button."""
    return _long(stack, stop, lambda progress: greedy.pretrain(stack, progress))


def fine_tune(spec: FineTuning, stop: Stop) -> tuple[finetune.TuningCourse, ...]:
    """Training from every start; ``stop``: callback of the button."""
    return _long(spec, stop, lambda progress: finetune.fine_tune(spec, progress))


def transfer(spec: Transfer, stop: Stop) -> transfers.Reuse:
    """Learning the new digits in three ways; ``stop``: callback of the button."""
    return _long(spec, stop, lambda progress: transfers.transfer_layers(spec, progress))


def _long(spec: Any, stop: Stop, work: Callable[[Progress], R]) -> R:
    return compute_with_progress(_kept(), spec, work, lambda place: _bar(place, stop))


def _bar(place: Any, stop: Stop) -> Any:
    with place.container():
        left, right = st.columns([6, 1], vertical_alignment="bottom")
        right.button(
            _("Stop"), icon=":material/stop_circle:", key="pretraining_stop",
            on_click=stop, width="stretch",
        )  # fmt: skip
        return left.progress(0.0)
