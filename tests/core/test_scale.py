"""The scale of the weights for a wanted factor per layer, against closed forms and measurements."""

import math
from collections.abc import Callable

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.codec import from_fields, to_fields
from gradflow.core.decay import fit_judged_decay
from gradflow.core.errors import GradflowError
from gradflow.core.scale import find_scale, find_scale_setting, solve

DATA = gf.Data(batch_size=64)


def make(**settings: object) -> gf.Experiment:
    return gf.Experiment(network=gf.MLP(**settings), data=DATA)


def change(experiment: gf.Experiment, changes: dict[str, object]) -> gf.Experiment:
    return from_fields(to_fields(experiment) | changes)


def measure_factor(experiment: gf.Experiment) -> float:
    """Fit a straight line to ln ‖δ_l‖ over the hidden layers, by the normal equation."""
    y = np.log(gf.run(experiment).layers["delta_norm"].to_numpy()[:-1])
    x = np.arange(len(y)) - (len(y) - 1) / 2
    return float(np.exp(-(x @ y) / (x @ x)))


def test_relu_is_level_where_half_of_n_times_the_variance_is_1() -> None:
    experiment = make(depth=8, width=512, activation="relu", initialization="normal", init_std=0.01)
    passes: list[gf.Experiment] = []

    def run(changed: gf.Experiment) -> gf.Report:
        passes.append(changed)
        return gf.run(changed)

    found = find_scale(experiment, 1.0, run)
    assert 512 * found.changes["init_std"] ** 2 / 2 == pytest.approx(1, abs=0.06)
    assert len(passes) == 2  # before, and one that confirms what the law says


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
def test_rotations_of_a_linear_network_multiply_by_their_gain(factor: float) -> None:
    experiment = make(depth=10, width=64, activation="linear", initialization="orthogonal")
    found = find_scale(experiment, factor)
    assert found.changes["gain"] == "custom"
    assert found.changes["gain_value"] == pytest.approx(factor, rel=0.006)


@pytest.mark.parametrize(
    "experiment",
    [
        make(depth=20, activation="tanh", initialization="normal", init_std=0.02),
        make(depth=20, activation="tanh", initialization="uniform", init_limit=0.5),
        make(depth=24, width=64, activation="sigmoid"),
        make(depth=30, activation="relu", initialization="kaiming_uniform", gain="one"),
        make(depth=20, activation="relu", connection="residual", initialization="kaiming_normal"),
        make(depth=12, width=64, initialization="constant", init_value=0.01),  # without a law
    ],
    ids=lambda e: f"{e.network.activation}-{e.network.initialization}-{e.network.connection}",
)
def test_a_level_gradient_is_level_when_it_is_measured(experiment: gf.Experiment) -> None:
    found = find_scale(experiment, 1.0)
    assert found.is_reached
    factor = measure_factor(change(experiment, dict(found.changes)))
    assert factor == pytest.approx(1, abs=0.01)
    assert found.factor == pytest.approx(factor, rel=1e-6)


def test_without_a_law_passes_search() -> None:
    network = gf.ConvNet(
        depth=8, channels=4, activation="relu", initialization="normal", init_std=0.02
    )
    experiment = gf.Experiment(network=network, data=DATA)
    found = find_scale(experiment, 0.8)
    assert measure_factor(change(experiment, dict(found.changes))) == pytest.approx(0.8, rel=0.006)
    stream = gf.Experiment(network=gf.Transformer(depth=6, width=32), data=DATA)
    wider = find_scale(stream, 1.1, fit=fit_judged_decay)
    decay = fit_judged_decay(gf.run(change(stream, dict(wider.changes))))
    assert decay is not None
    assert wider.is_reached
    assert decay.factor == pytest.approx(1.1, rel=0.006)


def test_what_cannot_be_reached_is_said() -> None:
    """Shortcuts carry the gradient whatever the weights: it cannot shrink by a fifth per layer."""
    experiment = make(depth=12, activation="relu", connection="residual")
    found = find_scale(experiment, 0.8)
    assert not found.is_reached
    assert found.factor == pytest.approx(
        measure_factor(change(experiment, dict(found.changes))), rel=1e-6
    )


@pytest.mark.parametrize("normalization", ["batch", "layer", "rms"])
def test_a_norm_behind_the_weights_leaves_nothing_to_scale(normalization: str) -> None:
    settings = {"depth": 8, "width": 64, "initialization": "normal", "normalization": normalization}
    experiment, larger = make(**settings, init_std=0.1), make(**settings, init_std=0.3)
    assert find_scale_setting(experiment) is None
    assert measure_factor(experiment) == pytest.approx(measure_factor(larger), rel=0.01)
    assert find_scale_setting(make(**settings, norm_position="after")) is not None


def test_weights_without_a_scale_are_refused_in_words() -> None:
    for initialization in ("zeros", "lecun_normal", "pytorch", "lsuv"):
        assert find_scale_setting(make(initialization=initialization)) is None
    with pytest.raises(GradflowError, match="No setting of this network scales its weights"):
        find_scale(make(initialization="lsuv"), 1.0)
    overflown = make(depth=60, width=64, activation="relu", initialization="normal", init_std=10.0)
    with pytest.raises(GradflowError, match="No finite gradient"):
        find_scale(overflown, 1.0)


@pytest.mark.parametrize(
    ("function", "goal", "root"),
    [
        (lambda x: x, 3.0, 3.0),
        (lambda x: x**3, 20.0, 20 ** (1 / 3)),
        (lambda x: math.atan(20 * (x - 1)), 0.4, 1 + math.tan(0.4) / 20),
        (lambda x: math.nan if x > 2.5 else x**2, 6.0, 6**0.5),  # nothing is finite beyond
        (lambda x: -((x - 4) ** 2), -25.0, -1.0),
    ],
)
def test_an_equation_is_solved(
    function: Callable[[float], float], goal: float, root: float
) -> None:
    calls: list[float] = []

    def count(x: float) -> float:
        calls.append(x)
        return function(x)

    found = solve(count, goal, 0.5, (-10.0, 10.0), tolerance=1e-6, most=40)
    assert found == pytest.approx(root, abs=1e-5)
    assert len(calls) < 40


def test_beyond_the_bounds_the_nearest_is_taken() -> None:
    for goal, end in ((1e9, 2.0), (-1e9, -1.0)):
        assert solve(lambda x: x, goal, 0.5, (-1.0, 2.0), tolerance=1e-6, most=40) == end
