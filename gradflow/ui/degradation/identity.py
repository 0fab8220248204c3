"""How near the blocks of residual networks are to the identity."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.degradation.identity import identity_figure
from gradflow.core.catalog import CONNECTIONS
from gradflow.core.teaching.degradation.depth import KINDS
from gradflow.core.teaching.degradation.identity import Nearness
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.degradation import compute
from gradflow.ui.degradation.controls import draw_network
from gradflow.ui.degradation.state import IDENTITY
from gradflow.ui.latex import write_equations, write_number
from gradflow.ui.long_work import compute_parts
from gradflow.ui.stage import Stage


def show(stage: Stage) -> None:
    """Show how little each block changes what goes through it."""
    spec = IDENTITY.read()
    st.markdown(
        _(
            "**A residual block only adds to what comes in:** with normalization or a small α, "
            "late blocks barely change it. A plain block turns it into something else."
        )
    )
    by_kind = compute_parts(KINDS, lambda kind: compute.measure_nearness(spec, kind))
    named = [(_(CONNECTIONS[kind].label), nearness) for kind, nearness in by_kind.items()]
    blocks.show_figure(
        identity_figure(named, mode=blocks.read_mode()),
        "degradation_identity",
        _("How near each block is to the identity"),
    )
    with stage.details:
        for column, (name, nearness) in zip(st.columns(len(named)), named, strict=True):
            if len(nearness.branch):
                column.markdown(f"**{name}**")
                column.latex(write_last_block(nearness))
        blocks.explain("degradation_identity")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_network(IDENTITY)


def write_last_block(nearness: Nearness) -> str:
    """Write the numbers of the block next to the readout."""
    count = len(nearness.branch)
    h = f"h_{{{count}}}"
    return write_equations(
        (rf"\|\alpha f({h})\|\,/\,\|{h}\|", write_number(float(nearness.branch[-1]))),
        (r"\cos", write_number(float(nearness.cosine[-1]))),
    )
