"""The chain's figure and the network's graph show the true numbers; nothing is dropped."""

import math

import numpy as np
import pytest

from gradflow.charts.backprop.chain import chain_figure
from gradflow.charts.backprop.network_graph import MarkedStep, network_figure, place_unit
from gradflow.core.teaching.chain import Chain, run_chain
from gradflow.core.teaching.perceptron import Perceptron, run_perceptron
from gradflow.core.teaching.perceptron_steps import (
    find_highlight,
    find_progress,
    list_entries,
    list_steps,
)
from tests.charts.figures import decode, find_traces, read_words, to_browser

W = (1.0, -2.0, 0.5, 3.0)
CHAIN = run_chain(Chain(length=4, activation="leaky_relu", weights=W, input=1.0, target=0.5))
# z = 1, −2, −0.01, −0.0003; slopes 1, .01, .01, .01
SLOPES = (1.0, 0.01, 0.01, 0.01)
OUTPUT = -3e-6


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_bars_are_the_factors_and_add_up(mode) -> None:
    data = to_browser(chain_figure(CHAIN, mode=mode))
    weight, slope, product = (decode(t["y"]) for t in find_traces(data, type="bar"))
    assert weight == pytest.approx(np.log10([2.0, 0.5, 3.0]))
    assert slope == pytest.approx(np.log10(SLOPES))
    assert product[:3] == pytest.approx(weight + slope[:3])
    assert product[3] == pytest.approx(slope[3])
    texts = find_traces(data, type="bar")[2]["text"]
    assert texts == ["−2", "0.005", "0.03", "0.01"]


def test_the_line_is_the_gradient_from_the_loss_to_layer_1() -> None:
    data = to_browser(chain_figure(CHAIN))
    (line,) = find_traces(data, name="|g<sub>i</sub>|")
    error = OUTPUT - 0.5
    g4 = error * 0.01
    g3 = g4 * 3 * 0.01
    g2 = g3 * 0.5 * 0.01
    g1 = g2 * -2
    assert decode(line["x"]).tolist() == [1, 2, 3, 4, 5]
    assert decode(line["y"]) == pytest.approx(np.log10(np.abs([g1, g2, g3, g4, error])))
    assert line["text"] == ["+", "−", "−", "−", "−"]
    (weights,) = find_traces(data, name="|∂L/∂w<sub>i</sub>|")
    inputs = np.array([1.0, 1.0, -0.02, -0.0001])
    expected = np.log10(np.abs(np.array([g1, g2, g3, g4]) * inputs))
    assert decode(weights["y"]) == pytest.approx(expected)
    lines = [s["y0"] for s in data["layout"]["shapes"] if s.get("yref") == "y2"]
    assert lines == pytest.approx(np.log10([abs(error) / 100, abs(error) * 100]))
    assert read_words(data) == "1/100 × | 100 ×"
    assert data["layout"]["xaxis"]["ticktext"][-1] == "loss"


def test_every_number_lies_inside_its_axis() -> None:
    for weight in (0.01, 1.0, 10.0):
        run = run_chain(Chain(length=12, activation="tanh", weights=(weight,)))
        data = to_browser(chain_figure(run, chosen=3))
        for trace in data["data"]:
            axis = data["layout"]["yaxis2" if trace.get("yaxis") == "y2" else "yaxis"]
            y = decode(trace["y"])
            assert np.nanmin(y) >= axis["range"][0]
            assert np.nanmax(y) <= axis["range"][1]


def test_zeros_infinities_and_nan_are_marked() -> None:
    off = run_chain(Chain(length=3, activation="relu", weights=(1.0, -1.0, 1.0)))
    data = to_browser(chain_figure(off))
    zeros = [t for t in find_traces(data, name="marks") if t["marker"]["symbol"] != "x"]
    # f′ and the product of layers 2 and 3; all of g and ∂L/∂w, the output being the target.
    assert sorted(len(decode(t["x"])) for t in zeros) == [2, 2, 3, 4]
    assert "exactly 0" in read_words(data)
    burst = run_chain(Chain(length=6, activation="relu", weights=(10.0,), dtype="float16"))
    data = to_browser(chain_figure(burst))
    crosses = [t for t in find_traces(data, name="marks") if t["marker"]["symbol"] == "x"]
    assert sorted(len(decode(t["x"])) for t in crosses) == [6, 7]
    assert any("∞" in text for t in crosses for text in t["hovertext"])
    assert "NaN or infinite" in read_words(data)


