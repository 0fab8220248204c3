"""One step of a rule in numbers, and the table of end points."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gradflow.core.catalog.optimizers import Clip
from gradflow.core.numbers import format_number
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_outcome import count_clipped_steps
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS
from gradflow.core.teaching.surfaces import FloatArray
from gradflow.core.teaching.trajectories import Trajectory
from gradflow.core.text import _
from gradflow.ui.latex import write_number


def write_vector(values: FloatArray) -> str:
    """Write a vector in LaTeX; a number if it has one entry only."""
    texts = [write_number(value) for value in values.tolist()]
    return texts[0] if len(texts) == 1 else "(" + r",\ ".join(texts) + ")"


def write_step(descent: Descent, trajectory: Trajectory, n: int) -> list[tuple[str, str]]:
    """Write step n → n + 1 as ``(name, formula with numbers)``, in order of computation."""
    x, g, after = rf"x_{{{n}}}", rf"g_{{{n}}}", rf"x_{{{n + 1}}}"
    points, loss, norm = trajectory.points, trajectory.loss, trajectory.gradient_norm[n]
    stands = rf"{x} = {write_vector(points[n])},\quad L({x}) = {write_number(loss[n])}"
    slope = rf"{g} = \frac{{\partial L}}{{\partial x}} = {write_vector(trajectory.gradients[n])}"
    length = write_number(trajectory.step_length[n])
    step = rf"{after} - {x} = {_write_update(trajectory, n)},\quad \|{after} - {x}\| = {length}"
    lands = (
        rf"{after} = {write_vector(points[n + 1])},\quad L({after}) = {write_number(loss[n + 1])}"
    )
    lines = [
        (_("Where it stands"), stands),
        (_("Gradient"), rf"{slope},\quad \|{g}\| = {write_number(norm)}"),
    ]
    if descent.clip is not Clip.NONE:
        lines.append(
            (_("After clipping"), _write_clipping(descent, norm, trajectory.clipped[n], n))
        )
    for name, symbol in DESCENT_OPTIMIZERS[trajectory.optimizer].memory:
        kept = write_vector(trajectory.memory[name][n])
        lines.append((_("Memory"), rf"{symbol}_{{{n + 1}}} = {kept}"))
    return [*lines, (_("Step"), step), (_("Where it lands"), lands)]


def _write_clipping(descent: Descent, norm: float, used: FloatArray, n: int) -> str:
    c = write_number(descent.threshold)
    if descent.clip is Clip.VALUE:
        return rf"\min(\max(g_{{{n}}}, -{c}), {c}) = {write_vector(used)}"
    factor = min(1.0, descent.threshold / (norm + 1e-6))
    return (
        rf"g_{{{n}}} \cdot \min\left(1, \frac{{{c}}}{{{write_number(norm)} + 10^{{-6}}}}\right)"
        rf" = g_{{{n}}} \cdot {write_number(factor)} = {write_vector(used)}"
    )


def _write_update(trajectory: Trajectory, n: int) -> str:
    with np.errstate(over="ignore", invalid="ignore"):
        change = write_vector(trajectory.points[n + 1] - trajectory.points[n])
    rate = write_number(trajectory.learning_rate)
    if not DESCENT_OPTIMIZERS[trajectory.optimizer].memory:
        return rf"-{rate} \cdot {write_vector(trajectory.clipped[n])} = {change}"
    return rf"{change}\quad(\eta = {rate})"


def make_end_table(
    descent: Descent, trajectories: tuple[Trajectory, ...], ends: list[str]
) -> pd.DataFrame:
    """Make a table with one row per optimizer: where it ended, and the sizes on the way.

    Args:
        descent: what was computed.
        trajectories: the result, one per optimizer.
        ends: the end points as text.
    """
    rows = []
    for trajectory, end in zip(trajectories, ends, strict=True):
        lengths = trajectory.step_length
        row = {
            _("Optimizer"): _(DESCENT_OPTIMIZERS[trajectory.optimizer].label),
            _("η"): format_number(trajectory.learning_rate),
            _("Steps"): str(len(lengths)),
            _("End point"): end,
            _("Loss"): format_number(trajectory.loss[-1]),
            _("|g|"): format_number(trajectory.gradient_norm[-1]),
            _("Largest |g|"): format_number(_find_largest(trajectory.gradient_norm)),
            _("Longest step"): format_number(_find_largest(lengths)),
            _("Distance to minimum"): format_number(
                descent.row.measure_distance(trajectory.points[-1])
            ),
        }
        if descent.clip is not Clip.NONE:
            row[_("Steps clipped")] = str(count_clipped_steps(descent, trajectory))
        rows.append(row)
    return pd.DataFrame(rows)


def _find_largest(values: FloatArray) -> float:
    return float(values.max()) if len(values) else 0.0
