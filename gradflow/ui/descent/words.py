"""One step of a rule in numbers, and the table of end points."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gradflow.charts.theme import number
from gradflow.core.catalog.optimizers import Clip
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_outcome import count_clipped_steps
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS
from gradflow.core.teaching.surfaces import FloatArray
from gradflow.core.teaching.trajectories import Trajectory
from gradflow.core.text import _


def vector(values: FloatArray) -> str:
    """A vector in a formula; a number if it has one entry only."""
    texts = [tex(value) for value in values.tolist()]
    return texts[0] if len(texts) == 1 else "(" + r",\ ".join(texts) + ")"


def tex(value: float) -> str:
    """A number in a formula, to four digits."""
    if not np.isfinite(value):
        return r"\mathrm{NaN}" if np.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    mantissa, e, exponent = f"{value:.4g}".partition("e")
    return rf"{mantissa}\cdot 10^{{{int(exponent)}}}" if e else mantissa


def step_in_numbers(descent: Descent, trajectory: Trajectory, n: int) -> list[tuple[str, str]]:
    """Step n → n + 1 as ``(what it is, formula with numbers)``, in order of computation."""
    x, g, after = rf"x_{{{n}}}", rf"g_{{{n}}}", rf"x_{{{n + 1}}}"
    points, loss, norm = trajectory.points, trajectory.loss, trajectory.gradient_norm[n]
    stands = rf"{x} = {vector(points[n])},\quad L({x}) = {tex(loss[n])}"
    slope = rf"{g} = \frac{{\partial L}}{{\partial x}} = {vector(trajectory.gradients[n])}"
    length = tex(trajectory.step_length[n])
    step = rf"{after} - {x} = {_update(trajectory, n)},\quad \|{after} - {x}\| = {length}"
    lands = rf"{after} = {vector(points[n + 1])},\quad L({after}) = {tex(loss[n + 1])}"
    lines = [
        (_("Where it stands"), stands),
        (_("Gradient"), rf"{slope},\quad \|{g}\| = {tex(norm)}"),
    ]
    if descent.clip is not Clip.NONE:
        lines.append((_("After clipping"), _clipped(descent, norm, trajectory.clipped[n], n)))
    for name, symbol in DESCENT_OPTIMIZERS[trajectory.optimizer].memory:
        kept = vector(trajectory.memory[name][n])
        lines.append((_("Memory"), rf"{symbol}_{{{n + 1}}} = {kept}"))
    return [*lines, (_("Step"), step), (_("Where it lands"), lands)]


def _clipped(descent: Descent, norm: float, used: FloatArray, n: int) -> str:
    c = tex(descent.threshold)
    if descent.clip is Clip.VALUE:
        return rf"\min(\max(g_{{{n}}}, -{c}), {c}) = {vector(used)}"
    factor = min(1.0, descent.threshold / (norm + 1e-6))
    return (
        rf"g_{{{n}}} \cdot \min\left(1, \frac{{{c}}}{{{tex(norm)} + 10^{{-6}}}}\right)"
        rf" = g_{{{n}}} \cdot {tex(factor)} = {vector(used)}"
    )


def _update(trajectory: Trajectory, n: int) -> str:
    with np.errstate(over="ignore", invalid="ignore"):
        made = vector(trajectory.points[n + 1] - trajectory.points[n])
    rate = tex(trajectory.learning_rate)
    if not DESCENT_OPTIMIZERS[trajectory.optimizer].memory:
        return rf"-{rate} \cdot {vector(trajectory.clipped[n])} = {made}"
    return rf"{made}\quad(\eta = {rate})"


def end_points(
    descent: Descent, trajectories: tuple[Trajectory, ...], places: list[str]
) -> pd.DataFrame:
    """One row per rule: where it ended, and the sizes on the way.

    Args:
        descent: what was computed.
        trajectories: what came of it.
        places: the end points as text.
    """
    rows = []
    for trajectory, place in zip(trajectories, places, strict=True):
        lengths = trajectory.step_length
        row = {
            _("Optimizer"): _(DESCENT_OPTIMIZERS[trajectory.optimizer].label),
            _("η"): number(trajectory.learning_rate),
            _("Steps"): str(len(lengths)),
            _("End point"): place,
            _("Loss"): number(trajectory.loss[-1]),
            _("|g|"): number(trajectory.gradient_norm[-1]),
            _("Largest |g|"): number(_largest(trajectory.gradient_norm)),
            _("Longest step"): number(_largest(lengths)),
            _("Distance to minimum"): number(descent.row.measure_distance(trajectory.points[-1])),
        }
        if descent.clip is not Clip.NONE:
            row[_("Steps clipped")] = str(count_clipped_steps(descent, trajectory))
        rows.append(row)
    return pd.DataFrame(rows)


def _largest(values: FloatArray) -> float:
    return float(values.max()) if len(values) else 0.0
