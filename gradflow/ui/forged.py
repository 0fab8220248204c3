"""Settings of a link, which may be forged: what is possible of them holds, the rest is named."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import NamedTuple, TypeVar

from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.text import _

S = TypeVar("S")


class Link(NamedTuple):
    """What became of the settings of a link, beside what was made of them.

    Attributes:
        problems: sentences on those that are impossible.
        used: the others.
    """

    problems: list[str]
    used: dict[str, str]


def made(
    make: Callable[[dict[str, str]], S], texts: Mapping[str, str], known: Container[str]
) -> tuple[S, Link]:
    """What ``make`` can make of a link's settings, without those that it refuses.

    Args:
        make: called with settings as texts; raises ``InvalidExperiment``, but not without any.
        texts: those of the link.
        known: names of settings that there are.
    """
    used = {name: text for name, text in texts.items() if name in known}
    problems = []
    if unknown := [name for name in texts if name not in known]:
        problems.append(_("{names}: there is no such setting here").format(names=names(unknown)))
    while True:
        try:
            return make(used), Link(problems, used)
        except InvalidExperiment as error:
            problems.append(str(error))
            bad = set(error.fields) & set(used)
            used = {name: text for name, text in used.items() if name not in bad} if bad else {}


def names(forged: Iterable[str]) -> str:
    """Names of settings for a message: cut short, with nothing in them that could be markup."""
    return ", ".join(quote_value(name)[1:-1] for name in forged)
