"""Sentences about runs: what they came to, and how fast their layers move."""

from __future__ import annotations

import math

from gradflow.charts.theme import count, number, share
from gradflow.charts.training.speeds import USUAL_RATIO
from gradflow.core.catalog.optimizers import OPTIMIZERS, Clip
from gradflow.core.catalog.schedules import SCHEDULES, Schedule
from gradflow.core.text import _
from gradflow.core.training import State, TrainingPlan
from gradflow.ui.training.lanes import Shown
from gradflow.ui.training.runs import Group
from gradflow.ui.training.summary import Summary, summarized

UNEVEN = 30.0
"""Layers that move so many times as fast as others are spoken of."""
SLOW, FAST = USUAL_RATIO / 30, USUAL_RATIO * 30


def rule(plan: TrainingPlan) -> str:
    """One step of a plan in LaTeX: optimizer, and what is done to gradient and rate."""
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
    return r"\begin{gathered}" + r"\\[4pt]".join(parts) + r"\end{gathered}"


_CLIPPING = {
    Clip.NORM: r"\frac{\partial L}{\partial W} \min\left(1, \frac{c}{\lVert\partial L / \partial"
    r" W\rVert}\right)",
    Clip.VALUE: r"\min\left(\max\left(\frac{\partial L}{\partial W}, -c\right), c\right)",
}


def progress(group: Group) -> tuple[float, str]:
    """The share that is done, and words for it."""
    done, planned = group.steps
    counts = [
        _("{done} of {planned}").format(done=lane.steps_done, planned=lane.plan.steps)
        for lane in group.lanes
    ]
    if len(set(counts)) == 1:
        text = _("step {count}").format(count=counts[0])
    else:
        each = zip("ABCD", counts, strict=False)
        text = _("steps: ") + ", ".join(f"{letter} {count}" for letter, count in each)
    left = group.seconds_left()
    if left is not None:
        text += " · " + _("{time} left").format(time=duration(left))
    if not group.running:
        text += " · " + _condition(group)
    return (done / planned if planned else 1.0), text


def _condition(group: Group) -> str:
    states = {lane.state for lane in group.lanes}
    if State.PAUSED in states:
        return _("paused")
    if State.STOPPED in states:
        return _("stopped by hand")
    return _("ended")


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 60:
        return _("{n} s").format(n=math.ceil(seconds))
    if seconds < 3600:
        return _("{n} min {s} s").format(n=int(seconds // 60), s=int(seconds % 60))
    return _("{h} h {n} min").format(h=int(seconds // 3600), n=int(seconds % 3600 // 60))


def outcome(one: Shown) -> str:
    """A sentence on loss and accuracy, and one on the speeds of the layers."""
    found = summarized(one.run)
    if found is None:
        return ""
    if found.broke is not None:
        text = _("{run}: the loss began at {before} and was not finite in step {step}.")
        return text.format(run=one.label, before=number(found.loss_before), step=found.broke)
    text = _("{run}: loss {before} → {after} in {steps} steps")
    said = text.format(
        run=one.label,
        before=number(found.loss_before),
        after=number(found.loss),
        steps=found.steps,
    )
    if not math.isnan(found.accuracy):
        said += _(", accuracy {right}").format(right=share(found.accuracy))
    if not math.isnan(found.held_out_accuracy):
        said += _(" (held-out {right})").format(right=share(found.held_out_accuracy))
    return f"{said}. {speeds(found)}"


def times(factor: float) -> str:
    """A factor to two digits."""
    return count(int(float(f"{factor:.1e}"))) if 10 <= factor < 1e6 else number(factor, 2)


def speeds(found: Summary) -> str:
    """What the update ratios say."""
    known = [(r, layer) for layer, r in enumerate(found.ratios, start=1) if math.isfinite(r)]
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
    said = text.format(slow=slow, slowest=number(slowest), fast=fast, fastest=number(fastest))
    if fastest / slowest > UNEVEN:
        said += _(", {n} times as fast").format(n=times(fastest / slowest))
    if fastest < SLOW:
        said += _(": far below 10⁻³, a larger rate may help")
    elif slowest > FAST:
        said += _(": far above 10⁻³, a smaller rate may help")
    return f"{said}."
