"""The cures of the gradient's way back through time, a row each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gradflow.core.catalog import Cell, RecurrentInit, RecurrentScale
from gradflow.core.catalog.optimizers import Clip, Optimizer
from gradflow.core.recurrent.findings import GradientCourse, TimeFate
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.remedies.parts import Part
from gradflow.core.spec import find_bounds
from gradflow.core.text import N_

CLIPPED_TO, ADAM_RATE = 1.0, 0.01
"""The norm to which gradients are clipped, and the rate of Adam."""
SHORTER, LEAST_LENGTH = 4, 12
"""A shorter sequence has one over the first of the steps, and at least the second."""
_VANILLA = (Cell.RNN_TANH, Cell.RNN_RELU)
_ENOUGH_BIAS = 0.5
"""A forget bias that falls short of the wanted one by less stays."""
_PLAIN = {
    "recurrent_init": RecurrentInit.PYTORCH,
    "recurrent_scale": RecurrentScale.GAIN,
    "recurrent_gain": 1.0,
}


@dataclass(frozen=True, kw_only=True)
class TimeRemedy:
    """A row of ``TIME_REMEDIES``.

    Attributes:
        code: stable name.
        part: what it changes.
        label: what a user reads.
        change: what it does and why that can help.
        cost: what it costs.
        limits: when it does not help.
        settings: ``(settings of the pass, course of its gradient) →`` the settings it would change;
            none where it does not apply.
        plan: the same for the settings of a training (``TrainingPlan``).
    """

    code: str
    part: Part
    label: str
    change: str
    cost: str
    limits: str
    settings: Callable[[TimePass, GradientCourse], Mapping[str, Any]] = lambda _spec, _course: {}
    plan: Callable[[GradientCourse], Mapping[str, Any]] = lambda _course: {}


def _choose_bias(spec: TimePass) -> float:
    """Choose ln T: forget gates of 1 − 1/(T + 1) keep 1/e of the cell state over T steps."""
    return round(min(math.log(spec.experiment.data.steps), 10.0), 1)


def _take_lstm(spec: TimePass, _course: GradientCourse) -> Mapping[str, Any]:
    if spec.cell is Cell.LSTM:
        return {}
    return _PLAIN | {"cell": Cell.LSTM, "forget_bias": _choose_bias(spec)}


def _take_gru(spec: TimePass, _course: GradientCourse) -> Mapping[str, Any]:
    return {} if spec.cell is Cell.GRU else _PLAIN | {"cell": Cell.GRU}


def _open_gate(spec: TimePass, _course: GradientCourse) -> Mapping[str, Any]:
    wanted = _choose_bias(spec)
    is_low = spec.cell is Cell.LSTM and spec.forget_bias < wanted - _ENOUGH_BIAS
    return {"forget_bias": wanted} if is_low else {}


def _rotate(spec: TimePass, _course: GradientCourse) -> Mapping[str, Any]:
    is_vanilla = spec.cell in _VANILLA
    return _PLAIN | {"recurrent_init": RecurrentInit.ORTHOGONAL} if is_vanilla else {}


def _take_identity(_spec: TimePass, _course: GradientCourse) -> Mapping[str, Any]:
    return _PLAIN | {"cell": Cell.RNN_RELU, "recurrent_init": RecurrentInit.IDENTITY}


def _set_radius(spec: TimePass, _course: GradientCourse) -> Mapping[str, Any]:
    if spec.cell not in _VANILLA:
        return {}
    return {"recurrent_scale": RecurrentScale.SPECTRAL_RADIUS, "spectral_radius": 1.0}


def _scale_matrix(spec: TimePass, course: GradientCourse) -> Mapping[str, Any]:
    """Divide the matrix by the measured factor of a step."""
    if spec.cell not in _VANILLA or not 0 < course.factor < math.inf or course.factor == 1:
        return {}
    by_gain = spec.recurrent_scale is RecurrentScale.GAIN
    name = "recurrent_gain" if by_gain else "spectral_radius"
    low, high, _excluded = find_bounds(TimePass.model_fields[name])
    assert low is not None
    assert high is not None
    return {name: round(min(max(getattr(spec, name) / course.factor, low), high), 3)}


def _clip(course: GradientCourse) -> Mapping[str, Any]:
    grows = course.factor > 1 or course.fate is TimeFate.BROKEN
    return {"clip": Clip.NORM, "threshold": CLIPPED_TO} if grows else {}


def _shorten(spec: TimePass, _course: GradientCourse) -> Mapping[str, Any]:
    if spec.experiment.data.row.steps is not None:  # images of a size of their own
        return {}
    length = max(spec.length // SHORTER, LEAST_LENGTH)
    return {"length": length} if length < spec.length else {}


TIME_REMEDIES: dict[str, TimeRemedy] = {
    remedy.code: remedy
    for remedy in (
        TimeRemedy(
            code="lstm",
            part=Part.CELL,
            label=N_("LSTM, forget bias ln T"),
            change=N_(
                "The cell state adds up from step to step; forget gates that start near 1 hand its "
                "gradient on as it is, about as long as the sequence."
            ),
            cost=N_("Four times the recurrent weights and the work."),
            limits=N_("Through h it vanishes as before; only the cell state carries it."),
            settings=_take_lstm,
        ),
        TimeRemedy(
            code="gru",
            part=Part.CELL,
            label=N_("GRU"),
            change=N_("The update gate keeps a part of the state as it is, and so its gradient."),
            cost=N_("Three times the recurrent weights and the work."),
            limits=N_("Its gates start near one half: half of the state is left after each step."),
            settings=_take_gru,
        ),
        TimeRemedy(
            code="forget_bias",
            part=Part.WEIGHTS,
            label=N_("Forget bias ln T"),
            change=N_(
                "Starts the forget gates at 1 − 1/(T + 1), so that the cell state, and its "
                "gradient, last about as long as the sequence."
            ),
            cost=N_("Nothing."),
            limits=N_("What training makes of the gates is another matter."),
            settings=_open_gate,
        ),
        TimeRemedy(
            code="orthogonal",
            part=Part.WEIGHTS,
            label=N_("Orthogonal recurrent weights"),
            change=N_("A rotation neither shrinks nor stretches a state from step to step."),
            cost=N_("A QR decomposition, once."),
            limits=N_("The slopes of the activation still shrink the gradient at every step."),
            settings=_rotate,
        ),
        TimeRemedy(
            code="identity",
            part=Part.ACTIVATION,
            label=N_("ReLU and the identity (IRNN)"),
            change=N_(
                "Every unit starts by keeping its value, and the slope of an active ReLU is 1: the "
                "gradient passes active units unchanged."
            ),
            cost=N_("Nothing."),
            limits=N_("States are not bounded: with a large rate they grow without end."),
            settings=_take_identity,
        ),
        TimeRemedy(
            code="radius",
            part=Part.WEIGHTS,
            label=N_("Spectral radius 1"),
            change=N_("Scales the recurrent matrix so that its largest |eigenvalue| is 1."),
            cost=N_("The eigenvalues, once."),
            limits=N_("Most of its eigenvalues are smaller, and slopes shrink the gradient, too."),
            settings=_set_radius,
        ),
        TimeRemedy(
            code="scale",
            part=Part.WEIGHTS,
            label=N_("Weights scaled by the measured factor"),
            change=N_("Divides the recurrent matrix by what one step back multiplies by."),
            cost=N_("Nothing."),
            limits=N_(
                "Larger weights saturate tanh units, whose slopes then shrink; apply it again."
            ),
            settings=_scale_matrix,
        ),
        TimeRemedy(
            code="shorter",
            part=Part.DEPTH,
            label=N_("A quarter of the steps"),
            change=N_("Fewer steps, fewer factors: cut sequences, or take every fourth step."),
            cost=N_("A quarter of the work; what lies farther back is not seen at all."),
            limits=N_("The factor per step stays what it was; only its power is smaller."),
            settings=_shorten,
        ),
        TimeRemedy(
            code="clip",
            part=Part.STEPS,
            label=N_("Clip the gradient"),
            change=N_("Shortens a gradient whose norm is above 1 to that norm, in every step."),
            cost=N_("The norm of the gradient, once per step."),
            limits=N_("It bounds the step, not the state, and lengthens nothing that vanishes."),
            plan=_clip,
        ),
        TimeRemedy(
            code="adam",
            part=Part.STEPS,
            label=N_("Adam"),
            change=N_("Divides each entry of the gradient by its own recent size."),
            cost=N_("Two more numbers per parameter, and about twice the work of a step."),
            limits=N_(
                "It makes up for the gradient’s size: what the last steps bring still drowns what "
                "the first ones do."
            ),
            plan=lambda _course: {"optimizer": Optimizer.ADAM, "learning_rate": ADAM_RATE},
        ),
    )
}
"""All cures, in the order in which they are offered; of two equal networks the first is kept."""
