"""Every lesson: the right answer is the one that the run gives, whatever the draw."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.lessons.outcome import (
    find_nearest_factor,
    find_outcome,
    list_values,
    measure_distances,
)
from gradflow.core.lessons.patients import apply_cures, draw_patient, list_cures, train_patient
from gradflow.core.lessons.schema import Kind, load_lessons
from gradflow.core.lessons.subjects import MEASURES, Curve, TrainingRun, draw_curve
from gradflow.core.text import Text

LESSONS = load_lessons()
PREDICTED = [code for code, lesson in LESSONS.items() if lesson.kind is not Kind.CURE]
SEEDS = (1, 2, 3, 4)
draw = cache(draw_curve)


@pytest.mark.parametrize("code", PREDICTED)
def test_the_run_of_every_seed_gives_the_same_answer(code: str) -> None:
    lesson = LESSONS[code]
    for seed in SEEDS:
        outcome = find_outcome(lesson, seed, draw)
        if lesson.kind is Kind.CURVES:
            assert outcome.right == lesson.truth.code
            distances = measure_distances(
                outcome.run, outcome.options, log=MEASURES[lesson.measure].log
            )
            own = distances.pop(outcome.right)
            assert 2 * own < min(distances.values())  # no close call
    if lesson.kind is Kind.FACTOR:
        factors = [find_outcome(lesson, seed, draw).run.factor for seed in SEEDS]
        places = {find_nearest_factor(lesson, factor) for factor in factors}
        assert len(places) == 1
        nearest = lesson.factors[int(places.pop())]
        assert max(abs(np.log(factor / nearest)) for factor in factors) < np.log(1.2)


@pytest.mark.parametrize("code", [c for c in PREDICTED if LESSONS[c].kind is Kind.CURVES])
def test_the_curves_to_choose_from_can_be_told_apart(code: str) -> None:
    outcome = find_outcome(LESSONS[code], 1, draw)
    log = MEASURES[LESSONS[code].measure].log
    for first, second in combinations(outcome.options, 2):
        pair = {second: outcome.options[second]}
        assert measure_distances(outcome.options[first], pair, log=log)[second] > 0.03


@pytest.mark.parametrize("code", LESSONS)
def test_every_text_can_be_written(code: str) -> None:
    lesson = LESSONS[code]
    values = list_values(lesson)
    assert "{" not in str(Text(lesson.question, **values))
    if lesson.kind is not Kind.CURE:
        told = list_values(lesson, find_outcome(lesson, 1, draw))
        written = str(Text(lesson.answer, **told))
        assert "{" not in written
        assert "{" not in str(Text(lesson.why, **told))
        assert any(letter.isdigit() for letter in written)


def test_the_numbers_are_those_of_the_run() -> None:
    lesson = LESSONS["slopes"]
    settings = {name: str(value) for name, value in lesson.settings.items()}
    rms = gf.run(gf.core.codec.from_query(settings | {"seed": "3"})).layers["delta_rms"][:-1]
    values = list_values(lesson, find_outcome(lesson, 3, draw))
    first, last = rms.iloc[0], rms.iloc[-1]
    assert values["left"] == pytest.approx(first / last, rel=1e-9)
    assert values["result"] == pytest.approx((first / last) ** (1 / 10), rel=1e-9)  # 11 layers
    assert values["slope"] == pytest.approx(0.25)


def test_losses_are_those_of_the_training() -> None:
    subject = LESSONS["optimizers"].make_subject(2)
    assert isinstance(subject, TrainingRun)
    losses = [r.loss for r in gf.train(subject.experiment, subject.plan)]
    curve = draw(LESSONS["optimizers"].measure, subject)
    assert curve.start == pytest.approx(losses[0])
    assert curve.reached == pytest.approx(np.mean(losses[-5:]))
    assert curve.y[50] == pytest.approx(np.mean(losses[46:55]))


def test_what_breaks_is_farther_away_than_anything() -> None:
    x = np.arange(1.0, 5.0)
    run = Curve(x, np.array([1.0, 2.0, np.nan, np.nan]))
    options = {
        "broken": Curve(x, np.array([1.0, 3.0, np.inf, np.nan])),
        "whole": Curve(x, np.array([1.0, 2.0, 3.0, 4.0])),
    }
    distances = measure_distances(run, options, log=True)
    assert distances["broken"] < 0.1 < distances["whole"]


@pytest.mark.parametrize("seed", range(1, 8))
def test_a_sick_network_does_not_train_and_can_be_cured(seed: int) -> None:
    lesson = LESSONS["cure"]
    patient = draw_patient(lesson, seed)
    before = train_patient(patient)
    assert not before.trains
    cures = list_cures(patient)
    assert len(cures) >= 15
    trained = {code: train_patient(apply_cures(patient, [code])) for code in cures}
    helping = [code for code, treatment in trained.items() if treatment.trains]
    assert 3 <= len(helping) < len(cures) - 2  # neither hopeless nor a matter of course
    code = min(helping, key=lambda code: trained[code].share)
    losses = trained[code].losses.y
    assert losses[-1] < 0.9 * before.constant


def test_cures_are_combined_in_order_and_refused_if_they_do_not_apply() -> None:
    patient = draw_patient(LESSONS["cure"], 3)  # exploding ReLU
    both = apply_cures(patient, ["residual", "he"])
    assert both.experiment.mlp.connection == "residual"
    assert both.experiment.mlp.initialization == "kaiming_normal"
    assert apply_cures(patient, ["adam"]).run.plan.optimizer == "adam"
    with pytest.raises(gf.InvalidExperiment, match='cures: "he" is not allowed; choose one of'):
        apply_cures(both, ["he"])
    with pytest.raises(gf.InvalidExperiment, match="at most 3"):
        apply_cures(patient, ["he", "adam", "residual", "rate"])
