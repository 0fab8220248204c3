"""What Compare opens with beside the network of Explore, if nothing else was chosen."""

from __future__ import annotations

from gradflow.core import remedies
from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.remedies import Ranking
from gradflow.core.remedies.parts import LEADERS
from gradflow.core.remedies.training import estimate_seconds
from gradflow.core.verdict import Severity
from gradflow.ui import compute

_PRESETS = (
    ("deep_sigmoid", "residual_sigmoid"),
    ("conv_plain", "conv_residual"),
    ("transformer_bare", "transformer_pre_norm"),
)
"""Of each architecture, a network whose gradient goes wrong, and one that keeps it."""

_MOST_SECONDS = 2.0
"""That a page may take to train the first cures."""


def find_rival(experiment: Experiment, tried: Ranking | None = None) -> Experiment | None:
    """Find what is worth comparing: the same network, cured, else a well-known one of its kind.

    Every report is remembered for all users, so only the first one waits for the cures.

    Args:
        experiment: what to compare with.
        tried: what the cures did for it, if that is known already.

    Returns:
        An experiment on the same data; ``None`` if this one cannot be run.
    """
    try:
        is_sound = compute.judge(experiment)[0].severity is Severity.GOOD
        cured = None if is_sound else _find_best_cure(experiment, tried)
    except GradflowError:
        return None
    if cured is not None:
        return cured
    kind = type(experiment.network)
    for broken, sound in _PRESETS:
        network = PRESETS[broken if is_sound else sound].experiment.network
        if isinstance(network, kind) and network != experiment.network:
            return experiment.model_copy(update={"network": network})
    return None


def _find_best_cure(experiment: Experiment, tried: Ranking | None) -> Experiment | None:
    """Find the best cure: of the first ones that help, that which trains best.

    If training them takes too long, it is the one that leaves the flattest gradient.
    """
    if tried is None:
        tried = remedies.try_all(experiment, compute.run(experiment), compute.run)
    leaders = [outcome for outcome in tried if outcome.helped][:LEADERS]
    if sum(map(estimate_seconds, leaders)) < _MOST_SECONDS:
        leaders.sort(key=lambda outcome: compute.train_cure(experiment, outcome.code, 1).rank)
    return next((outcome.experiment for outcome in leaders), None)
