"""The figure of anything that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import plotly.graph_objects as go

from gradflow.charts.coordinates import coordinate_figure
from gradflow.charts.flow.figure import flow_figure
from gradflow.charts.training.timeline import timeline_figure
from gradflow.core.report import Report

if TYPE_CHECKING:
    from gradflow.core.coordinates import CoordinateCheck
    from gradflow.core.timeline import Timeline


def figure(subject: Report | Timeline | CoordinateCheck, **options: Any) -> go.Figure:
    """Draw the Flow figure of a report, the map layer × step of a timeline, or a coordinate check.

    Args:
        subject: what was recorded.
        options: those of :func:`gradflow.charts.flow_figure`,
            :func:`gradflow.charts.timeline_figure` or :func:`gradflow.charts.coordinate_figure`.
    """
    if isinstance(subject, Report):
        return flow_figure(subject, **options)
    if hasattr(subject, "exponents"):  # without torch, which the class itself needs
        return coordinate_figure(cast("CoordinateCheck", subject), **options)
    return timeline_figure(subject, **options)
