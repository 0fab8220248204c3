"""Theory and other seeds over the measurement: the controls, the overlays, what theory says."""

from __future__ import annotations

import math

import numpy as np

from gradflow.charts.overlay import Overlay, Range
from gradflow.core.catalog import Connection, Normalization
from gradflow.core.ensemble import Ensemble
from gradflow.core.experiment import MAX_DEPTH, MLP, Experiment
from gradflow.core.numbers import format_number
from gradflow.core.text import N_, _
from gradflow.core.theory import Phase, Prediction, Standing, StreamPrediction
from gradflow.ui import blocks, compute
from gradflow.ui.explore.flow import SeedCount

_FORWARD = {
    "preactivation_rms": "preactivation_rms",
    "preactivation_std": "preactivation_std",
    "activation_mean": "activation_mean",
    "activation_std": "activation_std",
    "activation_rms": "activation_rms",
    "saturated": "saturated",
    "similarity": "correlation",
}
"""Column of a report → field of a prediction."""
NEGLIGIBLE = 1e-6
"""A fixed point below is the signal's slow decay to 0."""
_LEAST_LAYERS = 3
"""Hidden layers between which there is an average."""
_BACKWARD = ("delta_norm", "activation_grad_norm")


def make_overlays(experiment: Experiment, *, theory: bool, seeds: SeedCount) -> tuple[Overlay, ...]:
    """Make what is drawn over the measurement; theory only where there is one.

    Raises:
        GradflowError: the seeds take too much arithmetic.
    """
    overlays: list[Overlay] = []
    if theory:
        prediction = compute.predict(experiment)
        if prediction.standing is not Standing.NONE:
            overlays.append(_draw_theory(prediction, prediction))
    if seeds > 1:
        overlays.append(_draw_seeds(experiment, compute.run_seeds(experiment, seeds)))
    return tuple(overlays)


def make_stream_overlays(experiment: Experiment, *, theory: bool) -> tuple[Overlay, ...]:
    """Make what is drawn over the residual stream; theory only where there is one."""
    prediction = compute.predict(experiment)
    if not theory or prediction.stream is None:
        return ()
    return (_draw_theory(prediction, prediction.stream),)


def _draw_theory(prediction: Prediction, rows: Prediction | StreamPrediction) -> Overlay:
    columns = {}
    for column, name in _FORWARD.items():
        if hasattr(rows, name):
            values = getattr(rows, name)
            unknown = np.full(len(values), math.nan)
            columns[column] = Range(unknown, values, unknown)
    for name in _BACKWARD:
        if hasattr(rows, name):
            norm = getattr(rows, name)
            with np.errstate(over="ignore"):
                columns[name] = Range(norm / rows.band, norm, norm * rows.band)
    rough = prediction.standing is Standing.QUALITATIVE
    name = _("theory (roughly)") if rough else _("theory")
    return Overlay("theory", name, rows.layers.astype(np.float64), columns)


def _draw_seeds(experiment: Experiment, ensemble: Ensemble) -> Overlay:
    units = np.array(
        [size.fan_out for size in experiment.network.list_layers(experiment.data)], np.float64
    )
    columns = {column: Range(*ensemble.band(column)) for column in ensemble.values}
    columns["dead_units"] = columns["dead_units"].scale(1 / units)  # charts show it as a share
    name = _("10 to 90% of {n} seeds").format(n=len(ensemble.seeds))
    return Overlay("seeds", name, np.arange(1.0, len(units) + 1), columns)


def explain_theory(experiment: Experiment) -> None:
    """Say what theory predicts for this network, and how far that can be trusted."""
    prediction = compute.predict(experiment)
    lines = []
    if prediction.standing is Standing.NONE:
        lines.append(_("**No theory** for this setting:"))
    else:
        lines.append(_describe_theory(experiment, prediction))
        if prediction.standing is Standing.QUALITATIVE:
            lines.append(_("Only roughly right here:"))
    blocks.write_text(" ".join(map(str, (*lines, *prediction.reasons))))


_PHASES = {
    Phase.ORDERED: N_("ordered phase (gradients vanish, inputs become alike)"),
    Phase.CRITICAL: N_("critical, the edge of chaos"),
    Phase.CHAOTIC: N_("chaotic phase (gradients explode, similar inputs drift apart)"),
}


def _describe_theory(experiment: Experiment, prediction: Prediction) -> str:
    if prediction.phase is None:
        return _describe_average(experiment, prediction)
    text = _("**Theory:** χ₁ = {chi}, {phase}.").format(
        chi=format_number(prediction.chi), phase=_(_PHASES[prediction.phase])
    )
    normalizes = getattr(experiment.network, "normalization", None) is not Normalization.NONE
    slopes = _("slopes and normalization") if normalizes else _("slopes, E φ′²")
    text += " " + _(
        "Each layer multiplies ‖δ‖² by {weights} (weights, n·Var W) × {slope} ({slopes}) = χ₁, "
        "so ‖δ‖ by √χ₁ = {factor}"
    ).format(
        weights=format_number(prediction.weight_factor),
        slope=format_number(prediction.chi / prediction.weight_factor),
        slopes=slopes,
        factor=format_number(math.sqrt(prediction.chi)),
    )
    if prediction.depth_scale <= MAX_DEPTH:
        text += _("; depth scale ξ = {xi} layers").format(
            xi=format_number(prediction.depth_scale, 2)
        )
    if prediction.q_star > NEGLIGIBLE:
        text += _("; fixed point q* = {q}").format(q=format_number(prediction.q_star, 2))
    return text + "."


def _explain_lack_of_factor(experiment: Experiment) -> str:
    network = experiment.network
    if getattr(network, "connection", None) is not Connection.PLAIN:
        return _("the gradient comes back on more than one way")
    if not isinstance(network, MLP):
        return _("it depends on the place in the image")
    return _("its hidden layers differ, or are too few")


def _describe_average(experiment: Experiment, prediction: Prediction) -> str:
    """Say what happens on the whole way, where no layer is like the others."""
    text = _(
        "**Theory:** the dashed line; there is no single factor per layer, as {reason}."
    ).format(reason=_explain_lack_of_factor(experiment))
    if (stream := prediction.stream) is not None:
        power, gradient = stream.activation_rms, stream.activation_grad_norm
        return f"{text} " + _(
            "Through all blocks the residual stream grows by a factor {forward}, and its gradient "
            "on the way back by {backward}."
        ).format(
            forward=format_number(float(power[-1] / power[0])),
            backward=format_number(float(gradient[0] / gradient[-1])),
        )
    inner = prediction.delta_norm[:-1]
    known = np.flatnonzero(inner > 0)
    if len(known) < _LEAST_LAYERS:
        return text
    first, last = known[0], known[-1]
    factor = float(inner[first] / inner[last]) ** (1 / (last - first))
    return f"{text} " + _("On average one multiplies ‖δ‖ by {factor}.").format(
        factor=format_number(factor)
    )
