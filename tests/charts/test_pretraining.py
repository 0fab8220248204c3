"""Figures of pretraining: every pixel and every line where it belongs."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradflow.charts.pretraining.errors import errors_figure, join_epochs
from gradflow.charts.pretraining.images import (
    features_figure,
    measure_reach,
    reconstructions_figure,
    tile_images,
)
from gradflow.charts.pretraining.repetitions import compute_medians
from gradflow.charts.pretraining.reuse import reuse_figure
from gradflow.charts.pretraining.tuning import tuning_figure
from tests.charts.figures import decode, find_traces, read_words, to_browser


def make_images(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 64)).astype(np.float32)


@pytest.mark.parametrize(("count", "columns"), [(1, 16), (5, 3), (16, 16), (17, 16)])
def test_a_mosaic_has_every_image_at_its_place(count, columns):
    images = make_images(count)
    whole = tile_images(images, columns)
    across = min(columns, count)
    for i, image in enumerate(images):
        row, column = 9 * (i // across), 9 * (i % across)
        assert (whole[row : row + 8, column : column + 8] == image.reshape(8, 8)).all()
    assert np.isfinite(whole).sum() == images.size
    assert whole.shape == (9 * -(-count // across) - 1, 9 * across - 1)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_features_are_one_heatmap_with_0_in_the_middle(mode):
    images = make_images(20)
    data = to_browser(features_figure(images, mode=mode))
    (heatmap,) = data["data"]
    assert decode(heatmap["z"])[:8, 9:17] == pytest.approx(images[1].reshape(8, 8))
    assert heatmap["zmax"] == -heatmap["zmin"] == pytest.approx(measure_reach(images))
    assert decode(heatmap["customdata"])[9, 0] == 17
    assert data["layout"]["yaxis"]["scaleanchor"] == "x"
    assert to_browser(features_figure(images, reach=9.0))["data"][0]["zmax"] == 9


def test_reach_is_a_size_that_few_weights_exceed():
    weights = make_images(100)
    assert (np.abs(weights) > measure_reach(weights)).mean() == pytest.approx(0.02, abs=0.002)
    assert measure_reach(np.zeros((2, 64), np.float32)) == 1
    assert measure_reach(np.full((2, 64), np.nan, np.float32)) == 1


@pytest.mark.parametrize("images", [np.zeros((0, 64)), np.full((3, 64), np.nan)])
def test_features_that_are_not_there_are_said(images):
    assert "nothing to see" in read_words(to_browser(features_figure(images.astype(np.float32))))


def test_reconstructions_stand_below_their_originals():
    originals, back = make_images(4), np.stack([make_images(4, 1), make_images(4, 2)])
    data = to_browser(reconstructions_figure(originals, back, ["original", "one", "two"]))
    z = decode(data["data"][0]["z"])
    assert z[:8, 9:17] == pytest.approx(originals[1].reshape(8, 8))
    assert z[9:17, 9:17] == pytest.approx(back[0, 1].reshape(8, 8))
    assert z[18:26, 27:35] == pytest.approx(back[1, 3].reshape(8, 8))
    axis = data["layout"]["yaxis"]
    assert axis["ticktext"] == ["original", "one", "two"]
    assert axis["tickvals"] == [3.5, 12.5, 21.5]
    assert (data["data"][0]["zmin"], data["data"][0]["zmax"]) == (0, 1)


def make_layer(*errors, shift=0.01):
    error = np.array(errors)
    return SimpleNamespace(error=error, held_out_error=error + shift)


def test_layers_follow_each_other_on_one_axis():
    layers = [make_layer(0.1, 0.05, 0.02), make_layer(0.3, 0.2, 0.1)]
    x, y = join_epochs([layer.error for layer in layers])
    assert x == pytest.approx([0, 1, 2, np.nan, 2, 3, 4], nan_ok=True)
    assert y == pytest.approx([0.1, 0.05, 0.02, np.nan, 0.3, 0.2, 0.1], nan_ok=True)
    data = to_browser(errors_figure(layers))
    trained, held_out = data["data"]
    assert 10 ** decode(trained["y"]) == pytest.approx(y, nan_ok=True)
    assert 10 ** decode(held_out["y"]) == pytest.approx(y + 0.01, nan_ok=True)
    assert trained["hovertext"][5] == "layer 2 after epoch 1, trained on: 0.2"
    assert len(trained["hovertext"]) == len(decode(trained["x"]))
    assert "layer 1 | layer 2" in read_words(data)
    assert [shape["x0"] for shape in data["layout"]["shapes"]] == [2]
    assert data["layout"]["xaxis"]["ticktext"] == ["0", "1", "2", "1", "2"]


@pytest.mark.parametrize(("count", "epochs"), [(1, 1), (6, 30), (4, 10), (2, 7)])
def test_ticks_of_epochs_are_few_and_end_with_the_last(count, epochs):
    layers = [make_layer(*np.linspace(1, 0.1, epochs + 1))] * count
    axis = to_browser(errors_figure(layers))["layout"]["xaxis"]
    assert len(axis["tickvals"]) <= 18
    assert axis["tickvals"][-1] == count * epochs
    assert axis["ticktext"][-1] == str(epochs)
    for tick, text in zip(axis["tickvals"][1:], axis["ticktext"][1:], strict=True):
        assert (tick - 1) % epochs + 1 == int(text)


def test_errors_that_are_not_finite_are_gaps_or_said():
    data = to_browser(errors_figure([make_layer(0.1, np.inf, np.nan)]))
    assert decode(data["data"][0]["y"]) == pytest.approx([-1, np.nan, np.nan], nan_ok=True)
    assert "not finite" in read_words(to_browser(errors_figure([make_layer(np.nan, np.nan)])))


def make_course(start, loss, accuracy):
    loss, accuracy = np.array(loss), np.array(accuracy)
    steps = np.arange(loss.shape[1]) * 10
    return SimpleNamespace(start=start, steps=steps, loss=loss, held_out_accuracy=accuracy)


COURSES = [
    (
        "Pretrained",
        0,
        make_course(
            "p",
            [[2.0, 1, 0.1], [2.2, 1.2, 0.2], [2.1, 0.4, 0.3]],
            [[0.1, 0.5, 0.9], [0.1, 0.6, 0.8], [0.1, 0.7, 1.0]],
        ),
    ),
    ("Xavier", 2, make_course("x", [[2.3, 2.3, 2.3]], [[0.1, 0.1, 0.12]])),
]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_courses_show_every_seed_and_their_median(mode):
    data = to_browser(tuning_figure(COURSES, mode=mode))
    left = [t for t in find_traces(data, name="Pretrained") if t["xaxis"] == "x"]
    right = [t for t in find_traces(data, name="Pretrained") if t["xaxis"] == "x2"]
    assert 10 ** decode(left[0]["y"]) == pytest.approx([2.1, 1, 0.2])
    assert decode(right[0]["y"]) == pytest.approx([0.1, 0.6, 0.9])
    (seeds,) = (t for t in find_traces(data, name="Pretrained, each seed") if t["xaxis"] == "x")
    losses = 10 ** decode(seeds["y"])
    expected = [2.0, 1, 0.1, np.nan, 2.2, 1.2, 0.2, np.nan, 2.1, 0.4, 0.3, np.nan]
    assert losses == pytest.approx(expected, nan_ok=True)
    x = decode(seeds["x"])
    assert x[np.isfinite(losses)] == pytest.approx([0, 10, 20] * 3)
    assert not find_traces(data, name="Xavier, each seed")  # a single one is its own median
    assert "guessing: ln 10 = 2.3 | guessing: 10%" in read_words(data)
    assert data["layout"]["shapes"][0]["y0"] == pytest.approx(np.log10(np.log(10)))


def test_a_start_keeps_its_colour_whichever_others_are_chosen():
    alone = to_browser(tuning_figure(COURSES[1:]))["data"][0]["line"]
    beside = next(t for t in to_browser(tuning_figure(COURSES))["data"] if t["name"] == "Xavier")
    assert (alone["color"], alone["dash"]) == (beside["line"]["color"], beside["line"]["dash"])


def test_no_course_is_an_empty_figure_and_an_overflow_a_gap():
    assert "Choose a start" in read_words(to_browser(tuning_figure([])))
    broken = make_course("p", [[2.3, np.inf, np.nan]], [[0.1, np.nan, np.nan]])
    line = to_browser(tuning_figure([("Pretrained", 0, broken)]))["data"][0]
    losses = 10 ** decode(line["y"])
    assert losses == pytest.approx([2.3, np.nan, np.nan], nan_ok=True)
    assert compute_medians(np.array([[1, 2.0], [3, np.nan]])) == pytest.approx(
        [2, np.nan], nan_ok=True
    )


def test_reuse_is_drawn_over_the_labels_on_a_log_axis():
    accuracy = np.array([[[0.5, 0.7], [0.6, 0.9]], [[0.6, 0.8], [0.8, 0.8]]])
    reuse = SimpleNamespace(per_class=(1, 10), accuracy=accuracy)
    data = to_browser(reuse_figure(["Random", "Frozen"], reuse, 5))
    (line,) = find_traces(data, name="Frozen")
    assert decode(line["x"]) == pytest.approx([1, 10])
    assert decode(line["y"]) == pytest.approx([0.7, 0.8])
    assert line["hovertext"][1].startswith("Frozen 80")
    axis = data["layout"]["xaxis"]
    assert axis["type"] == "log"
    assert axis["ticktext"] == ["1", "10"]
    low, high = axis["range"]
    assert low < 0
    assert high > 1
    assert data["layout"]["shapes"][0]["y0"] == pytest.approx(0.2)
    assert data["layout"]["yaxis"]["range"][0] < 0.2
