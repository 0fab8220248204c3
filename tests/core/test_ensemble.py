"""Many seeds at once: the numbers of each seed alone, within the limits, without a trace."""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
import pickle
import random

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import gradflow as gf
from gradflow.core import limits
from gradflow.core.catalog import Activation, Connection, Initialization
from gradflow.core.codec import from_fields
from gradflow.core.data import draw_batch
from gradflow.core.ensemble import MAX_SEEDS, SEED_COLUMNS, Ensemble, run_seeds
from gradflow.core.networks.build import build_network
from tests.core import oracles

SMALL = {"depth": 5, "width": 8, "batch_size": 6, "device": "cpu", "dtype": "float64", "seed": 3}
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def make_experiment(**settings) -> gf.Experiment:
    return from_fields(SMALL | settings)


def check_against_single_runs(count: int = 2, rtol: float = 1e-9, **settings) -> None:
    """Compare with one run per seed."""
    exp = make_experiment(**settings)
    result = run_seeds(exp, count)
    assert result.seeds.tolist() == [exp.seed + member for member in range(count)]
    assert set(result.values) == set(SEED_COLUMNS)
    for member, seed in enumerate(result.seeds):
        report = gf.run(make_experiment(**settings | {"seed": int(seed)}))
        assert_allclose(result.losses[member], report.loss, rtol=rtol)
        for name, values in result.values.items():
            expected = report.layers[name]
            # Means are differences: their error is as large as that of the terms.
            atol = rtol * report.layers["activation_rms"] if name == "activation_mean" else 0
            assert_array_equal(np.isnan(values[member]), np.isnan(expected), err_msg=name)
            error = np.abs(values[member] - expected) - (rtol * np.abs(expected) + atol)
            assert not (error > 0).any(), (name, settings, values[member], list(expected))


PLACES = itertools.cycle(itertools.product(Connection, ("before", "after")))
NETWORKS = [
    (activation, normalization, *next(PLACES))
    for activation in Activation
    for normalization in oracles.NORMALIZATIONS
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("activation", "normalization", "connection", "position"), NETWORKS)
def test_each_member_is_a_run_of_its_own(activation, normalization, connection, position, device):
    check_against_single_runs(
        activation=activation,
        normalization=normalization,
        connection=connection,
        norm_position=position,
        groups=4,
        initialization="pytorch",  # random biases, too
        device=device,
    )


@pytest.mark.parametrize(
    "settings",
    [
        *({"initialization": code, "bias_std": 0.1} for code in Initialization),
        *(
            {
                "normalization": code,
                "connection": connection,
                "groups": 2,
                "norm_position": position,
            }
            for code, connection, position in (
                ("batch", "residual", "after"),
                ("group", "preactivation", "before"),
                ("batch", "dense", "after"),
                ("batch", "preactivation", "before"),
            )
        ),
        *(
            {"connection": code, "block_size": 1, "branch_scale": 0.3, "zero_last": True}
            for code in ("residual", "preactivation")
        ),
        {"connection": "residual", "block_size": 3, "depth": 9},
        {"connection": "preactivation", "branch_scale": 0.0},
        {"normalization": "batch", "norm_mode": "evaluation"},
        {"normalization": "batch", "norm_mode": "evaluation", "batch_size": 1},
        {"normalization": "batch", "initialization": "lsuv", "activation": "rrelu"},
        {"initialization": "lsuv", "connection": "preactivation", "activation": "rrelu"},
        {"source": "gaussian", "dimension": 20, "scale": 3.0, "correlation": 0.5},
        *({"source": code, "noise": 0.2} for code in ("moons", "spirals")),
        *({"widths": (9, 12, 7), "connection": code} for code in Connection),
        *({"depth": n, "connection": code} for n in (1, 2) for code in Connection),
        {"loss": "mse"},
        {"loss": "bce", "readout": "sigmoid", "inputs": "raw"},
        {"readout": "softmax", "connection": "dense"},
        {"readout": "relu", "activation": "sigmoid", "offset": 2.0},
        {"targets": "numbers", "loss": "l1", "target_scale": 1e8, "source": "teacher"},
        {"targets": "binary", "loss": "bce_with_logits", "readout": "tanh"},
        {"activation": "hardtanh", "initialization": "normal", "init_std": 3.0},
        {"activation": "sigmoid", "source": "gaussian", "scale": 1e4},
        {"activation": "relu6", "initialization": "normal", "init_std": 3.0},
        # Gradients far outside the range in which float64 can square them.
        {"activation": "linear", "initialization": "normal", "init_std": 1e-6, "depth": 40},
        {"activation": "relu", "initialization": "normal", "init_std": 10.0, "depth": 130},
    ],
)
def test_every_setting(settings):
    check_against_single_runs(**settings)


