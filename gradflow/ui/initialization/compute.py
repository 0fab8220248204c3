"""Shared, admitted calls into core for the page on initialization."""

from __future__ import annotations

from gradflow.core.catalog import Activation
from gradflow.core.teaching.initialization import copies, gains, shapes, variance
from gradflow.ui.admission import admit_long
from gradflow.ui.compute import run
from gradflow.ui.memo import remember

_BYTES = 96 * 2**20
"""What the largest of these computations takes at its peak, rounded up."""


@remember
def measure_layer(spec: variance.OneLayer) -> variance.LayerNumbers:
    """Compute and measure the factors of one layer."""
    with admit_long(_BYTES):
        return variance.measure_layer(spec)


@remember
def train_copies(
    activation: Activation, constant: float, seed: int, start: copies.Start
) -> copies.Course:
    """Train the small network from one start."""
    with admit_long(_BYTES) as advance:
        return copies.train_copies(activation, constant, seed, start, advance)


@remember
def measure_gains(activation: Activation) -> gains.GainCurve:
    """Measure the factor per layer of one activation function at every gain."""
    with admit_long(_BYTES) as advance:
        return gains.measure_gains(activation, advance)


def read_shape(spec: shapes.Shapes, shape: shapes.Shape) -> shapes.ShapeNumbers:
    """Read the numbers of a layer that one shape of the law gives."""
    return shapes.read_shape(run(shapes.make_experiment(spec, shape)), spec.layer)
