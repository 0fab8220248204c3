"""The views of the page on degradation: controls, figure, numbers, explanation."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from gradflow.charts.degradation.depth import depth_figure
from gradflow.charts.degradation.identity import identity_figure
from gradflow.charts.theme import format_number
from gradflow.core.catalog import (
    ACTIVATIONS,
    ARCHITECTURES,
    CONNECTIONS,
    NORMALIZATIONS,
    Connection,
)
from gradflow.core.spec import Spec
from gradflow.core.teaching.degradation.depth import (
    DEPTHS,
    KINDS,
    LAYERED,
    NORMS,
    BlockNetworks,
    DepthSweep,
)
from gradflow.core.teaching.degradation.identity import Blocks, Nearness
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.degradation import compute, shattering
from gradflow.ui.degradation.state import VIEWS, View
from gradflow.ui.latex import lines, tex
from gradflow.ui.long_work import compute_parts
from gradflow.ui.views.controls import Controls

TITLES: dict[str, str] = {
    View.DEPTH: N_("Gradient against depth"),
    View.SHATTERING: N_("Shattered gradients"),
    View.IDENTITY: N_("Near the identity"),
}
CLAIM = N_(
    "More layers can make a network **worse on the data it is trained on**, although its gradient "
    "does not vanish. Shortcuts mend that. What do they change?"
)
WIDTHS = (16, 32, 64, 128)
CHANNELS = (4, 8, 16, 32)


def show(view: str) -> None:
    """Draw one view, and let the URL carry it."""
    VIEWS.settled(view, _VIEWS[view]())


def _depth() -> Spec:
    _controls(View.DEPTH)
    spec = VIEWS.spec(View.DEPTH)
    assert isinstance(spec, BlockNetworks)
    found = compute_parts(KINDS, lambda kind: compute.sweep(spec, kind))
    named = [(_(CONNECTIONS[kind].label), one) for kind, one in found.items()]
    blocks.show_figure(
        depth_figure(named, mode=blocks.mode()),
        "degradation_depth",
        _("Gradient at the first layer against depth"),
    )
    st.markdown(depth_sentence(found))
    blocks.show_table(depth_table(found), key="degradation_depth_table")
    blocks.explain("degradation_depth")
    return spec


def depth_sentence(found: dict[Connection, DepthSweep]) -> str:
    """What arrives at layer 1 of the deepest networks."""
    parts = [
        _("**{name}** {ratio}").format(
            name=_(CONNECTIONS[kind].label), ratio=format_number(float(one.ratio[-1]))
        )
        for kind, one in found.items()
    ]
    return _("At depth {depth}, ‖∂L/∂z‖ at layer 1 over that at the readout: {parts}.").format(
        depth=DEPTHS[-1], parts=", ".join(parts)
    )


def depth_table(found: dict[Connection, DepthSweep]) -> pd.DataFrame:
    """The gradient itself at layer 1, and the loss before training, at every depth."""
    columns = {_("Depth"): list(DEPTHS)}
    texts = {
        f"{_(CONNECTIONS[kind].label)}: {what}": [format_number(value) for value in values.tolist()]
        for kind, one in found.items()
        for what, values in ((_("‖∂L/∂z₁‖"), one.first), (_("loss"), one.loss))
    }
    return pd.DataFrame(columns | texts)


def _identity() -> Spec:
    _controls(View.IDENTITY)
    spec = VIEWS.spec(View.IDENTITY)
    assert isinstance(spec, Blocks)
    found = compute_parts(KINDS, lambda kind: compute.nearness(spec, kind))
    named = [(_(CONNECTIONS[kind].label), one) for kind, one in found.items()]
    blocks.show_figure(
        identity_figure(named, mode=blocks.mode()),
        "degradation_identity",
        _("How near each block is to the identity"),
    )
    for column, (kind, one) in zip(st.columns(len(found)), found.items(), strict=True):
        if len(one.branch):
            column.markdown(f"**{_(CONNECTIONS[kind].label)}**")
            column.latex(last_block(one))
    blocks.explain("degradation_identity")
    return spec


def last_block(one: Nearness) -> str:
    """The numbers of the block next to the readout."""
    count = len(one.branch)
    h = f"h_{{{count}}}"
    return lines(
        (rf"\|\alpha f({h})\|\,/\,\|{h}\|", tex(float(one.branch[-1]))),
        (r"\cos", tex(float(one.cosine[-1]))),
    )


def _controls(view: View) -> None:
    """Widgets of the fields that both kinds of spec have, and of the depth."""
    controls = Controls(VIEWS, view)
    columns = st.columns(4)
    with columns[0]:
        controls.select("architecture", {code: ARCHITECTURES[code].label for code in LAYERED})
        controls.select("activation", {code: row.label for code, row in ACTIVATIONS.items()})
        controls.slider("negative_slope", 0.01)
        controls.slider("elu_alpha", 0.1)
    with columns[1]:
        controls.select("normalization", {code: NORMALIZATIONS[code].label for code in NORMS})
        controls.slider("block_size")
    with columns[2]:
        if view is View.IDENTITY:
            controls.slider("depth")
        controls.marks("width", WIDTHS)
        controls.marks("channels", CHANNELS)
    with columns[3]:
        controls.slider("branch_scale", 0.05)
        controls.slider("seed")
        controls.toggle("zero_last")


_VIEWS: dict[str, Callable[[], Spec]] = {
    View.DEPTH: _depth,
    View.SHATTERING: shattering.show,
    View.IDENTITY: _identity,
}
