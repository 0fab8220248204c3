"""Activation functions: one enum member and one table row each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from torch import nn

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Activation(StrEnum):
    """Codes of the activation functions, as they stand in specs and URLs."""

    LINEAR = "linear"
    SIGMOID = "sigmoid"
    TANH = "tanh"
    HARDTANH = "hardtanh"
    SOFTSIGN = "softsign"
    RELU = "relu"
    RELU6 = "relu6"
    LEAKY_RELU = "leaky_relu"
    PRELU = "prelu"
    RRELU = "rrelu"
    ELU = "elu"
    SELU = "selu"
    GELU = "gelu"
    SILU = "silu"
    MISH = "mish"
    SOFTPLUS = "softplus"
    HARDSWISH = "hardswish"


Interval = tuple[float, float]
_GATED_GAIN = math.sqrt(2.0)  # He et al. 2015; for functions that pass about half of their input


def _compute_leaky_gain(slope: float) -> float:
    """Compute √(2/(1 + slope²)), He's gain for a function with that slope below 0."""
    return math.sqrt(2.0 / (1.0 + slope**2))


class ActivationParameters(Protocol):
    """What rows of ``ACTIVATIONS`` read of a network's settings."""

    @property
    def negative_slope(self) -> float:
        """Slope of Leaky ReLU below 0."""

    @property
    def elu_alpha(self) -> float:
        """α of ELU."""


@dataclass(frozen=True, kw_only=True)
class ActivationChoice(Choice):
    """A row of ``ACTIVATIONS``.

    Attributes:
        formula: φ in LaTeX.
        derivative: φ' in LaTeX; 𝟙 is the indicator function.
        initialization: code of the initialization made for it, or commonly used with it.
        paper: authors and year of the first papers, or "classical".
        module: makes the ``torch.nn`` module with a spec's parameters.
        gain: the recommended gain: ``torch.nn.init.calculate_gain`` where PyTorch has one, else
            √2 for functions that gate like ReLU and 1 for functions with slope 1 at the origin.
        unsaturated: outputs inside this closed interval are not saturated. Ends at the output
            where φ' falls to 6% of its largest value (|tanh| = .97, sigmoid = .015 and .985),
            or where a clipped function is flat. ``None``: the function has no saturation, or
            only ReLU's zero side, which ``zero`` and ``dead_units`` show.
        alive: outputs strictly inside this interval have φ' ≠ 0. A unit is dead if its output is
            outside for every sample. ``None``: φ' vanishes nowhere (or at single points).
    """

    formula: str
    derivative: str
    initialization: str
    paper: str
    module: Callable[[ActivationParameters], nn.Module]
    gain: Callable[[ActivationParameters], float]
    unsaturated: Callable[[nn.Module], Interval] | None = None
    alive: Interval | None = None


