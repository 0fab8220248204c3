"""The settings of a comparison: what they share, how a URL writes them, how they are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import pandas as pd

from gradflow.core import codec
from gradflow.core.experiment import Data, Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.text import _
from gradflow.ui import naming

Fields = Mapping[str, Any]
V = TypeVar("V")

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
    """

    name: str = ""
    alone: bool = False


def share_settings(own: Fields, reference: Fields) -> dict[str, Any]:
    """Put the network of ``own`` on the data, loss, seed and number format of ``reference``."""
    network = {name: value for name, value in own.items() if name not in SHARED}
    return network | select_shared(reference)


def select_shared(fields: Mapping[str, V]) -> dict[str, V]:
    """Select the settings that all columns take from the reference."""
    return {name: value for name, value in fields.items() if name in SHARED}


def write_comparison(experiments: Sequence[Experiment]) -> dict[str, str]:
    """Write the URL of a comparison of these experiments, at most one per letter."""
    reference = experiments[0]
    columns = zip(LETTERS, experiments, strict=False)
    return {letter: to_text(e, None if letter == REFERENCE else reference) for letter, e in columns}


def to_text(experiment: Experiment, reference: Experiment | None) -> str:
    """Write a setting as one URL value: all of it, or only the network if it shares the rest."""
    query = codec.to_query(experiment)
    if reference is not None and share_settings(query, codec.to_query(reference)) == query:
        query = {name: text for name, text in query.items() if name not in SHARED}
    return urlencode(query)


def from_text(text: str) -> dict[str, str]:
    """Read what :func:`to_text` wrote, neither completed nor validated."""
    return dict(parse_qsl(text, keep_blank_values=True))


def stands_alone(own: Fields, reference: Fields) -> bool:
    """Whether ``own`` names data, a seed or the like that differs from the reference's."""
    return any(reference.get(name) != value for name, value in own.items() if name in SHARED)


def list_network_presets() -> list[str]:
    """List the presets whose point lies in the network, not in what all columns share.

    Sizes and kinds of data may differ: their networks show the same on other data.
    """
    usual = codec.to_fields(Experiment())
    names = SHARED - {"source", "batch_size", "dimension", "correlation", "noise"}
    return [
        code
        for code, preset in PRESETS.items()
        if all(
            usual.get(name) == value
            for name, value in codec.to_fields(preset.experiment).items()
            if name in names
        )
    ]


def find_preset_label(experiment: Experiment) -> str:
    """Find the name of the preset whose network this is; empty if it is none's."""
    network = experiment.network
    label = next((p.label for p in PRESETS.values() if p.experiment.network == network), "")
    return _(label) if label else ""


def list_differing(settings: Mapping[str, Fields]) -> list[str]:
    """List the settings that are not the same in all columns, in the order of the specs."""
    return [
        name
        for name in codec.list_field_names()
        if len({str(fields.get(name)) for fields in settings.values()}) > 1
    ]


def name_columns(settings: Mapping[str, Fields]) -> dict[str, str]:
    """Name each column by what it changes; the reference by its activation and what others change.

    >>> name_columns({"a": {"activation": "tanh"}, "b": {"activation": "relu"}})
    {'a': 'Tanh', 'b': 'ReLU'}
    """
    reference = settings.get(REFERENCE, {})
    changed = naming.list_distinguishing(list(settings.values()), codec.list_field_names())
    names = {}
    for letter, fields in settings.items():
        if letter == REFERENCE:
            own = ["activation", *(name for name in changed if name != "activation")]
        else:
            own = [name for name in changed if str(fields.get(name)) != str(reference.get(name))]
        descriptions = [
            naming.describe_setting(name, fields[name]) for name in own if name in fields
        ]
        names[letter] = naming.join_descriptions(descriptions) or _("same as A")
    return names


def make_differences_table(settings: Mapping[str, Fields]) -> pd.DataFrame:
    """Make a table of the settings that differ: a column per letter, a dash where none applies."""
    rows = {
        naming.name_setting(name): [
            naming.format_setting(name, fields[name]) if name in fields else "–"
            for fields in settings.values()
        ]
        for name in list_differing(settings)
    }
    heads = [letter.upper() for letter in settings]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=heads)
    return table.rename_axis(_("Setting")).reset_index()


def describe_other_conditions(own: Fields, reference: Fields) -> str:
    """Say which shared settings of a column are not the reference's; empty if all are.

    Settings that apply to only one of the two are left out: what they depend on differs as well.
    """
    return "; ".join(
        _("{setting} {own} instead of {reference}").format(
            setting=naming.name_setting(name),
            own=naming.format_setting(name, own[name]),
            reference=naming.format_setting(name, reference[name]),
        )
        for name in list_differing({"own": own, "reference": reference})
        if name in SHARED and name in own and name in reference
    )
