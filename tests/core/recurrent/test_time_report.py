"""What a report of a pass through time gives, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.recurrent.network import build_recurrent
from gradflow.core.recurrent.report import STEP_COLUMNS
from tests.core.recurrent.oracle import make_experiment


def test_as_report_draws_time_steps_as_layers():
    report = gf.through_time(make_experiment("lstm", layers=2, loss_at="every"))
    for state in ("hidden", "cell"):
        shown = report.as_report(state, layer=2)
        assert shown.rows == "step"
        assert shown.layers["layer"].tolist() == list(range(1, 10))
        np.testing.assert_array_equal(
            shown.layers["activation_grad_norm"], report.column(f"{state}_grad_norm", 2)
        )
        np.testing.assert_array_equal(
            shown.layers["activation_std"], report.column(f"{state}_std", 2)
        )
        assert shown.histogram("activation_grad", 3) is report.histogram(f"{state}_grad", 3, 2)
        assert gf.Report.from_json(shown.to_json()).loss == report.loss
        assert shown.parameter_count == sum(
            p.numel() for p in build_recurrent(report.experiment).parameters()
        )


def test_remaining_and_factors():
    report = gf.through_time(make_experiment())
    norms = report.column("hidden_grad_norm")
    assert report.remaining(3) == pytest.approx(norms[-4] / norms[-1])
    assert np.prod(report.factors()) == pytest.approx(report.remaining(8))
    assert list(report.steps.columns) == list(STEP_COLUMNS)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.column("hidden"), "is not a column"),
        (lambda r: r.column("hidden_std", 2), "layers run from 1 to 1"),
        (lambda r: r.gate("forget"), "has no gate 'forget'; it has none"),
        (lambda r: r.histogram("cell", 1), "there are hidden"),
        (lambda r: r.remaining(9), "from 0 to 8"),
        (lambda r: r.as_report("cell"), "no cell state"),
    ],
)
def test_refusals_say_what_there_is(ask, message):
    with pytest.raises(gf.GradflowError, match=message):
        ask(gf.through_time(make_experiment()))
