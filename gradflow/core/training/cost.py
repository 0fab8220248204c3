"""How much a training run may take, so that one user cannot keep a shared server busy for a day.

The default suits a small server. ``GRADFLOW_MAX_TRAINING_TFLOP`` raises it.
"""

from __future__ import annotations

import os

from gradflow.core.catalog import DTYPES, SOURCES
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.limits import count_products
from gradflow.core.probe import resolve_device
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.task import split

DEFAULT_MAX_TFLOP = 200.0
MAX_REPORTED_LAYERS = 2000
"""Layers of all full reports of a run together, at about 20 kB each."""
_LAYER_SECONDS = 0.00025
_FLOP_PER_SECOND = 8e10
"""Of one core in float32. Both hold within a factor 2 on the machine they were measured on."""


def tflop(experiment: Experiment, plan: TrainingPlan) -> float:
    """TFLOP of arithmetic of a whole run.

    6·batch·weights·positions for a step, as much again where the noise scale is measured, and
    2·samples·weights·positions for a look at the held-out data.
    """
    batch_size, source = experiment.data.batch_size, experiment.data.source
    total, size = split(SOURCES[source].samples, batch_size, str(source))
    records = len(plan.recorded_steps)
    passes = plan.steps + (records // plan.noise_every if plan.noise_every else 0)
    looks = records // plan.evaluate_every + 1 if plan.evaluate_every else 0
    samples = 6 * batch_size * passes + 2 * (total - size) * looks
    return samples * count_products(experiment.network.list_layers(experiment.data)) / 1e12


def seconds(experiment: Experiment, plan: TrainingPlan) -> float | None:
    """What a run takes on one core, roughly; ``None`` on a GPU."""
    if resolve_device(experiment.device).type != "cpu":
        return None
    layers = len(experiment.network.list_layers(experiment.data))
    wider = DTYPES[experiment.dtype].dtype.itemsize / 4
    arithmetic = tflop(experiment, plan) * 1e12 * wider / _FLOP_PER_SECOND
    return plan.steps * layers * _LAYER_SECONDS + arithmetic


def allowed() -> float:
    """TFLOP of arithmetic that a run may take."""
    return float(os.environ.get("GRADFLOW_MAX_TRAINING_TFLOP", DEFAULT_MAX_TFLOP))


def check(experiment: Experiment, plan: TrainingPlan) -> None:
    """Refuse a run that takes too much arithmetic, or keeps too many histograms.

    Raises:
        InvalidExperiment: names the settings to lower, and how far.
    """
    needed, most = tflop(experiment, plan), allowed()
    if needed > most:
        sizes = experiment.network.size_fields
        raise InvalidExperiment(
            f"steps: {plan.steps} steps of this network on {experiment.data.batch_size} samples "
            f"need {needed:.3g} TFLOP of arithmetic, allowed are at most {most:g}; choose at most "
            f"{max(int(plan.steps * most / needed), 1)} steps, or lower {', '.join(sizes)} or "
            "batch_size (the owner of this server can raise GRADFLOW_MAX_TRAINING_TFLOP)",
            fields=("steps", *sizes, "batch_size"),
        )
    layers = len(experiment.network.list_layers(experiment.data))
    reports = len(plan.reported_steps)
    if reports * layers > MAX_REPORTED_LAYERS:
        raise InvalidExperiment(
            f"reports: {reports} is not allowed with {layers} layers, whose histograms would take "
            f"too much memory; choose a whole number from 0 to {MAX_REPORTED_LAYERS // layers}",
            fields=("reports",),
        )
