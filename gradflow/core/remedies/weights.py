"""Cures that draw other weights."""

from __future__ import annotations

import math
from typing import Any

from gradflow.core.catalog import (
    ACTIVATIONS,
    GAINS,
    INITIALIZATIONS,
    Activation,
    Connection,
    Gain,
    Initialization,
    Normalization,
    NormMode,
    NormPosition,
)
from gradflow.core.experiment import LayerSettings
from gradflow.core.numbers import format_number
from gradflow.core.remedies.parts import Part
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.report import Report
from gradflow.core.spec import find_bounds
from gradflow.core.text import EMPTY, N_, Text

Settings = dict[str, Any]

XAVIER = (Initialization.XAVIER_NORMAL, Initialization.XAVIER_UNIFORM)
KAIMING = (Initialization.KAIMING_NORMAL, Initialization.KAIMING_UNIFORM)
LEAKY = (Activation.LEAKY_RELU, Activation.PRELU, Activation.RRELU)
SELF_SCALED = (Activation.TANH, Activation.SELU)
"""Critical at gain 1, where PyTorch recommends 5/3 and 3/4."""

MOST_SCALING = 10.0
"""Weights are multiplied or divided by at most that."""
XAVIER_TANH_GAIN = 4.0
"""What some notes recommend for tanh."""


def choose_he(network: LayerSettings, activation: Activation) -> Settings:
    """Set He weights for an activation, fan_in·Var W = 2/(1 + slope²), unless it has them."""
    gain = Gain.RECOMMENDED if activation in LEAKY else Gain.STANDARD
    return _choose_method(network, activation, KAIMING, gain)


def _choose_method(
    network: LayerSettings, activation: Activation, methods: tuple[Initialization, ...], gain: Gain
) -> Settings:
    """Set the first of ``methods`` with ``gain``, unless the weights already have that size."""
    settings = {"initialization": methods[0], "gain": gain}
    wanted = network.model_copy(update={"activation": activation, **settings})
    present = network.model_copy(update={"activation": activation})
    if network.initialization in methods and math.isclose(_get_gain(present), _get_gain(wanted)):
        return {}
    return settings


def _get_gain(network: LayerSettings) -> float:
    return GAINS[network.gain].value(network)


def _choose_xavier_gain(situation: Situation) -> Settings:
    network = situation.network
    if network.activation is Activation.TANH:
        present = network.initialization in XAVIER and _get_gain(network) == XAVIER_TANH_GAIN
        custom = {"gain": Gain.CUSTOM, "gain_value": XAVIER_TANH_GAIN}
        return {} if present else {"initialization": XAVIER[0], **custom}
    gain = ACTIVATIONS[network.activation].gain(network)
    if network.activation in SELF_SCALED or gain == 1:
        return {}
    return _choose_method(network, network.activation, XAVIER, Gain.RECOMMENDED)


def _choose_orthogonal(situation: Situation) -> Settings:
    activation = situation.network.activation
    gain = Gain.STANDARD if activation in SELF_SCALED else Gain.RECOMMENDED
    return _choose_method(situation.network, activation, (Initialization.ORTHOGONAL,), gain)


def compute_scaling(situation: Situation) -> float:
    """Return what to multiply σ by: factor^−(1 + saturated), within 1/10 … 10.

    The factor per layer is about σ_w·√E[φ'²], so in proportion to σ; but where units are
    saturated E[φ'²] itself goes with 1/σ, and the factor with √σ only.
    """
    if situation.factor in (0.0, math.inf):
        return MOST_SCALING if situation.factor == 0 else 1 / MOST_SCALING
    exponent = (1 + situation.saturated) * math.log(situation.factor)
    return math.exp(-max(-math.log(MOST_SCALING), min(math.log(MOST_SCALING), exponent)))


def _scale_weights(situation: Situation) -> Settings:
    """Multiply the same weights by ``compute_scaling``, through the method's own parameter.

    A method without a parameter is replaced by Kaiming with its variance. LSUV undoes any factor.
    """
    network, scale = situation.network, compute_scaling(situation)
    method = network.initialization
    normal, uniform = KAIMING
    name = INITIALIZATIONS[method].scaled_by
    if name == "gain_value":
        return {"gain": Gain.CUSTOM, **_multiply_setting(name, _get_gain(network), scale)}
    if name is not None:
        return _multiply_setting(name, getattr(network, name), scale)
    same_variance = {
        Initialization.LECUN_NORMAL: (normal, 1.0),
        Initialization.LECUN_UNIFORM: (uniform, 1.0),
        Initialization.PYTORCH: (uniform, 1 / math.sqrt(3)),
    }
    if method in same_variance:
        replacement, gain = same_variance[method]
        custom = {"initialization": replacement, "gain": Gain.CUSTOM}
        return custom | _multiply_setting("gain_value", gain, scale)
    return {}


def _multiply_setting(name: str, value: float, scale: float) -> Settings:
    low, high, _excluded = find_bounds(LayerSettings.model_fields[name])
    assert low is not None
    assert high is not None
    return {name: min(max(value * scale, low), high)}


