"""The verdicts on a report, and a finding: one verdict with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradflow.core.text import EMPTY, Text


class Verdict(StrEnum):
    """What can be said of a network; the codes stand in the addresses of lessons."""

    HEALTHY = "healthy"
    VANISHING = "vanishing"
    EXPLODING = "exploding"
    UNEVEN = "uneven"
    CLOSED = "closed"
    CUT = "cut"
    FAINT = "faint"
    SATURATED = "saturated"
    DEAD = "dead"
    COLLAPSED = "collapsed"
    SYMMETRIC = "symmetric"
    INPUTS = "inputs"
    TARGETS = "targets"
    LOGITS = "logits"
    READOUT = "readout"
    SMALL_BATCH = "small_batch"
    UNDERFLOW = "underflow"
    OVERFLOW = "overflow"
    NAN = "nan"


class Severity(StrEnum):
    """How bad a finding is; ``ui/assets.py`` gives each a colour.

    BAD: plain SGD will probably not train this at any rate. WARNING and NOTE: a remark that is
    said before and after the gradient's fate. GOOD: nothing stands in the way.
    """

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """A verdict on a report, with its evidence.

    Attributes:
        severity: how bad it is.
        verdict: which verdict; ``None`` if nothing could be judged.
        evidence: what happened, with the numbers that show it.
        reason: why, tied to the setting where it is known; may be empty.
        layer: the first bad layer, seen in the direction in which it goes wrong.
        numbers: the evidence in numbers alone, for the line above a figure; may be empty.
    """

    severity: Severity
    verdict: Verdict | None
    evidence: Text
    reason: Text = EMPTY
    layer: int | None = None
    numbers: Text = EMPTY

    @property
    def headline(self) -> str:
        """What happened, as briefly as it can be said after the verdict's name."""
        return str(self.numbers or self.evidence)

    @property
    def text(self) -> str:
        """The evidence, in the reader's language."""
        return str(self.evidence)

    @property
    def cause(self) -> str:
        """The reason, in the reader's language."""
        return str(self.reason)
