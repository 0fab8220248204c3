"""Shared, admitted calls into core for the page on degradation."""

from __future__ import annotations

from collections.abc import Callable

from gradflow.core.catalog import Connection
from gradflow.core.teaching.degradation import depth, identity, pairs, shattering, training
from gradflow.ui.admission import admit_long
from gradflow.ui.long_work import compute_with_progress, prepare
from gradflow.ui.memo import remember
from gradflow.ui.turns import ADMISSION

_BYTES = 128 * 2**20
"""What the largest of these computations takes at its peak, rounded up."""


def train_deeper(
    spec: training.DeeperNetworks, show: Callable[[training.DeeperTraining], object]
) -> training.DeeperTraining:
    """Train plain and residual networks of two depths, with a progress bar.

    ``show`` is called now and then with what is known so far, while others may compute.
    """

    def show_known(known: training.DeeperTraining) -> None:
        with ADMISSION.pause():
            show(known)

    return compute_with_progress(
        spec,
        lambda progress: training.train_deeper(spec, progress, show=show_known),
        lambda place: place.progress(0.0),
        _BYTES,
    )


def prepare_opening() -> None:
    """Train the networks that the page opens with before anybody opens it."""
    spec = training.DeeperNetworks()
    prepare(spec, lambda progress: training.train_deeper(spec, progress), _BYTES)


@remember
def measure_depth(
    spec: depth.BlockNetworks, connection: Connection, layers: int
) -> depth.DepthSweep:
    """Run a network with one kind of connection and so many layers."""
    with admit_long(_BYTES) as advance:
        return depth.sweep_depths(spec, connection, (layers,), advance)


@remember
def compute_landscapes(spec: shattering.Shattering) -> shattering.Landscapes:
    """Compute gradients as functions of a scalar input."""
    with admit_long(_BYTES) as advance:
        return shattering.compute_landscapes(spec, advance)


@remember
def correlate_gradients(spec: shattering.Shattering, connection: Connection) -> pairs.Correlation:
    """Correlate the gradients at two inputs of networks with one kind of connection."""
    with admit_long(_BYTES):
        return pairs.measure_correlation(spec, connection)


@remember
def measure_nearness(spec: identity.Blocks, connection: Connection) -> identity.Nearness:
    """Measure how near the blocks with one kind of connection are to the identity."""
    with admit_long(_BYTES):
        return identity.measure_nearness(spec, connection)
