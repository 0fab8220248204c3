"""The distributions of a step in short, against the step's own report."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.histogram import drop_zeros
from gradflow.core.training.frame import BINS, FRAMED, GRADIENTS, Frame
from tests.core.training.tasks import make_small_experiment


@pytest.fixture(scope="module")
def run():
    network = gf.MLP(depth=4, width=16, activation="relu")
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=32))
    return gf.Run.collect(experiment, gf.TrainingPlan(steps=9, reports=9), frames=9)


def test_a_frame_has_the_shares_of_the_reports_histograms(run):
    for record in run.records[::4]:
        frame, report = record.frame, record.report
        for i, what in enumerate(FRAMED):
            for j in range(4):
                histogram = report.histogram(what, j + 1)
                low, high, zeros, nonfinite, level = frame.numbers[i, :, j]
                assert zeros == pytest.approx(histogram.zeros / histogram.total)
                assert nonfinite == 0
                counts = drop_zeros(histogram) if what == "activation" else histogram.counts
                below = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
                amounts = (frame.shades[i, j] / 255.0) ** 2
                # A shade stands for a share to about 1 % of the fullest bin's.
                edges = np.linspace(low, high, BINS + 1)
                expected = np.interp(edges, histogram.edges, below)
                own = np.concatenate([[0], np.cumsum(amounts)]) / amounts.sum()
                assert own == pytest.approx(expected, abs=0.01)
                column = "activation_std" if what == "activation" else f"{what}_rms"
                value = level if what == "activation" else 10.0**level
                assert value == pytest.approx(report.layers[column][j], rel=1e-5)


def test_a_frame_knows_which_share_of_a_gradient_is_positive(run):
    """Up to every edge between two pairs of bins."""
    for record in run.records[::4]:
        frame, report = record.frame, record.report
        for what in GRADIENTS:
            shares = frame.select_signs(what)
            for j in range(4):
                histogram = report.histogram(what, j + 1)
                low, high = frame.numbers[FRAMED.index(what), :2, j]
                positive = np.concatenate([[0], np.cumsum(histogram.signed[1])])
                edges = np.linspace(low, high, BINS + 1)
                expected = np.interp(edges, histogram.edges, positive) / histogram.counts.sum()
                amounts = (frame.shades[FRAMED.index(what), j] / 255.0) ** 2
                own = np.cumsum(amounts * shares[j]) / amounts.sum()
                assert own[1::2] == pytest.approx(expected[2::2], abs=0.015)


def test_frames_change_nothing_and_are_kept_at_equal_distances(run):
    experiment, plan = make_small_experiment(), gf.TrainingPlan(steps=20, reports=2)
    with_frames = gf.Run.collect(experiment, plan, frames=5)
    without = gf.Run.collect(experiment, plan)
    assert with_frames.table().equals(without.table())
    assert list(with_frames.reports) == list(without.reports) == [1, 20]
    assert [r.step for r in with_frames.records if r.frame] == [1, 5, 9, 13, 17, 20]
    assert not any(record.frame for record in without.records)
    assert [r.step for r in without.records if r.shown_frame] == [1, 20]  # from the reports


def test_a_run_that_breaks_keeps_its_last_frame():
    network = gf.MLP(depth=6, width=16, activation="relu", initialization="normal", init_std=0.6)
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=32))
    run = gf.Run.collect(experiment, gf.TrainingPlan(learning_rate=10.0), frames=3)
    assert run.divergence is not None
    frame = run.records[-1].shown_frame
    assert frame is not None
    assert (frame.numbers[:, 3] > 0).any()  # entries that are not finite


def test_files_have_the_frames(run):
    read = gf.Run.from_json(run.to_json())
    for record, own in zip(read.records, run.records, strict=True):
        np.testing.assert_array_equal(record.frame.numbers, own.frame.numbers)
        np.testing.assert_array_equal(record.frame.shades, own.frame.shades)
        np.testing.assert_array_equal(record.frame.signs, own.frame.signs)
        assert record.frame.smallest == own.frame.smallest
    text = run.records[0].frame.to_text()
    for damaged, layers in ((text[:-8], 4), (text, 5), ("?", 4)):
        with pytest.raises(ValueError, match=r".+"):
            Frame.from_text(damaged, layers)


def test_nothing_recorded_makes_an_empty_frame(run):
    bare = dataclasses.replace(run.records[0].report, histograms={})
    frame = Frame.take(bare)
    assert np.isnan(frame.numbers[:, :4]).all()
    assert not frame.shades.any()
