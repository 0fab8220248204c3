"""Building of networks from their specs, with weights drawn from the seed (CPU, float32)."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from gradflow.core.catalog import (
    ACTIVATIONS,
    INITIALIZATIONS,
    NORMALIZATIONS,
    READOUTS,
    Connection,
    Normalization,
    NormMode,
    NormPosition,
    Padding,
)
from gradflow.core.experiment import MLP, ConvNet, Experiment, LayerSettings, Transformer
from gradflow.core.networks import conv, mlp, transformer
from gradflow.core.networks.initialize import (
    initialize,
    initialize_transformer,
    scale_to_unit_variance,
    zero_last_branch_weights,
)
from gradflow.core.networks.noise import seed_noise
from gradflow.core.networks.recipe import Recipe
from gradflow.core.specs.transformer import MLP_RATIO, TOKENS

MLPS: dict[Connection, type[nn.Module]] = {
    Connection.PLAIN: mlp.PlainMLP,
    Connection.RESIDUAL: mlp.ResidualMLP,
    Connection.PREACTIVATION: mlp.PreActivationMLP,
    Connection.DENSE: mlp.DenseMLP,
}
CONVNETS: dict[Connection, type[nn.Module]] = {
    Connection.PLAIN: conv.PlainConvNet,
    Connection.RESIDUAL: conv.ResidualConvNet,
    Connection.PREACTIVATION: conv.PreActivationConvNet,
    Connection.DENSE: conv.DenseConvNet,
}
_WITH_BLOCKS = (Connection.RESIDUAL, Connection.PREACTIVATION)


def build_network(
    experiment: Experiment, inputs: Tensor, advance: Callable[[], None] | None = None
) -> nn.Module:
    """Build the network of ``experiment``, with weights drawn from its seed.

    LSUV scales them by the signals that ``inputs`` make; ``advance`` is called between layers.
    """
    model = allocate_network(experiment)
    draw_weights(model, experiment, inputs, advance)
    return model


def allocate_network(experiment: Experiment) -> nn.Module:
    """Build the network of ``experiment`` with weight layers that have storage, but no values."""
    elsewhere = torch.get_default_device().type != "cpu"
    with torch.device("cpu") if elsewhere else nullcontext(), _NoRandomWeights():
        model = make_recipe(experiment).build()
    spec = experiment.network
    if isinstance(spec, LayerSettings) and uses_running_statistics(spec):
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
    return model


class _NoRandomWeights(TorchFunctionMode):
    """Leave out the random numbers with which constructors fill their weights.

    ``draw_weights`` overwrites them anyway. It takes a quarter of the time of building on the meta
    device, and as there the global random state stays as it is.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in _RANDOM_FILLS:
            return kwargs["tensor"]  # how torch.nn.init hands it over
        return func(*args, **(kwargs or {}))


_RANDOM_FILLS = (nn.init.uniform_, nn.init.kaiming_uniform_)


def uses_running_statistics(spec: LayerSettings) -> bool:
    """Return whether batch normalization uses its running statistics."""
    return spec.normalization is Normalization.BATCH and spec.norm_mode is NormMode.EVALUATION


def draw_weights(
    model: nn.Module,
    experiment: Experiment,
    inputs: Tensor,
    advance: Callable[[], None] | None = None,
) -> None:
    """Draw the weights of an allocated network from the seed, for the first time or anew.

    LSUV scales them by the signals that ``inputs`` make; ``advance`` is called between layers.
    """
    spec = experiment.network
    generator = torch.Generator().manual_seed(experiment.seed)
    if isinstance(spec, Transformer):
        initialize_transformer(model, generator, **compute_transformer_stds(spec))
        return
    choice = INITIALIZATIONS[spec.initialization]
    draw = partial(choice.function, **choice.arguments(spec))

    def fill(weight: Tensor, generator: torch.Generator) -> None:
        draw(weight, generator)
        if advance is not None:
            advance()

    initialize(
        model,
        fill,
        generator,
        bias_std=spec.bias_std,
        pytorch_bias=choice.pytorch_bias,
    )
    if choice.unit_variance:
        seed_noise(model, experiment.seed, torch.device("cpu"))
        scale_to_unit_variance(model, inputs)
    if spec.zero_last:
        zero_last_branch_weights(model)


