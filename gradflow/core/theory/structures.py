"""The predicted flow of an experiment, by its pattern of connections."""

from __future__ import annotations

from collections.abc import Callable

from gradflow.core.catalog import Connection, Normalization
from gradflow.core.experiment import ConvNet, Experiment, Transformer
from gradflow.core.theory.attention import predict_transformer_flow
from gradflow.core.theory.flow import (
    PredictedFlow,
    list_blocks,
    predict_dense_flow,
    predict_plain_flow,
)
from gradflow.core.theory.images import predict_image_flow
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.preactivation import predict_preactivation_flow
from gradflow.core.theory.residual import predict_residual_flow
from gradflow.core.theory.signals import average
from gradflow.core.theory.validity import Laws

STRUCTURES: dict[Connection, Callable[[NetworkLaws], PredictedFlow]] = {
    Connection.PLAIN: predict_plain_flow,
    Connection.RESIDUAL: predict_residual_flow,
    Connection.PREACTIVATION: predict_preactivation_flow,
    Connection.DENSE: predict_dense_flow,
}


def predict_flow(experiment: Experiment) -> tuple[PredictedFlow, Laws]:
    """Predict the flow through the network of ``experiment``; return also its laws."""
    if isinstance(experiment.network, ConvNet):
        return predict_image_flow(experiment)
    if isinstance(experiment.network, Transformer):
        return predict_transformer_flow(experiment)
    spec = experiment.mlp
    predict_structure = STRUCTURES[spec.connection]
    network = NetworkLaws(experiment)
    if not spec.zero_last:
        return _weigh_samples(predict_structure(network), network), network
    if network.adapts:  # LSUV measures the network before its last branch weights become 0
        predict_structure(network)
        network.adapts = False
    for block in list_blocks(spec, network.depth):
        network.zero_layer(block[-1])
    return _weigh_samples(predict_structure(network), network), network


def _weigh_samples(flow: PredictedFlow, network: NetworkLaws) -> PredictedFlow:
    """Take the gradient of the first layer over all samples, if a norm divides each by itself.

    Those close to zero then have much of it, more than representative ones say. With
    pre-activation it comes back around that norm as well.
    """
    alone = network.norm in (Normalization.NONE, Normalization.BATCH)
    if alone or network.depth < 2 or network.spec.connection is Connection.PREACTIVATION:
        return flow
    units = network.fans[0][1]
    followed = network.apply_norm_and_activation(flow.preactivation[0], units).slope
    factor = average(network.pass_first_layer().slope) / max(average(followed), 1e-300)
    return flow._replace(delta=[flow.delta[0] * factor, *flow.delta[1:]])
