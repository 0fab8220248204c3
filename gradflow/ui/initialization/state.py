"""What the page on initialization keeps: the settings of each view."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from gradflow.core.teaching.initialization.copies import Copies
from gradflow.core.teaching.initialization.gains import ChosenGain
from gradflow.core.teaching.initialization.presets import LAYER_PRESETS, OPENING
from gradflow.core.teaching.initialization.shapes import Shapes
from gradflow.core.teaching.initialization.variance import OneLayer
from gradflow.ui.settings.experiments import make_experiment_form, select_settings
from gradflow.ui.settings.form import make_form
from gradflow.ui.settings.page import Page


class InitializationView(StrEnum):
    """What the page shows."""

    LAYERS = "layers"
    VARIANCE = "variance"
    COPIES = "copies"
    SHAPES = "shapes"
    GAINS = "gains"


LAYERS = make_experiment_form(
    "initialization",
    make_default=lambda: LAYER_PRESETS[OPENING].experiment,
    presets={code: preset.experiment for code, preset in LAYER_PRESETS.items()},
)
VARIANCE = make_form("initialization_variance", OneLayer)
COPIES = make_form("initialization_copies", Copies)
SHAPES = make_form("initialization_shapes", Shapes)
CHOSEN = make_form("initialization_gains", ChosenGain)
PAGE = Page(
    "initialization",
    {
        InitializationView.LAYERS: LAYERS,
        InitializationView.VARIANCE: VARIANCE,
        InitializationView.COPIES: COPIES,
        InitializationView.SHAPES: SHAPES,
        InitializationView.GAINS: CHOSEN,
    },
)


def take_changes(changes: Mapping[str, Any]) -> None:
    """Take what was changed in the toolbar, in its callback."""
    if settings := select_settings(LAYERS, changes):
        LAYERS.take(settings)
