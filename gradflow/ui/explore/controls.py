"""The toolbar of Explore: what is set most often in a row, everything else behind its buttons."""

from __future__ import annotations

import contextlib

import streamlit as st

from gradflow.core.errors import GradflowError
from gradflow.core.text import _
from gradflow.ui import compute
from gradflow.ui.explore.flow import SEED_COUNTS, FlowView
from gradflow.ui.explore.look import GRADIENTS, find_rows, list_rows, name_seeds, read_theory_help
from gradflow.ui.explore.state import EXPLORE, LOOK, reset_settings, take_changes
from gradflow.ui.settings.experiments import GROUPS
from gradflow.ui.toolbar.toolbar import (
    Control,
    Panel,
    describe_choice,
    describe_fields,
    describe_toggle,
    draw_toolbar,
    list_dormant,
)
from gradflow.ui.welcome.cards import draw_start

_ROW = (
    "depth",
    "width",
    "channels",
    "heads",
    "activation",
    "initialization",
    "weight_std",
    "normalization",
    "norm_placement",
    "connection",
)
_FINE = ("fan_mode", "gain", "bias_std", "norm_position", "norm_mode", "branch_scale", "zero_last")
"""Settings of what is chosen in the row that are rarely changed: they stand behind “More”."""


def draw_controls() -> None:
    """Draw the toolbar."""
    explicit = EXPLORE.applies("widths") and EXPLORE.read_value("widths")
    first = ["widths"] if explicit else []  # in place of depth and width
    row = describe_fields(EXPLORE, [*first, *_ROW], leave_out=_FINE)
    panels: dict[str, Panel] = {}
    with contextlib.suppress(GradflowError):  # which the figure's place says
        panels[_("View")] = {_("The figure"): _describe_view()}
    panels[_("More")] = _describe_rest({control["name"] for control in row})
    key = EXPLORE.find_widget_key("toolbar")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        draw_toolbar(
            key, "flow", row, panels, list_dormant(EXPLORE), take=take_changes, reset=reset_settings
        )
        start = st.popover(_("Start from"), key="start_from", on_change="rerun")
        if start.open:
            with start:
                draw_start()


def _describe_rest(shown: set[str]) -> Panel:
    rest = {}
    for group in GROUPS:
        names = [n for n in group.names if n not in shown and EXPLORE.find_spec(n) is not None]
        fine = [n for n in _FINE if EXPLORE.find_owner(n) in shown.intersection(group.names)]
        if controls := describe_fields(EXPLORE, [*names, *fine]):
            rest[_(group.title)] = controls
    return rest


def _describe_view() -> list[Control]:
    """Describe how the figure can be looked at; a residual stream has a gradient of its own."""
    experiment, _problem = EXPLORE.read_possible()
    report, look = compute.run(experiment), FlowView(**LOOK.get())
    rows, names = find_rows(LOOK.get(), experiment, report), list_rows(report)
    controls = []
    if len(names) > 1:
        controls.append(describe_choice("rows", _("Columns of the figure"), names, rows))
    if rows == "block":
        return controls
    gradients = {code: _(label) for code, label in GRADIENTS.items()}
    seeds = {n: name_seeds(n) for n in SEED_COUNTS}
    return [
        *controls,
        describe_choice("gradient", _("Gradient in the lower band"), gradients, look.gradient),
        describe_choice("seeds", _("Seeds"), seeds, look.seeds),
        describe_toggle("theory", _("Theory"), look.theory, read_theory_help()),
    ]
