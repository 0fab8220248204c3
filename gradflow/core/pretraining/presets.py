"""Presets of the page on pretraining, by code."""

from __future__ import annotations

from dataclasses import dataclass

from gradflow.core.catalog import Activation
from gradflow.core.pretraining.spec import FineTuning, Method, Stack, Transfer
from gradflow.core.text import N_


@dataclass(frozen=True, kw_only=True)
class PretrainingPreset:
    """Settings of the page on pretraining to start from.

    Attributes:
        label: name for the user.
        look_for: one sentence on what there is to see.
        spec: the settings.
    """

    label: str
    look_for: str
    spec: Stack | FineTuning | Transfer


PRETRAINING_PRESETS: dict[str, PretrainingPreset] = {
    "hinton": PretrainingPreset(
        label=N_("Hinton 2006: RBMs"),
        look_for=N_("random weights become features, layer after layer, without a label"),
        spec=Stack(),
    ),
    "bengio": PretrainingPreset(
        label=N_("Bengio 2006: autoencoders"),
        look_for=N_("they minimize the error itself, so theirs is smaller"),
        spec=Stack(method=Method.AUTOENCODER),
    ),
    "bottleneck": PretrainingPreset(
        label=N_("A bottleneck of 8 units"),
        look_for=N_("the reconstructions: what is left of 64 pixels in 8 numbers"),
        spec=Stack(method=Method.AUTOENCODER, width=8, layers=1, epochs=30),
    ),
    "sampled": PretrainingPreset(
        label=N_("Visible units sampled"),
        look_for=N_(
            "sampling adds noise: after four layers hardly more than the mean image is left"
        ),
        spec=Stack(sampled=True),
    ),
    "deep": PretrainingPreset(
        label=N_("A deep sigmoid network"),
        look_for=N_("random weights do not learn at all, pretrained ones do"),
        spec=FineTuning(),
    ),
    "few_labels": PretrainingPreset(
        label=N_("50 labels"),
        look_for=N_("learning first without labels pays most where labels are few"),
        spec=FineTuning(labelled=50),
    ),
    "shallow": PretrainingPreset(
        label=N_("One hidden layer"),
        look_for=N_("nothing vanishes in a shallow network, and all starts do about equally well"),
        spec=FineTuning(layers=1),
    ),
    "patience": PretrainingPreset(
        label=N_("Three layers and patience"),
        look_for=N_("random weights make no progress for hundreds of steps, then start to learn"),
        spec=FineTuning(layers=3, steps=1000),
    ),
    "tanh": PretrainingPreset(
        label=N_("Tanh: pretraining no longer needed"),
        look_for=N_("with a better activation the random starts learn as well"),
        spec=FineTuning(method=Method.AUTOENCODER, activation=Activation.TANH),
    ),
    "noisy": PretrainingPreset(
        label=N_("Clean digits first, noisy ones later"),
        look_for=N_("with few noisy images a reused network is far ahead: it knows the digits"),
        spec=Transfer(),
    ),
    "eight": PretrainingPreset(
        label=N_("Eight digits first, two later"),
        look_for=N_("reuse helps with a single image of each new digit, hardly with more"),
        spec=Transfer(first="01234567", task="others", reused=2),
    ),
    "five": PretrainingPreset(
        label=N_("Five digits first, five later"),
        look_for=N_("features for 0 to 4 are of little use for 5 to 9, frozen they do harm"),
        spec=Transfer(first="01234", task="others", reused=2),
    ),
    "all_frozen": PretrainingPreset(
        label=N_("All hidden layers reused"),
        look_for=N_("with all layers frozen, the network falls behind however many labels it gets"),
        spec=Transfer(first="01234", task="others"),
    ),
}
