"""The size of all weights: which setting has it, and its value for a wanted factor per layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradflow.core.catalog import INITIALIZATIONS, Gain, Normalization, NormMode, NormPosition
from gradflow.core.catalog.initializations import compute_gain
from gradflow.core.codec import from_fields, to_fields
from gradflow.core.decay import Decay, fit_decay
from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment, LayerSettings
from gradflow.core.probe import run as run_once
from gradflow.core.report import Report
from gradflow.core.spec import find_bounds
from gradflow.core.text import Text
from gradflow.core.theory.structures import predict_flow
from gradflow.core.theory.validity import find_obstacles

TOLERANCE = 0.005
"""Of ln factor: a factor per layer that is nearer is the wanted one."""
_LAW_TOLERANCE = 1e-4
_MOST_PASSES, _MOST_LAW_PASSES, _MOST_PREDICTIONS = 8, 3, 40
_LONGEST_STEP = math.log(8)
"""Of ln scale, where the other side of the goal is not known yet."""
_INSET = 0.1
"""Share of the interval around the goal that a step keeps from its ends."""
_SMALLEST = 1e-6
"""Where a setting may be as small as one likes."""


@dataclass(frozen=True)
class ScaleSetting:
    """The setting that multiplies all weights of a network.

    Attributes:
        name: its field.
        value: what it is now, above 0.
        low, high: the values that are searched.
        others: settings that are to be changed with it.
    """

    name: str
    value: float
    low: float
    high: float
    others: Mapping[str, Any]

    def write_changes(self, value: float) -> dict[str, Any]:
        """Write the flat settings with which it has a value."""
        return {**self.others, self.name: value}


@dataclass(frozen=True)
class Scaling:
    """A scale of the weights that was found.

    Attributes:
        changes: the flat settings (``codec``) that it takes.
        factor: the factor per layer that was measured with them.
        is_reached: whether that is the wanted one; if not, it is the nearest that was found.
    """

    changes: Mapping[str, Any]
    factor: float
    is_reached: bool


def find_scale_setting(experiment: Experiment) -> ScaleSetting | None:
    """Find the setting that multiplies all weights.

    ``None`` where there is none, and where a normalization behind every weight layer divides it
    out again: W → kW then divides every ∂L/∂z by the same k, and changes their ratios only through
    the loss of the larger outputs.
    """
    network = experiment.network
    if isinstance(network, LayerSettings):
        name = INITIALIZATIONS[network.initialization].scaled_by
        if name is None or _normalizes_weights(network):
            return None
        is_gain = name == "gain_value"
        value = compute_gain(network) if is_gain else getattr(network, name)
        others = {"gain": str(Gain.CUSTOM)} if is_gain else {}
    else:
        name, value, others = "weight_std", network.weight_std, {}
    low, high, _excluded = find_bounds(type(network).model_fields[name])
    assert high is not None
    if not 0 < value <= high:
        return None
    return ScaleSetting(name, value, max(low or 0.0, min(_SMALLEST, value)), high, others)


def _normalizes_weights(network: LayerSettings) -> bool:
    """Whether a normalization follows each weight layer at once."""
    batch = network.normalization is Normalization.BATCH
    is_identity = batch and network.norm_mode is NormMode.EVALUATION
    is_first = network.norm_position is NormPosition.BEFORE
    return network.normalization is not Normalization.NONE and is_first and not is_identity


def find_scale(
    experiment: Experiment,
    factor: float,
    run: Callable[[Experiment], Report] = run_once,
    fit: Callable[[Report], Decay | None] = fit_decay,
) -> Scaling:
    """Find the scale of the weights with which the gradient changes by a factor per layer.

    The factor is that of ``Decay``: ``exp`` of minus the slope of ln ‖δ_l‖ over the hidden layers.
    With a law (``core.theory``), the scale is the one for which the predicted factor is the
    wanted one, where measurement and prediction are taken to differ by the same ratio as at the
    scale before; a pass checks that, and up to two more correct it. Without, or where the law does
    not lead there, recorded passes search: secants, kept between the nearest scales on either
    side of the goal.

    Args:
        experiment: the network as it is; the search begins there.
        factor: the wanted factor, above 0; 1 is a level gradient.
        run: makes the report of an experiment.
        fit: finds the factor of a report.

    Raises:
        GradflowError: no setting scales the weights, or there is no gradient to begin with.
    """
    setting = find_scale_setting(experiment)
    if setting is None:
        raise GradflowError(
            Text("No setting of this network scales its weights; choose another initialization.")
        )
    fields = to_fields(experiment)
    decays: dict[float, Decay | None] = {}

    def change(log_scale: float) -> Experiment:
        value = _round(math.exp(log_scale), setting)
        return from_fields(fields | setting.write_changes(value))

    def measure(log_scale: float) -> float:
        value = _round(math.exp(log_scale), setting)
        if value not in decays:
            decays[value] = fit(run(change(log_scale)))
        return _take_log(decays[value])

    start, bounds = math.log(setting.value), (math.log(setting.low), math.log(setting.high))
    decays[_round(setting.value, setting)] = first = fit(run(experiment))
    if first is None or not math.isfinite(_take_log(first)):
        raise GradflowError(
            Text("No finite gradient reaches the first layers, so its end cannot be pulled.")
        )
    goal = math.log(factor)
    if fit is fit_decay and not any(find_obstacles(experiment)):
        start = _follow_law(
            measure, lambda x: predict_log_factor(change(x), first), goal, start, bounds
        )
    solve(measure, goal, start, bounds, tolerance=TOLERANCE, most=_MOST_PASSES)
    logarithms = {value: _take_log(decay) for value, decay in decays.items()}
    best = min(logarithms, key=lambda value: _measure_miss(logarithms[value], goal))
    return Scaling(
        setting.write_changes(best),
        math.exp(logarithms[best]),
        abs(logarithms[best] - goal) <= TOLERANCE,
    )


def _follow_law(
    measure: Callable[[float], float],
    predict: Callable[[float], float],
    goal: float,
    start: float,
    bounds: tuple[float, float],
) -> float:
    """Find where the law, moved so that it meets what was measured last, has its goal."""
    x, y = start, measure(start)
    for _ in range(_MOST_LAW_PASSES):
        offset = y - predict(x)
        if abs(y - goal) <= TOLERANCE or not math.isfinite(offset):
            break
        wanted = goal - offset
        law_x = solve(predict, wanted, x, bounds, tolerance=_LAW_TOLERANCE, most=_MOST_PREDICTIONS)
        law_y = measure(law_x)
        if not math.isfinite(law_y):
            break
        x, y = law_x, law_y
    return x


def predict_log_factor(experiment: Experiment, span: Decay) -> float:
    """Predict ln of the factor per layer between the layers of a measured decay; NaN if unknown."""
    with np.errstate(all="ignore"):
        flow, _network = predict_flow(experiment)
        layers = np.arange(span.first, span.last + 1)
        norms = np.log(np.array(flow.delta)[layers - 1]) / 2
    if not np.isfinite(norms).all() or len(layers) < 2:
        return math.nan
    return -float(np.polyfit(layers, norms, 1)[0])


def solve(
    function: Callable[[float], float],
    goal: float,
    start: float,
    bounds: tuple[float, float],
    *,
    tolerance: float,
    most: int,
) -> float:
    """Solve ``function(x) = goal``, searching from ``start``; where it is not reached, the nearest.

    Steps are secants through the two points nearest to the goal, the first of slope 1. As soon as
    two points have the goal between them, steps stay between the nearest such pair. Where the
    function is not finite nothing is known: the search turns back half of the way.

    Args:
        function: increasing near ``start``, as a rule.
        goal: its wanted value.
        start: where it is finite.
        bounds: the lowest and the highest x.
        tolerance: of the function.
        most: calls of the function.
    """
    low, high = bounds
    lower_wall, upper_wall = -math.inf, math.inf
    known = {start: function(start) - goal}
    for _ in range(most - 1):
        nearest = min(known, key=lambda x: abs(known[x]))
        if abs(known[nearest]) <= tolerance:
            break
        x = min(max(_choose_step(known, nearest), low), high)
        if x >= upper_wall:
            x = (nearest + upper_wall) / 2
        elif x <= lower_wall:
            x = (nearest + lower_wall) / 2
        if x in known:
            break
        miss = function(x) - goal
        if math.isfinite(miss):
            known[x] = miss
        elif x > nearest:
            upper_wall = x
        else:
            lower_wall = x
    return min(known, key=lambda x: abs(known[x]))


def _choose_step(known: Mapping[float, float], nearest: float) -> float:
    """Choose the next x from those that are known with what they miss the goal by."""
    miss = known[nearest]
    opposite = [x for x in known if known[x] * miss < 0]
    if opposite:
        other = min(opposite, key=lambda x: abs(x - nearest))
        share = miss / (miss - known[other])
        return nearest + (other - nearest) * min(max(share, _INSET), 1 - _INSET)
    others = sorted((x for x in known if x != nearest), key=lambda x: abs(x - nearest))
    slope = (known[others[0]] - miss) / (others[0] - nearest) if others else 1.0
    step = -miss / slope if slope else math.inf
    if slope <= 0:  # it has turned round: the way on is still away from the worse point
        step = math.copysign(_LONGEST_STEP, nearest - others[0])
    return nearest + min(max(step, -_LONGEST_STEP), _LONGEST_STEP)


def _take_log(decay: Decay | None) -> float:
    if decay is None or not 0 < decay.factor < math.inf:
        return math.nan
    return math.log(decay.factor)


def _measure_miss(log_factor: float, goal: float) -> float:
    return abs(log_factor - goal) if math.isfinite(log_factor) else math.inf


def _round(value: float, setting: ScaleSetting) -> float:
    """Round to four digits, which is as much as a reader can use."""
    return min(max(float(f"{value:.4g}"), setting.low), setting.high)