@pytest.mark.parametrize(
    ("settings", "rtol"),
    [
        ({"dtype": "float32", "activation": "gelu"}, 1e-4),
        ({"dtype": "bfloat16", "loss": "mse"}, 0.1),
        ({"dtype": "float16", "loss_scale": 1024.0}, 0.01),
    ],
)
def test_number_formats(settings, rtol):
    check_against_single_runs(rtol=rtol, **settings)


def test_numbers_by_hand():
    """Forward and backward pass in NumPy, for two seeds."""
    exp = make_experiment(activation="tanh", initialization="normal", init_std=1.5, seed=11)
    result = run_seeds(exp, 2)
    for member in range(2):
        single = exp.model_copy(update={"seed": 11 + member})
        inputs, targets = draw_batch(single.data, single.seed)
        layers = oracles.list_linears(build_network(single, inputs))
        weights = [layer.weight.detach().double().numpy() for layer in layers]
        biases = [layer.bias.detach().double().numpy() for layer in layers]
        expected = oracles.backpropagate(
            weights, biases, inputs.double().numpy(), targets.numpy(), "tanh"
        )
        assert_allclose(result.losses[member], expected.pop("loss")[0], rtol=1e-10)
        del expected["bias_grad_norm"]
        for name, gradients in expected.items():
            norms = [np.sqrt((gradient**2).sum()) for gradient in gradients]
            assert_allclose(result.values[name][member], norms, rtol=1e-10, err_msg=name)
        a = inputs.double().numpy()
        for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = a @ w.T + b
            last = layer == len(weights) - 1
            a = z if last else np.tanh(z)
            signals = {
                "preactivation_std": z.std(),
                "activation_mean": a.mean(),
                "activation_std": a.std(),
                "activation_rms": np.sqrt((a**2).mean()),
                "saturated": math.nan if last else (np.abs(a) > 0.97).mean(),
                "dead_units": math.nan if last else (np.abs(a) == 1).all(0).sum(),
            }
            for name, value in signals.items():
                assert_allclose(result.values[name][member, layer], value, rtol=1e-10, atol=1e-14)
    assert 0.1 < result.values["saturated"][:, :-1].mean() < 0.9  # or the test would show nothing


def test_norms_do_not_underflow():
    """45 layers of sigmoids in float32: δ falls below 1e-23, whose square float32 cannot hold."""
    settings = {"activation": "sigmoid", "depth": 45, "width": 16}
    narrow = run_seeds(make_experiment(**settings, dtype="float32"), 2).values["delta_norm"]
    exact = run_seeds(make_experiment(**settings), 2).values["delta_norm"]
    assert exact.min() < 1e-25
    assert_allclose(narrow, exact, rtol=1e-3)


def test_same_numbers_every_time():
    first, second = (run_seeds(make_experiment(activation="rrelu"), 5) for _ in range(2))
    assert_array_equal(first.losses, second.losses)
    for name in SEED_COLUMNS:
        assert_array_equal(first.values[name], second.values[name])