def test_a_chain_of_one_layer_is_drawn() -> None:
    data = to_browser(chain_figure(run_chain(Chain(length=1)), chosen=1))
    assert len(decode(find_traces(data, name="|g<sub>i</sub>|")[0]["x"])) == 2


RUN = run_perceptron(Perceptron(hidden=(4, 3)))
PLAN = list_steps(RUN.layers)


def draw_graph(at: int, which: int = 0, mode="light"):
    step = PLAN[at]
    terms = find_highlight(RUN, step, list_entries(RUN, step)[which])
    backward = at > 6
    return to_browser(
        network_figure(RUN, MarkedStep(find_progress(RUN.layers, at), terms, backward), mode=mode)
    )


def read_units(data):
    (trace,) = (t for t in data["data"] if "customdata" in t)
    return dict(zip(map(tuple, trace["customdata"]), trace["text"], strict=True)), trace


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("at", range(len(PLAN)))
def test_every_step_draws_every_unit_and_weight(at, mode) -> None:
    data = draw_graph(at, mode=mode)
    texts, _trace = read_units(data)
    assert len(texts) == 3 + 4 + 3 + 2
    weights = sum(len(decode(t["x"])) // 3 for t in find_traces(data, mode="lines"))
    assert weights == 3 * 4 + 4 * 3 + 3 * 2


def test_units_show_what_is_known_by_then() -> None:
    first, _trace = read_units(draw_graph(0))
    assert first[0, 1] == "x<sub>1</sub><br><b>0.6</b>"
    z = RUN.by_pytorch.z[0][1].item()
    assert first[1, 2] == f"{z:.3f}".rstrip("0").replace("-", "−") + "<br><b>·</b>"
    assert first[2, 1] == "·<br><b>·</b>"
    last = draw_graph(len(PLAN) - 1)
    assert "·" not in "".join(read_units(last)[0].values())
    assert read_words(last).count("δ") == 4 + 3 + 2
    assert "δ" not in read_words(draw_graph(6))
    assert read_words(draw_graph(7)).count("δ") == 2


def test_marked_terms_stand_out_by_width() -> None:
    data = draw_graph(8, which=1)  # δ of unit 2 of layer 2, from both outputs
    _texts, trace = read_units(data)
    widths = dict(
        zip(map(tuple, trace["customdata"]), trace["marker"]["line"]["width"], strict=True)
    )
    assert widths[2, 2] > widths[3, 1] == widths[3, 2] > widths[2, 1] == widths[0, 1]
    weights = RUN.parameters[2][0][:, 1].tolist()
    for weight in weights:
        assert f"{abs(weight):.2f}".rstrip("0") in read_words(data)


def test_negative_weights_are_dashed() -> None:
    data = draw_graph(0)
    sizes = RUN.spec.sizes
    corners = {}
    for trace in find_traces(data, mode="lines"):
        x, y = decode(trace["x"]), decode(trace["y"])
        for k in range(0, len(x), 3):
            corners[x[k], y[k], y[k + 1]] = trace["line"]["dash"]
    for layer, (weight, _bias) in enumerate(RUN.parameters, start=1):
        for i, j in np.ndindex(*weight.shape):
            (x0, y0), (_x1, y1) = (
                place_unit((layer - 1, j + 1), sizes),
                place_unit((layer, i + 1), sizes),
            )
            assert corners[x0, y0, y1] == ("dash" if weight[i, j] < 0 else "solid")


def test_a_network_that_overflowed_is_drawn() -> None:
    spec = Perceptron(activation="linear", learning_rate=100, updates=12, inputs=(100, 100, 100))
    run = run_perceptron(spec)
    step = PLAN[-2]
    terms = find_highlight(run, step, list_entries(run, step)[0])
    data = to_browser(network_figure(run, MarkedStep(find_progress(3, len(PLAN) - 2), terms, True)))
    assert not math.isfinite(run.losses[-1])
    assert "NaN" in read_words(data) or "∞" in read_words(data)
