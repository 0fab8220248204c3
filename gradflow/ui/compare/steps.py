"""What a presentation of Compare goes through: networks that differ in what matters."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from gradflow.core.presets import PRESETS
from gradflow.core.text import N_, _
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare.settings import LETTERS, SHARED
from gradflow.ui.compare.state import FORMS, list_columns
from gradflow.ui.present.steps import Step, StepList, shorten_query
from gradflow.ui.settings.codecs import EXPERIMENTS

_COMPARISONS: dict[str, tuple[str, ...]] = {
    N_("Sigmoid, without and with shortcuts"): ("deep_sigmoid", "residual_sigmoid"),
    N_("Tanh: weights too small, right, too large"): ("tanh_small", "tanh_xavier", "tanh_large"),
    N_("ReLU: the factor that makes up for its half"): ("relu_xavier", "relu_sqrt2"),
    N_("ReLU: what batch norm does to the gradient"): ("deep_relu_he", "deep_relu_batchnorm"),
    N_("51 convolutions, plain and as in ResNet"): ("conv_plain", "conv_residual"),
    N_("A transformer without and with normalization"): (
        "transformer_bare",
        "transformer_pre_norm",
    ),
}
"""Presets that are on the same data, by what they show beside each other."""


def list_comparisons() -> StepList:
    """List the comparisons."""
    shown = [FORMS[letter].read_last_valid() for letter in list_columns()]
    compared = [[PRESETS[code].experiment for code in codes] for codes in _COMPARISONS.values()]
    steps = [_make_step(_(title), codes) for title, codes in _COMPARISONS.items()]
    return StepList(steps, compared.index(shown) if shown in compared else None)


def _make_step(title: str, codes: Sequence[str]) -> Step:
    experiments = [PRESETS[code].experiment for code in codes]
    query, short = {}, {}
    for letter, experiment in zip(LETTERS, experiments, strict=False):
        base = None if experiment is experiments[0] else experiments[0]
        text = compare_settings.to_text(experiment, base)
        full = EXPERIMENTS.to_query(experiment)
        few = shorten_query(EXPERIMENTS, full, experiment)
        named = few if base is None else {n: t for n, t in few.items() if n not in SHARED}
        query[letter] = text
        short[letter] = urlencode(named or dict(parse_qsl(text)))
    return Step(title, query, short)
