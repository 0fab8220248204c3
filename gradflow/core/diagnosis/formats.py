"""Numbers that a format cannot hold: overflow, underflow, and NaN that is neither."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradflow.core.diagnosis.case import Case
from gradflow.core.numbers import format_number
from gradflow.core.phrases import name_layers, name_row
from gradflow.core.text import EMPTY, N_, Text, Value, join_texts
from gradflow.core.verdict import Finding, Severity, Verdict

_LARGEST = {"float16": 65504.0, "float64": 1.8e308}
"""The largest number of a format; that of float32 and of bfloat16 is ``_LARGEST_FLOAT32``."""
_LARGEST_FLOAT32 = 3.4e38
_LEAST_FLOAT16 = 6e-8
COARSE_STEPS = 10.0
"""An RMS of fewer of the smallest numbers than that has one digit left, or none."""
_SCALE_LOSS = Text(
    "The smallest number in float16 is 6·10⁻⁸; a loss scale brings gradients back into its range."
)
_SHORT_OF_ROOT = 8.0
"""Products of entries below √largest by this factor stay finite, and so do usual sums of them."""


def check_finite(case: Case) -> Iterator[Finding]:
    """Find the first place where numbers stop being finite, forward and on the way back.

    It is overflow if something infinite or large is there; otherwise NaN came out of finite
    numbers of usual size.
    """
    broken = _find_broken_start(case)
    if broken is not None:
        yield broken
        return
    forward = _find_broken_row(case, forward=True)
    backward = _find_broken_row(case, forward=False)
    over = forward is not None and _is_overflow(case, forward, forward=True)
    if forward is not None:
        yield _describe_break(case, forward, over, forward=True)
    if forward is None and not math.isfinite(case.report.loss):
        yield _describe_broken_loss(case)
        return
    if backward is not None and (forward is None or over):
        over = over or _is_overflow(case, backward, forward=False)
        yield _describe_break(case, backward, over, forward=False)


def _find_broken_start(case: Case) -> Finding | None:
    """Find NaN or infinite entries in what the pass starts from: data and parameters."""
    inputs = case.facts.inputs
    if inputs is not None and inputs.nonfinite:
        evidence = Text(
            "NaN or infinite entries ({n}) are in the inputs before the network sees them.",
            n=int(inputs.nonfinite),
        )
        reason = Text("A missing value in the data, or a division by a standard deviation of 0.")
        return Finding(Severity.BAD, Verdict.NAN, evidence, reason)
    targets = case.facts.targets
    if targets is not None and targets.nonfinite:
        evidence = Text(
            "NaN or infinite entries ({n}) are in the targets, and so the loss is not finite.",
            n=int(targets.nonfinite),
        )
        reason = Text("A missing value in the data: leave such samples out of the loss.")
        return Finding(Severity.BAD, Verdict.NAN, evidence, reason)
    table = case.report.get_table("parameters")
    broken = ~np.isfinite(table.get_numbers("norm"))
    if not broken.any():
        return None
    evidence = Text(
        "The weights are broken already: {name} has entries that are NaN or infinite.",
        name=str(table["parameter"][broken][0]),
    )
    reason = Text("An earlier update was not finite; start again from weights of before.")
    return Finding(Severity.BAD, Verdict.NAN, evidence, reason)


def _find_broken_row(case: Case, *, forward: bool) -> int | None:
    """Find the row of ``signals`` where entries first are not finite, seen as the pass runs."""
    counts = case.signals.get_numbers("nonfinite" if forward else "grad_nonfinite")
    rows = np.flatnonzero(counts > 0)
    return None if not len(rows) else int(rows[0] if forward else rows[-1])


def _is_overflow(case: Case, row: int, *, forward: bool) -> bool:
    """Tell overflow from NaN and ∞ out of usual numbers, by what is there and what went in.

    What is infinite may come of exp, whose argument need not be large; on the way back also of
    a signal that is.
    """
    columns = ("min", "max") if forward else ("grad_max",)
    limit = math.sqrt(find_largest(case)) / _SHORT_OF_ROOT
    before = slice(max(row - 3, 0), row) if forward else slice(row + 1, row + 4)
    if forward and _is_infinite(case, row, columns):
        limit = min(limit, math.log(find_largest(case)))
        if not row:
            return case.facts.inputs is None or case.facts.inputs.largest > limit
    if _measure_largest(case, before, columns) > limit:
        return True
    near = slice(max(row - 3, 0), row + 4)
    return not forward and _measure_largest(case, near, ("min", "max")) > limit


def _is_infinite(case: Case, row: int, columns: tuple[str, ...]) -> bool:
    return any(math.isinf(case.signals.get_numbers(name)[row]) for name in columns)


def _measure_largest(case: Case, rows: slice, columns: tuple[str, ...]) -> float:
    """Measure the largest of what is known in columns; infinite entries count as large."""
    known = [np.abs(case.signals.get_numbers(name)[rows]) for name in columns]
    return max(float(np.nanmax(values, initial=0)) for values in known)


def find_largest(case: Case) -> float:
    """Find the largest number that the format of the signals holds."""
    return _LARGEST.get(case.report.dtype, _LARGEST_FLOAT32)


def _describe_break(case: Case, row: int, over: bool, *, forward: bool) -> Finding:
    layer = int(case.signals["layer"][row])
    if not over:
        return _describe_nan(case, row, forward=forward)
    template = (
        N_(
            "The forward signal overflows {dtype}: {n} of its entries are infinite or not a "
            "number, first in layer {layer}."
        )
        if forward
        else N_(
            "The gradient overflows: {n} entries are infinite or not a number, on the way back "
            "first in layer {layer}."
        )
    )
    counts = case.signals.get_numbers("nonfinite" if forward else "grad_nonfinite")
    evidence = Text(
        template,
        dtype=case.report.dtype,
        n=int(np.nansum(counts)),
        layer=name_row(layer, case.modules),
    )
    return Finding(Severity.BAD, Verdict.OVERFLOW, evidence, _explain_overflow(case), layer)


def _describe_nan(case: Case, row: int, *, forward: bool) -> Finding:
    layer, module = int(case.signals["layer"][row]), str(case.signals["module"][row])
    columns = ("min", "max") if forward else ("grad_max",)
    what = Text("Infinity") if _is_infinite(case, row, columns) else "NaN"
    if forward:
        evidence = Text(
            "{what} appears in the forward pass, first in the output of {module}, although nothing "
            "large went in.",
            what=what,
            module=module,
        )
        reason = Text(
            "0/0 or 1/0, the logarithm of 0, the root or logarithm of a negative number, an "
            "exponential of more than {most}, or a softmax over nothing (a row that is masked as a "
            "whole): look at what this module computes.",
            most=int(math.log(find_largest(case))),
        )
    else:
        evidence = Text(
            "{what} appears in the backward pass, first in the gradient of the output of {module}, "
            "although the forward pass is finite and no gradient is large.",
            what=what,
            module=module,
        )
        reason = Text(
            "A function whose slope is infinite at 0, such as a root or a norm, times a gradient "
            "of 0; or a branch of torch.where that is not taken. Add a small ε inside the root."
        )
    return Finding(Severity.BAD, Verdict.NAN, evidence, reason, layer or None)


def _describe_broken_loss(case: Case) -> Finding:
    outputs = case.facts.outputs
    if outputs is not None and outputs.low != 0 and _is_loss_infinite(case):
        evidence = Text("The loss is infinite, although all outputs are finite and of usual size.")
        return Finding(Severity.BAD, Verdict.OVERFLOW, evidence, _explain_overflow(case))
    large = outputs is not None and outputs.largest > math.sqrt(find_largest(case)) / _SHORT_OF_ROOT
    if large and outputs is not None:
        evidence = Text(
            "The loss is not finite, although all outputs are: they reach {size}, and their square "
            "overflows.",
            size=format_number(outputs.largest),
        )
        return Finding(Severity.BAD, Verdict.OVERFLOW, evidence, _explain_overflow(case))
    evidence = Text("The loss is not finite, although all outputs are finite and of usual size.")
    reason = Text("The logarithm of 0 or a division by 0 in the loss, or NaN among the targets.")
    return Finding(Severity.BAD, Verdict.NAN, evidence, reason)


def _is_loss_infinite(case: Case) -> bool:
    """Tell whether the loss is infinite, and its gradient, too; not NaN, as that of 0·log 0 is."""
    row = _find_broken_row(case, forward=False)
    return (
        math.isinf(case.report.loss) and row is not None and _is_infinite(case, row, ("grad_max",))
    )


def _explain_overflow(case: Case) -> Text:
    return Text(
        "The largest number in {dtype} is {largest}; anything larger becomes infinite.",
        dtype=case.report.dtype,
        largest=format_number(find_largest(case)),
    )


def check_underflow(case: Case) -> Iterator[Finding]:
    """Find layers whose gradient is too small for the number format."""
    small = case.underflowing
    if not small:
        return
    if case.is_loss_lost:
        evidence = Text(
            "Underflow: the gradient of the loss is below {tiny} and becomes exactly 0 in float16 "
            "before it reaches the network; nothing is left in {layers}.",
            tiny=format_number(_LEAST_FLOAT16),
            layers=name_layers(case.zero_layers, case.modules),
        )
        yield Finding(Severity.BAD, Verdict.UNDERFLOW, evidence, _SCALE_LOSS, max(small))
        return
    values: dict[str, Value] = {
        "layer": name_row(max(small), case.modules),
        "tiny": format_number(case.report.smallest_normal),
        "dtype": case.report.dtype,
    }
    severity = _judge_underflow(case)
    scaled = Text(" at this loss scale") if case.report.loss_scale != 1 else EMPTY
    evidence = join_texts(
        Text(
            "From layer {layer} back, the smallest gradients are below {tiny}, the smallest normal "
            "{dtype} number{scaled}: they lose digits, but less than a hundredth of a layer's RMS.",
            **values,
            scaled=scaled,
        )
        if severity is Severity.NOTE
        else Text(
            "Underflow: from layer {layer} back, gradients come below {tiny}, the smallest "
            "normal {dtype} number{scaled}; there they lose digits and then become exactly 0.",
            **values,
            scaled=scaled,
        ),
        Text(
            "No gradient at all is left in {layers}.",
            layers=name_layers(case.zero_layers, case.modules),
        )
        if case.zero_layers
        else EMPTY,
    )
    numbers = Text(
        "from layer {layer} back, gradients come below {tiny}, the smallest normal {dtype} number.",
        **values,
    )
    reason = (
        _SCALE_LOSS
        if case.report.dtype == "float16"
        else Text("The gradient has shrunk below the range of {dtype}.", dtype=case.report.dtype)
    )
    yield Finding(severity, Verdict.UNDERFLOW, evidence, reason, max(small), numbers=numbers)


def _judge_underflow(case: Case) -> Severity:
    """Judge by the layer whose gradient has the smallest RMS: a format rounds to even steps there.

    Where the RMS is a normal number, a step is a small part of it: 1/1000 in float16.
    """
    rms = case.layers.get_numbers("delta_rms")[np.isin(case.numbers, case.underflowing)].min()
    if rms < COARSE_STEPS * case.report.smallest:
        return Severity.BAD
    return Severity.WARNING if rms < case.report.smallest_normal else Severity.NOTE
