"""The numbers that figures of training runs draw, and how long series are thinned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import Mode, Style, escape, list_styles, shorten
from gradflow.core.text import N_, _

MOST_COLUMNS = 400
"""At most this many points of a line, or columns of a map, are drawn."""
_SHORTEST_AXIS = 10.0
"""Steps that the shortest axis has."""
RECENT_RECORDS = 10
"""Records whose median is shown as the state of a layer."""


@dataclass(frozen=True)
class Quantity:
    """A number per layer and step.

    Attributes:
        label: its name in a list of quantities.
        symbol: for axes and hovers.
        share: whether it is a share of 1; if not, it is drawn on a log scale.
    """

    label: str
    symbol: str
    share: bool = False


QUANTITIES: dict[str, Quantity] = {
    "weight_grad_norm": Quantity(N_("Gradient norm"), "‖∂L/∂W‖"),
    "update_ratio": Quantity(N_("Update ratio"), "‖ΔW‖/‖W‖"),
    "delta_norm": Quantity(N_("Error signal"), "‖∂L/∂z‖"),
    "activation_std": Quantity(N_("Activations"), "std a"),
    "dead": Quantity(N_("Dead units"), N_("dead units"), share=True),
    "saturated": Quantity(N_("Saturation"), N_("saturated"), share=True),
}
"""By column of ``Run.layers``; the second also has a figure of its own."""


@dataclass(frozen=True, eq=False)
class Lane:
    """One run of a figure.

    Attributes:
        letter: ``A`` … ``D``; it fixes colour, dash and marker. Empty of one that stands alone.
        name: of the run, in plain text.
        planned: steps of the whole run.
        steps: recorded steps, ``(records,)``.
        numbers: values per record by column of ``Run.table``.
        modules: names of the layers, from the input side.
        layers: values ``(layers, records)`` by column of ``Run.layers``.
        threshold: of clipping by norm; NaN without it.
        choices: of a run that stands alone, the layer that choosing each row means; its modules
            are then the names of these.
    """

    letter: str
    name: str
    planned: int
    steps: FloatArray
    numbers: Mapping[str, FloatArray]
    modules: Sequence[str]
    layers: Mapping[str, FloatArray]
    threshold: float = float("nan")
    choices: Sequence[int] = ()

    @property
    def label(self) -> str:
        """Letter and name as Plotly writes them."""
        return self.shorten_label(len(self.name))

    def shorten_label(self, longest: int) -> str:
        """Write letter and name, of which only so many characters."""
        name = escape(shorten(self.name, longest))
        return f"<b>{self.letter}</b> {name}" if self.letter else name

    def write_layer(self, number: int) -> str:
        """Write the name of a layer, from 1, for hovers."""
        if self.choices:
            return escape(self.modules[number - 1])
        return _("{letter}, layer {layer}").format(letter=self.letter, layer=number)

    def get_style(self, mode: Mode) -> Style:
        """Get colour, dash and marker of its letter, or the first ones."""
        return list_styles(mode)["ABCD".index(self.letter)]

    def select_measured(self, column: str) -> tuple[FloatArray, FloatArray]:
        """Select steps and values of a number that is not measured in every record."""
        known = ~np.isnan(self.numbers[column])
        return self.steps[known], self.numbers[column][known]

    def find_broken(self, column: str) -> npt.NDArray[np.bool_]:
        """Find the values of layers that came out as NaN or infinite.

        A layer may also have none: in steps that do not run it, or never. A step that is finite
        throughout has no NaN, and a layer that has no value in any such step has none at all.
        """
        values = self.layers[column]
        missing = np.isnan(values)
        if not values.size or not {"loss", "nonfinite", "grad_nonfinite"} <= set(self.numbers):
            return np.asarray(~np.isfinite(values))
        counts = self.numbers["nonfinite"] + self.numbers["grad_nonfinite"]
        sound = np.isfinite(self.numbers["loss"]) & (counts == 0)
        never = missing[:, sound].all(axis=1, keepdims=True) & sound.any()
        return np.asarray(np.isinf(values) | (missing & ~sound & ~never))

    def compute_recent(self, column: str) -> FloatArray:
        """Compute the median of the last records, per layer; NaN where any is not finite."""
        last = self.layers[column][:, -RECENT_RECORDS:]
        if not last.shape[1]:
            return np.full(len(last), np.nan)
        whole = np.where(np.isfinite(last), last, np.nan)
        return np.asarray(np.median(whole, axis=1), np.float64)


@dataclass(frozen=True, eq=False)
class QuantityMap:
    """A quantity of one run over layers and steps.

    Attributes:
        steps: of the columns.
        shade: ``(layers, columns)``: log10 of the values, or shares; NaN where there is none.
        zero, broken: ``(layers, columns)``: values that are exactly 0, that are NaN or infinite.
    """

    steps: FloatArray
    shade: FloatArray
    zero: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.bool_]

    @property
    def is_blank(self) -> bool:
        """Whether there are values, none of which has a shade."""
        return bool(self.shade.size) and bool(np.isnan(self.shade).all())


def find_horizon(lanes: Sequence[Lane]) -> float:
    """Find the last step on the axes: all that is planned, halved while what is done still fits.

    So a long run fills half of its figures from the start, and all of them in the end.
    """
    done = max((float(lane.steps[-1]) for lane in lanes if len(lane.steps)), default=0.0)
    last = float(max((lane.planned for lane in lanes), default=1))
    while last / 2 >= max(done, _SHORTEST_AXIS):
        last /= 2
    return last


def thin_line(
    x: FloatArray, values: FloatArray, columns: int = MOST_COLUMNS
) -> tuple[FloatArray, FloatArray]:
    """Keep at most about ``columns`` points of a line, in order.

    Of each stretch the lowest, the highest and the first that is not finite stay, so that no
    spike is lost.
    """
    if len(x) <= columns:
        return x, values
    kept: list[int] = []
    for start, stop in _split(len(x), columns // 2):
        kept += [start + i for i in _pick_extremes(values[start:stop])]
    return x[kept], values[kept]


def _pick_extremes(values: FloatArray) -> list[int]:
    """Pick the positions of the lowest, the highest and the first value that is not finite."""
    finite = np.isfinite(values)
    positions = set() if finite.all() else {int(np.argmin(finite))}
    if finite.any():
        positions.add(int(np.argmin(np.where(finite, values, np.inf))))
        positions.add(int(np.argmax(np.where(finite, values, -np.inf))))
    return sorted(positions)


def thin_map(
    steps: FloatArray, values: FloatArray, columns: int = MOST_COLUMNS
) -> tuple[FloatArray, FloatArray]:
    """Keep at most ``columns`` columns of a map ``(layers, records)``.

    A column holds the largest value of its stretch of records, NaN if one of them is NaN, and
    stands at the last of its steps.
    """
    if len(steps) <= columns:
        return steps, values
    starts, stops = zip(*_split(len(steps), columns), strict=True)
    largest = np.maximum.reduceat(values, list(starts), axis=1)
    return steps[np.array(stops) - 1], largest


def _split(count: int, stretches: int) -> Iterator[tuple[int, int]]:
    """Split ``count`` positions into stretches: start and stop of each."""
    edges = np.linspace(0, count, stretches + 1).astype(int).tolist()
    return pairwise(edges)
