"""Losses and outputs that do not fit: a softmax too many, an activation in the way, one output."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gradflow.core.diagnosis.case import Case
from gradflow.core.diagnosis.shapes import judge_shapes
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import N_, Text
from gradflow.core.verdict import Finding, Severity, Verdict

RANGES = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0)}
"""What an activation can give."""
_STEPS = {
    "softmax": N_("softmax"),
    "log_softmax": N_("log-softmax"),
    "sigmoid": N_("sigmoid"),
    "tanh": N_("tanh"),
    "relu": N_("ReLU"),
}
_CLASSIFICATIONS = ("cross_entropy", "nll", "bce", "bce_with_logits")
_NEVER_NEGATIVE = ("cross_entropy", "bce", "mse", "l1", "soft_margin")
NEARLY_ALL = 0.9
"""Share of saturated outputs beyond which hardly any gradient returns."""


def _name_step(step: str) -> Text:
    return Text(_STEPS[step])


def check_readout(case: Case) -> Iterator[Finding]:
    """Find what makes the output or the loss unable to say what it should; the worst of it."""
    judges = (
        judge_shapes,
        _judge_constant_output,
        _judge_pairing,
        _judge_targets,
        _judge_activation,
        _judge_sign,
        _judge_saturation,
    )
    for judge in judges:
        finding = judge(case)
        if finding is not None:
            yield finding
            return


def _find(severity: Severity, evidence: Text, reason: Text, case: Case) -> Finding:
    return Finding(severity, Verdict.READOUT, evidence, reason, case.readout)


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
    if facts.last_step == "relu" and facts.outputs is not None and facts.outputs.largest == 0:
        return _find(
            Severity.BAD,
            Text(
                "The ReLU on the readout is off for every output: nothing comes out, and no "
                "gradient returns."
            ),
            Text("A readout has no activation: a loss takes any number."),
            case,
        )
    if is_readout_dead(case):
        return _find(
            Severity.BAD,
            Text("What stands on the readout is flat for every output: no gradient returns."),
            Text(
                "Its input lies where the slope is 0. A readout has no activation, or one that its "
                "loss is made for; and it starts small."
            ),
            case,
        )
    return None


def is_readout_dead(case: Case) -> bool:
    """Tell whether an activation of the readout lets no gradient through."""
    return case.readout is not None and case.dead_layer == case.readout


def _judge_pairing(case: Case) -> Finding | None:
    """Find an activation on the output that the loss applies itself, or misses."""
    facts = case.facts
    if facts.last_step == "softmax_of_samples":
        return _find(
            Severity.WARNING,
            Text(
                "The softmax on the readout runs over the samples, not over the outputs of a "
                "sample: its dim is 0."
            ),
            Text("What comes out for one sample depends on the others. Take dim=1."),
            case,
        )
    match facts.loss, facts.last_step:
        case ("cross_entropy", "softmax" | "sigmoid" as step):
            n = max(facts.classes, 2)
            return _find(
                Severity.WARNING,
                Text(
                    "A {step} stands before the cross-entropy, which has a softmax of its own: "
                    "with {n} classes the loss cannot fall below {lowest}.",
                    step=_name_step(step),
                    n=n,
                    lowest=format_number(math.log(1 + (n - 1) * math.exp(-1.0))),
                ),
                Text("Give the loss the logits, without an activation."),
                case,
            )
        case ("cross_entropy", "tanh"):
            n = max(facts.classes, 2)
            return _find(
                Severity.WARNING,
                Text(
                    "A tanh stands before the cross-entropy: logits between −1 and 1 are never "
                    "sure, and with {n} classes the loss cannot fall below {lowest}.",
                    n=n,
                    lowest=format_number(math.log(1 + (n - 1) * math.exp(-2.0))),
                ),
                Text("Give the loss the logits, without an activation."),
                case,
            )
        case ("bce_with_logits", "sigmoid" | "softmax" | "tanh" as step):
            return _find(
                Severity.WARNING,
                Text(
                    "A {step} stands before the BCE with logits, which has a sigmoid of its own: "
                    "the loss cannot fall below {lowest} for either class.",
                    step=_name_step(step),
                    lowest=format_number(math.log(1 + math.exp(-1.0))),
                ),
                Text("Give the loss the logits, or take BCELoss."),
                case,
            )
        case ("nll", step) if step != "log_softmax":
            bounded = step in RANGES
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


def _judge_targets(case: Case) -> Finding | None:
    """Find targets of a BCE that are no probabilities."""
    targets = case.facts.targets
    if case.facts.loss != "bce_with_logits" or targets is None:
        return None
    if targets.low >= 0 and targets.high <= 1:
        return None
    return _find(
        Severity.BAD,
        Text(
            "The targets reach from {low} to {high}, and BCE takes those from 0 to 1: beyond, the "
            "loss falls without end.",
            low=format_number(targets.low),
            high=format_number(targets.high),
        ),
        Text("Write the two classes as 0 and 1."),
        case,
    )


def _judge_activation(case: Case) -> Finding | None:
    """Find an activation on the output that keeps it from what the targets ask."""
    facts = case.facts
    step, targets = facts.last_step, facts.targets
    if "relu" in (step, facts.step_before) and facts.loss in _CLASSIFICATIONS:
        zero = float(case.signals.get_numbers("zero")[-1]) if len(case.signals) else 0.0
        return _find(
            Severity.WARNING,
            Text(
                "A ReLU stands on the readout: {share} of the outputs are 0 and get no gradient.",
                share=format_share(zero),
            )
            if step == "relu"
            else Text(
                "A ReLU stands on the readout, before the {step}: what is below 0 becomes 0 and "
                "gets no gradient.",
                step=_name_step(step),
            ),
            Text("A logit has to be able to be negative. A readout has no activation."),
            case,
        )
    low, high = RANGES.get(step, (0.0 if step == "relu" else -math.inf, math.inf))
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


def _judge_sign(case: Case) -> Finding | None:
    """Find a loss that is negative although its kind never is."""
    if case.facts.loss not in _NEVER_NEGATIVE or not case.report.loss < 0:
        return None
    return _find(
        Severity.WARNING,
        Text(
            "The loss is {loss}; of its kind it is never negative: its sign is turned, or "
            "something is subtracted from it.",
            loss=format_number(case.report.loss),
        ),
        Text("A step down such a loss makes the answers worse."),
        case,
    )


def _judge_saturation(case: Case) -> Finding | None:
    """Find a bounded readout that is at its bounds, under a loss that does not make up for it."""
    facts = case.facts
    if facts.last_step not in ("sigmoid", "tanh") or facts.loss not in ("mse", "l1"):
        return None
    share = float(case.layers.get_numbers("saturated")[-1])
    if not share > NEARLY_ALL:
        return None
    return _find(
        Severity.WARNING,
        Text(
            "The {step} on the readout is saturated for {share} of the outputs: hardly any "
            "gradient returns.",
            step=_name_step(facts.last_step),
            share=format_share(share),
        ),
        Text("A smaller readout, or one that starts at 0, begins where the slope is largest."),
        case,
    )
