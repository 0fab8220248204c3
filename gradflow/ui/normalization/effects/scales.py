"""A bad initialization, with and without normalization."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from gradflow.charts.normalization_effects.scales import weight_scales_figure
from gradflow.charts.theme import format_number
from gradflow.core.catalog import NORMALIZATIONS, Normalization
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization_effects import scales as teaching
from gradflow.core.teaching.normalization_effects.identities import Identities
from gradflow.core.teaching.normalization_effects.scales import RIVALS, ScaleSweep, WeightScales
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.long_work import compute_parts
from gradflow.ui.normalization import controls, state
from gradflow.ui.normalization.effects import compute
from gradflow.ui.normalization.effects import controls as effects_controls
from gradflow.ui.normalization.state import View

WIDTHS = (16, 32, 64, 128)
EPSILONS = (0.0, 1e-12, 1e-8, 1e-5, 1e-3, 0.1)
SCALES = (0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0)
_VIEW = View.SCALES


def show() -> Spec:
    """The gradient against the weight scale, and the identities behind it."""
    columns = st.columns(3)
    with columns[0]:
        effects_controls.activation(_VIEW)
        controls.slider(_VIEW, "depth")
    with columns[1]:
        controls.marks(_VIEW, "epsilon", EPSILONS)
        controls.marks(_VIEW, "width", WIDTHS)
    with columns[2]:
        controls.slider(_VIEW, "seed")
    spec = state.spec(_VIEW)
    assert isinstance(spec, WeightScales)
    # The scale of the identities does not change the curves, and ε only those with a norm.
    same = spec.model_copy(update={"scale": 1.0})
    found = compute_parts(RIVALS, lambda code: compute.sweep(same, code))
    named = [(_(NORMALIZATIONS[code].label), one) for code, one in found.items()]
    blocks.show_figure(
        weight_scales_figure(teaching.list_scales(), named, mode=blocks.mode()),
        "normalization_scales",
        _("Gradients against the scale of the weights, with and without normalization"),
    )
    st.markdown(scales_sentence(found))
    blocks.explain("normalization_effects_scales")
    return _identities()


def scales_sentence(found: dict[Normalization, ScaleSweep]) -> str:
    """How far the gradient's ratio changes over the six decades."""
    parts = [
        _("**{name}** {low} … {high}").format(
            name=_(NORMALIZATIONS[code].label),
            low=format_number(float(one.ratio.min())),
            high=format_number(float(one.ratio.max())),
        )
        for code, one in found.items()
    ]
    return _("Over six decades of k, ‖∂L/∂a‖ at layer 1 over that at the last hidden layer: ") + (
        ", ".join(parts) + "."
    )


def _identities() -> Spec:
    st.subheader(_("Why it is flat"))
    st.latex(
        r"L(kW) = L(W)\quad\Rightarrow\quad \frac{\partial L}{\partial W}\Big|_{kW}"
        r" = \frac1k\,\frac{\partial L}{\partial W}\Big|_{W},\qquad"
        r" \left\langle w_i, \frac{\partial L}{\partial w_i}\right\rangle = 0,\qquad"
        r" \frac{\partial L}{\partial b} = 0"
    )
    controls.marks(_VIEW, "scale", SCALES)
    chosen = state.spec(_VIEW)
    assert isinstance(chosen, WeightScales)
    found = {code: compute.check(chosen, code) for code in RIVALS}
    blocks.show_table(identities_table(found), key="normalization_identities")
    blocks.explain("normalization_effects_identities")
    return chosen


def identities_table(found: dict[Normalization, Identities]) -> pd.DataFrame:
    """How far each network is from each identity."""
    rows = {
        _("|L(kW) − L(W)| / L(W)"): "loss",
        _("‖k·∂L/∂W(kW) − ∂L/∂W(W)‖ / ‖∂L/∂W(W)‖"): "gradient",
        _("cosine of w and ∂L/∂w, each unit"): "unit",
        _("cosine of W and ∂L/∂W, each layer"): "layer",
        _("‖∂L/∂b‖ / ‖∂L/∂W‖"): "bias",
    }
    return pd.DataFrame([
        {_("0 where it holds exactly"): text}
        | {
            _(NORMALIZATIONS[code].label): format_number(getattr(one, name), 2)
            for code, one in found.items()
        }
        for text, name in rows.items()
    ])  # fmt: skip
