"""The page on descent: the figure, what each optimizer reached, and details in tabs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import streamlit as st

from gradflow.charts.descent.course import descent_course_figure
from gradflow.charts.descent.paths import DescentPath, Ground, choose_style
from gradflow.charts.descent.surface import descent_surface_figure
from gradflow.charts.theme import PALETTES
from gradflow.core.catalog.optimizers import Clip
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_outcome import DescentOutcome
from gradflow.core.teaching.descent_verdict import format_point, judge_descent
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS, DescentOptimizer
from gradflow.core.teaching.trajectories import Trajectory
from gradflow.core.text import N_, _
from gradflow.ui import blocks, compute
from gradflow.ui.boards import specs
from gradflow.ui.boards.board import draw_board, read_numbers
from gradflow.ui.descent import words as descent_words
from gradflow.ui.descent.controls import draw_controls
from gradflow.ui.descent.state import FORM, PAGE
from gradflow.ui.latex import write_number
from gradflow.ui.stage import draw_head, make_stage

_ICONS: dict[DescentOutcome, str] = {
    DescentOutcome.CONVERGED: ":material/check_circle:",
    DescentOutcome.UNDER_WAY: ":material/trending_flat:",
    DescentOutcome.CRAWLING: ":material/hourglass_bottom:",
    DescentOutcome.STUCK: ":material/block:",
    DescentOutcome.BOUNCING: ":material/swap_horiz:",
    DescentOutcome.LEFT: ":material/open_in_new:",
    DescentOutcome.OVERFLOW: ":material/error:",
}
_BRIEF: dict[DescentOutcome, str] = {
    DescentOutcome.CONVERGED: N_("arrives"),
    DescentOutcome.UNDER_WAY: N_("is under way"),
    DescentOutcome.CRAWLING: N_("crawls"),
    DescentOutcome.STUCK: N_("is stuck"),
    DescentOutcome.BOUNCING: N_("bounces"),
    DescentOutcome.LEFT: N_("leaves the picture"),
    DescentOutcome.OVERFLOW: N_("overflows"),
}
_Trajectories = tuple[Trajectory, ...]


def show_descent() -> None:
    """Show the descent that is set, and its controls."""
    draw_head(_("Descent"))
    if PAGE.problem:
        blocks.show_error(PAGE.problem)
    descent = FORM.read()
    trajectories = compute.descend(descent)
    PAGE.sync_url(descent)
    stage = make_stage()
    with stage.picture:
        _describe(descent, trajectories)
        _draw_descent(descent)
    with stage.details:
        _show_formula(descent)
        if len(trajectories) > 1:
            st.markdown("\n".join(f"- {line}" for line in _list_ends(descent, trajectories)))
        blocks.explain("descent")
        _show_details(descent, trajectories)
    with stage.controls:
        draw_controls()  # last, as in Explore: the figure shall not wait


def _describe(descent: Descent, trajectories: _Trajectories) -> None:
    """Say what loss this is, and how each path ends: of several in a word, with a list below."""
    row = descent.row
    about = _(row.help) + (f" {row.source}." if row.source else "")
    if len(trajectories) == 1:
        ends = _list_ends(descent, trajectories)
    else:
        ends = [" · ".join(_name_end(descent, trajectory) for trajectory in trajectories)]
    st.markdown("  \n".join([about, *ends]))


def _name_end(descent: Descent, trajectory: Trajectory) -> str:
    outcome = judge_descent(descent, trajectory).outcome
    name = _(DESCENT_OPTIMIZERS[trajectory.optimizer].label)
    return f"{_ICONS[outcome]}\N{NO-BREAK SPACE}**{name}** {_(_BRIEF[outcome])}"


def _show_formula(descent: Descent) -> None:
    row = descent.row
    shape = ""
    if row.shape is not None:
        shape = rf",\qquad {row.shape.symbol} = {write_number(descent.shape or 0.0)}"
    st.markdown(f"${row.formula}{shape}$")


def _draw_descent(descent: Descent) -> None:
    row = descent.row
    codes = list(DescentOptimizer)
    styles = [
        (choose_style(codes.index(code), "light"), choose_style(codes.index(code), "dark"))
        for code in descent.optimizers
    ]
    draw_board(
        "descent",
        "descent_map",
        alt=_("The paths of all optimizers on the loss; the start can be pulled"),
        spec=specs.describe_descent(descent),
        texts=_write_texts(),
        readers={"start": read_numbers(-math.inf, math.inf, row.dimension)},
        take=FORM.take,
        window=row.window,
        axes=[_(axis) for axis in row.axes],
        marks=_list_marks(descent),
        names=[_(DESCENT_OPTIMIZERS[code].label) for code in descent.optimizers],
        styles=[
            {
                "colour": f"light-dark({light.colour}, {dark.colour})",
                "dash": light.dash,
                "symbol": light.symbol,
            }
            for light, dark in styles
        ],
        tones={mode: [p.page, p.muted, p.ink] for mode, p in PALETTES.items()},
    )


def _write_texts() -> dict[str, str]:
    return {
        "play": _("Play"),
        "pause": _("Pause"),
        "back": _("One step back"),
        "on": _("One step on"),
        "shown": _("Step shown"),
        "step": _("step {n} of {count}"),
        "numbers": _("at {point}: L = {loss}, |g| = {gradient}"),
        "pointed": _("Pointer at {point}: L = {loss}"),
        "start": _("Start"),
        "hint": _("pull the start"),
        "keys": _("The start is moved by the arrow keys once it has the focus."),
    }


def _list_marks(descent: Descent) -> list[dict[str, Any]]:
    row = descent.row
    marks = [(_(mark.name), _(mark.help), mark.point) for mark in row.marks]
    if not marks:
        marks = [("", _("a minimum"), minimum) for minimum in row.minima]
    return [{"name": name, "about": about, "point": point} for name, about, point in marks]


def _make_paths(trajectories: _Trajectories) -> list[DescentPath]:
    codes = list(DescentOptimizer)
    return [
        DescentPath(
            _(DESCENT_OPTIMIZERS[trajectory.optimizer].label),
            codes.index(trajectory.optimizer),
            trajectory.points,
            trajectory.loss,
            trajectory.gradient_norm,
            trajectory.clipped_norm,
        )
        for trajectory in trajectories
    ]


def _list_ends(descent: Descent, trajectories: _Trajectories) -> list[str]:
    """List how each path ends."""
    lines = []
    for trajectory in trajectories:
        end = judge_descent(descent, trajectory)
        name = _(DESCENT_OPTIMIZERS[trajectory.optimizer].label)
        lines.append(f"{_ICONS[end.outcome]} **{name}:** {end.text}")
    return lines


def _show_details(descent: Descent, trajectories: _Trajectories) -> None:
    """Show tabs, of which only the open one is computed."""
    paths = _make_paths(trajectories)
    panels: dict[str, Callable[[], None]] = {
        _("Loss and gradient"): lambda: _show_course(descent, paths),
        _("One step in numbers"): lambda: _show_step(descent, trajectories),
        _("End points"): lambda: _show_end_points(descent, trajectories),
    }
    if descent.row.dimension == 2:
        panels[_("Landscape, 3-D")] = lambda: _show_landscape(descent, paths)
    blocks.draw_tabs(panels, "descent_details")


def _show_course(descent: Descent, paths: list[DescentPath]) -> None:
    figure = descent_course_figure(
        paths, clipped=descent.clip is not Clip.NONE, mode=blocks.read_mode()
    )
    blocks.show_figure(figure, "descent_course", _("Loss and gradient norm against the step"))
    blocks.explain("descent_course")


def _show_landscape(descent: Descent, paths: list[DescentPath]) -> None:
    coordinates, heights = compute.compute_heights(descent.surface, descent.shape or 0.0)
    ground = Ground(descent.row.axes, coordinates, heights)
    figure = descent_surface_figure(ground, paths, mode=blocks.read_mode())
    blocks.show_figure(figure, "descent_surface", _("The loss as a landscape with the paths"))
    blocks.explain("descent_surface")


def _show_step(descent: Descent, trajectories: _Trajectories) -> None:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    names = {trajectory.optimizer: trajectory for trajectory in trajectories}
    chosen = left.segmented_control(
        _("Optimizer"),
        list(names),
        default=next(iter(names)),
        required=True,
        key="descent_step_rule",
        format_func=lambda code: _(DESCENT_OPTIMIZERS[code].label),
    )
    trajectory = names.get(chosen) or trajectories[0]
    row = DESCENT_OPTIMIZERS[trajectory.optimizer]
    st.latex(row.rule)
    source = f" {row.source}." if row.source else ""
    st.caption(_(row.help) + source)
    taken = len(trajectory.step_length)
    if not taken:
        st.info(_("No step was taken: the loss or its gradient is not finite at the start."))
        return
    n = 0
    if taken > 1:
        n = int(right.slider(_("Step n → n + 1, n ="), 0, taken - 1, key="descent_step_n"))
    lines = descent_words.write_step(descent, trajectory, n)
    st.markdown("\n".join(f"- {name}: ${formula}$" for name, formula in lines))
    blocks.explain("descent_step")


def _show_end_points(descent: Descent, trajectories: _Trajectories) -> None:
    ends = [format_point(trajectory.points[-1]) for trajectory in trajectories]
    table = descent_words.make_end_table(descent, trajectories, ends)
    blocks.show_table(table, key="descent_end_points")
