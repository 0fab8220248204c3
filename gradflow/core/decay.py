"""The course of the gradient: how its size changes from layer to layer on its way back.

What is judged is its whole profile: the largest change between any two rows, wherever they are.
Trained networks show that this predicts best whether plain SGD gets anywhere (docs/diagnosis.md);
the change per layer adds nothing to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradflow.core.report import Report

NOTICEABLE_CHANGE, STRONG_CHANGE, SEVERE_CHANGE = 30.0, 300.0, 1000.0
"""Largest change of ‖δ‖ between any two rows from which it is noted, a warning, and bad."""
HOPELESS_CHANGE = 3e4
"""Beyond that change Adam does not train most networks either."""
USUAL_INPUT = 5.0
"""RMS of inputs up to which, and down to whose inverse, their size is a usual one."""
ALIKE_KINDS = ("conv", "linear")
"""Kinds of layers; outside of blocks only layers of one kind are compared with each other."""
_STRAIGHT = math.log(2), 0.12
"""A course is straight if its logarithm leaves a straight line by less than the first, or by less
than the second times its whole change."""


@dataclass(frozen=True)
class Decay:
    """How ‖δ‖ changes from layer to layer on its way back.

    Attributes:
        factor: ``exp`` of minus the slope of a straight line fitted to log ‖δ_l‖ over the hidden
            layers: below 1 the gradient shrinks on its way to the input.
        first, last: the outermost rows whose ‖δ‖ is positive and finite.
        log_ratio: ln ‖δ_first‖ / ‖δ_last‖.
        smallest, largest: the rows with the smallest and the largest ‖δ‖.
        log_span: ln ‖δ_largest‖ / ‖δ_smallest‖.
        log_peak: ln of the largest ‖δ‖ over that of the larger end: 0 if an end is the largest.
        log_rms_ratio, log_rms_span: the same of the RMS of δ, which figures draw; it differs where
            rows have different numbers of entries.
        straight: whether the course is well described by its factor.
        rows: what is numbered: ``layer``, or ``branch`` if this is the decay of ‖∂L/∂h‖ along a
            residual stream; ``block`` if nothing passes the blocks.
    """

    factor: float
    first: int
    last: int
    log_ratio: float
    smallest: int
    largest: int
    log_span: float
    log_peak: float
    log_rms_ratio: float
    log_rms_span: float
    straight: bool
    rows: str = "layer"

    @property
    def ratio(self) -> float:
        """‖δ_first‖ / ‖δ_last‖; 0 or infinite beyond the range of float64."""
        return _exp(self.log_ratio)

    @property
    def span(self) -> float:
        """‖δ_largest‖ / ‖δ_smallest‖, the largest change between any two rows."""
        return _exp(self.log_span)

    @property
    def rms_ratio(self) -> float:
        """RMS(δ_first)/RMS(δ_last)."""
        return _exp(self.log_rms_ratio)

    @property
    def rms_span(self) -> float:
        """RMS(δ_largest)/RMS(δ_smallest); it may be below 1."""
        return _exp(self.log_rms_span)

    @property
    def is_valley(self) -> bool:
        """Whether both ends get about the most, and what lies between them less."""
        most = math.log(NOTICEABLE_CHANGE)
        return abs(self.log_ratio) <= most and self.log_peak <= most

    @property
    def is_steady(self) -> bool:
        """Whether the gradient keeps its size: no noticeable change between any two rows."""
        return self.span <= NOTICEABLE_CHANGE


def fit_judged_decay(report: Report) -> Decay | None:
    """Fit the decay to judge, of rows that are alike.

    Along a residual stream it is that of ∂L/∂h from branch to branch: layers within a block differ
    in kind, and so do their ‖δ‖, but the gradient that passes from block to block does not. Layers
    outside of blocks are compared with others of their kind that feed them or that they feed, and
    of those that read the same tensor, and of the calls of one module, only the one with the
    largest ‖δ‖. A first layer whose
    inputs have an unusual size, which a normalization behind it takes out again, is left out. Of
    these courses the one with the largest change is judged. ``None`` as for ``fit_decay``.
    """
    layers, stream = report.get_table("layers"), report.stream
    number, norm = layers["layer"], layers.get_numbers("delta_norm")
    rms = layers.get_numbers("delta_rms")
    kinds = find_kinds(report)
    judged = ~_mark_lesser_calls(report, norm)
    if _is_size_undone(report):
        judged[:1] = False
    alike = _mark_usable(norm) & (number < number[-1:]) & ~_mark_lesser_readers(report, norm)
    alike &= judged
    if has_repeated_calls(report):
        alike &= kinds != "recurrent"  # they follow each other in time
    courses = []
    if stream is not None:
        points = stream.get_table("layers")
        along = points.get_numbers("activation_grad_norm")
        size = points.get_numbers("activation_grad_rms")
        branches = points["layer"] > 0
        courses.append(fit_stream_decay(along[branches], size[branches]))
        alike &= ~mark_inside_blocks(report)
    for kind in set(kinds[alike].tolist()):
        chosen = _keep_course(report, norm, alike & (kinds == kind))
        courses.append(_fit(number[chosen], norm[chosen], rms[chosen], "layer"))
    fits = [course for course in courses if course is not None]
    if fits:
        return max(fits, key=lambda course: course.log_span)
    rest = judged & (kinds != "recurrent")
    usable = rest & _mark_usable(norm)
    # The readout's δ comes straight from the loss; it follows no law of the layers before it.
    course = _keep_course(report, norm, usable & (number < number[rest][-1:]))
    if course.sum() < 2:
        course = _keep_course(report, norm, usable)
    return _fit(number[course], norm[course], rms[course], "layer")


def fit_decay(report: Report) -> Decay | None:
    """Fit the decay of ‖δ‖ over the hidden layers; ``None`` with fewer than two usable layers.

    Recurrent ones are left out: they follow each other in time.
    """
    layers, deep = report.get_table("layers"), find_kinds(report) != "recurrent"
    norm, rms = (layers.get_numbers(name)[deep] for name in ("delta_norm", "delta_rms"))
    return fit_hidden_decay(layers["layer"][deep], norm, rms)


def fit_hidden_decay(
    number: npt.NDArray[np.int_], norm: npt.NDArray[np.float64], rms: npt.NDArray[np.float64]
) -> Decay | None:
    """Fit the decay of ‖δ‖ = ``norm`` over the layers with these numbers, the last the readout.

    ``rms`` is RMS(δ). This is what is judged where all layers are of one kind and none is in a
    block.
    """
    usable = _mark_usable(norm)
    # The readout's δ comes straight from the loss; it follows no law of the layers before it.
    hidden = usable & (number < number[-1:])
    if hidden.sum() < 2:
        hidden = usable
    return _fit(number[hidden], norm[hidden], rms[hidden], "layer")


def fit_stream_decay(norm: npt.NDArray[np.float64], rms: npt.NDArray[np.float64]) -> Decay | None:
    """Fit the decay of ‖∂L/∂h‖ = ``norm`` behind each branch of a residual stream.

    ``rms`` is RMS(∂L/∂h). ``None`` with fewer than two usable branches.
    """
    usable = _mark_usable(norm)
    return _fit(np.arange(1, len(norm) + 1)[usable], norm[usable], rms[usable], "branch")


def mark_inside_blocks(report: Report) -> npt.NDArray[np.bool_]:
    """Mark the layers that are inside a block of the residual stream."""
    modules = report.get_table("layers")["module"].tolist()
    blocks = {
        str(name).partition("#")[0]
        for stream in report.streams.values()
        for name in stream.get_table("layers")["module"]
    }
    return np.array([_is_inside(module, blocks) for module in modules], bool)


def _is_inside(module: str, blocks: set[str]) -> bool:
    while module:
        module = module.rpartition(".")[0]
        if module in blocks:
            return True
    return False


def find_kinds(report: Report) -> npt.NDArray[np.object_]:
    """Find the kind of each layer: conv, linear or recurrent; empty for any other."""
    signals, numbers = report.get_table("signals"), report.get_table("layers")["layer"].tolist()
    first: dict[int, str] = {}
    for number, kind in zip(signals["layer"].tolist(), signals["kind"].tolist(), strict=True):
        first.setdefault(number, kind if kind in (*ALIKE_KINDS, "recurrent") else "")
    return np.array([first.get(number, "") for number in numbers], object)


def _keep_course(
    report: Report, norm: npt.NDArray[np.float64], chosen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Keep the chosen rows of one way back: the two that differ most, and those on their way.

    Layers of which neither feeds the other, such as two embeddings that are added, are no course;
    all that feed or are fed by both of the two lie between them in size.
    """
    rows = np.flatnonzero(chosen)
    pairs = np.array(report.facts.parallel, int).reshape(-1, 2) - 1
    pairs = pairs[np.isin(pairs, rows).all(1)]
    if not len(pairs):
        return chosen
    joined = np.ones((len(norm), len(norm)), bool)
    joined[pairs[:, 0], pairs[:, 1]] = joined[pairs[:, 1], pairs[:, 0]] = False
    joined = joined[np.ix_(rows, rows)]
    size = np.log(norm[rows])
    change = np.where(joined, np.abs(size[:, None] - size), -1.0)
    one, other = np.unravel_index(int(np.argmax(change)), change.shape)
    kept = np.zeros(len(norm), bool)
    kept[rows[joined[one] & joined[other]]] = True
    return kept


