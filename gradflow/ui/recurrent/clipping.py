"""The view of clipping: the gradient before and after, by norm and by value."""

from __future__ import annotations

import math

import streamlit as st

from gradflow.charts.recurrent.clipping import cosine_figure, directions_figure, parameters_figure
from gradflow.charts.theme import format_number, format_share
from gradflow.core.recurrent.clipping import ClippingCourse, ClippingReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.spec import Spec
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import lines, tex
from gradflow.ui.recurrent import compute, controls, state
from gradflow.ui.recurrent.state import View


def show() -> Spec:
    """The gradient of all parameters, clipped both ways."""
    left, right = st.columns(2)
    with left:
        controls.widget(View.CLIPPING, "clip_norm")
    with right:
        controls.widget(View.CLIPPING, "clip_value")
    spec = state.passed(View.CLIPPING)
    report, course = compute.clip(spec.experiment, spec.clip_norm, spec.clip_value)
    st.markdown(sentence(report))
    if 0 < report.norm < math.inf:
        _directions(spec, report, course)
    blocks.explain("recurrent_clipping")
    st.subheader(_("Parameter by parameter"))
    blocks.show_figure(
        parameters_figure(report, mode=blocks.mode()),
        "recurrent_clipped",
        _("Norm of each parameter’s gradient before and after"),
    )
    return spec


def _directions(spec: TimePass, report: ClippingReport, course: ClippingCourse) -> None:
    arrows, cosines = st.columns([2, 3])
    with arrows:
        blocks.show_figure(
            directions_figure(report, mode=blocks.mode()),
            "recurrent_directions",
            _("The gradient and both clipped ones as arrows, at their true angle"),
        )
    with cosines:
        thresholds = (spec.clip_norm, spec.clip_value)
        blocks.show_figure(
            cosine_figure(course, thresholds, mode=blocks.mode()),
            "recurrent_cosines",
            _("Cosine of the gradient before and after, against the threshold"),
        )
    st.latex(formula(report))


def sentence(report: ClippingReport) -> str:
    """What both ways do to this gradient."""
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
            share=format_share(value.changed), norm=format_number(value.norm),
            angle=format_number(angle), cosine=format_number(value.cosine),
        )  # fmt: skip
    else:
        text += _("**By value:** no entry is large enough to be cut.")
    return text


def formula(report: ClippingReport) -> str:
    """Both rules and the cosine, with their numbers."""
    norm, value = report.by_norm, report.by_value
    factor = rf"\min\Big(1, \frac{{{tex(norm.threshold)}}}{{{tex(report.norm)}}}\Big)"
    cut = rf"\min(\max(g_i, -c), c),\quad c = {tex(value.threshold)}"
    cosine = r"\cos = \frac{g\cdot g_{\text{value}}}{\|g\|\,\|g_{\text{value}}\|}"
    return lines(
        (
            r"g_{\text{norm}}",
            r"g\cdot\min\Big(1, \frac{c}{\|g\|}\Big)",
            rf"g\cdot{factor},\quad\cos = {tex(norm.cosine)}",
        ),
        (r"g_{\text{value}}", rf"{cut},\quad {cosine}", tex(value.cosine)),
    )
