"""A film's frames and the image of a layer, against the histograms of the steps' reports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gradflow as gf
from gradflow.charts.describe import describe_lines
from gradflow.charts.rebin import Grid, rebin
from gradflow.charts.training.film import (
    GRADIENT,
    SIGNAL,
    film_figure,
    fit_axes,
    shape_frame,
)
from gradflow.charts.training.history import history_figure
from gradflow.charts.training.lanes import make_film_lane
from gradflow.charts.training.signed import make_signed_grid
from gradflow.core.histogram import Histogram
from gradflow.core.numbers import format_number
from gradflow.core.training import Run, TrainingPlan
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.charts.test_training import make_lane

DEPTH, STEPS = 4, 8
CLOSE = 0.01
"""Share of the entries: shades are that coarse."""


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    experiments = [
        gf.Experiment(
            network=gf.MLP(depth=DEPTH, width=16, activation=activation),
            data=gf.Data(batch_size=32),
        )
        for activation in ("tanh", "relu")
    ]
    plan = TrainingPlan(steps=STEPS, reports=STEPS)
    return [Run.collect(experiment, plan, frames=STEPS) for experiment in experiments]


@pytest.fixture(scope="module")
def films(runs):
    return [
        make_film_lane(letter, letter, run, "delta") for letter, run in zip("AB", runs, strict=True)
    ]


def check_rows(own: np.ndarray, exact: np.ndarray) -> None:
    """Entries may be displaced by a row, because the bins of a frame are coarser."""
    below = np.cumsum(exact)
    assert (np.cumsum(own) > np.concatenate([[0], below[:-1]]) - CLOSE).all()
    assert (np.cumsum(own) < np.concatenate([below[1:], [1]]) + CLOSE).all()


def test_a_frame_shows_the_histograms_of_its_step(runs, films):
    axes = fit_axes(films)
    for run, film in zip(runs, films, strict=True):
        for i in (0, STEPS - 1):
            flow, report = shape_frame(film, i, axes), run.reports[i + 1]
            for what, band in (("activation", flow.forward), ("delta", flow.backward)):
                for layer in range(DEPTH):
                    shares = rebin(report.histogram(what, layer + 1), band.grid)
                    check_rows(band.share[:, layer], shares.rows)
                    assert band.zeros[layer] == pytest.approx(shares.zeros)
            rms = report.layers["delta_rms"].to_numpy()
            assert 10**flow.rms == pytest.approx(rms, rel=1e-5)


def test_the_axes_hold_all_steps_and_stay_while_few_come(films):
    axes = fit_axes(films)
    for film in films:
        for i in range(STEPS):
            flow = shape_frame(film, i, axes)
            for band in (flow.forward, flow.backward):
                assert band.above.max() < 1e-3
            assert flow.forward.below.max() < 1e-3
    shorter = [
        replace(film, **{n: getattr(film, n)[:, :-1] for n in ("low", "high", "shades", "zeros")})
        for film in films
    ]
    assert fit_axes(shorter).grids == axes.grids


def test_a_run_that_diverges_does_not_squeeze_its_neighbour(films):
    """B as it is, beside A with activations of up to 10³³."""
    tame = films[1]
    wild = replace(films[0], low=films[0].low.copy(), high=films[0].high.copy())
    wild.low[SIGNAL] *= 1e33
    wild.high[SIGNAL] *= 1e33
    axes = fit_axes([wild, tame])
    size = tame.high[SIGNAL, :, :-1].max()
    low, high = (float(end) for end in axes.signal.edges[[0, -1]])
    rows = [axes.signal.to_axis(value) for value in (0.0, size)]
    assert (rows[1] - rows[0]) / (high - low) > 0.1
    assert shape_frame(wild, 0, axes).forward.above.max() > 0.1  # marked as beyond
    assert shape_frame(tame, STEPS - 1, axes).forward.above.max() < 1e-3


def test_the_figure_begins_with_the_first_step_and_says_how_to_go_on(films):
    data = to_browser(film_figure(films, height=400))
    meta = data["layout"]["meta"]["film"]
    axes = fit_axes(films)
    assert meta["letters"] == ["A", "B"]
    assert meta["rows"] == [grid.rows for grid in axes.grids]
    heats = find_traces(data, type="heatmap")
    assert [decode(heat["z"]).shape[0] for heat in heats] == meta["rows"] * 2
    first = shape_frame(films[1], 0, axes)
    np.testing.assert_array_equal(decode(heats[2]["z"]), first.forward.shade)
    assert data["layout"]["height"] == 400
    empty = replace(films[0], steps=np.zeros(0))
    assert "No step was recorded" in read_words(to_browser(film_figure([empty], height=300)))


def place_signs(histogram: Histogram, grid: Grid) -> np.ndarray:
    """Place every bin of a gradient's histogram on the rows by its sign and its middle."""
    rows = np.zeros(grid.rows)
    middles = 10.0 ** ((histogram.edges[1:] + histogram.edges[:-1]) / 2)
    for sign, counts in zip((-1, 1), histogram.signed, strict=True):
        for middle, count in zip(middles, counts, strict=True):
            place = (grid.to_axis(sign * middle) - grid.low) / grid.step
            rows[int(np.clip(place, 0, grid.rows - 1))] += count
    rows[int(-grid.low / grid.step)] += histogram.zeros
    return rows / histogram.total


@pytest.mark.parametrize(("band", "what"), [(SIGNAL, "activation"), (GRADIENT, "delta")])
def test_the_image_of_a_layer_has_its_histogram_of_every_step(runs, films, band, what):
    lanes = [make_lane(letter, STEPS, DEPTH) for letter in "AB"]
    data = to_browser(history_figure(lanes, films, layer=2, band=band))
    heats = find_traces(data, type="heatmap")
    assert [heat["xaxis"] for heat in heats] == ["x", "x2"]
    axes = fit_axes([film.take_layer(2) for film in films])
    grid = axes.signal if band == SIGNAL else make_signed_grid(axes.gradient)
    for run, heat in zip(runs, heats, strict=True):
        assert decode(heat["x"]).tolist() == list(range(1, STEPS + 1))
        image = decode(heat["customdata"])
        image = image if band == SIGNAL else image[..., 0]  # beside it stands the row's value
        for i, report in enumerate(run.reports.values()):
            histogram = report.histogram(what, 2)
            exact = rebin(histogram, grid).rows if band == SIGNAL else place_signs(histogram, grid)
            check_rows(image[:, i], exact)
    if band == GRADIENT:
        above, below = find_traces(data, name="B RMS")
        levels = [grid.to_axis(r.layers["delta_rms"][1]) for r in runs[1].reports.values()]
        assert decode(above["y"]) == pytest.approx(levels, abs=1e-4)
        assert decode(below["y"]) == pytest.approx(-decode(above["y"]))
        first, last = (format_number(10.0 ** films[1].level[i, 1]) for i in (0, -1))
        words = describe_lines(history_figure(lanes, films, layer=2, band=band))
        assert f"B RMS: {first} at 1, {last} at {STEPS}." in words
    deeper = to_browser(history_figure(lanes, films, layer=99, band=band))
    last = to_browser(history_figure(lanes, films, layer=DEPTH, band=band))
    assert deeper["data"] == last["data"]
    none = [replace(film, steps=np.zeros(0)) for film in films]
    assert "No step was recorded" in read_words(to_browser(history_figure(lanes, none, layer=1)))
