"""Jobs: the networks of a sweep that run together, and how they run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

from gradflow.core import limits
from gradflow.core.decay import fit_hidden_decay, fit_stream_decay
from gradflow.core.environment import read_limits
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.networks.memory import fit_stack
from gradflow.core.probe import run
from gradflow.core.stacked_pass import MOST_AT_ONCE, StackedPass, can_stack, find_structure
from gradflow.core.sweep.grid import Network
from gradflow.core.sweep.measures import MEASURES, Course, Fate, FloatArray, measure
from gradflow.core.text import Text

_COLUMNS = ("activation_rms", "similarity", "saturated", "dead_units", "delta_norm")
T = TypeVar("T")
Job = Sequence[Network]
Row = dict[str, Any]
"""``cell``, ``seed``, what ``measure`` gives, and ``problem``: why it is not possible, or empty."""
Advance = Callable[[], None]


def make_jobs(networks: Iterable[Network], workers: int) -> Iterator[Job]:
    """Gather networks that can run as one, in their order as far as that allows.

    Args:
        networks: all networks, those to be seen first in front.
        workers: jobs that run side by side, and share the memory that one experiment may take.
    """
    groups: dict[object, list[Network]] = {}
    for network in networks:
        groups.setdefault(_find_group(network.experiment), []).append(network)
    jobs = []
    for members in groups.values():
        size = choose_size(members[0].experiment, workers)
        # Members of one seed may share their random numbers.
        for first, chosen in cut(members, size * MOST_AT_ONCE):
            part = sorted(chosen, key=lambda network: network.experiment.seed)
            jobs += [(first + start, tuple(job)) for start, job in cut(part, size)]
    jobs.sort(key=lambda job: job[0])
    yield from (job for _place, job in jobs)


def choose_size(experiment: Experiment, workers: int) -> int:
    """Choose how many networks like this one run at once, within the limit of memory."""
    if not can_stack(experiment):
        return 1
    return fit_stack(experiment, MOST_AT_ONCE, read_limits()[0] * limits.GIB / workers)


def run_job(job: Job, advance: Advance = lambda: None) -> list[Row]:
    """Run the networks of a job and measure them; ``advance`` is called between layers.

    What ``advance`` raises ends the job. Networks that this machine refuses, such as those that are
    too large for its memory, have rows that say so.
    """
    try:
        courses = _run_networks(job, advance)
    except InvalidExperiment as error:
        return refuse_job(job, error)
    return [
        _name_row(network) | measure(course, network.experiment) | {"problem": ""}
        for network, course in zip(job, courses, strict=True)
    ]


def refuse_job(job: Job, error: InvalidExperiment) -> list[Row]:
    """Make the rows of networks that are not possible, with the reason."""
    return [_name_row(network) | make_impossible_row(error.message) for network in job]


def make_impossible_row(problem: Text | str) -> dict[str, Any]:
    """Make what a row has in place of measures where a point is not possible."""
    unknown: dict[str, Any] = dict.fromkeys(MEASURES, math.nan)
    verdict = str(Fate.IMPOSSIBLE)
    return unknown | {"verdict": verdict, "precise": False, "profile": [], "problem": problem}


def _name_row(network: Network) -> Row:
    return {"cell": network.cell, "seed": network.experiment.seed}


def _run_networks(job: Job, advance: Advance) -> list[Course]:
    with torch.inference_mode(False), torch.enable_grad():
        if can_stack(job[0].experiment):
            return _run_stacked(job, advance)
        return [_run_alone(network, advance) for network in job]


def _run_alone(network: Network, advance: Advance) -> Course:
    return Course.from_report(run(network.experiment, advance=advance))


def _run_stacked(job: Job, advance: Advance) -> list[Course]:
    members = [network.experiment for network in job]
    measured = StackedPass(members[0], len(members), _COLUMNS).run(members, advance)
    table = dict(zip(_COLUMNS, measured.columns.numpy(), strict=True))  # each (layers, members)
    stream = measured.stream.numpy()
    layers = members[0].network.list_layers(members[0].data)
    units = np.array([layer.fan_out for layer in layers], np.float64)
    return [
        _make_course(
            float(measured.losses[i]),
            {name: column[:, i] for name, column in table.items()},
            stream[..., i],
            units,
            members[i].data.batch_size,
        )
        for i in range(len(members))
    ]


def _make_course(
    loss: float,
    columns: dict[str, FloatArray],
    stream: FloatArray,
    units: FloatArray,
    batch: int,
) -> Course:
    delta = columns["delta_norm"]
    rms = delta / np.sqrt(batch * units)
    # In a network with blocks no two layers outside of them are alike.
    along = fit_stream_decay(*stream)
    return Course(
        loss=loss,
        delta_norm=delta,
        delta_rms=rms,
        activation_rms=columns["activation_rms"],
        similarity=columns["similarity"],
        saturated=columns["saturated"],
        dead=columns["dead_units"] / units,
        decay=along or fit_hidden_decay(np.arange(1, len(delta) + 1), delta, rms),
    )


def _find_group(experiment: Experiment) -> object:
    """Find what networks share that run as one; the experiment itself: it runs alone."""
    return find_structure(experiment) if can_stack(experiment) else experiment


def cut(items: Sequence[T], size: int) -> Iterator[tuple[int, Sequence[T]]]:
    """Cut items into parts of ``size``, each with the place of its first item."""
    return ((start, items[start : start + size]) for start in range(0, len(items), size))
