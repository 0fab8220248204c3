"""Settings in the words of the controls, and names made of those in which several differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gradflow.charts.theme import format_number
from gradflow.core import codec
from gradflow.core.catalog import TABLES
from gradflow.core.spec import Spec, choice_enum
from gradflow.core.text import _
from gradflow.core.training import TrainingPlan

Fields = Mapping[str, Any]

SPEAKING = (
    "architecture", "activation", "initialization", "normalization", "connection", "optimizer",
)  # fmt: skip
"""Their values say what they are values of; they come first."""
_MOST_WORDS = 3
"""At most so many settings make a name."""
_LONGEST = 24
"""Characters of a value in a name."""
_PARTS: tuple[type[Spec], ...] = (TrainingPlan, *codec.PARTS[::-1])
_FIELDS = {name: field for part in _PARTS for name, field in part.model_fields.items()}


def title(name: str) -> str:
    """A setting's name as its control has it."""
    return _(_FIELDS[name].title or name)


def shown(name: str, value: Any) -> str:
    """The value of a setting as a user reads it."""
    if enum := choice_enum(_FIELDS[name]):
        return _(TABLES[enum][enum(value)].label)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "–"
    return format_number(value)


def word(name: str, value: Any) -> str:
    """A setting in a name: the value alone where it speaks for itself, never in two ways."""
    if str(value) == "none":
        return _("no {setting}").format(setting=title(name).lower())
    text = re.sub(r" \([^)]*\)", "", shown(name, value))
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return text if name in SPEAKING else f"{title(name)} {text}"


def joined(words: Sequence[str]) -> str:
    """A name of its first words."""
    return ", ".join([*words[:_MOST_WORDS], *["…"] * (len(words) > _MOST_WORDS)])


def telling(settings: Sequence[Fields], names: Iterable[str]) -> list[str]:
    """Those of ``names`` that tell the settings apart, the speaking ones first.

    One that some of them lack counts only if another has it off its default.
    """
    found = [name for name in names if _tells_apart(name, settings)]
    return sorted(found, key=lambda name: name not in SPEAKING)


def _tells_apart(name: str, settings: Sequence[Fields]) -> bool:
    values = [fields[name] for fields in settings if name in fields]
    if len(values) == len(settings):
        return len(set(map(str, values))) > 1
    return any(value != _FIELDS[name].default for value in values)
