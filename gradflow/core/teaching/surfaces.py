"""Losses of one or two parameters to descend on: one enum member and one table row each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gradflow.core.catalog.choice import Choice
from gradflow.core.teaching import surface_losses as losses
from gradflow.core.text import N_

FloatArray = npt.NDArray[np.float64]
Point = tuple[float, ...]


class Surface(StrEnum):
    """Codes of the losses."""

    SHELF = "shelf"
    BOWL = "bowl"
    DOUBLE_WELL = "double_well"
    RAVINE = "ravine"
    PLATEAU = "plateau"
    ROSENBROCK = "rosenbrock"
    HIMMELBLAU = "himmelblau"
    SADDLE = "saddle"
    CLIFF = "cliff"


@dataclass(frozen=True, kw_only=True)
class SurfaceShape:
    """The number that shapes a loss, such as a condition number.

    Attributes:
        label: its name.
        symbol: its name in LaTeX.
        default, low, high: its usual, smallest and largest value.
        whole: whether only whole numbers make sense.
    """

    label: str
    symbol: str
    default: float
    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True)
class Mark:
    """A point with a name; ``help`` says why it has one."""

    name: str
    point: Point
    help: str = ""


@dataclass(frozen=True, kw_only=True)
class SurfaceChoice(Choice):
    """A row of ``SURFACES``.

    Attributes:
        formula: L in LaTeX.
        loss: ``loss(points, shape)`` for points of shape ``(…, d)`` gives L of shape ``(…)``;
            ``shape`` is the number described by ``shape``, 0 where there is none.
        window: the region that figures show, low and high per coordinate.
        axes: names of the coordinates.
        minima: local minima of L; empty if they are not isolated points.
        others: saddles and maxima.
        starts: points to start from; the first is the default.
        marks: further points that a figure shows.
        valley: ``(normal, offset)`` of the line normal · x = offset, if the minimum is this line
            and not a point.
        learning_rate: a learning rate that suits plain gradient descent.
        source: the paper that described it, if there is one.
    """

    formula: str
    loss: Callable[[Tensor, float], Tensor]
    window: tuple[tuple[float, float], ...]
    axes: tuple[str, ...]
    minima: tuple[Point, ...] = ()
    others: tuple[Point, ...] = ()
    starts: tuple[Mark, ...]
    marks: tuple[Mark, ...] = ()
    valley: tuple[Point, float] | None = None
    learning_rate: float
    shape: SurfaceShape | None = None
    source: str = ""

    @property
    def dimension(self) -> int:
        """Number of parameters of the loss, 1 or 2."""
        return len(self.window)

    @property
    def diagonal(self) -> float:
        """The length of the window's diagonal, the scale of all distances."""
        return math.hypot(*(high - low for low, high in self.window))

    def contains(self, point: Point) -> bool:
        """Whether a point has as many coordinates as the loss and lies in the window."""
        return len(point) == self.dimension and all(
            low <= x <= high for x, (low, high) in zip(point, self.window, strict=True)
        )

    def measure_distance(self, point: FloatArray) -> float:
        """Measure the distance of a point of shape ``(d,)`` from the nearest minimum."""
        if self.valley is not None:
            (a, b), offset = self.valley
            x, y = point.tolist()
            distance: float = abs(a * x + b * y - offset) / math.hypot(a, b)
            return distance
        # Unlike a sum of squares, math.dist does not overflow before the distance does.
        return min(math.dist(point.tolist(), minimum) for minimum in self.minima)


_PLANE = ("x", "y")
_CONDITION = SurfaceShape(
    label=N_("Condition number κ"), symbol=r"\kappa", default=50, low=1, high=1000
)
_LOG_ODDS = math.log(0.7 / 0.3)

