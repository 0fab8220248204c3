"""The units of the strip above the Flow figure, as the browser gets them."""

import math

import numpy as np

import gradflow as gf
from gradflow.core.units import Units
from gradflow.ui.explore.units import DEAD, SATURATED, describe_units, summarize_units

REPORT = gf.run(gf.Experiment(network=gf.MLP(depth=3, width=4), data=gf.Data(batch_size=8)))


def replace_units(units: dict[int, Units]) -> gf.Report:
    changed = gf.Report.from_json(REPORT.to_json())
    object.__setattr__(changed, "units", units)
    return changed


def make_units(count: int, mean: list[float], dead: list[bool], saturated: list[float]) -> Units:
    return Units(count, np.array(mean), np.array(dead), np.array(saturated))


def test_marks_are_relative_to_the_largest_mean_of_a_hidden_layer() -> None:
    nan = math.nan
    means, saturated = [4.0, 1.0, 0.0, 3.9, math.inf], [nan, 0.2, nan, 0.6, nan]
    hidden = make_units(30, means, [False] * 5, saturated)
    off = make_units(2, [0.0, 1.0], [True, False], [nan, nan])
    outputs = make_units(1, [400.0], [False], [nan])
    report = replace_units({1: hidden, 2: off, 3: outputs})
    described = describe_units(report)
    assert described is not None
    marks = [layer["marks"] for layer in described["layers"]]
    assert marks == [[100, 50, 0, SATURATED, None], [DEAD, 50], [100]]
    assert [layer["count"] for layer in described["layers"]] == [30, 2, 1]
    assert "Of 8 single units shown, 1 are dead and 1 saturated" in summarize_units(report)


def test_older_reports_have_no_strip() -> None:
    assert describe_units(replace_units({})) is None
    assert summarize_units(replace_units({})) == ""
