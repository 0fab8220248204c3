"""The parts of the page that follow a run: progress, curves, layers. They rerun by themselves."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.training.data import QUANTITIES, Lane
from gradflow.charts.training.layers import layers_figure
from gradflow.charts.training.learning import learning_figure
from gradflow.charts.training.steps import steps_figure
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.fragments import make_fragment
from gradflow.ui.training import flow, lanes, state, words
from gradflow.ui.training.sessions import SESSIONS

CURVES_EVERY = 0.4
"""Seconds between two drawings of the curves of a run."""
FLOW_EVERY = 1.0
"""Seconds between two drawings of its Flow figure, which changes less and takes longer."""
FULL_PACE_SESSIONS = 4
"""Sessions that may follow a run at this pace; a class that trains at once looks less often."""


def show_live(*, running: bool) -> None:
    """Show all that follows a run.

    Args:
        running: whether a run advanced when the page began to be drawn; if not, nothing reruns.
    """
    slower = compute_slowdown(SESSIONS.count_running())
    make_fragment(_show_curves, run_every=slower * CURVES_EVERY if running else None)(running)
    make_fragment(flow.show_step_flow, run_every=slower * FLOW_EVERY if running else None)()


def compute_slowdown(sessions: int) -> float:
    """Compute the factor on the time between two drawings while so many sessions follow a run.

    A drawing takes the server about 40 ms: thirty laptops at full pace would want three
    processor cores for that alone.
    """
    return max(1.0, sessions / FULL_PACE_SESSIONS)


def _show_curves(running: bool) -> None:
    group = state.open_session().group
    left, right = st.columns([6, 1], vertical_alignment="bottom")
    if group is not None:
        share, text = words.describe_progress(group)
        left.progress(min(share, 1.0), text)
    with right:
        log = _choose_log_axis()
    drawn = [shown_run.make_lane() for shown_run in lanes.list_shown(state.open_session())]
    figure = learning_figure(drawn, log=log, mode=blocks.read_mode())
    blocks.show_figure(figure, "training_learning", _("Loss and accuracy over the steps"))
    blocks.explain("training_learning")
    panels = {
        _("Layers"): _show_layers,
        _("Clipping and rate"): _show_steps,
    }
    tabs = st.tabs(list(panels), key="training_panels", on_change="rerun")
    for tab, draw in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                draw(drawn)
    if running and (group is None or not group.running):
        st.rerun()  # once more as a whole: what is said of a run that has ended


def _choose_log_axis() -> bool:
    """Draw the choice of the axis of the loss."""
    scales = {"log": _("log"), "linear": _("linear")}
    return blocks.choose_one(_("Axis of the loss"), scales, "training_axis") == "log"


def _show_layers(drawn: list[Lane]) -> None:
    names = {
        code: f"{_(what.label)} {_find_symbol(code)}".strip() for code, what in QUANTITIES.items()
    }
    quantity = blocks.choose_one(
        _("What the map shows"), names, "training_quantity", "weight_grad_norm"
    )
    figure = layers_figure(drawn, quantity=quantity, mode=blocks.read_mode())
    blocks.show_figure(
        figure, "training_layers", _("Map of layers over steps, and the speed of each layer")
    )
    blocks.explain("training_layers")


def _find_symbol(code: str) -> str:
    what = QUANTITIES[code]
    return what.symbol if "‖" in what.symbol else ""


def _show_steps(drawn: list[Lane]) -> None:
    figure = steps_figure(drawn, mode=blocks.read_mode())
    blocks.show_figure(
        figure, "training_steps", _("Gradient norm before and after clipping, learning rate")
    )
    blocks.explain("training_steps")
