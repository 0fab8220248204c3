"""Reports: columns, JSON and back, and files that are no reports."""

from __future__ import annotations

import base64
import copy
import json
import math
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from torch import nn

import gradflow as gf
from gradflow.core import plain
from gradflow.core.histogram import pack_counts
from gradflow.core.report import QUANTITIES

COLUMNS = {  # DESIGN.md, section 3, and how alike the samples are
    "signals": "order layer module kind shape mean std rms min max saturated zero dead_units "
    "nonfinite similarity grad_mean grad_std grad_rms grad_norm grad_max grad_zero "
    "grad_nonfinite",
    "parameters": "layer parameter shape norm rms grad_norm grad_rms grad_max grad_zero "
    "grad_nonfinite update_ratio",
    "layers": "layer module fan_in fan_out preactivation_mean preactivation_std "
    "preactivation_rms activation_mean activation_std activation_rms similarity saturated "
    "dead_units delta_norm delta_rms activation_grad_norm activation_grad_rms weight_norm "
    "weight_grad_norm weight_grad_rms bias_grad_norm update_ratio",
}
ATTRIBUTES = (
    *("loss", "grad_norm", "clip_factor", "parameter_count", "seconds", "device", "dtype"),
    *("smallest_normal", "smallest", "loss_scale", "title", "experiment"),
)


def make_ordinary() -> gf.Report:
    return gf.run(
        gf.Experiment(network=gf.MLP(depth=3, width=4), data=gf.Data(batch_size=5), device="cpu")
    )


def make_extreme() -> gf.Report:
    """NaN, infinities, exact zeros, and a column without a single number."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = torch.tensor([[1.0, 2, 3], [math.inf, 0, 0], [math.nan, 1, 1], [-3e38, 3e38, 3e38]])
    return gf.probe(model, x, torch.tensor([0, 1, 0, 1]))


def make_empty() -> gf.Report:
    return gf.probe(nn.Identity(), torch.randn(2, 3), torch.tensor([0, 1]))


def make_float64() -> gf.Report:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).double()
    return gf.probe(model, 1e200 * torch.randn(5, 3).double(), torch.tensor([0, 1, 0, 1, 1]))


REPORTS = {
    "ordinary": make_ordinary,
    "extreme": make_extreme,
    "nothing": make_empty,
    "float64": make_float64,
}


def assert_same(a: gf.Report, b: gf.Report) -> None:
    for name in COLUMNS:
        assert_frame_equal(getattr(a, name), getattr(b, name), check_exact=True)
    for name in ATTRIBUTES:
        x, y = getattr(a, name), getattr(b, name)
        assert repr(x) == repr(y), name  # NaN equals NaN
    assert list(a.histograms) == list(b.histograms)
    for key, x in a.histograms.items():
        y = b.histograms[key]
        assert x.scale == y.scale
        for name in ("edges", "counts", "negative"):
            np.testing.assert_array_equal(getattr(x, name), getattr(y, name))
        names = ("zeros", "subnormal", "nan", "posinf", "neginf", "total")
        assert [getattr(x, n) for n in names] == [getattr(y, n) for n in names]


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS)
def test_columns(make):
    report = make()
    for name, columns in COLUMNS.items():
        assert list(getattr(report, name).columns) == columns.split()


def test_columns_are_numbers():
    report = make_ordinary()
    for name, text in (
        ("signals", {"module", "kind", "shape"}),
        ("parameters", {"parameter", "shape"}),
        ("layers", {"module"}),
    ):
        for column, dtype in getattr(report, name).dtypes.items():
            assert pd.api.types.is_numeric_dtype(dtype) != (column in text), column


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS)
def test_saved_and_loaded(make, tmp_path):
    report = make()
    report.save(tmp_path / "run.json")
    assert_same(gf.Report.load(tmp_path / "run.json"), report)
    assert_same(gf.Report.load(str(tmp_path / "run.json")), report)

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    json.loads(report.to_json(), parse_constant=refuse)


def test_every_quantity_of_every_layer_has_a_histogram():
    report = make_ordinary()
    assert set(report.histograms) == {(q, layer) for q in QUANTITIES for layer in (1, 2, 3)}
    sizes = {1: (4, 64), 2: (4, 4), 3: (10, 4)}
    for (what, layer), histogram in report.histograms.items():
        out, into = sizes[layer]
        assert histogram.total == (out * into if "weight" in what else 5 * out)
        assert histogram.scale == ("log10" if "grad" in what or what == "delta" else "linear")


def test_histograms_that_do_not_exist():
    report = make_ordinary()
    with pytest.raises(gf.GradflowError, match=r"what: 'gradient' is not.*choose one of.*delta"):
        report.histogram("gradient", 1)
    for layer, text in ((0, "0"), (4, "4"), (-1, "−1")):
        with pytest.raises(gf.GradflowError, match=f"layer: .*{text}.*from 1 to 3"):
            report.histogram("delta", layer)
    assert report.histogram("delta", np.int64(2)) is report.histogram("delta", 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not saved by GradFlow"),
        ("null", "not saved by GradFlow"),
        ("3", "not saved by GradFlow"),
        ('{"format": "other"}', "not saved by GradFlow"),
        ('{"format": "gradflow-report"}', "version None"),
        ('{"format": "gradflow-report", "version": 3}', "version 3.*reads versions 1, 2"),
        ('{"format": "gradflow-report", "version": 2}', "damaged"),
        ('{"format": "gradflow-report", "version": 1}', "damaged"),
    ],
)
def test_files_that_are_no_reports(text, message, tmp_path):
    with pytest.raises(gf.InvalidReport, match=message):
        gf.Report.from_json(text)
    path = tmp_path / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(gf.InvalidReport, match=message):
        gf.Report.load(path)


def write_first_version(report: gf.Report) -> dict[str, Any]:
    """Write a report as the first version of the format did: all counts and edges in lists."""
    data = json.loads(report.to_json()) | {"version": 1}
    for item, histogram in zip(data["histograms"], report.histograms.values(), strict=True):
        item["counts"] = histogram.counts.tolist()
        if histogram.scale == "log10":
            del item["grid"], item["first"]
            item["negative"] = histogram.negative.tolist()
            item["edges"] = histogram.edges.tolist()
    return data


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS)
def test_files_of_the_first_version_are_read(make):
    report = make()
    assert_same(gf.Report.from_json(json.dumps(plain.encode(write_first_version(report)))), report)


PACKED = json.loads(make_ordinary().to_json())
DATA = write_first_version(make_ordinary())


@pytest.mark.parametrize(
    "change",
    [
        {"counts": "no base64!"},
        {"counts": ""},
        {"counts": base64.b64encode(b"no zlib").decode()},
        {"counts": base64.b64encode(zlib.compress(bytes(12))).decode()},
        {"counts": base64.b64encode(zlib.compress(bytes(2**26))).decode()},
        {"counts": base64.b64encode(zlib.compress(b"\xff" * 64)).decode()},
        {"counts": pack_counts(np.ones(3, np.int64))},
        {"grid": "float8"},
        {"grid": []},
        {"first": -1},
        {"first": 10**6},
    ],
)
def test_damaged_counts(change):
    data = copy.deepcopy(PACKED)
    data["histograms"][LOG] |= change
    with pytest.raises(gf.InvalidReport):
        gf.Report.from_json(json.dumps(data))


def test_a_hundred_layers_take_a_megabyte():
    """Also where counts are large: 32 convolutional maps of 16 × 16, 64 samples."""
    layers = [nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()) for _ in range(99)]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    report = gf.probe(model, torch.randn(64, 32, 16, 16), torch.randint(10, (64,)))
    assert len(report.layers) == 100
    assert len(report.to_json()) < 1e6


def change_json(*path: Any, to: Any) -> str:
    """Replace one value in the report's JSON; ``path`` are keys and indices."""
    data = copy.deepcopy(DATA)
    parent = data
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = to
    return json.dumps(data)


