"""Trajectories against each rule written by hand in NumPy; clipping; what the sentences say."""

import numpy as np
import pytest

from gradflow.core.catalog.optimizers import CLIPS, Clip
from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_outcome import (
    DescentOutcome,
    count_clipped_steps,
    find_first_outside,
    is_in_sight,
)
from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.core.teaching.descent_verdict import judge_descent
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS, DescentOptimizer
from gradflow.core.teaching.surfaces import Surface
from gradflow.core.teaching.trajectories import run_descent

KAPPA, START, STEPS = 20.0, (-2.0, 0.7), 40


def gradient(x):
    return np.array([x[0], KAPPA * x[1]])


# As PyTorch documents them: one function per rule from (x, g, memory, n) to (step, memory).


def sgd(g, memory, n, rate, mu):
    return -rate * g, memory


def momentum(g, memory, n, rate, mu):
    v = g if n == 0 else mu * memory + g
    return -rate * v, v


def nesterov(g, memory, n, rate, mu):
    v = g if n == 0 else mu * memory + g
    return -rate * (g + mu * v), v


def adagrad(g, memory, n, rate, mu):
    total = (0 if n == 0 else memory) + g**2
    return -rate * g / (np.sqrt(total) + 1e-10), total


def rmsprop(g, memory, n, rate, mu):
    mean = 0.99 * (0 if n == 0 else memory) + 0.01 * g**2
    return -rate * g / (np.sqrt(mean) + 1e-8), mean


def adam(g, memory, n, rate, mu):
    m, s = (np.zeros(2), np.zeros(2)) if n == 0 else memory
    m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
    m_hat, s_hat = m / (1 - 0.9 ** (n + 1)), s / (1 - 0.999 ** (n + 1))
    return -rate * m_hat / (np.sqrt(s_hat) + 1e-8), (m, s)


BY_HAND = {
    DescentOptimizer.SGD: sgd,
    DescentOptimizer.MOMENTUM: momentum,
    DescentOptimizer.NESTEROV: nesterov,
    DescentOptimizer.ADAGRAD: adagrad,
    DescentOptimizer.RMSPROP: rmsprop,
    DescentOptimizer.ADAM: adam,
}


def keep_unclipped(g):
    return g


def compute_by_hand(rule, rate, mu, clip=keep_unclipped, steps=STEPS):
    x, memory, points, memories = np.array(START), None, [np.array(START)], []
    for n in range(steps):
        step, memory = rule(clip(gradient(x)), memory, n, rate, mu)
        x = x + step
        points.append(x)
        memories.append(memory)
    return np.array(points), memories


def make_ravine(**changes):
    settings = {"surface": "ravine", "shape": KAPPA, "start": START, "steps": STEPS}
    return Descent(**(settings | changes))


def test_every_rule_and_every_way_to_clip_has_a_row_and_an_oracle():
    assert set(DESCENT_OPTIMIZERS) == set(BY_HAND) == set(DescentOptimizer)
    assert set(CLIPS) == set(Clip)


def test_all_rules_at_once_follow_their_formulas():
    multipliers = (1.0, 0.5, 0.2, 10.0, 1.0, 5.0)
    descent = make_ravine(
        optimizers=tuple(DescentOptimizer),
        multipliers=multipliers,
        learning_rate=0.03,
        momentum=0.8,
    )
    trajectories = run_descent(descent)
    assert [trajectory.optimizer for trajectory in trajectories] == list(DescentOptimizer)
    for trajectory, factor in zip(trajectories, multipliers, strict=True):
        points, _memories = compute_by_hand(BY_HAND[trajectory.optimizer], 0.03 * factor, 0.8)
        assert trajectory.learning_rate == pytest.approx(0.03 * factor)
        assert trajectory.points == pytest.approx(points, rel=1e-9, abs=1e-13)
        assert trajectory.loss == pytest.approx((points**2 @ [1, KAPPA]) / 2, rel=1e-9, abs=1e-13)
        slopes = np.array([gradient(x) for x in points])
        assert trajectory.gradients == pytest.approx(slopes, rel=1e-9, abs=1e-12)
        assert trajectory.gradient_norm == pytest.approx(np.linalg.norm(slopes, axis=1), rel=1e-9)
        lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
        assert trajectory.step_length == pytest.approx(lengths, rel=1e-7, abs=1e-12)


def test_without_momentum_all_three_are_plain_descent():
    rules = (DescentOptimizer.SGD, DescentOptimizer.MOMENTUM, DescentOptimizer.NESTEROV)
    trajectories = run_descent(make_ravine(optimizers=rules, momentum=0.0, learning_rate=0.03))
    points, _memories = compute_by_hand(sgd, 0.03, 0.0)
    for trajectory in trajectories:
        assert trajectory.points == pytest.approx(points, rel=1e-10)
        for velocity in trajectory.memory.values():
            assert velocity == pytest.approx(trajectory.gradients[:-1])


