"""Cached, admitted calls into core for the page on degradation."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.catalog import Connection
from gradflow.core.spec import Spec
from gradflow.core.teaching.degradation import depth, identity, pairs, shattering
from gradflow.ui.compute import ADMISSION

_SPECS = (depth.BlockNetworks, identity.Blocks, shattering.Shattering)
_HASHES: Any = dict.fromkeys(_SPECS, Spec.model_dump_json)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_HASHES)
def sweep_depths(spec: depth.BlockNetworks, connection: Connection) -> depth.DepthSweep:
    """Run networks with one kind of connection at every depth."""
    with ADMISSION:
        return depth.sweep_depths(spec, connection)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=_HASHES)
def compute_landscapes(spec: shattering.Shattering) -> shattering.Landscapes:
    """Compute gradients as functions of a scalar input."""
    with ADMISSION:
        return shattering.compute_landscapes(spec)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_HASHES)
def correlate_gradients(spec: shattering.Shattering, connection: Connection) -> pairs.Correlation:
    """Correlate the gradients at two inputs of networks with one kind of connection."""
    with ADMISSION:
        return pairs.measure_correlation(spec, connection)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_HASHES)
def measure_nearness(spec: identity.Blocks, connection: Connection) -> identity.Nearness:
    """Measure how near the blocks with one kind of connection are to the identity."""
    with ADMISSION:
        return identity.measure_nearness(spec, connection)
