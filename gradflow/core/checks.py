"""Checks for what else can be wrong in a network, whatever the decay of its gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gradflow.core.causes import explain_verdict, parse_experiment
from gradflow.core.experiment import LayerSettings
from gradflow.core.numbers import format_number, format_share
from gradflow.core.phrases import name_layers
from gradflow.core.report import Quantity, Report
from gradflow.core.text import EMPTY, N_, Text, join_texts
from gradflow.core.verdict import Finding, Severity, Verdict

SATURATED_SHARE, BADLY_SATURATED_SHARE = 0.3, 0.6
"""Share of a layer's outputs in the flat part of the activation."""
DEAD_SHARE, BADLY_DEAD_SHARE, ENOUGH_SAMPLES = 0.1, 0.5, 16
"""Share of dead units; in fewer samples than that, a unit is off in all of them by chance."""
ALIKE_COSINE, INDISTINGUISHABLE_COSINE = 0.95, 0.999
"""Mean cosine between the activations of two samples."""
UNDERFLOW_SHARE = 0.01
"""Share of subnormal entries from which a layer is said to underflow; tails reach there earlier."""


def find_problems(report: Report) -> Iterator[Finding]:
    """Run all checks, in the order in which a reader should know of what they find."""
    for check in (
        _check_overflow,
        _check_underflow,
        _check_symmetry,
        _check_saturation,
        _check_dead_units,
        _check_collapse,
    ):
        yield from check(report)


def _check_overflow(report: Report) -> Iterator[Finding]:
    first_layer = {"nonfinite": 0, "grad_nonfinite": -1}  # forward, and on the way back
    templates = {
        "nonfinite": N_(
            "The forward signal overflows {dtype}: {n} of its entries are infinite or not a "
            "number, first in layer {layer}."
        ),
        "grad_nonfinite": N_(
            "The gradient overflows: {n} entries are infinite or not a number, on the way back "
            "first in layer {layer}."
        ),
    }
    signals = report.get_table("signals")
    for column, template in templates.items():
        counts = signals.get_numbers(column)
        rows = counts > 0
        if rows.any():
            layer = int(signals["layer"][rows][first_layer[column]])
            count = int(counts[rows].sum())
            evidence = Text(template, dtype=report.dtype, n=count, layer=layer)
            reason = explain_verdict(Verdict.OVERFLOW, report)
            yield Finding(Severity.BAD, Verdict.OVERFLOW, evidence, reason, layer)


def _check_underflow(report: Report) -> Iterator[Finding]:
    """Find underflow, and gradients that are zero although nothing underflowed."""
    numbers = report.get_table("layers")["layer"].tolist()
    small = _list_underflowing(report)
    zero = [n for n in numbers if _is_gradient_zero(report, n)]
    if small:
        evidence = join_texts(
            Text(
                "Underflow: from layer {layer} back, gradients come below {tiny}, the smallest "
                "normal {dtype} number{scaled}; there they lose digits and then become exactly 0.",
                layer=max(small),
                tiny=format_number(report.smallest_normal),
                dtype=report.dtype,
                scaled=Text(" at this loss scale") if report.loss_scale != 1 else "",
            ),
            Text("No gradient at all is left in {layers}.", layers=name_layers(zero))
            if zero
            else EMPTY,
        )
        numbers = Text(
            "from layer {layer} back, gradients come below {tiny}, the smallest normal {dtype} "
            "number.",
            layer=max(small),
            tiny=format_number(report.smallest_normal),
            dtype=report.dtype,
        )
        reason = explain_verdict(Verdict.UNDERFLOW, report)
        yield Finding(
            Severity.BAD, Verdict.UNDERFLOW, evidence, reason, max(small), numbers=numbers
        )
    elif zero:
        yield _judge_zero_gradient(report, zero)


def _judge_zero_gradient(report: Report, layers: list[int]) -> Finding:
    """Judge layers without any gradient: branches that open with the first step are no problem."""
    experiment = parse_experiment(report)
    network = experiment and experiment.network
    if isinstance(network, LayerSettings) and network.zero_last:
        evidence = Text(
            "In {layers} the gradient is exactly 0, because the last weight of each branch starts "
            "at 0 and the shortcut carries everything; the first step opens the branches.",
            layers=name_layers(layers),
        )
        return Finding(Severity.NOTE, Verdict.HEALTHY, evidence)
    dead = _find_dead_layer(report)
    if dead is not None:
        evidence = Text(
            "All units of layer {layer} are dead: their slope is 0 for every sample of the batch. "
            "The gradient is exactly 0 in {layers}.",
            layer=dead,
            layers=name_layers(layers),
        )
        reason = explain_verdict(Verdict.DEAD, report)
        return Finding(Severity.BAD, Verdict.DEAD, evidence, reason, dead)
    evidence = Text(
        "The gradient is exactly 0 in {layers}, without underflow: a weight or slope on its way "
        "back is 0.",
        layers=name_layers(layers),
    )
    return Finding(Severity.BAD, Verdict.VANISHING, evidence, layer=max(layers))


def _find_dead_layer(report: Report) -> int | None:
    """Find the first layer whose units are all dead and that gets no gradient."""
    numbers = report.get_table("layers")["layer"]
    dead = numbers[report.dead_unit_share() == 1].tolist()
    return next((n for n in dead if _is_gradient_zero(report, n)), None)


