"""What a cure came to, in words."""

from __future__ import annotations

import math

from gradflow.core.numbers import format_number
from gradflow.core.remedies.measure import has_lost_gradient, measure_trend, measure_unevenness
from gradflow.core.remedies.remedy import Remedy, Situation
from gradflow.core.report import Report
from gradflow.core.text import EMPTY, Text, join_texts

FLATTER_MARGIN = 0.1
"""A gradient is flatter, or less flat, if its decades change by more than this share of them."""


def conclude(
    remedy: Remedy, situation: Situation, before: Report, after: Report, helped: bool
) -> Text:
    """Conclude what a cure does to the gradient, with its limits where that is not steady."""
    trend = measure_trend(after)
    old, new = measure_unevenness(before), measure_unevenness(after)
    if remedy.mends:
        verdict = Text("It takes away what is wrong")
    elif helped:
        verdict = Text("It helps") if trend == 1 else Text("It helps in part")
    elif situation.factor == 1 and trend == 1:
        verdict = Text("There was little to cure, and it does no harm")
    elif new > (1 + FLATTER_MARGIN) * old:
        verdict = Text("It makes things worse")
    elif new < (1 - FLATTER_MARGIN) * old:
        verdict = Text("It helps too little")
    else:
        verdict = Text("It does not help here")
    result = Text(
        "{verdict}: {course}; {after} between its largest and smallest norm, {before} before.",
        verdict=verdict,
        course=_describe_course(after, trend),
        after=_describe_decades(new),
        before=_describe_decades(old),
    )
    why = EMPTY if trend == 1 else remedy.reason(situation) or Text(remedy.limits)
    return join_texts(remedy.comment(situation, after), result, why)


def _describe_course(report: Report, trend: float) -> Text:
    if has_lost_gradient(report):
        return Text("the gradient is 0 or not finite in some layers")
    if trend == 1:
        return Text("the gradient roughly keeps its size from layer to layer")
    factor = format_number(trend)
    if trend < 1:
        return Text(
            "the gradient shrinks by a factor {factor} per layer on its way back", factor=factor
        )
    return Text("the gradient grows by a factor {factor} per layer on its way back", factor=factor)


def _describe_decades(unevenness: float) -> Text:
    if math.isinf(unevenness):
        return Text("infinitely many decades")
    return Text("{n} decades", n=format_number(unevenness, 2))
