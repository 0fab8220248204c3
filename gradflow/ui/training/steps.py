"""What a presentation of the page goes through: the presets, each with its runs."""

from __future__ import annotations

from gradflow.core.text import _
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui.present.steps import Lesson, Step
from gradflow.ui.training.state import find_preset


def list_training_steps() -> Lesson:
    """List the presets."""
    code, codes = find_preset(), list(TRAINING_PRESETS)
    steps = [
        Step(_(preset.label), query, query, _(preset.look_for))
        for preset, query in ((TRAINING_PRESETS[code], {"preset": code}) for code in codes)
    ]
    return Lesson(steps, codes.index(code) if code is not None else None)