LOG = next(i for i, h in enumerate(DATA["histograms"]) if h["scale"] == "log10")
LINEAR = next(i for i, h in enumerate(DATA["histograms"]) if h["scale"] == "linear")


@pytest.mark.parametrize(
    "text",
    [
        change_json("loss", to="much"),
        change_json("loss", to=None),
        change_json("loss", to=[1]),
        change_json("loss", to=10**400),
        change_json("parameter_count", to="many"),
        change_json("parameter_count", to=-1),
        change_json("parameter_count", to=math.inf),
        change_json("title", to={}),
        change_json("experiment", to=[1]),
        change_json("layers", to=[]),
        change_json("layers", to={}),
        change_json("layers", "layer", to=3),
        change_json("layers", "layer", to=[1, 2]),
        change_json("layers", "layer", to=[1, 2, 10**30]),
        change_json("layers", "layer", to=[1, 2, "x"]),
        change_json("layers", "layer", to=[1, 2, 2.5]),
        change_json("layers", "module", to=[1, 2, 3]),
        change_json("layers", "delta_norm", to=[1, 2, []]),
        change_json("layers", "extra", to=[1.0, 2.0, 3.0]),
        change_json("loss_scale", to=0),
        change_json("smallest", to=math.inf),
        change_json("histograms", to={}),
        change_json("histograms", to=[[]]),
        change_json("histograms", 0, "layer", to="one"),
        change_json("histograms", 0, "layer", to=math.inf),
        change_json("histograms", 0, "what", to="gradient"),
        change_json("histograms", 0, "what", to=[]),
        change_json("histograms", 0, "zeros", to=-1),
        change_json("histograms", 0, "nan", to=10**40),
        change_json("histograms", LOG, "counts", 0, to=-1),
        change_json("histograms", LOG, "counts", to=[1]),
        change_json("histograms", LOG, "counts", to=[[1]]),
        change_json("histograms", LOG, "counts", 0, to=2**70),
        change_json("histograms", LOG, "counts", 0, to=0.5),
        change_json("histograms", LOG, "counts", 0, to=None),
        change_json("histograms", LOG, "negative", 0, to=-1),
        change_json("histograms", LOG, "negative", 0, to=10**6),
        change_json("histograms", LOG, "edges", 0, to=100.0),
        change_json("histograms", LOG, "edges", 0, to=math.nan),
        change_json("histograms", LOG, "scale", to="log2"),
        change_json("histograms", LINEAR, "range", to=[1]),
        change_json("histograms", LINEAR, "range", to=[1, -1]),
        change_json("histograms", LINEAR, "range", to=[0, math.inf]),
        change_json("histograms", LINEAR, "range", to=["a", "b"]),
        change_json("histograms", LINEAR, "counts", to="12"),
    ],
)
def test_damaged_reports(text):
    with pytest.raises(gf.InvalidReport):
        gf.Report.from_json(text)