def _explain_cancelling(situation: Situation) -> Text:
    """Say that a normalization undoes the size of all hidden weights, where one does."""
    network = situation.network
    identity = (
        network.normalization is Normalization.BATCH and network.norm_mode is NormMode.EVALUATION
    )
    if (
        network.normalization is Normalization.NONE
        or identity
        or network.norm_position is NormPosition.AFTER
        or network.connection is Connection.PREACTIVATION
    ):
        return EMPTY
    return Text("The normalization after each weight layer undoes the size of its weights.")


def _describe_scaling(situation: Situation, _after: Report) -> Text:
    scale = format_number(compute_scaling(situation))
    if situation.factor in (0.0, math.inf):
        return Text("The weights are multiplied by {scale}.", scale=scale)
    factor = format_number(situation.factor)
    if situation.saturated < 0.01:
        return Text(
            "The weights are multiplied by {scale}, one over the factor {factor} per layer.",
            scale=scale,
            factor=factor,
        )
    return Text(
        "The weights are multiplied by {scale}: one over the factor {factor} per layer, to the "
        "power {power}, because the slopes of the {share} saturated units change with the weights.",
        scale=scale,
        factor=factor,
        power=format_number(1 + situation.saturated),
        share=f"{situation.saturated:.0%}",
    )


WEIGHT_REMEDIES = (
    Remedy(
        code="xavier",
        part=Part.WEIGHTS,
        label=N_("Xavier initialization"),
        change=N_(
            "Draws weights with variance 2/(fan_in + fan_out), so that a linear layer keeps "
            "the size of the signal and of the gradient."
        ),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_(
            "Xavier only sets the weights, not the slopes: a sigmoid has slope 1/4 at most, "
            "so the gradient still shrinks about fourfold per layer, and ReLU loses half of "
            "its square."
        ),
        settings=lambda s: _choose_method(s.network, s.network.activation, XAVIER, Gain.STANDARD),
        reason=_explain_cancelling,
    ),
    Remedy(
        code="xavier_gain",
        part=Part.WEIGHTS,
        label=N_("Xavier times a gain"),
        change=N_(
            "Multiplies Xavier's standard deviation: by about √2 for ReLU and its kin, which "
            "drop half of the signal; by 4 for tanh, as some notes recommend."
        ),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_(
            "The factor 4 is too large for tanh, which is critical at 1: units saturate and "
            "the gradient explodes. With ReLU widths must not change much from layer to "
            "layer."
        ),
        settings=_choose_xavier_gain,
        reason=_explain_cancelling,
    ),
    Remedy(
        code="he",
        part=Part.WEIGHTS,
        label=N_("He initialization"),
        change=N_(
            "Draws weights with variance 2/fan_in, which makes up for the half of the signal "
            "that ReLU drops."
        ),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_(
            "He weights are made for ReLU. Tanh and linear layers are critical at half of "
            "that variance, so their gradient grows; a sigmoid would need more than eight "
            "times that variance, so its gradient still vanishes."
        ),
        settings=lambda s: choose_he(s.network, s.network.activation),
        reason=_explain_cancelling,
    ),
    Remedy(
        code="orthogonal",
        part=Part.WEIGHTS,
        label=N_("Orthogonal initialization"),
        change=N_(
            "Makes each weight matrix a random rotation (times the activation's gain), so "
            "that no direction of signal or gradient is stretched more than another."
        ),
        cost=N_("A QR decomposition per layer, once; no parameters."),
        limits=N_(
            "Rotations keep the weights' part of the product at one, not the slopes': a "
            "sigmoid still loses at least three quarters per layer."
        ),
        settings=_choose_orthogonal,
        reason=_explain_cancelling,
    ),
    Remedy(
        code="lsuv",
        part=Part.WEIGHTS,
        label=N_("LSUV initialization"),
        change=N_(
            "Rescales orthogonal weights, layer by layer, until every pre-activation has "
            "variance 1 on this batch."
        ),
        cost=N_("One more forward pass and a QR decomposition per layer, once; no parameters."),
        limits=N_(
            "LSUV sets the size of z, and the slopes follow: the squared gradient changes by "
            "E[φ'²]/E[φ²] per layer, which is 0.15 for a sigmoid, so it still vanishes."
        ),
        settings=lambda s: {"initialization": Initialization.LSUV},
        reason=_explain_cancelling,
    ),
    Remedy(
        code="larger_weights",
        part=Part.WEIGHTS,
        label=N_("Larger weights"),
        change=N_(
            "Raises the standard deviation of the weights, whose size multiplies the "
            "gradient in every layer."
        ),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_(
            "Larger weights saturate sigmoid and tanh units, and slopes shrink as weights "
            "grow; under a normalization the size of the weights cancels."
        ),
        settings=lambda s: _scale_weights(s) if s.factor < 1 else {},
        reason=_explain_cancelling,
        comment=_describe_scaling,
    ),
    Remedy(
        code="smaller_weights",
        part=Part.WEIGHTS,
        label=N_("Smaller weights"),
        change=N_(
            "Lowers the standard deviation of the weights, whose size multiplies the "
            "gradient in every layer. Weight decay (L1, L2) does the same over time."
        ),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_(
            "Slopes of saturated units come back as weights shrink, so that one step may "
            "fall short; apply it again. Under a normalization the size of the weights "
            "cancels."
        ),
        settings=lambda s: _scale_weights(s) if s.factor > 1 else {},
        reason=_explain_cancelling,
        comment=_describe_scaling,
    ),
)
