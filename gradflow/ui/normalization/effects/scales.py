"""A bad initialization, with and without normalization."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from gradflow.charts.normalization_effects.scales import weight_scales_figure
from gradflow.core.catalog import NORMALIZATIONS, Normalization
from gradflow.core.numbers import format_number
from gradflow.core.teaching.normalization_effects import scales as teaching
from gradflow.core.teaching.normalization_effects.identities import Identities
from gradflow.core.teaching.normalization_effects.scales import RIVALS, ScaleSweep, WeightScales
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.long_work import compute_parts
from gradflow.ui.normalization.effects import compute
from gradflow.ui.normalization.state import WEIGHT_SCALES
from gradflow.ui.settings.fields import draw_choice, draw_marks, draw_slider
from gradflow.ui.stage import Stage

WIDTHS = (16, 32, 64, 128)
EPSILONS = (0.0, 1e-12, 1e-8, 1e-5, 1e-3, 0.1)
SCALES = (0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0)


def show(stage: Stage) -> None:
    """Show the gradient against the weight scale, and the identities behind it."""
    spec = WEIGHT_SCALES.read()
    _show_sweeps(spec)
    with stage.details:
        blocks.explain("normalization_effects_scales")
        _show_identities(spec)


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_choice(WEIGHT_SCALES, "activation")
    draw_slider(WEIGHT_SCALES, "depth")
    draw_marks(WEIGHT_SCALES, "width", WIDTHS)
    draw_marks(WEIGHT_SCALES, "epsilon", EPSILONS)
    draw_slider(WEIGHT_SCALES, "seed")


def _show_sweeps(spec: WeightScales) -> None:
    # The scale of the identities does not change the curves: it shall not compute them again.
    at_scale_1 = spec.model_copy(update={"scale": 1.0})
    sweeps = compute_parts(RIVALS, lambda code: compute.sweep_scales(at_scale_1, code))
    named = [(_(NORMALIZATIONS[code].label), sweep) for code, sweep in sweeps.items()]
    st.markdown(describe_scale_sweeps(sweeps, spec.epsilon))
    blocks.show_figure(
        weight_scales_figure(teaching.list_scales(), named, mode=blocks.read_mode()),
        "normalization_scales",
        _("Gradients against the scale of the weights, with and without normalization"),
    )


def describe_scale_sweeps(sweeps: dict[Normalization, ScaleSweep], epsilon: float) -> str:
    """Say how far the gradient at layer 1 depends on the scale of the weights."""
    good = int(np.argmin(abs(teaching.list_scales() - 1)))
    spans = {
        code: format_number(float(sweep.ratio[good:].max() / sweep.ratio[good:].min()))
        for code, sweep in sweeps.items()
    }
    parts = ", ".join(
        _("behind **{name}** by a factor of {span}").format(
            name=_(NORMALIZATIONS[code].label), span=span
        )
        for code, span in spans.items()
        if code is not Normalization.NONE
    )
    text = _(
        "**All hidden weights times k.** From k = 1 to 1,000 the share of the gradient that "
        "reaches layer 1 changes by a factor of {plain} without a norm, {parts}."
    ).format(plain=spans[Normalization.NONE], parts=parts)
    if not epsilon:
        return text
    return text + _(" Far on the left the norms fail: z is so small that ε outweighs its variance.")


def _show_identities(spec: WeightScales) -> None:
    st.subheader(_("Why it is flat"))
    st.latex(
        r"L(kW) = L(W)\quad\Rightarrow\quad \frac{\partial L}{\partial W}\Big|_{kW}"
        r" = \frac1k\,\frac{\partial L}{\partial W}\Big|_{W},\qquad"
        r" \left\langle w_i, \frac{\partial L}{\partial w_i}\right\rangle = 0,\qquad"
        r" \frac{\partial L}{\partial b} = 0"
    )
    draw_marks(WEIGHT_SCALES, "scale", SCALES)
    identities = {code: compute.check_identities(spec, code) for code in RIVALS}
    blocks.show_table(tabulate_identities(identities), key="normalization_identities")
    if spec.epsilon:
        text = _(
            "No distance is 0, because the norms divide by √(Var z + ε) with ε = {epsilon}. Set "
            "“ε of the norm” to 0, and where an identity holds only rounding errors are left."
        )
        st.caption(text.format(epsilon=format_number(spec.epsilon)))
    blocks.explain("normalization_effects_identities")


def tabulate_identities(identities: dict[Normalization, Identities]) -> pd.DataFrame:
    """Make a table of how far each network is from each identity."""
    names = {
        _("|L(kW) − L(W)| / L(W)"): "loss",
        _("‖k·∂L/∂W(kW) − ∂L/∂W(W)‖ / ‖∂L/∂W(W)‖"): "gradient",
        _("cosine of w and ∂L/∂w, each unit"): "unit",
        _("cosine of W and ∂L/∂W, each layer"): "layer",
        _("‖∂L/∂b‖ / ‖∂L/∂W‖"): "bias",
    }
    rows = []
    for text, name in names.items():
        row = {_("identity: distance from it"): text}
        for code, distances in identities.items():
            row[_(NORMALIZATIONS[code].label)] = format_number(getattr(distances, name), 2)
        rows.append(row)
    return pd.DataFrame(rows)