def _mark_lesser_readers(report: Report, norm: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Mark layers side by side (they read the same tensor) but the one with the largest norm."""
    lesser, readers = np.zeros(len(norm), bool), np.array(report.facts.readers)
    if len(readers) == len(norm):
        for first in {r for i, r in enumerate(readers.tolist(), start=1) if r != i}:
            group = np.flatnonzero(readers == first)
            lesser[group] = True
            lesser[group[np.argmax(np.nan_to_num(norm[group]))]] = False
    return lesser


def _mark_lesser_calls(report: Report, norm: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Mark the calls of a module but the one with the largest norm: they share their weights."""
    lesser = np.zeros(len(norm), bool)
    if has_repeated_calls(report):
        names = report.get_table("layers")["module"].tolist()
        modules = [str(name).partition("#")[0] for name in names]
        largest = {
            module: int(np.argmax(np.where(np.equal(modules, module), np.nan_to_num(norm), -1.0)))
            for module in set(modules)
        }
        lesser = np.array([largest[module] != i for i, module in enumerate(modules)], bool)
    return lesser


def has_repeated_calls(report: Report) -> bool:
    """Tell whether a layer's module was called more than once."""
    return "#" in "".join(report.get_table("layers")["module"].tolist())


def _is_size_undone(report: Report) -> bool:
    """Tell whether inputs are large or small, and the first layer's normalization undoes it."""
    inputs, signals = report.facts.inputs, report.get_table("signals")
    if inputs is None or 1 / USUAL_INPUT < inputs.rms < USUAL_INPUT:
        return False
    return bool(((signals["kind"] == "norm") & (signals["layer"] == 1)).any())


def _mark_usable(norm: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    usable: npt.NDArray[np.bool_] = np.isfinite(norm) & (norm > 0)
    return usable


def _fit(
    number: npt.NDArray[np.int_],
    norm: npt.NDArray[np.float64],
    rms: npt.NDArray[np.float64],
    rows: str,
) -> Decay | None:
    if len(number) < 2:
        return None
    log_norm, log_rms = np.log(norm), np.log(rms)
    x, y = number - number.mean(), log_norm - log_norm.mean()
    slope = float(x @ y / (x @ x))
    low, high = int(np.argmin(log_norm)), int(np.argmax(log_norm))
    off = float(np.abs(y - slope * x).max())
    change = abs(slope) * float(number[-1] - number[0])
    return Decay(
        factor=_exp(-slope),
        first=int(number[0]),
        last=int(number[-1]),
        log_ratio=float(log_norm[0] - log_norm[-1]),
        smallest=int(number[low]),
        largest=int(number[high]),
        log_span=float(log_norm[high] - log_norm[low]),
        log_peak=float(log_norm[high] - max(log_norm[0], log_norm[-1])),
        log_rms_ratio=float(log_rms[0] - log_rms[-1]),
        log_rms_span=float(log_rms[high] - log_rms[low]),
        straight=off <= max(_STRAIGHT[0], _STRAIGHT[1] * change),
        rows=rows,
    )


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf
