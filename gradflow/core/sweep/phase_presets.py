"""Phase diagrams worth seeing: classics of signal propagation, and tables of what goes together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.sweep.phase import PhaseMap, PhaseSettings
from gradflow.core.text import N_


@dataclass(frozen=True)
class PhasePreset:
    """A named phase diagram; ``look_for`` says what there is to see in it."""

    label: str
    look_for: str
    settings: PhaseSettings


def _build(network: MLP, batch_size: int = 64, **plan: Any) -> PhaseSettings:
    data = Data(source="gaussian", dimension=network.width, batch_size=batch_size)
    return PhaseSettings(Experiment(network=network, data=data), PhaseMap(**plan))


PHASE_PRESETS: dict[str, PhasePreset] = {
    "edge_of_chaos": PhasePreset(
        N_("Tanh: weights against biases"),
        N_(
            "Beneath the line gradients vanish, above it they explode: the edge of chaos. Where do "
            "larger biases move it?"
        ),
        _build(
            MLP(depth=30, width=96, initialization="kaiming_normal", gain="custom", gain_value=1.0),
            upwards="gain_value",
            bottom=0.5,
            top=3.0,
        ),
    ),
    "depth_scale": PhasePreset(
        N_("ReLU: depth against the weights’ scale"),
        N_(
            "The deeper the network, the narrower the band of σ that works: it closes in on "
            "√(2/width)."
        ),
        _build(
            MLP(width=64, activation="relu", initialization="normal", init_std=0.1),
            across="init_std",
            left=0.05,
            right=0.6,
            upwards="depth",
            bottom=2,
            top=60,
            points=20,
        ),
    ),
    "pairs": PhasePreset(
        N_("Which initialization for which activation?"),
        N_(
            "The usual advice, measured: in every row, which initializations have a dot, because "
            "the gradient keeps its size?"
        ),
        _build(
            MLP(depth=20, width=64),
            across="initialization",
            upwards="activation",
            measure="first_gradient",
        ),
    ),
    "depth_norm": PhasePreset(
        N_("Normalization against depth"),
        N_(
            "With small weights the gradient is soon lost. Which normalization keeps its size, and "
            "which one makes it grow with depth?"
        ),
        _build(
            MLP(width=64, activation="relu", initialization="normal", init_std=0.05),
            across="depth",
            left=2,
            right=60,
            upwards="normalization",
            points=16,
        ),
    ),
    "batch": PhasePreset(
        N_("Batch norm: batch size against depth"),
        N_("With batch norm the gradient grows with depth. For which batches does it grow most?"),
        _build(
            MLP(
                width=64, activation="relu", initialization="kaiming_normal", normalization="batch"
            ),
            across="depth",
            left=2,
            right=40,
            upwards="batch_size",
            bottom=2,
            top=256,
            points=10,
        ),
    ),
    "width_seed": PhasePreset(
        N_("Width against seed: how much is luck?"),
        N_(
            "Every cell in a row is another draw of the same law. How wide must a network be until "
            "the draw hardly matters?"
        ),
        _build(
            MLP(depth=30, width=64, activation="relu", initialization="kaiming_normal"),
            across="seed",
            left=0,
            right=23,
            upwards="width",
            bottom=8,
            top=256,
            points=24,
        ),
    ),
}
"""The presets by their codes; the first is what the page opens with."""
