"""Spec → ``nn.Module`` with its weights drawn, on the CPU in float32."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gradflow.core.catalog import (
    ACTIVATIONS,
    INITIALIZATIONS,
    NORMALIZATIONS,
    Connection,
    Normalization,
    NormMode,
    NormPosition,
)
from gradflow.core.experiment import MLP, Experiment
from gradflow.core.networks.initialize import initialize, unit_variance, zero_last_branch_weights
from gradflow.core.networks.mlp import DenseMLP, PlainMLP, PreActivationMLP, ResidualMLP
from gradflow.core.networks.noise import seed_noise

STRUCTURES: dict[Connection, type[nn.Module]] = {
    Connection.PLAIN: PlainMLP,
    Connection.RESIDUAL: ResidualMLP,
    Connection.PREACTIVATION: PreActivationMLP,
    Connection.DENSE: DenseMLP,
}


def structure_arguments(spec: MLP) -> dict[str, Any]:
    """Keyword arguments that only residual structures take."""
    if spec.connection in (Connection.RESIDUAL, Connection.PREACTIVATION):
        return {"block_size": spec.block_size, "scale": spec.branch_scale}
    return {}


def build(experiment: Experiment, inputs: Tensor) -> nn.Module:
    """The network of ``experiment`` with weights drawn from its seed; LSUV looks at ``inputs``."""
    model = structure(experiment)
    fill(model, experiment, inputs)
    return model


def structure(experiment: Experiment) -> nn.Module:
    """The network of ``experiment``; weight layers have storage, but no values yet."""
    spec, data = experiment.network, experiment.data
    make_norm = NORMALIZATIONS[spec.normalization].module
    # The constructors' own random weights are overwritten by ``fill``; without storage they cost
    # nothing and leave the global random state alone.
    with torch.device("meta"):
        model = STRUCTURES[spec.connection](
            [data.features, *spec.hidden_widths, data.classes],
            activation=partial(ACTIVATIONS[spec.activation].module, spec),
            normalization=None if make_norm is None else partial(make_norm, spec),
            norm_first=spec.norm_position is NormPosition.BEFORE,
            **structure_arguments(spec),
        )
    model.to_empty(device="cpu")
    for module in model.modules():
        if isinstance(module, nn.PReLU) or not isinstance(module, nn.Linear):
            reset = getattr(module, "reset_parameters", None)
            if reset is not None:
                reset()
    if spec.normalization is Normalization.BATCH and spec.norm_mode is NormMode.EVALUATION:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.eval()
    return model


def fill(model: nn.Module, experiment: Experiment, inputs: Tensor) -> None:
    """Draw the weights of a ``structure`` from the seed, for the first time or anew.

    LSUV looks at ``inputs``.
    """
    spec = experiment.network
    choice = INITIALIZATIONS[spec.initialization]
    initialize(
        model,
        partial(choice.function, **choice.arguments(spec)),
        torch.Generator().manual_seed(experiment.seed),
        bias_std=spec.bias_std,
        pytorch_bias=choice.pytorch_bias,
    )
    if choice.unit_variance:
        seed_noise(model, experiment.seed, torch.device("cpu"))
        unit_variance(model, inputs)
    if spec.zero_last:
        zero_last_branch_weights(model)
