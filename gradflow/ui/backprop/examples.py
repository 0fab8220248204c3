"""Chains to start from, by a name that is marked for translation."""

from gradflow.core.catalog import Activation, DType
from gradflow.core.teaching.chain import Chain
from gradflow.core.text import N_

EXAMPLES: dict[str, Chain] = {
    N_("Sigmoid: vanishes"): Chain(length=10),
    N_("Linear, w = 1.6: explodes"): Chain(
        length=12, activation=Activation.LINEAR, weights=(1.6,), input=0.1
    ),
    N_("Tanh, w = 1: slowly"): Chain(length=12, activation=Activation.TANH),
    N_("Tanh, w = 10: saturated"): Chain(activation=Activation.TANH, weights=(10.0,)),
    N_("ReLU: off, so exactly 0"): Chain(
        activation=Activation.RELU,
        weights=(1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0),
        biases=(0.0,) * 8,
        target=1.0,
    ),
    N_("ReLU in float16: overflows"): Chain(
        activation=Activation.RELU, weights=(10.0,), dtype=DType.FLOAT16
    ),
}
