"""Cures that draw other weights."""

from __future__ import annotations

import math
from typing import Any

from gradflow.core.catalog import (
    ACTIVATIONS,
    GAINS,
    Activation,
    Connection,
    Gain,
    Initialization,
    Normalization,
    NormMode,
    NormPosition,
)
from gradflow.core.experiment import LayerSettings
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.report import Report
from gradflow.core.spec import find_bounds
from gradflow.core.text import N_, _
from gradflow.core.verdict import digits

Settings = dict[str, Any]

XAVIER = (Initialization.XAVIER_NORMAL, Initialization.XAVIER_UNIFORM)
KAIMING = (Initialization.KAIMING_NORMAL, Initialization.KAIMING_UNIFORM)
LEAKY = (Activation.LEAKY_RELU, Activation.PRELU, Activation.RRELU)
SELF_SCALED = (Activation.TANH, Activation.SELU)
"""Critical at gain 1, where PyTorch recommends 5/3 and 3/4."""

MOST_SCALING = 10.0
TANH_FACTOR = 4.0


def he(network: LayerSettings, activation: Activation) -> Settings:
    """He weights for ``activation``, fan_in·Var W = 2/(1 + slope²); none if it has them already."""
    gain = Gain.RECOMMENDED if activation in LEAKY else Gain.STANDARD
    return _drawn(network, activation, KAIMING, gain)


def _drawn(
    network: LayerSettings, activation: Activation, methods: tuple[Initialization, ...], gain: Gain
) -> Settings:
    """The first of ``methods`` with ``gain``; none if the weights are already of that size."""
    settings = {"initialization": methods[0], "gain": gain}
    wanted = network.model_copy(update={"activation": activation, **settings})
    present = network.model_copy(update={"activation": activation})
    if network.initialization in methods and math.isclose(_gain(present), _gain(wanted)):
        return {}
    return settings


def _gain(network: LayerSettings) -> float:
    return GAINS[network.gain].value(network)


def _xavier_with_gain(situation: Situation) -> Settings:
    network = situation.network
    if network.activation is Activation.TANH:
        present = network.initialization in XAVIER and _gain(network) == TANH_FACTOR
        custom = {"gain": Gain.CUSTOM, "gain_value": TANH_FACTOR}
        return {} if present else {"initialization": XAVIER[0], **custom}
    gain = ACTIVATIONS[network.activation].gain(network)
    if network.activation in SELF_SCALED or gain == 1:
        return {}
    return _drawn(network, network.activation, XAVIER, Gain.RECOMMENDED)


def _orthogonal(situation: Situation) -> Settings:
    activation = situation.network.activation
    gain = Gain.STANDARD if activation in SELF_SCALED else Gain.RECOMMENDED
    return _drawn(situation.network, activation, (Initialization.ORTHOGONAL,), gain)


def scaling(situation: Situation) -> float:
    """What to multiply σ with: factor^−(1 + saturated), within 1/10 … 10.

    The factor per layer is about σ_w·√E[φ'²], so in proportion to σ; but where units are
    saturated E[φ'²] itself goes with 1/σ, and the factor with √σ only.
    """
    if situation.factor in (0.0, math.inf):
        return MOST_SCALING if situation.factor == 0 else 1 / MOST_SCALING
    exponent = (1 + situation.saturated) * math.log(situation.factor)
    return math.exp(-max(-math.log(MOST_SCALING), min(math.log(MOST_SCALING), exponent)))


def _scaled(situation: Situation) -> Settings:
    """The same weights times ``scaling``, by the method's own parameter.

    A method without one is replaced by Kaiming with its variance. LSUV undoes any factor.
    """
    network, scale = situation.network, scaling(situation)
    method = network.initialization
    normal, uniform = KAIMING
    if method in (*XAVIER, *KAIMING, Initialization.ORTHOGONAL):
        return {"gain": Gain.CUSTOM, **_times("gain_value", _gain(network), scale)}
    if method in (Initialization.NORMAL, Initialization.TRUNCATED_NORMAL):
        return _times("init_std", network.init_std, scale)
    if method is Initialization.UNIFORM:
        return _times("init_limit", network.init_limit, scale)
    if method is Initialization.CONSTANT:
        return _times("init_value", network.init_value, scale)
    same_variance = {
        Initialization.LECUN_NORMAL: (normal, 1.0),
        Initialization.LECUN_UNIFORM: (uniform, 1.0),
        Initialization.PYTORCH: (uniform, 1 / math.sqrt(3)),
    }
    if method in same_variance:
        replacement, gain = same_variance[method]
        custom = {"initialization": replacement, "gain": Gain.CUSTOM}
        return custom | _times("gain_value", gain, scale)
    return {}


