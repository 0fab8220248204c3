"""The view of one idea: a factor of one on the way back."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from gradflow.charts.recurrent.factors import factors_figure
from gradflow.charts.recurrent.remaining import remaining_figure
from gradflow.core.histogram import FloatArray
from gradflow.core.recurrent.factors import FactorSettings, GradientPath
from gradflow.core.spec import Spec
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import tex
from gradflow.ui.recurrent import compute, words
from gradflow.ui.recurrent.state import VIEWS, View


def show() -> Spec:
    """Four kinds of paths, each measured."""
    spec = VIEWS.spec(View.FACTORS)
    assert isinstance(spec, FactorSettings)
    curves = compute.curves(spec)
    st.markdown(
        _("**Residual connections, the LSTM’s cell path and ReLU are one idea:** part of the step "
          "hands the state on with the derivative one, or nearly (ReLU: where a unit is active), "
          "so the gradient comes back with a factor near one. A tanh network has no such part.")
    )  # fmt: skip
    places = [column for _row in range(0, len(curves), 2) for column in st.columns(2)]
    for place, curve in zip(places, curves, strict=True):
        with place.container(border=True, height="stretch"):
            st.markdown(f"**{words.path_title(curve)}**  \n{words.factor_sentence(curve)}")
            st.latex(formula(curve.path, spec))
    blocks.show_figure(
        factors_figure(
            [(words.path_title(one), one.total, one.direct) for one in curves], mode=blocks.mode()
        ),
        "recurrent_factors",
        _("Factor of every step back, for four kinds of paths"),
    )
    blocks.explain("recurrent_factors")
    st.subheader(_("What the factors make together"))
    named = [(words.path_title(one), one.remaining) for one in curves]
    blocks.show_figure(
        remaining_figure([(name, _from_one(values)) for name, values in named], mode=blocks.mode()),
        "recurrent_products",
        _("Product of the factors against the steps back"),
    )
    return spec


def _from_one(values: FloatArray) -> FloatArray:
    """With what there is at distance 0."""
    return np.concatenate([[1.0], values])


def formula(path: GradientPath, spec: FactorSettings) -> str:
    """A step and its derivative, with the number that is set."""
    gate = tex(_sigmoid(spec.forget_bias))
    first, second = {
        GradientPath.RESIDUAL: (
            r"h_{l+1} = h_l + \alpha F(h_l)",
            rf"\partial h_{{l+1}}/\partial h_l = \mathbf 1 + {tex(spec.branch_scale)}\, F'",
        ),
        GradientPath.LSTM_CELL: (
            r"c_t = f_t\odot c_{t-1} + i_t\odot g_t",
            rf"\partial c_t/\partial c_{{t-1}} = f_t + \ldots,\; f \approx \sigma(b_f) = {gate}",
        ),
        GradientPath.IRNN: (
            r"h_t = \max(0, h_{t-1} + W_x x_t)",
            r"\partial h_t/\partial h_{t-1} = 1 \text{ where } h_t > 0,\text{ else } 0",
        ),
        GradientPath.TANH_RNN: (
            r"h_t = \tanh(W h_{t-1} + W_x x_t)",
            rf"\partial h_t/\partial h_{{t-1}} = (1-h_t^2)\, W,\; \rho(W) \approx {tex(spec.gain)}",
        ),
    }[path]
    return rf"\begin{{gathered}}{first}\\[4pt]{second}\end{{gathered}}"


def _sigmoid(value: float) -> float:
    return 0.5 * (1 + math.tanh(value / 2))
