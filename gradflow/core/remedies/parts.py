"""The parts that cures change, and a list of cures that begins with real alternatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar

C = TypeVar("C")

LEADERS = 3
"""Cures at the head of a list, which change different parts and are trained with several seeds."""


class Part(StrEnum):
    """What a cure changes: cures of different parts are real alternatives."""

    INPUTS = "inputs"
    TARGETS = "targets"
    OUTPUT = "output"
    FORMAT = "format"
    ACTIVATION = "activation"
    WEIGHTS = "weights"
    NORMALIZATION = "normalization"
    SHORTCUTS = "shortcuts"
    CELL = "cell"
    DEPTH = "depth"
    STEPS = "steps"


def lead_with_alternatives(
    ordered: Sequence[C], find_part: Callable[[C], Part], is_good: Callable[[C], bool]
) -> list[C]:
    """Put the best good cure of each part first, until there are ``LEADERS``; the rest follow."""
    leaders: list[C] = []
    for outcome in filter(is_good, ordered):
        parts = map(find_part, leaders)
        if len(leaders) < LEADERS and find_part(outcome) not in parts:
            leaders.append(outcome)
    return leaders + [outcome for outcome in ordered if outcome not in leaders]


def count_doublings(ratio: float) -> int:
    """Count how often something has doubled, to the nearest whole number; 0 if unknown."""
    return round(math.log2(ratio)) if ratio > 0 else 0
