"""What happened to signal and gradient: verdicts with their evidence in numbers.

Everything here is free of scale: multiplying the loss by a constant changes no verdict but those
on underflow and overflow, which are about the number format.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from gradflow.core.catalog import Connection, Downsampling, Normalization, NormPosition
from gradflow.core.causes import explain_verdict, parse_experiment
from gradflow.core.checks import find_problems
from gradflow.core.decay import STEADY_RATIO, Decay, fit_judged_decay
from gradflow.core.experiment import ConvNet
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.text import Text, Value
from gradflow.core.verdict import Finding, Severity, Verdict

NOTICEABLE_CHANGE = 10.0
"""A gradient that changes by more in all does not keep its size, however gently it changes."""
SEVERE_RATIO = 1e4
"""Total change, either way, from which the gradient's fate is a problem whatever the depth."""


def findings(report: Report) -> list[Finding]:
    """Judge a report: first the gradient's fate, then what else is wrong."""
    if not len(report.get_table("layers")):
        return [Finding(Severity.NOTE, None, Text("No layer with weights was recorded."))]
    if _is_averaged_away(report):
        evidence = Text(
            "No gradient arrives below the readout: what is drawn there is rounding error. The "
            "readout sees each channel's mean over its pixels; the normalization right before it "
            "has made these means 0: the output is the same for every input. Put the normalization "
            "before the activation."
        )
        return [Finding(Severity.BAD, Verdict.VANISHING, evidence)]
    return [*_judge_fate(report), *find_problems(report)] or [
        Finding(Severity.NOTE, None, Text("There is no gradient to judge."))
    ]


def summarize(found: Iterable[Finding]) -> str:
    """Write findings as running text, each with its cause."""
    return " ".join(f"{finding.text} {finding.cause}".strip() for finding in found)


def _is_averaged_away(report: Report) -> bool:
    """Whether a norm over the pixels of single channels stands right before their mean."""
    experiment = parse_experiment(report)
    network = experiment and experiment.network
    if not isinstance(network, ConvNet) or network.norm_position is not NormPosition.AFTER:
        return False
    if network.connection is Connection.DENSE and network.downsampling is not Downsampling.NONE:
        return False  # the images of earlier stages are averaged after they were pooled
    return network.normalization is Normalization.INSTANCE or (
        network.normalization is Normalization.GROUP
        and all(width == network.groups for width in network.hidden_widths)
    )


def _judge_fate(report: Report) -> Iterator[Finding]:
    """Judge whether the gradient keeps its size, vanishes or explodes, if it has a decay."""
    decay = fit_judged_decay(report)
    if decay is None:
        return
    verdict, severity, layer = Verdict.HEALTHY, Severity.GOOD, None
    if not decay.is_steady:
        verdict = Verdict.VANISHING if decay.factor < 1 else Verdict.EXPLODING
        severity = _judge_change(decay.change)
        layer = _find_first_changed_layer(report, decay)
    yield Finding(
        severity,
        verdict,
        _describe_fate(verdict, decay),
        explain_verdict(verdict, report),
        layer,
        _write_numbers(decay),
    )


def _judge_change(change: float) -> Severity:
    if change > SEVERE_RATIO:
        return Severity.BAD
    return Severity.WARNING if change > STEADY_RATIO else Severity.NOTE


def _list_values(decay: Decay) -> dict[str, Value]:
    return {
        "factor": format_number(decay.factor),
        "row": Text("layer") if decay.rows == "layer" else Text("branch"),
        "first": decay.first,
        "last": decay.last,
        "ratio": format_number(decay.ratio),
    }


def _write_numbers(decay: Decay) -> Text:
    values = _list_values(decay)
    if decay.ratio <= 1:
        return Text(
            "× {factor} per {row}; {row} {first} gets {ratio} of what {row} {last} gets.", **values
        )
    return Text(
        "× {factor} per {row}; {row} {first} gets {ratio} times what {row} {last} gets.", **values
    )


def _describe_fate(verdict: Verdict, decay: Decay) -> Text:
    values = _list_values(decay)
    if decay.ratio <= 1:
        where = Text("at {row} {first} it is {ratio} of what it was at {row} {last}", **values)
    else:
        where = Text("at {row} {first} it is {ratio} times what it was at {row} {last}", **values)
    values |= {"where": where}
    if verdict is Verdict.VANISHING:
        return Text(
            "The gradient shrinks by a factor {factor} per {row} on its way back; {where}.",
            **values,
        )
    if verdict is Verdict.EXPLODING:
        return Text(
            "The gradient grows by a factor {factor} per {row} on its way back; {where}.", **values
        )
    if decay.change < NOTICEABLE_CHANGE:
        return Text(
            "The gradient keeps its size on its way back (factor {factor} per {row}); {where}.",
            **values,
        )
    return Text(
        "The gradient changes only gently on its way back (factor {factor} per {row}); {where}.",
        **values,
    )


def _find_first_changed_layer(report: Report, decay: Decay) -> int | None:
    """Find the first layer, on the way back, whose ‖δ‖ has changed by ``STEADY_RATIO``."""
    if decay.rows != "layer":
        return None
    layers = report.get_table("layers")
    number = layers["layer"]
    back = np.flatnonzero(number <= decay.last)[::-1]
    norm = layers.get_numbers("delta_norm")[back]
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.abs(np.log(norm) - np.log(norm[0])) > math.log(STEADY_RATIO)
    return int(number[back][beyond][0]) if beyond.any() else None