@pytest.mark.parametrize("at_once", [1, 3, 5])
def test_the_size_of_a_batch_does_not_matter(at_once):
    exp = make_experiment(activation="rrelu", normalization="batch")
    whole = run_seeds(exp, 7)
    progress = []
    parts = run_seeds(exp, 7, progress=lambda *done: progress.append(done), most=at_once)
    assert progress == [(min(n, 7), 7) for n in range(at_once, 7 + at_once, at_once)]
    assert_allclose(parts.losses, whole.losses, rtol=1e-12)
    for name in SEED_COLUMNS:
        assert_allclose(parts.values[name], whole.values[name], rtol=1e-12)


def test_a_longer_run_begins_with_the_shorter_one():
    single, many = run_seeds(make_experiment(), 1), run_seeds(make_experiment(), 4)
    for name in SEED_COLUMNS:
        assert single.values[name].shape == (1, 5)
        assert_allclose(many.values[name][:1], single.values[name], rtol=1e-12)
        assert many.values[name].dtype == np.float64


def read_random_state():
    numpy_state = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), numpy_state[1].tolist(), random.getstate()


def count_live_tensors() -> int:
    return sum(issubclass(type(item), torch.Tensor) for item in gc.get_objects())


@pytest.mark.parametrize("abort", [False, True])
def test_nothing_is_left_behind(abort):
    """No tensor, hook or random number; nor in a cycle that waits for the garbage collector."""
    exp = make_experiment(
        activation="rrelu", initialization="lsuv", normalization="batch", connection="residual"
    )
    run_seeds(exp, 1)
    reached = []

    def stop(done: int, total: int) -> None:
        reached.append(done)
        if abort:
            raise KeyboardInterrupt

    gc.collect()
    gc.disable()
    try:
        before, state = count_live_tensors(), read_random_state()
        with contextlib.suppress(KeyboardInterrupt):
            run_seeds(exp, 4, progress=stop, most=2)
        assert count_live_tensors() == before
        assert read_random_state() == state
    finally:
        gc.enable()
    assert reached == ([2] if abort else [2, 4])


def test_gradients_are_on_whatever_the_caller_has_set():
    expected = run_seeds(make_experiment(), 2)
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            result = run_seeds(make_experiment(), 2)
        assert_array_equal(result.values["delta_norm"], expected.values["delta_norm"])


def make_ensemble(values) -> Ensemble:
    values = np.array(values)
    return Ensemble(np.arange(len(values)), np.zeros(len(values)), {"delta_norm": values})


def test_band_by_hand():
    # Eleven seeds 0 … 10: the quantile q is 10·q. In the other layer, four seeds: between them.
    low, median, high = make_ensemble([[n, 100.0 - n] for n in range(11)]).band("delta_norm")
    assert_allclose(low, [1, 91])
    assert_allclose(median, [5, 95])
    assert_allclose(high, [9, 99])
    low, median, high = make_ensemble([[8.0], [1.0], [4.0], [2.0]]).band("delta_norm", 0.25, 0.8)
    assert_allclose([low[0], median[0], high[0]], [1.75, 3.0, 4 + 0.4 * 4])


def test_band_of_one_seed():
    for line in make_ensemble([[3.0, math.nan]]).band("delta_norm"):
        assert_array_equal(line, [3.0, math.nan])


def test_the_band_leaves_out_what_is_not_finite():
    rows = [[1.0, math.nan, math.inf], [math.nan, math.nan, 5.0], [3.0, math.inf, 7.0]]
    low, median, high = make_ensemble(rows).band("delta_norm", 0.0, 1.0)
    assert_array_equal(low, [1, math.nan, 5])
    assert_array_equal(median, [2, math.nan, 6])
    assert_array_equal(high, [3, math.nan, 7])


@pytest.mark.parametrize("bounds", [(-0.1, 0.9), (0.9, 0.1), (0.1, 1.1), (math.nan, 0.9)])
def test_a_band_between_impossible_quantiles(bounds):
    with pytest.raises(gf.GradflowError, match=r"low, high.*0 ≤ low ≤ high ≤ 1"):
        make_ensemble([[1.0]]).band("delta_norm", *bounds)


def test_a_band_of_an_unknown_column():
    with pytest.raises(gf.GradflowError, match=r"column: 'fan_in' is not measured.*delta_norm"):
        make_ensemble([[1.0]]).band("fan_in")


