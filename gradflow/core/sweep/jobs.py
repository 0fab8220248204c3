"""Jobs: the networks of a sweep that run together, and how they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from gradflow.core import limits
from gradflow.core.catalog import Connection
from gradflow.core.decay import fit_hidden_decay
from gradflow.core.environment import read_limits
from gradflow.core.experiment import MLP, Experiment
from gradflow.core.networks.memory import fit_stack
from gradflow.core.probe import run
from gradflow.core.stacked_pass import MOST_AT_ONCE, StackedPass, find_structure
from gradflow.core.sweep.grid import Network
from gradflow.core.sweep.measures import Course, FloatArray, measure

_COLUMNS = ("activation_rms", "similarity", "saturated", "dead_units", "delta_norm")
_WITHOUT_BLOCKS = (Connection.PLAIN, Connection.DENSE)
Job = tuple[Network, ...]
Row = dict[str, Any]
"""``cell``, ``seed``, and what ``measure`` gives."""
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
    if _find_group(experiment) is experiment:
        return 1
    return fit_stack(experiment, MOST_AT_ONCE, read_limits()[0] * limits.GIB / workers)


def run_job(job: Job, advance: Advance = lambda: None) -> list[Row]:
    """Run the networks of a job and measure them; ``advance`` is called between layers.

    What ``advance`` raises ends the job.
    """
    with torch.inference_mode(False), torch.enable_grad():
        alone = _find_group(job[0].experiment) is job[0].experiment
        courses = [_run_alone(job[0], advance)] if alone else _run_stacked(job, advance)
    return [
        {
            "cell": network.cell,
            "seed": network.experiment.seed,
            **measure(course, network.experiment),
        }
        for network, course in zip(job, courses, strict=True)
    ]


def _run_alone(network: Network, advance: Advance) -> Course:
    return Course.from_report(run(network.experiment, advance=advance))


def _run_stacked(job: Job, advance: Advance) -> list[Course]:
    members = [network.experiment for network in job]
    losses, numbers = StackedPass(members[0], len(members), _COLUMNS).run(members, advance)
    table = dict(zip(_COLUMNS, numbers.numpy(), strict=True))  # each (layers, members)
    layers = members[0].network.list_layers(members[0].data)
    units = np.array([layer.fan_out for layer in layers], np.float64)
    return [
        _make_course(
            float(losses[i]),
            {name: column[:, i] for name, column in table.items()},
            units,
            members[i].data.batch_size,
        )
        for i in range(len(members))
    ]


def _make_course(
    loss: float, columns: dict[str, FloatArray], units: FloatArray, batch: int
) -> Course:
    delta = columns["delta_norm"]
    rms = delta / np.sqrt(batch * units)
    return Course(
        loss=loss,
        delta_norm=delta,
        delta_rms=rms,
        activation_rms=columns["activation_rms"],
        similarity=columns["similarity"],
        saturated=columns["saturated"],
        dead=columns["dead_units"] / units,
        decay=fit_hidden_decay(np.arange(1, len(delta) + 1), delta, rms),
    )


def _find_group(experiment: Experiment) -> object:
    """Find what networks share that run as one; the experiment itself: it runs alone.

    The gradient of networks with blocks is judged along their stream, which a stack does not
    record.
    """
    network = experiment.network
    if isinstance(network, MLP) and network.connection in _WITHOUT_BLOCKS:
        return find_structure(experiment)
    return experiment


def cut(items: Sequence[Any], size: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Cut items into parts of ``size``, each with the place of its first item."""
    return ((start, items[start : start + size]) for start in range(0, len(items), size))
