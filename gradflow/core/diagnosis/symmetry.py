"""Layers whose units are copies of each other and stay so."""

from __future__ import annotations

from collections.abc import Iterator

from gradflow.core.catalog import Initialization
from gradflow.core.diagnosis.case import Case
from gradflow.core.phrases import name_layers
from gradflow.core.text import Text
from gradflow.core.verdict import Finding, Severity, Verdict


def check_symmetry(case: Case) -> Iterator[Finding]:
    """Find layers whose units have equal weights on both sides: nothing ever tells them apart."""
    equal = case.equal_layers
    if not equal:
        return
    units = dict(zip(case.numbers, case.layers["fan_out"].tolist(), strict=True))
    same = [
        n
        for n in sorted(equal)
        # A shortcut brings units that differ, whatever the weights of its branch.
        if n + 1 in equal and units[n] > 1 and not case.inside_blocks[case.numbers.index(n)]
    ]
    if not same:
        return
    zero = all(case.report.histograms["weight", n].zeros for n in same)
    evidence = Text(
        "All weights of {layers} are {value}: their units are copies of each other.",
        layers=name_layers(same, case.modules),
        value="0" if zero else Text("equal"),
    )
    # Rounding tells the units of a single layer apart in the end, and those along a shortcut.
    lasting = zero or (len(same) > 1 and not case.has_shortcuts)
    severity = case.soften(Severity.BAD if lasting else Severity.WARNING)
    yield Finding(severity, Verdict.SYMMETRIC, evidence, _explain(case, zero), same[0])


def _explain(case: Case, zero: bool) -> Text:
    if zero or (case.settings and case.settings.initialization is Initialization.ZEROS):
        return Text(
            "Weights that start at zero pass nothing on, neither signal nor gradient; only "
            "randomness breaks the symmetry."
        )
    return Text(
        "Units with equal weights get equal gradients and stay equal; only randomness breaks the "
        "symmetry."
    )
