"""The controls of the page of descents."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.theme import number
from gradflow.core.catalog.optimizers import CLIPS, Clip
from gradflow.core.teaching.descent import MAX_MOMENTUM, MAX_STEPS, Descent
from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS, DescentOptimizer
from gradflow.core.teaching.surfaces import SURFACES, Surface, SurfaceShape
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.descent import state


def draw() -> None:
    """Draw all controls in the current container."""
    descent = state.current()
    key = state.key("preset", state.preset())
    blocks.start_from(PRESETS, key, _("a preset descent …"), state.preset_chosen)
    _surface(descent)
    _rules(descent)
    _clipping(descent)
    st.slider(
        _("Steps"), 1, MAX_STEPS,
        key=state.key("steps", descent.steps), on_change=state.changed, args=("steps",),
    )  # fmt: skip


def _surface(descent: Descent) -> None:
    row = descent.row
    st.selectbox(
        _("Loss"),
        list(Surface),
        key=state.key("surface", descent.surface),
        format_func=lambda surface: _(SURFACES[surface].label),
        on_change=state.surface_changed,
    )
    if row.shape is not None and descent.shape is not None:
        _shape(row.shape, descent.shape)
    points = [mark.point for mark in row.starts]
    st.pills(
        _("Start"),
        list(range(len(row.starts))),
        key=state.key(
            "named_start", points.index(descent.start) if descent.start in points else None
        ),
        format_func=lambda place: _(row.starts[place].name),
        on_change=state.start_chosen,
    )
    places = st.columns(row.dimension)
    for i, (column, axis, (low, high)) in enumerate(zip(places, row.axes, row.window, strict=True)):
        column.slider(
            _("Start, {axis}").format(axis=axis), low, high,
            step=0.05, format="%.3g", key=state.key(f"start_{i}", descent.start[i]),
            on_change=state.coordinate_changed, args=(i,),
        )  # fmt: skip


def _shape(shape: SurfaceShape, value: float) -> None:
    if shape.whole:
        st.slider(
            _(shape.label), int(shape.low), int(shape.high),
            key=state.key("shape", int(value)), on_change=state.changed, args=("shape",),
        )  # fmt: skip
    else:
        _log_slider(_(shape.label), "shape", value, shape.low, shape.high)


def _rules(descent: Descent) -> None:
    st.pills(
        _("Optimizers"),
        list(DescentOptimizer),
        selection_mode="multi",
        key=state.key("optimizers", list(descent.optimizers)),
        format_func=lambda code: _(DESCENT_OPTIMIZERS[code].label),
        on_change=state.optimizers_changed,
    )
    _log_slider(_("Learning rate η"), "learning_rate", descent.learning_rate, 1e-4, 100)
    if descent.takes_momentum:
        st.slider(
            _("Momentum μ"), 0.0, MAX_MOMENTUM,
            step=0.01, key=state.key("momentum", descent.momentum),
            on_change=state.changed, args=("momentum",),
        )  # fmt: skip
    box = st.expander(_("η of each optimizer"), key="descent_multipliers", on_change="rerun")
    if box.open:
        with box:
            for place, code in enumerate(descent.optimizers):
                value = descent.multipliers[place]
                st.select_slider(
                    _("{optimizer}: η times").format(optimizer=_(DESCENT_OPTIMIZERS[code].label)),
                    _series(1e-3, 1e3, value),
                    format_func=number,
                    key=state.key(f"multiplier_{place}", value),
                    on_change=state.multiplier_changed,
                    args=(place,),
                )


def _clipping(descent: Descent) -> None:
    st.segmented_control(
        _("Gradient clipping"),
        list(Clip),
        required=True,
        key=state.key("clip", descent.clip),
        format_func=lambda code: _(CLIPS[code].label),
        on_change=state.changed,
        args=("clip",),
    )
    if descent.clip is not Clip.NONE:
        st.caption(_(CLIPS[descent.clip].help))
        _log_slider(_("Threshold c"), "threshold", descent.threshold, 1e-3, 1e3)


def _log_slider(label: str, name: str, value: float, low: float, high: float) -> None:
    st.select_slider(
        label,
        _series(low, high, value),
        format_func=number,
        key=state.key(name, value),
        on_change=state.changed,
        args=(name,),
    )


def _series(low: float, high: float, value: float) -> list[float]:
    """1, 1.5, 2, 3, 5, 7 times the powers of ten from low to high, and ``value``."""
    steps = [
        float(f"{digit}e{exponent}") for exponent in range(-6, 7) for digit in (1, 1.5, 2, 3, 5, 7)
    ]
    return sorted({value, *(step for step in steps if low <= step <= high)})
