"""What a gradient does per step, from norms that are known."""

import math

import numpy as np
import pytest
import torch

import gradflow as gf
from gradflow.core.recurrent.findings import (
    Break,
    TimeFate,
    find_break,
    follow_gradient,
    follow_norms,
)
from gradflow.core.recurrent.record import prepare_pass
from tests.core.recurrent.oracle import make_experiment, trace_pass


def test_a_constant_factor_is_found() -> None:
    course = follow_norms(0.9 ** np.arange(199.0, -1.0, -1.0))
    assert course.factor == pytest.approx(0.9)
    assert course.remaining == pytest.approx(0.9**199)
    assert course.tenfold == pytest.approx(math.log(10) / -math.log(0.9))
    assert (course.fate, course.first) == (TimeFate.VANISHES, 1)


def test_steps_that_underflowed_do_not_count() -> None:
    course = follow_norms(np.array([0.0, 0.0, 1e-40, 1e-20, 1.0]))
    assert course.factor == pytest.approx(1e-20)
    assert (course.fate, course.remaining, course.first) == (TimeFate.VANISHES, 0.0, 3)


@pytest.mark.parametrize(
    ("norms", "fate"),
    [
        ([1.0, 1.0, 1.0], TimeFate.KEPT),
        ([0.002, 1.0], TimeFate.KEPT),
        ([0.0005, 1.0], TimeFate.VANISHES),
        ([2000.0, 1.0], TimeFate.EXPLODES),
        ([math.inf, 1.0], TimeFate.BROKEN),
        ([math.nan, 1.0], TimeFate.BROKEN),
        ([0.0, 0.0], TimeFate.BROKEN),
    ],
)
def test_fates(norms: list[float], fate: TimeFate) -> None:
    assert follow_norms(np.array(norms)).fate is fate


def test_overflow_is_placed() -> None:
    course = follow_norms(np.array([math.nan, math.inf, 1e30, 1.0]))
    assert (course.overflowed, course.first) == (2, 1)
    assert course.factor == pytest.approx(1e30)
    assert follow_norms(np.ones(3)).overflowed == 0


def test_a_factor_of_one_never_makes_ten() -> None:
    assert follow_norms(np.ones(5)).tenfold == math.inf
    assert math.isnan(follow_norms(np.zeros(3)).factor)


def test_a_state_that_overflows_is_placed() -> None:
    spec = make_experiment(
        "rnn_relu",
        dtype="float32",
        recurrent_init="gaussian",
        recurrent_gain=9.0,
        hidden_size=16,
        data=gf.Sequences(length=70, batch_size=3),
    )
    states = trace_pass(spec, *prepare_pass(spec)).hidden[0]
    first = 1 + next(t for t, h in enumerate(states) if not bool(torch.isfinite(h).all()))
    assert find_break(gf.through_time(spec)) == Break(first, forward=True)


def test_a_gradient_that_overflows_is_placed() -> None:
    spec = make_experiment(
        dtype="float16",
        recurrent_init="gaussian",
        recurrent_gain=4.0,
        hidden_size=32,
        data=gf.Sequences(length=40, batch_size=3),
    )
    end = find_break(gf.through_time(spec))
    assert end is not None
    assert not end.forward
    wide = gf.through_time(spec.model_copy(update={"dtype": "float64"}))
    assert find_break(wide) is None
    largest = wide.column("hidden_grad_max")  # float16 ends at 65504
    assert largest[end.step] < 65504 * 2
    assert largest[: end.step].max() > 65504 / 2


def test_of_a_report() -> None:
    report = gf.through_time(
        gf.SequenceExperiment(
            network=gf.Recurrent(cell="lstm", hidden_size=4),
            data=gf.Sequences(length=7, batch_size=3),
            dtype="float64",
        )
    )
    norms = report.column("cell_grad_norm")
    assert follow_gradient(report, "cell").factor == pytest.approx(
        (norms[0] / norms[-1]) ** (1 / 6)
    )
