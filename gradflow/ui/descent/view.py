"""The page of descents: the figure, what came of it, and the details in tabs."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gradflow.charts.descent.course import descent_course_figure
from gradflow.charts.descent.map import descent_figure
from gradflow.charts.descent.paths import Ground, Path
from gradflow.charts.descent.surface import descent_surface_figure
from gradflow.core.catalog.optimizers import Clip
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_outcome import (
    DescentOutcome,
    find_first_outside,
    format_point,
    is_in_sight,
    judge_descent,
)
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS, DescentOptimizer
from gradflow.core.teaching.trajectories import Trajectory
from gradflow.core.text import _
from gradflow.ui import blocks, compute
from gradflow.ui.descent import state
from gradflow.ui.descent import words as descent_words

_ICONS: dict[DescentOutcome, str] = {
    DescentOutcome.CONVERGED: ":material/check_circle:",
    DescentOutcome.UNDER_WAY: ":material/trending_flat:",
    DescentOutcome.CRAWLING: ":material/hourglass_bottom:",
    DescentOutcome.STUCK: ":material/block:",
    DescentOutcome.BOUNCING: ":material/swap_horiz:",
    DescentOutcome.LEFT: ":material/open_in_new:",
    DescentOutcome.OVERFLOW: ":material/error:",
}
_Trajectories = tuple[Trajectory, ...]


def show() -> None:
    """Everything but the controls."""
    if state.problem():
        blocks.show_error(state.problem())
    descent = state.current()
    trajectories = compute.descend(descent)
    state.settled()
    ground, paths = _ground(descent), _paths(descent, trajectories)
    _formula(descent)
    blocks.show_figure(
        descent_figure(ground, paths, mode=blocks.mode()),
        "descent_map",
        _("The paths of all optimizers on the loss, animated"),
    )
    _sentences(descent, trajectories)
    blocks.explain("descent")
    _details(descent, trajectories, ground, paths)


def _formula(descent: Descent) -> None:
    row = descent.row
    shape = ""
    if row.shape is not None:
        shape = rf",\qquad {row.shape.symbol} = {descent_words.tex(descent.shape or 0.0)}"
    source = f" {row.source}." if row.source else ""
    st.markdown(f"${row.formula}{shape}$")
    st.caption(_(row.help) + source)


def _ground(descent: Descent) -> Ground:
    row = descent.row
    coordinates, heights = compute.heights(descent.surface, descent.shape or 0.0)
    marks = [(_(mark.name), _(mark.help), mark.point) for mark in row.marks]
    if not marks:
        marks = [("", _("a minimum"), minimum) for minimum in row.minima]
    return Ground(row.axes, coordinates, heights, marks)


def _paths(descent: Descent, trajectories: _Trajectories) -> list[Path]:
    places = list(DescentOptimizer)
    return [
        Path(
            _(DESCENT_OPTIMIZERS[one.optimizer].label),
            places.index(one.optimizer),
            one.points,
            one.loss,
            one.gradient_norm,
            one.clipped_norm,
            _ending(descent, one),
        )
        for one in trajectories
    ]


def _ending(descent: Descent, trajectory: Trajectory) -> str:
    """Why the end of a trajectory cannot be seen; empty if it can."""
    if trajectory.broken_at is not None:
        return _("overflows at step {n}").format(n=trajectory.broken_at)
    if is_in_sight(descent, trajectory):
        return ""
    return _("left the picture at step {n}").format(n=find_first_outside(descent, trajectory))


def _sentences(descent: Descent, trajectories: _Trajectories) -> None:
    lines = []
    for trajectory in trajectories:
        found = judge_descent(descent, trajectory)
        name = _(DESCENT_OPTIMIZERS[trajectory.optimizer].label)
        lines.append(f"- {_ICONS[found.outcome]} **{name}:** {blocks.escaped(str(found.text))}")
    st.markdown("\n".join(lines))


def _details(
    descent: Descent, trajectories: _Trajectories, ground: Ground, paths: list[Path]
) -> None:
    """Tabs, of which only the open one is computed."""
    panels: dict[str, Callable[[], None]] = {
        _("Loss and gradient"): lambda: _course(descent, paths),
        _("One step in numbers"): lambda: _step(descent, trajectories),
        _("End points"): lambda: _table(descent, trajectories),
    }
    if ground.flat:
        panels[_("Landscape, 3-D")] = lambda: _landscape(ground, paths)
    tabs = st.tabs(list(panels), key="descent_details", on_change="rerun")
    for tab, draw in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def _course(descent: Descent, paths: list[Path]) -> None:
    figure = descent_course_figure(paths, clipped=descent.clip is not Clip.NONE, mode=blocks.mode())
    blocks.show_figure(figure, "descent_course", _("Loss and gradient norm against the step"))
    blocks.explain("descent_course")


def _landscape(ground: Ground, paths: list[Path]) -> None:
    figure = descent_surface_figure(ground, paths, mode=blocks.mode())
    blocks.show_figure(figure, "descent_surface", _("The loss as a landscape with the paths"))
    blocks.explain("descent_surface")


def _step(descent: Descent, trajectories: _Trajectories) -> None:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    names = {one.optimizer: one for one in trajectories}
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
    lines = descent_words.step_in_numbers(descent, trajectory, n)
    st.markdown("\n".join(f"- {name}: ${formula}$" for name, formula in lines))
    blocks.explain("descent_step")


def _table(descent: Descent, trajectories: _Trajectories) -> None:
    places = [format_point(one.points[-1]) for one in trajectories]
    table = descent_words.end_points(descent, trajectories, places)
    blocks.show_table(table, key="descent_end_points")
