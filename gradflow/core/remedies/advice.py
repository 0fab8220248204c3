"""Advice for any probed model: what to change, in words and as a line of code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradflow.core.diagnosis import findings
from gradflow.core.remedies.table import REMEDIES
from gradflow.core.report import Report
from gradflow.core.text import N_, Text
from gradflow.core.verdict import Finding, Severity, Verdict


@dataclass(frozen=True)
class Advice:
    """A cure that the owner of a model makes by hand.

    Attributes:
        code: stable name; that of the row of ``REMEDIES`` which does the same, if there is one.
        title: what to do, in a few words.
        reason: what it does and why that can help.
        line: the line of PyTorch that does it.
        verdict: what it is an answer to; ``None`` before it is given.
    """

    code: str
    title: Text
    reason: Text
    line: str
    verdict: Verdict | None = None


def _take_remedy(code: str, line: str) -> Advice:
    remedy = REMEDIES[code]
    return Advice(code, Text(remedy.label), Text(remedy.change), line)


def _write(code: str, title: str, reason: str, line: str) -> Advice:
    return Advice(code, Text(title), Text(reason), line)


_ROWS = (
    _take_remedy("standardize", "x = (x - x_train.mean(0)) / x_train.std(0).clamp_min(1e-6)"),
    _take_remedy("scale_targets", "y = (y - y_train.mean()) / y_train.std()"),
    _take_remedy("logits", "return self.readout(h)  # no softmax, sigmoid or ReLU on it"),
    _take_remedy("sigmoid", "return torch.sigmoid(self.readout(h))"),
    _take_remedy("right_loss", "loss = F.cross_entropy(logits, target)  # it has its log_softmax"),
    _take_remedy("relu_he", 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")'),
    _take_remedy("leaky_relu", "h = nn.functional.leaky_relu(layer(h))"),
    _take_remedy("he", 'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")'),
    _take_remedy("xavier", "nn.init.xavier_normal_(layer.weight)"),
    _take_remedy("layer_norm", "h = nn.LayerNorm(width)(h)  # made once, in __init__"),
    _take_remedy("group_norm", "nn.GroupNorm(groups, channels)  # in place of nn.BatchNorm2d"),
    _take_remedy("preactivation", "h = h + branch(h)"),
    _take_remedy("pre_norm", "h = h + attention(norm(h))"),
    _take_remedy("warm_up", "LinearLR(optimizer, start_factor=0.01, total_iters=500)"),
    _take_remedy("adam", "optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)"),
    _take_remedy("loss_scale", "scaler = torch.amp.GradScaler()"),
    _take_remedy("bfloat16", 'with torch.autocast("cuda", dtype=torch.bfloat16): ...'),
    _write(
        "small_readout",
        N_("A smaller readout"),
        N_("Logits of size 1 leave every answer open; large ones have to be unlearned first."),
        "nn.init.zeros_(model.readout.weight)",
    ),
    _write(
        "shapes",
        N_("The same shape for both"),
        N_("A column minus a row is a square: every output is compared with every target."),
        "loss = F.mse_loss(output.squeeze(1), target)",
    ),
    _write(
        "binary_loss",
        N_("A loss for one output"),
        N_("A softmax over one output is always 1; BCE with logits takes one number per sample."),
        "loss = F.binary_cross_entropy_with_logits(output.squeeze(1), target.float())",
    ),
    _write(
        "straight_through",
        N_("Pass the gradient by the step"),
        N_("A step has the slope 0; this one gives its value, and the gradient of what enters it."),
        "h = h + (h.round() - h).detach()",
    ),
    _write(
        "thaw",
        N_("Thaw what is to learn"),
        N_("Parameters without requires_grad get no gradient and stay as they are."),
        "model.requires_grad_(True)",
    ),
    _write(
        "attach",
        N_("Keep the graph whole"),
        N_("What is detached, made of indices or computed without gradient returns none."),
        "h = layer(h)  # no .detach(), .item(), argmax or torch.no_grad() on the way",
    ),
    _write(
        "module_list",
        N_("Register the modules"),
        N_("Modules in a plain list are no part of the model: no optimizer sees them."),
        "self.layers = nn.ModuleList(layers)",
    ),
    _write(
        "zero_bias",
        N_("Biases of 0"),
        N_("A bias far below 0 keeps a unit off for every sample, so that nothing moves it."),
        "nn.init.zeros_(layer.bias)",
    ),
    _write(
        "epsilon",
        N_("Keep off the singular point"),
        N_("The slope of a root, a logarithm or a quotient at 0 is infinite; times 0 it is NaN."),
        "(x + 1e-8).sqrt()",
    ),
    _write(
        "data",
        N_("Look at the data"),
        N_("What is missing, infinite or always 0 in the data no network can mend."),
        "assert x.isfinite().all() and x.std() > 0",
    ),
    _write(
        "clip",
        N_("Clip the gradient"),
        N_("Bounds every step, so that none throws the weights far off."),
        "nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
    ),
    _write(
        "lstm",
        N_("A gated cell"),
        N_("The cell state of an LSTM adds up from step to step instead of being multiplied."),
        "nn.LSTM(features, hidden, batch_first=True)",
    ),
    _write(
        "orthogonal_states",
        N_("Orthogonal recurrent weights"),
        N_("A rotation neither shrinks nor stretches a state from step to step."),
        "nn.init.orthogonal_(rnn.weight_hh_l0)",
    ),
)
ADVICE: dict[str, Advice] = {row.code: row for row in _ROWS}
"""All advice by its code."""

_V = Verdict
_ANSWERS: dict[Verdict, tuple[str, ...]] = {
    _V.VANISHING: ("relu_he", "layer_norm", "preactivation", "adam"),
    _V.EXPLODING: ("he", "preactivation", "clip", "adam"),
    _V.UNEVEN: ("he", "layer_norm", "preactivation", "adam"),
    _V.FAINT: ("layer_norm", "relu_he"),
    _V.SATURATED: ("xavier", "layer_norm"),
    _V.DEAD: ("zero_bias", "leaky_relu"),
    _V.COLLAPSED: ("preactivation", "layer_norm", "relu_he"),
    _V.SYMMETRIC: ("xavier",),
    _V.TARGETS: ("scale_targets",),
    _V.LOGITS: ("small_readout",),
    _V.SMALL_BATCH: ("group_norm",),
    _V.UNDERFLOW: ("bfloat16", "loss_scale"),
    _V.OVERFLOW: ("bfloat16", "standardize", "clip"),
}


_WORTH_MENDING = (_V.INPUTS, _V.TARGETS, _V.LOGITS, _V.SMALL_BATCH)
"""Notes that are answered although the network is healthy."""


def _answer_readout(report: Report) -> tuple[str, ...]:
    facts = report.facts
    if facts.loss == "nll":
        return ("right_loss",)
    if facts.classes == 1 and facts.loss == "cross_entropy":
        return ("binary_loss",)
    if facts.last_step in ("softmax", "log_softmax") and facts.classes == 1:
        return ("sigmoid",)
    return ("logits",) if facts.last_step else ("shapes",)


def _answer_cut(report: Report) -> tuple[str, ...]:
    facts = report.facts
    if facts.unlisted:
        return ("module_list",)
    if facts.flat_step:
        return ("straight_through",)
    return ("thaw",) if len(facts.frozen) == len(report.get_table("parameters")) else ("attach",)


def _answer_inputs(report: Report) -> tuple[str, ...]:
    inputs = report.facts.inputs
    return ("data",) if inputs is not None and inputs.largest == 0 else ("standardize",)


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
}
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
    found = findings(report)
    healthy = any(finding.verdict is Verdict.HEALTHY for finding in found)
    for finding in found:
        if finding.severity is Severity.NOTE and not _is_worth_mending(finding, healthy):
            continue
        for code in _list_answers(finding, report):
            row = ADVICE[code]
            advice = Advice(code, row.title, row.reason, row.line, finding.verdict)
            given.setdefault(code, advice)
    return list(given.values())


def _is_worth_mending(note: Finding, healthy: bool) -> bool:
    return note.verdict in _WORTH_MENDING or not (healthy or note.verdict is Verdict.CUT)


def _list_answers(finding: Finding, report: Report) -> Iterator[str]:
    verdict = finding.verdict
    if verdict is None or finding.severity is Severity.GOOD:
        return
    if "recurrent" in report.get_table("signals")["kind"] and verdict in _THROUGH_TIME:
        yield from _THROUGH_TIME[verdict]
    elif verdict in _CHOSEN:
        yield from _CHOSEN[verdict](report)
    else:
        yield from _ANSWERS.get(verdict, ())
        if _has_attention(report) and verdict in (_V.VANISHING, _V.EXPLODING, _V.UNEVEN):
            yield from ("pre_norm", "warm_up")


def _has_attention(report: Report) -> bool:
    return any("att" in str(name).lower() for name in report.get_table("signals")["module"])
