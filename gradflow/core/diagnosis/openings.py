"""Gradients that are exactly 0 or missing: closed at the start, dead, or cut off from the graph."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradflow.core.catalog import Connection, Downsampling, Normalization, NormPosition
from gradflow.core.coverage import Place
from gradflow.core.diagnosis.case import Case
from gradflow.core.diagnosis.readout import is_output_stuck
from gradflow.core.diagnosis.units import explain_dead
from gradflow.core.experiment import ConvNet
from gradflow.core.phrases import name_layers, name_row
from gradflow.core.text import Text, Value, join_texts
from gradflow.core.verdict import Finding, Severity, Verdict

_BIASES = ("bias", "beta", "b")
"""How the names of parameters end that add, so that 0 closes nothing."""
_MOST_NAMED = 3


def check_zero_gradient(case: Case) -> Iterator[Finding]:
    """Find gradients that are exactly 0 without underflow, and tell whether the first step helps.

    A weight of norm 0 that has a gradient of its own opens the way for what lies before it.
    """
    openers = find_openers(case)
    if case.underflowing or not (openers or case.zero_layers) or is_output_stuck(case):
        return
    if not math.isfinite(case.report.loss):
        return
    closed = find_closed_parameters(case)
    zero = [n for n in case.zero_layers if n not in find_opened_layers(case)]
    if zero:
        yield _judge_lost_gradient(case, zero)
    elif closed or case.zero_layers:
        yield _describe_closed(case, closed)


def find_openers(case: Case) -> list[tuple[int, str]]:
    """Find the weights that are exactly 0 and have a gradient: their layers and names."""
    table = case.report.get_table("parameters")
    opening = (table.get_numbers("norm") == 0) & (table.get_numbers("grad_norm") > 0)
    rows = zip(table["layer"][opening].tolist(), table["parameter"][opening].tolist(), strict=True)
    return [
        (layer, name)
        for layer, name in rows
        if not name.endswith("bias")
        and not name.rpartition(".")[2].startswith("bias_")  # of recurrent modules
        and name.rpartition(".")[2] not in _BIASES
    ]


def find_opened_layers(case: Case) -> set[int]:
    """Find the layers without a gradient that will get one after the first step.

    They lie before an opening weight, or beside it in the same module, whose parts may multiply
    each other (queries and keys, a gate and what it scales).
    """
    openers = find_openers(case)
    last = max((layer for layer, _name in openers), default=0)
    if case.dead_layer is not None:
        last = min(last, case.dead_layer - 1)
    owners = {name.rpartition(".")[0].rpartition(".")[0] for _layer, name in openers}
    beside = {
        number
        for number, module in zip(case.numbers, case.layers["module"].tolist(), strict=True)
        if number != case.dead_layer and str(module).rpartition(".")[0] in owners
    }
    return {n for n in case.zero_layers if n <= last or n in beside}


def find_closed_parameters(case: Case) -> list[str]:
    """Find the parameters whose gradient is exactly 0 until a weight further on opens."""
    last = max((layer for layer, _name in find_openers(case)), default=0)
    table = case.report.get_table("parameters")
    closed = (table.get_numbers("grad_zero") == 1) & (table["layer"] <= last)
    closed &= (table.get_numbers("norm") > 0) & (table["layer"] > 0)
    return [str(name) for name in table["parameter"][closed]]


def _describe_closed(case: Case, closed: list[str]) -> Finding:
    openers = find_openers(case)
    evidence = join_texts(
        Text(
            "In {layers} the gradient is exactly 0.",
            layers=name_layers(case.zero_layers, case.modules),
        )
        if case.zero_layers
        else Text("The gradient of {names} is exactly 0.", names=_name_parameters(closed)),
        Text(
            "{openers} start at 0 and have a gradient: the first step opens the way.",
            openers=_name_parameters([name for _layer, name in openers]),
        )
        if len(openers) > 1
        else Text(
            "{openers} starts at 0 and has a gradient: the first step opens the way.",
            openers=_name_parameters([name for _layer, name in openers]),
        ),
    )
    reason = Text(
        "What lies before a weight of 0 gets nothing through it. A branch that starts at 0 leaves "
        "the shortcut as it is, and a readout that starts at 0 gives every class the same chance: "
        "both train well."
    )
    layer = case.zero_layers[-1] if case.zero_layers else None
    return Finding(Severity.NOTE, Verdict.CLOSED, evidence, reason, layer)


def _judge_lost_gradient(case: Case, layers: list[int]) -> Finding:
    """Judge layers without any gradient, which nothing will open."""
    if case.dead_layer is not None:
        evidence = Text(
            "All units of layer {layer} are dead: their slope is 0 for every sample of the batch. "
            "The gradient is exactly 0 in {layers}.",
            layer=name_row(case.dead_layer, case.modules),
            layers=name_layers(layers, case.modules),
        )
        reason = explain_dead(case, case.dead_layer)
        severity = case.soften(Severity.BAD)
        return Finding(severity, Verdict.DEAD, evidence, reason, case.dead_layer)
    if case.facts.flat_step:
        evidence = Text(
            "The gradient is exactly 0 in {layers}: the slope of {step} is 0 wherever it has one.",
            layers=name_layers(layers, case.modules),
            step=case.facts.flat_step,
        )
        reason = Text("What lies before it keeps the values that it has now.")
        return Finding(Severity.WARNING, Verdict.CUT, evidence, reason, max(layers))
    if case.facts.closed_step:
        evidence = Text(
            "The gradient is exactly 0 in {layers}: the slope of {step} is 0, says its own "
            "backward pass.",
            layers=name_layers(layers, case.modules),
            step=case.facts.closed_step,
        )
        reason = Text("What lies before it keeps the values that it has now.")
        return Finding(Severity.WARNING, Verdict.CUT, evidence, reason, max(layers))
    if case.readout in layers:
        evidence = Text(
            "No gradient enters the network: it is exactly 0 in {layers}. The loss, or what stands "
            "behind the readout, is flat at these outputs.",
            layers=name_layers(layers, case.modules),
        )
        reason = Text(
            "A clamp, a mask that leaves nothing, or a function of an error that is far too large."
        )
        return Finding(Severity.BAD, Verdict.READOUT, evidence, reason, max(layers))
    evidence = Text(
        "The gradient is exactly 0 in {layers}, without underflow: a weight or slope on its way "
        "back is 0.",
        layers=name_layers(layers, case.modules),
    )
    return Finding(Severity.BAD, Verdict.VANISHING, evidence, layer=max(layers))


def check_missing_gradient(case: Case) -> Iterator[Finding]:
    """Find parameters that ought to learn and that the backward pass never reached."""
    cut = _list_missing(case, used=True)
    if cut:
        evidence = Text(
            "No gradient reaches {parameters}: the graph is cut behind it, by detach(), no_grad(), "
            "argmax, .item() or .data, or a step that has no gradient; or what it computes is not "
            "used.",
            parameters=cut[-1]
            if len(cut) == 1
            else Text(
                "{n} parameters that ask for one, the last of them {name}", n=len(cut), name=cut[-1]
            ),
        )
        reason = Text("What lies before the cut keeps the values that it has now.")
        yield Finding(Severity.WARNING, Verdict.CUT, evidence, reason, _find_last_layer(case, cut))
    if case.facts.unlisted:
        evidence = Text(
            "{names} holds modules or parameters that the model does not know, because they stand "
            "in a plain list or dict, or are a plain tensor: no optimizer trains them. Use "
            "nn.ModuleList, nn.ModuleDict or nn.Parameter.",
            names=_name_parameters(list(case.facts.unlisted)),
        )
        yield Finding(Severity.WARNING, Verdict.CUT, evidence)


def check_unlearned(case: Case) -> Iterator[Finding]:
    """Find parameters that get no gradient because they are not used, or were frozen."""
    unused = _list_missing(case, used=False)
    if unused:
        values: dict[str, Value] = {"n": len(unused), "names": _name_parameters(unused)}
        evidence = (
            Text(
                "{n} parameters meet no signal in this pass and get no gradient: {names}.", **values
            )
            if len(unused) > 1
            else Text("{names} meets no signal in this pass and gets no gradient.", **values)
        )
        yield Finding(Severity.NOTE, Verdict.CUT, evidence)
    frozen = list(case.facts.frozen)
    if frozen and len(frozen) == len(case.report.get_table("parameters")):
        evidence = Text("All parameters are frozen (requires_grad=False): nothing will learn.")
        yield Finding(Severity.WARNING, Verdict.CUT, evidence)
    elif frozen:
        values = {"n": len(frozen), "names": _name_parameters(frozen)}
        evidence = (
            Text(
                "{n} parameters are frozen (requires_grad=False) and will not learn: {names}.",
                **values,
            )
            if len(frozen) > 1
            else Text("{names} is frozen (requires_grad=False) and will not learn.", **values)
        )
        yield Finding(Severity.NOTE, Verdict.CUT, evidence)


def _list_missing(case: Case, *, used: bool) -> list[str]:
    """List the parameters that ask for a gradient and have none, not even 0, if they are used."""
    if not case.facts.output_shape:  # a report of an older file does not say what was frozen
        return []
    table = case.report.get_table("parameters")
    missing = np.isnan(table.get_numbers("grad_nonfinite"))
    places = case.report.coverage.places
    return [
        str(name)
        for name in table["parameter"][missing]
        if name not in case.facts.frozen and (places.get(name) is not Place.UNUSED) == used
    ]


def _find_last_layer(case: Case, names: list[str]) -> int | None:
    table = case.report.get_table("parameters")
    rows = zip(table["parameter"].tolist(), table["layer"].tolist(), strict=True)
    return max((layer for name, layer in rows if name in names and layer), default=None)


def _name_parameters(names: list[str]) -> Text:
    listed = ", ".join(names[:_MOST_NAMED])
    return Text("{list}, …", list=listed) if len(names) > _MOST_NAMED else Text(listed)


def check_averaged_output(case: Case) -> Iterator[Finding]:
    """Find a norm over the pixels of single channels right before their mean."""
    network = case.network
    if not isinstance(network, ConvNet) or network.norm_position is not NormPosition.AFTER:
        return
    if network.connection is Connection.DENSE and network.downsampling is not Downsampling.NONE:
        return  # the images of earlier stages are averaged after they were pooled
    one_image = case.facts.batch_statistics and case.facts.samples == 1
    if (
        network.normalization is Normalization.INSTANCE
        or (network.normalization is Normalization.BATCH and one_image)
        or (
            network.normalization is Normalization.GROUP
            and all(width == network.groups for width in network.hidden_widths)
        )
    ):
        evidence = Text(
            "No gradient arrives below the readout: what is drawn there is rounding error. The "
            "readout sees each channel's mean over its pixels; the normalization right before it "
            "has made these means 0: the output is the same for every input. Put the normalization "
            "before the activation."
        )
        yield Finding(Severity.BAD, Verdict.VANISHING, evidence)
