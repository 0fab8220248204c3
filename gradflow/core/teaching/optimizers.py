"""The optimizers of descents, all PyTorch's own: one enum member and one table row each.

A parameter of two numbers is stepped fastest by the plain loop, hence ``foreach=False``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, RMSprop

from gradflow.core.catalog.choice import Choice
from gradflow.core.catalog.optimizers import Clip
from gradflow.core.text import N_


class DescentOptimizer(StrEnum):
    """Codes of the optimizers."""

    SGD = "sgd"
    MOMENTUM = "momentum"
    NESTEROV = "nesterov"
    ADAGRAD = "adagrad"
    RMSPROP = "rmsprop"
    ADAM = "adam"


@dataclass(frozen=True, kw_only=True)
class DescentOptimizerChoice(Choice):
    """A row of ``DESCENT_OPTIMIZERS``.

    Attributes:
        rule: one step in LaTeX, from x_n and the (clipped) gradient g_n.
        build: ``build(point, learning_rate, momentum)``.
        memory: names in the optimizer's state, and their symbols in ``rule``.
        takes_momentum: whether it has the setting μ.
        adaptive: whether it divides by the size of past gradients.
        source: the paper that proposed it.
    """

    rule: str
    build: Callable[[Tensor, float, float], torch.optim.Optimizer]
    memory: tuple[tuple[str, str], ...] = ()
    takes_momentum: bool = False
    adaptive: bool = False
    source: str = ""


_VELOCITY = (("momentum_buffer", "v"),)

DESCENT_OPTIMIZERS: dict[DescentOptimizer, DescentOptimizerChoice] = {
    DescentOptimizer.SGD: DescentOptimizerChoice(
        label="SGD",
        help=N_("Plain gradient descent: straight downhill."),
        rule=r"x_{n+1} = x_n - \eta\, g_n",
        build=lambda point, rate, momentum: SGD([point], lr=rate, foreach=False),
    ),
    DescentOptimizer.MOMENTUM: DescentOptimizerChoice(
        label="Momentum",
        help=N_("Steps add up like the velocity of a rolling ball."),
        rule=r"v_{n+1} = \mu v_n + g_n,\quad x_{n+1} = x_n - \eta\, v_{n+1}",
        build=lambda point, rate, momentum: SGD([point], lr=rate, momentum=momentum, foreach=False),
        memory=_VELOCITY,
        takes_momentum=True,
        source="Polyak 1964",
    ),
    DescentOptimizer.NESTEROV: DescentOptimizerChoice(
        label="Nesterov",
        help=N_("Momentum that looks one step ahead."),
        rule=r"v_{n+1} = \mu v_n + g_n,\quad x_{n+1} = x_n - \eta\,(g_n + \mu v_{n+1})",
        # Without momentum it is plain descent, which PyTorch wants to be asked for as such.
        build=lambda point, rate, momentum: SGD(
            [point], lr=rate, momentum=momentum, nesterov=momentum > 0, foreach=False
        ),
        memory=_VELOCITY,
        takes_momentum=True,
        source="Nesterov 1983; Sutskever et al. 2013",
    ),
    DescentOptimizer.ADAGRAD: DescentOptimizerChoice(
        label="Adagrad",
        help=N_("Each coordinate's step is divided by the root of all its squared gradients."),
        rule=r"G_{n+1} = G_n + g_n^2,\quad"
        r" x_{n+1} = x_n - \eta\,\frac{g_n}{\sqrt{G_{n+1}} + 10^{-10}}",
        build=lambda point, rate, momentum: Adagrad([point], lr=rate, foreach=False),
        memory=(("sum", "G"),),
        adaptive=True,
        source="Duchi, Hazan & Singer 2011",
    ),
    DescentOptimizer.RMSPROP: DescentOptimizerChoice(
        label="RMSprop",
        help=N_("Like Adagrad, but old gradients are forgotten."),
        rule=r"s_{n+1} = 0.99\, s_n + 0.01\, g_n^2,\quad"
        r" x_{n+1} = x_n - \eta\,\frac{g_n}{\sqrt{s_{n+1}} + 10^{-8}}",
        build=lambda point, rate, momentum: RMSprop([point], lr=rate, foreach=False),
        memory=(("square_avg", "s"),),
        adaptive=True,
        source="Tieleman & Hinton 2012",
    ),
    DescentOptimizer.ADAM: DescentOptimizerChoice(
        label="Adam",
        help=N_("Momentum over RMSprop, both corrected for their start at zero."),
        rule=r"m_{n+1} = 0.9\, m_n + 0.1\, g_n,\quad s_{n+1} = 0.999\, s_n + 0.001\, g_n^2,\quad"
        r" x_{n+1} = x_n - \eta\,\frac{m_{n+1}/(1-0.9^{n+1})}"
        r"{\sqrt{s_{n+1}/(1-0.999^{n+1})} + 10^{-8}}",
        build=lambda point, rate, momentum: Adam([point], lr=rate, foreach=False),
        memory=(("exp_avg", "m"), ("exp_avg_sq", "s")),
        adaptive=True,
        source="Kingma & Ba 2015",
    ),
}


def clip_point_gradient(point: Tensor, how: Clip, threshold: float) -> None:
    """Clip the gradient ``point.grad`` in place.

    By norm: g·min(1, c/(‖g‖ + 10⁻⁶)); by value: each entry to the interval from −c to c.
    """
    if how is Clip.NORM:
        torch.nn.utils.clip_grad_norm_([point], threshold)
    elif how is Clip.VALUE:
        torch.nn.utils.clip_grad_value_([point], threshold)
