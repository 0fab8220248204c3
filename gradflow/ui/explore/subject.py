"""What Explore's stage shows: a network that is computed here, or a report that was brought."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from weakref import WeakValueDictionary

from gradflow.core import codec
from gradflow.core.diagnosis import findings
from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import Text
from gradflow.core.verdict import Finding
from gradflow.ui import compute

PARAMETER = "saved"
"""The parameter of an address that names a report which was brought."""


@dataclass(frozen=True)
class SavedReport:
    """A report that was not computed here; it is there as long as somebody keeps the report.

    Attributes:
        key: names it in addresses. It is made of the content: only who has that can know it.
    """

    key: str


Subject: TypeAlias = Experiment | SavedReport
_REPORTS: WeakValueDictionary[str, Report] = WeakValueDictionary()


def name_report(content: bytes, report: Report) -> SavedReport:
    """Name a report that was read from this content; the caller keeps it."""
    key = hashlib.blake2b(content, digest_size=16).hexdigest()
    _REPORTS[key] = report
    return SavedReport(key)


def find_report(subject: Subject) -> Report:
    """Find the report of what is shown.

    Raises:
        GradflowError: an experiment cannot be run, or nobody keeps the report any more.
    """
    if isinstance(subject, SavedReport):
        report = _REPORTS.get(subject.key)
        if report is None:
            raise GradflowError(
                Text("saved: this report is no longer here; drop its file on Your model once more")
            )
        return report
    return compute.run(subject)


def judge_subject(subject: Subject) -> tuple[Finding, ...]:
    """Judge what is shown."""
    if isinstance(subject, SavedReport):
        return tuple(findings(find_report(subject)))
    return compute.judge(subject)


def write_subject(subject: Subject) -> dict[str, str]:
    """Write the parameters of an address that name it."""
    return {PARAMETER: subject.key} if isinstance(subject, SavedReport) else codec.to_query(subject)


def read_saved(texts: Mapping[str, str]) -> SavedReport | None:
    """Read which report an address names; ``None`` if it names none."""
    return SavedReport(texts[PARAMETER]) if PARAMETER in texts else None
