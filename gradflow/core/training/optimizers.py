"""From a plan to PyTorch's optimizers: parameter groups, penalties, clipping, loss scaling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gradflow.core.catalog.optimizers import OPTIMIZERS, PRECISIONS, Clip, Precision
from gradflow.core.errors import InvalidExperiment
from gradflow.core.training.plan import TrainingPlan


def matrices(parameters: Sequence[Tensor]) -> list[Tensor]:
    """Weights, which penalties and decay act on: parameters of two or more dimensions."""
    return [parameter for parameter in parameters if parameter.dim() > 1]


def build(parameters: Sequence[Tensor], plan: TrainingPlan) -> torch.optim.Optimizer:
    """The plan's optimizer; weight decay acts on weight matrices only."""
    others = [parameter for parameter in parameters if parameter.dim() < 2]
    groups = [(matrices(parameters), {}), (others, {"weight_decay": 0.0})]
    chosen = [{"params": params, **settings} for params, settings in groups if params]
    return OPTIMIZERS[plan.optimizer].build(chosen, plan)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip(parameters: Sequence[Tensor], plan: TrainingPlan, overflowed: Callable[[], None]) -> None:
    """Clip the gradients in place, as ``torch.nn.utils`` does.

    By norm: g·min(1, c/(‖g‖ + 10⁻⁶)), ‖g‖ over all parameters; by value: each entry to [−c, c].
    ``overflowed`` is called before, if ‖g‖ is not finite.
    """
    if plan.clip is Clip.NORM:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        total = nn.utils.get_total_norm(gradients)
        if not math.isfinite(total):
            overflowed()
        nn.utils.clip_grads_with_norm_(parameters, plan.threshold, total)
    elif plan.clip is Clip.VALUE:
        nn.utils.clip_grad_value_(parameters, plan.threshold)


@torch.no_grad()
def penalize(parameters: Sequence[Tensor], plan: TrainingPlan) -> None:
    """Add λ₁·sign(W) + λ₂·W to the gradients of the weight matrices.

    That is the gradient of λ₁Σ|W| + ½λ₂Σ W². As with ``weight_decay`` of PyTorch's optimizers it
    comes after clipping.
    """
    if not plan.l1 and not plan.l2:
        return
    for weight in matrices(parameters):
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        if plan.l1:
            weight.grad.add_(weight.sign(), alpha=plan.l1)
        if plan.l2:
            weight.grad.add_(weight, alpha=plan.l2)


def scaler(plan: TrainingPlan, device: torch.device) -> torch.amp.GradScaler:
    """PyTorch's loss scaling; it does nothing but in float16."""
    return torch.amp.GradScaler(
        device.type,
        init_scale=plan.initial_scale,
        growth_interval=plan.growth_interval,
        enabled=plan.precision is Precision.FLOAT16,
    )


def check_precision(parameters: Sequence[Tensor], plan: TrainingPlan) -> None:
    """Mixed precision keeps its weights in float32; raises ``InvalidExperiment`` otherwise."""
    if PRECISIONS[plan.precision].dtype is None:
        return
    for parameter in parameters:
        if parameter.dtype != torch.float32:
            found = str(parameter.dtype).removeprefix("torch.")
            raise InvalidExperiment(
                f"precision: {plan.precision} needs weights in float32, these are {found}; choose "
                "dtype float32 or precision full",
                fields=("precision", "dtype"),
            )
