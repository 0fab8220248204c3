"""What the panels of cures have in common, whatever is cured (``cures.js``)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import streamlit as st

from gradflow.charts.remedies import NormCourse
from gradflow.charts.series import Scale, Series
from gradflow.core.histogram import FloatArray
from gradflow.core.text import _
from gradflow.ui.assets import write_shim

mount_panels = st.components.v2.component(
    "gradflow_cures", js=write_shim("cures.js"), isolate_styles=False
)
"""Mounts the panels, which put themselves above the figure that they name, below its line."""


def name_buttons() -> dict[str, str]:
    """Name what can be pressed."""
    return {
        "close": _("Close the cures"),
        "apply": _("Press to apply"),
        "tap": _("Tap again to apply"),
    }


def fit_scale(courses: Iterable[NormCourse]) -> Scale:
    """Fit the scale that all small drawings share; 1, a level course, is on it."""
    lines = [Series("", course.layers, course.relative) for course in courses]
    return Scale.fit([*lines, Series("", np.zeros(1), np.ones(1))], log=True)


def place_norms(course: NormCourse, scale: Scale) -> list[float]:
    """Place norms in a drawing of height 1: zeros at its floor, what is not finite at its top."""
    places = scale.to_axis(course.relative)
    places = np.where(course.norms == 0, scale.floor, places)
    places = np.where(np.isfinite(course.norms), places, scale.ceiling)
    return [round_place(place) for place in (places - scale.low) / (scale.high - scale.low)]


def write_levels(levels: FloatArray) -> list[float | None]:
    """Write log10 of the RMS gradient per column; ``None`` where there is none."""
    return [None if math.isnan(level) else round_place(level) for level in levels.tolist()]


def round_place(value: float) -> float:
    """Round to what a screen can show."""
    return round(float(value), 4)
