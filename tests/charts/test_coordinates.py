"""The figure of a coordinate check, beside its table."""

import numpy as np
import pandas as pd
import pytest

import gradflow as gf
from gradflow.charts.coordinates import choose_steps
from gradflow.core.coordinates import CoordinateCheck, fit_sizes
from tests.charts.figures import decode, find_traces, read_words, to_browser

WIDTHS = (64, 128, 256, 512)
POWERS = {"first": 0.0, "hidden": 1.0, "a <b>": -0.5}


def make_check(steps: int = 2, broken: bool = False) -> CoordinateCheck:
    rows = [
        (width, seed, step, layer, name, (1 + seed) * width ** (power if step else 0.0))
        for width in WIDTHS
        for seed in range(2)
        for step in range(steps + 1)
        for layer, (name, power) in enumerate(POWERS.items(), 1)
    ]
    sizes = pd.DataFrame(rows, columns=["width", "seed", "step", "layer", "module", "rms"])
    if broken:
        last = (sizes["width"] == 512) & (sizes["step"] == steps) & (sizes["module"] == "hidden")
        sizes.loc[last, "rms"] = np.inf
    return CoordinateCheck(sizes, fit_sizes(sizes))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_line_is_the_geometric_mean_over_the_seeds(mode):
    data = to_browser(gf.figure(make_check(), mode=mode))
    flat = {panel: find_traces(data, name="flat", xaxis=panel) for panel in ("x", "x2", "x3")}
    assert len(flat["x"]) == 1
    for panel, name in (("x2", "grows"), ("x3", "grows")):
        (line,) = find_traces(data, name=name, xaxis=panel)
        assert decode(line["x"])[:4] == pytest.approx(np.log10(WIDTHS))
        # Seeds have factors of 1 and 2.
        assert 10 ** decode(line["y"])[:4] == pytest.approx(np.sqrt(2) * np.array(WIDTHS))
        assert line["hovertext"][2].startswith("hidden, width 256: RMS 362<br>like width")
    (line,) = find_traces(data, name="shrinks", xaxis="x3")
    assert "a &lt;b&gt;" in line["hovertext"][0]
    assert line["line"]["dash"] != find_traces(data, name="grows", xaxis="x3")[0]["line"]["dash"]
    assert [t["name"] for t in data["data"] if t["showlegend"]] == ["flat", "grows", "shrinks"]


def test_the_verdict_stands_above():
    check = make_check()
    words = read_words(to_browser(gf.figure(check))).replace("<br>", " ")
    assert str(check.text) in words
    assert "at the start" in words
    assert "after step 2" in words


def test_what_is_not_finite_is_a_cross_at_the_top():
    data = to_browser(gf.figure(make_check(broken=True)))
    (marks,) = find_traces(data, name="marks")
    assert marks["xaxis"] == "x3"
    assert decode(marks["x"]).tolist() == pytest.approx([np.log10(512)])
    highest = max(np.nanmax(decode(t["y"])) for t in data["data"] if t["mode"] != "markers")
    assert decode(marks["y"])[0] > highest
    assert "✕ NaN or infinite" in read_words(data)


def test_of_many_steps_some_are_drawn():
    assert choose_steps(list(range(21))) == [0, 5, 10, 15, 20]
    assert choose_steps([0, 1]) == [0, 1]
    layout = to_browser(gf.figure(make_check(steps=20)))["layout"]
    assert [f"xaxis{n}" in layout for n in ("", 2, 5, 6)] == [True, True, True, False]
    assert len(layout["yaxis"]["title"]["text"]) > 0


def test_nothing_recorded_is_an_empty_figure():
    sizes = make_check().sizes.iloc[:0]
    check = CoordinateCheck(sizes, make_check().exponents.iloc[:0])
    assert "Nothing was recorded" in read_words(to_browser(gf.figure(check)))
