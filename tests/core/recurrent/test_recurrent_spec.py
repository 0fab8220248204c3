"""Settings: refused with a way out, frozen, and no larger than a server can bear."""

from __future__ import annotations

import pytest

import gradflow as gf
from gradflow.core.spec import find_enum


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gf.Recurrent(cell="mgu"), 'cell: "mgu" is not allowed; choose one of rnn_tanh'),
        (lambda: gf.Recurrent(hidden_size=0), "hidden_size: 0 .* from 1 to 1,024"),
        (lambda: gf.Recurrent(forget_bias=1), 'forget_bias: 1.0 .* with cell="rnn_tanh"'),
        (
            lambda: gf.Recurrent(spectral_radius=0.5),
            'spectral_radius: 0.5 has no effect with recurrent_scale="gain"',
        ),
        (
            lambda: gf.Recurrent(recurrent_scale="spectral_radius", recurrent_gain=2),
            "recurrent_gain: 2.0 has no effect",
        ),
        (lambda: gf.Sequences(length=501), "length: 501 .* from 2 to 500"),
        (lambda: gf.Sequences(source="digit_rows", length=9), "length: 9 has no effect"),
        (lambda: gf.Sequences(source="adding", features=3), "features: 3 has no effect"),
        (lambda: gf.Sequences(source="copy", length=10), "length: 10 .* take 11 steps or more"),
        (
            lambda: gf.Sequences(source="digit_pixels", batch_size=1798),
            "batch_size: 1,798 .* 1,797 samples",
        ),
        (lambda: gf.SequenceExperiment(loss_at="first"), "loss_at: .* one of last, every"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(gf.InvalidExperiment, match=message):
        make()


@pytest.mark.parametrize(
    "settings",
    [
        {"network": gf.Recurrent(cell="lstm", layers=8, hidden_size=1024)},
        {
            "network": gf.Recurrent(hidden_size=1024),
            "data": gf.Sequences(batch_size=2048, length=500),
        },
    ],
)
def test_too_much(settings):
    with pytest.raises(gf.InvalidExperiment, match=r"need .* allowed are at most") as caught:
        gf.SequenceExperiment(**settings)
    assert {"layers", "hidden_size", "length", "batch_size"} == set(caught.value.fields)


def test_arithmetic_is_limited_too(monkeypatch):
    monkeypatch.setenv("GRADFLOW_MAX_GIB", "1000")
    with pytest.raises(gf.InvalidExperiment, match="TFLOP"):
        gf.SequenceExperiment(
            network=gf.Recurrent(cell="lstm", hidden_size=1024), data=gf.Sequences(length=500)
        )


def test_what_the_issue_asks_for_is_allowed():
    for cell in ("rnn_tanh", "lstm", "gru"):
        gf.SequenceExperiment(
            network=gf.Recurrent(cell=cell, hidden_size=128),
            data=gf.Sequences(source="adding", length=500),
            dtype="float64",
        )


def test_specs_are_frozen_hashable_and_described():
    assert gf.SequenceExperiment() == gf.SequenceExperiment()
    assert len({gf.SequenceExperiment(), gf.SequenceExperiment(seed=1)}) == 2
    for kind in (gf.Recurrent, gf.Sequences, gf.SequenceExperiment):
        for name, field in kind.model_fields.items():
            if name not in ("network", "data"):
                assert field.title
                assert field.description.endswith(".")
        with pytest.raises(ValueError, match="frozen"):
            kind().seed = 3


def test_steps_and_answers():
    copy = gf.Sequences(source="copy", length=40, recall=6)
    assert gf.SequenceExperiment(data=copy).loss_steps == 6
    assert gf.SequenceExperiment(data=copy, loss_at="every").loss_steps == 40
    assert gf.SequenceExperiment().loss_steps == 1
    assert gf.Sequences(source="digit_rows").steps == 8
    assert gf.Sequences(source="digit_pixels").steps == 64
    assert find_enum(gf.Recurrent.model_fields["cell"]) is not None
