"""The presets show what they say, in the numbers that theory gives (THEORY.md)."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.presets import PRESET_GROUPS, PRESETS


@cache
def run_layers(name: str):
    return gf.run(PRESETS[name].experiment).layers


def measure_change(name: str) -> float:
    """‖δ₁‖ over ‖δ‖ of the last hidden layer."""
    norm = run_layers(name)["delta_norm"].to_numpy()
    return norm[0] / norm[-2]


def test_plain_convolutions_fade_and_residual_ones_do_not():
    """Xavier halves ReLU's power per layer: √½ in the norm; the border costs a little more."""
    assert 1e-3 * 0.5**24.5 < measure_change("conv_plain") < 2 * 0.5**24.5
    assert 1 < measure_change("conv_residual") < 1e3


def test_a_norm_keeps_the_stream_of_a_transformer_in_range():
    stream = gf.run(PRESETS["transformer_pre_norm"].experiment).stream.layers
    grads = stream["activation_grad_norm"]
    # (L + 1)/(l + 1) of the square, were every branch's output of size one.
    assert 1 < grads.iloc[0] / grads.iloc[-1] < 49
    bare = gf.run(PRESETS["transformer_bare"].experiment).stream.layers
    assert not np.isfinite(bare["activation_grad_norm"]).all()


WIDTHS = range(750, 299, -50)


def test_ten_layers_from_800_to_300_units():
    table = run_layers("tanh_small")
    assert table["fan_in"].tolist() == [800, *WIDTHS]
    assert table["fan_out"].tolist() == [*WIDTHS, 10]


def test_small_weights():
    """Nearly linear: ‖δ_l‖² = ‖δ_{l+1}‖²·n_l·σ², and ‖∂L/∂W‖ is the same everywhere."""
    expected = math.sqrt(math.prod(0.01**2 * n for n in WIDTHS[:-1]))
    assert measure_change("tanh_small") == pytest.approx(expected, rel=0.1)
    grads = run_layers("tanh_small")["weight_grad_norm"][:-1]
    assert grads.max() < 1.5 * grads.min()
    assert run_layers("tanh_small")["activation_std"].iloc[-2] < 1e-5


def test_large_weights_saturate_and_explode():
    table = run_layers("tanh_large")
    assert (table["saturated"][:-1] > 0.9).all()
    # χ ≈ σ_w²·(4/3)/√(2πq) with q ≈ σ_w²: the gradient grows, although nearly all is saturated.
    chi = math.prod(math.sqrt(n) * 4 / 3 / math.sqrt(2 * math.pi) for n in WIDTHS[:-1])
    assert measure_change("tanh_large") == pytest.approx(math.sqrt(chi), rel=0.5)


def test_xavier_keeps_tanh_in_range():
    assert 0.2 < measure_change("tanh_xavier") < 1
    assert run_layers("tanh_xavier")["activation_std"][:-1].min() > 0.2


@pytest.mark.parametrize(("name", "gain"), [("relu_xavier", 1.0), ("relu_sqrt2", math.sqrt(2))])
def test_relu_keeps_half(name, gain):
    factor = math.prod(gain**2 * 2 * n / (n + m) / 2 for n, m in pairwise(WIDTHS))
    assert measure_change(name) == pytest.approx(math.sqrt(factor), rel=0.3)


def test_sigmoid_loses_three_quarters_per_layer():
    assert measure_change("deep_sigmoid") < 0.25**22 * 2  # 22 steps with slope ≤ 1/4 and σ_w² = 1
    assert measure_change("deep_sigmoid") > 0.2**22 / 2


def test_he_keeps_the_gradient():
    fluctuation = math.exp(math.sqrt(5 * 49 / 128) / 2)  # Hanin 2018, on the norm
    assert 1 / fluctuation < measure_change("deep_relu_he") < fluctuation


def test_batch_norm_explodes():
    growth = measure_change("deep_relu_batchnorm") ** (1 / 48)
    assert growth == pytest.approx(math.sqrt(math.pi / (math.pi - 1)), rel=0.01)


