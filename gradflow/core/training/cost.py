"""Limits of what a training run takes, so that one user cannot keep a server busy for a day.

The default suits a small server; its owner can raise it (``core/environment.py``).
"""

from __future__ import annotations

from gradflow.core.catalog import SOURCES
from gradflow.core.environment import read_training_limit
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.limits import count_products
from gradflow.core.probe import resolve_device
from gradflow.core.speed import describe_arithmetic
from gradflow.core.text import Text
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.task import count_samples

MAX_REPORTED_LAYERS = 2000
"""Layers of all full reports of a run together, at about 20 kB each."""
_MOST_FRAMES, _FRAMED_LAYERS = 100, 5000
"""Frames of a run that a film shows, and layers of all of them together, at 0.6 kB each."""
_SECONDS_PER_LAYER = 0.00025
"""Overhead of one layer in one step."""
_FLOP_PER_SECOND = 8e10
"""Speed of one core in float32. Both hold within a factor 2 on the machine of the measurement."""


def estimate_tflop(experiment: Experiment, plan: TrainingPlan) -> float:
    """Estimate the arithmetic of a whole run in TFLOP.

    6·batch·weights·positions for a step, as much again where the noise scale is measured, and
    2·samples·weights·positions for a look at the held-out data; all of it as many times as a slow
    number format takes longer than float32.
    """
    batch_size, source = experiment.data.batch_size, experiment.data.source
    total, size = count_samples(SOURCES[source].samples, batch_size, str(source))
    records = len(plan.recorded_steps)
    passes = plan.steps + (records // plan.noise_every if plan.noise_every else 0)
    looks = records // plan.evaluate_every + 1 if plan.evaluate_every else 0
    samples = 6 * batch_size * passes + 2 * (total - size) * looks
    products = count_products(experiment.network.list_layers(experiment.data))
    return experiment.slowness * samples * products / 1e12


def estimate_seconds(experiment: Experiment, plan: TrainingPlan) -> float | None:
    """Estimate the seconds that a run takes on one core, roughly; ``None`` on a GPU."""
    if resolve_device(experiment.device).type != "cpu":
        return None
    layers = len(experiment.network.list_layers(experiment.data))
    arithmetic = estimate_tflop(experiment, plan) * 1e12 / _FLOP_PER_SECOND
    return plan.steps * layers * _SECONDS_PER_LAYER + arithmetic


def choose_frames(experiment: Experiment) -> int:
    """Choose how many steps of a run keep their distributions for a film, for ``train``."""
    layers = len(experiment.network.list_layers(experiment.data))
    return max(1, min(_MOST_FRAMES, _FRAMED_LAYERS // max(layers, 1)))


def check_training_cost(experiment: Experiment, plan: TrainingPlan) -> None:
    """Refuse a run that takes too much arithmetic, or keeps too many histograms.

    Raises:
        InvalidExperiment: names the settings to lower, and how far.
    """
    needed, most = estimate_tflop(experiment, plan), read_training_limit()
    if needed > most:
        sizes = experiment.network.size_fields
        raise InvalidExperiment(
            Text(
                "steps: {steps} steps of this network on {batch_size} samples need {needed}, "
                "allowed are at most {most}; choose at most {possible} "
                "steps, or lower {sizes} or batch_size (the owner of this server can raise "
                "GRADFLOW_MAX_TRAINING_TFLOP)",
                steps=plan.steps,
                batch_size=experiment.data.batch_size,
                needed=describe_arithmetic(needed, experiment.dtype, experiment.slowness),
                most=most,
                possible=max(int(plan.steps * most / needed), 1),
                sizes=", ".join(sizes),
            ),
            fields=("steps", *sizes, "batch_size"),
        )
    layers = len(experiment.network.list_layers(experiment.data))
    reports = len(plan.reported_steps)
    if reports * layers > MAX_REPORTED_LAYERS:
        raise InvalidExperiment(
            Text(
                "reports: {reports} is not allowed with {layers} layers, whose histograms would "
                "take too much memory; choose a whole number from 0 to {most}",
                reports=reports,
                layers=layers,
                most=MAX_REPORTED_LAYERS // layers,
            ),
            fields=("reports",),
        )