def test_memory_is_what_the_rule_keeps_after_the_step():
    trajectories = run_descent(
        make_ravine(optimizers=tuple(DescentOptimizer), learning_rate=0.02, momentum=0.8)
    )
    for trajectory in trajectories:
        _points, memories = compute_by_hand(BY_HAND[trajectory.optimizer], 0.02, 0.8)
        names = [name for name, _symbol in DESCENT_OPTIMIZERS[trajectory.optimizer].memory]
        assert list(trajectory.memory) == names
        for index, name in enumerate(names):
            expected = np.array([m[index] if len(names) == 2 else m for m in memories])
            assert trajectory.memory[name] == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(
    "rule", [DescentOptimizer.SGD, DescentOptimizer.MOMENTUM, DescentOptimizer.ADAM]
)
def test_clipping_by_norm_follows_its_formula(rule):
    c = 1.5

    def clip(g):
        return g * min(1, c / (np.linalg.norm(g) + 1e-6))

    descent = make_ravine(
        optimizers=(rule,), learning_rate=0.05, momentum=0.6, clip="norm", threshold=c
    )
    (trajectory,) = run_descent(descent)
    points, _memories = compute_by_hand(BY_HAND[rule], 0.05, 0.6, clip)
    assert trajectory.points == pytest.approx(points, rel=1e-9, abs=1e-12)
    expected = np.array([clip(gradient(x)) for x in points])
    assert trajectory.clipped == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert trajectory.clipped_norm.max() <= c
    assert trajectory.gradient_norm[0] == pytest.approx(np.hypot(2, KAPPA * 0.7))
    norms = np.linalg.norm([gradient(x) for x in points[:-1]], axis=1)
    assert count_clipped_steps(descent, trajectory) == (norms + 1e-6 > c).sum() > 0


def test_clipping_by_value_cuts_each_entry():
    descent = make_ravine(learning_rate=0.05, clip="value", threshold=1.5)
    (trajectory,) = run_descent(descent)
    points, _memories = compute_by_hand(sgd, 0.05, 0.0, lambda g: np.clip(g, -1.5, 1.5))
    assert trajectory.points == pytest.approx(points, rel=1e-9)
    assert trajectory.clipped[0].tolist() == [-1.5, 1.5]


def test_plain_descent_on_the_bowl_is_a_geometric_series():
    descent = Descent(surface="bowl", start=(2.0,), learning_rate=0.3, steps=50)
    (trajectory,) = run_descent(descent)
    assert trajectory.points[:, 0] == pytest.approx(2 * 0.7 ** np.arange(51))


def test_an_overflow_ends_one_trajectory_and_leaves_the_others_alone():
    rules = (DescentOptimizer.SGD, DescentOptimizer.ADAM)
    settings = {"surface": "double_well", "start": (-2.0,), "learning_rate": 1.0, "steps": 30}
    both = run_descent(Descent(optimizers=rules, **settings))
    (alone,) = run_descent(Descent(optimizers=(DescentOptimizer.ADAM,), **settings))
    assert np.array_equal(both[1].points, alone.points)
    x, expected = np.float64(-2), [-2.0]
    with np.errstate(over="ignore", invalid="ignore"):
        while np.isfinite(x**4 / 4 - x**3 / 3 - x**2 + 8 / 3):
            x = x - (x + 1) * x * (x - 2)
            expected.append(float(x))
    assert both[0].points[:, 0] == pytest.approx(expected, rel=1e-6)
    assert both[0].broken_at == len(expected) - 1
    assert both[1].broken_at is None
    verdict = judge_descent(Descent(optimizers=rules, **settings), both[0])
    assert verdict.outcome is DescentOutcome.OVERFLOW
    assert f"step {len(expected) - 1}" in str(verdict.text)
    assert "the loss is beyond" in str(verdict.text)
    assert "from 8 to" in str(verdict.text)


def test_clipping_keeps_the_same_start_from_overflowing():
    descent = Descent(
        surface="double_well", start=(-2.0,), learning_rate=1.0, clip="norm", threshold=0.1
    )
    (trajectory,) = run_descent(descent)
    assert trajectory.broken_at is None
    assert is_in_sight(descent, trajectory)


OUTCOMES = {
    "vanishing": [DescentOutcome.CRAWLING],
    "exploding": [DescentOutcome.BOUNCING],
    "exploding_clipped": [DescentOutcome.CONVERGED],
    "cliff": [DescentOutcome.LEFT],
    "ravine": [DescentOutcome.UNDER_WAY] * 3,
    "scaled": [DescentOutcome.CRAWLING, *[DescentOutcome.CONVERGED] * 3],
    "plateau": [*[DescentOutcome.CRAWLING] * 2, *[DescentOutcome.CONVERGED] * 2],
    "saddle": [DescentOutcome.CONVERGED] * 4,
    "barrier": [DescentOutcome.CONVERGED] * 2,
    "overflow": [DescentOutcome.OVERFLOW],
}


@pytest.fixture(scope="module")
def preset_trajectories():
    return {code: run_descent(preset.descent) for code, preset in PRESETS.items()}


@pytest.mark.parametrize("code", OUTCOMES)
def test_presets_show_what_they_promise(code, preset_trajectories):
    descent = PRESETS[code].descent
    assert [
        judge_descent(descent, trajectory).outcome for trajectory in preset_trajectories[code]
    ] == OUTCOMES[code]


