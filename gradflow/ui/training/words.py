"""Sentences about runs: their results, and how fast their layers move."""

from __future__ import annotations

import math

from gradflow.charts.training.speeds import USUAL_RATIO
from gradflow.core.catalog.optimizers import OPTIMIZERS, Clip
from gradflow.core.catalog.schedules import SCHEDULES, Schedule
from gradflow.core.errors import DeviceUnavailable
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _
from gradflow.core.training import Run, RunState, TrainingPlan, cost
from gradflow.core.training.divergence import Origin
from gradflow.ui.training.groups import RunGroup, Setup
from gradflow.ui.training.lanes import ShownRun
from gradflow.ui.training.sessions import ABSENT_SECONDS, FORGOTTEN_SECONDS, TokenClaim
from gradflow.ui.training.summary import Summary, summarize_run

UNEVEN_SPEED = 30.0
"""A layer that moves so many times as fast as another is mentioned."""
SLOW_RATIO, FAST_RATIO = USUAL_RATIO / 30, USUAL_RATIO * 30
LONG_SECONDS = 60.0
"""A run that takes at least so long is announced before it begins."""


def write_rule(plan: TrainingPlan) -> str:
    """Write one step of a plan in LaTeX: the optimizer, and changes of gradient and rate."""
    parts = [OPTIMIZERS[plan.optimizer].rule]
    change = _CLIPPING.get(plan.clip, "")
    if plan.l1 or plan.l2:
        change = change or r"\frac{\partial L}{\partial W}"
        change += r" + \lambda_1 \operatorname{sign} W" * (plan.l1 > 0)
        change += r" + \lambda_2 W" * (plan.l2 > 0)
    if change:
        parts.append(rf"g_t = {change}")
    if plan.schedule is not Schedule.CONSTANT:
        parts.append(SCHEDULES[plan.schedule].formula)
    if plan.schedule is Schedule.COSINE and plan.warmup_steps:
        parts[-1] += r"\ (t > w),\qquad \eta_t = \eta\,t/w\ (t \le w)"
    return r"\begin{gathered}" + r"\\[4pt]".join(parts) + r"\end{gathered}"


_CLIPPING = {
    Clip.NORM: r"\frac{\partial L}{\partial W} \min\left(1, \frac{c}{\lVert\partial L / \partial"
    r" W\rVert}\right)",
    Clip.VALUE: r"\min\left(\max\left(\frac{\partial L}{\partial W}, -c\right), c\right)",
}


def announce_duration(setup: Setup) -> str:
    """Say how long a long run will take; nothing of a short one, or on a GPU."""
    try:
        estimates = [cost.estimate_seconds(run.experiment, run.plan) for run in setup.runs]
    except DeviceUnavailable:  # said when it is tried
        return ""
    seconds = sum(estimate or 0.0 for estimate in estimates)
    if seconds < LONG_SECONDS:
        return ""
    return _(
        "This takes roughly {time} on one processor core, longer if others are computing too. "
        "It continues while you use other pages."
    ).format(time=format_roughly(seconds))


def format_roughly(seconds: float) -> str:
    """Write a duration that is not known well."""
    minutes = max(round(seconds / 60), 1)
    if minutes < 10:
        return _("{n} min").format(n=minutes)
    if minutes < 60:
        return _("{n} min").format(n=round(minutes, -1))
    return _("{n} h").format(n=format_number(seconds / 3600, 2))


def describe_claim(claim: TokenClaim, group: RunGroup | None) -> str:
    """Say whether the page has the runs that its link asked for."""
    match claim:
        case TokenClaim.OPEN_ELSEWHERE:
            return _(
                "The run in this link belongs to a page that is open elsewhere. Its settings "
                "are loaded here: press Play to train your own run."
            )
        case TokenClaim.FORGOTTEN:
            return _(
                "The run in this link is no longer stored. Its settings are loaded here: "
                "press Play to train it again."
            )
        case TokenClaim.GIVEN if group is not None and group.left_alone and not group.over:
            return _(
                "Your run is back. It paused after its page had been closed for {n} minutes; "
                "press Play to continue."
            ).format(n=round(ABSENT_SECONDS / 60))
        case TokenClaim.GIVEN:
            return ""


def explain_put_away() -> str:
    """Say why a run ended that nobody stopped."""
    return _(
        "This run was paused and has ended, because others needed the server's memory. What it "
        "recorded is still here; press Train to begin anew."
    )


def explain_ended_records(count: int) -> str:
    """Say why records are gone that this page had."""
    if count == 1:
        return _(
            "The records of one of your earlier runs are gone, because those of all trainings "
            "filled the memory that this server keeps for them. Save what you need."
        )
    return _(
        "The records of {n} of your earlier runs are gone, because those of all trainings filled "
        "the memory that this server keeps for them. Save what you need."
    ).format(n=count)


