"""sinh and sin: hyperbolic functions beside circular ones, with their series and sectors."""

from __future__ import annotations

import math

import streamlit as st

from gradflow.charts.activations.hyperbolic import sectors_figure, series_figure
from gradflow.core.numbers import format_number
from gradflow.core.teaching.hyperbolic import PAIRS, PairMember, compute_pair, make_sectors
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.activations.state import HYPERBOLIC
from gradflow.ui.latex import write_number, write_words
from gradflow.ui.settings.fields import draw_buttons, draw_slider
from gradflow.ui.stage import Stage


def show(stage: Stage) -> None:
    """Show a hyperbolic function beside its circular sister, and why they share a name."""
    spec = HYPERBOLIC.read()
    both = compute_pair(spec)
    st.markdown(
        _(
            "**One series, two sets of signs:** the terms of {hyperbolic} and {circular} have the "
            "same size, and only their signs differ."
        ).format(circular=both[1].name, hyperbolic=both[0].name)
    )
    figure = series_figure(both, spec.order, spec.x, mode=blocks.read_mode())
    blocks.show_figure(figure, "series", _("Both functions with their partial sums"))
    with stage.details:
        if math.isfinite(both[0].radius):
            st.caption(_("Both series converge only in the grey strip, |x| < π/2."))
        for column, side in zip(st.columns(2), both, strict=True):
            column.latex(rf"\{side.name} x \approx {side.latex}")
            column.latex(_write_values(side, spec.x))
        _show_sectors(spec.x)
        blocks.explain("activations_hyperbolic")


def _show_sectors(x: float) -> None:
    st.subheader(_("Why they share a name"))
    _show_identities(x)
    figure = sectors_figure(make_sectors(x), mode=blocks.read_mode())
    blocks.show_figure(figure, "sectors", _("Hyperbola and circle with sectors of equal area"))
    st.caption(
        _("t = x = {t}: both shaded sectors have the area |t|/2 = {area}.").format(
            t=format_number(x), area=format_number(abs(x) / 2)
        )
    )


def draw_controls() -> None:
    """Draw the controls in the current container."""
    pairs = {name: f"{name} | {sister}" for name, sister in PAIRS.items()}
    draw_buttons(HYPERBOLIC, "function", pairs)
    draw_slider(HYPERBOLIC, "order")
    draw_slider(HYPERBOLIC, "x", step=0.1)


def _write_values(side: PairMember, x: float) -> str:
    return (
        rf"\{side.name}({write_number(x)}) = {write_number(side.at)},"
        rf"\qquad {write_words(_('series') + ': ')}{write_number(side.partial_at)}"
    )


def _show_identities(x: float) -> None:
    left, right = st.columns(2)
    left.latex(r"\sinh x = \tfrac12(e^{x} - e^{-x}),\quad \cosh x = \tfrac12(e^{x} + e^{-x})")
    right.latex(r"\sin(ix) = i\,\sinh x,\quad \cos(ix) = \cosh x")
    cosh, sinh, cos, sin = math.cosh(x), math.sinh(x), math.cos(x), math.sin(x)
    left.latex(
        rf"\cosh^2 t - \sinh^2 t = {write_number(cosh**2)} - {write_number(sinh**2)}"
        rf" = {write_number(cosh**2 - sinh**2)}"
    )
    right.latex(
        rf"\cos^2 t + \sin^2 t = {write_number(cos**2)} + {write_number(sin**2)}"
        rf" = {write_number(cos**2 + sin**2)}"
    )
