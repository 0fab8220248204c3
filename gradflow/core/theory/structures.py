"""Which law follows the signal through which pattern of connections."""

from __future__ import annotations

from collections.abc import Callable

from gradflow.core.catalog import Connection
from gradflow.core.experiment import Experiment
from gradflow.core.theory.flow import (
    PredictedFlow,
    list_blocks,
    predict_dense_flow,
    predict_plain_flow,
    predict_preactivation_flow,
)
from gradflow.core.theory.residual import predict_residual_flow
from gradflow.core.theory.signals import NetworkLaws

STRUCTURES: dict[Connection, Callable[[NetworkLaws], PredictedFlow]] = {
    Connection.PLAIN: predict_plain_flow,
    Connection.RESIDUAL: predict_residual_flow,
    Connection.PREACTIVATION: predict_preactivation_flow,
    Connection.DENSE: predict_dense_flow,
}


def predict_flow(experiment: Experiment) -> tuple[PredictedFlow, NetworkLaws]:
    """The flow through the network of ``experiment``."""
    spec = experiment.mlp
    through = STRUCTURES[spec.connection]
    network = NetworkLaws(experiment)
    if not spec.zero_last:
        return through(network), network
    if network.adapts:  # LSUV looks at the network before its last branch weights become 0
        through(network)
        network = NetworkLaws(experiment, network.gain)
    for block in list_blocks(spec, network.depth):
        network.zero_layer(block[-1])
    return through(network), network
