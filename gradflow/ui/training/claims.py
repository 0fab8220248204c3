"""What the runs of each preset came to, beside what the preset claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradflow.charts.theme import format_number, format_share
from gradflow.core.text import _
from gradflow.core.training import Run
from gradflow.ui.training.summary import Summary, summarized
from gradflow.ui.training.words import times

Numbers = Sequence[Summary]
CHANCE = math.log(10)
"""Cross-entropy of guessing one of ten digits."""


@dataclass(frozen=True)
class Claim:
    """A preset's claim.

    Attributes:
        measured: the numbers that it is about, of all its runs, in words.
        holds: whether they bear it out.
    """

    measured: Callable[[Numbers], list[str]]
    holds: Callable[[Numbers], bool]


def judged(code: str, runs: Sequence[Run]) -> tuple[list[str], bool] | None:
    """What was measured, a line per run, and whether the claim holds.

    ``None`` if a run recorded nothing.
    """
    found = [summarized(run) for run in runs]
    numbers = [one for one in found if one is not None]
    if len(numbers) < len(found):
        return None
    claim = CLAIMS[code]
    return claim.measured(numbers), claim.holds(numbers)


def _loss(one: Summary) -> str:
    if one.broke is not None:
        return _("broke in step {step}").format(step=one.broke)
    return _("loss {loss}, held-out accuracy {right}").format(
        loss=format_number(one.loss), right=format_share(one.held_out_accuracy)
    )


def _learned(one: Summary) -> bool:
    return one.broke is None and one.loss < CHANCE / 2


def _stuck(one: Summary) -> bool:
    return one.broke is not None or not one.loss < 0.95 * CHANCE


def _with(more: Callable[[Summary], str]) -> Callable[[Numbers], list[str]]:
    """A line per run, with its loss and what the claim is about."""

    def lines(numbers: Numbers) -> list[str]:
        letters = zip("ABCD", numbers, strict=False)
        return [f"**{letter}** {_loss(one)}, {more(one)}" for letter, one in letters]

    return lines


def _first_gradient(one: Summary) -> str:
    return _("‖∂L/∂W‖ of layer 1 at the start {x} of the last layer’s").format(
        x=format_number(one.first_share)
    )


def _gradient(one: Summary) -> str:
    return _("gradient norm {before} → {after}").format(
        before=format_number(one.grad_norm_before), after=format_number(one.grad_norm)
    )


def _largest_gradient(one: Summary) -> str:
    return _("largest gradient norm {x} before clipping").format(
        x=format_number(one.grad_norm_largest)
    )


def _spread(one: Summary) -> str:
    return _("the fastest layer moves {x} times as fast as the slowest").format(x=times(one.spread))


def _dead(one: Summary) -> str:
    return _("{x} of the units are dead").format(x=format_share(one.dead))


def _still(one: Summary) -> str:
    still = sum(not ratio > 0 for ratio in one.ratios)
    return _("{n} of {all} layers did not move").format(n=still, all=len(one.ratios))


CLAIMS: dict[str, Claim] = {
    "sigmoid_twin": Claim(_with(_first_gradient), lambda n: _stuck(n[0]) and _learned(n[1])),
    "clipping": Claim(
        _with(_largest_gradient),
        lambda n: n[0].broke is not None and n[1].loss < 0.5 * n[1].loss_before,
    ),
    "penalties": Claim(
        _with(_gradient),
        lambda n: all(n[0].grad_norm > 3 * other.grad_norm for other in n[1:]),
    ),
    "adaptive": Claim(
        _with(_spread), lambda n: _stuck(n[0]) and all(_learned(other) for other in n[1:])
    ),
    "batch_norm": Claim(_with(_gradient), lambda n: _stuck(n[0]) and _learned(n[1])),
    "degradation": Claim(
        _with(_gradient),
        lambda n: n[1].loss > n[0].loss and n[3].loss < min(n[0].loss, n[1].loss),
    ),
    "dying_relu": Claim(
        _with(_dead), lambda n: n[0].dead > 0.4 and n[1].dead == 0 and n[1].loss < n[0].loss
    ),
    "zero_initialization": Claim(_with(_still), lambda n: _stuck(n[0]) and _learned(n[1])),
}
