"""The limits of the laws of convolutional networks and transformers."""

from __future__ import annotations

from collections.abc import Iterator

from gradflow.core.catalog import Connection, Downsampling, Loss, Normalization
from gradflow.core.experiment import ConvNet, Experiment
from gradflow.core.text import Text
from gradflow.core.theory.attention import TransformerLaws
from gradflow.core.theory.images import ImageLaws

LEAST_WIDTH, LEAST_CHANNELS, LEAST_GROUP = 64, 32, 16
"""Smallest width of hidden layers, number of channels, and group of units or channels."""
LARGEST_DEPTH_OVER_WIDTH = 0.18
"""Σ 1/n over the hidden layers beyond which the median of networks leaves their mean, without
shortcuts around the activation; half as much again with bounded activations and with norms."""
LARGEST_LOGIT_VARIANCE = 3.0
"""Variance of attention logits, beyond which the gradient through queries and keys counts."""


def find_image_obstacles(spec: ConvNet) -> Iterator[Text]:
    """Find why nothing can be predicted of a convolutional network."""
    if spec.connection is Connection.RESIDUAL:
        yield Text(
            "Of convolutional networks with an activation behind the addition of each block there "
            "is no law here; with pre-activation blocks there is."
        )
    if spec.downsampling in (Downsampling.MAX_POOL, Downsampling.AVERAGE_POOL):
        yield Text(
            "What pooling makes of neighbouring pixels depends on how alike they are, of which "
            "there is no law here; of strides there is."
        )
    if spec.normalization is Normalization.INSTANCE:
        yield Text(
            "Instance normalization divides by the spread of the pixels of one image, which "
            "depends on how alike they are; of that there is no law here."
        )
    if spec.initialization == "lsuv":
        yield Text(
            "LSUV scales the readout by the spread of the pixels' means, of which there is no law "
            "here."
        )


def find_image_doubts(experiment: Experiment, laws: ImageLaws) -> Iterator[Text]:
    """Find why the numbers of a convolutional network are only roughly right."""
    channels = laws.spec.hidden_widths
    inverse = sum(1 / count for count in channels)
    if min(channels) < LEAST_CHANNELS:
        yield Text(
            "The law is one of many channels: it holds from about {least}, here are {n}.",
            least=LEAST_CHANNELS,
            n=min(channels),
        )
    elif laws.spec.connection is Connection.PLAIN and inverse > LARGEST_DEPTH_OVER_WIDTH:
        yield Text(
            "The network is so deep for its {n} channels that chance differences add up.",
            n=min(channels),
        )
    if laws.norm is Normalization.GROUP and min(channels) / laws.spec.groups < LEAST_GROUP:
        yield Text(
            "A group has only {n} channels, whose pixels are alike; the law needs about {least}.",
            n=min(channels) // laws.spec.groups,
            least=LEAST_GROUP,
        )
    if laws.norm is Normalization.BATCH:
        yield Text(
            "Batch normalization takes its statistics over pixels that are alike, and so over "
            "fewer values than it seems; the law takes them as many."
        )
    # A gradient that follows the outputs meets the weights that made them: see docs/theory.md.
    follows = experiment.loss in (Loss.MSE, Loss.L1) and laws.norm is Normalization.NONE
    if follows and laws.fans[-1][1] * inverse / 2 > 2 * LARGEST_DEPTH_OVER_WIDTH:
        yield Text(
            "The loss's gradient follows the outputs here, so that it meets the same weights on "
            "its way back; the law takes both directions as independent."
        )


def find_transformer_doubts(laws: TransformerLaws) -> Iterator[Text]:
    """Find why the numbers of a transformer are only roughly right."""
    if laws.spec.width < LEAST_WIDTH:
        yield Text(
            "The law is one of wide layers: it holds from about {least} units, here are {n}.",
            least=LEAST_WIDTH,
            n=laws.spec.width,
        )
    if not laws.largest_logit <= LARGEST_LOGIT_VARIANCE:
        yield Text(
            "Attention is sharp here: its logits vary by {spread}. The gradient that comes back "
            "through queries and keys, which the law leaves out, then counts.",
            spread=laws.largest_logit**0.5,
        )
