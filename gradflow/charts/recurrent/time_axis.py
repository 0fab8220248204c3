"""The x axes of figures over time."""

from __future__ import annotations

from typing import Any

from gradflow.charts.figure import make_layer_axis
from gradflow.core.text import _


def make_step_axis(steps: int) -> dict[str, Any]:
    """Make an axis of time steps, from 1 at the left to the last at the right."""
    return make_layer_axis(
        steps,
        title={"text": _("time step t")},
        unifiedhovertitle={"text": f"<b>{_('step')} %{{x}}</b>"},
    )


def make_back_axis(steps: int) -> dict[str, Any]:
    """Make an axis of steps back from the loss: 0 is at the right, so gradients run to the left."""
    return {
        "title": {"text": _("steps back from the loss")},
        "range": [steps + 0.5, -0.5],
        "nticks": 12,
        "unifiedhovertitle": {"text": f"<b>%{{x}} {_('steps back')}</b>"},
    }
