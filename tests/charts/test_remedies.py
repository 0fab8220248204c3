"""The small multiples of cures: every point where it belongs, none dropped."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from gradflow.charts.remedies import remedies_figure
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.charts.reports import add_nonfinite, make_empty_report, make_report

BEFORE = make_report(9, 32, "sigmoid")
CURES = [
    ("ReLU", make_report(9, 32, "relu")),
    ("Tanh", make_report(9, 32)),
    ("Linear", make_report(9, 32, "linear")),
    ("Large", make_report(9, 32, std=1.0)),
    ("Half the depth", make_report(5, 32, "sigmoid")),
    ("Same", BEFORE),
]


def read_norms(report):
    return report.layers["delta_norm"].to_numpy()[:-1]


def split_at_gaps(trace):
    """The parts of a trace between its gaps: ``(x, y)`` each; all y here are finite."""
    x, y = decode(trace["x"]), decode(trace["y"])
    ends = np.flatnonzero(np.isnan(x))
    starts = [0, *(ends[:-1] + 1)]
    return [(x[a:b], y[a:b]) for a, b in zip(starts, ends, strict=True)]


def read_decades(data, panel, y):
    """log10 values of figure heights, read off the labelled ticks of the panel's row."""
    axis = data["layout"]["yaxis"]
    rows = -(-len(data["layout"]["annotations"]) // 4)
    values = np.array(axis["tickvals"]).reshape(rows, -1)[panel // 4]
    superscripts = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    texts = np.array(axis["ticktext"]).reshape(rows, -1)[panel // 4]
    exponents = [0 if t == "1" else int(t[2:].translate(superscripts)) for t in texts]
    return np.polyval(np.polyfit(values, exponents, 1), y)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("count", [1, 4, 6, 20])
def test_any_number_of_cures_is_a_handful_of_traces(count, mode):
    data = to_browser(remedies_figure(BEFORE, (CURES * 4)[:count], mode=mode))
    assert [t["name"] for t in data["data"]] == ["before", "after"]
    assert len(data["layout"]["shapes"]) == 3
    assert len(data["layout"]["annotations"]) == count
    assert "xaxis2" not in data["layout"]


def test_lines_show_norms_relative_to_the_last_hidden_layer():
    data = to_browser(remedies_figure(BEFORE, CURES))
    before, after = (split_at_gaps(find_traces(data, name=name)[0]) for name in ("before", "after"))
    assert len(before) == len(after) == len(CURES)
    for panel, (_label, report) in enumerate(CURES):
        for (_x, y), source in ((before[panel], BEFORE), (after[panel], report)):
            expected = np.log10(read_norms(source) / read_norms(source)[-1])
            assert read_decades(data, panel, y) == pytest.approx(expected, abs=1e-3)


def test_layers_keep_their_place_in_every_panel():
    data = to_browser(remedies_figure(BEFORE, CURES))
    ticks = dict(
        zip(data["layout"]["xaxis"]["tickvals"], data["layout"]["xaxis"]["ticktext"], strict=True)
    )
    ones = sorted(x for x, text in ticks.items() if text == "1")
    eights = sorted(x for x, text in ticks.items() if text == "8")
    assert len(ones) == len(eights) == 4
    for panel, (x, _y) in enumerate(split_at_gaps(find_traces(data, name="after")[0])):
        column = panel % 4
        layers = 1 + 7 * (x - ones[column]) / (eights[column] - ones[column])
        assert layers == pytest.approx(np.arange(1, len(x) + 1), abs=1e-4)


def test_panels_do_not_overlap():
    data = to_browser(remedies_figure(BEFORE, CURES * 3))
    boxes = []
    for x, y in split_at_gaps(find_traces(data, name="after")[0]):
        boxes.append((x.min(), x.max(), y.min(), y.max()))
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[1] < b[0] or b[1] < a[0] or a[3] < b[2] or b[3] < a[2]


def test_titles_are_rank_and_label():
    outcomes = [("a<b>", BEFORE), ("x" * 60, BEFORE)]
    titles = read_words(to_browser(remedies_figure(BEFORE, outcomes))).split(" | ")
    assert titles[0] == "<b>1</b>  a&lt;b&gt;"
    assert titles[1].startswith("<b>2</b>  xxx")
    assert titles[1].endswith("…")
    assert len(titles[1]) < 50


def test_hover_names_the_cure_the_layer_and_the_true_norm():
    after = find_traces(to_browser(remedies_figure(BEFORE, CURES)), name="after")[0]
    texts, panels = after["hovertext"], decode(after["customdata"])
    first = texts.index(next(t for t in texts if t.startswith("<b>Tanh</b>")))
    assert panels[first] == 1
    assert "layer 1<br>" in texts[first]
    value = read_norms(CURES[1][1])[0]
    assert f"‖∂L/∂z‖ {value:.3g}"[:12] in texts[first]
    assert "before:" in texts[first]
    half = next(t for t in texts if t.startswith("<b>Half"))
    assert "before:" not in half  # layers of another depth do not correspond
    assert len(texts) == len(decode(after["x"])) == len(panels)


def test_zeros_and_nonfinite_norms_are_marked():
    broken = add_nonfinite(make_report(9, 32))
    zero = make_report(9, 32, "sigmoid", dtype="float16", std=0.01)
    gone = int((read_norms(zero) == 0).sum())
    assert gone > 0
    data = to_browser(remedies_figure(BEFORE, [("broken", broken), ("zero", zero)]))
    marks = {t["marker"]["symbol"]: t for t in find_traces(data, name="marks")}
    assert set(marks) == {"x-thin", "triangle-down-open"}
    assert list(decode(marks["x-thin"]["customdata"])) == [0, 0]
    assert list(decode(marks["triangle-down-open"]["customdata"])) == [1] * gone
    after = split_at_gaps(find_traces(data, name="after")[0])
    assert decode(marks["x-thin"]["y"]).min() > np.nanmax(after[0][1])
    assert decode(marks["triangle-down-open"]["y"]).max() < np.nanmin(after[1][1])
    assert "NaN" in marks["x-thin"]["hovertext"][0]
    assert "exactly 0" in read_words(data)
    assert "NaN or infinite" in read_words(data)


def test_what_was_lost_before_is_marked_in_every_panel():
    data = to_browser(remedies_figure(add_nonfinite(make_report(9, 32)), CURES[:3]))
    (marks,) = find_traces(data, name="marks")
    assert list(decode(marks["customdata"])) == [0, 0, 1, 1, 2, 2]
    assert marks["hoverinfo"] == "skip"


def test_a_network_without_any_finite_gradient_is_drawn():
    layers = BEFORE.layers.assign(delta_norm=math.nan)
    lost = dataclasses.replace(BEFORE, layers=layers)
    data = to_browser(remedies_figure(lost, [("lost", lost)]))
    assert len(find_traces(data, name="marks")) == 2


def test_nothing_to_show_is_a_titled_empty_figure():
    assert "No cure applies" in read_words(to_browser(remedies_figure(BEFORE, [])))
    bare = dataclasses.replace(BEFORE, layers=pd.DataFrame({"layer": [1]}))
    for report in (make_empty_report(), bare):
        assert "Nothing was recorded" in read_words(
            to_browser(remedies_figure(report, [("x", report)]))
        )


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_before_and_after_differ_by_more_than_colour(mode):
    before, after = to_browser(remedies_figure(BEFORE, CURES, mode=mode))["data"]
    assert before["line"]["dash"] == "dot"
    assert after["line"].get("dash", "solid") == "solid"
    assert after["line"]["width"] > before["line"]["width"]
    assert (before["mode"], after["mode"]) == ("lines", "lines+markers")


def test_points_lie_inside_their_frames():
    data = to_browser(remedies_figure(BEFORE, CURES))
    borders = data["layout"]["shapes"][1]["path"].split("M")[1:]
    for border, (x, y) in zip(
        borders, split_at_gaps(find_traces(data, name="after")[0]), strict=True
    ):
        corners = np.array([list(map(float, p.split(","))) for p in border.strip().split(" L")])
        (left, low), (right, high) = corners.min(0), corners.max(0)
        x_range, y_range = (data["layout"][axis]["range"] for axis in ("xaxis", "yaxis"))
        assert x_range[0] <= left < right <= x_range[1]
        assert y_range[0] <= low < high <= y_range[1]
        assert left < x.min()
        assert x.max() < right
        assert low < y.min()
        assert y.max() < high
    assert x[0] - left == pytest.approx((x[1] - x[0]) / 2, rel=1e-3)
