"""The controls of the page on descent."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.catalog.optimizers import CLIPS, Clip
from gradflow.core.numbers import format_number
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS, DescentOptimizer
from gradflow.core.teaching.surfaces import SURFACES, Surface
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.descent.state import FORM
from gradflow.ui.settings.fields import draw_buttons, draw_choice, draw_marks, draw_slider
from gradflow.ui.settings.form import Conversion, convert_entry


def draw_controls() -> None:
    """Draw all controls in the current container."""
    descent = FORM.read()
    blocks.draw_presets(FORM, PRESETS, _("a preset descent …"))
    _draw_surface(descent)
    _draw_optimizers(descent)
    _draw_clipping(descent)
    draw_slider(FORM, "steps")


def _draw_surface(descent: Descent) -> None:
    draw_choice(FORM, "surface", {code: SURFACES[code].label for code in Surface})
    _draw_shape(descent)
    starts = descent.row.starts
    points = [mark.point for mark in starts]
    named = Conversion(
        lambda start: points.index(start) if start in points else None,
        lambda index, start: start if index is None else points[index],
    )
    st.pills(
        options=list(range(len(starts))),
        required=True,
        format_func=lambda index: _(starts[index].name),
        **FORM.bind("start", named, part="_named"),
    )
    row = descent.row
    columns = st.columns(row.dimension)
    for i, (column, axis, (low, high)) in enumerate(
        zip(columns, row.axes, row.window, strict=True)
    ):
        label = _("Start, {axis}").format(axis=axis)
        bound = FORM.bind("start", convert_entry(i), part=f"_{i}", label=label)
        column.slider(min_value=low, max_value=high, step=0.05, format="%.3g", **bound)


def _draw_shape(descent: Descent) -> None:
    shape = descent.row.shape
    if shape is None:
        return
    whole = Conversion(to_widget=int) if shape.whole else None
    bound = FORM.bind("shape", whole, label=_(shape.label))
    if shape.whole:
        st.slider(min_value=int(shape.low), max_value=int(shape.high), **bound)
    else:
        _draw_log_slider(bound, shape.low, shape.high, descent.shape)


def _draw_optimizers(descent: Descent) -> None:
    st.pills(
        options=list(DescentOptimizer),
        selection_mode="multi",
        format_func=lambda code: _(DESCENT_OPTIMIZERS[code].label),
        **FORM.bind("optimizers"),
    )
    _draw_log_slider(FORM.bind("learning_rate"), 1e-4, 100, descent.learning_rate)
    draw_slider(FORM, "momentum", step=0.01)
    box = st.expander(_("η of each optimizer"), key="descent_multipliers", on_change="rerun")
    if box.open:
        with box:
            for i, code in enumerate(descent.optimizers):
                optimizer = _(DESCENT_OPTIMIZERS[code].label)
                label = _("{optimizer}: η times").format(optimizer=optimizer)
                bound = FORM.bind("multipliers", convert_entry(i), part=f"_{i}", label=label)
                _draw_log_slider(bound, 1e-3, 1e3, descent.multipliers[i])


def _draw_clipping(descent: Descent) -> None:
    draw_buttons(FORM, "clip", {code: CLIPS[code].label for code in Clip})
    if descent.clip is not Clip.NONE:
        st.caption(_(CLIPS[descent.clip].help))
        draw_marks(FORM, "threshold", _list_marks(1e-3, 1e3))


def _draw_log_slider(bound: dict[str, Any], low: float, high: float, value: float | None) -> None:
    marks = sorted({*_list_marks(low, high), *([] if value is None else [value])})
    st.select_slider(options=marks, format_func=format_number, **bound)


def _list_marks(low: float, high: float) -> list[float]:
    """List 1, 1.5, 2, 3, 5, 7 times the powers of ten from low to high."""
    marks = [
        float(f"{digit}e{exponent}") for exponent in range(-6, 7) for digit in (1, 1.5, 2, 3, 5, 7)
    ]
    return [mark for mark in marks if low <= mark <= high]