def test_an_ensemble_can_be_cached():
    result = run_seeds(make_experiment(), 2)
    copy = pickle.loads(pickle.dumps(result))
    assert_array_equal(copy.values["delta_norm"], result.values["delta_norm"])


@pytest.mark.parametrize("count", [0, -1, MAX_SEEDS + 1, 1.0, True, "3", None])
def test_impossible_counts(count):
    with pytest.raises(
        gf.InvalidExperiment, match=r"count: .* whole number from 1 to 64"
    ) as caught:
        run_seeds(make_experiment(), count)
    assert caught.value.fields == ("count",)


def test_seeds_stop_at_the_largest():
    largest = 2**31 - 1
    assert run_seeds(make_experiment(seed=largest - 1), 2).seeds.tolist() == [largest - 1, largest]
    with pytest.raises(gf.InvalidExperiment, match=f"seed: .* 0 to {largest - 2:,}") as caught:
        run_seeds(make_experiment(seed=largest - 1), 3)
    assert "seed" in caught.value.fields


def test_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(gf.DeviceUnavailable):
        run_seeds(make_experiment(device="cuda"), 2)


def test_what_pytorch_cannot_compute_in_a_format():
    with pytest.raises(gf.InvalidExperiment, match=r"dtype: .*float16") as caught:
        run_seeds(make_experiment(activation="rrelu", dtype="float16"), 2)
    assert "dtype" in caught.value.fields


def test_arithmetic_is_limited(monkeypatch):
    # 64·8 + 3·8·8 + 8·10 weights, six operations each per sample.
    tflop = 6 * 6 * (64 * 8 + 3 * 64 + 80) / 1e12
    monkeypatch.setenv("GRADFLOW_MAX_TFLOP", str(5.5 * tflop))
    experiment = make_experiment(dtype="float32")
    assert len(run_seeds(experiment, 5).seeds) == 5
    with pytest.raises(gf.InvalidExperiment, match=r"count: 6 seeds .* at most 5 seeds") as caught:
        run_seeds(experiment, 6)
    assert caught.value.fields == ("count",)


def test_memory_decides_how_many_run_at_once(monkeypatch):
    exp = make_experiment()
    gib, _ = exp.need
    monkeypatch.setenv("GRADFLOW_MAX_GIB", str(3.5 * gib))
    steps = []
    run_seeds(exp, 7, progress=lambda done, total: steps.append(done))
    assert steps == [3, 6, 7]


def test_memory_and_arithmetic_of_an_experiment():
    # One layer 4 → 3 on 10 samples in float64: 12 weights, 4 + 3 units.
    gib, tflop = limits.estimate_need([limits.LayerSize(4, 3)], 10, 8, orthogonal=True)
    assert gib == (12 * (4 + 8 + 8) + 3 * 7 * 10 * 8) / 2**30
    assert tflop == pytest.approx((6 * 10 * 12 + 4 * 4 * 3**2) / 1e12)
    assert limits.count_seeds_at_once(10, gib=0.3, tflop=1e-6, most=16) == 6
    assert limits.count_seeds_at_once(10, gib=0.3, tflop=1e-6, most=4) == 4
    assert limits.count_seeds_at_once(2, gib=0.3, tflop=1e-6, most=4) == 2
    assert limits.count_seeds_at_once(10, gib=1.9, tflop=1e-6, most=16) == 1


@pytest.mark.parametrize("network", [gf.ConvNet(depth=4, channels=4), gf.Transformer(depth=1)])
def test_other_architectures_run_one_by_one(network):
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=8), dtype="float64")
    done = []
    result = run_seeds(experiment, 3, progress=lambda n, total: done.append((n, total)))
    assert done == [(1, 3), (2, 3), (3, 3)]
    for seed in range(3):
        report = gf.run(experiment.model_copy(update={"seed": seed}))
        assert result.losses[seed] == report.loss
        for name in SEED_COLUMNS:
            assert_array_equal(result.values[name][seed], report.layers[name])
