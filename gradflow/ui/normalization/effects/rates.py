"""The largest learning rate that still trains."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from gradflow.charts.normalization_effects.rates import learning_rates_figure
from gradflow.charts.theme import number
from gradflow.core.catalog import NORMALIZATIONS, Normalization
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization_effects.flow import COMPARED
from gradflow.core.teaching.normalization_effects.rates import (
    LearningRates,
    Trained,
    learning_rates,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.normalization import controls, state
from gradflow.ui.normalization.effects import compute
from gradflow.ui.normalization.effects import controls as effects_controls
from gradflow.ui.normalization.state import View
from gradflow.ui.views.compute import in_parts

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
    found = in_parts(COMPARED, lambda code: compute.train(spec, code))
    named = [(_(NORMALIZATIONS[code].label), one) for code, one in found.items()]
    blocks.show_figure(
        learning_rates_figure(learning_rates(), named, mode=blocks.mode()),
        "normalization_rates",
        _("Loss after the steps against the learning rate, with each normalization"),
    )
    blocks.show_table(rates_table(found), key="normalization_rates_table")
    blocks.explain("normalization_effects_rates")
    return spec


def rates_table(found: dict[Normalization, Trained]) -> pd.DataFrame:
    """The largest learning rate that trains, and what came of the best one."""
    plain = found[Normalization.NONE].largest
    rows = []
    for code, one in found.items():
        best = int(np.argmin(np.where(np.isnan(one.losses), np.inf, one.losses)))
        rows.append({
            _("Normalization"): _(NORMALIZATIONS[code].label),
            _("loss before"): number(one.initial),
            _("largest η that trains"): _or(one.largest, _("none")),
            _("over that without a norm"): _or(one.largest / plain, "–"),
            _("lowest loss"): number(float(one.losses[best])),
            _("at η"): number(float(learning_rates()[best])),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _or(value: float, otherwise: str) -> str:
    return otherwise if math.isnan(value) else number(value, 2)
