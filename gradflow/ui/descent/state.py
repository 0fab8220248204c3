"""What the page on descent keeps: one descent."""

from __future__ import annotations

from typing import Any

from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.core.teaching.optimizers import DescentOptimizer
from gradflow.ui.settings.codecs import Fields, SpecCodec
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.page import Page

_OPENING_PRESET = "vanishing"
_CODEC = SpecCodec(Descent)


def complete_descent(name: str, before: Fields, after: Fields) -> Fields:
    """Complete a change: a loss brings its own start, shape and learning rate.

    Optimizers keep their multipliers.

    Raises:
        InvalidExperiment: the change is impossible, as without any optimizer.
    """
    values: dict[str, Any] = dict(after)
    if name == "surface":
        values |= {"start": (), "shape": None}
        del values["learning_rate"]
    if name == "optimizers":
        multipliers = dict(zip(before["optimizers"], before["multipliers"], strict=True))
        chosen = [code for code in DescentOptimizer if code in after["optimizers"]]
        values["optimizers"] = tuple(chosen)
        values["multipliers"] = tuple(multipliers.get(code, 1.0) for code in chosen)
    return _CODEC.to_fields(_CODEC.from_fields(values))


FORM = Form(
    "descent_set",
    _CODEC,
    lambda: PRESETS[_OPENING_PRESET].descent,
    presets={code: preset.descent for code, preset in PRESETS.items()},
    complete=complete_descent,
)
PAGE = Page("descent", {"": FORM})
