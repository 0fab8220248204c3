"""Cures that choose another activation function, with the weights made for it."""

from __future__ import annotations

from collections.abc import Callable

from gradflow.core.catalog import Activation, Initialization
from gradflow.core.remedies.parts import Part
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.remedies.weights import Settings, choose_he
from gradflow.core.text import N_


def _switch_to(activation: Activation) -> Callable[[Situation], Settings]:
    return lambda s: {} if s.network.activation is activation else {"activation": activation}


def _switch_with_he(activation: Activation) -> Callable[[Situation], Settings]:
    switch = _switch_to(activation)

    def choose_settings(situation: Situation) -> Settings:
        settings = switch(situation)
        return settings and settings | choose_he(situation.network, activation)

    return choose_settings


def _switch_to_selu(situation: Situation) -> Settings:
    settings = _switch_to(Activation.SELU)(situation)
    lecun = (Initialization.LECUN_NORMAL, Initialization.LECUN_UNIFORM)
    if not settings or situation.network.initialization in lecun:
        return settings
    return settings | {"initialization": lecun[0]}


ACTIVATION_REMEDIES = (
    Remedy(
        code="relu",
        part=Part.ACTIVATION,
        label=N_("ReLU, weights as they are"),
        change=N_(
            "Replaces the activation by ReLU, whose slope is exactly 1 wherever a unit is "
            "active, so that slopes no longer shrink the gradient there."
        ),
        cost=N_("Nothing: cheaper than sigmoid or tanh, no parameters."),
        limits=N_(
            "Half of the units are off, so ReLU halves the squared gradient in every layer "
            "unless fan_in·Var(W) is 2 (He): with smaller weights it still vanishes, with "
            "larger ones it explodes."
        ),
        settings=_switch_to(Activation.RELU),
    ),
    Remedy(
        code="relu_he",
        part=Part.ACTIVATION,
        label=N_("ReLU with He initialization"),
        change=N_(
            "ReLU has slope 1 where it is active, and He weights make up for the half of the "
            "signal and the gradient that it drops."
        ),
        cost=N_("Nothing: cheaper than sigmoid or tanh, no parameters."),
        limits=N_(
            "The size is kept on average only: in a narrow, deep network it wanders, by a "
            "factor of about exp(√(5·depth/width)/2), and some units are dead. Batch norm "
            "with ReLU makes it grow."
        ),
        settings=_switch_with_he(Activation.RELU),
    ),
    Remedy(
        code="leaky_relu",
        part=Part.ACTIVATION,
        label=N_("Leaky ReLU with He"),
        change=N_(
            "A small slope below 0 lets some gradient through every unit, so that none dies; "
            "He weights for that slope keep the size."
        ),
        cost=N_("Nothing to speak of, no parameters."),
        limits=N_(
            "It prevents dead units; the gradient's size follows the weights as with ReLU, "
            "and wanders in narrow, deep networks."
        ),
        settings=_switch_with_he(Activation.LEAKY_RELU),
    ),
    Remedy(
        code="prelu",
        part=Part.ACTIVATION,
        label=N_("PReLU with He"),
        change=N_(
            "Leaky ReLU whose slope below 0 is learned, starting at 1/4; He weights for that "
            "slope keep the size."
        ),
        cost=N_("One parameter per layer; a little more time in the backward pass."),
        limits=N_(
            "The slope moves in training, the weights' size was made for 1/4. Otherwise as "
            "with Leaky ReLU: the size wanders in narrow, deep networks."
        ),
        settings=_switch_with_he(Activation.PRELU),
    ),
    Remedy(
        code="rrelu",
        part=Part.ACTIVATION,
        label=N_("RReLU with He"),
        change=N_(
            "Leaky ReLU with a random slope from 1/8 to 1/3 for every entry, which also "
            "regularizes; He weights for the mean slope keep the size."
        ),
        cost=N_("Random numbers for every entry in each pass: slower. No parameters."),
        limits=N_(
            "As with Leaky ReLU, the size wanders in narrow, deep networks; the noise is for "
            "training only."
        ),
        settings=_switch_with_he(Activation.RRELU),
    ),
    Remedy(
        code="elu",
        part=Part.ACTIVATION,
        label=N_("ELU with He"),
        change=N_(
            "Exponential below 0, slope 1 above: no dead units, means closer to zero; He "
            "weights keep the size about right."
        ),
        cost=N_("An exponential per entry: slower than ReLU. No parameters."),
        limits=N_(
            "He weights are a little large for ELU, so signal and gradient grow slowly with depth."
        ),
        settings=_switch_with_he(Activation.ELU),
    ),
    Remedy(
        code="selu",
        part=Part.ACTIVATION,
        label=N_("SELU with LeCun"),
        change=N_(
            "Scaled ELU that pulls mean and variance of the signal towards 0 and 1 by "
            "itself, given weights of variance 1/fan_in."
        ),
        cost=N_("An exponential per entry: slower than ReLU. No parameters."),
        limits=N_(
            "It keeps the signal, not quite the gradient, which grows slightly per layer; "
            "and it needs LeCun weights in plain layers."
        ),
        settings=_switch_to_selu,
    ),
)
