"""The part of the session that belongs to the page on normalization; see ``gradflow.ui.views``."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import streamlit as st

from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization.batch import PushedBatch
from gradflow.core.teaching.normalization.running import RunningStatistics
from gradflow.core.teaching.normalization.sharing import NormalizedBlock
from gradflow.core.teaching.normalization.small_batches import SmallBatches
from gradflow.core.teaching.normalization_effects.flow import NormalizedFlow
from gradflow.core.teaching.normalization_effects.rates import LearningRates
from gradflow.core.teaching.normalization_effects.scales import WeightScales
from gradflow.ui.views.state import Views


class View(StrEnum):
    """What the page shows."""

    SHARING = "sharing"
    BATCH = "batch"
    MODES = "modes"
    SMALL = "small"
    FLOW = "flow"
    SCALES = "scales"
    RATES = "rates"


SPECS: dict[str, type[Spec]] = {
    View.SHARING: NormalizedBlock,
    View.BATCH: PushedBatch,
    View.MODES: RunningStatistics,
    View.SMALL: SmallBatches,
    View.FLOW: NormalizedFlow,
    View.SCALES: WeightScales,
    View.RATES: LearningRates,
}
VIEWS = Views("normalization", SPECS)
load, problem, settled = VIEWS.load, VIEWS.problem, VIEWS.settled
values, store, spec = VIEWS.values, VIEWS.store, VIEWS.spec


def prepared(view: View, name: str, mend: Callable[[Any], Any]) -> str:
    """The key of the widget of a field, prepared to show its value, mended where it must be.

    Args:
        view: the view.
        name: the field.
        mend: from the value to one that the other settings allow.
    """
    key = VIEWS.widget_key(view, name)
    st.session_state[key] = mend(st.session_state[key])
    return key