def _times(name: str, value: float, scale: float) -> Settings:
    low, high, _excluded = find_bounds(LayerSettings.model_fields[name])
    assert low is not None
    assert high is not None
    return {name: min(max(value * scale, low), high)}


def _cancelled(situation: Situation) -> str:
    """Whether a normalization undoes the size of all hidden weights, in words."""
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
        return ""
    return _("The normalization after each weight layer undoes the size of its weights.")


def _scaling_comment(situation: Situation, _after: Report) -> str:
    scale = digits(scaling(situation))
    if situation.factor in (0.0, math.inf):
        return _("The weights are multiplied by {scale}.").format(scale=scale)
    if situation.saturated < 0.01:
        return _(
            "The weights are multiplied by {scale}, one over the factor {factor} per layer."
        ).format(scale=scale, factor=digits(situation.factor))
    return _(
        "The weights are multiplied by {scale}: one over the factor {factor} per layer, to the "
        "power {power}, because the slopes of the {share} saturated units change with the weights."
    ).format(
        scale=scale,
        factor=digits(situation.factor),
        power=digits(1 + situation.saturated),
        share=f"{situation.saturated:.0%}",
    )


WEIGHT_REMEDIES = (
    Remedy(
        code="xavier",
        label=N_("Xavier initialization"),
        change=N_("Draws weights with variance 2/(fan_in + fan_out), so that a linear layer keeps "
                  "the size of the signal and of the gradient."),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_("Xavier only sets the weights, not the slopes: a sigmoid has slope 1/4 at most, "
                  "so the gradient still shrinks about fourfold per layer, and ReLU loses half of "
                  "its square."),
        settings=lambda s: _drawn(s.network, s.network.activation, XAVIER, Gain.STANDARD),
        reason=_cancelled,
    ),
    Remedy(
        code="xavier_gain",
        label=N_("Xavier times a gain"),
        change=N_("Multiplies Xavier's standard deviation: by about √2 for ReLU and its kin, which "
                  "drop half of the signal; by 4 for tanh, as some notes recommend."),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_("The factor 4 is too large for tanh, which is critical at 1: units saturate and "
                  "the gradient explodes. With ReLU widths must not change much from layer to "
                  "layer."),
        settings=_xavier_with_gain,
        reason=_cancelled,
    ),
    Remedy(
        code="he",
        label=N_("He initialization"),
        change=N_("Draws weights with variance 2/fan_in, which makes up for the half of the signal "
                  "that ReLU drops."),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_("He weights are made for ReLU. Tanh and linear layers are critical at half of "
                  "that variance, so their gradient grows; a sigmoid would need more than eight "
                  "times that variance, so its gradient still vanishes."),
        settings=lambda s: he(s.network, s.network.activation),
        reason=_cancelled,
    ),
    Remedy(
        code="orthogonal",
        label=N_("Orthogonal initialization"),
        change=N_("Makes each weight matrix a random rotation (times the activation's gain), so "
                  "that no direction of signal or gradient is stretched more than another."),
        cost=N_("A QR decomposition per layer, once; no parameters."),
        limits=N_("Rotations keep the weights' part of the product at one, not the slopes': a "
                  "sigmoid still loses at least three quarters per layer."),
        settings=_orthogonal,
        reason=_cancelled,
    ),
    Remedy(
        code="lsuv",
        label=N_("LSUV initialization"),
        change=N_("Rescales orthogonal weights, layer by layer, until every pre-activation has "
                  "variance 1 on this batch."),
        cost=N_("One more forward pass and a QR decomposition per layer, once; no parameters."),
        limits=N_("LSUV sets the size of z, and the slopes follow: the squared gradient changes by "
                  "E[φ'²]/E[φ²] per layer, which is 0.15 for a sigmoid, so it still vanishes."),
        settings=lambda s: {"initialization": Initialization.LSUV},
        reason=_cancelled,
    ),
    Remedy(
        code="larger_weights",
        label=N_("Larger weights"),
        change=N_("Raises the standard deviation of the weights, whose size multiplies the "
                  "gradient in every layer."),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_("Larger weights saturate sigmoid and tanh units, and slopes shrink as weights "
                  "grow; under a normalization the size of the weights cancels."),
        settings=lambda s: _scaled(s) if s.factor < 1 else {},
        reason=_cancelled,
        comment=_scaling_comment,
    ),
    Remedy(
        code="smaller_weights",
        label=N_("Smaller weights"),
        change=N_("Lowers the standard deviation of the weights, whose size multiplies the "
                  "gradient in every layer. Weight decay (L1, L2) does the same over time."),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_("Slopes of saturated units come back as weights shrink, so that one step may "
                  "fall short; apply it again. Under a normalization the size of the weights "
                  "cancels."),
        settings=lambda s: _scaled(s) if s.factor > 1 else {},
        reason=_cancelled,
        comment=_scaling_comment,
    ),
)  # fmt: skip
