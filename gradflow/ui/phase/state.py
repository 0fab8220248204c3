"""What the page on phase diagrams keeps: an experiment, and the two settings that are varied."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gradflow.core.spec import Spec
from gradflow.core.sweep.phase import RANGES, PhaseMap, PhaseSettings
from gradflow.core.sweep.phase_presets import PHASE_PRESETS
from gradflow.core.text import Text
from gradflow.ui.settings.codecs import EXPERIMENTS, Fields, SpecCodec
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.page import Page

_MAPS = SpecCodec(PhaseMap)
_MAP_NAMES = tuple(PhaseMap.model_fields)
_ENDS = {"across": ("left", "right"), "upwards": ("bottom", "top")}


class PhaseCodec:
    """Settings of a phase diagram."""

    def list_names(self) -> Collection[str]:
        """List the names of all settings."""
        return [*_MAP_NAMES, *EXPERIMENTS.list_names()]

    def list_specs(self, values: Fields, /) -> tuple[type[Spec], ...]:
        """List the map's spec and those of the experiment."""
        return (PhaseMap, *EXPERIMENTS.list_specs(values))

    def to_fields(self, settings: PhaseSettings) -> dict[str, Any]:
        """Write all settings as flat values."""
        return EXPERIMENTS.to_fields(settings.experiment) | _MAPS.to_fields(settings.map)

    def from_fields(self, values: Fields) -> PhaseSettings:
        """Make experiment and map from those values that apply."""
        experiment = EXPERIMENTS.from_fields(_leave_out_map(values))
        return PhaseSettings(experiment, _MAPS.from_fields(values))

    def to_query(self, settings: PhaseSettings) -> dict[str, str]:
        """Write those settings that apply as URL parameters."""
        return EXPERIMENTS.to_query(settings.experiment) | _MAPS.to_query(settings.map)

    def from_query(self, texts: Mapping[str, str]) -> PhaseSettings:
        """Read experiment and map; missing settings take their defaults."""
        plan = {name: text for name, text in texts.items() if name in _MAP_NAMES}
        return PhaseSettings(EXPERIMENTS.from_query(_leave_out_map(texts)), _MAPS.from_query(plan))

    def describe_unused(self, texts: Mapping[str, str], settings: PhaseSettings, /) -> Text | str:
        """Say which parameters have no effect on these settings."""
        return EXPERIMENTS.describe_unused(_leave_out_map(texts), settings.experiment)


def _leave_out_map(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _MAP_NAMES}


def _set_ends(name: str, before: Fields, after: Fields) -> Fields:
    """Give an axis that was just chosen its usual ends; both axes change places if need be.

    Cells are those of one map: on another one none is chosen.
    """
    changed = dict(after)
    if name not in ("cells", "measure"):
        changed["cells"] = ()
    if name not in _ENDS:
        return changed
    other = "upwards" if name == "across" else "across"
    if after[name] == before[other]:
        changed[other] = before[name]
        changed |= {
            end: before[theirs] for end, theirs in zip(_ENDS[other], _ENDS[name], strict=True)
        }
        changed |= {
            end: before[theirs] for end, theirs in zip(_ENDS[name], _ENDS[other], strict=True)
        }
        return changed
    if after[name] in RANGES:
        usual = RANGES[after[name]]
        changed |= dict(zip(_ENDS[name], (float(usual.low), float(usual.high)), strict=True))
    return changed


OPENING = next(iter(PHASE_PRESETS.values())).settings
"""What the page opens with."""


class PhaseForm(Form[PhaseSettings]):
    """The form of a phase diagram."""

    def is_preset(self, preset: PhaseSettings, settings: PhaseSettings) -> bool:
        """Whether the map is a preset's, whatever cells of it are chosen."""
        plan = settings.map.model_copy(update={"cells": preset.map.cells})
        return settings.experiment == preset.experiment and plan == preset.map


PHASE = PhaseForm(
    "phase",
    PhaseCodec(),
    lambda: OPENING,
    presets={code: preset.settings for code, preset in PHASE_PRESETS.items()},
    complete=_set_ends,
    renewed=True,
)
PAGE = Page("phase", {"": PHASE})
