"""Settings in the words of the controls, and names made of those in which several differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gradflow.core import codec
from gradflow.core.catalog import TABLES
from gradflow.core.numbers import format_number
from gradflow.core.spec import Spec, find_enum
from gradflow.core.text import N_, _
from gradflow.core.training import TrainingPlan
from gradflow.core.verdict import Verdict

VERDICT_TITLES: dict[str, str] = {
    Verdict.HEALTHY: N_("Healthy"),
    Verdict.VANISHING: N_("Vanishing"),
    Verdict.EXPLODING: N_("Exploding"),
    Verdict.UNEVEN: N_("Uneven"),
    Verdict.CLOSED: N_("Closed at the start"),
    Verdict.CUT: N_("Cut off"),
    Verdict.FAINT: N_("Faint signal"),
    Verdict.SATURATED: N_("Saturated"),
    Verdict.DEAD: N_("Dead units"),
    Verdict.COLLAPSED: N_("Collapsed"),
    Verdict.SYMMETRIC: N_("Symmetric"),
    Verdict.INPUTS: N_("Scale of inputs"),
    Verdict.TARGETS: N_("Scale of targets"),
    Verdict.LOGITS: N_("Scale of logits"),
    Verdict.READOUT: N_("Readout and loss"),
    Verdict.SMALL_BATCH: N_("Small batch"),
    Verdict.UNDERFLOW: N_("Underflow"),
    Verdict.OVERFLOW: N_("Overflow"),
    Verdict.NAN: N_("NaN"),
}

Fields = Mapping[str, Any]

SELF_EXPLANATORY = (
    "architecture",
    "activation",
    "initialization",
    "normalization",
    "connection",
    "optimizer",
)
"""Settings that a value identifies, as "tanh" does an activation; they come first in a name."""
_MAX_SETTINGS = 3
"""Most settings in a name."""
_MAX_CHARACTERS = 24
"""Most characters of a value in a name."""
_PARTS: tuple[type[Spec], ...] = (TrainingPlan, *codec.PARTS[::-1])
_FIELDS = {name: field for part in _PARTS for name, field in part.model_fields.items()}


def name_setting(name: str) -> str:
    """Name a setting as its widget does."""
    return _(_FIELDS[name].title or name)


def format_setting(name: str, value: Any) -> str:
    """Write the value of a setting as its widget does."""
    if enum := find_enum(_FIELDS[name]):
        return _(TABLES[enum][enum(value)].label)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "–"
    return format_number(value)


def describe_setting(name: str, value: Any) -> str:
    """Describe a setting for a name: by its value alone where that explains itself."""
    if str(value) == "none":
        return _("no {setting}").format(setting=name_setting(name).lower())
    text = re.sub(r" \([^)]*\)", "", format_setting(name, value))
    text = text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"
    return text if name in SELF_EXPLANATORY else f"{name_setting(name)} {text}"


def join_descriptions(descriptions: Sequence[str]) -> str:
    """Make a name of the first few settings."""
    more = ["…"] * (len(descriptions) > _MAX_SETTINGS)
    return ", ".join([*descriptions[:_MAX_SETTINGS], *more])


def join_with_and(names: Sequence[str]) -> str:
    """Join names in a sentence: commas, and an "and" before the last."""
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + _(" and ") + names[-1]


def list_distinguishing(settings: Sequence[Fields], names: Iterable[str]) -> list[str]:
    """List those of ``names`` in which settings differ, the self-explanatory ones first.

    A setting that some of them lack counts only if another has it off its default.
    """
    distinguishing = [name for name in names if _differs(name, settings)]
    return sorted(distinguishing, key=lambda name: name not in SELF_EXPLANATORY)


def _differs(name: str, settings: Sequence[Fields]) -> bool:
    values = [fields[name] for fields in settings if name in fields]
    if len(values) == len(settings):
        return len(set(map(str, values))) > 1
    return any(value != _FIELDS[name].default for value in values)
