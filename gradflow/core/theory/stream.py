"""A residual stream whose units differ because the widths do.

Where a block is wider than the one before, the shortcut adds zeros behind the stream: from there on
the new units carry a weaker signal. So the stream is a row of parts, each of units that are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from gradflow.core.catalog import Normalization
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.moments import FloatArray
from gradflow.core.theory.norm_corrections import compute_gaussian_tails, compute_sphere_factors
from gradflow.core.theory.signals import LayerOutput, Signal, add_signals, average

MOST_PARTS = 24
"""Parts beyond which the most similar neighbours are taken as one."""


class Part(NamedTuple):
    """``units`` neighbouring units of the stream that have one ``signal``."""

    units: int
    signal: Signal


Stream = Sequence[Part]


class PassedStream(NamedTuple):
    """What norm and activation make of a stream.

    Attributes:
        parts: the stream, cut where the norm's groups end.
        output: of the whole layer; its slope is the mean over the units.
        slopes: ‖∂L/∂z‖² / ‖∂L/∂output‖² of each part, for the representative samples.
    """

    parts: Stream
    output: LayerOutput
    slopes: list[FloatArray]


def mix(parts: Stream) -> Signal:
    """Combine parts into the signal of all their units."""
    if len(parts) == 1:
        return parts[0].signal
    shares = np.array([part.units for part in parts]) / sum(part.units for part in parts)
    powers, means, cosines = (
        np.stack(rows) for rows in zip(*(part.signal for part in parts), strict=True)
    )
    power = shares @ powers
    cosine = (shares * powers.mean(1)) @ cosines / max(average(power), 1e-300)
    return Signal(power, shares @ means, cosine)


def fit(stream: Stream, units: int) -> Stream:
    """Drop the last units, or add silent ones, as the shortcut does."""
    missing = units - sum(part.units for part in stream)
    if missing == 0:
        return stream
    if missing > 0:
        power, mean, cosine = stream[0].signal
        silent = Signal(np.zeros_like(power), np.zeros_like(mean), np.zeros_like(cosine))
        return [*stream, Part(missing, silent)]
    kept, left = [], units
    for part in stream:
        if left > 0:
            kept.append(Part(min(part.units, left), part.signal))
            left -= part.units
    return kept


def add_branch(stream: Stream, branch: Signal, scale: float) -> Stream:
    """Add scale·branch to every part; parts beyond ``MOST_PARTS`` are merged."""
    parts = [Part(units, add_signals(signal, branch, scale)) for units, signal in stream]
    while len(parts) > MOST_PARTS:
        powers = np.array([part.signal.mean_power for part in parts])
        at = int(np.abs(np.diff(powers)).argmin())
        pair = parts[at : at + 2]
        parts[at : at + 2] = [Part(pair[0].units + pair[1].units, mix(pair))]
    return parts


def move_gradient(gradients: Sequence[FloatArray], of: Stream, to: Stream) -> list[FloatArray]:
    """Sum the squared gradients of the parts ``of`` a stream over parts ``to`` one of other width.

    What stands beyond the narrower one is dropped, and parts beyond it get none.
    """
    starts = [0, *accumulate(part.units for part in to)]
    moved = [np.zeros_like(gradients[0]) for _ in to]
    position = 0
    for gradient, (units, _) in zip(gradients, of, strict=True):
        for index, (low, high) in enumerate(pairwise(starts)):
            shared = min(high, position + units) - max(low, position)
            if shared > 0:
                moved[index] = moved[index] + gradient * (shared / units)
        position += units
    return moved


def pass_stream(network: NetworkLaws, stream: Stream, units: int) -> PassedStream:
    """Apply norm and activation to a stream of ``units`` units."""
    if len(stream) == 1:
        output = network.apply_norm_and_activation(stream[0].signal, units)
        return PassedStream(stream, output, [output.slope])
    if network.norm in (Normalization.NONE, Normalization.BATCH):  # each unit by itself
        passed = [network.apply_norm_and_activation(signal, units) for _, signal in stream]
        return _collect(stream, passed)
    groups = network.spec.groups if network.norm is Normalization.GROUP else 1
    parts: list[Part] = []
    passed = []
    for group in _cut(stream, units // groups):
        parts += group
        passed += _pass_group(network, group, units)
    return _collect(parts, passed)


def _cut(stream: Stream, size: int) -> list[Stream]:
    """Cut a stream into groups of ``size`` units."""
    groups: list[list[Part]] = []
    left = 0
    for units, signal in stream:
        rest = units
        while rest:
            if not left:
                groups.append([])
                left = size
            groups[-1].append(Part(min(rest, left), signal))
            left -= groups[-1][-1].units
            rest -= groups[-1][-1].units
    return list(groups)


def _pass_group(network: NetworkLaws, group: Stream, units: int) -> list[LayerOutput]:
    """Apply norm and activation to the parts of a group that has one statistic."""
    whole = mix(group)
    if network.norm_first:
        powers = sum(part.units * part.signal.mean_power**2 for part in group)
        size = sum(part.units for part in group)
        kurtosis = 3 * powers / max(size * whole.mean_power**2, 1e-300)
        u, factor = network.normalize(whole, units, kurtosis)
        scale = u.power / np.maximum(whole.power, 1e-300)
        shape = compute_sphere_factors(network.law, network.get_dimension(units))
        factor = factor * (1 - network.compute_removed_share(units, network.law))
        # A norm that centres moves silent units too: the mean varies by 1/size of the power.
        centred = network.norm is not Normalization.RMS
        moved = whole.power / size if centred else 0.0
        passed = []
        for _, (power, mean, cosine) in group:
            left = (power + moved) * scale
            signal, slope = network.activate(Signal(left, mean, cosine), shape)
            saturated = network.law.compute_saturated_share(left)
            passed.append(LayerOutput(signal, slope * factor, saturated))
        return passed
    activated = [network.activate(signal) for _, signal in group]
    a = mix([Part(part.units, signal) for part, (signal, _) in zip(group, activated, strict=True)])
    centred = network.norm is not Normalization.RMS
    tails = compute_gaussian_tails(network.law, whole.mean_power, centred)
    normalized, factor = network.normalize(a, units, tails)
    factor = factor * (1 - network.compute_removed_share(units))
    return [
        LayerOutput(normalized, slope * factor, network.law.compute_saturated_share(z.power))
        for (_, z), (_, slope) in zip(group, activated, strict=True)
    ]


def _collect(parts: Stream, passed: Sequence[LayerOutput]) -> PassedStream:
    total = sum(part.units for part in parts)
    shares = [part.units / total for part in parts]
    outputs = [Part(part.units, output.signal) for part, output in zip(parts, passed, strict=True)]
    pairs = list(zip(shares, passed, strict=True))
    slope = sum(share * output.slope for share, output in pairs)
    saturated = sum(share * output.saturated for share, output in pairs)
    output = LayerOutput(mix(outputs), np.asarray(slope), float(saturated))
    return PassedStream(parts, output, [output.slope for output in passed])
