"""The page on phase diagrams: the map as it fills, its controls, and what a click opens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from gradflow.charts.sweep.data import TheoryLines
from gradflow.core.experiment import Experiment
from gradflow.core.numbers import format_count
from gradflow.core.stacked_pass import can_stack
from gradflow.core.sweep import MEASURES, Grid
from gradflow.core.sweep.critical import REACH
from gradflow.core.sweep.phase import MOST_CELLS, RANGES, PhaseSettings, list_axes
from gradflow.core.sweep.phase_presets import PHASE_PRESETS
from gradflow.core.sweep.store import describe_grid
from gradflow.core.sweep.table import make_table
from gradflow.core.text import N_, _
from gradflow.ui import blocks, paths
from gradflow.ui.compare.settings import write_comparison
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.fragments import make_fragment
from gradflow.ui.naming import describe_setting, name_setting
from gradflow.ui.phase.figure import OF_GRADIENT, draw_sweep, make_axis
from gradflow.ui.phase.findings import write_findings
from gradflow.ui.phase.maps import MAPS, LiveMap
from gradflow.ui.phase.route import ROUTE
from gradflow.ui.phase.state import PAGE, PHASE, PhaseCodec
from gradflow.ui.settings.fields import (
    draw_choice,
    draw_field,
    draw_number,
    draw_slider,
)
from gradflow.ui.stage import draw_head, make_stage

_QUESTIONS: dict[str, str] = {
    "first_gradient": N_("Where does the gradient reach the first layer?"),
    "largest_change": N_("Where do the layers get gradients of about the same size?"),
    "factor": N_("Where does the gradient neither grow nor shrink from layer to layer?"),
    "saturated": N_("Where do the activations stand in their flat part?"),
    "dead": N_("Where do units answer to no sample any more?"),
    "similarity": N_("Where can the last layer still tell the samples apart?"),
    "loss": N_("Where does the network begin with a large loss?"),
}
"""What to ask of a map of each measure."""
_EVERY = 0.5
"""Seconds between two looks at a map that fills."""
_LAST_LOOKS = 2
"""Looks at a map that is whole after which the page stops looking."""
_BASE = (
    *("activation", "initialization", "normalization", "connection"),
    *("depth", "width", "channels", "batch_size", "seed"),
)
"""Settings of the experiment that are offered, where no axis varies them."""


def show_page() -> None:
    """Show the whole page."""
    draw_head(_("Phase diagrams"))
    stage = make_stage()
    settings, problem = PHASE.read_possible()
    with stage.picture:
        with st.container():  # so that the map below stays the fragment that it is
            if problem:
                blocks.show_error(problem)
            st.markdown(_write_task(settings.map.measure))
        live = MAPS.find(settings.grid)
        growing = not live.is_whole
        show = make_fragment(_show_map, run_every=_EVERY if growing else None)
        show(settings, live, growing, [])
    PAGE.sync_url(settings)
    with stage.controls:
        _draw_controls(settings)
    with stage.details:
        blocks.explain("phase_map")


def _write_task(measure: str) -> str:
    code = PHASE.preset
    if code:
        return _("**Look for:** {what}").format(what=_(PHASE_PRESETS[code].look_for))
    return _(
        "Every cell is a network of its own, after one forward and one backward pass. {question}"
    ).format(question=_(_QUESTIONS[measure]))


def _show_map(settings: PhaseSettings, live: LiveMap, growing: bool, looks: list[bool]) -> None:
    cells = list_chosen()
    if cells != settings.map.cells:  # since the page was drawn
        settings, _problem = PHASE.read_possible()
        PAGE.sync_url(settings)
    is_whole = live.is_whole
    rows = live.look()
    table = make_table(live.grid, rows)
    figure = draw_sweep(
        live.grid,
        table,
        settings.map.measure,
        theory=_find_lines(settings, live),
        growing=growing,
        chosen=cells,
        mode=blocks.read_mode(),
    )
    _draw_chosen(live.grid, cells, _describe_progress(live, len(rows), is_whole))
    choose = partial(_choose_cell, describe_grid(live.grid))
    blocks.show_figure(figure, "phase_map", _describe_map(settings), choose, _write_peek(settings))
    if is_whole and live.theory is not None:
        st.markdown(write_findings(live.grid, table, live.theory))
    looks.append(is_whole)
    # Not before the page's own run has reached the browser: its controls would lose their values.
    if growing and len(looks) > _LAST_LOOKS and all(looks[-_LAST_LOOKS:]):
        # This run's address may be an older one, which would count as a link to those settings.
        PAGE.sync_url(PHASE.read_possible()[0])
        st.rerun()  # once more as a whole, so that it stops looking


def _write_peek(settings: PhaseSettings) -> str:
    """Write where the small Flow figure of a cell is, up to the cell's number."""
    query = PhaseCodec().to_query(settings) | {"mode": blocks.read_mode()}
    query = {n: text for n, text in query.items() if n not in ("measure", "cells")}
    return f"gf/{ROUTE}?{urlencode(query)}&cell="


