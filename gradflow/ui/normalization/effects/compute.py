"""Cached, admitted calls into core for these views."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.catalog import Normalization
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization_effects import identities, rates, scales
from gradflow.ui.compute import ADMISSION

_HASHES: Any = dict.fromkeys((scales.WeightScales, rates.LearningRates), Spec.model_dump_json)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_HASHES)
def sweep_scales(spec: scales.WeightScales, normalization: Normalization) -> scales.ScaleSweep:
    """Run the network with one normalization at every scale of its weights."""
    with ADMISSION:
        return scales.sweep_scales(spec, normalization)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_HASHES)
def check_identities(
    spec: scales.WeightScales, normalization: Normalization
) -> identities.Identities:
    """Measure how far the network with one normalization is from each identity."""
    with ADMISSION:
        return identities.measure_identities(spec, normalization)


@st.cache_data(max_entries=256, show_spinner=False, hash_funcs=_HASHES)
def train(spec: rates.LearningRates, normalization: Normalization) -> rates.RateSweep:
    """Train the network with one normalization at every learning rate."""
    with ADMISSION:
        return rates.train_at_rates(spec, normalization)
