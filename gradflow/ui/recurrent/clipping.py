"""The view of clipping: the gradient before and after, by norm and by value."""

from __future__ import annotations

import math

import streamlit as st

from gradflow.charts.recurrent.clipping import cosine_figure, directions_figure, parameters_figure
from gradflow.core.numbers import format_number, format_share
from gradflow.core.recurrent.clipping import ClippingCourse, ClippingReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import write_equations, write_number
from gradflow.ui.recurrent import compute
from gradflow.ui.recurrent.state import PASS
from gradflow.ui.stage import Stage


def show_clipping(stage: Stage) -> None:
    """Show the gradient of all parameters, clipped both ways."""
    spec = PASS.read()
    report, course = compute.clip_gradient(spec.experiment, spec.clip_norm, spec.clip_value)
    st.markdown(describe_clipping(report))
    has_direction = 0 < report.norm < math.inf
    if has_direction:
        _show_directions(spec, report, course)
    with stage.details:
        if has_direction:
            st.latex(write_rules(report))
        blocks.explain("recurrent_clipping")
        st.subheader(_("Parameter by parameter"))
        blocks.show_figure(
            parameters_figure(report, mode=blocks.read_mode()),
            "recurrent_clipped",
            _("Norm of each parameter’s gradient before and after"),
        )


def _show_directions(spec: TimePass, report: ClippingReport, course: ClippingCourse) -> None:
    arrows, cosines = st.columns([2, 3])
    with arrows:
        blocks.show_figure(
            directions_figure(report, mode=blocks.read_mode()),
            "recurrent_directions",
            _("The gradient and both clipped ones as arrows, at their true angle"),
        )
    with cosines:
        thresholds = (spec.clip_norm, spec.clip_value)
        blocks.show_figure(
            cosine_figure(course, thresholds, mode=blocks.read_mode()),
            "recurrent_cosines",
            _("Cosine of the gradient before and after, against the threshold"),
        )


def describe_clipping(report: ClippingReport) -> str:
    """Say what clipping by norm and by value do to a gradient."""
    if report.norm == 0:
        return _("**The gradient is exactly 0:** there is nothing to clip.")
    if not math.isfinite(report.norm):
        return _(
            "**The gradient is not a finite number** (its norm is {norm}), and clipping cannot "
            "mend it: by norm every entry becomes 0 or NaN, by value NaN stays NaN."
        ).format(norm=format_number(report.norm))
    norm, value = report.by_norm, report.by_value
    text = _("The gradient has the norm **{norm}**; its largest entry is {largest}. ").format(
        norm=format_number(report.norm), largest=format_number(report.largest)
    )
    if norm.norm < report.norm and norm.changed:
        text += _("**By norm:** shortened to {norm}, the direction is kept. ").format(
            norm=format_number(norm.norm)
        )
    else:
        text += _("**By norm:** short enough, nothing happens. ")
    if value.changed:
        angle = math.degrees(math.acos(min(1.0, max(-1.0, value.cosine))))
        text += _(
            "**By value:** {share} of the entries are cut, the norm falls to {norm}, and the "
            "direction turns by **{angle}°** (cosine {cosine})."
        ).format(
            share=format_share(value.changed),
            norm=format_number(value.norm),
            angle=format_number(angle),
            cosine=format_number(value.cosine),
        )
    else:
        text += _("**By value:** no entry is large enough to be cut.")
    return text


def write_rules(report: ClippingReport) -> str:
    """Write both rules of clipping and the cosine with their numbers, as LaTeX."""
    norm, value = report.by_norm, report.by_value
    factor = (
        rf"\min\Big(1, \frac{{{write_number(norm.threshold)}}}{{{write_number(report.norm)}}}\Big)"
    )
    cut = rf"\min(\max(g_i, -c), c),\quad c = {write_number(value.threshold)}"
    cosine = r"\cos = \frac{g\cdot g_{\text{value}}}{\|g\|\,\|g_{\text{value}}\|}"
    return write_equations(
        (
            r"g_{\text{norm}}",
            r"g\cdot\min\Big(1, \frac{c}{\|g\|}\Big)",
            rf"g\cdot{factor},\quad\cos = {write_number(norm.cosine)}",
        ),
        (r"g_{\text{value}}", rf"{cut},\quad {cosine}", write_number(value.cosine)),
    )