def explain_keeping() -> str:
    """Say how long runs are kept, and where they are found again."""
    return _(
        "A run continues while you use other pages of the app. You find it again here, even "
        "after a reload, because the address of this page identifies it. If you close the "
        "page, the run pauses after {pause} minutes and is deleted after {forget}. Save what "
        "you need."
    ).format(pause=round(ABSENT_SECONDS / 60), forget=round(FORGOTTEN_SECONDS / 60))


def describe_progress(group: RunGroup) -> str:
    """Describe how far the runs of a group are."""
    counts = [
        _("{done} of {planned}").format(done=lane.steps_done, planned=lane.plan.steps)
        for lane in group.lanes
    ]
    if len(set(counts)) == 1:
        text = _("step {count}").format(count=counts[0])
    else:
        each = zip("ABCD", counts, strict=False)
        text = _("steps: ") + ", ".join(f"{letter} {count}" for letter, count in each)
    left = group.estimate_seconds_left()
    if left is not None:
        text += " · " + _("{time} left").format(time=format_duration(left))
    if not group.running:
        text += " · " + _describe_pause(group)
    return text


def _describe_pause(group: RunGroup) -> str:
    states = {lane.state for lane in group.lanes}
    if RunState.PAUSED in states:
        return _("paused, its page was closed") if group.left_alone else _("paused")
    if RunState.STOPPED in states:
        return _("stopped by hand")
    return _("ended")


def format_duration(seconds: float) -> str:
    """Write a duration as people say it."""
    if seconds < 60:
        return _("{n} s").format(n=math.ceil(seconds))
    if seconds < 3600:
        return _("{n} min {s} s").format(n=int(seconds // 60), s=int(seconds % 60))
    return _("{h} h {n} min").format(h=int(seconds // 3600), n=int(seconds % 3600 // 60))


def describe_result(shown_run: ShownRun) -> tuple[str, str]:
    """Write a sentence on loss and accuracy, and one on the speeds of the layers."""
    summary = summarize_run(shown_run.run)
    if summary is None:
        return "", ""
    if summary.broke is not None:
        text = _("{run}: the loss began at {before} and was not finite in step {step}.")
        sentence = text.format(
            run=shown_run.label, before=format_number(summary.loss_before), step=summary.broke
        )
        return sentence, ""
    text = _("{run}: loss {before} → {after} in {steps} steps")
    sentence = text.format(
        run=shown_run.label,
        before=format_number(summary.loss_before),
        after=format_number(summary.loss),
        steps=summary.steps,
    )
    if not math.isnan(summary.accuracy):
        sentence += _(", accuracy {right}").format(right=format_share(summary.accuracy))
    if not math.isnan(summary.held_out_accuracy):
        sentence += _(" (held-out {right})").format(right=format_share(summary.held_out_accuracy))
    return f"{sentence}.", describe_speeds(summary)


def describe_end(run: Run) -> str:
    """Say of a run that broke where it ended; nothing of others."""
    broke = run.divergence
    return "" if broke is None else _("diverged in step {step}").format(step=broke.step)


def is_break_hidden(run: Run) -> bool:
    """Whether the layer where a run broke has finite activations: ReLU makes 0 of −∞."""
    broke = run.divergence
    if broke is None or broke.origin is not Origin.SIGNAL or not broke.layer:
        return False
    return math.isfinite(run.records[-1].layers["activation_rms"][broke.layer - 1])


def format_times(factor: float) -> str:
    """Write a factor to two digits."""
    return format_number(factor, 2)


def describe_speeds(summary: Summary) -> str:
    """Describe how fast the layers move, from their update ratios."""
    known = [(r, layer) for layer, r in enumerate(summary.ratios, start=1) if math.isfinite(r)]
    if not known:
        return ""
    slowest, slow = min(known)
    fastest, fast = max(known)
    if not fastest:
        return _("No layer moves.")
    if not slowest:
        still = sum(ratio == 0 for ratio, _layer in known)
        return _("{n} of {all} layers do not move at all.").format(n=still, all=len(known))
    text = _("Per step, layer {slow} moves by {slowest} of its size, layer {fast} by {fastest}")
    sentence = text.format(
        slow=slow, slowest=format_number(slowest), fast=fast, fastest=format_number(fastest)
    )
    if fastest / slowest > UNEVEN_SPEED:
        sentence += _(", {n} times as fast").format(n=format_times(fastest / slowest))
    if fastest < SLOW_RATIO:
        sentence += _(": far below 10⁻³, a larger rate may help")
    elif slowest > FAST_RATIO:
        sentence += _(": far above 10⁻³, a smaller rate may help")
    return f"{sentence}."
