"""Cures of a transformer: where its norms stand, and how its weights are drawn."""

from __future__ import annotations

from gradflow.core.catalog import NormPlacement
from gradflow.core.experiment import Transformer
from gradflow.core.remedies.parts import Part
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.remedies.weights import Settings
from gradflow.core.text import N_

KINDS = (Transformer,)


def _get_defaults(*names: str) -> Settings:
    return {name: Transformer.model_fields[name].default for name in names}


def _damp_branches(situation: Situation) -> Settings:
    network = situation.experiment.network
    assert isinstance(network, Transformer)
    scale = (2 * network.depth) ** -0.5
    return {"residual_scale": scale} if network.residual_scale > scale else {}


TRANSFORMER_REMEDIES = (
    Remedy(
        code="pre_norm",
        part=Part.NORMALIZATION,
        label=N_("Pre-norm"),
        change=N_(
            "Normalizes what enters a branch, not the stream: the gradient then passes every "
            "addition unchanged."
        ),
        cost=N_("One normalization per branch, as post-norm has it."),
        limits=N_("The stream grows from block to block, so that later blocks change it less."),
        settings=lambda s: {"norm_placement": NormPlacement.PRE},
        kinds=KINDS,
    ),
    Remedy(
        code="scaled_weights",
        part=Part.WEIGHTS,
        label=N_("Weights as in GPT-2"),
        change=N_(
            "Draws all weights with σ = 0.02, and the last one of every branch smaller by "
            "1/√(2·depth), so that the stream does not grow with the depth."
        ),
        cost=N_("Nothing: no time in training, no parameters."),
        limits=N_("Without normalization small weights make what tells samples apart fade."),
        settings=lambda s: _get_defaults("weight_std", "scaled_output"),
        kinds=KINDS,
    ),
    Remedy(
        code="damped_branches",
        part=Part.SHORTCUTS,
        label=N_("Branches × 1/√(2·depth)"),
        change=N_(
            "Multiplies what every branch adds, so that all of them together are as large as the "
            "stream: signal and gradient keep their size."
        ),
        cost=N_("One product per branch; no parameters."),
        limits=N_("Behind a post-norm the stream is normalized again after every addition."),
        settings=_damp_branches,
        kinds=KINDS,
    ),
)
