"""What the page on recurrent networks keeps: its settings, and a training with its results."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from gradflow.core.catalog import Cell
from gradflow.core.recurrent.factors import FactorSettings
from gradflow.core.recurrent.settings import TIME_PRESETS, TimePass
from gradflow.core.recurrent.spec import SequenceExperiment
from gradflow.core.recurrent.training import Moment, ShortTraining, TrainedCell
from gradflow.ui.recurrent.codec import TimePassCodec
from gradflow.ui.settings.form import Form, make_form
from gradflow.ui.settings.page import Page
from gradflow.ui.settings.state import SessionValue


class RecurrentView(StrEnum):
    """What the page shows."""

    TIME = "time"
    GATES = "gates"
    CELLS = "cells"
    FACTORS = "factors"
    CLIPPING = "clipping"
    TRAINING = "training"


class TimePassForm(Form[TimePass]):
    """The form of a pass through time."""

    def is_preset(self, preset: TimePass, settings: TimePass) -> bool:
        """Whether the experiment is a preset's, whatever of it is looked at."""
        return settings.experiment == preset.experiment


PASS = TimePassForm(
    "recurrent_Pass",
    TimePassCodec(TimePass),
    TimePass,
    presets={code: preset.settings for code, preset in TIME_PRESETS.items()},
)
FACTORS = make_form("recurrent_FactorSettings", FactorSettings)
TRAINING = make_form("recurrent_ShortTraining", ShortTraining)
PAGE = Page(
    "recurrent",
    {
        RecurrentView.TIME: PASS,
        RecurrentView.GATES: PASS,
        RecurrentView.CELLS: PASS,
        RecurrentView.FACTORS: FACTORS,
        RecurrentView.CLIPPING: PASS,
        RecurrentView.TRAINING: TRAINING,
    },
)
_ASKED_FOR_CURES: SessionValue[SequenceExperiment | None] = SessionValue(
    "recurrent_asked_for_cures", lambda: None
)
_BEFORE_CURE: SessionValue[tuple[SequenceExperiment, dict[str, Any]] | None] = SessionValue(
    "recurrent_before_cure", lambda: None
)
"""The network that a cure was applied to has become, and the settings before."""
_BEGUN: SessionValue[ShortTraining | None] = SessionValue("recurrent_begun", lambda: None)
"""The settings that were trained last."""
_STOPPED: SessionValue[bool] = SessionValue("recurrent_stopped", bool)
_MOMENTS: SessionValue[dict[Cell, tuple[Moment, ...]]] = SessionValue("recurrent_trained", dict)
"""How far the training of each cell came."""


def ask_for_cures() -> None:
    """Have the cures of what is set shown, in a callback."""
    _ASKED_FOR_CURES.set(PASS.read_possible()[0].experiment)


def is_asked_for_cures(spec: TimePass) -> bool:
    """Whether somebody wants to see what cures this experiment."""
    return _ASKED_FOR_CURES.get() == spec.experiment


def forget_cures() -> None:
    """Have no cures shown any more."""
    _ASKED_FOR_CURES.set(None)


def apply_cure(cured: TimePass) -> None:
    """Take the settings that a cure made, in a callback."""
    _BEFORE_CURE.set((cured.experiment, PASS.values))
    PASS.replace(cured)


def undo_cure() -> None:
    """Put the settings back as they were before a cure, if nothing was changed since."""
    before = _BEFORE_CURE.get()
    if before is not None and before[0] == PASS.read_possible()[0].experiment:
        _BEFORE_CURE.set(None)
        PASS.replace_values(before[1])


def begin_training(spec: ShortTraining) -> None:
    """Begin to train what is set, without the results so far."""
    _BEGUN.set(spec)
    _STOPPED.set(False)
    _MOMENTS.set({})


def begin_first_training(spec: ShortTraining) -> None:
    """Begin to train if nothing was trained yet: the view shall not open empty."""
    if not _BEGUN.is_set():
        begin_training(spec)


def stop_training() -> None:
    """End the training; its results so far are kept."""
    _STOPPED.set(True)


def has_begun(spec: ShortTraining) -> bool:
    """Whether the training of these settings was asked for last."""
    return _BEGUN.get() == spec


def is_stopped() -> bool:
    """Whether the training was ended by hand."""
    return _STOPPED.get()


def has_other_results(spec: ShortTraining) -> bool:
    """Whether there are results, but of other settings."""
    return not has_begun(spec) and bool(_MOMENTS.get())


def keep_moments(cell: Cell, moments: Sequence[Moment]) -> None:
    """Keep how far the training of a cell came."""
    _MOMENTS.get()[cell] = tuple(moments)


def list_trained(spec: ShortTraining) -> list[TrainedCell]:
    """List the cells that were trained with these settings, as far as they came."""
    moments = _MOMENTS.get() if has_begun(spec) else {}
    return [TrainedCell(cell, moments[cell]) for cell in spec.cells if moments.get(cell)]