ACTIVATIONS: dict[Activation, ActivationChoice] = {
    Activation.LINEAR: ActivationChoice(
        label=N_("Linear (none)"),
        help=N_("φ(z) = z: the network is one matrix product; useful to study the weights alone."),
        formula=r"z",
        derivative=r"1",
        initialization="lecun_normal",
        paper=N_("classical"),
        module=lambda spec: nn.Identity(),
        gain=lambda spec: 1.0,
    ),
    Activation.SIGMOID: ActivationChoice(
        label="Sigmoid",
        help=N_("Squashes to (0, 1); its slope is at most 1/4, so gradients shrink fast."),
        formula=r"\frac{1}{1+e^{-z}}",
        derivative=r"\sigma(z)\,(1-\sigma(z))",
        initialization="xavier_normal",
        paper=N_("classical"),
        module=lambda spec: nn.Sigmoid(),
        gain=lambda spec: nn.init.calculate_gain("sigmoid"),
        unsaturated=lambda module: (0.015, 0.985),
        alive=(0.0, 1.0),
    ),
    Activation.TANH: ActivationChoice(
        label="Tanh",
        help=N_("Squashes to (−1, 1), zero-centred, slope 1 at the origin."),
        formula=r"\tanh z",
        derivative=r"1-\tanh^2 z",
        initialization="xavier_normal",
        paper=N_("classical"),
        module=lambda spec: nn.Tanh(),
        gain=lambda spec: nn.init.calculate_gain("tanh"),
        unsaturated=lambda module: (-0.97, 0.97),
        alive=(-1.0, 1.0),
    ),
    Activation.HARDTANH: ActivationChoice(
        label="Hardtanh",
        help=N_("The identity clipped to [−1, 1]: no gradient outside."),
        formula=r"\min(1, \max(-1, z))",
        derivative=r"\mathbb{1}[-1 < z < 1]",
        initialization="xavier_normal",
        paper="Collobert 2004",
        module=lambda spec: nn.Hardtanh(),
        gain=lambda spec: 1.0,
        # The largest float32 below 1: outputs of exactly ±1 are clipped.
        unsaturated=lambda module: (-1.0 + 2.0**-24, 1.0 - 2.0**-24),
        alive=(-1.0, 1.0),
    ),
    Activation.SOFTSIGN: ActivationChoice(
        label="Softsign",
        help=N_("Like tanh, but approaches ±1 slowly (polynomially)."),
        formula=r"\frac{z}{1+|z|}",
        derivative=r"\frac{1}{(1+|z|)^2}",
        initialization="xavier_normal",
        paper="Elliott 1993; Bergstra et al. 2009",
        module=lambda spec: nn.Softsign(),
        gain=lambda spec: 1.0,
        # φ' = (1 − |a|)² = 1 − .97², tanh's cut.
        unsaturated=lambda module: (0.0591**0.5 - 1, 1 - 0.0591**0.5),
    ),
    Activation.RELU: ActivationChoice(
        label="ReLU",
        help=N_("Zero below 0, the identity above: slope exactly 1 where it is active."),
        formula=r"\max(0, z)",
        derivative=r"\mathbb{1}[z > 0]",
        initialization="kaiming_normal",
        paper="Fukushima 1969; Nair & Hinton 2010",
        module=lambda spec: nn.ReLU(),
        gain=lambda spec: nn.init.calculate_gain("relu"),
        alive=(0.0, math.inf),
    ),
    Activation.RELU6: ActivationChoice(
        label="ReLU6",
        help=N_("ReLU clipped at 6."),
        formula=r"\min(6, \max(0, z))",
        derivative=r"\mathbb{1}[0 < z < 6]",
        initialization="kaiming_normal",
        paper="Krizhevsky 2010",
        module=lambda spec: nn.ReLU6(),
        gain=lambda spec: _GATED_GAIN,
        unsaturated=lambda module: (-math.inf, 6.0 - 2.0**-21),
        alive=(0.0, 6.0),
    ),
    Activation.LEAKY_RELU: ActivationChoice(
        label="Leaky ReLU",
        help=N_("ReLU with a small slope below 0, so that no unit dies."),
        formula=r"\max(z, a z)",
        derivative=r"\mathbb{1}[z > 0] + a\,\mathbb{1}[z < 0]",
        initialization="kaiming_normal",
        paper="Maas et al. 2013",
        parameters=("negative_slope",),
        module=lambda spec: nn.LeakyReLU(spec.negative_slope),
        gain=lambda spec: nn.init.calculate_gain("leaky_relu", spec.negative_slope),
    ),
    Activation.PRELU: ActivationChoice(
        label="PReLU",
        help=N_("Leaky ReLU whose slope is learned; it starts at 0.25."),
        formula=r"\max(0, z) + a \min(0, z)",
        derivative=r"\mathbb{1}[z > 0] + a\,\mathbb{1}[z < 0]",
        initialization="kaiming_normal",
        paper="He et al. 2015",
        module=lambda spec: nn.PReLU(),
        gain=lambda spec: _compute_leaky_gain(0.25),
    ),
    Activation.RRELU: ActivationChoice(
        label="RReLU",
        help=N_("Leaky ReLU with a random slope per entry, from 1/8 to 1/3, while training."),
        formula=r"\max(0, z) + a \min(0, z),\ a \sim U(\tfrac18, \tfrac13)",
        derivative=r"\mathbb{1}[z > 0] + a\,\mathbb{1}[z < 0]",
        initialization="kaiming_normal",
        paper="Xu et al. 2015",
        module=lambda spec: nn.RReLU(),
        gain=lambda spec: _compute_leaky_gain((1 / 8 + 1 / 3) / 2),
    ),
    Activation.ELU: ActivationChoice(
        label="ELU",
        help=N_("Exponential below 0, down to −α: mean closer to zero, no dead units."),
        formula=r"\max(0, z) + \min(0, \alpha (e^z - 1))",
        derivative=r"\mathbb{1}[z > 0] + \alpha e^z\,\mathbb{1}[z \le 0]",
        initialization="kaiming_normal",
        paper="Clevert et al. 2016",
        parameters=("elu_alpha",),
        module=lambda spec: nn.ELU(spec.elu_alpha),
        gain=lambda spec: _GATED_GAIN,
        # φ' = a + α, so the cut of 6% of its maximum max(1, α).
        unsaturated=lambda module: (
            0.0591 * max(1.0, float(module.alpha)) - float(module.alpha),  # type: ignore[arg-type]
            math.inf,
        ),
    ),
    Activation.SELU: ActivationChoice(
        label="SELU",
        help=N_("Scaled ELU that keeps mean 0 and variance 1; made for LeCun initialization."),
        formula=r"\lambda\,\mathrm{ELU}_\alpha(z)",
        derivative=r"\lambda\,(\mathbb{1}[z > 0] + \alpha e^z\,\mathbb{1}[z \le 0])",
        initialization="lecun_normal",
        paper="Klambauer et al. 2017",
        module=lambda spec: nn.SELU(),
        gain=lambda spec: nn.init.calculate_gain("selu"),
        unsaturated=lambda module: (0.0591 * 1.7581 - 1.7581, math.inf),
    ),
    Activation.GELU: ActivationChoice(
        label="GELU",
        help=N_("z times the normal distribution function: a smooth ReLU, used in transformers."),
        formula=r"z\,\Phi(z)",
        derivative=r"\Phi(z) + \frac{z}{\sqrt{2\pi}} e^{-z^2/2}",
        initialization="kaiming_normal",
        paper="Hendrycks & Gimpel 2016",
        module=lambda spec: nn.GELU(),
        gain=lambda spec: _GATED_GAIN,
    ),
    Activation.SILU: ActivationChoice(
        label="SiLU (Swish)",
        help=N_("z times its own sigmoid: a smooth ReLU."),
        formula=r"z\,\sigma(z)",
        derivative=r"\sigma(z)\,(1+z\,(1-\sigma(z)))",
        initialization="kaiming_normal",
        paper="Hendrycks & Gimpel 2016; Ramachandran et al. 2017 (Swish); Elfwing et al. 2018",
        module=lambda spec: nn.SiLU(),
        gain=lambda spec: _GATED_GAIN,
    ),
    Activation.MISH: ActivationChoice(
        label="Mish",
        help=N_("z·tanh(softplus z): close to SiLU, a little steeper."),
        formula=r"z \tanh(\ln(1+e^z))",
        derivative=r"\tanh s + z\,\sigma(z)\,(1-\tanh^2 s),\ s = \ln(1+e^z)",
        initialization="kaiming_normal",
        paper="Misra 2019",
        module=lambda spec: nn.Mish(),
        gain=lambda spec: _GATED_GAIN,
    ),
    Activation.SOFTPLUS: ActivationChoice(
        label="Softplus",
        help=N_("Smooth ReLU, always positive; its slope at 0 is only 1/2."),
        formula=r"\ln(1+e^z)",
        derivative=r"\sigma(z)",
        initialization="xavier_normal",
        paper="Dugas et al. 2001",
        module=lambda spec: nn.Softplus(),
        gain=lambda spec: 1.0,
    ),
    Activation.HARDSWISH: ActivationChoice(
        label="Hardswish",
        help=N_("SiLU made of straight pieces and one parabola; zero below −3."),
        formula=r"z\,\min(6, \max(0, z+3))/6",
        derivative=r"\frac{2z+3}{6}\,\mathbb{1}[-3 < z < 3] + \mathbb{1}[z > 3]",
        initialization="kaiming_normal",
        paper="Howard et al. 2019",
        module=lambda spec: nn.Hardswish(),
        gain=lambda spec: _GATED_GAIN,
    ),
}
