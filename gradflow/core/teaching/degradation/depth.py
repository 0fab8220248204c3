"""The share of the gradient that reaches layer 1, in plain and residual networks of any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationInfo, field_validator

from gradflow.core.catalog import (
    ACTIVATIONS,
    Activation,
    Architecture,
    Connection,
    Initialization,
    Normalization,
)
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import MLP, ConvNet, Data, Experiment
from gradflow.core.probe import run
from gradflow.core.spec import Spec
from gradflow.core.teaching.activation_facts import Alpha, NegativeSlope
from gradflow.core.text import Text
from gradflow.core.theory import Standing, predict
from gradflow.core.theory.moments import FloatArray

KINDS = (Connection.PLAIN, Connection.RESIDUAL, Connection.PREACTIVATION)
SWEPT = (*KINDS, Connection.DENSE)
"""What is swept over the depth; a dense network has no blocks, and no stream."""
LAYERED = (Architecture.MLP, Architecture.CONV)
NORMS = (Normalization.NONE, Normalization.BATCH, Normalization.LAYER, Normalization.RMS)
BATCH, CONVOLUTIONAL_BATCH = 128, 32
"""Digits in a batch; fewer for convolutions, which work on each of their 64 pixels."""
GROWTH_SHARE = 4
"""A layer of a dense network has so many times fewer units: it sees those of all before it."""
DEPTHS = (4, 6, 10, 16, 26, 42, 66, 100)
"""Depths of the networks, about evenly spaced in their logarithm."""


class BlockNetworks(Spec):
    """Plain and residual networks on digits that differ in nothing but their connections.

    Weights are drawn by the method that goes with the activation, so that plain networks start
    near the critical point, where gradients neither vanish nor explode quickly.
    """

    architecture: Architecture = Field(
        Architecture.MLP, title="Architecture", description="The kind of network."
    )
    width: int = Field(64, ge=16, le=128, title="Width", description="Units in each hidden layer.")
    channels: int = Field(
        16, ge=4, le=32, title="Channels", description="Channels of each hidden layer."
    )
    activation: Activation = Field(
        Activation.RELU, title="Activation", description="The function φ after each hidden layer."
    )
    negative_slope: NegativeSlope = 0.01
    elu_alpha: Alpha = 1.0
    normalization: Normalization = Field(
        Normalization.BATCH, title="Normalization", description="Before the activation."
    )
    block_size: int = Field(
        2, ge=1, le=4, title="Layers per block", description="Weight layers that a shortcut skips."
    )
    branch_scale: float = Field(
        1.0, ge=0, le=1, title="Branch scale α", description="Factor on the branch f(h)."
    )
    zero_last: bool = Field(
        False,
        title="Last branch weight zero",
        description="Each block starts as the identity (Fixup, zero-γ).",
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other data and weights.")

    exempt: ClassVar[frozenset[str]] = frozenset({"width", "channels"})

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:
        """Whether a field has an effect: a network has a width or channels."""
        if name in cls.exempt:
            convolutional = values.get("architecture") == Architecture.CONV
            return convolutional is (name == "channels")
        return super().applies(name, values)

    @field_validator("architecture", "normalization")
    @classmethod
    def _check_possible(cls, value: StrEnum, info: ValidationInfo) -> StrEnum:
        allowed = {"architecture": LAYERED, "normalization": NORMS}[str(info.field_name)]
        if value not in allowed:
            message = Text(
                "{field}: {value} is not possible here; choose one of {allowed}",
                field=str(info.field_name),
                value=quote_value(value),
                allowed=", ".join(allowed),
            )
            raise InvalidExperiment(message, fields=(str(info.field_name),))
        return value

    def make_experiment(self, connection: Connection, depth: int) -> Experiment:
        """Make the network with one kind of connection; depth counts the readout."""
        names = ["activation", "normalization"]
        names += [n for n in ("negative_slope", "elu_alpha") if self.applies(n, dict(self))]
        dense = connection is Connection.DENSE
        if connection is not Connection.PLAIN and not dense:
            names += ["block_size", "branch_scale", "zero_last"]
        own: dict[str, Any] = {name: getattr(self, name) for name in names}
        own["initialization"] = Initialization(ACTIVATIONS[self.activation].initialization)
        width, channels = (n // GROWTH_SHARE if dense else n for n in (self.width, self.channels))
        network: MLP | ConvNet = (
            ConvNet(depth=depth, channels=channels, connection=connection, **own)
            if self.architecture is Architecture.CONV
            else MLP(depth=depth, width=width, connection=connection, **own)
        )
        batch = CONVOLUTIONAL_BATCH if self.architecture is Architecture.CONV else BATCH
        return Experiment(
            network=network, data=Data(source="digits", batch_size=batch), seed=self.seed
        )


@dataclass(frozen=True, eq=False)
class DepthSweep:
    """The networks with one kind of connection; all arrays have one entry per depth.

    Attributes:
        depths: L, the number of weight layers, rising.
        ratio: ‖∂L/∂z_1‖ / ‖∂L/∂z_L‖: the share of the readout's error signal that arrives at
            layer 1.
        law: the ratio by mean-field theory; NaN where theory has no number.
        first: ‖∂L/∂z_1‖.
        loss: the loss before training.
    """

    depths: npt.NDArray[np.int64]
    ratio: FloatArray
    law: FloatArray
    first: FloatArray
    loss: FloatArray


def sweep_depths(
    spec: BlockNetworks,
    connection: Connection,
    depths: Sequence[int] = DEPTHS,
    advance: Callable[[], None] | None = None,
) -> DepthSweep:
    """Measure the networks with one kind of connection at these depths, before training.

    ``advance`` is called between layers; what it raises ends it.
    """
    rows = [_measure(spec.make_experiment(connection, depth), advance) for depth in depths]
    return DepthSweep(np.array(depths), *np.array(rows).T)


def join_depths(sweeps: Iterable[DepthSweep]) -> DepthSweep:
    """Join what was measured with the same kind of connection, from shallow to deep."""
    rows = [[getattr(sweep, field.name) for field in fields(sweep)] for sweep in sweeps]
    return DepthSweep(*map(np.concatenate, zip(*rows, strict=True)))


def _measure(
    experiment: Experiment, advance: Callable[[], None] | None
) -> tuple[float, float, float, float]:
    """Measure ratio, law, first and loss of one network."""
    report = run(experiment, advance=advance)
    prediction = predict(experiment, report)
    norms = report.layers["delta_norm"].to_numpy(np.float64)
    law = prediction.delta_norm if prediction.standing is not Standing.NONE else norms * np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return norms[0] / norms[-1], law[0] / norms[-1], norms[0], report.loss
