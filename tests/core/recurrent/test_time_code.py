"""The exported script runs on its own and prints the report's numbers."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.catalog import Cell, RecurrentInit, SequenceSource
from gradflow.core.recurrent.code import to_sequence_code
from tests.core.recurrent.oracle import make_experiment


def _read_output(script: str) -> tuple[float, np.ndarray]:
    assert "gradflow" not in script
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(script, "script", "exec"), {"__name__": "__main__"})
    first, _, *rows = out.getvalue().splitlines()
    return float(first.split()[1]), np.array([list(map(float, row.split())) for row in rows])


def _make_data(source: SequenceSource) -> gf.Sequences:
    fields = {"length": 12, "features": 2, "recall": 2}
    row = gf.Sequences(source=source).row
    return gf.Sequences(
        source=source, batch_size=4, **{n: v for n, v in fields.items() if n in row.parameters}
    )


SETTINGS = [
    *({"cell": cell} for cell in Cell),
    *({"recurrent_init": init, "cell": "gru"} for init in RecurrentInit),
    {"recurrent_init": "gaussian", "recurrent_gain": 1.3, "layers": 2},
    {
        "cell": "gru",
        "recurrent_init": "gaussian",
        "recurrent_scale": "spectral_radius",
        "spectral_radius": 0.7,
    },
    {"cell": "lstm", "forget_bias": 2.5, "layers": 2, "recurrent_init": "orthogonal"},
]


@pytest.mark.parametrize(
    ("settings", "source", "loss_at"),
    [
        *((settings, "noise", "every") for settings in SETTINGS),
        *(({}, source, "last") for source in SequenceSource),
    ],
)
def test_script_prints_the_report(settings, source, loss_at):
    spec = make_experiment(**settings, data=_make_data(SequenceSource(source)), loss_at=loss_at)
    report = gf.through_time(spec)
    loss, rows = _read_output(to_sequence_code(spec))
    layer = spec.network.layers
    assert loss == pytest.approx(report.loss, rel=1e-6)
    np.testing.assert_array_equal(rows[:, 0], np.arange(1, report.length + 1))
    states = report.column("hidden_rms", layer) * (4 * 6) ** 0.5
    np.testing.assert_allclose(rows[:, 1], states, rtol=1e-6)
    np.testing.assert_allclose(rows[:, 2], report.column("hidden_grad_norm", layer), rtol=1e-6)
