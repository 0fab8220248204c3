"""Shattered gradients: pictures of the gradient, and how alike it is at two inputs."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gradflow.charts.degradation.shattering import (
    LandscapeRow,
    autocorrelation_figure,
    landscapes_figure,
    pairs_figure,
)
from gradflow.core.catalog import CONNECTIONS, Connection
from gradflow.core.numbers import format_number
from gradflow.core.teaching.degradation.depth import KINDS
from gradflow.core.teaching.degradation.pairs import Correlation
from gradflow.core.teaching.degradation.shattering import Landscapes, Shattering
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.degradation import compute
from gradflow.ui.degradation.state import SHATTERING
from gradflow.ui.latex import write_number, write_words
from gradflow.ui.long_work import compute_parts
from gradflow.ui.settings.fields import draw_marks, draw_slider, draw_toggle
from gradflow.ui.stage import Stage

COSINES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)
WIDTHS = (32, 64, 128, 256)
_LANDSCAPE_FIELDS = ("layers", "residual_layers", "branch_scale", "normalized", "width", "seed")
_SHATTERED = 0.5
"""A lower correlation of gradients at neighbouring points counts as noise."""
_PAIR_FIELDS = ("branch_scale", "normalized", "width", "cosine", "seed")


def show(stage: Stage) -> None:
    """Show gradients as functions of one number, then their correlation against depth."""
    spec = SHATTERING.read()
    landscapes = compute.compute_landscapes(_select_fields(spec, _LANDSCAPE_FIELDS))
    rows = make_landscape_rows(spec, landscapes)
    st.markdown(describe_landscapes(spec, landscapes))
    blocks.show_figure(
        landscapes_figure(landscapes.x, rows, mode=blocks.read_mode()),
        "degradation_landscapes",
        _("The gradient as a function of the input, for three networks and two noises"),
    )
    with stage.details:
        _show_correlations(spec, landscapes, rows)
        _show_pairs(spec)


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_slider(SHATTERING, "layers")
    draw_slider(SHATTERING, "residual_layers")
    draw_slider(SHATTERING, "branch_scale", step=0.05)
    draw_marks(SHATTERING, "width", WIDTHS)
    draw_slider(SHATTERING, "seed")
    draw_toggle(SHATTERING, "normalized")


def _show_correlations(spec: Shattering, landscapes: Landscapes, rows: list[LandscapeRow]) -> None:
    step = float(landscapes.x[1] - landscapes.x[0])
    blocks.show_figure(
        autocorrelation_figure(step, rows, mode=blocks.read_mode()),
        "degradation_autocorrelation",
        _("Correlation of the gradients at two inputs against their distance"),
    )
    st.markdown(write_neighbours(spec, landscapes, step))
    blocks.explain("degradation_shattering")


def make_landscape_rows(spec: Shattering, landscapes: Landscapes) -> list[LandscapeRow]:
    """Name the rows of the picture, and say which of them are noise."""
    plain = _("{n} layers, plain").format(n=spec.layers)
    residual = _("{n} layers, residual").format(n=spec.residual_layers)
    return [
        LandscapeRow(_("1 layer"), landscapes.shallow, False),
        LandscapeRow(plain, landscapes.plain, False),
        LandscapeRow(residual, landscapes.residual, False),
        LandscapeRow(_("brown noise"), landscapes.brown, True),
        LandscapeRow(_("white noise"), landscapes.white, True),
    ]


def describe_landscapes(spec: Shattering, landscapes: Landscapes) -> str:
    """Say which noise the gradient of the plain network looks like, as it is drawn."""
    if float(landscapes.plain.correlation[1]) < _SHATTERED:
        return _(
            "**The gradient of a deep plain network looks like white noise:** a tiny change of the "
            "input changes all of it. That of one layer changes slowly, like brown noise, and that "
            "of a residual network does, too, or nearly."
        )
    return _(
        "**Not shattered yet:** from one point to the next, the gradient of {layers} plain layers "
        "is still much the same. Choose more layers, or batch normalization."
    ).format(layers=spec.layers)


def write_neighbours(spec: Shattering, landscapes: Landscapes, step: float) -> str:
    """Say how the gradients at neighbouring points of the grid correlate."""
    return _(
        "Between neighbouring points, {step} apart, the gradients have the correlation "
        "**{plain}** in the plain network of {layers} layers and **{residual}** in the residual "
        "one of {residual_layers} (brown noise {brown}, white noise 0)."
    ).format(
        step=format_number(step),
        plain=format_number(float(landscapes.plain.correlation[1])),
        residual=format_number(float(landscapes.residual.correlation[1])),
        brown=format_number(float(landscapes.brown.correlation[1])),
        layers=spec.layers,
        residual_layers=spec.residual_layers,
    )


def _show_pairs(spec: Shattering) -> None:
    st.subheader(_("Two inputs, any depth"))
    draw_marks(SHATTERING, "cosine", COSINES)
    part = _select_fields(spec, _PAIR_FIELDS)
    correlations = compute_parts(KINDS, lambda kind: compute.correlate_gradients(part, kind))
    named = [(_(CONNECTIONS[kind].label), correlations[kind]) for kind in KINDS]
    blocks.show_figure(
        pairs_figure(named, mode=blocks.read_mode()),
        "degradation_pairs",
        _("Correlation of the gradients at two inputs against depth"),
    )
    st.latex(write_plain_law(correlations[Connection.PLAIN]))
    blocks.explain("degradation_pairs")


def write_plain_law(plain: Correlation) -> str:
    """Write the plain network's correlation at the last layer at which it is above the noise."""
    lost = np.flatnonzero(plain.measured < 2 * plain.noise)
    depth = int(max(lost[0], 1)) if len(lost) else len(plain.measured)
    return (
        rf"{write_words(_('plain') + ', ')} L = {depth}:"
        rf"\quad {write_words(_('measured') + ' ')} {write_number(plain.measured[depth - 1])}"
        rf"\qquad \prod_{{l=1}}^{{{depth}}}\kappa_0(c_l) = {write_number(plain.law[depth - 1])}"
        rf"\qquad 2^{{-{depth}}} = {write_number(2.0**-depth)}"
    )


def _select_fields(spec: Shattering, names: tuple[str, ...]) -> Shattering:
    """Reset all settings but these, so that the others do not make the cache compute again."""
    return Shattering(**{name: getattr(spec, name) for name in names})
