"""The gradient at the first layer against depth, of plain and residual networks."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from gradflow.charts.degradation.depth import depth_figure
from gradflow.core.catalog import CONNECTIONS, Connection
from gradflow.core.numbers import format_number
from gradflow.core.teaching.degradation.depth import DEPTHS, SWEPT, DepthSweep, join_depths
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.degradation import compute
from gradflow.ui.degradation.controls import draw_network
from gradflow.ui.degradation.state import DEPTH
from gradflow.ui.growing import draw_parts
from gradflow.ui.stage import Stage

_LEVEL = 100.0
"""A gradient that changes by less over the deepest network counts as level."""


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
    sweeps = _join(known)
    named = [(_(CONNECTIONS[kind].label), sweep) for kind, sweep in sweeps.items()]
    words = describe_plain(sweeps[Connection.PLAIN])
    st.markdown(" ".join(filter(None, (words, progress))))
    blocks.show_figure(
        depth_figure(named, DEPTHS, mode=blocks.read_mode()),
        "degradation_depth",
        _("Gradient at the first layer against depth"),
    )


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_network(DEPTH)


def describe_plain(sweep: DepthSweep) -> str:
    """Say what becomes of the gradient of a deep plain network, as it is drawn."""
    ratio, depth = float(sweep.ratio[-1]), int(sweep.depths[-1])
    text = (
        _(
            "**Here the gradient of a plain network vanishes**: at depth {depth}, {ratio} of it is "
            "left at layer 1. With ReLU and He’s weights it does not."
        )
        if not ratio * _LEVEL >= 1
        else _(
            "**The gradient does not vanish.** In a plain network it even **explodes** on its way "
            "back, × {factor} in each layer: at depth {depth} layer 1 gets {ratio} times what the "
            "readout gets."
        )
        if ratio > _LEVEL
        else _(
            "**The gradient does not vanish.** Even in a plain network of depth {depth} it stays "
            "level: layer 1 gets {ratio} times what the readout gets."
        )
    )
    return text.format(
        depth=depth,
        ratio=format_number(ratio),
        factor=format_number(ratio ** (1 / (depth - 1))),
    )


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
