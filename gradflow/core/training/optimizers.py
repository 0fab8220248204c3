"""A plan in PyTorch's terms: optimizer, penalties, clipping, loss scaling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gradflow.core.catalog.optimizers import OPTIMIZERS, PRECISIONS, Clip, Precision
from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import Text
from gradflow.core.training.plan import TrainingPlan


def select_matrices(parameters: Sequence[Tensor]) -> list[Tensor]:
    """Select the weights that penalties and decay act on: parameters of two or more dimensions."""
    return [parameter for parameter in parameters if parameter.dim() > 1]


def build_optimizer(parameters: Sequence[Tensor], plan: TrainingPlan) -> torch.optim.Optimizer:
    """Build the plan's optimizer; weight decay acts on weight matrices only."""
    others = [parameter for parameter in parameters if parameter.dim() < 2]
    groups = [(select_matrices(parameters), {}), (others, {"weight_decay": 0.0})]
    chosen = [{"params": params, **settings} for params, settings in groups if params]
    return OPTIMIZERS[plan.optimizer].build(chosen, plan)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(
    parameters: Sequence[Tensor], plan: TrainingPlan, overflowed: Callable[[], None]
) -> None:
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

    That is the gradient of λ₁Σ|W| + ½λ₂Σ W². Like ``weight_decay`` of PyTorch's optimizers it
    comes after clipping.
    """
    if not plan.l1 and not plan.l2:
        return
    for weight in select_matrices(parameters):
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        if plan.l1:
            weight.grad.add_(weight.sign(), alpha=plan.l1)
        if plan.l2:
            weight.grad.add_(weight, alpha=plan.l2)


def build_scaler(plan: TrainingPlan, device: torch.device) -> torch.amp.GradScaler:
    """Build PyTorch's loss scaling; it does nothing except in float16."""
    return torch.amp.GradScaler(
        device.type,
        init_scale=plan.initial_scale,
        growth_interval=plan.growth_interval,
        enabled=plan.precision is Precision.FLOAT16,
    )


def check_precision(parameters: Sequence[Tensor], plan: TrainingPlan) -> None:
    """Refuse mixed precision with weights that are not in float32.

    Raises:
        InvalidExperiment: the plan has mixed precision, and a weight has another format.
    """
    if PRECISIONS[plan.precision].dtype is None:
        return
    for parameter in parameters:
        if parameter.dtype != torch.float32:
            raise InvalidExperiment(
                Text(
                    "precision: {precision} needs weights in float32, these are {dtype}; choose "
                    "dtype float32 or precision full",
                    precision=plan.precision,
                    dtype=str(parameter.dtype).removeprefix("torch."),
                ),
                fields=("precision", "dtype"),
            )
