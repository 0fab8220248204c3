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
from gradflow.charts.theme import number
from gradflow.core.catalog import CONNECTIONS, Connection
from gradflow.core.spec import Spec
from gradflow.core.teaching.degradation.depth import KINDS
from gradflow.core.teaching.degradation.pairs import Correlation
from gradflow.core.teaching.degradation.shattering import Landscapes, Shattering
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.degradation import compute
from gradflow.ui.degradation.state import VIEWS, View
from gradflow.ui.latex import tex
from gradflow.ui.views.compute import in_parts
from gradflow.ui.views.controls import Controls

COSINES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999)
WIDTHS = (32, 64, 128, 256)
_OF_PAIRS = ("branch_scale", "normalized", "width", "cosine", "seed")
_OF_LANDSCAPES = ("layers", "residual_layers", "branch_scale", "normalized", "width", "seed")


def show() -> Spec:
    """Gradients as functions of one number, then against depth."""
    controls = Controls(VIEWS, View.SHATTERING)
    columns = st.columns(3)
    with columns[0]:
        controls.slider("layers")
        controls.slider("branch_scale", 0.05)
    with columns[1]:
        controls.slider("residual_layers")
        controls.marks("width", WIDTHS)
    with columns[2]:
        controls.slider("seed")
        controls.toggle("normalized")
    spec = VIEWS.spec(View.SHATTERING)
    assert isinstance(spec, Shattering)
    found = compute.landscapes(_part(spec, _OF_LANDSCAPES))
    rows = named_rows(spec, found)
    blocks.show_figure(
        landscapes_figure(found.x, rows, mode=blocks.mode()),
        "degradation_landscapes",
        _("The gradient as a function of the input, for three networks and two noises"),
    )
    step = float(found.x[1] - found.x[0])
    blocks.show_figure(
        autocorrelation_figure(step, rows, mode=blocks.mode()),
        "degradation_autocorrelation",
        _("Correlation of the gradients at two inputs against their distance"),
    )
    st.markdown(neighbours_sentence(spec, found, step))
    blocks.explain("degradation_shattering")
    return _pairs()


def named_rows(spec: Shattering, found: Landscapes) -> list[LandscapeRow]:
    """The rows of the picture, with their names."""
    plain = _("{n} layers, plain").format(n=spec.layers)
    residual = _("{n} layers, residual").format(n=spec.residual_layers)
    return [
        LandscapeRow(_("1 layer"), found.one, False),
        LandscapeRow(plain, found.plain, False),
        LandscapeRow(residual, found.residual, False),
        LandscapeRow(_("brown noise"), found.brown, True),
        LandscapeRow(_("white noise"), found.white, True),
    ]


def neighbours_sentence(spec: Shattering, found: Landscapes, step: float) -> str:
    """The correlation between neighbouring points of the grid."""
    return _(
        "Between neighbouring points, {step} apart, the gradients have the correlation "
        "**{plain}** in the plain network of {layers} layers and **{residual}** in the residual "
        "one of {residual_layers} (brown noise {brown}, white noise 0)."
    ).format(
        step=number(step),
        plain=number(float(found.plain.correlation[1])),
        residual=number(float(found.residual.correlation[1])),
        brown=number(float(found.brown.correlation[1])),
        layers=spec.layers,
        residual_layers=spec.residual_layers,
    )


def _pairs() -> Spec:
    st.subheader(_("Two inputs, any depth"))
    controls = Controls(VIEWS, View.SHATTERING)
    controls.marks("cosine", COSINES)
    chosen = VIEWS.spec(View.SHATTERING)
    assert isinstance(chosen, Shattering)
    part = _part(chosen, _OF_PAIRS)
    found = in_parts(KINDS, lambda kind: compute.correlation(part, kind))
    named = [(_(CONNECTIONS[kind].label), one) for kind, one in found.items()]
    blocks.show_figure(
        pairs_figure(named, mode=blocks.mode()),
        "degradation_pairs",
        _("Correlation of the gradients at two inputs against depth"),
    )
    st.latex(plain_law(found[Connection.PLAIN]))
    blocks.explain("degradation_pairs")
    return chosen


def plain_law(one: Correlation) -> str:
    """The plain network's correlation, at the last layer at which it is above the noise."""
    lost = np.flatnonzero(one.measured < 2 * one.noise)
    depth = int(max(lost[0], 1)) if len(lost) else len(one.measured)
    return (
        rf"\text{{plain, }} L = {depth}:\quad \text{{measured }} {tex(one.measured[depth - 1])}"
        rf"\qquad \prod_{{l=1}}^{{{depth}}}\kappa_0(c_l) = {tex(one.law[depth - 1])}"
        rf"\qquad 2^{{-{depth}}} = {tex(2.0**-depth)}"
    )


def _part(spec: Shattering, names: tuple[str, ...]) -> Shattering:
    """The spec with only some of its settings, so that the others leave the cache alone."""
    return Shattering(**{name: getattr(spec, name) for name in names})
