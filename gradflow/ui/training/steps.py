"""What a presentation of the page goes through: the presets, each with its runs."""

from __future__ import annotations

from gradflow.core.text import _
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui.present.steps import Step, StepList
from gradflow.ui.training import actions, state


def make_room() -> None:
    """Let a presentation show the preset that it has come to, not runs that the page has of others.

    Those are kept among the earlier ones.
    """
    group = state.open_session().group
    if group is not None and state.find_preset() is not None and group.setup != state.make_setup():
        actions.reset()


def list_training_steps() -> StepList:
    """List the presets."""
    code, codes = state.find_preset(), list(TRAINING_PRESETS)
    steps = [
        Step(_(preset.label), query, query, _(preset.look_for))
        for preset, query in ((TRAINING_PRESETS[code], {"preset": code}) for code in codes)
    ]
    return StepList(steps, codes.index(code) if code is not None else None)
