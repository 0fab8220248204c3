"""What the page on backpropagation keeps: a chain and a small network."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from gradflow.core.teaching.chain import MAX_LENGTH, Chain
from gradflow.core.teaching.perceptron import Perceptron
from gradflow.ui.backprop.codecs import (
    ChainCodec,
    PerceptronCodec,
    ShownChain,
    ShownPerceptron,
)
from gradflow.ui.backprop.examples import EXAMPLES
from gradflow.ui.settings.codecs import Fields
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.page import Page

_NETWORK_CODEC = PerceptronCodec()


class Part(StrEnum):
    """What the page shows."""

    CHAIN = "chain"
    NETWORK = "network"


def complete_chain(name: str, before: Fields, after: Fields) -> Fields:
    """Let weights and biases one by one start from what all layers had together."""
    values: dict[str, Any] = dict(after)
    if name == "each" and values["each"] and not before["each"]:
        values["w"] = (values["weight"],) * MAX_LENGTH
        values["b"] = (values["bias"],) * MAX_LENGTH
    return values


def complete_network(name: str, before: Fields, after: Fields) -> Fields:
    """Take back all updates when anything else is changed, and weights where there are others.

    Raises:
        InvalidExperiment: the change is impossible, as weights of another size.
    """
    if name in ("step", "updates") or before[name] == after[name]:
        return after
    others = {"parameters": ()} if name in ("layers", "units", "outputs", "seed") else {}
    values = {**after, **others, "updates": 0}
    _NETWORK_CODEC.from_fields(values)
    return values


class ChainForm(Form[ShownChain]):
    """A form whose example stays chosen, whichever layer is looked at."""

    def is_preset(self, preset: ShownChain, settings: ShownChain) -> bool:
        """Whether the chains are the same."""
        return preset.chain == settings.chain


CHAIN = ChainForm(
    "chain",
    ChainCodec(),
    lambda: ShownChain(Chain(), Chain().length),
    presets={
        code: ShownChain(example.chain, example.chain.length) for code, example in EXAMPLES.items()
    },
    complete=complete_chain,
)
NETWORK = Form(
    "network",
    _NETWORK_CODEC,
    lambda: ShownPerceptron(Perceptron(), 1),
    complete=complete_network,
)
PAGE = Page("backprop", {Part.CHAIN: CHAIN, Part.NETWORK: NETWORK}, parameter="part")
