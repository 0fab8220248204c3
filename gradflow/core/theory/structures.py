"""Which law follows the signal through which pattern of connections."""

from __future__ import annotations

from collections.abc import Callable

from gradflow.core.catalog import Connection
from gradflow.core.experiment import Experiment
from gradflow.core.theory.flow import Flow, blocks, dense, plain, preactivation
from gradflow.core.theory.residual import residual
from gradflow.core.theory.signals import Network

STRUCTURES: dict[Connection, Callable[[Network], Flow]] = {
    Connection.PLAIN: plain,
    Connection.RESIDUAL: residual,
    Connection.PREACTIVATION: preactivation,
    Connection.DENSE: dense,
}


def flow_of(experiment: Experiment) -> tuple[Flow, Network]:
    """The flow through the network of ``experiment``."""
    spec = experiment.mlp
    through = STRUCTURES[spec.connection]
    network = Network(experiment)
    if not spec.zero_last:
        return through(network), network
    if network.adapts:  # LSUV looks at the network before its last branch weights become 0
        through(network)
        network = Network(experiment, network.gain)
    for block in blocks(spec, network.depth):
        network.zero(block[-1])
    return through(network), network
