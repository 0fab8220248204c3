"""Gains: a widespread table, PyTorch's, and what theory and measurement say."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from gradflow.charts.initialization.gains import GainMark, gains_figure
from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.numbers import format_number
from gradflow.core.teaching.initialization.gains import (
    GAINS,
    TABLE_GAINS,
    GainCurve,
    find_critical_gain,
    find_pytorch_gain,
    make_experiment,
)
from gradflow.core.text import _
from gradflow.ui import blocks, paths
from gradflow.ui.compute import run
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.initialization import compute
from gradflow.ui.initialization.state import CHOSEN
from gradflow.ui.long_work import compute_parts
from gradflow.ui.settings.fields import draw_buttons, draw_marks
from gradflow.ui.stage import Stage

MARKS = (0.5, 1.0, math.sqrt(2), 5 / 3, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
_LAYERS = 10
"""Hidden layers of the network on the right."""


def show(stage: Stage) -> None:
    """Show the factor against the gain, and the chosen gain beside the recommended one."""
    spec = CHOSEN.read()
    codes = list(TABLE_GAINS)
    curves = compute_parts(codes, compute.measure_gains)
    named = [(_(ACTIVATIONS[code].label), curves[code]) for code in codes]
    st.markdown(
        _(
            "**Three tables, three gains for tanh.** A gain of 4 is printed for tanh in notes on "
            "deep learning; it belongs to the **sigmoid**, whose slope at 0 is 1/4. With tanh the "
            "gradient explodes."
        )
    )
    blocks.show_figure(
        gains_figure(
            named,
            np.array(GAINS),
            list_marks(codes),
            read_courses(spec.activation, spec.gain),
            mode=blocks.read_mode(),
        ),
        "initialization_gains",
        _("Factor of the gradient per layer against the gain, for sigmoid, tanh and ReLU"),
    )
    with stage.details:
        if st.button(_("Open this network in Explore"), icon=":material/insights:"):
            EXPLORE.replace(make_experiment(spec.activation, spec.gain))
            st.switch_page(paths.EXPLORE)
        st.markdown(blocks.write_table(tabulate_gains(curves)))
        blocks.explain("initialization_gains")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_buttons(CHOSEN, "activation", {code: ACTIVATIONS[code].label for code in TABLE_GAINS})
    draw_marks(CHOSEN, "gain", MARKS)


def list_marks(codes: list[Activation]) -> list[GainMark]:
    """List the recommended gains, on the curves of these functions."""
    sources = (
        (_("the table"), "diamond", TABLE_GAINS.__getitem__),
        (_("PyTorch’s calculate_gain"), "circle", find_pytorch_gain),
        (_("1 over the slope at 0, √2 for ReLU"), "x", find_critical_gain),
    )
    return [
        GainMark(name, symbol, find_gain(code), i)
        for name, symbol, find_gain in sources
        for i, code in enumerate(codes)
    ]


def read_courses(activation: Activation, gain: float) -> dict[str, np.ndarray]:
    """Read the RMS gradient of every layer with this gain, and with the critical one."""
    name = _(ACTIVATIONS[activation].label)
    courses = {}
    for own in dict.fromkeys((gain, find_critical_gain(activation))):
        table = run(make_experiment(activation, own)).get_table("layers")
        label = _("{name} × {gain}").format(name=name, gain=format_number(own))
        courses[label] = np.asarray(table["delta_rms"], np.float64)
    return courses


def tabulate_gains(curves: dict[Activation, GainCurve]) -> pd.DataFrame:
    """Make a table of the gains, with the factor per layer that each gives."""
    rows = []
    for code, curve in curves.items():
        own = (TABLE_GAINS[code], find_pytorch_gain(code), find_critical_gain(code))
        texts = [_write_gain(gain, curve) for gain in own]
        labels = (
            _("The table"),
            _("PyTorch’s calculate_gain"),
            _("1 over the slope at 0, √2 for ReLU"),
        )
        names = dict(zip(labels, texts, strict=True))
        rows.append({_("Function"): f"**{_(ACTIVATIONS[code].label)}**", **names})
    return pd.DataFrame(rows)


def _write_gain(gain: float, curve: GainCurve) -> str:
    factor = 2 ** np.interp(np.log2(gain), np.log2(GAINS), np.log2(curve.measured))
    return _("{gain}: × {factor} per layer").format(
        gain=format_number(gain), factor=format_number(float(factor))
    )
