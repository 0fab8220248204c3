"""Figures as JSON; ``tests.charts.figures.to_browser`` compares all others with Plotly's own."""

import copy
import json
import pickle

import numpy as np
import plotly.graph_objects as go
import pytest

from gradflow.charts import figure as build
from gradflow.charts.encode import encode_figure
from tests.charts.figures import decode


@pytest.mark.parametrize(
    "values",
    [
        np.arange(6.0),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,  # not contiguous
        np.array([1.0, np.nan, np.inf]),
        np.array([], np.float64),
        np.array([-129, 3]),
        np.array([40_000, 3], np.uint64),
        np.array([2**40, 1]),
        np.array([True, False]),
        np.array(["a", "b"]),
        np.arange(3, dtype=np.float16),
    ],
)
def test_arrays_are_written_as_plotly_writes_them(values: np.ndarray) -> None:
    figure = go.Figure({"data": [{"type": "heatmap", "z": values}]}, _validate=False)
    assert json.loads(encode_figure(figure)) == json.loads(figure.to_json())


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(3), (1, None), "ü 10⁻¹⁴"])
def test_single_values(value: object) -> None:
    layout = {"meta": value}
    figure = go.Figure({"data": [], "layout": layout}, _validate=False)
    assert json.loads(encode_figure(figure)) == json.loads(figure.to_json())


def test_bare_nan_becomes_null() -> None:
    figure = build.build_figure([{"type": "scatter", "y": [1.0, float("nan")]}], {}, "light")
    assert json.loads(encode_figure(figure))["data"][0]["y"] == [1.0, None]


def test_the_figure_stays_as_it_is() -> None:
    figure = build.build_figure([{"type": "scatter", "y": np.ones(300)}], {"height": 300}, "dark")
    figure.frames = [{"name": "0", "data": [{"type": "scatter", "y": np.ones(300)}]}]
    before = figure.to_json()
    spec = json.loads(encode_figure(figure))
    assert figure.to_json() == before
    assert spec == json.loads(before)
    assert (decode(spec["frames"][0]["data"][0]["y"]) == 1).all()


def test_what_is_not_looked_at_stays_plain_and_is_written_as_plotly_writes_it() -> None:
    layout = {"height": 300, "xaxis": {"range": [0, 1]}}
    figure = build.build_figure([{"type": "scatter", "y": np.ones(300)}], layout, "dark")
    written = encode_figure(figure)
    assert "_data" not in vars(figure)
    assert figure.data[0].type == "scatter"  # looked at
    assert json.loads(encode_figure(figure)) == json.loads(written)  # in another order
    assert json.loads(written) == json.loads(figure.to_json())


def test_a_plain_figure_is_changed_copied_and_pickled_as_any_other() -> None:
    figure = build.build_figure([{"type": "scatter", "y": [1.0]}], {"height": 300}, "dark")
    copies = [copy.deepcopy(figure), pickle.loads(pickle.dumps(figure))]
    assert go.Figure(figure).layout.height == 300
    for same in copies:
        assert json.loads(encode_figure(same)) == json.loads(encode_figure(figure))
        assert same == figure
    figure.add_scatter(y=[2.0])
    figure.update_layout(height=400)
    spec = json.loads(encode_figure(figure))
    assert len(spec["data"]) == 2
    assert spec["layout"]["height"] == 400
    assert len(copies[0].data) == 1
    with pytest.raises(ValueError, match="nonsense"):
        figure.update_layout(nonsense=1)
    with pytest.raises(AttributeError):
        _ = figure.nonsense
