"""Paths over the steps and on the landscape."""

import math

import numpy as np
import pytest

from gradflow.charts.descent.course import descent_course_figure
from gradflow.charts.descent.paths import DescentPath, Ground, choose_style
from gradflow.charts.descent.surface import blend, descent_surface_figure, scale_heights
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.reading import read_numbers

X, Y = np.linspace(-2, 2, 21), np.linspace(-1, 1, 11)
PLANE = Ground(("x", "y"), (X, Y), X[None, :] ** 2 + 2 * Y[:, None] ** 2 + 1)
CURVE = Ground(("x",), (X,), X**2)


def make_path(points, name="SGD", style_index=0):
    points = np.array(points, dtype=np.float64).reshape(len(points), -1)
    with np.errstate(over="ignore"):
        loss = (points**2).sum(axis=1)
    return DescentPath(name, style_index, points, loss, 2 * np.sqrt(loss), np.sqrt(loss))


def make_spiral(steps, turn=0.3):
    n = np.arange(steps + 1)
    radius = 0.9 * np.exp(-n / steps)
    return np.column_stack([radius * np.cos(turn * n), radius * np.sin(turn * n)])


PATHS = [make_path(make_spiral(50)), make_path(make_spiral(50, -0.2), "Adam", 5)]


def test_rules_keep_their_looks_whoever_else_is_shown():
    both, alone = (to_browser(descent_course_figure(paths)) for paths in (PATHS, PATHS[1:]))
    colours = [find_traces(data, name="Adam")[0]["line"]["color"] for data in (both, alone)]
    assert colours[0] == colours[1]
    for mode in ("light", "dark"):
        looks = [choose_style(i, mode) for i in range(6)]
        for part in ("colour", "dash", "symbol"):
            assert len({getattr(style, part) for style in looks}) == 6


def test_heights_that_span_decades_are_drawn_by_their_logarithm():
    even = PLANE.heights
    assert scale_heights(even)[0] is even
    wide = 3 + np.outer(np.geomspace(1e-3, 1e4, 50), np.ones(4))
    drawn, ticks, texts = scale_heights(wide)
    softening = np.median(wide - wide.min()) / 100
    assert drawn == pytest.approx(np.log10(wide - wide.min() + softening))
    for tick, text in zip(ticks, texts, strict=True):
        (height,) = read_numbers(text)
        if height >= 100:
            assert 10**tick == pytest.approx(height, rel=0.05)
    assert scale_heights(np.ones((3, 3)))[0].tolist() == np.ones((3, 3)).tolist()


def test_blending_is_between_its_colours():
    assert blend("#000000", "#ffffff", 0) == "#000000"
    assert blend("#000000", "#ff8000", 0.5) == "#804000"


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_landscape_carries_the_paths(mode):
    outside = make_path([[0.0, 0.0], [9.0, 9.0], [math.inf, 0.0]], "Adam", 5)
    data = to_browser(descent_surface_figure(PLANE, [PATHS[0], outside], mode=mode))
    (surface,) = find_traces(data, type="surface")
    assert decode(surface["z"]) == pytest.approx(PLANE.heights, rel=1e-6)
    line, gone = find_traces(data, type="scatter3d")
    x, y = PATHS[0].points.T
    lift = 0.025 * np.ptp(PLANE.heights)
    # Straight between grid points, the surface lies at most h²·curvature/8 above the parabola.
    assert decode(line["z"]) == pytest.approx(x**2 + 2 * y**2 + 1 + lift, abs=0.04)
    assert np.isfinite(decode(gone["z"])).tolist() == [True, False, False]
    assert "no landscape" in read_words(to_browser(descent_surface_figure(CURVE, [])))


def test_loss_and_gradient_over_the_steps():
    data = to_browser(descent_course_figure(PATHS, clipped=True))
    loss, gradient = find_traces(data, name="SGD")
    assert (loss["yaxis"], gradient["yaxis"]) == ("y", "y2")
    assert decode(loss["y"]) == pytest.approx(np.log10(PATHS[0].loss), abs=1e-5)
    assert decode(gradient["y"]) == pytest.approx(np.log10(PATHS[0].gradient_norm), abs=1e-5)
    (clipped,) = find_traces(data, name="SGD, clipped")
    assert decode(clipped["y"]) == pytest.approx(np.log10(PATHS[0].clipped_norm), abs=1e-5)
    assert not find_traces(to_browser(descent_course_figure(PATHS)), name="SGD, clipped")


def test_zeros_and_overflow_are_marked_on_both_axes():
    path = make_path([[1.0, 0.0], [0.0, 0.0], [math.inf, 0.0]])
    data = to_browser(descent_course_figure([path]))
    marks = {(t["marker"]["symbol"], t["yaxis"]): t for t in find_traces(data, name="marks")}
    assert set(marks) == {(s, y) for s in ("triangle-down-open", "x") for y in ("y", "y2")}
    for (symbol, axis), trace in marks.items():
        low, high = data["layout"][{"y": "yaxis", "y2": "yaxis2"}[axis]]["range"]
        assert trace["x"] == [1 if symbol == "triangle-down-open" else 2]
        assert low < trace["y"][0] < high
    assert "∞" in marks["x", "y"]["hovertext"][0]
    assert "exactly 0" in read_words(data)
    assert "NaN or infinite" in read_words(data)


def test_no_paths_are_titled_empty_figures():
    assert "at least one optimizer" in read_words(to_browser(descent_course_figure([])))
