"""The settings of a comparison: what they share, how a URL writes them, what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pandas as pd

from gradflow.core import codec
from gradflow.core.catalog import TABLES
from gradflow.core.experiment import Data, Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.report import Report
from gradflow.core.spec import choice_enum
from gradflow.core.text import _

Fields = Mapping[str, Any]

LETTERS = ("a", "b", "c", "d")
REFERENCE = "a"
SHARED = frozenset((set(Data.model_fields) | set(Experiment.model_fields)) - {"network", "data"})
"""Settings that all columns take from the reference: data, loss, seed, number format, …"""
NAMED = 3
"""At most so many settings make a name."""
LONGEST = 24
"""Characters of a value in a name."""
_SPEAKING = ("architecture", "activation", "initialization", "normalization", "connection")
_FIELD = {name: field for part in codec.PARTS[::-1] for name, field in part.model_fields.items()}


@dataclass(frozen=True, kw_only=True)
class Column:
    """What a comparison keeps of one setting, beside the setting itself.

    Attributes:
        name: as the user wrote it; empty: made from the settings.
        alone: whether data, seed and the like are its own instead of the reference's.
        report: the content of an uploaded file, ``None`` if the setting is computed here.
        file: the name of that file.
    """

    name: str = ""
    alone: bool = False
    report: Report | None = None
    file: str = ""


def joined(own: Fields, reference: Fields) -> dict[str, Any]:
    """The network of ``own`` on the data, loss, seed and number format of ``reference``."""
    network = {name: value for name, value in own.items() if name not in SHARED}
    return network | {name: value for name, value in reference.items() if name in SHARED}


def to_text(experiment: Experiment, reference: Experiment | None) -> str:
    """A setting as one URL value: all of it, or only the network if it shares the rest."""
    query = codec.to_query(experiment)
    if reference is not None and joined(query, codec.to_query(reference)) == query:
        query = {name: text for name, text in query.items() if name not in SHARED}
    return urlencode(query)


def from_text(text: str) -> dict[str, str]:
    """Inverse of :func:`to_text`, neither completed nor validated."""
    return dict(parse_qsl(text, keep_blank_values=True))


def stands_alone(own: Fields, reference: Fields) -> bool:
    """Whether ``own`` names data, a seed or the like that differs from the reference's."""
    return any(reference.get(name) != value for name, value in own.items() if name in SHARED)


def of_report(report: Report) -> Experiment | None:
    """The setting a saved report was computed from, if it holds one that can be run here.

    Raises:
        InvalidExperiment: it holds one, but an impossible one.
    """
    if report.experiment is None:
        return None
    return codec.from_query({str(name): str(text) for name, text in report.experiment.items()})


def network_presets() -> list[str]:
    """Codes of the presets whose point lies in the network or its data, not in a number format."""
    return [
        code
        for code, preset in PRESETS.items()
        if preset.experiment
        == Experiment(network=preset.experiment.network, data=preset.experiment.data)
    ]


def differing(settings: Mapping[str, Fields]) -> list[str]:
    """Names of the settings that are not the same in all columns, in the order of the specs."""
    return [
        name
        for name in codec.field_names()
        if len({str(fields.get(name)) for fields in settings.values()}) > 1
    ]


def names(settings: Mapping[str, Fields]) -> dict[str, str]:
    """A name for each column: what it changes; the reference's: its activation, what others change.

    A setting that some column lacks counts only if another has it off its default.

    >>> names({"a": {"activation": "tanh"}, "b": {"activation": "relu"}})
    {'a': 'Tanh', 'b': 'ReLU'}
    """
    reference = settings.get(REFERENCE, {})
    changed = [
        name
        for name in sorted(differing(settings), key=lambda name: name not in _SPEAKING)
        if all(name in fields for fields in settings.values())
        or any(fields.get(name, _default(name)) != _default(name) for fields in settings.values())
    ]
    made = {}
    for letter, fields in settings.items():
        if letter == REFERENCE:
            own = ["activation", *(name for name in changed if name != "activation")]
        else:
            own = [name for name in changed if str(fields.get(name)) != str(reference.get(name))]
        words = [_word(name, fields[name]) for name in own if name in fields]
        more = ["…"] if len(words) > NAMED else []
        made[letter] = ", ".join(words[:NAMED] + more) or _("same as A")
    return made


def _default(name: str) -> Any:
    return _FIELD[name].default


def _word(name: str, value: Any) -> str:
    title = _(_FIELD[name].title or name)
    if str(value) == "none":
        return _("no {setting}").format(setting=title.lower())
    text = shown(name, value)
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return text if name in _SPEAKING else f"{title} {text}"


def shown(name: str, value: Any) -> str:
    """The value of a setting as a user reads it."""
    if enum := choice_enum(_FIELD[name]):
        return _(TABLES[enum][str(value)].label)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "–"
    return f"{value:g}"


def differences_table(settings: Mapping[str, Fields]) -> pd.DataFrame:
    """One row per setting that differs, one column per letter; a dash where it does not apply."""
    rows = {
        _(_FIELD[name].title or name): [
            shown(name, fields[name]) if name in fields else "–" for fields in settings.values()
        ]
        for name in differing(settings)
    }
    heads = [letter.upper() for letter in settings]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=heads)
    return table.rename_axis(_("Setting")).reset_index()


def other_conditions(own: Fields, reference: Fields) -> str:
    """Which shared settings of a column are not the reference's; empty if all are.

    Settings that apply to one of the two only are left out: what they hang on differs as well.
    """
    return "; ".join(
        _("{setting} {own} instead of {reference}").format(
            setting=_(_FIELD[name].title or name),
            own=shown(name, own[name]),
            reference=shown(name, reference[name]),
        )
        for name in differing({"own": own, "reference": reference})
        if name in SHARED and name in own and name in reference
    )
