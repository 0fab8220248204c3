"""Cures that change normalization, wiring or depth, and clipping, which changes only the step."""

from __future__ import annotations

import math

import numpy as np

from gradflow.core.catalog import Connection, Normalization, NormMode
from gradflow.core.experiment import MLP, NetworkSpec, Transformer
from gradflow.core.numbers import format_number
from gradflow.core.remedies.parts import Part
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.remedies.weights import Settings
from gradflow.core.report import Report
from gradflow.core.text import N_, Text

GROUP_COUNTS = (8, 4, 2)
"""The largest that divides all widths and leaves groups of ``LEAST_GROUP_SIZE`` is taken."""
LEAST_GROUP_SIZE = 16
"""Units per group: in small groups the normalization itself makes the gradient grow."""
CLIP_NORM = 1.0


def _choose_groups(situation: Situation) -> Settings:
    if situation.network.normalization is Normalization.GROUP:
        return {}
    widths = situation.network.hidden_widths
    for groups in GROUP_COUNTS:
        if math.gcd(*widths) % groups == 0 and min(widths) >= LEAST_GROUP_SIZE * groups:
            return {"normalization": Normalization.GROUP, "groups": groups}
    return {}


def _halve_depth(situation: Situation) -> Settings:
    transformer = situation.experiment.network
    if isinstance(transformer, Transformer):
        return {"depth": transformer.depth // 2} if transformer.depth > 1 else {}
    network = situation.network
    depth = (len(network.hidden_widths) + 1) // 2
    if depth < 3:  # two hidden layers, so that there is something to compare
        return {}
    if not isinstance(network, MLP) or not network.widths:
        return {"depth": depth}
    kept = np.linspace(0, len(network.widths) - 1, depth - 1).round().astype(int)
    return {"widths": tuple(network.widths[i] for i in kept)}


def _clip_growing_gradient(situation: Situation) -> Settings:
    wanted = situation.factor > 1 and situation.experiment.clip_norm == 0
    return {"clip_norm": CLIP_NORM} if wanted else {}


def _describe_clipping(situation: Situation, after: Report) -> Text:
    if after.parameters["grad_nonfinite"].sum() > 0:
        return Text("Some gradients are not finite, and clipping cannot mend that.")
    norm = math.hypot(*after.parameters["grad_norm"].dropna())
    if norm <= CLIP_NORM:
        return Text(
            "The gradient over all parameters has norm {norm}, below the threshold {c}: nothing is "
            "clipped here.",
            norm=format_number(norm),
            c=CLIP_NORM,
        )
    return Text(
        "The gradient over all parameters has norm {norm}; clipped to {c}, the step is at most "
        "lr·{c} = {step}.",
        norm=format_number(norm),
        c=CLIP_NORM,
        step=format_number(CLIP_NORM * situation.experiment.learning_rate),
    )


STRUCTURE_REMEDIES = (
    Remedy(
        code="batch_norm",
        part=Part.NORMALIZATION,
        label=N_("Batch normalization"),
        change=N_(
            "Gives every unit mean 0 and variance 1 over the batch, so that activations stay "
            "where they have a slope, whatever the weights."
        ),
        cost=N_(
            "Two parameters per unit, and more time per layer for mean, variance and their "
            "gradients."
        ),
        limits=N_(
            "In plain layers the gradient then grows, gently but without end: about 1.21 "
            "times per layer with ReLU, 1.09 with tanh, 1.02 with a sigmoid. Batches of a "
            "few samples are too small for it."
        ),
        settings=lambda s: {"normalization": Normalization.BATCH, "norm_mode": NormMode.TRAINING},
    ),
    Remedy(
        code="layer_norm",
        part=Part.NORMALIZATION,
        label=N_("Layer normalization"),
        change=N_(
            "Gives every sample mean 0 and variance 1 over the units of a layer: no batch needed."
        ),
        cost=N_(
            "Two parameters per unit, and more time per layer for mean, variance and their "
            "gradients."
        ),
        limits=N_(
            "The squared gradient changes by E[φ'²]/E[φ²] per layer: 1 for ReLU, 1.18 for "
            "tanh, but 0.15 for a sigmoid, whose mean stays in the signal; there it still "
            "vanishes."
        ),
        settings=lambda s: {"normalization": Normalization.LAYER},
    ),
    Remedy(
        code="group_norm",
        part=Part.NORMALIZATION,
        label=N_("Group normalization"),
        change=N_("Gives every sample mean 0 and variance 1 within groups of units."),
        cost=N_(
            "Two parameters per unit, and more time per layer for mean, variance and their "
            "gradients."
        ),
        limits=N_(
            "The law is that of layer normalization, E[φ'²]/E[φ²] per layer: with a "
            "sigmoid the gradient still vanishes; small groups make it grow."
        ),
        settings=_choose_groups,
    ),
    Remedy(
        code="residual",
        part=Part.SHORTCUTS,
        label=N_("Residual (ResNet)"),
        change=N_(
            "Adds a shortcut around each block, φ(h + f(h)), so that the gradient also flows "
            "past the block's weights."
        ),
        cost=N_("One addition per block; no parameters."),
        limits=N_(
            "The activation after each addition stays on the path: a sigmoid still shrinks "
            "the gradient once per block. Large weights (He already) make signal and "
            "gradient grow from block to block; a branch scale of 1/√blocks limits that."
        ),
        settings=lambda s: {"connection": Connection.RESIDUAL},
    ),
    Remedy(
        code="preactivation",
        part=Part.SHORTCUTS,
        label=N_("Residual, pre-activation"),
        change=N_(
            "Adds a shortcut with nothing on it, h + f(h): the gradient reaches every block "
            "with factor one, whatever the activation."
        ),
        cost=N_("One addition per block; no parameters."),
        limits=N_(
            "What the branches add accumulates: He weights double the squared signal and "
            "gradient in every block, larger ones do more; a branch scale of 1/√blocks "
            "limits that."
        ),
        settings=lambda s: {"connection": Connection.PREACTIVATION},
    ),
    Remedy(
        code="dense",
        part=Part.SHORTCUTS,
        label=N_("Dense concatenation"),
        change=N_(
            "Shows every layer, and the readout, the outputs of all layers before it, so "
            "that each has a short path to the loss."
        ),
        cost=N_("Parameters and time grow with the square of the depth."),
        limits=N_(
            "The fan-in grows from layer to layer, so weights of a fixed σ become too large "
            "and the gradient explodes; weights scaled by the fan-in suit it."
        ),
        settings=lambda s: {"connection": Connection.DENSE},
    ),
    Remedy(
        code="shallower",
        part=Part.DEPTH,
        label=N_("Half the depth"),
        change=N_(
            "Half as many layers: the product that makes the gradient has half as many factors."
        ),
        cost=N_("About half the time and parameters, and a network that can express less."),
        limits=N_("The factor per layer stays what it was; only its power is smaller."),
        settings=_halve_depth,
        kinds=(NetworkSpec,),
    ),
    Remedy(
        code="clipping",
        part=Part.STEPS,
        label=N_("Gradient clipping"),
        change=N_(
            "Scales the whole gradient down where its norm over all parameters exceeds 1, so "
            "that one step cannot throw the weights far off."
        ),
        cost=N_("One norm over all gradients per step; no parameters."),
        limits=N_(
            "Clipping multiplies all gradients by the same number: the profile over the "
            "layers stays as it is, only the step is bounded. It cannot revive a vanishing "
            "gradient."
        ),
        settings=_clip_growing_gradient,
        kinds=(NetworkSpec,),
        hidden=0,
        comment=_describe_clipping,
    ),
)
