"""What the page on normalization keeps: the settings of each view."""

from __future__ import annotations

from enum import StrEnum

from gradflow.core.teaching.normalization.batch import CHANNELS, PushedBatch
from gradflow.core.teaching.normalization.running import RunningStatistics
from gradflow.core.teaching.normalization.sharing import NormalizedBlock, list_divisors
from gradflow.core.teaching.normalization.small_batches import SmallBatches
from gradflow.core.teaching.normalization_effects.flow import NormalizedFlow
from gradflow.core.teaching.normalization_effects.noise import BatchNoise
from gradflow.core.teaching.normalization_effects.rates import LearningRates
from gradflow.core.teaching.normalization_effects.scales import WeightScales
from gradflow.core.teaching.normalization_effects.shift import CovariateShift
from gradflow.ui.settings.codecs import Fields
from gradflow.ui.settings.fields import round_down
from gradflow.ui.settings.form import make_form
from gradflow.ui.settings.page import Page


class NormalizationView(StrEnum):
    """What the page shows."""

    SHARING = "sharing"
    BATCH = "batch"
    MODES = "modes"
    SMALL = "small"
    FLOW = "flow"
    SCALES = "scales"
    RATES = "rates"
    SHIFT = "shift"
    NOISE = "noise"


def fit_block(_name: str, _before: Fields, after: Fields) -> Fields:
    """Keep the chosen entry inside the tensor, and the groups of channels of equal size."""
    return {
        **after,
        "groups": round_down(after["groups"], list_divisors(after["channels"])),
        "sample": min(after["sample"], after["samples"]),
        "channel": min(after["channel"], after["channels"]),
    }


def fit_batch(_name: str, _before: Fields, after: Fields) -> Fields:
    """Keep the followed sample inside the batch, and the groups of channels of equal size."""
    return {
        **after,
        "groups": round_down(after["groups"], list_divisors(CHANNELS)),
        "sample": min(after["sample"], after["samples"]),
    }


def fit_flow(_name: str, _before: Fields, after: Fields) -> Fields:
    """Keep the groups of units of equal size."""
    return {**after, "groups": round_down(after["groups"], list_divisors(after["width"]))}


BLOCK = make_form("normalization_sharing", NormalizedBlock, complete=fit_block)
BATCH = make_form("normalization_batch", PushedBatch, complete=fit_batch)
MODES = make_form("normalization_modes", RunningStatistics)
SMALL_BATCHES = make_form("normalization_small", SmallBatches)
FLOW = make_form("normalization_flow", NormalizedFlow, complete=fit_flow)
WEIGHT_SCALES = make_form("normalization_scales", WeightScales)
LEARNING_RATES = make_form("normalization_rates", LearningRates)
SHIFT = make_form("normalization_shift", CovariateShift)
NOISE = make_form("normalization_noise", BatchNoise)
PAGE = Page(
    "normalization",
    {
        NormalizationView.SHARING: BLOCK,
        NormalizationView.BATCH: BATCH,
        NormalizationView.MODES: MODES,
        NormalizationView.SMALL: SMALL_BATCHES,
        NormalizationView.FLOW: FLOW,
        NormalizationView.SCALES: WEIGHT_SCALES,
        NormalizationView.RATES: LEARNING_RATES,
        NormalizationView.SHIFT: SHIFT,
        NormalizationView.NOISE: NOISE,
    },
)