def _describe_map(settings: PhaseSettings) -> str:
    return _("{measure} over {across} and {upwards}").format(
        measure=_(MEASURES[settings.map.measure].label),
        across=name_setting(settings.map.across),
        upwards=name_setting(settings.map.upwards),
    )


def _describe_progress(live: LiveMap, done: int, is_whole: bool) -> str:
    if live.error is not None:
        return str(live.error)
    if is_whole:
        return _("{count} networks. Choose a cell.").format(count=format_count(done))
    alone = not can_stack(live.grid.base)
    text = _("{done} of {total} networks, one by one") if alone else _("{done} of {total} networks")
    return text.format(done=format_count(done), total=format_count(live.grid.count))


def _find_lines(settings: PhaseSettings, live: LiveMap) -> TheoryLines | None:
    """Find theory's lines; only measures of the gradient have any."""
    if live.theory is None or settings.map.measure not in OF_GRADIENT:
        return None
    rows, columns, growth, line = live.theory
    if line is None:
        return None
    upwards, across = (make_axis(name, live.grid) for name in live.grid.axes)
    x, y = across.places[columns], upwards.places[rows]
    critical = (across.locate(line.values), y) if line.axis else (x, upwards.locate(line.values))
    levels = dict.fromkeys((-REACH, REACH), _("depth = 6 ξ: signals reach no further"))
    name = _("theory: χ₁ = 1, the critical line")
    return TheoryLines(critical, name, x, y, growth, levels)


# --- controls ---


def _draw_controls(settings: PhaseSettings) -> None:
    st.selectbox(
        _("Start from"),
        list(PHASE_PRESETS),
        index=None,
        format_func=lambda code: _(PHASE_PRESETS[code].label),
        placeholder=_("your own map"),
        **PHASE.bind_preset(),
    )
    names = {code: row.label for code, row in MEASURES.items()}
    draw_choice(PHASE, "measure", names)
    values = PHASE.values
    axes = {name: name_setting(name) for name in list_axes(settings.experiment)}
    for name, ends in (("across", ("left", "right")), ("upwards", ("bottom", "top"))):
        draw_choice(PHASE, name, axes | {values[name]: name_setting(values[name])})
        if values[name] in RANGES:
            for column, end in zip(st.columns(2), ends, strict=True):
                with column:
                    draw_number(PHASE, end)
    draw_slider(PHASE, "points")
    if "seed" not in (values["across"], values["upwards"]):
        draw_slider(PHASE, "seeds")
    with st.expander(_("The network"), key="phase_network"):
        for name in _BASE:
            if name not in (values["across"], values["upwards"]):
                draw_field(PHASE, name, compact=True)


# --- what a click opens ---


def list_chosen() -> tuple[int, ...]:
    """List the cells of the map that were clicked, the latest last."""
    return tuple(PHASE.values.get("cells", ()))


def _choose_cell(key: str, cell: int) -> None:
    if key != describe_grid(PHASE.read_last_valid().grid):
        return  # a late click on a map that is gone
    PHASE.change("cells", (*(c for c in list_chosen() if c != cell), cell)[-MOST_CELLS:])


def _draw_chosen(grid: Grid, cells: Sequence[int], progress: str) -> None:
    """Draw the cells that were clicked and where they can go, or else the progress.

    Links, not buttons: a link takes the settings along in its address, and one step back leads to
    the map. The row keeps its height, so that the map does not move under the pointer.
    """
    pairs = ((cell, _find_experiment(grid, cell)) for cell in cells)
    chosen = {cell: experiment for cell, experiment in pairs if experiment is not None}
    experiments = list(chosen.values())
    names = " · ".join(_describe_cell(grid, cell) for cell in chosen)
    with st.container(horizontal=True, vertical_alignment="center", key="phase_chosen"):
        st.markdown(f"**{names}**" if chosen else progress)
        st.page_link(
            paths.EXPLORE,
            label=_("Open in Explore"),
            icon=":material/insights:",
            disabled=not chosen,
            query_params=EXPLORE.codec.to_query(experiments[-1]) if chosen else None,
        )
        if len(chosen) > 1:
            st.page_link(
                paths.COMPARE,
                label=_("Compare both"),
                icon=":material/compare:",
                query_params=write_comparison(experiments),
            )


def _find_experiment(grid: Grid, cell: int) -> Experiment | None:
    return grid.experiments[cell] if 0 <= cell < len(grid.experiments) else None


def _describe_cell(grid: Grid, cell: int) -> str:
    point = grid.find_point(cell)
    return ", ".join(describe_setting(name, value) for name, value in point.items())
