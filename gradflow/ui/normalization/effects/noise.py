"""Batch norm's mild regularization: noise of the statistics, and what eight seeds say of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from gradflow.charts.normalization_effects.noise import noise_figure
from gradflow.core.numbers import format_number, format_share
from gradflow.core.teaching.normalization_effects.noise import GROUPS, SEEDS, NoiseResult
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.growing import draw_parts
from gradflow.ui.normalization.effects import compute
from gradflow.ui.normalization.state import NOISE
from gradflow.ui.settings.fields import draw_marks, draw_slider
from gradflow.ui.stage import Stage

IMAGES = (64, 128, 256, 512, 1024)
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_ORDER = (0, *sorted(GROUPS[1:], reverse=True))
"""From no norm to the noisiest."""
_WHOLE = max(GROUPS)


def show(stage: Stage) -> None:
    """Show training loss and held-out accuracy against the size of the groups."""
    spec = NOISE.read()
    results = draw_parts(_ORDER, lambda group: compute.train_with_noise(spec, group), _draw)
    with stage.details:
        blocks.show_table(tabulate_noise(results), key="normalization_noise_table")
        blocks.explain("normalization_effects_noise")


def _draw(known: Mapping[int, NoiseResult], progress: str) -> None:
    st.markdown(" ".join(filter(None, (describe_noise(known), progress))))
    blocks.show_figure(
        noise_figure(
            [(name_group(group), result) for group, result in known.items()],
            [name_group(group) for group in _ORDER],
            mode=blocks.read_mode(),
        ),
        "normalization_noise",
        _("Training loss and held-out accuracy against the images that share statistics"),
    )


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_marks(NOISE, "images", IMAGES)
    draw_marks(NOISE, "learning_rate", RATES)
    draw_slider(NOISE, "seed")


def name_group(group: int) -> str:
    """Name a size of groups; 0 is no norm."""
    return str(group) if group else _("no norm")


def describe_noise(results: Mapping[int, NoiseResult]) -> str:
    """Say what the noise does to the training loss, and how small its effect on accuracy is."""
    lead = _(
        "**A mild regularizer:** the fewer images share their statistics, the noisier they are, "
        "and the higher the training loss. "
    )
    if len(results) < len(_ORDER):
        return lead.strip()
    means = {group: float(result.accuracy.mean()) for group, result in results.items()}
    noisy = [group for group in _ORDER if group not in (0, _WHOLE)]
    best = max(noisy, key=lambda group: means[group])
    gain = 100 * (means[best] - means[_WHOLE])
    error = 100 * measure_error(results[best].accuracy - results[_WHOLE].accuracy)
    rest = _(
        "On held-out images groups of {best} are {gain} points ahead of groups of {whole} "
        "(± {error}, {seeds} seeds); too much noise harms."
    )
    if gain <= 0:
        rest = _(
            "With so many images it is no help on held-out ones: even groups of {best} are {gain} "
            "points from groups of {whole} (± {error}, {seeds} seeds)."
        )
    elif gain < 2 * error:
        rest = _(
            "On held-out images groups of {best} are {gain} points ahead of groups of {whole} "
            "(± {error}, {seeds} seeds), which may be chance; too much noise harms."
        )
    return lead + rest.format(
        best=best,
        gain=format_number(gain, 2),
        whole=_WHOLE,
        error=format_number(error, 2),
        seeds=SEEDS,
    )


def measure_error(differences: np.ndarray) -> float:
    """Measure the standard error of a mean difference over the seeds."""
    return float(np.std(differences, ddof=1) / math.sqrt(len(differences)))


def tabulate_noise(results: dict[int, NoiseResult]) -> pd.DataFrame:
    """Make a table of noise, training loss and accuracy for every size of groups."""
    rows = [
        {
            _("Images per group"): name_group(group),
            _("noise of z"): format_number(float(result.noise.mean())),
            _("training loss, median"): format_number(float(np.median(result.training_loss))),
            _("held-out accuracy, mean"): format_share(float(result.accuracy.mean())),
            _("standard error"): format_share(measure_error(result.accuracy)),
        }
        for group, result in results.items()
    ]
    return pd.DataFrame(rows)
