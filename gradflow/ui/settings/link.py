"""Settings taken from a link, which may be forged, and the problems found in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from gradflow.core.errors import InvalidExperiment
from gradflow.core.text import Text
from gradflow.ui.settings.codecs import Codec

S = TypeVar("S")


@dataclass(frozen=True)
class Link(Generic[S]):
    """Settings taken from a link, and the problems found in it.

    Attributes:
        settings: made from all parameters that are possible.
        problems: messages about the others, and about those that have no effect.
    """

    settings: S
    problems: tuple[Text | str, ...] = ()


def parse_link(
    codec: Codec[S], query: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> Link[S]:
    """Make settings from the parameters of a link; impossible ones are left out and named.

    Parameters that are no settings are ignored: what a learning platform or a mail program
    appends to an address is none of the reader's business.

    Args:
        codec: the kind of settings.
        query: the parameters.
        defaults: texts for settings that the link does not name; the spec's defaults otherwise.
    """
    given = select_known(query, codec.list_names())
    used = {**(defaults or {}), **given}
    problems: list[Text | str] = []
    while True:
        try:
            settings = codec.from_query(used)
        except InvalidExperiment as error:
            problems.append(error.message)
            bad = set(error.fields) & set(used)
            used = {name: text for name, text in used.items() if name not in bad} if bad else {}
            continue
        possible = select_known(given, used)
        unused = codec.describe_unused(possible, settings)
        return Link(settings, (*problems, unused) if unused else tuple(problems))


def select_known(query: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Select the parameters with these names, in the order of the link."""
    return {name: text for name, text in query.items() if name in names}
