"""Losses and outputs that do not fit: a softmax too many, an activation in the way, one output."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gradflow.core.diagnosis.case import Case
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import N_, Text
from gradflow.core.verdict import Finding, Severity, Verdict

_RANGES = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0)}


_STEPS = {
    "softmax": N_("softmax"),
    "log_softmax": N_("log-softmax"),
    "sigmoid": N_("sigmoid"),
    "tanh": N_("tanh"),
    "relu": N_("ReLU"),
}


def _name_step(step: str) -> Text:
    return Text(_STEPS[step])


def check_readout(case: Case) -> Iterator[Finding]:
    """Find what makes the output or the loss unable to say what it should; the worst of it."""
    for judge in (_judge_shapes, _judge_constant_output, _judge_pairing, _judge_activation):
        found = judge(case)
        if found is not None:
            yield found
            return


def _find(severity: Severity, evidence: Text, reason: Text, case: Case) -> Finding:
    layer = case.numbers[-1] if case.numbers else None
    return Finding(severity, Verdict.READOUT, evidence, reason, layer)


def _judge_shapes(case: Case) -> Finding | None:
    """Find a regression whose outputs (N, 1) and targets (N) are subtracted as N×N."""
    facts = case.facts
    samples = f"{facts.samples}"
    pair = {facts.output_shape, facts.target_shape}
    if facts.loss not in ("mse", "l1") or pair != {samples, f"{samples}×1"} or samples == "1":
        return None
    return _find(
        Severity.BAD,
        Text(
            "Outputs of shape {output} and targets of shape {target} are broadcast to {n}×{n}: "
            "every output is compared with every target.",
            output=facts.output_shape,
            target=facts.target_shape,
            n=samples,
        ),
        Text("The best answer to that is the mean of all targets. Give both the same shape."),
        case,
    )


def is_output_stuck(case: Case) -> bool:
    """Tell whether no weight changes the output or the loss, which says all of the gradient."""
    return _judge_constant_output(case) is not None


def _judge_constant_output(case: Case) -> Finding | None:
    """Find an output that is the same whatever the weights of the readout are."""
    facts = case.facts
    if facts.last_step in ("softmax", "log_softmax") and facts.classes == 1:
        return _find(
            Severity.BAD,
            Text("The output cannot vary: a softmax over a single output is always 1."),
            Text("For two classes take a sigmoid, or two outputs."),
            case,
        )
    if facts.loss in ("cross_entropy", "nll") and facts.classes == 1:
        return _find(
            Severity.BAD,
            Text("The loss cannot vary: a cross-entropy over a single output is always 0."),
            Text("For two classes take BCE with logits, or two outputs."),
            case,
        )
    outputs = facts.outputs
    if facts.last_step == "relu" and outputs is not None and outputs.largest == 0:
        return _find(
            Severity.BAD,
            Text(
                "The ReLU on the readout is off for every output: nothing comes out, and no "
                "gradient returns."
            ),
            Text("A readout has no activation: a loss takes any number."),
            case,
        )
    return None


def _judge_pairing(case: Case) -> Finding | None:
    """Find an activation on the output that the loss applies itself, or misses."""
    facts = case.facts
    match facts.loss, facts.last_step:
        case ("cross_entropy", "softmax" | "sigmoid" as step):
            n = max(facts.classes, 2)
            lowest = math.log(1 + (n - 1) * math.exp(-1.0))
            return _find(
                Severity.WARNING,
                Text(
                    "A {step} stands before the cross-entropy, which has a softmax of its own: "
                    "with {n} classes the loss cannot fall below {lowest}.",
                    step=_name_step(step),
                    n=n,
                    lowest=format_number(lowest),
                ),
                Text("Give the loss the logits, without an activation."),
                case,
            )
        case ("bce_with_logits", "sigmoid"):
            return _find(
                Severity.WARNING,
                Text(
                    "A sigmoid stands before the BCE with logits, which has one of its own: the "
                    "loss cannot fall below {lowest} for either class.",
                    lowest=format_number(math.log(1 + math.exp(-1.0))),
                ),
                Text("Give the loss the logits, or take BCELoss."),
                case,
            )
        case ("nll", step) if step != "log_softmax":
            bounded = step in _RANGES
            return _find(
                Severity.WARNING if bounded else Severity.BAD,
                Text("The NLL loss gets probabilities, not their logarithms.")
                if bounded
                else Text(
                    "The NLL loss gets no log-probabilities: it takes the output of the true class "
                    "as it is, and falls without end."
                ),
                Text("Take log_softmax before it, or the cross-entropy, which has it."),
                case,
            )
    return None


def _judge_activation(case: Case) -> Finding | None:
    """Find an activation on the output that keeps it from what the targets ask."""
    facts = case.facts
    step, targets = facts.last_step, facts.targets
    if step == "relu" and facts.loss in ("cross_entropy", "nll", "bce_with_logits"):
        zero = float(case.signals.get_numbers("zero")[-1]) if len(case.signals) else 0.0
        return _find(
            Severity.WARNING,
            Text(
                "A ReLU stands on the readout: {share} of the outputs are 0 and get no gradient.",
                share=format_share(zero),
            ),
            Text("A logit has to be able to be negative. A readout has no activation."),
            case,
        )
    low, high = _RANGES.get(step, (0.0 if step == "relu" else -math.inf, math.inf))
    if facts.loss not in ("mse", "l1") or targets is None or step not in _STEPS:
        return None
    if targets.low >= low - 1e-6 and targets.high <= high + 1e-6:
        return None
    return _find(
        Severity.WARNING,
        Text(
            "A {step} stands on the readout: the outputs stay within its range, and the targets "
            "reach from {low} to {high}.",
            step=_name_step(step),
            low=format_number(targets.low),
            high=format_number(targets.high),
        ),
        Text("For a regression the readout has no activation, or the targets are scaled."),
        case,
    )
