"""The view of one idea: a factor of one on the way back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from gradflow.charts.recurrent.factors import factors_figure
from gradflow.charts.recurrent.remaining import remaining_figure
from gradflow.core.histogram import FloatArray
from gradflow.core.numbers import format_number, format_share
from gradflow.core.recurrent.factors import PATHS, FactorCurve, FactorSettings, GradientPath
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.latex import write_number
from gradflow.ui.recurrent import compute
from gradflow.ui.recurrent.state import FACTORS
from gradflow.ui.stage import Stage


def show_factors(stage: Stage) -> None:
    """Show four kinds of paths: one step back on each, and all steps together."""
    spec = FACTORS.read()
    curves = compute.measure_factors(spec)
    st.markdown(
        _(
            "**Residual connections, the LSTM’s cell path and ReLU are one idea:** part of each "
            "step hands the state on with a derivative of one or nearly one (ReLU: where a unit is "
            "active). So the gradient comes back with a factor near one. A tanh network has no "
            "such part."
        )
    )
    blocks.show_figure(
        factors_figure(
            [(name_path(curve), curve.total, curve.direct) for curve in curves],
            mode=blocks.read_mode(),
        ),
        "recurrent_factors",
        _("Factor of every step back, for four kinds of paths"),
    )
    with stage.details:
        _show_paths(spec, curves)
        blocks.explain("recurrent_factors")
        _show_products(curves)


def _show_paths(spec: FactorSettings, curves: Sequence[FactorCurve]) -> None:
    columns = [column for _row in range(0, len(curves), 2) for column in st.columns(2)]
    for column, curve in zip(columns, curves, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{name_path(curve)}**  \n{describe_factors(curve)}")
            st.latex(write_path_step(curve.path, spec))


def _show_products(curves: Sequence[FactorCurve]) -> None:
    st.subheader(_("What the factors make together"))
    blocks.show_figure(
        remaining_figure(
            [(name_path(curve), _begin_with_one(curve.remaining)) for curve in curves],
            mode=blocks.read_mode(),
        ),
        "recurrent_products",
        _("Product of the factors against the steps back"),
    )


def name_path(curve: FactorCurve) -> str:
    """Name a kind of path."""
    return _(PATHS[curve.path].label)


def describe_factors(curve: FactorCurve) -> str:
    """Describe the measured factor of one kind of path, and what is left after all steps."""
    known = curve.total[np.isfinite(curve.total) & (curve.total > 0)]
    mean = math.exp(float(np.log(known).mean())) if len(known) else math.nan
    text = (
        _("**{factor}** per step, **{product}** over {steps} steps")
        if curve.remaining[-1] > 0
        else _("**{factor}** per step, but after {last} steps nothing at all is left")
    ).format(
        factor=format_number(mean, 4),
        steps=len(curve.total),
        product=format_number(float(curve.remaining[-1]), 2),
        last=1 + len(known),
    )
    return text + _describe_direct_path(curve)


def _describe_direct_path(curve: FactorCurve) -> str:
    mean = float(curve.direct.mean())
    return _(_DIRECT_PATHS[curve.path]).format(mean=format_number(mean), share=format_share(mean))


_DIRECT_PATHS: dict[GradientPath, str] = {
    GradientPath.RESIDUAL: N_("; the direct path alone gives 1"),
    GradientPath.LSTM_CELL: N_("; the direct path alone gives {mean}, the mean of the forget gate"),
    GradientPath.IRNN: N_(
        "; the direct path is the only one: 1 for an active unit and 0 for one that is off; "
        "{share} are active"
    ),
    GradientPath.TANH_RNN: N_("; there is no direct path"),
}


def _begin_with_one(remaining: FloatArray) -> FloatArray:
    """Put the whole gradient, at distance 0, before what is left after each step."""
    return np.concatenate([[1.0], remaining])


def write_path_step(path: GradientPath, spec: FactorSettings) -> str:
    """Write a step and its derivative with the numbers that are set, as LaTeX."""
    gate = write_number(compute_sigmoid(spec.forget_bias))
    scale, gain = write_number(spec.branch_scale), write_number(spec.gain)
    active, inactive = rf"\text{{ {_('where')} }}", rf"\text{{ {_('else')} }}"
    step, derivative = {
        GradientPath.RESIDUAL: (
            r"h_{l+1} = h_l + \alpha F(h_l)",
            rf"\partial h_{{l+1}}/\partial h_l = \mathbf 1 + {scale}\, F'",
        ),
        GradientPath.LSTM_CELL: (
            r"c_t = f_t\odot c_{t-1} + i_t\odot g_t",
            rf"\partial c_t/\partial c_{{t-1}} = f_t + \ldots,\; f \approx \sigma(b_f) = {gate}",
        ),
        GradientPath.IRNN: (
            r"h_t = \max(0, h_{t-1} + W_x x_t)",
            rf"\partial h_t/\partial h_{{t-1}} = 1 {active} h_t > 0,{inactive} 0",
        ),
        GradientPath.TANH_RNN: (
            r"h_t = \tanh(W h_{t-1} + W_x x_t)",
            rf"\partial h_t/\partial h_{{t-1}} = (1-h_t^2)\, W,\; \rho(W) \approx {gain}",
        ),
    }[path]
    return rf"\begin{{gathered}}{step}\\[4pt]{derivative}\end{{gathered}}"


def compute_sigmoid(value: float) -> float:
    """Compute σ(x) = ½ (1 + tanh ½x), which no x overflows."""
    return 0.5 * (1 + math.tanh(value / 2))
