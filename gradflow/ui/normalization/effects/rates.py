"""The largest learning rate that still trains."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from gradflow.charts.normalization_effects.rates import learning_rates_figure
from gradflow.charts.theme import format_number
from gradflow.core.catalog import NORMALIZATIONS, Normalization
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization_effects.flow import COMPARED
from gradflow.core.teaching.normalization_effects.rates import (
    LearningRates,
    RateSweep,
    list_learning_rates,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.long_work import compute_parts
from gradflow.ui.normalization import controls, state
from gradflow.ui.normalization.effects import compute
from gradflow.ui.normalization.effects import controls as effects_controls
from gradflow.ui.normalization.state import View

WIDTHS = (16, 24, 32, 48)
SCALES = (0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_VIEW = View.RATES


def show() -> Spec:
    """Loss after a few steps against the learning rate, for every normalization."""
    columns = st.columns(3)
    with columns[0]:
        effects_controls.activation(_VIEW)
        controls.slider(_VIEW, "depth")
    with columns[1]:
        controls.marks(_VIEW, "weight_scale", SCALES)
        controls.marks(_VIEW, "width", WIDTHS)
    with columns[2]:
        controls.slider(_VIEW, "steps")
        controls.slider(_VIEW, "seed")
    spec = state.spec(_VIEW)
    assert isinstance(spec, LearningRates)
    found = compute_parts(COMPARED, lambda code: compute.train(spec, code))
    named = [(_(NORMALIZATIONS[code].label), one) for code, one in found.items()]
    blocks.show_figure(
        learning_rates_figure(list_learning_rates(), named, mode=blocks.mode()),
        "normalization_rates",
        _("Loss after the steps against the learning rate, with each normalization"),
    )
    for sentence in failures(spec, found):
        st.info(sentence, icon=":material/info:")
    blocks.show_table(rates_table(found), key="normalization_rates_table")
    blocks.explain("normalization_effects_rates")
    return spec


def failures(spec: LearningRates, found: dict[Normalization, RateSweep]) -> list[str]:
    """Why some networks train at no rate, and what to change; nothing if all of them train."""
    failed = {code: one for code, one in found.items() if math.isnan(one.largest)}
    broken = [code for code, one in failed.items() if not np.isfinite(one.losses).any()]
    stuck = [code for code in failed if code not in broken]
    sentences = []
    if broken:
        sentences.append(
            _("**{names}**: at every learning rate the loss ends infinite or NaN, hence the row of "
              "crosses. Before the first step it is already {initial}, so every step overshoots. "
              "Lower “Weight scale k” (now {scale}) or “Depth” (now {depth}).").format(
                names=_names(broken), scale=format_number(spec.weight_scale), depth=spec.depth,
                initial=_(" and ").join(format_number(failed[code].initial) for code in broken),
            )
        )  # fmt: skip
    if stuck:
        advice = [_("Take more “Steps”"), _("fewer layers (“Depth”)"), _("another activation")]
        if spec.weight_scale != 1:
            advice.append(_("a “Weight scale k” nearer to 1"))
        sentences.append(
            _("**{names}**: no learning rate brings the loss below the dotted line within {steps} "
              "steps. {advice}.").format(
                names=_names(stuck), steps=spec.steps, advice=_(" or ").join(advice)
            )
        )  # fmt: skip
    return sentences


def _names(codes: list[Normalization]) -> str:
    return ", ".join(_(NORMALIZATIONS[code].label) for code in codes)


def rates_table(found: dict[Normalization, RateSweep]) -> pd.DataFrame:
    """The largest learning rate that trains, and what came of the best one."""
    plain = found[Normalization.NONE].largest
    rows = []
    for code, one in found.items():
        best = int(np.argmin(np.where(np.isnan(one.losses), np.inf, one.losses)))
        lowest = float(one.losses[best])
        known = math.isfinite(lowest)
        rows.append({
            _("Normalization"): _(NORMALIZATIONS[code].label),
            _("loss before"): format_number(one.initial),
            _("largest η that trains"): _or(one.largest, _("none")),
            _("over that without a norm"): _or(one.largest / plain, "–"),
            _("lowest loss"): format_number(lowest) if known else "–",
            _("at η"): format_number(float(list_learning_rates()[best])) if known else "–",
        })  # fmt: skip
    return pd.DataFrame(rows)


def _or(value: float, otherwise: str) -> str:
    return otherwise if math.isnan(value) else format_number(value, 2)