def compute_transformer_stds(spec: Transformer) -> dict[str, float]:
    """Compute the σ of the weights, and of the last weight of every branch (as GPT-2)."""
    scale = math.sqrt(2 * spec.depth) if spec.scaled_output else 1.0
    return {"std": spec.weight_std, "output_std": spec.weight_std / scale}


def make_recipe(experiment: Experiment) -> Recipe:
    """Make the recipe of the network of ``experiment``."""
    recipe = _make_structure(experiment)
    return replace(recipe, output=READOUTS[experiment.network.readout].module)


def _make_structure(experiment: Experiment) -> Recipe:
    spec = experiment.network
    if isinstance(spec, ConvNet):
        return _make_convnet(spec, experiment)
    if isinstance(spec, Transformer):
        return _make_transformer(spec, experiment)
    return _make_mlp(spec, experiment)


def _make_mlp(spec: MLP, experiment: Experiment) -> Recipe:
    features, outputs = experiment.data.features, experiment.data.outputs
    hidden = ", ".join(map(str, spec.widths)) or f"*[{spec.width}] * {spec.depth - 1}"
    arguments, source = _collect_layer_arguments(spec)
    structure = MLPS[spec.connection]
    blocks = (mlp.Block,) if spec.connection in _WITH_BLOCKS else ()
    return Recipe(
        structure=structure,
        arguments={
            "sizes": [features, *spec.hidden_widths, outputs],
            **arguments,
            **_collect_block_arguments(spec),
        },
        source=source | {"sizes": f"[{features}, {hidden}, {outputs}]"},
        parts=(mlp.finish_layer, *blocks, structure),
    )


def _make_convnet(spec: ConvNet, experiment: Experiment) -> Recipe:
    channels, side = spec.find_image_shape(experiment.data)
    arguments, source = _collect_layer_arguments(spec)
    structure = CONVNETS[spec.connection]
    windows = conv.Windows(
        spec.kernel,
        spec.padding is Padding.CIRCULAR,
        str(spec.downsampling),
        tuple(sorted(spec.stage_starts)),
    )
    blocks = (mlp.Block, conv.ImageBlock) if spec.connection in _WITH_BLOCKS else ()
    return Recipe(
        structure=structure,
        arguments={
            "image": (channels, side, spec.image_size),
            "widths": list(spec.hidden_widths),
            "classes": experiment.data.outputs,
            "windows": windows,
            **arguments,
            **_collect_block_arguments(spec),
        },
        source=source,
        parts=(mlp.finish_layer, conv.Windows, conv.Images, conv.MeanLinear, *blocks, structure),
    )


def _make_transformer(spec: Transformer, experiment: Experiment) -> Recipe:
    row = ACTIVATIONS[spec.activation]
    net = transformer
    return Recipe(
        structure=net.TransformerNet,
        arguments={
            "tokens": TOKENS,
            "row": experiment.data.features // TOKENS,
            "width": spec.width,
            "depth": spec.depth,
            "heads": spec.heads,
            "inner": MLP_RATIO * spec.width,
            "classes": experiment.data.outputs,
            "activation": partial(row.module, spec),
            "placement": str(spec.norm_placement),
            "scale": spec.residual_scale,
        },
        source={"activation": f"lambda: nn.{row.module(spec)}"},
        parts=(
            mlp.Block,
            net.Rows,
            net.Positions,
            net.Attention,
            net.TokenReadout,
            net.TransformerNet,
        ),
    )


def _collect_layer_arguments(spec: LayerSettings) -> tuple[dict[str, Any], dict[str, str]]:
    """Collect the arguments that say what follows each weight layer, as values and as source."""
    activation, norm = ACTIVATIONS[spec.activation], NORMALIZATIONS[spec.normalization]
    images = isinstance(spec, ConvNet)
    make: Callable[..., nn.Module] | None = norm.image_module if images else norm.module
    code = norm.image_code if images else norm.code
    return {
        "activation": partial(activation.module, spec),
        "normalization": None if make is None else partial(make, spec),
        "norm_first": spec.norm_position is NormPosition.BEFORE,
    }, {
        "activation": f"lambda: nn.{activation.module(spec)}",
        "normalization": code.format(groups=spec.groups),
    }


def _collect_block_arguments(spec: LayerSettings) -> dict[str, Any]:
    """Collect the arguments of residual blocks, none where the network has no blocks."""
    if spec.connection in _WITH_BLOCKS:
        return {"block_size": spec.block_size, "scale": spec.branch_scale}
    return {}
