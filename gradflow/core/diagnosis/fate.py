"""The fate of the gradient: whether it keeps its size, vanishes, explodes, or is uneven."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from gradflow.core.decay import (
    HOPELESS_CHANGE,
    NOTICEABLE_CHANGE,
    SEVERE_CHANGE,
    STRONG_CHANGE,
    Decay,
)
from gradflow.core.diagnosis.case import Case
from gradflow.core.diagnosis.causes import explain_exploding, explain_vanishing
from gradflow.core.diagnosis.scale import describe_update
from gradflow.core.numbers import format_number
from gradflow.core.phrases import name_row
from gradflow.core.text import EMPTY, Text, Value, join_texts
from gradflow.core.verdict import Finding, Severity, Verdict

GENTLE_CHANGE = 3.0
"""A gradient that changes by more does not keep its size, however gently it changes."""
ENOUGH_LAYERS = 4
"""So many steps from layer to layer show that the gradient changes alike in all of them."""
_ROWS = {"layer": Text("layer"), "branch": Text("branch"), "block": Text("block")}
_ALIKE = math.log(1.02)
"""Numbers that differ by less than that factor are written alike."""
CANCELLED_SHARE = 0.01
"""Weights that pass on less than this share of what independent ones would cancel each other."""


def check_fate(case: Case) -> Iterator[Finding]:
    """Judge the largest change of ‖δ‖ between any two rows, if there are two."""
    decay = case.decay
    if decay is None:
        return
    names = case.modules if decay.rows == "layer" else case.branches
    if decay.is_steady:
        evidence = _describe_steady(case, decay, names)
        numbers = _write_steady_numbers(decay)
        reason = describe_update(case)
        yield Finding(Severity.GOOD, Verdict.HEALTHY, evidence, reason, numbers=numbers)
        return
    verdict = name_fate(decay)
    severity = case.soften(_judge_change(decay))
    if decay.rows == "layer" and decay.last == case.numbers[-1]:
        severity = Severity.NOTE  # a single hidden layer: the step from the readout alone
    yield Finding(
        severity,
        verdict,
        join_texts(
            _describe_change(verdict, decay, names), _foresee_training(case, severity, decay)
        ),
        _explain(verdict, case),
        _find_first_changed_layer(case, decay),
        _write_numbers(decay),
    )


def check_readout_step(case: Case) -> Iterator[Finding]:
    """Find a readout that passes hardly anything on: the one step that the profile leaves out."""
    if len(case.layers) < 2:
        return
    delta = case.layers.get_numbers("delta_norm")
    entering = case.layers.get_numbers("activation_grad_norm")[-2]
    passed = delta[-2]
    if not passed * STRONG_CHANGE < delta[-1]:
        return
    if case.inside_blocks[-2] and case.report.stream is not None:
        along = case.report.stream.get_table("layers").get_numbers("activation_grad_norm")
        entering = passed = along[-1]
    if not (0 < passed * STRONG_CHANGE < delta[-1] and entering > 0 and np.isfinite(delta[-1])):
        return
    by_weights, by_slopes = entering / delta[-1], passed / entering
    weight = case.layers.get_numbers("weight_norm")[-1] / math.sqrt(case.layers["fan_out"][-1])
    if by_weights > by_slopes:
        severity, verdict = Severity.WARNING, Verdict.VANISHING
        reason = Text("Units before the readout with small slopes let hardly any gradient through.")
    elif by_weights < CANCELLED_SHARE * weight:
        severity, verdict = Severity.NOTE, Verdict.UNEVEN
        reason = Text("What its weights pass on cancels: they are nearly the same for all outputs.")
    else:
        severity, verdict = Severity.NOTE, Verdict.UNEVEN
        reason = Text(
            "Its weights are small. They grow first; then the gradient reaches the layers before."
        )
    evidence = Text(
        "The readout's own gradient is {times} times that of the layer before it.",
        times=format_number(delta[-1] / passed),
    )
    yield Finding(severity, verdict, evidence, reason, case.numbers[-2])


def name_fate(decay: Decay) -> Verdict:
    """Name the fate by the ends of the course; it is uneven if they hardly differ."""
    if abs(decay.log_ratio) <= math.log(NOTICEABLE_CHANGE):
        return Verdict.UNEVEN
    return Verdict.VANISHING if decay.log_ratio < 0 else Verdict.EXPLODING


def is_hopeless(decay: Decay) -> bool:
    """Tell whether Adam hardly trains it either."""
    return decay.span > HOPELESS_CHANGE and not decay.is_valley


def _judge_change(decay: Decay) -> Severity:
    if decay.span > SEVERE_CHANGE and not decay.is_valley:
        return Severity.BAD
    return Severity.WARNING if decay.span > STRONG_CHANGE else Severity.NOTE


def _explain(verdict: Verdict, case: Case) -> Text:
    odd = case.facts.odd_step
    if odd is not None:
        return Text(
            "{name} has a backward pass of its own, and multiplies the gradient by {share}: is "
            "that its slope?",
            name=odd[0],
            share=format_number(odd[1]),
        )
    if verdict is Verdict.VANISHING:
        return explain_vanishing(case)
    if verdict is Verdict.EXPLODING:
        return explain_exploding(case)
    return Text(
        "Layers of different size or kind, or weights of different scale, multiply the gradient by "
        "different factors: one learning rate is too large for some layers or too small for others."
    )


def _foresee_training(case: Case, severity: Severity, decay: Decay) -> Text:
    """Say which optimizer the change matters to."""
    if decay.span > SEVERE_CHANGE and case.sees_inputs:
        return Text("The readout sees the inputs itself: it learns, the layers hardly do.")
    if decay.is_valley:
        return Text("The layers at both ends learn, those between them hardly.")
    if is_hopeless(decay):
        return Text("Probably neither plain SGD nor Adam trains this.")
    if severity is Severity.BAD:
        return Text("Plain SGD will probably not train this at any rate; Adam may, slowly.")
    return Text("Plain SGD is slow with it; Adam, which scales every step, hardly minds.")


def _list_values(decay: Decay, names: Mapping[int, str] = MappingProxyType({})) -> dict[str, Value]:
    rows = {
        "first": decay.first,
        "last": decay.last,
        "smallest": decay.smallest,
        "largest": decay.largest,
        "one": min(decay.smallest, decay.largest),
        "other": max(decay.smallest, decay.largest),
    }
    return {
        **{key: name_row(number, names) for key, number in rows.items()},
        "factor": format_number(decay.factor),
        "row": _ROWS[decay.rows],
        "ratio": format_number(decay.ratio),
        "span": format_number(decay.span),
        "drawn": _write_drawn(decay.log_ratio, decay.log_rms_ratio, decay.rms_ratio),
        "drawn_span": _write_drawn(decay.log_span, decay.log_rms_span, decay.rms_span),
    }


def _write_drawn(log_norm: float, log_rms: float, rms: float) -> Text:
    """Write what the figure draws, the RMS, where it is another number than that of the norms."""
    if abs(log_norm - log_rms) < _ALIKE:
        return EMPTY
    return Text(" (× {rms} by the RMS, as drawn)", rms=format_number(rms))


def _write_numbers(decay: Decay) -> Text:
    values = _list_values(decay)
    if abs(decay.log_ratio) < _ALIKE:
        ends = Text("{row} {first} gets as much as {row} {last}{drawn}.", **values)
    elif decay.ratio <= 1:
        ends = Text("{row} {first} gets {ratio} of what {row} {last} gets{drawn}.", **values)
    else:
        ends = Text("{row} {first} gets {ratio} times what {row} {last} gets{drawn}.", **values)
    if decay.straight:
        return Text("× {factor} per {row}; {ends}", **values, ends=ends)
    if _is_at_ends(decay):
        return ends
    return Text(
        "{row} {largest} gets {span} times what {row} {smallest} gets{drawn_span}; {ends}",
        **values,
        ends=ends,
    )


def _is_at_ends(decay: Decay) -> bool:
    """Tell whether the largest change is that between the ends, which is said anyway."""
    return {decay.smallest, decay.largest} == {decay.first, decay.last}


def _is_most_between(decay: Decay) -> bool:
    """Tell whether the ends show less than half of the change, in decades."""
    return abs(decay.log_ratio) < decay.log_span / 2


def _describe_ends(decay: Decay, names: Mapping[int, str]) -> Text:
    values = _list_values(decay, names)
    if abs(decay.log_ratio) < _ALIKE:
        return Text("at {row} {first} it is what it was at {row} {last}{drawn}", **values)
    if decay.ratio <= 1:
        return Text(
            "at {row} {first} it is {ratio} of what it was at {row} {last}{drawn}", **values
        )
    return Text("at {row} {first} it is {ratio} times what it was at {row} {last}{drawn}", **values)


def _write_steady_numbers(decay: Decay) -> Text:
    """Write the numbers of a healthy gradient, and how it changes if it does not keep its size."""
    numbers = _write_numbers(decay)
    if decay.span < GENTLE_CHANGE:
        return numbers
    if _is_most_between(decay):
        return Text("changes gently, {numbers}", numbers=numbers)
    if decay.log_ratio < 0:
        return Text("shrinks gently, {numbers}", numbers=numbers)
    return Text("grows gently, {numbers}", numbers=numbers)


def _describe_steady(case: Case, decay: Decay, names: Mapping[int, str]) -> Text:
    values = _list_values(decay, names) | {
        "where": _describe_ends(decay, names),
        "limit": format_number(NOTICEABLE_CHANGE),
    }
    values["factor"] = Text(" (factor {factor} per {row})", **values) if decay.straight else EMPTY
    if decay.span < GENTLE_CHANGE:
        return Text("The gradient keeps its size on its way back{factor}; {where}.", **values)
    if _is_most_between(decay):
        return join_texts(
            Text("The gradient changes gently on its way back{factor}; {where}.", **values),
            _describe_extremes(decay, names),
            Text("Less than a factor {limit} hardly holds plain SGD back.", **values),
        )
    many = decay.last - decay.first >= ENOUGH_LAYERS
    goes_on = decay.straight and many and not case.has_shortcuts  # those add, they do not multiply
    if decay.log_ratio < 0:
        course = Text("The gradient shrinks gently on its way back{factor}; {where}.", **values)
        deeper = Text("With many more such layers it would vanish.")
    else:
        course = Text("The gradient grows gently on its way back{factor}; {where}.", **values)
        deeper = Text("With many more such layers it would explode.")
    return join_texts(
        course,
        Text("Less than a factor {limit} hardly holds plain SGD back.", **values),
        deeper if goes_on else EMPTY,
    )


def _describe_extremes(decay: Decay, names: Mapping[int, str]) -> Text:
    return Text(
        "Its largest change is by a factor {span}, between {row} {one} and {row} "
        "{other}{drawn_span}.",
        **_list_values(decay, names),
    )


def _describe_change(verdict: Verdict, decay: Decay, names: Mapping[int, str]) -> Text:
    values = _list_values(decay, names) | {"where": _describe_ends(decay, names)}
    extremes = _describe_extremes(decay, names)
    if verdict is Verdict.UNEVEN:
        return join_texts(
            Text("The gradient is uneven, although its ends are alike: {where}.", **values),
            extremes,
        )
    if not decay.straight:
        shrinks = verdict is Verdict.VANISHING
        course = (
            Text("The gradient shrinks on its way back, but not evenly: {where}.", **values)
            if shrinks
            else Text("The gradient grows on its way back, but not evenly: {where}.", **values)
        )
        return course if _is_at_ends(decay) else join_texts(course, extremes)
    if verdict is Verdict.VANISHING:
        return Text(
            "The gradient shrinks by a factor {factor} per {row} on its way back; {where}.",
            **values,
        )
    return Text(
        "The gradient grows by a factor {factor} per {row} on its way back; {where}.", **values
    )


def _find_first_changed_layer(case: Case, decay: Decay) -> int | None:
    """Find the first layer, on the way back, whose ‖δ‖ has changed noticeably."""
    if decay.rows != "layer":
        return None
    number = case.layers["layer"]
    back = np.flatnonzero(number <= decay.last)[::-1]
    norm = case.layers.get_numbers("delta_norm")[back]
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.abs(np.log(norm) - np.log(norm[0])) > math.log(NOTICEABLE_CHANGE)
    return int(number[back][beyond][0]) if beyond.any() else None