SURFACES: dict[Surface, SurfaceChoice] = {
    Surface.SHELF: SurfaceChoice(
        label=N_("Shelf between two walls (1-D)"),
        help=N_("On the shelf the gradient vanishes, at the walls it explodes."),
        formula=r"L = \tfrac45\left[\ln(1+e^{5(-3-x)}) + \ln(1+e^{5(x-3.1)})\right]"
        r" + 0.7\left[1 - e^{-(x-1.9)^2/1.62}\right]",
        loss=losses.shelf,
        window=((-4.8, 4.8),),
        axes=("x",),
        minima=((1.8891570389507284,),),
        starts=(Mark("A", (-4.0,)), Mark(N_("On the shelf"), (-1.5,))),
        marks=(
            Mark("A", (-4.0,), N_("the start")),
            Mark("B", (-1.862,), N_("where small steps get to")),
            Mark("F", (3.95,), N_("where a large step gets to")),
            Mark("1", (1.8891570389507284,), N_("the minimum")),
        ),
        learning_rate=0.05,
    ),
    Surface.BOWL: SurfaceChoice(
        label=N_("Quadratic bowl (1-D)"),
        help=N_("Curvature 1: plain descent converges for learning rates below 2."),
        formula=r"L = \tfrac12 x^2",
        loss=losses.bowl,
        window=((-3.0, 3.0),),
        axes=("x",),
        minima=((0.0,),),
        starts=(Mark(N_("Left"), (-2.5,)), Mark(N_("Right"), (2.0,))),
        learning_rate=0.1,
    ),
    Surface.DOUBLE_WELL: SurfaceChoice(
        label=N_("Double well (1-D)"),
        help=N_("A shallow minimum before a deep one; far out the slope grows like x³."),
        formula=r"L = \tfrac14 x^4 - \tfrac13 x^3 - x^2 + \tfrac83",
        loss=losses.double_well,
        window=((-2.5, 3.2),),
        axes=("x",),
        minima=((-1.0,), (2.0,)),
        others=((0.0,),),
        starts=(Mark(N_("Left"), (-2.0,)), Mark(N_("On the barrier"), (0.0,))),
        learning_rate=0.02,
    ),
    Surface.RAVINE: SurfaceChoice(
        label=N_("Elongated bowl"),
        help=N_("The curvature along y is κ times that along x, and limits the learning rate."),
        formula=r"L = \tfrac12\left(x^2 + \kappa y^2\right)",
        loss=losses.ravine,
        window=((-3.0, 3.0), (-1.5, 1.5)),
        axes=_PLANE,
        minima=((0.0, 0.0),),
        starts=(Mark(N_("Up the side"), (-2.6, 1.0)), Mark(N_("On the floor"), (-2.6, 0.0))),
        learning_rate=0.036,
        shape=_CONDITION,
    ),
    Surface.PLATEAU: SurfaceChoice(
        label=N_("Plateau with a ravine"),
        help=N_("Far from the ravine the loss is level, and its gradient vanishes."),
        formula=r"L = \frac{q}{1+q},\quad q = \tfrac12\left(x^2 + \kappa y^2\right)",
        loss=losses.plateau,
        window=((-3.0, 3.0), (-3.0, 3.0)),
        axes=_PLANE,
        minima=((0.0, 0.0),),
        starts=(Mark(N_("On the plateau"), (-2.0, 2.4)), Mark(N_("In the ravine"), (-2.5, 0.1))),
        learning_rate=0.05,
        shape=_CONDITION,
        source="Geman & McClure 1987",
    ),
    Surface.ROSENBROCK: SurfaceChoice(
        label="Rosenbrock",
        help=N_("A curved valley: its floor is reached soon, the minimum along it late."),
        formula=r"L = (1-x)^2 + 100\,(y-x^2)^2",
        loss=losses.rosenbrock,
        window=((-2.0, 2.0), (-1.0, 3.0)),
        axes=_PLANE,
        minima=((1.0, 1.0),),
        starts=(Mark(N_("Classic"), (-1.2, 1.0)), Mark(N_("In the valley"), (0.0, 0.0))),
        learning_rate=0.001,
        source="Rosenbrock 1960",
    ),
    Surface.HIMMELBLAU: SurfaceChoice(
        label="Himmelblau",
        help=N_("Four minima of equal depth: the start and the rule decide which is found."),
        formula=r"L = (x^2+y-11)^2 + (x+y^2-7)^2",
        loss=losses.himmelblau,
        window=((-5.5, 5.5), (-5.5, 5.5)),
        axes=_PLANE,
        minima=(
            (3.0, 2.0),
            (-2.805118086952745, 3.131312518250573),
            (-3.779310253377747, -3.283185991286170),
            (3.584428340330492, -1.848126526964404),
        ),
        others=(
            (-0.270844590667348, -0.923038556479981),
            (-3.073025750764390, -0.081353044287968),
            (-0.127961346730680, -1.953714980244577),
            (0.086677504555396, 2.884254701174787),
            (3.385154183607020, 0.073851879837768),
        ),
        starts=(Mark(N_("Near the top"), (-0.5, -0.5)), Mark(N_("Corner"), (-5.0, 5.0))),
        learning_rate=0.01,
        source="Himmelblau 1972",
    ),
    Surface.SADDLE: SurfaceChoice(
        label=N_("Saddle"),
        help=N_("A minimum along x and a maximum along y: near the saddle the gradient is small."),
        formula=r"L = \tfrac12 x^2 + \tfrac14\left(y^2-1\right)^2",
        loss=losses.saddle,
        window=((-2.0, 2.0), (-1.8, 1.8)),
        axes=_PLANE,
        minima=((0.0, 1.0), (0.0, -1.0)),
        others=((0.0, 0.0),),
        starts=(Mark(N_("Beside the ridge"), (-1.6, 0.001)), Mark(N_("On it"), (-1.6, 0.0))),
        learning_rate=0.1,
    ),
    Surface.CLIFF: SurfaceChoice(
        label=N_("Cliff of a recurrent network"),
        help=N_(
            "A network of one unit over T time steps: the loss jumps where its state changes over."
        ),
        formula=r"L = \left(\sigma(h_T) - 0.7\right)^2,\quad"
        r" h_t = w\,\sigma(h_{t-1}) + b,\quad h_0 = \tfrac12",
        loss=losses.cliff,
        window=((2.5, 7.0), (-4.0, -0.8)),
        axes=("w", "b"),
        # Where h = wσ(h) + b holds at σ(h) = 0.7.
        valley=((0.7, 1.0), _LOG_ODDS),
        starts=(
            Mark(N_("On the low side"), (6.0, -2.2)),
            Mark(N_("On the high side"), (4.0, -3.5)),
        ),
        learning_rate=1.0,
        shape=SurfaceShape(
            label=N_("Time steps T"), symbol="T", default=50, low=1, high=60, whole=True
        ),
        source="Pascanu, Mikolov & Bengio 2013",
    ),
}


def compute_heights(
    surface: Surface, shape: float, size: int = 81
) -> tuple[tuple[FloatArray, ...], FloatArray]:
    """Compute the loss on a grid over the window.

    Args:
        surface: the loss.
        shape: the number that shapes it.
        size: points per coordinate.

    Returns:
        The coordinates, each of shape ``(size,)``, and the loss, of shape ``(size,)`` in one
        dimension, ``(size, size)`` in two; the second coordinate runs along the first axis.
    """
    row = SURFACES[surface]
    axes = [torch.linspace(low, high, size, dtype=torch.float64) for low, high in row.window]
    grid = torch.stack(torch.meshgrid(*axes, indexing="xy"), -1)
    return tuple(axis.numpy() for axis in axes), row.loss(grid, shape).numpy()
