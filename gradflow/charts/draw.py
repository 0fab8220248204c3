"""The figure of anything that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from gradflow.charts.flow.figure import flow_figure
from gradflow.charts.training.timeline import timeline_figure
from gradflow.core.report import Report

if TYPE_CHECKING:
    from gradflow.core.timeline import Timeline


def figure(subject: Report | Timeline, **options: Any) -> go.Figure:
    """Draw the Flow figure of a report, or the map layer × step of a timeline.

    Args:
        subject: what was recorded.
        options: those of :func:`gradflow.charts.flow_figure` or
            :func:`gradflow.charts.timeline_figure`.
    """
    if isinstance(subject, Report):
        return flow_figure(subject, **options)
    return timeline_figure(subject, **options)
