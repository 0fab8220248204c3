"""The page's two kinds of settings: a chain or a network, and which of its numbers are shown.

Widgets edit more than the spec holds: the weights of layers beyond the length come back when the
chain grows again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from gradflow.core.catalog import Activation, DType
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.chain import MAX_DATA as MAX_CHAIN_DATA
from gradflow.core.teaching.chain import MAX_LENGTH, MAX_PARAMETER, Chain
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.perceptron import (
    INPUTS,
    MAX_HIDDEN,
    MAX_OUTPUTS,
    MAX_UPDATES,
    Perceptron,
)
from gradflow.core.teaching.perceptron_steps import list_steps
from gradflow.core.text import N_, Text
from gradflow.ui.settings.codecs import Fields


@dataclass(frozen=True)
class ShownChain:
    """A chain, and the layer whose numbers are shown."""

    chain: Chain
    layer: int


class ChainControls(Spec):
    """What the widgets of a chain edit."""

    length: int = Field(8, ge=1, le=MAX_LENGTH, title=N_("Length n"))
    activation: Activation = Field(Activation.SIGMOID, title=N_("Activation f"))
    dtype: DType = Field(
        DType.FLOAT64,
        title=N_("Number format"),
        description=N_("float16 overflows above 65,504 and knows nothing between 0 and 6·10⁻⁸."),
    )
    input: float = Field(
        1.0,
        ge=-MAX_CHAIN_DATA,
        le=MAX_CHAIN_DATA,
        title=N_("Input x"),
        description=N_("Up to ±10³⁰⁰: large enough to overflow."),
    )
    target: float = Field(
        0.0,
        ge=-MAX_CHAIN_DATA,
        le=MAX_CHAIN_DATA,
        title=N_("Target t"),
        description=N_("Up to ±10³⁰⁰: large enough to overflow."),
    )
    each: bool = Field(False, title=N_("Weights and biases one by one"))
    weight: float = Field(
        1.0, ge=-MAX_PARAMETER, le=MAX_PARAMETER, title=N_("Weight w of every layer")
    )
    bias: float = Field(0.0, ge=-MAX_PARAMETER, le=MAX_PARAMETER, title=N_("Bias b of every layer"))
    w: tuple[float, ...] = (1.0,) * MAX_LENGTH
    b: tuple[float, ...] = (0.0,) * MAX_LENGTH
    layer: int = Field(8, ge=1, le=MAX_LENGTH, title=N_("The numbers of layer"))


class ChainCodec:
    """Settings that are a chain and a layer of it."""

    def list_names(self) -> Collection[str]:
        """List the URL parameters."""
        return [*Chain.model_fields, "layer"]

    def list_specs(self, _values: Fields, /) -> tuple[type[Spec], ...]:
        """List the spec of the widgets."""
        return (ChainControls,)

    def to_fields(self, settings: ShownChain) -> dict[str, Any]:
        """Write a chain as its widgets show it."""
        chain = settings.chain
        weights, biases = ((v * MAX_LENGTH)[:MAX_LENGTH] for v in (chain.weights, chain.biases))
        return {
            **{name: getattr(chain, name) for name in _CHAIN_NAMES},
            "each": max(len(chain.weights), len(chain.biases)) > 1,
            "weight": weights[0],
            "bias": biases[0],
            "w": weights,
            "b": biases,
            "layer": settings.layer,
        }

    def from_fields(self, values: Fields) -> ShownChain:
        """Make the chain that the widgets describe."""
        length = values["length"]
        chain = Chain(
            **{name: values[name] for name in _CHAIN_NAMES},
            weights=values["w"][:length] if values["each"] else (values["weight"],),
            biases=values["b"][:length] if values["each"] else (values["bias"],),
        )
        return ShownChain(chain, min(values["layer"], length))

    def to_query(self, settings: ShownChain) -> dict[str, str]:
        """Write chain and layer as URL parameters."""
        return {"layer": str(settings.layer), **to_query(settings.chain)}

    def from_query(self, texts: Mapping[str, str]) -> ShownChain:
        """Read a chain; its last layer is shown unless the URL names another."""
        chain = Chain(**{name: text for name, text in texts.items() if name != "layer"})
        return ShownChain(chain, parse_position("layer", texts, chain.length, chain.length))

    def describe_unused(self, _texts: Mapping[str, str], _settings: ShownChain, /) -> Text | str:
        """Say nothing: all parameters have an effect."""
        return ""


_CHAIN_NAMES = ("length", "activation", "dtype", "input", "target")


@dataclass(frozen=True)
class ShownPerceptron:
    """A small network, and the step of its backpropagation that is shown, from 1."""

    network: Perceptron
    step: int


class PerceptronControls(Spec):
    """What the widgets of the small network edit."""

    layers: int = Field(2, ge=1, le=MAX_HIDDEN, title=N_("Hidden layers"))
    units: tuple[int, ...] = (4, 3, 3)
    outputs: int = Field(2, ge=1, le=MAX_OUTPUTS, title=N_("Outputs"))
    x: tuple[float, ...] = (0.0,) * INPUTS
    t: tuple[float, ...] = (0.0,) * MAX_OUTPUTS
    activation: Activation = Field(Activation.SIGMOID, title=N_("Activation f of every layer"))
    learning_rate: float = Field(0.5, ge=1e-6, le=100, title=N_("Learning rate α"))
    seed: int = Field(
        0,
        ge=0,
        le=9999,
        title=N_("Seed of the weights"),
        description=N_(
            "Weights come from N(0, 1), biases from N(0, 1/4), rounded to two decimals."
        ),
    )
    parameters: tuple[float, ...] = ()
    updates: int = Field(0, ge=0, le=MAX_UPDATES)
    step: int = Field(1, ge=1)


class PerceptronCodec:
    """Settings that are a small network and a step."""

    def list_names(self) -> Collection[str]:
        """List the URL parameters."""
        return [*Perceptron.model_fields, "step"]

    def list_specs(self, _values: Fields, /) -> tuple[type[Spec], ...]:
        """List the spec of the widgets."""
        return (PerceptronControls,)

    def to_fields(self, settings: ShownPerceptron) -> dict[str, Any]:
        """Write a network as its widgets show it."""
        network = settings.network
        return {
            "layers": len(network.hidden),
            "units": (*network.hidden, *network.hidden[-1:] * MAX_HIDDEN)[:MAX_HIDDEN],
            "outputs": len(network.targets),
            "x": network.inputs,
            "t": (*network.targets, *((0.0,) * MAX_OUTPUTS))[:MAX_OUTPUTS],
            **{name: getattr(network, name) for name in _PERCEPTRON_NAMES},
            "step": settings.step,
        }

    def from_fields(self, values: Fields) -> ShownPerceptron:
        """Make the network that the widgets describe."""
        network = Perceptron(
            inputs=values["x"],
            hidden=values["units"][: values["layers"]],
            targets=values["t"][: values["outputs"]],
            **{name: values[name] for name in _PERCEPTRON_NAMES},
        )
        return ShownPerceptron(network, min(values["step"], count_steps(network)))

    def to_query(self, settings: ShownPerceptron) -> dict[str, str]:
        """Write network and step as URL parameters."""
        return {"step": str(settings.step), **to_query(settings.network)}

    def from_query(self, texts: Mapping[str, str]) -> ShownPerceptron:
        """Read a network; its first step is shown unless the URL names another."""
        network = Perceptron(**{name: text for name, text in texts.items() if name != "step"})
        return ShownPerceptron(network, parse_position("step", texts, 1, count_steps(network)))

    def describe_unused(
        self, _texts: Mapping[str, str], _settings: ShownPerceptron, /
    ) -> Text | str:
        """Say nothing: all parameters have an effect."""
        return ""


_PERCEPTRON_NAMES = ("activation", "learning_rate", "seed", "parameters", "updates")


def count_steps(network: Perceptron) -> int:
    """Count the steps in which the page goes through a network."""
    return len(list_steps(len(network.hidden) + 1))


def parse_position(name: str, texts: Mapping[str, str], default: int, count: int) -> int:
    """Read a position from 1 to ``count`` from URL parameters.

    Raises:
        InvalidExperiment: it is no such number.
    """
    text = texts.get(name, str(default))
    if text.isdecimal() and len(text) < 9 and 1 <= int(text) <= count:
        return int(text)
    allowed = Text("a whole number from 1 to {count}", count=count)
    raise InvalidExperiment.for_value(name, text, allowed)
