"""The claims of the presets, judged by what their runs measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _
from gradflow.core.training import Run
from gradflow.ui.training.summary import Summary, summarize_run
from gradflow.ui.training.words import format_times

Summaries = Sequence[Summary]
CHANCE_LOSS = math.log(10)
"""Cross-entropy of guessing one of ten digits."""
LEAST_DOUBLE_SOFTMAX_LOSS = math.log(1 + 9 / math.e)
"""The lowest cross-entropy of probabilities that are taken for logits, ten of them."""


@dataclass(frozen=True)
class PresetClaim:
    """A preset's claim.

    Attributes:
        describe: describes the measured numbers that it is about, a line per run.
        holds: says whether these numbers support it.
    """

    describe: Callable[[Summaries], list[str]]
    holds: Callable[[Summaries], bool]


def judge_preset(code: str, runs: Sequence[Run]) -> tuple[list[str], bool] | None:
    """Judge the claim of a preset by its runs.

    Returns:
        What was measured, a line per run, and whether the claim holds; ``None`` if a run recorded
        nothing.
    """
    summaries = [summary for run in runs if (summary := summarize_run(run)) is not None]
    if len(summaries) < len(runs):
        return None
    claim = CLAIMS[code]
    return claim.describe(summaries), claim.holds(summaries)


def _describe_loss(run: Summary) -> str:
    if run.broke is not None:
        return _("diverged in step {step}").format(step=run.broke)
    if math.isnan(run.held_out_accuracy):  # a regression
        return _("loss {loss}").format(loss=format_number(run.loss))
    return _("loss {loss}, held-out accuracy {right}").format(
        loss=format_number(run.loss), right=format_share(run.held_out_accuracy)
    )


def _has_learned(run: Summary) -> bool:
    return run.broke is None and run.loss < CHANCE_LOSS / 2


def _is_stuck(run: Summary) -> bool:
    return run.broke is not None or not run.loss < 0.95 * CHANCE_LOSS


def _describe_with(describe: Callable[[Summary], str]) -> Callable[[Summaries], list[str]]:
    """Make a function that writes a line per run: its loss, and what the claim is about."""

    def describe_runs(summaries: Summaries) -> list[str]:
        runs = zip("ABCD", summaries, strict=False)
        return [f"**{letter}** {_describe_loss(run)}, {describe(run)}" for letter, run in runs]

    return describe_runs


def _describe_first_gradient(run: Summary) -> str:
    return _("‖∂L/∂W‖ of layer 1 at the start {x} of the last layer’s").format(
        x=format_number(run.first_share)
    )


def _describe_start(run: Summary) -> str:
    return _("loss {before} before the first step").format(before=format_number(run.loss_before))


def _describe_gradient(run: Summary) -> str:
    return _("gradient norm {before} → {after}").format(
        before=format_number(run.grad_norm_before), after=format_number(run.grad_norm)
    )


def _describe_largest_gradient(run: Summary) -> str:
    return _("largest gradient norm {x} before clipping").format(
        x=format_number(run.grad_norm_largest)
    )


def _describe_spread(run: Summary) -> str:
    return _("the fastest layer moves {x} times as fast as the slowest").format(
        x=format_times(run.spread)
    )


def _describe_dead(run: Summary) -> str:
    return _("{x} of the units are dead").format(x=format_share(run.dead))


def _describe_steps(run: Summary) -> str:
    return _("{n} steps").format(n=run.steps)


def _describe_still(run: Summary) -> str:
    still = sum(not ratio > 0 for ratio in run.ratios)
    return _("{n} of {all} layers did not move").format(n=still, all=len(run.ratios))


CLAIMS: dict[str, PresetClaim] = {
    "sigmoid_twin": PresetClaim(
        _describe_with(_describe_first_gradient), lambda n: _is_stuck(n[0]) and _has_learned(n[1])
    ),
    "clipping": PresetClaim(
        _describe_with(_describe_largest_gradient),
        lambda n: n[0].broke is not None and n[1].loss < 0.5 * n[1].loss_before,
    ),
    "penalties": PresetClaim(
        _describe_with(_describe_gradient),
        lambda n: all(n[0].grad_norm > 3 * other.grad_norm for other in n[1:]),
    ),
    "adaptive": PresetClaim(
        _describe_with(_describe_spread),
        lambda n: _is_stuck(n[0]) and all(_has_learned(other) for other in n[1:]),
    ),
    "batch_norm": PresetClaim(
        _describe_with(_describe_gradient), lambda n: _is_stuck(n[0]) and _has_learned(n[1])
    ),
    "large_batch": PresetClaim(
        _describe_with(_describe_steps),
        lambda n: n[0].loss < 0.5 * n[1].loss and n[1].loss < 0.7 * n[2].loss,
    ),
    "degradation": PresetClaim(
        _describe_with(_describe_gradient),
        lambda n: n[1].loss > n[0].loss and n[3].loss < min(n[0].loss, n[1].loss),
    ),
    "dying_relu": PresetClaim(
        _describe_with(_describe_dead),
        lambda n: n[0].dead > 0.4 and n[1].dead == 0 and n[1].loss < n[0].loss,
    ),
    "raw_inputs": PresetClaim(
        _describe_with(_describe_start), lambda n: _is_stuck(n[0]) and _has_learned(n[1])
    ),
    "large_targets": PresetClaim(
        _describe_with(_describe_start),
        lambda n: n[0].broke is not None and n[1].loss < n[1].loss_before,
    ),
    "double_softmax": PresetClaim(
        _describe_with(_describe_gradient),
        lambda n: n[0].loss > LEAST_DOUBLE_SOFTMAX_LOSS and _has_learned(n[1]),
    ),
    "warm_up": PresetClaim(
        _describe_with(_describe_gradient), lambda n: n[1].loss < 0.7 * n[0].loss
    ),
    "zero_initialization": PresetClaim(
        _describe_with(_describe_still), lambda n: _is_stuck(n[0]) and _has_learned(n[1])
    ),
}