def list_impossible(name: str) -> list[Any]:
    """List what a number of a report cannot be, by the meaning that the documentation gives it."""
    last = name.rpartition("_")[2]
    shares = {"saturated", "zero", "grad_zero", "clip_factor"}
    values: list[Any] = ["x", True, None, [1]]
    if name in shares:
        values += [-0.1, 1.1, "Infinity", "-Infinity", 2]
    if last in ("norm", "rms", "std", "ratio", "seconds") or name == "grad_max":
        values += [-1, -1e-9, "-Infinity"]
    if name in ("order", "layer", "fan_in", "fan_out", "nonfinite", "parameter_count"):
        values += [-1, 0.5, 1.0, "NaN", "Infinity"]
    if name in ("dead_units", "grad_nonfinite"):
        values += [-1, 0.5, "Infinity"]
    if name == "similarity":
        values += [1.1, -1.1, "Infinity"]
    if name in ("smallest", "smallest_normal", "loss_scale"):
        values += [0, -1, "NaN", "Infinity"]
    return values


TEXTS = {"module", "kind", "shape", "parameter", "device", "dtype", "title"}
CELLS = [(table, c, 0) for table in COLUMNS for c in COLUMNS[table].split() if c not in TEXTS]
NUMBERS = ("loss", "grad_norm", "clip_factor", "parameter_count", "seconds")
LIMITS = ("smallest_normal", "smallest", "loss_scale")


@pytest.mark.parametrize("path", [*CELLS, *((name,) for name in (*NUMBERS, *LIMITS))])
def test_numbers_that_cannot_be_are_refused_by_name(path):
    name = path[-2] if len(path) > 1 else path[0]
    for value in list_impossible(name):
        with pytest.raises(gf.InvalidReport, match=rf"{': '.join(path[:2][: len(path)])}: "):
            gf.Report.from_json(change_json(*path, to=value))


def test_half_a_character_is_no_text():
    for path in (("title",), ("layers", "module", 0)):
        with pytest.raises(gf.InvalidReport, match=f"{path[-1] if len(path) == 1 else path[1]}: "):
            gf.Report.from_json(change_json(*path, to="\ud800"))


@pytest.mark.parametrize("depth", [17, 900, 100_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused_on_reading(depth, begin, end):
    inner = begin * depth + "1" + end * depth
    text = change_json("experiment", to={"depth": "HERE"}).replace('"HERE"', inner)
    with pytest.raises(gf.InvalidReport, match="nested too deeply"):
        gf.Report.from_json(text)
    with pytest.raises(gf.InvalidReport, match="nested too deeply"):
        gf.Run.from_json(text)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["NaN", "Infinity", 10**400, -1, "float64", "linear"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def list_paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths in the JSON that can be replaced; of a list, only the first entry's."""
    paths = [path] if path else []
    if isinstance(value, dict):
        paths += [p for key in value for p in list_paths(value[key], (*path, key))]
    elif isinstance(value, list) and value:
        paths += list_paths(value[0], (*path, 0))
    return paths


@given(
    path=st.sampled_from(list_paths(DATA)),
    value=json_values,
    action=st.sampled_from(["replace", "delete", "add"]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_mutated_report_is_read_or_refused(path, value, action):
    data = copy.deepcopy(DATA)
    parent = data
    for key in path[:-1]:
        parent = parent[key]
    if action == "replace":
        parent[path[-1]] = value
    elif action == "delete":
        del parent[path[-1]]
    elif isinstance(parent, list):
        parent.append(value)
    else:
        parent["new"] = value
    try:
        report = gf.Report.from_json(json.dumps(data))
    except gf.InvalidReport:
        return
    # What is read is whole: every table has its columns, every histogram adds up.
    for name, columns in COLUMNS.items():
        assert list(getattr(report, name).columns) == columns.split()
    for histogram in report.histograms.values():
        assert histogram.total >= 0
        assert np.isfinite(histogram.density).all()
        negative, positive = histogram.signed if histogram.scale == "log10" else ([0], [0])
        assert min(*negative, *positive, 0) >= 0
    gf.Report.from_json(report.to_json())


@given(st.text() | st.binary())
@settings(max_examples=100, deadline=None)
def test_any_text_is_refused(text):
    with pytest.raises(gf.InvalidReport):
        gf.Report.from_json(text)
