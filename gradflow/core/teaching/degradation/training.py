"""Deeper is worse: plain networks of 20 and of 56 layers in training, and some with shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, field_validator
from torch.nn import functional as F

from gradflow.core.catalog import Connection, Normalization
from gradflow.core.data import DATA_SEED_OFFSET, draw_batch
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.frozen import freeze_mappings
from gradflow.core.networks.build import build_network
from gradflow.core.probe import run
from gradflow.core.spec import Spec
from gradflow.core.teaching.degradation.depth import NORMS
from gradflow.core.text import Text
from gradflow.core.theory.moments import FloatArray

SAMPLES, BATCH = 1024, 64
STEPS = 120
SMOOTHED = 15
"""Steps over which the drawn training loss is averaged: one batch is a noisy witness."""
_MOMENTUM = 0.9
_LOOK_EVERY = 5
"""Steps between two looks at what is known."""
Name = tuple[Connection, int]
"""A network: its connections and its depth."""
NETWORKS: tuple[Name, ...] = (
    (Connection.PLAIN, 20),
    (Connection.PLAIN, 56),
    (Connection.PREACTIVATION, 20),
    (Connection.PREACTIVATION, 56),
    (Connection.DENSE, 56),
)
_WIDTHS = {Connection.DENSE: 8}
"""Units that each layer of a dense network adds; the others have ``_WIDTH``."""
_WIDTH = 32
Guess = Literal["open", "vanishing", "exploding", "neither"]
Progress = Callable[[float, Text], None]


class DeeperNetworks(Spec):
    """ReLU networks with He weights on 1024 digits, trained by SGD with momentum 0.9."""

    guess: Guess = Field(
        "open", title="The gradient of the 56 is", description="On its way back, before training."
    )
    normalization: Normalization = Field(
        Normalization.BATCH, title="Normalization", description="Before each ReLU."
    )
    learning_rate: float = Field(
        0.02, ge=0.001, le=0.5, title="Learning rate η", description="Of every step."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other data and weights.")

    @field_validator("normalization")
    @classmethod
    def _check_possible(cls, value: Normalization) -> Normalization:
        if value not in NORMS:
            message = Text(
                "normalization: {value} is not possible here; choose one of {allowed}",
                value=quote_value(value),
                allowed=", ".join(NORMS),
            )
            raise InvalidExperiment(message, fields=("normalization",))
        return value

    @property
    def trained(self) -> DeeperNetworks:
        """The settings that training depends on: all but the guess."""
        return self.model_copy(update={"guess": "open"})

    def make_experiment(self, name: Name) -> Experiment:
        """Make one of the networks."""
        connection, depth = name
        own: dict[str, Any] = {}
        if connection is Connection.PREACTIVATION and self.normalization is Normalization.NONE:
            # Without a norm every block of scale 1 doubles the stream's mean square.
            own["branch_scale"] = (2 / (depth - 2)) ** 0.5
        network = MLP(
            depth=depth,
            width=_WIDTHS.get(connection, _WIDTH),
            activation="relu",
            initialization="kaiming_normal",
            normalization=self.normalization,
            connection=connection,
            **own,
        )
        return Experiment(network=network, data=Data(batch_size=SAMPLES), seed=self.seed)


@dataclass(frozen=True, eq=False)
class DeeperTraining:
    """What became of the networks.

    Attributes:
        losses: the loss of each step's batch, averaged over ``SMOOTHED`` steps, ``(STEPS,)``.
        norms: ‖∂L/∂z_l‖ / ‖∂L/∂z_L‖ of every layer before training, ``(depth,)``.
    """

    losses: Mapping[Name, FloatArray]
    norms: Mapping[Name, FloatArray]

    def __post_init__(self) -> None:
        freeze_mappings(self, "losses", "norms")


def train_deeper(
    spec: DeeperNetworks,
    progress: Progress = lambda done, what: None,
    names: tuple[Name, ...] = NETWORKS,
    show: Callable[[DeeperTraining], object] = lambda known: None,
) -> DeeperTraining:
    """Train the networks one after the other, each on the same batches.

    Args:
        spec: the settings.
        progress: called between steps with the share that is done and what is being done; what it
            raises ends the work.
        names: the networks.
        show: called now and then with what is known so far.
    """
    total = sum(depth for _connection, depth in names)
    losses: dict[Name, FloatArray] = {}
    norms: dict[Name, FloatArray] = {}
    done = 0
    for name in names:
        depth = name[1]
        experiment = spec.make_experiment(name)
        delta = np.asarray(run(experiment).get_table("layers")["delta_norm"], np.float64)
        norms[name] = delta / delta[-1]
        seen: list[float] = []
        for loss in _train(experiment, spec.learning_rate):
            seen.append(loss)
            losses[name] = smooth(np.array(seen))
            if len(seen) % _LOOK_EVERY == 0:
                show(DeeperTraining(dict(losses), dict(norms)))
            share = (done + len(seen) / STEPS * depth) / total
            progress(share, Text("training {depth} layers", depth=depth))
        done += depth
    return DeeperTraining(losses, norms)


def smooth(losses: FloatArray) -> FloatArray:
    """Average each loss with those of up to ``SMOOTHED`` − 1 steps before it."""
    total = np.concatenate([[0.0], np.cumsum(losses)])
    last = np.arange(1, len(losses) + 1)
    first = np.maximum(last - SMOOTHED, 0)
    result: FloatArray = (total[last] - total[first]) / (last - first)
    return result


def _train(experiment: Experiment, rate: float) -> Iterator[float]:
    """Train a network, and yield the loss of each step's batch."""
    inputs, targets = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, inputs)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=rate, momentum=_MOMENTUM)
    random = torch.Generator().manual_seed(experiment.seed + DATA_SEED_OFFSET)
    for _step in range(STEPS):
        batch = torch.randint(SAMPLES, (BATCH,), generator=random)
        with torch.enable_grad():
            loss = F.cross_entropy(model(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield loss.item()
