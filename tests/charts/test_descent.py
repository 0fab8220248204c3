"""Paths on the loss: everything drawn where it is, frames that hold only what moves."""

import json
import math

import numpy as np
import pytest

from gradflow.charts.descent.course import descent_course_figure
from gradflow.charts.descent.map import blend, descent_figure, scale_heights
from gradflow.charts.descent.motion import TAIL_STEPS
from gradflow.charts.descent.paths import (
    DRAWN_REACH,
    MOST_FRAMES,
    DescentPath,
    Ground,
    choose_frame_steps,
    choose_style,
    project_path,
)
from gradflow.charts.descent.surface import descent_surface_figure
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.reading import read_numbers

X, Y = np.linspace(-2, 2, 21), np.linspace(-1, 1, 11)
PLANE = Ground(("x", "y"), (X, Y), X[None, :] ** 2 + 2 * Y[:, None] ** 2 + 1)
CURVE = Ground(("x",), (X,), X**2, [("A", "the start", (-1.0,)), ("1", "the minimum", (0.0,))])


def make_path(points, name="SGD", style_index=0, ending=""):
    points = np.array(points, dtype=np.float64).reshape(len(points), -1)
    with np.errstate(over="ignore"):
        loss = (points**2).sum(axis=1)
    return DescentPath(name, style_index, points, loss, 2 * np.sqrt(loss), np.sqrt(loss), ending)


def make_spiral(steps, turn=0.3):
    n = np.arange(steps + 1)
    radius = 0.9 * np.exp(-n / steps)
    return np.column_stack([radius * np.cos(turn * n), radius * np.sin(turn * n)])


PATHS = [make_path(make_spiral(50)), make_path(make_spiral(50, -0.2), "Adam", 5)]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_lines_hold_every_step(mode):
    data = to_browser(descent_figure(PLANE, PATHS, mode=mode))
    for path in PATHS:
        (line,) = [t for t in find_traces(data, name=path.name) if t["mode"] == "lines+markers"]
        assert decode(line["x"]) == pytest.approx(path.points[:, 0], abs=1e-6)
        assert decode(line["y"]) == pytest.approx(path.points[:, 1], abs=1e-6)
        numbers = np.array(line["customdata"])
        expected = [np.arange(51), *path.points.T, path.loss, path.gradient_norm]
        assert numbers == pytest.approx(np.column_stack(expected), rel=1e-3)
    assert data["layout"]["xaxis"]["range"] == [-2, 2]
    assert data["layout"]["yaxis"]["range"] == [-1, 1]


def test_a_loss_of_one_parameter_is_a_curve_with_named_points():
    path = make_path([[-1.0], [1.5], [-0.5]])
    data = to_browser(descent_figure(CURVE, [path]))
    assert not find_traces(data, type="contour")
    curve = next(t for t in data["data"] if t["name"] == "loss L")
    assert decode(curve["y"]) == pytest.approx(X**2)
    (marks,) = find_traces(data, name="marks")
    assert marks["text"] == ["<b>A</b>", "<b>1</b>"]
    assert marks["y"] == pytest.approx([1.0, 0.0])
    (line,) = find_traces(data, name="SGD")
    assert decode(line["y"]) == pytest.approx([1.0, 2.25, 0.25])


def test_frames_hold_heads_and_tails_only_and_know_their_step():
    data = to_browser(descent_figure(PLANE, PATHS))
    names = [t["name"] for t in data["data"]]
    assert [frame["name"] for frame in data["frames"]] == [str(n) for n in range(51)]
    for step, frame in enumerate(data["frames"]):
        assert [names[i] for i in frame["traces"]] == ["tails", "heads"]
        tails, heads = frame["data"]
        assert heads["x"] == pytest.approx([p.points[step, 0] for p in PATHS], abs=1e-4)
        assert heads["y"] == pytest.approx([p.points[step, 1] for p in PATHS], abs=1e-4)
        first = max(0, step - TAIL_STEPS)
        expected = [v for p in PATHS for v in (*p.points[first : step + 1, 0], math.nan)]
        x = [math.nan if v is None else v for v in tails["x"]]
        assert x == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_the_figure_shows_the_last_frame_before_it_is_played():
    data = to_browser(descent_figure(PLANE, PATHS))
    (heads,) = find_traces(data, name="heads")
    assert heads["x"] == pytest.approx(data["frames"][-1]["data"][1]["x"], abs=1e-3)
    slider = data["layout"]["sliders"][0]
    assert slider["active"] == len(slider["steps"]) - 1 == 50
    assert [step["args"][0] for step in slider["steps"]] == [[str(n)] for n in range(51)]


