"""What boards compute from, as the scripts of this folder take it: plain numbers and codes."""

from __future__ import annotations

from typing import Any

from gradflow.core.teaching.chain import Chain
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.perceptron import Parameters, Perceptron, run_perceptron


def describe_chain(chain: Chain) -> dict[str, Any]:
    """Describe a chain for ``runChain``."""
    return chain.model_dump(mode="json")


def describe_network(network: Perceptron) -> dict[str, Any]:
    """Describe a small network for ``backpropagate``, with its weights after the updates taken."""
    return {
        "inputs": list(network.inputs),
        "targets": list(network.targets),
        "activation": str(network.activation),
        "rate": network.learning_rate,
        "parameters": list_parameters(run_perceptron(network).parameters),
    }


def list_parameters(parameters: Parameters) -> list[list[Any]]:
    """List W by rows, and b, per layer."""
    return [[weight.tolist(), bias.tolist()] for weight, bias in parameters]


def describe_descent(descent: Descent) -> dict[str, Any]:
    """Describe a descent for ``runDescent``."""
    return {
        "surface": str(descent.surface),
        "shape": descent.shape or 0.0,
        "start": list(descent.start),
        "optimizers": list(map(str, descent.optimizers)),
        "rates": list(descent.rates),
        "momentum": descent.momentum,
        "steps": descent.steps,
        "clip": str(descent.clip),
        "threshold": descent.threshold,
    }