def test_small_steps_reach_b_and_large_ones_f_and_back(preset_trajectories):
    a, b, f, _minimum = (m.point[0] for m in PRESETS["vanishing"].descent.row.marks)
    slow, large = preset_trajectories["vanishing"][0], preset_trajectories["exploding"][0]
    assert slow.points[0, 0] == large.points[0, 0] == a
    assert slow.points[-1, 0] == pytest.approx(b, abs=0.01)
    assert slow.points[20, 0] > -2.6
    assert large.points[1, 0] == pytest.approx(f, abs=0.01)
    assert large.points[2, 0] == pytest.approx(a, abs=0.25)
    assert (large.points[::2, 0] < -3.9).all()
    assert (large.points[1::2, 0] > 3.4).all()


def test_clipping_saves_the_step_at_the_cliff(preset_trajectories):
    free, clipped = preset_trajectories["cliff"][0], preset_trajectories["cliff_clipped"][0]
    descent, saved = PRESETS["cliff"].descent, PRESETS["cliff_clipped"].descent
    at = find_first_outside(descent, free)
    assert free.gradient_norm[at - 1] == free.gradient_norm.max() > 5
    assert free.step_length[at - 1] == pytest.approx(free.gradient_norm[at - 1])
    assert find_first_outside(saved, clipped) is None
    assert clipped.gradient_norm.max() > 5
    assert clipped.step_length.max() <= 0.1
    assert clipped.loss[-10:].min() < 0.1 * clipped.loss[0] < free.loss[-1]
    text = str(judge_descent(descent, free).text)
    assert f"at step {at}" in text
    assert f"|g| = {free.gradient_norm[at - 1]:.0f}" in text


def test_momentum_gets_further_along_the_ravine(preset_trajectories):
    plain, momentum, nesterov = (
        abs(trajectory.points[-1, 0]) for trajectory in preset_trajectories["ravine"]
    )
    assert max(momentum, nesterov) < 0.2 * plain


def test_what_sits_on_the_saddle_is_said_to():
    descent = Descent(surface="saddle", start=(-1.6, 0.0), steps=100)
    (trajectory,) = run_descent(descent)
    assert (trajectory.points[:, 1] == 0).all()
    assert trajectory.points[:, 0] == pytest.approx(-1.6 * 0.9 ** np.arange(101))
    assert judge_descent(descent, trajectory).outcome is DescentOutcome.STUCK


def test_verdicts_do_not_depend_on_the_scale_of_the_loss(preset_trajectories):
    # Twice the loss at half the learning rate is the same path.
    trajectory = preset_trajectories["vanishing"][0]
    descent = PRESETS["vanishing"].descent
    scaled = type(trajectory)(
        trajectory.optimizer,
        trajectory.learning_rate / 1000,
        trajectory.points,
        1000 * trajectory.loss,
        1000 * trajectory.gradients,
        1000 * trajectory.clipped,
        {},
    )
    assert judge_descent(descent, scaled).outcome is judge_descent(descent, trajectory).outcome


@pytest.mark.parametrize("code", PRESETS)
def test_a_url_restores_everything(code):
    descent = PRESETS[code].descent
    assert Descent(**to_query(descent)) == descent
    assert Descent(**dict(descent)) == descent
    assert all(isinstance(text, str) for text in to_query(descent).values())


def test_defaults_are_the_surfaces_own():
    descent = Descent(surface=Surface.CLIFF)
    assert (descent.start, descent.shape, descent.learning_rate) == ((6.0, -2.2), 50, 1.0)
    assert descent.multipliers == (1.0,)
    assert "momentum" not in to_query(descent)
    assert "threshold" not in to_query(descent)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("surface", "moon", "one of shelf, bowl"),
        ("start", "9", "x from −4.8 to 4.8"),
        ("start", "nan", "numbers"),
        ("start", "1_1", "x from −4.8 to 4.8"),
        ("shape", "3", "leave it out"),
        ("optimizers", "sgd_sgd", "each once"),
        ("optimizers", "lion", "one of sgd"),
        ("optimizers", (), "at least one"),
        ("learning_rate", "inf", "from 10⁻⁶ to 1,000"),
        ("learning_rate", "fast", "from 10⁻⁶ to 1,000"),
        ("multipliers", "1_2", "1 numbers"),
        ("multipliers", "0", "from 10⁻⁴"),
        ("momentum", "1", "from 0 to 0.999"),
        ("clip", "both", "one of none, norm, value"),
        ("threshold", "-1", "from 10⁻⁶"),
        ("steps", "1000", "from 1 to 300"),
        ("steps", "2.5", "a whole number"),
        ("depth", "5", "there is no such setting"),
    ],
)
def test_forged_settings_are_refused_by_name(field, value, allowed):
    with pytest.raises(InvalidExperiment, match=field) as caught:
        Descent(**{field: value})
    assert caught.value.fields == (field,)
    assert allowed in str(caught.value)


def test_time_steps_are_whole():
    with pytest.raises(InvalidExperiment, match="a whole number from 1 to 60"):
        Descent(surface="cliff", shape=2.5)
