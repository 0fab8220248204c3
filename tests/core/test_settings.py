"""Each setting moves the report as it promises: one test per setting, and none may be missing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits

import gradflow as gf
from gradflow.core.codec import from_fields


def run(**settings: Any) -> gf.Report:
    """Run an MLP with these flat settings; it is small unless they say otherwise."""
    small = {"depth": 4, "width": 32, "batch_size": 64, "device": "cpu"}
    return gf.run(from_fields(small | settings))


TESTS: dict[str, Callable[[], None]] = {}
NAMES = [
    name
    for part in (gf.MLP, gf.Data, gf.Experiment)
    for name in part.model_fields
    if name not in ("network", "data")
]
"""Settings of fully connected networks; test_network_settings has those of others."""


def moves(test: Callable[[], None]) -> Callable[[], None]:
    TESTS[test.__name__.rstrip("_")] = test
    return test


def compute_ratio(column: str, before: gf.Report, after: gf.Report) -> np.ndarray:
    return (after.layers[column] / before.layers[column]).to_numpy()


@moves
def architecture():
    kinds = {
        code: run(architecture=code).layers["module"][1] for code in ("mlp", "conv", "transformer")
    }
    assert kinds == {"mlp": "linear2", "conv": "conv2", "transformer": "attention1.branch.qkv"}


@moves
def depth():
    for n in (1, 2, 9):
        assert run(depth=n).layers["layer"].tolist() == list(range(1, n + 1))


@moves
def width():
    table = run(width=48).layers
    assert table["fan_out"].tolist() == [48, 48, 48, 10]
    assert table["fan_in"].tolist() == [64, 48, 48, 48]


@moves
def widths():
    assert run(widths=(5, 7, 6)).layers["fan_out"].tolist() == [5, 7, 6, 10]


@moves
def connection():
    """In a deep sigmoid network the plain gradient vanishes; shortcuts carry it on."""
    norms = {
        code: run(depth=20, activation="sigmoid", connection=code).layers["delta_norm"]
        for code in ("plain", "residual", "preactivation", "dense")
    }
    decay = {code: norm[0] / norm[18] for code, norm in norms.items()}
    assert decay["plain"] < 1e-8
    assert decay["preactivation"] > 1e-1
    assert decay["plain"] < 1e-3 * decay["residual"]
    assert norms["dense"][0] > 1e6 * norms["plain"][0]
    assert run(connection="dense").layers["fan_in"].tolist() == [64, 96, 128, 160]


@moves
def block_size():
    for k, blocks in ((1, 8), (2, 4), (3, 3), (10, 1)):
        table = run(depth=10, connection="residual", block_size=k).signals
        assert table["module"].str.contains(".tail.act", regex=False).sum() == blocks


@moves
def branch_scale():
    """‖∂L/∂h‖ grows by about 1 + α² per block on its way back; with α = 0 the branches are dead."""
    off = run(depth=10, connection="preactivation", block_size=1, branch_scale=0.0).layers
    assert_allclose(off["weight_grad_norm"][1:9], 0)
    assert off["weight_grad_norm"][0] > 0
    deep = {"depth": 20, "width": 128, "connection": "preactivation", "activation": "linear"}
    reports = (run(**deep, block_size=1, branch_scale=scale) for scale in (0.5, 1.0))
    grown = [report.layers["preactivation_rms"].iloc[18] for report in reports]
    # z of the last block is W h with h grown by √(1 + α²) in each of 18 blocks before it.
    assert grown[1] / grown[0] == pytest.approx(math.sqrt(2 / 1.25) ** 17, rel=0.5)


@moves
def zero_last():
    table = run(depth=6, connection="residual", block_size=2, zero_last=True).layers
    assert (table["weight_norm"] == 0).tolist() == [False, False, True, False, True, False]


@moves
def activation():
    signals = run(activation="relu").signals
    rows = signals[signals["kind"] == "activation"]
    assert (rows["min"] == 0).all()
    assert rows["zero"].between(0.2, 0.8).all()
    tanh = run(activation="tanh", initialization="normal", init_std=1.0).layers
    assert (tanh["saturated"][:3] > 0.3).all()
    assert run(activation="linear").layers["saturated"].isna().all()


@moves
def negative_slope():
    for slope in (0.0, 0.2, 1.0):
        signals = run(activation="leaky_relu", negative_slope=slope).signals
        assert signals["min"][1] == pytest.approx(slope * signals["min"][0], rel=1e-5)


@moves
def elu_alpha():
    for alpha in (0.5, 3.0):
        signals = run(
            activation="elu", elu_alpha=alpha, initialization="normal", init_std=1.0
        ).signals
        assert signals["min"][1] == pytest.approx(-alpha, rel=1e-3)


@moves
def initialization():
    xavier, pytorch = run(initialization="xavier_normal"), run(initialization="pytorch")
    assert compute_ratio("weight_norm", xavier, pytorch)[1] == pytest.approx(
        1 / math.sqrt(3), rel=0.05
    )
    zeros = run(initialization="zeros").layers
    assert (zeros["weight_norm"] == 0).all()
    assert (zeros["weight_grad_norm"] == 0).all()  # a = 0 for the readout, δ = 0 for the others
    assert zeros["bias_grad_norm"].iloc[-1] > 0


@moves
def init_value():
    small, large = (run(initialization="constant", init_value=v) for v in (0.01, -0.03))
    assert_allclose(compute_ratio("weight_norm", small, large), 3, rtol=1e-5)
    assert large.histogram("weight", 1).edges.mean() == pytest.approx(-0.03)


@moves
def init_std():
    small, large = (run(initialization="normal", init_std=s) for s in (0.01, 0.1))
    assert_allclose(compute_ratio("weight_norm", small, large), 10, rtol=1e-5)
    assert_allclose(large.layers["preactivation_std"][0] / small.layers["preactivation_std"][0], 10)


@moves
def init_limit():
    small, large = (run(initialization="uniform", init_limit=r) for r in (0.01, 0.1))
    assert_allclose(compute_ratio("weight_norm", small, large), 10, rtol=1e-5)
    assert large.histogram("weight", 2).edges[-1] == pytest.approx(0.1, rel=0.01)


@moves
def fan_mode():
    into, out = (run(initialization="kaiming_normal", fan_mode=m) for m in ("fan_in", "fan_out"))
    expected = np.sqrt(into.layers["fan_in"] / into.layers["fan_out"])
    assert_allclose(compute_ratio("weight_norm", into, out), expected, rtol=1e-5)


@moves
def gain():
    one, own = run(gain="one"), run(gain="recommended")
    assert_allclose(compute_ratio("weight_norm", one, own), 5 / 3, rtol=1e-5)  # tanh
    standard = run(initialization="kaiming_normal")
    assert_allclose(
        compute_ratio("weight_norm", run(initialization="kaiming_normal", gain="one"), standard),
        math.sqrt(2),
        rtol=1e-5,
    )


@moves
def gain_value():
    a, b = (run(gain="custom", gain_value=g) for g in (0.5, 4.0))
    assert_allclose(compute_ratio("weight_norm", a, b), 8, rtol=1e-5)


@moves
def bias_std():
    table = run(bias_std=0.5).parameters
    biases = table[table["parameter"].str.endswith("bias")]
    assert biases["rms"].mean() == pytest.approx(0.5, rel=0.3)
    without = run(initialization="zeros").layers["preactivation_rms"]
    with_bias = run(initialization="zeros", bias_std=0.5).layers["preactivation_rms"]
    assert (without == 0).all()
    assert (with_bias > 0.2).all()


@moves
def normalization():
    for code in ("batch", "layer", "rms", "group"):
        signals = run(normalization=code, activation="relu").signals
        norms = signals[signals["kind"] == "norm"]
        assert len(norms) == 3
        assert_allclose(norms["rms"], 1, rtol=1e-3)
        if code != "rms":
            assert_allclose(norms["mean"], 0, atol=1e-4)
    assert "norm" not in set(run().signals["kind"])


@moves
def groups():
    """A group of one unit has no spread: nothing is left."""
    alone = run(normalization="group", groups=32).signals
    assert_allclose(alone[alone["kind"] == "norm"]["rms"], 0, atol=1e-3)
    together = run(normalization="group", groups=1).layers
    as_layer = run(normalization="layer").layers
    assert_allclose(together["delta_norm"], as_layer["delta_norm"], rtol=1e-4)


@moves
def norm_position():
    for position, expected in (
        ("before", ["linear", "norm", "activation"]),
        ("after", ["linear", "activation", "norm"]),
    ):
        signals = run(normalization="layer", norm_position=position).signals
        assert signals["kind"][:3].tolist() == expected


@moves
def norm_mode():
    """At initialization the running statistics are 0 and 1: batch norm is the identity."""
    plain = run().layers
    evaluation = run(normalization="batch", norm_mode="evaluation").layers
    assert_allclose(evaluation["delta_norm"], plain["delta_norm"], rtol=1e-4)
    training = run(normalization="batch", norm_mode="training").layers
    assert not np.allclose(training["delta_norm"], plain["delta_norm"], rtol=0.05)


@moves
def source():
    for code, features, classes in (("digits", 64, 10), ("moons", 2, 2), ("spirals", 2, 2)):
        table = run(source=code).layers
        assert (table["fan_in"][0], table["fan_out"].iloc[-1]) == (features, classes)
    assert run(source="moons").loss != run(source="spirals").loss


@moves
def batch_size():
    """A mean loss puts 1/B into every δ: ‖δ‖ of B independent samples falls as 1/√B."""
    few, many = run(batch_size=64), run(batch_size=1024)
    assert few.signals["shape"][0] == "64×32"
    assert many.signals["shape"][0] == "1024×32"
    assert compute_ratio("delta_norm", few, many).mean() == pytest.approx(1 / 4, rel=0.2)


@moves
def dimension():
    assert run(source="gaussian", dimension=123).layers["fan_in"][0] == 123


@moves
def scale():
    one, ten = (run(source="gaussian", scale=s) for s in (1.0, 10.0))
    assert compute_ratio("preactivation_rms", one, ten)[0] == pytest.approx(10, rel=1e-5)


@moves
def correlation():
    """With correlation 1 all samples are one: batch norm finds no spread to normalize."""
    same, apart = (
        run(source="gaussian", correlation=c, normalization="batch").signals for c in (1.0, 0.0)
    )
    assert same["rms"][1] < 0.01
    assert apart["rms"][1] == pytest.approx(1, rel=1e-3)


@moves
def noise():
    """Noise gives the coordinates Gaussian tails; without it they end sharply."""
    sharp, blurred = (run(source="moons", noise=n, batch_size=2000).signals for n in (0.0, 1.0))
    assert sharp["max"][0] / sharp["rms"][0] < 0.85 * blurred["max"][0] / blurred["rms"][0]


@moves
def inputs():
    raw = load_digits(return_X_y=True)[0]
    standardized, stored = (
        run(source="digits", inputs=i, batch_size=1797, activation="linear").layers
        for i in ("standardized", "raw")
    )
    ratio = (stored["preactivation_rms"] / standardized["preactivation_rms"])[0]
    assert ratio == pytest.approx(math.sqrt((raw**2).mean()), rel=0.2)


@moves
def offset():
    """An offset far beyond the spread makes all samples alike."""
    near, far = (run(source="gaussian", offset=o).layers for o in (0.0, 100.0))
    assert far["preactivation_rms"][0] / near["preactivation_rms"][0] > 50
    assert far["similarity"][0] > 0.99 > near["similarity"][0]


@moves
def targets():
    for code, losses, units in (
        ("classes", "cross_entropy", 10),
        ("binary", "bce_with_logits", 1),
        ("numbers", "mse", 1),
    ):
        assert run(targets=code, loss=losses).layers["fan_out"].iloc[-1] == units


NUMBERS = {"targets": "numbers", "initialization": "zeros", "loss": "mse"}


@moves
def target_scale():
    """A network that answers 0 is wrong by the targets’ mean square."""
    assert run(**NUMBERS).loss == pytest.approx(1, rel=1e-5)
    assert run(**NUMBERS, target_scale=1e8).loss == pytest.approx(1e16, rel=1e-5)


@moves
def target_offset():
    assert run(**NUMBERS, target_offset=3.0).loss == pytest.approx(1 + 3**2, rel=1e-5)


@moves
def readout():
    """Behind zero weights: softmax 1/10, sigmoid ½, and no gradient through a dead ReLU."""
    for code, value in (("softmax", 0.1), ("sigmoid", 0.5), ("tanh", 0.0), ("relu", 0.0)):
        table = run(initialization="zeros", readout=code).layers
        assert table["activation_mean"].iloc[-1] == pytest.approx(value)
        assert (table["delta_norm"].iloc[-1] == 0) == (code == "relu")
    logs = run(initialization="zeros", readout="log_softmax").layers
    assert logs["activation_mean"].iloc[-1] == pytest.approx(-math.log(10))


@moves
def loss():
    zeros = {"initialization": "zeros"}
    assert run(**zeros, loss="cross_entropy").loss == pytest.approx(math.log(10), rel=1e-6)
    assert run(**zeros, loss="mse").loss == pytest.approx(1 / 10, rel=1e-6)
    assert run(**zeros, loss="l1").loss == pytest.approx(1 / 10, rel=1e-6)
    yes_or_no = zeros | {"targets": "binary"}
    assert run(**yes_or_no, loss="bce_with_logits").loss == pytest.approx(math.log(2), rel=1e-6)
    probable = run(**yes_or_no, loss="bce", readout="sigmoid")
    assert probable.loss == pytest.approx(math.log(2), rel=1e-6)


UNDERFLOW = {"depth": 12, "width": 64, "activation": "sigmoid"}


@moves
def dtype():
    """float16 has nothing between 0 and 6·10⁻⁸: gradients become exact zeros."""
    half, single = (run(**UNDERFLOW, dtype=d) for d in ("float16", "float32"))
    assert (half.dtype, single.dtype) == ("float16", "float32")
    zeros = [r.histogram("delta", 1).zeros / r.histogram("delta", 1).total for r in (half, single)]
    assert zeros[0] > 0.9
    assert zeros[1] == 0
    assert (half.smallest, half.smallest_normal) == (2.0**-24, 2.0**-14)
    brain = run(**UNDERFLOW, dtype="bfloat16")
    assert brain.histogram("delta", 1).zeros == 0
    double = run(**UNDERFLOW, dtype="float64")
    assert_allclose(double.layers["delta_norm"], single.layers["delta_norm"], rtol=1e-3)
    assert double.smallest == 5e-324


@moves
def loss_scale():
    """Scaling the loss brings the lost gradients back, and the report shows them unscaled."""
    lost, kept = (run(**UNDERFLOW, dtype="float16", loss_scale=s) for s in (1.0, 2.0**16))
    exact = run(**UNDERFLOW, dtype="float64").layers
    assert lost.layers["delta_norm"][0] < 0.5 * exact["delta_norm"][0]
    assert kept.histogram("delta", 1).zeros < lost.histogram("delta", 1).zeros
    assert_allclose(kept.layers["delta_norm"][4:], exact["delta_norm"][4:], rtol=0.05)
    assert kept.smallest == 2.0**-40
    assert kept.loss == lost.loss


@moves
def device():
    assert run(device="cpu").device == "cpu"
    if not torch.cuda.is_available():
        assert run(device="auto").device == "cpu"
        with pytest.raises(gf.DeviceUnavailable):
            run(device="cuda")


@moves
def seed():
    a, again, b = run(seed=1), run(seed=1), run(seed=2)
    assert a.layers.equals(again.layers)
    for column in ("weight_norm", "delta_norm", "preactivation_rms"):
        assert not np.isclose(a.layers[column], b.layers[column], rtol=1e-6).any()
        assert_allclose(a.layers[column], b.layers[column], rtol=0.5)  # of the same kind


@moves
def learning_rate():
    a, b = (run(learning_rate=lr) for lr in (0.01, 0.1))
    assert_allclose(compute_ratio("update_ratio", a, b), 10)
    assert_allclose(compute_ratio("weight_grad_norm", a, b), 1)


@moves
def clip_norm():
    a, b = run(), run(clip_norm=1e-3)
    assert_allclose(compute_ratio("update_ratio", a, b), b.clip_factor)
    assert b.clip_factor == pytest.approx(1e-3 / (a.grad_norm + 1e-6))
    assert_allclose(compute_ratio("weight_grad_norm", a, b), 1)
    assert run(clip_norm=1e6).clip_factor == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_the_setting_moves_the_report(name):
    TESTS[name]()


def test_no_setting_is_left_out():
    assert sorted(TESTS) == sorted(NAMES)
