"""What training the cures comes to, as browsers ask for it while the panels are looked at."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from gradflow.core import codec
from gradflow.core.experiment import Experiment
from gradflow.core.remedies import REMEDIES, Ranking, TrainedCure
from gradflow.core.remedies.parts import LEADERS
from gradflow.core.remedies.training import MAX_TFLOP, SEEDS, UNKNOWN_RANK, estimate_cost
from gradflow.core.teaching.fields import to_query
from gradflow.core.text import _, read_in
from gradflow.ui import compute
from gradflow.ui.explore.flow import FlowView

ROUTE = "cure"
"""The route's name below ``gf/``."""


def describe_training(experiment: Experiment, view: FlowView, ranking: Ranking) -> dict[str, Any]:
    """Describe for the panels which cures to ask for, where, and what to say meanwhile."""
    left = MAX_TFLOP
    codes = []
    for outcome in ranking:
        left -= estimate_cost(outcome)
        if left > 0:
            codes.append(outcome.code)
    query = codec.to_query(experiment) | to_query(view)
    return {
        "address": f"gf/{ROUTE}?{urlencode(query)}",
        "codes": codes,
        "order": [outcome.code for outcome in ranking],
        "parts": {outcome.code: REMEDIES[outcome.code].part for outcome in ranking},
        "leaders": LEADERS,
        "seeds": SEEDS,
        "unknown": UNKNOWN_RANK,
        "waiting": _("Will be trained"),
        "running": _("Training …"),
        "progress": _("Ranked by the gradient at the start; training {n} of {all} …"),
        "done": _(
            "Ranked by training: the loss after a few dozen steps, at your rate and another."
        ),
        "failed": _("Not trained: the server is busy, or not reached."),
        "large": _("Not trained here: too much arithmetic."),
    }


def write_training(experiment: Experiment, view: FlowView, code: str, seeds: int) -> bytes:
    """Write what training a cure came to, as JSON.

    Raises:
        GradflowError: there is no such cure here, or the experiment cannot be run.
    """
    result = compute.train_cure(experiment, code, seeds)
    with read_in(view.language):
        return json.dumps(describe_result(result)).encode()


def describe_result(result: TrainedCure) -> dict[str, Any]:
    """Describe what training came to for a panel; without runs its word stays as it is."""
    word = _("Trains") if result.has_learned else _("No progress yet")
    return {
        "code": result.code,
        "rank": [min(value, 1e9) for value in result.rank],
        "trains": result.has_learned if result.runs else None,
        "word": word if result.runs else "",
        "text": str(result.text),
    }