def test_shortcuts_save_the_sigmoid():
    assert 0.1 < measure_change("residual_sigmoid") < 10


def test_float16_underflows():
    report = gf.run(PRESETS["float16_underflow"].experiment)
    assert report.histogram("delta", 1).zeros == report.histogram("delta", 1).total
    exact = gf.run(
        gf.Experiment(**dict(PRESETS["float16_underflow"].experiment) | {"dtype": "float64"})
    )
    assert (exact.layers["delta_norm"] > 0).all()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_finite_and_named(name):
    preset = PRESETS[name]
    assert preset.label
    assert preset.look_for.endswith(".")
    finite = np.isfinite(run_layers(name)["delta_norm"])
    assert finite.all() == (name not in ("float16_overflow", "transformer_bare"))


def test_constant_weights_make_all_units_of_a_layer_equal():
    """Then the entries of a layer differ between samples only: batch, not batch × width, values."""
    report = gf.run(PRESETS["constant"].experiment)
    exact = gf.run(
        gf.Experiment(**dict(PRESETS["constant"].experiment) | {"dtype": "float64"})
    ).layers
    assert (exact["preactivation_std"] > 0).all()
    for layer in range(1, 6):
        counts = report.histogram("preactivation", layer).counts
        assert (counts % 128 == 0).all()


def test_float16_overflows_and_float32_does_not():
    table = run_layers("float16_overflow")
    assert not np.isfinite(table["activation_rms"]).all()
    spec = PRESETS["float16_overflow"].experiment
    wide = gf.run(gf.Experiment(**dict(spec) | {"dtype": "float32"})).layers
    assert np.isfinite(wide["activation_rms"]).all()
    assert wide["activation_rms"].max() > 65504


def test_labels_differ():
    assert len({preset.label for preset in PRESETS.values()}) == len(PRESETS)


def test_each_preset_stands_in_one_group():
    grouped = [name for names in PRESET_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(PRESETS)


def test_large_weights_explode_in_relu_as_theory_says():
    """χ = σ²·n/2 = 0.09·128/2 per layer, for the square of the norm."""
    growth = measure_change("deep_relu_large") ** (1 / 22)
    assert growth == pytest.approx(math.sqrt(0.3**2 * 128 / 2), rel=0.05)


def test_a_narrow_network_is_born_dead():
    table = run_layers("narrow_relu")
    dead = table["layer"][table["dead_units"] == table["fan_out"]]
    assert len(dead) > 0
    assert (table["delta_norm"][: dead.iloc[0]] == 0).all()
    assert (table["delta_norm"][dead.iloc[-1] :] > 0).any()  # the readout has a bias


def test_questions_that_people_ask():
    reports = {name: gf.run(PRESETS[name].experiment) for name in ASKED}
    losses = {name: report.loss for name, report in reports.items()}
    assert {name: gf.findings(report)[0].verdict for name, report in reports.items()} == ASKED
    assert losses["raw_pixels"] > 50 * math.log(10)
    assert losses["huge_targets"] == pytest.approx(1e16, rel=0.01)
    assert (run_layers("huge_targets")["update_ratio"] > 1e4).all()
    assert (run_layers("softmax_of_one_unit")["weight_grad_norm"] == 0).all()
    assert (run_layers("softmax_of_one_unit")["activation_rms"].iloc[-1]) == 1
    twice = PRESETS["softmax_twice"].experiment
    once = twice.model_copy(
        update={"network": twice.network.model_copy(update={"readout": "none"})}
    )
    shares = run_layers("softmax_twice")["delta_norm"] / gf.run(once).layers["delta_norm"]
    assert shares.between(1 / 10, 1 / 7).all()
    assert math.log(math.e + 9) - 1 == pytest.approx(1.46, abs=0.005)  # all on the right class


ASKED = {
    "raw_pixels": "inputs",
    "softmax_twice": "readout",
    "softmax_of_one_unit": "readout",
    "huge_targets": "targets",
}
"""What is said first of each."""
