"""Chains to start from."""

from __future__ import annotations

from dataclasses import dataclass

from gradflow.core.catalog import Activation, DType
from gradflow.core.teaching.chain import Chain
from gradflow.core.text import N_


@dataclass(frozen=True)
class ChainExample:
    """A chain with a name, and what there is to see in it."""

    label: str
    look_for: str
    chain: Chain


EXAMPLES: dict[str, ChainExample] = {
    "vanishing": ChainExample(
        N_("Sigmoid: vanishes"),
        N_(
            "Every slope is at most 1/4, so every factor shrinks the gradient: after eight layers "
            "less than a ten-thousandth of it is left."
        ),
        Chain(),
    ),
    "exploding": ChainExample(
        N_("Linear, w = 1.6: explodes"),
        N_("All slopes are 1, so each factor is the weight alone. Pull one weight to 0.1."),
        Chain(length=12, activation=Activation.LINEAR, weights=(1.6,), input=0.1),
    ),
    "slowly": ChainExample(
        N_("Tanh, w = 1: slowly"),
        N_("The first slopes are small, later ones nearly 1, because the signal has shrunk."),
        Chain(length=12, activation=Activation.TANH),
    ),
    "saturated": ChainExample(
        N_("Tanh, w = 10: saturated"),
        N_(
            "The weights are large, and yet the gradient vanishes: they drive z to where tanh is "
            "flat."
        ),
        Chain(activation=Activation.TANH, weights=(10.0,)),
    ),
    "off": ChainExample(
        N_("ReLU: one unit off stops all before it"),
        N_(
            "Unit 4 alone is off: its slope is 0, and with it the gradient of layers 4 to 1. "
            "Behind it all factors are 1. Pull its weight up to switch it on."
        ),
        Chain(
            activation=Activation.RELU,
            weights=(1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0),
            biases=(0.5,) * 8,
            target=1.0,
        ),
    ),
    "overflow": ChainExample(
        N_("ReLU in float16: overflows"),
        N_(
            "The signal grows tenfold per layer and passes 65,504, the largest number of float16; "
            "then nothing is a number any more."
        ),
        Chain(activation=Activation.RELU, weights=(10.0,), dtype=DType.FLOAT16),
    ),
}
"""Chains to start from; their texts are marked for translation."""
