"""Outputs and targets whose shapes do not fit, so that everything is compared with everything."""

from __future__ import annotations

import math

from gradflow.core.diagnosis.case import Case
from gradflow.core.text import Text
from gradflow.core.verdict import Finding, Severity, Verdict

REGRESSIONS = ("mse", "l1")


def judge_shapes(case: Case) -> Finding | None:
    """Find a regression whose outputs (N, 1) and targets (N) are subtracted as N×N.

    What counts is what the loss compared: a loss function may give both the same shape.
    """
    facts = case.facts
    output, target, compared = (
        _read_sizes(shape)
        for shape in (facts.output_shape, facts.target_shape, facts.compared_shape)
    )
    is_same = [n for n in output if n > 1] == [n for n in target if n > 1]
    if facts.loss not in REGRESSIONS or output == target or not is_same or not target:
        return None
    if math.prod(compared) <= math.prod(output):
        return None
    return Finding(
        Severity.BAD,
        Verdict.READOUT,
        Text(
            "Outputs of shape {output} and targets of shape {target} are broadcast to {compared}: "
            "every output is compared with every target.",
            output=facts.output_shape,
            target=facts.target_shape,
            compared=facts.compared_shape,
        ),
        Text("The best answer to that is the mean of all targets. Give both the same shape."),
        case.readout,
    )


def _read_sizes(shape: str) -> list[int]:
    return [int(size) for size in shape.split("×") if size.isdigit()]
