"""What a hand on the Flow figure can pull, and the weights' scale that it asks for."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from gradflow.core.decay import Decay, fit_decay, fit_judged_decay
from gradflow.core.experiment import Experiment
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.scale import ScaleSetting, find_scale, find_scale_setting
from gradflow.core.text import _, read_in
from gradflow.ui.compute import run
from gradflow.ui.explore.flow import FlowView

_FARTHEST = 50.0
"""Of |ln factor|: what a browser may ask for."""


def describe_hands(experiment: Experiment, report: Report, view: FlowView) -> dict[str, Any]:
    """Describe the figure's handles: its right edge, and the left end of the RMS gradient."""
    return {
        "layers": {"label": _("Layers"), "hint": _("Drag: add or remove layers")},
        "scale": _describe_scale(experiment, report, view),
    }


def _describe_scale(
    experiment: Experiment, report: Report, view: FlowView
) -> dict[str, Any] | None:
    """Describe the river's end; none where no setting moves it, or another gradient is drawn."""
    setting, decay = find_scale_setting(experiment), _choose_fit(view)(report)
    is_judged = view.rows == "block" or view.gradient == "delta"
    if setting is None or decay is None or not is_judged or not 0 < decay.factor < math.inf:
        return None
    name = _name_setting(experiment, setting)
    template = (
        _("× {factor} per block · {setting} {value}")
        if view.rows == "block"
        else _("× {factor} per layer · {setting} {value}")
    )
    return {
        "label": _("Left end of the gradient"),
        "hint": _("Pull up or down: {setting} follows").format(setting=name),
        "level": _("level"),
        "failed": _("No answer: the server is busy, or not reached."),
        "factor": decay.factor,
        "first": decay.first,
        "span": decay.last - decay.first,
        "text": template.format(
            factor=format_number(decay.factor), setting=name, value=format_number(setting.value, 4)
        ),
    }


def _name_setting(experiment: Experiment, setting: ScaleSetting) -> str:
    if setting.others:
        return _("gain")
    return _(type(experiment.network).model_fields[setting.name].title or setting.name)


def _choose_fit(view: FlowView) -> Callable[[Report], Decay | None]:
    return fit_judged_decay if view.rows == "block" else fit_decay


def write_scale(experiment: Experiment, view: FlowView, log_factor: float) -> bytes:
    """Write the settings with which the gradient has a factor per layer, as JSON.

    Args:
        experiment: the network as it is.
        view: what the figure shows.
        log_factor: log10 of the wanted factor.

    Raises:
        GradflowError: the experiment cannot be run, or its weights cannot be scaled.
    """
    most = _FARTHEST / math.log(10)
    factor = 10 ** min(max(log_factor, -most), most)
    scaling = find_scale(experiment, factor, run, _choose_fit(view))
    note = ""
    with read_in(view.language):
        if not scaling.is_reached:
            note = _("The scale of the weights alone brings it no nearer.")
    return json.dumps({"changes": dict(scaling.changes), "note": note}, ensure_ascii=False).encode()
