"""Names, URL texts and tables of a comparison, by hand."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest

import gradflow as gf
from gradflow.charts.compare.data import ComparedSetting
from gradflow.core import codec
from gradflow.core.presets import PRESETS
from gradflow.ui import naming
from gradflow.ui.compare import settings
from gradflow.ui.compare.tables import MEASURES, make_delta_table, measure_settings
from tests.charts.reports import make_empty_report, make_report

TANH = gf.Experiment()


def make_experiment(seed: int = 0, **network):
    return gf.Experiment(network=gf.MLP(**network), seed=seed)


def list_fields(**columns):
    return {letter: codec.to_fields(experiment) for letter, experiment in columns.items()}


RELU_HE = make_experiment(activation="relu", initialization="kaiming_normal")


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"a": TANH}, ["Tanh"]),
        ({"a": TANH, "b": TANH}, ["Tanh", "same as A"]),
        (
            {"a": TANH, "b": RELU_HE},
            ["Tanh, Xavier normal", "ReLU, Kaiming normal"],
        ),
        ({"a": TANH, "b": make_experiment(depth=7)}, ["Tanh, Depth 20", "Depth 7"]),
        (
            {"a": make_experiment(normalization="batch"), "b": TANH},
            ["Tanh, BatchNorm", "no normalization"],
        ),
        (
            {"a": TANH, "d": make_experiment(connection="residual", block_size=3)},
            ["Tanh, Plain", "Residual, Layers per block 3"],
        ),
        (
            {
                "a": TANH,
                "b": make_experiment(
                    activation="relu",
                    initialization="orthogonal",
                    normalization="layer",
                    depth=3,
                    width=9,
                ),
            },
            None,
        ),
    ],
)
def test_names_say_what_differs(columns, names):
    column_names = settings.name_columns(list_fields(**columns))
    if names is None:
        assert column_names["b"] == "ReLU, Orthogonal, LayerNorm, …"
    else:
        assert list(column_names.values()) == names


def test_every_setting_of_every_preset_can_be_shown():
    for preset in PRESETS.values():
        for name, value in codec.to_fields(preset.experiment).items():
            assert naming.format_setting(name, value)


def test_differing_settings_as_a_table():
    table = settings.make_differences_table(
        list_fields(a=TANH, b=RELU_HE, c=make_experiment(widths=(7, 5)))
    )
    rows = {row[0]: list(row[1:]) for row in table.itertuples(index=False)}
    assert list(table.columns) == ["Setting", "A", "B", "C"]
    assert rows["Activation"] == ["Tanh", "ReLU", "Tanh"]
    assert rows["Widths, one by one"][2] == "7-5"
    assert rows["Depth"] == ["20", "20", "–"]
    assert "Seed" not in rows
    assert settings.make_differences_table(list_fields(a=TANH, b=TANH)).empty


@pytest.mark.parametrize("code", PRESETS)
def test_url_text_restores_a_setting(code):
    own = PRESETS[code].experiment
    assert codec.from_query(settings.from_text(settings.to_text(own, None))) == own
    beside = settings.to_text(own, TANH)
    read = settings.from_text(beside)
    shares = (own.data, own.dtype, own.seed) == (TANH.data, TANH.dtype, TANH.seed)
    assert settings.stands_alone(read, codec.to_query(TANH)) != shares
    if shares:
        assert "seed" not in read
        assert "batch_size" not in read
        assert codec.from_query(settings.share_settings(read, codec.to_query(TANH))) == own


def test_joining_takes_the_network_of_one_and_the_rest_of_the_other():
    other = gf.Experiment(
        network=gf.MLP(depth=3), data=gf.Data(source="gaussian", dimension=9), loss="mse", seed=5
    )
    both = codec.from_fields(
        settings.share_settings(codec.to_fields(RELU_HE), codec.to_fields(other))
    )
    assert both == gf.Experiment(network=RELU_HE.network, data=other.data, loss="mse", seed=5)


def test_other_conditions_are_named():
    own = codec.to_fields(gf.Experiment(seed=3, data=gf.Data(batch_size=32)))
    words = settings.describe_other_conditions(own, codec.to_fields(RELU_HE))
    assert "Batch size 32 instead of 256" in words
    assert "Seed 3 instead of 0" in words
    assert "ctivation" not in words
    assert settings.describe_other_conditions(codec.to_fields(TANH), codec.to_fields(RELU_HE)) == ""
    noise = codec.to_fields(gf.Experiment(data=gf.Data(source="gaussian", dimension=9)))
    words = settings.describe_other_conditions(codec.to_fields(TANH), noise)
    assert words == "Data Handwritten digits instead of Gaussian noise"


def replace_norms(report, factor: float):
    """‖δ_l‖ falls by exactly ``factor`` per hidden layer on its way back."""
    last = len(report.layers)
    norms = [3.0 * factor ** (last - n) for n in report.layers["layer"]]
    return dataclasses.replace(report, layers=report.layers.assign(delta_norm=norms))


def test_delta_table_by_hand():
    sized = make_report(5, 10, "relu", widths=[10, 10, 20, 10])
    dead = [5.0, 0.0, 10.0, 0.0, math.nan]
    a = replace_norms(make_report(4, 10), 0.5)
    a = dataclasses.replace(
        a,
        loss=2.0,
        parameter_count=1000,
        seconds=0.010,
        layers=a.layers.assign(saturated=[0.1, 0.2, 0.3, math.nan]),
    )
    b = replace_norms(sized, 2.0)
    signals = b.signals.assign(dead_units=dead)
    b = dataclasses.replace(
        b,
        loss=2.5,
        parameter_count=3000,
        seconds=0.005,
        signals=signals,
        layers=b.layers.assign(dead_units=dead),
    )
    entries = [ComparedSetting("A", "one", a), ComparedSetting("C", "two", b)]

    table = measure_settings(entries).set_index("measure")
    expected_a = [2.0, 1000, 0.5, 0.5**2, math.nan, 0.2, 0.010]
    # dead: (5/10 + 0/10 + 10/20 + 0/10) / 4
    expected_b = [2.5, 3000, 2.0, 2.0**3, 0.25, math.nan, 0.005]
    assert table["A"].to_numpy() == pytest.approx(expected_a, nan_ok=True)
    assert table["C"].to_numpy() == pytest.approx(expected_b, nan_ok=True)
    change = [0.5, 3.0, 4.0, 32.0, math.nan, math.nan, 0.5]
    assert table["C_to_A"].to_numpy() == pytest.approx(change, nan_ok=True)

    delta_table = make_delta_table(entries)
    assert list(delta_table.columns) == ["Measure", "A", "C"]
    cells = delta_table["C"].tolist()
    assert cells[0] == "2.5  (+0.5)"
    assert cells[2] == "2  (×4)"
    assert cells[4].startswith("25")
    assert cells[5] == "–"
    assert cells[6] == "5 ms  (×0.5)"
    assert delta_table["A"].tolist()[4] == "–"


def test_tables_survive_nothing_and_non_finite_numbers():
    broken = dataclasses.replace(make_report(3, 8), loss=math.inf)
    entries = [ComparedSetting("A", "", broken), ComparedSetting("B", "", make_empty_report())]
    delta_table = make_delta_table(entries)
    assert len(delta_table) == len(MEASURES)
    assert delta_table["A"][0] == "∞"
    assert delta_table["B"][0] == "NaN"
    assert np.isnan(measure_settings(entries)["B"][2])
    assert measure_settings([]).shape[0] == len(MEASURES)


def test_every_explanation_exists():
    folder = Path(gf.__file__).parent / "ui"
    used = re.findall(r'explain\("(\w+)"\)', (folder / "compare/view.py").read_text())
    assert len(used) == 4
    for name in used:
        assert (folder / f"text/en/{name}.md").stat().st_size > 200
