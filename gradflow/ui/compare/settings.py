"""The settings of a comparison: what they share, how a URL writes them, what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pandas as pd

from gradflow.core import codec
from gradflow.core.experiment import Data, Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.ui import naming

Fields = Mapping[str, Any]

LETTERS = ("a", "b", "c", "d")
REFERENCE = "a"
SHARED = frozenset((set(Data.model_fields) | set(Experiment.model_fields)) - {"network", "data"})
"""Settings that all columns take from the reference: data, loss, seed, number format, …"""


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
        for name in codec.list_field_names()
        if len({str(fields.get(name)) for fields in settings.values()}) > 1
    ]


def names(settings: Mapping[str, Fields]) -> dict[str, str]:
    """A name for each column: what it changes; the reference's: its activation, what others change.

    >>> names({"a": {"activation": "tanh"}, "b": {"activation": "relu"}})
    {'a': 'Tanh', 'b': 'ReLU'}
    """
    reference = settings.get(REFERENCE, {})
    changed = naming.telling(list(settings.values()), codec.list_field_names())
    made = {}
    for letter, fields in settings.items():
        if letter == REFERENCE:
            own = ["activation", *(name for name in changed if name != "activation")]
        else:
            own = [name for name in changed if str(fields.get(name)) != str(reference.get(name))]
        words = [naming.word(name, fields[name]) for name in own if name in fields]
        made[letter] = naming.joined(words) or _("same as A")
    return made


def differences_table(settings: Mapping[str, Fields]) -> pd.DataFrame:
    """One row per setting that differs, one column per letter; a dash where it does not apply."""
    rows = {
        naming.title(name): [
            naming.shown(name, fields[name]) if name in fields else "–"
            for fields in settings.values()
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
            setting=naming.title(name),
            own=naming.shown(name, own[name]),
            reference=naming.shown(name, reference[name]),
        )
        for name in differing({"own": own, "reference": reference})
        if name in SHARED and name in own and name in reference
    )
