"""The flat settings of the page."""

import pytest

import gradflow as gf
from gradflow.core.catalog import Cell
from gradflow.core.recurrent.settings import TIME_PRESETS, TimePass
from gradflow.core.spec import find_bounds


def test_the_experiment_takes_what_applies() -> None:
    spec = TimePass(
        cell="lstm",
        layers=2,
        hidden_size=5,
        forget_bias=2.5,
        recurrent_scale="spectral_radius",
        spectral_radius=1.2,
        source="copy",
        length=30,
        recall=3,
        batch_size=4,
        loss_at="every",
        dtype="float64",
        seed=9,
    )
    assert spec.experiment == gf.SequenceExperiment(
        network=gf.Recurrent(
            cell="lstm",
            layers=2,
            hidden_size=5,
            forget_bias=2.5,
            recurrent_scale="spectral_radius",
            spectral_radius=1.2,
        ),
        data=gf.Sequences(source="copy", length=30, recall=3, batch_size=4),
        loss_at="every",
        dtype="float64",
        seed=9,
    )


@pytest.mark.parametrize("kind", [gf.Recurrent, gf.Sequences])
def test_bounds_are_those_of_the_experiment(kind: type[gf.Recurrent]) -> None:
    for name, field in kind.model_fields.items():
        assert find_bounds(TimePass.model_fields[name]) == find_bounds(field)


def test_what_is_impossible_is_refused_with_its_fields() -> None:
    with pytest.raises(gf.InvalidExperiment, match="length: 6 is not allowed") as error:
        TimePass(source="copy", length=6)
    assert "length" in error.value.fields
    with pytest.raises(gf.InvalidExperiment, match="has no effect with"):
        TimePass(cell="gru", forget_bias=1.0)


def test_what_is_looked_at_stays_in_the_network() -> None:
    spec = TimePass(
        hidden_size=3, batch_size=2, source="digit_rows", layer=7, step=400, unit=99, sequence=50
    )
    assert (spec.shown_layer, spec.shown_step, spec.shown_unit, spec.shown_sequence) == (1, 8, 3, 2)
    assert (spec.shown_state, spec.shown_gate) == ("hidden", None)
    assert TimePass(cell="gru", gate="forget").shown_gate == "update"
    assert TimePass(cell="lstm", state="cell").shown_state == "cell"


def test_compared_cells_share_all_but_the_bias() -> None:
    spec = TimePass(cell="lstm", forget_bias=1.0, compared_bias=4.0, seed=3)
    assert spec.build_comparison(Cell.LSTM).network.forget_bias == 4.0
    assert spec.build_comparison(Cell.GRU).network.cell is Cell.GRU
    assert spec.build_comparison(Cell.GRU).data == spec.experiment.data


def test_presets_differ() -> None:
    assert len({preset.settings.experiment for preset in TIME_PRESETS.values()}) == len(
        TIME_PRESETS
    )
