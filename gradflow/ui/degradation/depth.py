"""The gradient at the first layer against depth, of plain and residual networks."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from gradflow.charts.degradation.depth import depth_figure
from gradflow.core.catalog import CONNECTIONS, Connection
from gradflow.core.numbers import format_number
from gradflow.core.teaching.degradation.depth import (
    DEPTHS,
    SWEPT,
    DepthSweep,
    join_depths,
)
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.degradation import compute
from gradflow.ui.degradation.controls import draw_network
from gradflow.ui.degradation.state import DEPTH
from gradflow.ui.growing import draw_parts
from gradflow.ui.stage import Stage

CLAIM = N_(
    "**The gradient does not vanish.** Behind batch norm that of a plain network **explodes** on "
    "its way back, × 1.21 in each ReLU layer; without it, He’s weights keep it level."
)


def show(stage: Stage) -> None:
    """Show what arrives at the first layer as networks get deeper."""
    spec = DEPTH.read()
    # From shallow to deep, so that the lines grow to the right.
    parts = [(kind, layers) for layers in DEPTHS for kind in SWEPT]
    sweeps = _join(draw_parts(parts, lambda part: compute.measure_depth(spec, *part), _draw))
    with stage.details:
        st.markdown(describe_depth_sweeps(sweeps))
        blocks.explain("degradation_depth")
        blocks.show_table(tabulate_sweeps(sweeps), key="degradation_depth_table")


def _join(known: Mapping[tuple[Connection, int], DepthSweep]) -> dict[Connection, DepthSweep]:
    """Join what is known of each kind of connection."""
    return {
        kind: join_depths(sweep for (own, _layers), sweep in known.items() if own is kind)
        for kind, _layers in known
    }


def _draw(known: Mapping[tuple[Connection, int], DepthSweep], progress: str) -> None:
    named = [(_(CONNECTIONS[kind].label), sweep) for kind, sweep in _join(known).items()]
    st.markdown(" ".join(filter(None, (_(CLAIM), progress))))
    blocks.show_figure(
        depth_figure(named, DEPTHS, mode=blocks.read_mode()),
        "degradation_depth",
        _("Gradient at the first layer against depth"),
    )


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_network(DEPTH)


def describe_depth_sweeps(sweeps: dict[Connection, DepthSweep]) -> str:
    """Say what arrives at layer 1 of the deepest networks."""
    parts = [
        _("**{name}** {ratio}").format(
            name=_(CONNECTIONS[kind].label), ratio=format_number(float(sweep.ratio[-1]))
        )
        for kind, sweep in sweeps.items()
    ]
    return _("At depth {depth}, ‖∂L/∂z‖ at layer 1 over that at the readout: {parts}.").format(
        depth=DEPTHS[-1], parts=", ".join(parts)
    )


def tabulate_sweeps(sweeps: dict[Connection, DepthSweep]) -> pd.DataFrame:
    """Make a table of the gradient at layer 1 and the loss before training at every depth."""
    columns = {_("Depth"): list(DEPTHS)}
    texts = {
        f"{_(CONNECTIONS[kind].label)}: {name}": [format_number(value) for value in values.tolist()]
        for kind, sweep in sweeps.items()
        for name, values in ((_("‖∂L/∂z₁‖"), sweep.first), (_("loss"), sweep.loss))
    }
    return pd.DataFrame(columns | texts)