def _list_underflowing(report: Report) -> list[int]:
    numbers = report.get_table("layers")["layer"].tolist()
    return [n for n in numbers if _measure_subnormal_share(report, n) > UNDERFLOW_SHARE]


def _measure_subnormal_share(report: Report, layer: int) -> float:
    """Return the larger share of subnormal entries in the layer's ∂L/∂z and ∂L/∂a."""
    quantities: tuple[Quantity, ...] = ("delta", "activation_grad")
    histograms = (report.histograms.get((quantity, layer)) for quantity in quantities)
    return max((h.subnormal / h.total for h in histograms if h and h.total), default=0.0)


def _is_gradient_zero(report: Report, layer: int) -> bool:
    delta = report.histograms.get(("delta", layer))
    return delta is not None and delta.zeros == delta.total > 0


def _check_symmetry(report: Report) -> Iterator[Finding]:
    """Find layers whose units have equal weights on both sides: nothing ever tells them apart."""
    layers, signals = report.get_table("layers"), report.get_table("signals")
    blocks = set(signals["layer"][signals["kind"] == "block"].tolist())
    numbers = layers["layer"].tolist()
    equal = [n for n in numbers if _has_equal_weights(report, n)]
    same = [
        n
        for n, units in zip(numbers, layers["fan_out"].tolist(), strict=True)
        # A shortcut brings units that differ, whatever the weights of its branch.
        if units > 1 and n in equal and n + 1 in equal and n not in blocks
    ]
    if not same:
        return
    zero = all(report.histograms["weight", n].zeros for n in same)
    evidence = Text(
        "All weights of {layers} are {value}: their units are copies of each other.",
        layers=name_layers(same),
        value="0" if zero else Text("equal"),
    )
    reason = explain_verdict(Verdict.SYMMETRIC, report)
    yield Finding(Severity.BAD, Verdict.SYMMETRIC, evidence, reason, same[0])


def _has_equal_weights(report: Report, layer: int) -> bool:
    weight = report.histograms.get(("weight", layer))
    return weight is not None and len(weight.counts) == 1 and weight.nonfinite == 0


def _check_saturation(report: Report) -> Iterator[Finding]:
    share = report.get_table("layers").get_numbers("saturated")
    template = N_(
        "Up to {share} of the outputs are saturated (layer {worst}), in {layers} more than {limit}."
    )
    limits = SATURATED_SHARE, BADLY_SATURATED_SHARE
    yield from _check_share(report, share, limits, Verdict.SATURATED, template)


def _check_dead_units(report: Report) -> Iterator[Finding]:
    samples = report.get_table("signals")["shape"][0].split("×")[0]
    if samples.isdigit() and int(samples) < ENOUGH_SAMPLES:
        return
    if _find_dead_layer(report) is not None and not _list_underflowing(report):
        return  # it was said of the gradient
    template = N_(
        "Up to {share} of the units are dead (layer {worst}): their slope is 0 for every sample of "
        "the batch, so they pass no gradient on; in {layers} more than {limit} are."
    )
    limits = DEAD_SHARE, BADLY_DEAD_SHARE
    yield from _check_share(report, report.dead_unit_share(), limits, Verdict.DEAD, template)


def _check_share(
    report: Report,
    share: npt.NDArray[np.float64],
    limits: tuple[float, float],
    verdict: Verdict,
    template: str,
) -> Iterator[Finding]:
    """Find layers whose share is beyond the first limit; beyond the second it is bad."""
    beyond = share > limits[0]
    if not beyond.any():
        return
    numbers = report.get_table("layers")["layer"]
    worst = int(np.nanargmax(share))
    severity = Severity.BAD if share[worst] > limits[1] else Severity.NOTE
    evidence = Text(
        template,
        share=format_share(share[worst]),
        worst=int(numbers[worst]),
        layers=name_layers(numbers[beyond].tolist()),
        limit=format_share(limits[0]),
    )
    first = int(numbers[beyond][0])
    yield Finding(severity, verdict, evidence, explain_verdict(verdict, report), first)


def _check_collapse(report: Report) -> Iterator[Finding]:
    """Find layers in which the activations of all samples point the same way."""
    layers = report.get_table("layers")
    alike = layers.get_numbers("similarity")[:-1]
    beyond = alike > ALIKE_COSINE
    if not beyond.any():
        return
    worst, numbers = int(np.nanargmax(alike)), layers["layer"]
    evidence = Text(
        "The inputs become alike: the mean cosine between the activations of two samples reaches "
        "{cosine} (layer {worst}), from {first} in layer {start}.",
        cosine=_format_cosine(alike[worst]),
        worst=int(numbers[worst]),
        first=_format_cosine(alike[0]),
        start=int(numbers[0]),
    )
    severity = Severity.BAD if alike[worst] > INDISTINGUISHABLE_COSINE else Severity.NOTE
    reason = explain_verdict(Verdict.COLLAPSED, report)
    yield Finding(severity, Verdict.COLLAPSED, evidence, reason, int(numbers[:-1][beyond][0]))


def _format_cosine(value: float) -> str:
    """Write a cosine; near 1 it is the distance from 1 that matters."""
    return f"1 − {format_number(1 - value)}" if 0.999 < value < 1 else format_number(value)
