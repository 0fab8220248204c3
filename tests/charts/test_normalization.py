"""Figures of the page on normalization: blocks, a batch, both modes, small batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradflow.charts.normalization.batch import DRAWN_SAMPLES, batch_figure, summarize_batch
from gradflow.charts.normalization.block_shapes import shape_block
from gradflow.charts.normalization.blocks import blocks_figure
from gradflow.charts.normalization.running import (
    outputs_figure,
    running_statistics_figure,
    shape_outputs,
)
from gradflow.charts.normalization.small_batches import spreads_figure
from gradflow.core.teaching.normalization.batch import PushedBatch, push
from gradflow.core.teaching.normalization.running import (
    MEAN,
    STD,
    RunningStatistics,
    push_test_samples,
    simulate_course,
)
from gradflow.core.teaching.normalization.sharing import (
    DRAWN_NORMS,
    Norm,
    NormalizedBlock,
    list_block_sets,
)
from gradflow.core.teaching.normalization.small_batches import SIZES, SmallBatches, measure_spreads
from tests.charts.figures import decode, find_traces, read_words, to_browser

MODES = pytest.mark.parametrize("mode", ["light", "dark"])
BLOCK = NormalizedBlock(samples=4, channels=6, height=2, width=3, groups=2, sample=3, channel=2)


@pytest.mark.parametrize(
    ("norm", "samples", "channels", "cuts"),
    [
        (Norm.BATCH, (0, 4), (1, 2), 5),
        (Norm.LAYER, (2, 3), (0, 6), 3),
        (Norm.INSTANCE, (2, 3), (1, 2), 8),
        (Norm.GROUP, (2, 3), (0, 3), 4),
    ],
)
def test_the_solid_box_and_the_cuts(
    norm: Norm, samples: tuple[int, int], channels: tuple[int, int], cuts: int
) -> None:
    sets = list_block_sets(BLOCK)[DRAWN_NORMS.index(norm)]
    shape = shape_block(sets, 6, 3, 2)
    assert (shape.chosen.n, shape.chosen.c, shape.chosen.p) == (samples, channels, (0, 6))
    assert (shape.entry.n, shape.entry.c, shape.entry.p) == ((2, 3), (1, 2), (5, 6))
    assert len(shape.cuts) == cuts
    assert len(shape.grid) == 5 + 7 + 7


@MODES
def test_four_blocks(mode) -> None:
    all_sets = list_block_sets(BLOCK)
    data = to_browser(blocks_figure([(str(s.norm), s) for s in all_sets], 6, 3, 2, mode=mode))
    labels = read_words(data)
    for norm, numbers in (
        ("batch", "6 × 24"),
        ("layer", "4 × 36"),
        ("instance", "24 × 6"),
        ("group", "8 × 18"),
    ):
        assert f"<b>{norm}</b><br>{numbers} entries" in labels
    assert labels.count("N = 4") == labels.count("C = 6") == labels.count("H·W = 6") == 4
    (columns,) = find_traces(data, name="columns")
    shared = [text for text in columns["hovertext"] if "shares its mean" in text]
    assert len(columns["x"]) == 4 * 4 * 6
    assert len(shared) == sum(int(s.chosen.sum()) for s in all_sets)
    low, high = data["layout"]["xaxis"]["range"]
    drawn = np.concatenate([decode(t["x"]) for t in data["data"]])
    assert low < np.nanmin(drawn) < np.nanmax(drawn) < high


def test_a_larger_group_moves_the_solid_box_alone() -> None:
    before, after = (
        to_browser(
            blocks_figure([("", s) for s in list_block_sets(NormalizedBlock(groups=g))], 9, 2, 2)
        )
        for g in (3, 1)
    )
    changed = [a != b for a, b in zip(before["data"], after["data"], strict=True)]
    assert not changed[0]  # the glass
    assert any(changed[1:6])  # the faces of the solid box


def test_few_entries_are_drawn_one_by_one() -> None:
    pushed = push(PushedBatch(source="hidden", norm="layer", sample=2))
    before, after = find_traces(
        to_browser(batch_figure(pushed)), name="entries that share its mean"
    )
    for trace, x in ((before, pushed.before), (after, pushed.after)):
        assert_allclose(decode(trace["x"])[::3], x[1].ravel())
        assert decode(trace["y"])[:2].tolist()[0] == 0
    many = summarize_batch(pushed.before, np.ones((32, 8), bool))
    assert not len(many.few_members)


def test_statistics_of_a_stage() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3, 2, 2))
    own = np.zeros((40, 3), bool)
    own[:, 1] = True
    batch = summarize_batch(x, own)
    assert_allclose(batch.shares.sum(), 1)
    assert_allclose(batch.member_shares.sum(), 1)
    below = batch.edges <= 0.3
    assert_allclose(
        batch.member_shares[: below.sum() - 1].sum(), np.mean(x[:, 1] < batch.edges[below][-1])
    )
    for i in range(3):
        channel = x[:, i].ravel()
        assert_allclose(batch.channels[:, i], [channel.mean(), channel.std()])
    assert batch.samples.shape == (2, DRAWN_SAMPLES)
    assert_allclose(batch.samples[:, 5], [x[5].mean(), x[5].std()])


@MODES
@pytest.mark.parametrize("source", ["gaussian", "hidden", "images"])
def test_before_and_after(source, mode) -> None:
    pushed = push(PushedBatch(source=source, norm="instance", gamma=2.0, beta=1.0))
    data = to_browser(batch_figure(pushed, mode=mode))
    bars = find_traces(data, type="bar")
    assert [t["xaxis"] for t in bars] == ["x", "x4"]
    diamonds = find_traces(data, name="the followed entry")
    assert [decode(t["x"])[0] for t in diamonds] == [pushed.followed.x, pushed.followed.output]
    (after,) = [t for t in data["data"] if t["xaxis"] == "x5"]
    assert_allclose(decode(after["y"]), 1.0, atol=1e-9)
    spread = 0.0 if source == "hidden" else 2.0
    assert_allclose(decode(after["error_y"]["array"]), spread, rtol=1e-2)
    channels = pushed.before.shape[1]
    assert data["layout"]["xaxis5"]["range"] == [0.3, channels + 0.7]
    # A set of one entry is a spike of 100 %, which must not flatten everything else.
    assert data["layout"]["yaxis"]["range"][1] <= 3.3 * decode(bars[0]["y"]).max()


@MODES
@pytest.mark.parametrize("batches", [0, 1, 30])
def test_running_statistics_over_the_batches(batches, mode) -> None:
    statistics = simulate_course(RunningStatistics(batches=batches, momentum=0.3))
    data = to_browser(running_statistics_figure(statistics, MEAN, STD**2, mode=mode))
    mean, variance = find_traces(data, name="running")
    assert_allclose(decode(mean["y"]), statistics.running_mean)
    assert_allclose(decode(variance["y"]), statistics.running_variance)
    dots = find_traces(data, name="of each batch")
    assert_allclose(decode(dots[1]["y"]), statistics.variance)
    assert decode(dots[0]["x"]).tolist() == list(range(1, batches + 1))
    truths = find_traces(data, name="training distribution")
    assert [decode(t["y"])[0] for t in truths] == [MEAN, STD**2]
    band = decode(find_traces(data, name="running, expected ± 2 std")[0]["y"])
    assert_allclose(band[batches], statistics.expected_mean[-1] - 2 * statistics.mean_spread[-1])


@MODES
def test_outputs_of_both_modes(mode) -> None:
    spec = RunningStatistics(shift=5, scale=3, batches=4)
    tested = push_test_samples(spec, simulate_course(spec))
    edges, shares = shape_outputs(tested)
    for heights in shares:
        assert heights.sum() == pytest.approx(1)
    data = to_browser(outputs_figure(tested, mode=mode))
    training, evaluation = find_traces(data, type="bar")
    for bars, values in ((training, tested.training), (evaluation, tested.evaluation)):
        centres = decode(bars["x"])
        mean = float((centres * decode(bars["y"])).sum())
        assert mean == pytest.approx(values.mean(), abs=np.diff(edges).max())
    assert data["layout"]["xaxis"]["range"] == data["layout"]["xaxis2"]["range"]


@MODES
def test_spreads_over_the_batch_size(mode) -> None:
    measured = measure_spreads(SmallBatches())
    data = to_browser(spreads_figure(SIZES, measured, 32, mode=mode))
    lines, drawn = (
        find_traces(data, name="batch norm: theory"),
        find_traces(data, name="batch norm: drawn"),
    )
    assert [t["xaxis"] for t in lines] == ["x", "x2", "x3"]
    for i, what in enumerate(("mean", "variance", "error")):
        assert_allclose(decode(lines[i]["y"]), getattr(measured.batch_theory, what))
        assert_allclose(decode(drawn[i]["y"]), getattr(measured.batch, what))
    group = find_traces(data, name="group norm: drawn")[2]
    assert_allclose(decode(group["y"]), measured.group.error)
    assert {shape["x0"] for shape in data["layout"]["shapes"]} == {32}
    low, high = data["layout"]["yaxis3"]["range"]
    assert 10**low < decode(lines[2]["y"]).min() < decode(lines[2]["y"]).max() < 10**high
    assert math.isclose(decode(lines[0]["x"])[-1], 512)
