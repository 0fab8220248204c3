"""Advice for a probed model: which rows of the table answer what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from gradflow.core.decay import find_kinds
from gradflow.core.diagnosis import findings
from gradflow.core.diagnosis.case import Case
from gradflow.core.diagnosis.fate import is_hopeless
from gradflow.core.diagnosis.openings import find_opened_layers
from gradflow.core.diagnosis.readout import RANGES, is_readout_dead
from gradflow.core.diagnosis.scale import SAME_COSINE
from gradflow.core.diagnosis.shapes import REGRESSIONS, judge_shapes
from gradflow.core.diagnosis.special import ENOUGH_BLOCKS, list_bare_blocks
from gradflow.core.facts import Facts
from gradflow.core.remedies.advice_table import ADVICE, Advice
from gradflow.core.remedies.lines import list_recurrent, write_line
from gradflow.core.report import Report
from gradflow.core.verdict import Finding, Severity, Verdict

_V = Verdict
_ANSWERS: dict[Verdict, tuple[str, ...]] = {
    _V.VANISHING: ("relu_he", "layer_norm", "preactivation", "adam"),
    _V.EXPLODING: ("he", "preactivation", "clip", "adam"),
    _V.UNEVEN: ("he", "layer_norm", "preactivation", "adam"),
    _V.FAINT: ("layer_norm", "preactivation", "relu_he"),
    _V.SATURATED: ("xavier", "layer_norm"),
    _V.COLLAPSED: ("preactivation", "layer_norm", "relu_he"),
    _V.SYMMETRIC: ("xavier",),
    _V.LOGITS: ("small_readout",),
    _V.SMALL_BATCH: ("group_norm",),
}


_WORTH_MENDING = (_V.INPUTS, _V.TARGETS, _V.LOGITS, _V.SMALL_BATCH)
"""Notes that are answered although the network is healthy."""


def _answer_readout(report: Report) -> tuple[str, ...]:
    case = Case(report)
    facts, targets = case.facts, case.facts.targets
    is_single = facts.classes == 1
    is_flat = is_readout_dead(case) or facts.loss in REGRESSIONS
    answers = (
        (judge_shapes(case) is not None, ("shapes",)),
        (facts.last_step == "softmax_of_samples", ("dimension",)),
        (facts.loss == "nll" and facts.last_step != "log_softmax", ("right_loss",)),
        (is_single and facts.loss == "cross_entropy", ("binary_loss",)),
        (is_single and facts.last_step in ("softmax", "log_softmax"), ("sigmoid",)),
        (
            facts.loss == "bce_with_logits" and targets is not None and not facts.last_step,
            ("binary_targets",),
        ),
        (report.loss < 0, ("sign",)),
        (is_flat and _is_within_range(facts), ("small_readout", "logits")),
        (facts.last_step != "", ("logits",)),
    )
    return next((codes for applies, codes in answers if applies), ("slope",))


def _is_within_range(facts: Facts) -> bool:
    """Tell whether a bounded readout can say all that the targets ask."""
    low, high = RANGES.get(facts.last_step, (math.inf, -math.inf))
    return facts.targets is not None and low <= facts.targets.low <= facts.targets.high <= high


def _answer_dead(report: Report, layer: int | None) -> tuple[str, ...]:
    layers = report.get_table("layers")
    rms = layers.get_numbers("preactivation_rms")[layers["layer"] == layer]
    return ("he",) if (rms == 0).any() else ("zero_bias", "leaky_relu")


def _answer_targets(report: Report) -> tuple[str, ...]:
    targets = report.facts.targets
    return ("data",) if targets is not None and targets.std == 0 else ("scale_targets",)


def _answer_range(report: Report) -> tuple[str, ...]:
    """Answer numbers that leave a format: another one where it is float16 that is too small."""
    return ("bfloat16", "loss_scale") if report.dtype == "float16" else ("relu_he", "layer_norm")


def _answer_overflow(report: Report) -> tuple[str, ...]:
    first = "bfloat16" if report.dtype == "float16" else "he"
    return (first, "standardize", "clip")


def _answer_cut(report: Report) -> tuple[str, ...]:
    facts = report.facts
    if facts.unlisted:
        return ("module_list",)
    if facts.flat_step or facts.closed_step:
        return ("straight_through",)
    return ("thaw",) if len(facts.frozen) == len(report.get_table("parameters")) else ("attach",)


def _answer_inputs(report: Report) -> tuple[str, ...]:
    inputs = report.facts.inputs
    is_empty = inputs is not None and (inputs.std == 0 or inputs.similarity > SAME_COSINE)
    return ("data",) if is_empty else ("standardize",)


def _answer_nan(report: Report) -> tuple[str, ...]:
    if any(
        data is not None and data.nonfinite for data in (report.facts.inputs, report.facts.targets)
    ):
        return ("data",)
    is_broken = bool((~np.isfinite(report.get_table("parameters").get_numbers("norm"))).any())
    return ("clip",) if is_broken else ("epsilon",)


_CHOSEN: dict[Verdict, Callable[[Report], tuple[str, ...]]] = {
    _V.READOUT: _answer_readout,
    _V.CUT: _answer_cut,
    _V.INPUTS: _answer_inputs,
    _V.NAN: _answer_nan,
    _V.TARGETS: _answer_targets,
    _V.UNDERFLOW: _answer_range,
    _V.OVERFLOW: _answer_overflow,
}
_FATES = (_V.VANISHING, _V.EXPLODING, _V.UNEVEN)
_THROUGH_TIME = {
    _V.EXPLODING: ("clip", "orthogonal_states", "lstm"),
    _V.VANISHING: ("lstm", "orthogonal_states"),
}


def advise(report: Report) -> list[Advice]:
    """List what to change in a probed model, what answers its first finding first.

    Recurrent networks get their own answers, transformers that explode or vanish pre-norm and a
    warm-up beside the usual ones. Empty for a network that is healthy.
    """
    given: dict[str, Advice] = {}
    judged = findings(report)
    healthy = any(finding.verdict is Verdict.HEALTHY for finding in judged)
    if len(list_bare_blocks(Case(report))) >= ENOUGH_BLOCKS:
        given["shortcuts"] = ADVICE["shortcuts"]
    for finding in judged:
        if finding.severity is Severity.NOTE and not _is_worth_mending(finding, healthy):
            continue
        for code in _list_answers(finding, report):
            row = ADVICE[code]
            line = write_line(code, report)
            advice = Advice(code, row.title, row.reason, line, finding.verdict)
            given.setdefault(code, advice)
    return list(given.values())


def _is_worth_mending(note: Finding, healthy: bool) -> bool:
    return note.verdict in _WORTH_MENDING or not (healthy or note.verdict is Verdict.CUT)


def _list_answers(finding: Finding, report: Report) -> Iterator[str]:
    verdict = finding.verdict
    if verdict is None or finding.severity is Severity.GOOD:
        return
    if verdict in _THROUGH_TIME and _runs_through_time(report, finding):
        yield from _answer_steps(report, verdict)
    elif verdict is _V.DEAD:
        yield from _answer_dead(report, finding.layer)
    elif verdict in _CHOSEN:
        yield from _CHOSEN[verdict](report)
    elif verdict in _FATES and _is_lost(report):
        # What is exactly 0 no scale, no norm and no optimizer makes larger.
        yield from ("preactivation",) if _has_weights(report) else ("he", "preactivation")
    else:
        if verdict in _FATES and report.facts.odd_step is not None:
            yield "gradcheck"
        if verdict in _ANSWERS:
            answers = _ANSWERS[verdict] if report.stream is None else _answer_blocks(verdict)
            useless = _list_useless(report, verdict)
            yield from (code for code in answers if code not in useless)
        if _has_attention(report) and verdict in _FATES:
            yield from ("pre_norm", "warm_up")


def _is_lost(report: Report) -> bool:
    """Tell whether layers get a gradient of exactly 0 that nothing will open."""
    case = Case(report)
    return bool(set(case.zero_layers) - find_opened_layers(case))


def _has_weights(report: Report) -> bool:
    return bool((report.get_table("layers").get_numbers("weight_norm") != 0).all())


def _list_useless(report: Report, verdict: Verdict) -> set[str]:
    """List the answers that the report, or what is said of it, rules out."""
    decay = Case(report).decay
    useless = set()
    if _has_states(report):
        useless.add("relu_he")  # a recurrent layer has activations of its own
    if verdict in _FATES and decay is not None and is_hopeless(decay):
        useless.add("adam")
    return useless


def _answer_blocks(verdict: Verdict) -> list[str]:
    """Answer for a network of blocks: what sinks along them passes by no shortcut yet."""
    answers = _ANSWERS[verdict]
    if verdict in (_V.VANISHING, _V.FAINT):
        return sorted(answers, key=lambda code: code != "preactivation")
    return ["small_branch" if code == "preactivation" else code for code in answers]


def _runs_through_time(report: Report, finding: Finding) -> bool:
    is_loop = any("#" in str(module) for module in report.get_table("layers")["module"])
    if is_loop or finding.layer is None:
        return (is_loop and finding.layer is None) or _has_states(report)
    # A change from one recurrent layer to the next is none from step to step.
    return _has_states(report) and find_kinds(report)[finding.layer - 1] != "recurrent"


def _has_states(report: Report) -> bool:
    return "recurrent" in report.get_table("signals")["kind"]


def _answer_steps(report: Report, verdict: Verdict) -> Iterator[str]:
    """Answer what happens through time; an LSTM is no answer for an LSTM.

    Its gates open where the gradient vanishes; where it explodes, open ones make it worse.
    """
    is_lstm = bool(list_recurrent(report, gates=4))
    has_biases = any("bias_hh" in str(n) for n in report.get_table("parameters")["parameter"])
    for code in _THROUGH_TIME[verdict]:
        if code != "lstm" or not is_lstm:
            yield code
        elif verdict is _V.VANISHING and has_biases:
            yield "forget_bias"


def _has_attention(report: Report) -> bool:
    return any("att" in str(name).lower() for name in report.get_table("signals")["module"])
