"""Weight initializations: one enum member, one function and one table row each.

The functions are in ``catalog.weight_fills``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from gradflow.core.catalog import weight_fills
from gradflow.core.catalog.activations import ACTIVATIONS, Activation, ActivationParameters
from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Initialization(StrEnum):
    """Codes of the initializations."""

    ZEROS = "zeros"
    CONSTANT = "constant"
    NORMAL = "normal"
    UNIFORM = "uniform"
    TRUNCATED_NORMAL = "truncated_normal"
    LECUN_NORMAL = "lecun_normal"
    LECUN_UNIFORM = "lecun_uniform"
    XAVIER_NORMAL = "xavier_normal"
    XAVIER_UNIFORM = "xavier_uniform"
    KAIMING_NORMAL = "kaiming_normal"
    KAIMING_UNIFORM = "kaiming_uniform"
    ORTHOGONAL = "orthogonal"
    LSUV = "lsuv"
    PYTORCH = "pytorch"


class Gain(StrEnum):
    """Codes of the rules for the factor on the standard deviation of the weights."""

    STANDARD = "standard"
    ONE = "one"
    RECOMMENDED = "recommended"
    CUSTOM = "custom"


class FanMode(StrEnum):
    """Codes of the fans that Kaiming initialization can divide by."""

    FAN_IN = "fan_in"
    FAN_OUT = "fan_out"


class InitializationParameters(ActivationParameters, Protocol):
    """What rows of ``INITIALIZATIONS`` and ``GAINS`` read of a network's settings."""

    @property
    def activation(self) -> Activation:
        """The activation function, which recommends a gain."""

    @property
    def initialization(self) -> Initialization:
        """The distribution of the weights."""

    @property
    def init_value(self) -> float:
        """The value of every weight of a constant initialization."""

    @property
    def init_std(self) -> float:
        """Standard deviation σ of the weights."""

    @property
    def init_limit(self) -> float:
        """Limit r of uniform weights."""

    @property
    def fan_mode(self) -> FanMode:
        """Which fan Kaiming initialization divides by."""

    @property
    def gain(self) -> Gain:
        """The rule for the gain."""

    @property
    def gain_value(self) -> float:
        """The gain of ``Gain.CUSTOM``."""


@dataclass(frozen=True, kw_only=True)
class InitializationChoice(Choice):
    """A row of ``INITIALIZATIONS``.

    Attributes:
        function: fills one weight.
        arguments: the keyword arguments of ``function`` for a spec.
        variance: Var(W) for ``(spec, fan_in, fan_out)``, before any rescaling to unit variance;
            ``None``: the weights are not random numbers around 0.
        default_gain: the gain under ``Gain.STANDARD``, if the method has a gain.
        pytorch_bias: biases are drawn as ``nn.Linear`` draws them, U(±1/√fan_in).
        unit_variance: afterwards each weight is divided by the standard deviation of the
            pre-activations it makes of the data (LSUV).
        scaled_by: the number that multiplies all weights, if a setting has it; the gain is
            ``gain_value``.
    """

    function: Callable[..., None]
    arguments: Callable[[InitializationParameters], dict[str, Any]] = lambda spec: {}
    variance: Callable[[InitializationParameters, int, int], float] | None = None
    default_gain: float = 1.0
    pytorch_bias: bool = False
    unit_variance: bool = False
    scaled_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class GainChoice(Choice):
    """A row of ``GAINS``; ``value(spec)`` is the gain."""

    value: Callable[[InitializationParameters], float]


def compute_gain(spec: InitializationParameters) -> float:
    """Compute the gain that the settings ask for."""
    return GAINS[spec.gain].value(spec)


GAINS: dict[Gain, GainChoice] = {
    Gain.STANDARD: GainChoice(
        label=N_("The method's own"),
        help=N_("1 for Xavier and orthogonal, √2 for Kaiming."),
        value=lambda spec: INITIALIZATIONS[spec.initialization].default_gain,
    ),
    Gain.ONE: GainChoice(label="1", help=N_("No extra factor."), value=lambda spec: 1.0),
    Gain.RECOMMENDED: GainChoice(
        label=N_("Recommended for the activation"),
        help=N_("PyTorch's calculate_gain: tanh 5/3, ReLU √2, SELU 3/4, …"),
        value=lambda spec: ACTIVATIONS[spec.activation].gain(spec),
    ),
    Gain.CUSTOM: GainChoice(
        label=N_("A number"),
        help=N_("Your own factor."),
        parameters=("gain_value",),
        value=lambda spec: spec.gain_value,
    ),
}

FAN_MODES: dict[FanMode, Choice] = {
    FanMode.FAN_IN: Choice(label="fan_in", help=N_("Keeps the forward signal's variance.")),
    FanMode.FAN_OUT: Choice(label="fan_out", help=N_("Keeps the backward gradient's variance.")),
}


def _take_gain(spec: InitializationParameters) -> dict[str, Any]:
    return {"gain": compute_gain(spec)}


def _take_gain_and_fan(spec: InitializationParameters) -> dict[str, Any]:
    return {"gain": compute_gain(spec), "mode": str(spec.fan_mode)}


def _take_std(spec: InitializationParameters) -> dict[str, Any]:
    return {"std": spec.init_std}


_TRUNCATED_VARIANCE = 1 - 4 * math.exp(-2) / (math.sqrt(2 * math.pi) * math.erf(math.sqrt(2)))
"""Variance of N(0, 1) conditioned on |z| ≤ 2."""


def _compute_xavier_variance(spec: InitializationParameters, fan_in: int, fan_out: int) -> float:
    return compute_gain(spec) ** 2 * 2 / (fan_in + fan_out)


