"""The settings of a transformer."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gradflow.core.catalog import Activation, Architecture, NormPlacement
from gradflow.core.errors import InvalidExperiment
from gradflow.core.limits import LayerSize
from gradflow.core.specs.data import Data
from gradflow.core.specs.network import ActivationSettings
from gradflow.core.text import Text

MLP_RATIO = 4
"""Hidden units of each block's perceptron, per unit of the stream (Vaswani et al. 2017)."""
TOKENS = 8
"""Rows of a digit."""


class Transformer(ActivationSettings):
    """A transformer on the rows of an image.

    The eight rows of a digit become eight tokens, each a linear embedding plus a learned
    position. Each of the ``depth`` blocks adds self-attention and a two-layer perceptron (4·width
    units) to the residual stream; a linear readout sees the mean over the tokens. Raises
    ``InvalidExperiment`` on anything impossible.
    """

    architecture: Architecture = Field(
        Architecture.TRANSFORMER, title="Architecture", description="The kind of network."
    )
    activation: Activation = Field(
        Activation.GELU, title="Activation", description="The function φ in the perceptrons."
    )
    depth: int = Field(
        6, ge=1, le=48, title="Blocks", description="Each has attention and a perceptron."
    )
    width: int = Field(
        64, ge=1, le=1024, title="Width", description="Units of the residual stream, per token."
    )
    heads: int = Field(
        4, ge=1, le=64, title="Heads", description="Attention heads; must divide the width."
    )
    norm_placement: NormPlacement = Field(
        NormPlacement.PRE, title="Layer normalization", description="Where it stands in a block."
    )
    residual_scale: float = Field(
        1.0, ge=0, le=10, title="Residual scale α", description="Factor on what a branch adds."
    )
    weight_std: float = Field(
        0.02,
        gt=0,
        le=10,
        title="Weight σ",
        description="All weights come from N(0, σ²), as in GPT-2; biases are 0.",
    )
    scaled_output: bool = Field(
        True,
        title="Output scale 1/√(2·depth)",
        description="The last weight of every branch is smaller by this factor, as in GPT-2.",
    )

    @model_validator(mode="after")
    def _refuse_uneven_heads(self) -> Self:
        if self.width % self.heads:
            message = Text(
                "heads: {heads} does not divide the width {width}; choose a divisor",
                heads=self.heads,
                width=self.width,
            )
            raise InvalidExperiment(message, fields=("heads",))
        return self

    @property
    def size_fields(self) -> tuple[str, ...]:
        """Fields to lower if the network is too large."""
        return ("depth", "width")

    def list_layers(self, data: Data) -> list[LayerSize]:
        """List the sizes of the embedding, of four weights per block, and of the readout.

        All but the readout apply to each token.
        """
        width, inner = self.width, MLP_RATIO * self.width
        block = [(width, 3 * width), (width, width), (width, inner), (inner, width)]
        return [
            LayerSize(data.features // TOKENS, width, TOKENS),
            *(LayerSize(*fans, TOKENS) for fans in block * self.depth),
            LayerSize(width, data.outputs),
        ]

    def describe_shape(self) -> Text:
        """Say the size in words: ``6 blocks, width 64, 4 heads``."""
        return Text(
            "{depth} blocks, width {width}, {heads} heads",
            depth=self.depth,
            width=self.width,
            heads=self.heads,
        )
