"""The base class of all rows of the catalog's tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One option of one control: the description of one enum member.

    Attributes:
        label: what a user reads.
        help: one line on what it does.
        parameters: spec fields that this option uses; they apply (and are shown) only with it.
        only: codes of the architectures that have this option; empty: all.
    """

    label: str
    help: str
    parameters: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
