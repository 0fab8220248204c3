"""What happened to signal and gradient: verdicts with their evidence in numbers.

Everything that is said of the network is free of scale: multiplying the loss by a constant changes
no verdict but those on underflow and overflow, which are about the number format. A check is a
function of a ``Case``, the report with what several checks derive from it. The limits stand beside
the checks, and the texts of the app read them from there (``limits.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gradflow.core.diagnosis.case import Case
from gradflow.core.diagnosis.fate import check_fate, check_readout_step
from gradflow.core.diagnosis.formats import check_finite, check_underflow
from gradflow.core.diagnosis.openings import (
    check_averaged_output,
    check_missing_gradient,
    check_unlearned,
    check_zero_gradient,
)
from gradflow.core.diagnosis.readout import check_readout
from gradflow.core.diagnosis.scale import (
    check_faint_signal,
    check_inputs,
    check_logits,
    check_targets,
)
from gradflow.core.diagnosis.special import (
    check_recurrent_states,
    check_shortcuts,
    check_small_batch,
)
from gradflow.core.diagnosis.symmetry import check_symmetry
from gradflow.core.diagnosis.units import check_collapse, check_dead_units, check_saturation
from gradflow.core.report import Report
from gradflow.core.text import Text
from gradflow.core.verdict import Finding, Severity, Verdict

CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    check_finite,
    check_readout,
    check_inputs,
    check_targets,
    check_missing_gradient,
    check_fate,
    check_recurrent_states,
    check_shortcuts,
    check_logits,
    check_symmetry,
    check_zero_gradient,
    check_underflow,
    check_faint_signal,
    check_readout_step,
    check_dead_units,
    check_collapse,
    check_saturation,
    check_small_batch,
    check_unlearned,
)
"""All checks, in the order in which a reader should know of what they find, if it is as bad."""
_ORDER = {Severity.BAD: 0, Severity.WARNING: 1, Severity.GOOD: 2, Severity.NOTE: 2}
"""What is bad comes first, then warnings, then the rest."""


def findings(report: Report) -> list[Finding]:
    """Judge a report: the worst first, and of what is as bad, the causes first.

    A gradient that keeps its size is not called healthy beside something that is bad or a warning.
    """
    case = Case(report)
    if not case.numbers and "recurrent" not in case.signals["kind"]:
        return [Finding(Severity.NOTE, None, Text("No layer with weights was recorded."))]
    averaged = [*check_averaged_output(case)]
    if averaged:
        return averaged
    judged = sorted(
        (finding for check in CHECKS for finding in check(case)), key=lambda f: _ORDER[f.severity]
    )
    if judged and _ORDER[judged[0].severity] < _ORDER[Severity.GOOD]:
        judged = [f for f in judged if f.verdict is not Verdict.HEALTHY]
    return judged or [Finding(Severity.NOTE, None, _explain_silence(case))]


def _explain_silence(case: Case) -> Text:
    """Say why nothing is said."""
    if "recurrent" in case.signals["kind"]:
        return Text(
            "One module computes all time steps, so the gradient between them is not seen. A loop "
            "over a cell (nn.LSTMCell), or gf.through_time, shows it."
        )
    if len(case.numbers) == 1:
        return Text("The network has a single layer, on whose way back nothing can go wrong.")
    return Text("There is no gradient to judge.")


def summarize(judged: Iterable[Finding]) -> str:
    """Write findings as running text, each with its cause."""
    return " ".join(f"{finding.text} {finding.cause}".strip() for finding in judged)