@pytest.mark.parametrize("steps", [1, 7, 119, 120, 300])
def test_at_most_so_many_frames_from_first_to_last(steps):
    steps_shown = choose_frame_steps([make_path(make_spiral(steps)), make_path(make_spiral(1))])
    assert len(steps_shown) == min(steps + 1, MOST_FRAMES)
    assert (steps_shown[0], steps_shown[-1]) == (0, steps)
    assert steps_shown == sorted(set(steps_shown))


def test_six_paths_of_300_steps_stay_light():
    paths = [make_path(make_spiral(300, 0.1 * i), f"rule {i}", i) for i in range(6)]
    frames = to_browser(descent_figure(PLANE, paths))["frames"]
    assert len(json.dumps(frames)) < 300_000


def play(names, options, current):
    """What Plotly shows after a button: its way of dropping frames, from plotly.js `animate`."""
    kept = list(names)
    if options["fromcurrent"] and current in kept:
        at = kept.index(current)
        if 0 < at < len(kept) - 1:
            kept = kept[at + 1 :]
    waits = options["frame"] if isinstance(options["frame"], list) else [options["frame"]]
    for i, name in enumerate(kept):
        if waits[i if i < len(waits) else 0]["duration"] > 1e6:
            return name
    return kept[-1]


@pytest.mark.parametrize("steps", [1, 2, 5, 40])
def test_step_buttons_go_one_on_or_back_and_stop_at_the_ends(steps):
    data = to_browser(descent_figure(PLANE, [make_path(make_spiral(steps))]))
    buttons = {b["label"]: b["args"] for b in data["layout"]["updatemenus"][0]["buttons"]}
    for current in range(steps + 1):
        assert play(*buttons["Step ▶"], str(current)) == str(min(current + 1, steps))
        assert play(*buttons["◀ Step"], str(current)) == str(max(current - 1, 0))
    assert play(*buttons["Step ▶"], None) == str(steps)  # nothing played: the end is shown
    assert play(*buttons["◀ Step"], None) == str(steps - 1)
    assert buttons["▶ Play"][0] is None
    assert buttons["Pause"][0] == [None]


def test_far_points_are_drawn_along_their_step():
    path = make_path([[0.0, 0.0], [1e200, 5e199], [1e210, 0.0], [0.5, 0.5]])
    drawn = project_path(path, PLANE)
    # The border is DRAWN_REACH half windows out; the step's slope, 1/2, is kept.
    assert drawn[1] == pytest.approx([2 * DRAWN_REACH, DRAWN_REACH])
    assert np.isnan(drawn[2]).all()
    assert drawn[3].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("far", [50.0, 1e308, math.inf])
def test_a_far_step_along_one_axis_stays_on_its_line(far):
    assert project_path(make_path([[0.0, 0.5], [-far, 0.5]]), PLANE)[1] == pytest.approx(
        [-2 * DRAWN_REACH, 0.5]
    )
    assert project_path(make_path([[1.5, 0.0], [1.5, far]]), PLANE)[1] == pytest.approx(
        [1.5, DRAWN_REACH]
    )


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("ground", [PLANE, CURVE])
def test_what_is_not_finite_is_crossed_where_it_was_last_seen(bad, ground):
    good = [0.5] * len(ground.axes)
    path = make_path([good, [bad] * len(ground.axes)], ending="overflows at step 1")
    data = to_browser(descent_figure(ground, [path, make_path([good, good], "Adam", 5)]))
    (cross,) = find_traces(data, name="out of sight")
    assert len(cross["x"]) == 1
    (low, high), (bottom, top) = (data["layout"][a]["range"] for a in ("xaxis", "yaxis"))
    assert low < cross["x"][0] < high
    assert bottom < cross["y"][0] < top
    assert "overflows at step 1" in cross["hovertext"][0]
    assert find_traces(data, name="SGD")[0]["customdata"][1][-1] in ("∞", "NaN")
    for frame in data["frames"]:
        assert None not in frame["data"][1]["x"]


def test_heads_and_crosses_wait_where_the_path_left_the_window():
    path = make_path([[0.0, 0.0], [5.0, 1.0], [5.0, 1e300]], ending="left")
    data = to_browser(descent_figure(PLANE, [path]))
    for frame in data["frames"][1:]:
        head = frame["data"][1]
        assert (head["x"], head["y"]) == ([2.0], [0.4])
    (cross,) = find_traces(data, name="out of sight")
    assert (cross["x"][0], cross["y"][0]) == pytest.approx((2.0, 0.4), abs=0.1)


def test_rules_keep_their_looks_whoever_else_is_shown():
    both, alone = (to_browser(descent_figure(PLANE, paths)) for paths in (PATHS, PATHS[1:]))
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
    for make in (lambda: descent_figure(PLANE, []), lambda: descent_course_figure([])):
        assert "at least one optimizer" in read_words(to_browser(make()))
