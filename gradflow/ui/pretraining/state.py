"""What the page on pretraining keeps: its settings, and the computation that was stopped.

There are two specs: a stack with its fine-tuning, of which the first view shows the stack only,
and the transfer.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from gradflow.core.pretraining.presets import PRETRAINING_PRESETS
from gradflow.core.pretraining.spec import MOST_FIRST, USUAL_RATES, FineTuning, Stack, Transfer
from gradflow.core.spec import Spec
from gradflow.ui.settings.codecs import Fields, SpecCodec
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.page import Page
from gradflow.ui.settings.state import SessionValue


class PretrainingView(StrEnum):
    """What the page shows."""

    LAYERS = "layers"
    TUNING = "tuning"
    TRANSFER = "transfer"


class StackForm(Form[FineTuning]):
    """The form of the stack alone; a preset leaves the settings of its fine-tuning as they are."""

    def is_preset(self, preset: FineTuning, settings: FineTuning) -> bool:
        """Whether the stack is a preset's."""
        return settings.build_stack() == preset.build_stack()

    def load_preset(self, code: str) -> None:
        """Take the stack of a preset."""
        preset = self.presets[code]
        stack = {name: value for name, value in dict(preset).items() if name in Stack.model_fields}
        self.replace_values(self.values | stack)


def complete_tuning(name: str, _before: Fields, after: Fields) -> Fields:
    """Complete a change: a method or an activation brings its usual learning rate.

    What no longer applies goes back to its default.

    Raises:
        InvalidExperiment: the change is impossible, as without any start.
    """
    values = dict(after)
    if name in ("method", "activation"):
        values["learning_rate"] = find_usual_rate(values)
    return _TUNING.to_fields(_TUNING.from_fields(values))


def find_usual_rate(values: Fields) -> float:
    """Find the learning rate that is usual for the layers that are pretrained."""
    default = float(Stack.model_fields["learning_rate"].default)
    applies = Stack.applies("activation", values)
    return USUAL_RATES.get(values["activation"], default) if applies else default


def complete_transfer(name: str, _before: Fields, after: Fields) -> Fields:
    """Complete a change: no more layers are reused than there are, and some digits are others.

    Raises:
        InvalidExperiment: the change is impossible, as with too few digits.
    """
    reused = min(after["reused"], after["layers"])
    first = after["first"]
    if name == "task" and after["task"] == "others":
        first = first[:MOST_FIRST]
    return _TRANSFER.to_fields(_TRANSFER.from_fields({**after, "reused": reused, "first": first}))


def _list_presets(kind: type[Spec]) -> dict[str, Any]:
    return {code: row.spec for code, row in PRETRAINING_PRESETS.items() if type(row.spec) is kind}


_TUNING, _TRANSFER = SpecCodec(FineTuning), SpecCodec(Transfer)
STACK = StackForm(
    "pretraining_set",
    SpecCodec(FineTuning, shown=Stack.model_fields),
    FineTuning,
    presets={code: FineTuning(**dict(stack)) for code, stack in _list_presets(Stack).items()},
    complete=complete_tuning,
)
TUNING = Form(
    "pretraining_set",  # the values of the stack are those of the other view
    _TUNING,
    FineTuning,
    presets=_list_presets(FineTuning),
    complete=complete_tuning,
)
TRANSFER = Form(
    "pretraining_transfer",
    _TRANSFER,
    Transfer,
    presets=_list_presets(Transfer),
    complete=complete_transfer,
)
PAGE = Page(
    "pretraining",
    {
        PretrainingView.LAYERS: STACK,
        PretrainingView.TUNING: TUNING,
        PretrainingView.TRANSFER: TRANSFER,
    },
)
STOPPED: SessionValue[Spec | None] = SessionValue("pretraining_stopped", lambda: None)
"""The settings whose computation was ended by hand, until others are shown."""
