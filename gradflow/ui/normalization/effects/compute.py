"""Cached, admitted calls into core for these views."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.catalog import Normalization
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization_effects import identities, rates, scales
from gradflow.ui.compute import ADMISSION

_BY_FIELDS: Any = dict.fromkeys((scales.WeightScales, rates.LearningRates), Spec.model_dump_json)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_BY_FIELDS)
def sweep(spec: scales.WeightScales, normalization: Normalization) -> scales.ScaleSweep:
    """The network with one normalization at every scale."""
    with ADMISSION:
        return scales.sweep_scales(spec, normalization)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_BY_FIELDS)
def check(spec: scales.WeightScales, normalization: Normalization) -> identities.Identities:
    """How far the network is from each identity."""
    with ADMISSION:
        return identities.measure_identities(spec, normalization)


@st.cache_data(max_entries=256, show_spinner=False, hash_funcs=_BY_FIELDS)
def train(spec: rates.LearningRates, normalization: Normalization) -> rates.RateSweep:
    """The network with one normalization, trained at every learning rate."""
    with ADMISSION:
        return rates.train_at_rates(spec, normalization)
