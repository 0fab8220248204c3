"""Cached, admitted calls into core for the page on degradation."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.catalog import Connection
from gradflow.core.spec import Spec
from gradflow.core.teaching.degradation import depth, identity, pairs, shattering
from gradflow.ui.compute import ADMISSION

_SPECS = (depth.BlockNetworks, identity.Blocks, shattering.Shattering)
_BY_FIELDS: Any = dict.fromkeys(_SPECS, Spec.model_dump_json)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_BY_FIELDS)
def sweep(spec: depth.BlockNetworks, connection: Connection) -> depth.DepthSweep:
    """One kind of network at every depth."""
    with ADMISSION:
        return depth.sweep_depths(spec, connection)


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=_BY_FIELDS)
def landscapes(spec: shattering.Shattering) -> shattering.Landscapes:
    """Gradients as functions of a scalar input."""
    with ADMISSION:
        return shattering.compute_landscapes(spec)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_BY_FIELDS)
def correlation(spec: shattering.Shattering, connection: Connection) -> pairs.Correlation:
    """Gradients at two inputs through one kind of network."""
    with ADMISSION:
        return pairs.measure_correlation(spec, connection)


@st.cache_data(max_entries=192, show_spinner=False, hash_funcs=_BY_FIELDS)
def nearness(spec: identity.Blocks, connection: Connection) -> identity.Nearness:
    """The blocks of one kind of network."""
    with ADMISSION:
        return identity.measure_nearness(spec, connection)
