"""Timelines as files, and what becomes of records whose layers differ."""

import json

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.files import read_file
from gradflow.core.timeline import Direction, Timeline, Trouble
from gradflow.core.training.frame import Frame
from gradflow.core.training.record import LAYER_COLUMNS, StepRecord
from gradflow.core.training.series import LoadedReport

REPORT = gf.run(gf.Experiment(network=gf.MLP(depth=3, width=8), data=gf.Data(batch_size=16)))
TROUBLE = Trouble(step=9, direction=Direction.BACKWARD, module="layers.1", loss_scale=2.0**16)


def make_record(step: int, modules: tuple[str, ...], **about: object) -> StepRecord:
    columns = {name: np.full(len(modules), step / 10) for name in LAYER_COLUMNS}
    columns |= dict.fromkeys(("nonfinite", "grad_nonfinite"), np.zeros(len(modules)))
    return StepRecord(step=step, loss=1.0 / step, modules=modules, layers=columns, **about)


def make_timeline() -> Timeline:
    names = tuple(REPORT.layers["module"])
    last = make_record(3, names, frame=Frame.take(REPORT), snapshot=LoadedReport(REPORT))
    return Timeline.collect("net", 2, [make_record(1, names), last], [TROUBLE])


def test_a_file_holds_all_of_a_timeline(tmp_path):
    timeline, path = make_timeline(), tmp_path / "watch.json"
    timeline.save(path)
    found = gf.load(path)
    assert isinstance(found, Timeline)
    assert (found.title, found.every, found.troubles) == ("net", 2, (TROUBLE,))
    assert found.to_json() == timeline.to_json()
    assert found.reports[3].to_json() == REPORT.to_json()
    assert found.steps.tolist() == [1, 3]


def test_load_tells_reports_from_timelines(tmp_path):
    path = tmp_path / "report.json"
    REPORT.save(path)
    assert isinstance(gf.load(path), gf.Report)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 9}, "version 9"),
        ({"step": [3, 1]}, "do not rise"),
        ({"every": -1}, "every"),
        ({"modules": ["a"]}, "different lengths"),
        ({"troubles": [{"step": 1}]}, "troubles"),
    ],
)
def test_a_damaged_file_is_refused(change, says):
    data = json.loads(make_timeline().to_json()) | change
    with pytest.raises(gf.InvalidReport, match=says):
        read_file(json.dumps(data).encode())


def test_a_file_that_is_nothing_of_ours_is_refused():
    for content in (b"", b"\x80\x04pickle", b"[]", b'{"format": "other"}'):
        with pytest.raises(gf.InvalidReport):
            read_file(content)


def test_a_layer_that_a_step_did_not_run_has_no_numbers_there():
    timeline = Timeline.collect(
        "net", 1, [make_record(1, ("a", "b")), make_record(2, ("b", "c", "a"))]
    )
    assert timeline.modules == ("a", "b", "c")
    np.testing.assert_array_equal(
        timeline.matrix("delta_norm"), [[0.1, 0.2], [0.1, 0.2], [np.nan, 0.2]]
    )
    assert timeline.layers()["module"].tolist() == ["a", "b", "c"] * 2


def test_troubles_speak():
    assert "Step 9, backward pass" in str(TROUBLE.text)
    assert "in layers.1 it becomes infinite or NaN" in str(TROUBLE.text)
    forward = Trouble(step=2, direction=Direction.FORWARD, module="fc", weights=True)
    assert "weights of fc" in str(forward.text)
    assert "the loss is not" in str(Trouble(step=2, direction=Direction.FORWARD, module="").text)


def test_figures_of_a_timeline():
    timeline = make_timeline()
    heatmap = next(t for t in gf.figure(timeline).data if t.type == "heatmap")
    assert np.asarray(heatmap.z).shape == (3, 2)
    image = gf.figure(timeline, layer=2)
    assert [t.type for t in image.data] == ["heatmap"]
    gradient = gf.figure(timeline, layer=2, what="delta")
    assert "scatter" in [t.type for t in gradient.data]
    with pytest.raises(gf.GradflowError, match="quantity"):
        gf.figure(timeline, quantity="nothing")
    with pytest.raises(gf.GradflowError, match="from 1 to 3"):
        gf.figure(timeline, layer=4)
