"""Optimizers, clipping and precision of a training run: one enum member and one table row each.

``build(parameters, plan)`` makes PyTorch's own optimizer with the settings of a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import torch
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Optimizer(StrEnum):
    """Codes of the optimizers."""

    SGD = "sgd"
    MOMENTUM = "momentum"
    NESTEROV = "nesterov"
    ADAGRAD = "adagrad"
    RMSPROP = "rmsprop"
    ADAM = "adam"
    ADAMW = "adamw"


class Clip(StrEnum):
    """Codes of the ways to clip a gradient."""

    NONE = "none"
    NORM = "norm"
    VALUE = "value"


class Precision(StrEnum):
    """Codes of the ways to compute a training step."""

    FULL = "full"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class OptimizerParameters(Protocol):
    """What rows of ``OPTIMIZERS`` read of a training plan."""

    @property
    def learning_rate(self) -> float:
        """Size of a step, η."""

    @property
    def momentum(self) -> float:
        """Share of the velocity that stays, μ."""

    @property
    def smoothing(self) -> float:
        """Share of the mean squared gradient that RMSprop keeps, α."""

    @property
    def beta1(self) -> float:
        """Share of the mean gradient that Adam keeps, β₁."""

    @property
    def beta2(self) -> float:
        """Share of the mean squared gradient that Adam keeps, β₂."""

    @property
    def weight_decay(self) -> float:
        """Decoupled weight decay, λ."""


@dataclass(frozen=True, kw_only=True)
class OptimizerChoice(Choice):
    """A row of ``OPTIMIZERS``.

    Attributes:
        rule: one step in LaTeX, from the weights W_t and the (clipped) gradient g_t.
        build: ``build(parameters, plan)`` makes the optimizer of ``torch.optim`` for
            ``parameters``, which are tensors or groups of tensors.
        source: authors and year of the papers.
    """

    rule: str
    build: Callable[[Iterable[Any], OptimizerParameters], torch.optim.Optimizer]
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class PrecisionChoice(Choice):
    """A row of ``PRECISIONS``; ``dtype`` is that of ``torch.autocast``, ``None`` without it."""

    dtype: torch.dtype | None = None


# Parts of the rules of Adam and AdamW.
_MOMENTS = (
    r"m_{t+1} = \beta_1 m_t + (1-\beta_1) g_t,\quad s_{t+1} = \beta_2 s_t + (1-\beta_2) g_t^2,\quad"
    r" W_{t+1} = "
)
_STEP = r"\eta\,\frac{m_{t+1}/(1-\beta_1^{t+1})}{\sqrt{s_{t+1}/(1-\beta_2^{t+1})} + 10^{-8}}"

OPTIMIZERS: dict[Optimizer, OptimizerChoice] = {
    Optimizer.SGD: OptimizerChoice(
        label="SGD",
        help=N_("Plain gradient descent: straight downhill."),
        rule=r"W_{t+1} = W_t - \eta\, g_t",
        build=lambda parameters, plan: SGD(parameters, lr=plan.learning_rate),
        source="Robbins & Monro 1951",
    ),
    Optimizer.MOMENTUM: OptimizerChoice(
        label="Momentum",
        help=N_("Steps add up like the velocity of a rolling ball."),
        rule=r"v_{t+1} = \mu v_t + g_t,\quad W_{t+1} = W_t - \eta\, v_{t+1}",
        parameters=("momentum",),
        build=lambda parameters, plan: SGD(
            parameters, lr=plan.learning_rate, momentum=plan.momentum
        ),
        source="Polyak 1964",
    ),
    Optimizer.NESTEROV: OptimizerChoice(
        label="Nesterov",
        help=N_("Momentum that looks one step ahead."),
        rule=r"v_{t+1} = \mu v_t + g_t,\quad W_{t+1} = W_t - \eta\,(g_t + \mu v_{t+1})",
        parameters=("momentum",),
        build=lambda parameters, plan: SGD(
            parameters, lr=plan.learning_rate, momentum=plan.momentum, nesterov=True
        ),
        source="Nesterov 1983; Sutskever et al. 2013",
    ),
    Optimizer.ADAGRAD: OptimizerChoice(
        label="Adagrad",
        help=N_("Each weight's step is divided by the root of all its squared gradients."),
        rule=r"G_{t+1} = G_t + g_t^2,\quad"
        r" W_{t+1} = W_t - \eta\,\frac{g_t}{\sqrt{G_{t+1}} + 10^{-10}}",
        build=lambda parameters, plan: Adagrad(parameters, lr=plan.learning_rate),
        source="Duchi, Hazan & Singer 2011",
    ),
    Optimizer.RMSPROP: OptimizerChoice(
        label="RMSprop",
        help=N_("Like Adagrad, but old gradients are forgotten."),
        rule=r"s_{t+1} = \alpha s_t + (1-\alpha) g_t^2,\quad"
        r" W_{t+1} = W_t - \eta\,\frac{g_t}{\sqrt{s_{t+1}} + 10^{-8}}",
        parameters=("smoothing",),
        build=lambda parameters, plan: RMSprop(
            parameters, lr=plan.learning_rate, alpha=plan.smoothing
        ),
        source="Tieleman & Hinton 2012",
    ),
    Optimizer.ADAM: OptimizerChoice(
        label="Adam",
        help=N_("Momentum over RMSprop, both corrected for their start at zero."),
        rule=_MOMENTS + r"W_t - " + _STEP,
        parameters=("beta1", "beta2"),
        build=lambda parameters, plan: Adam(
            parameters, lr=plan.learning_rate, betas=(plan.beta1, plan.beta2)
        ),
        source="Kingma & Ba 2015",
    ),
    Optimizer.ADAMW: OptimizerChoice(
        label="AdamW",
        help=N_("Adam with weight decay on its own: the weights shrink by ηλ in every step."),
        rule=_MOMENTS + r"(1 - \eta\lambda) W_t - " + _STEP,
        parameters=("beta1", "beta2", "weight_decay"),
        build=lambda parameters, plan: AdamW(
            parameters,
            lr=plan.learning_rate,
            betas=(plan.beta1, plan.beta2),
            weight_decay=plan.weight_decay,
        ),
        source="Loshchilov & Hutter 2019",
    ),
}

CLIPS: dict[Clip, Choice] = {
    Clip.NONE: Choice(label=N_("Off"), help=N_("The gradient is used as it is.")),
    Clip.NORM: Choice(
        label=N_("By norm"),
        help=N_("A longer gradient is shortened to length c; it keeps its direction."),
        parameters=("threshold",),
    ),
    Clip.VALUE: Choice(
        label=N_("By value"),
        help=N_("Each entry is cut to −c … c, which turns the gradient."),
        parameters=("threshold",),
    ),
}

PRECISIONS: dict[Precision, PrecisionChoice] = {
    Precision.FULL: PrecisionChoice(
        label=N_("Full"), help=N_("Everything in the number format of the weights.")
    ),
    Precision.BFLOAT16: PrecisionChoice(
        label=N_("Mixed, bfloat16"),
        help=N_("Products in bfloat16, weights in float32; its range needs no loss scaling."),
        dtype=torch.bfloat16,
    ),
    Precision.FLOAT16: PrecisionChoice(
        label=N_("Mixed, float16"),
        help=N_(
            "Products in float16, weights in float32, and the loss scaled up so that small "
            "gradients survive."
        ),
        parameters=("initial_scale", "growth_interval"),
        dtype=torch.float16,
    ),
}