def _compute_kaiming_variance(spec: InitializationParameters, fan_in: int, fan_out: int) -> float:
    return compute_gain(spec) ** 2 / (fan_in if spec.fan_mode is FanMode.FAN_IN else fan_out)


INITIALIZATIONS: dict[Initialization, InitializationChoice] = {
    Initialization.ZEROS: InitializationChoice(
        label=N_("Zeros"),
        help=N_("All weights 0: hidden layers get no gradient at all."),
        parameters=("bias_std",),
        function=weight_fills.zeros,
        variance=lambda spec, fan_in, fan_out: 0.0,
    ),
    Initialization.CONSTANT: InitializationChoice(
        label=N_("Constant"),
        help=N_("All weights equal: all units of a layer stay copies of each other."),
        parameters=("init_value", "bias_std"),
        function=weight_fills.constant,
        arguments=lambda spec: {"value": spec.init_value},
        scaled_by="init_value",
    ),
    Initialization.NORMAL: InitializationChoice(
        label=N_("Normal"),
        help=N_("N(0, σ²) with σ of your choice, whatever the layer's size."),
        parameters=("init_std", "bias_std"),
        function=weight_fills.normal,
        variance=lambda spec, fan_in, fan_out: spec.init_std**2,
        arguments=_take_std,
        scaled_by="init_std",
    ),
    Initialization.UNIFORM: InitializationChoice(
        label=N_("Uniform"),
        help=N_("U(−r, r) with r of your choice, whatever the layer's size."),
        parameters=("init_limit", "bias_std"),
        function=weight_fills.uniform,
        variance=lambda spec, fan_in, fan_out: spec.init_limit**2 / 3,
        arguments=lambda spec: {"limit": spec.init_limit},
        scaled_by="init_limit",
    ),
    Initialization.TRUNCATED_NORMAL: InitializationChoice(
        label=N_("Truncated normal"),
        help=N_("N(0, σ²) without its tails beyond 2σ."),
        parameters=("init_std", "bias_std"),
        function=weight_fills.truncated_normal,
        variance=lambda spec, fan_in, fan_out: _TRUNCATED_VARIANCE * spec.init_std**2,
        arguments=_take_std,
        scaled_by="init_std",
    ),
    Initialization.LECUN_NORMAL: InitializationChoice(
        label=N_("LeCun normal"),
        help=N_("Variance 1/fan_in: keeps the signal of a linear network; made for SELU."),
        parameters=("bias_std",),
        function=weight_fills.lecun_normal,
        variance=lambda spec, fan_in, fan_out: 1 / fan_in,
    ),
    Initialization.LECUN_UNIFORM: InitializationChoice(
        label=N_("LeCun uniform"),
        help=N_("Variance 1/fan_in, uniform."),
        parameters=("bias_std",),
        function=weight_fills.lecun_uniform,
        variance=lambda spec, fan_in, fan_out: 1 / fan_in,
    ),
    Initialization.XAVIER_NORMAL: InitializationChoice(
        label=N_("Xavier (Glorot) normal"),
        help=N_("Variance 2/(fan_in + fan_out): a compromise between forward and backward."),
        parameters=("gain", "bias_std"),
        function=weight_fills.xavier_normal,
        variance=_compute_xavier_variance,
        arguments=_take_gain,
        scaled_by="gain_value",
    ),
    Initialization.XAVIER_UNIFORM: InitializationChoice(
        label=N_("Xavier (Glorot) uniform"),
        help=N_("Variance 2/(fan_in + fan_out), uniform."),
        parameters=("gain", "bias_std"),
        function=weight_fills.xavier_uniform,
        variance=_compute_xavier_variance,
        arguments=_take_gain,
        scaled_by="gain_value",
    ),
    Initialization.KAIMING_NORMAL: InitializationChoice(
        label=N_("Kaiming (He) normal"),
        help=N_("Variance 2/fan: makes up for the half of the signal that ReLU drops."),
        parameters=("fan_mode", "gain", "bias_std"),
        function=weight_fills.kaiming_normal,
        variance=_compute_kaiming_variance,
        arguments=_take_gain_and_fan,
        default_gain=math.sqrt(2.0),
        scaled_by="gain_value",
    ),
    Initialization.KAIMING_UNIFORM: InitializationChoice(
        label=N_("Kaiming (He) uniform"),
        help=N_("Variance 2/fan, uniform."),
        parameters=("fan_mode", "gain", "bias_std"),
        function=weight_fills.kaiming_uniform,
        variance=_compute_kaiming_variance,
        arguments=_take_gain_and_fan,
        default_gain=math.sqrt(2.0),
        scaled_by="gain_value",
    ),
    Initialization.ORTHOGONAL: InitializationChoice(
        label=N_("Orthogonal"),
        help=N_("A random rotation times the gain: all singular values are equal."),
        parameters=("gain", "bias_std"),
        function=weight_fills.orthogonal,
        arguments=_take_gain,
        variance=lambda spec, fan_in, fan_out: compute_gain(spec) ** 2 / max(fan_in, fan_out),
        scaled_by="gain_value",
    ),
    Initialization.LSUV: InitializationChoice(
        label=N_("LSUV (data-dependent)"),
        help=N_("Orthogonal, then each layer is scaled so that z has variance 1 on this data."),
        function=weight_fills.orthogonal,
        arguments=lambda spec: {"gain": 1.0},
        variance=lambda spec, fan_in, fan_out: 1 / max(fan_in, fan_out),
        unit_variance=True,
    ),
    Initialization.PYTORCH: InitializationChoice(
        label=N_("PyTorch default"),
        help=N_("What nn.Linear does by itself: variance 1/(3·fan_in), with a random bias."),
        function=weight_fills.pytorch,
        variance=lambda spec, fan_in, fan_out: 1 / (3 * fan_in),
        pytorch_bias=True,
    ),
}
