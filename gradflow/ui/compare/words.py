"""What is said of a setting on its card: a word, a sign, a tone, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradflow.charts.compare.data import ComparedSetting
from gradflow.core.diagnosis import findings
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.verdict import Finding, Severity, Verdict
from gradflow.ui.naming import VERDICT_TITLES

_SIGNS = {Verdict.HEALTHY: "→", Verdict.VANISHING: "↘", Verdict.EXPLODING: "↗"}
"""Signs of the gradient's fate; whatever else is wrong has a warning sign."""


@dataclass(frozen=True)
class Judgement:
    """A finding as a card says it.

    Attributes:
        severity: how bad it is.
        sign: says the same without colour.
        head: a word or two.
        text: the numbers.
    """

    severity: Severity
    sign: str
    head: str
    text: str


def judge_report(report: Report) -> list[Judgement]:
    """Judge a report: first the fate of its gradient, then what else is wrong."""
    return [_judge_finding(finding) for finding in findings(report)]


def _judge_finding(finding: Finding) -> Judgement:
    if finding.verdict is None:
        return Judgement(finding.severity, "", "", finding.text)
    head, sign = _(VERDICT_TITLES[finding.verdict]), _SIGNS.get(finding.verdict, "⚠")
    return Judgement(finding.severity, sign, head, finding.headline)


def describe_gradients(entries: Sequence[ComparedSetting]) -> str:
    """Describe the figure of gradient norms for who does not see it: each setting's fate."""
    fates = [(entry, judge_report(entry.report)[0]) for entry in entries]
    return _("Gradient norms by layer. ") + " ".join(
        f"{entry.letter}, {entry.name}: {fate.head} {fate.text}" for entry, fate in fates
    )
