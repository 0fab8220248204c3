"""Each setting of a ConvNet and a Transformer moves the report as it promises."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.codec import from_fields
from gradflow.core.experiment import ConvNet, LayerSettings, Transformer
from gradflow.core.specs.network import ActivationSettings


def run_conv(**settings: Any) -> gf.Report:
    """Run a ConvNet with these flat settings; it is small unless they say otherwise."""
    small = {"depth": 5, "channels": 8, "batch_size": 16, "device": "cpu"}
    return gf.run(from_fields({"architecture": "conv"} | small | settings))


def run_transformer(**settings: Any) -> gf.Report:
    small = {"depth": 3, "width": 16, "batch_size": 16, "device": "cpu"}
    return gf.run(from_fields({"architecture": "transformer"} | small | settings))


def list_shapes(report: gf.Report, kind: str = "conv") -> list[str]:
    signals = report.signals
    return signals["shape"][signals["kind"] == kind].tolist()


def depth():
    for n in (2, 3, 9):
        assert run_conv(depth=n).layers["layer"].tolist() == list(range(1, n + 1))


def channels():
    table = run_conv(channels=12).layers
    assert table["fan_out"].tolist() == [12, 12, 12, 12, 10]
    assert table["fan_in"].tolist() == [9, 108, 108, 108, 12]
    gaussian = run_conv(channels=12, source="gaussian").layers
    assert gaussian["fan_in"].tolist() == [27, 108, 108, 108, 12]


def growth_rate():
    table = run_conv(connection="dense", growth_rate=5).layers
    assert table["fan_out"].tolist() == [8, 5, 5, 5, 10]
    assert table["fan_in"].tolist() == [9, 9 * 8, 9 * 13, 9 * 18, 23]


def kernel():
    for k in (1, 3, 5, 7):
        report = run_conv(kernel=k)
        assert report.layers["fan_in"].tolist()[1] == 8 * k * k
        assert list_shapes(report) == ["16×8×8×8"] * 4  # the image keeps its size


def padding():
    """Zeros cost power at the border: layer 1 keeps ((3H − 2)/(3H))² of it, circular all."""
    wide = {
        "depth": 2,
        "channels": 256,
        "activation": "linear",
        "initialization": "lecun_normal",
        "source": "gaussian",
        "batch_size": 256,
    }
    for size in (4, 8):
        kept = [
            run_conv(padding=code, image_size=size, **wide).layers["preactivation_rms"][0] ** 2
            for code in ("zero", "circular")
        ]
        zero, circular = kept
        assert_allclose(circular, 1.0, rtol=0.05)  # the weights fluctuate, equally in both
        assert_allclose(zero / circular, ((3 * size - 2) / (3 * size)) ** 2, rtol=0.02)


def image_size():
    assert list_shapes(run_conv(image_size=11)) == ["16×8×11×11"] * 4
    gaussian = run_conv(image_size=6, source="gaussian")
    assert gaussian.signals["shape"][0] == "16×3×6×6"


def downsampling():
    norms = {}
    for code in ("none", "stride", "max_pool", "average_pool"):
        report = run_conv(downsampling=code, activation="relu")
        size = 8 if code == "none" else 4
        assert list_shapes(report) == ["16×8×8×8"] * 2 + [f"16×8×{size}×{size}"] * 2
        norms[code] = report.layers["delta_norm"][0]
    assert len(set(norms.values())) == 4


def stages():
    for n, sizes in ((2, [8, 8, 8, 4, 4, 4]), (3, [8, 8, 4, 4, 2, 2]), (4, [8, 4, 4, 2, 1, 1])):
        report = run_conv(depth=7, downsampling="stride", stages=n)
        assert list_shapes(report) == [f"16×8×{size}×{size}" for size in sizes]


def heads():
    """The numbers of all weights stay; what the heads attend to does not."""
    one, four = run_transformer(heads=1, weight_std=0.5), run_transformer(heads=4, weight_std=0.5)
    assert one.parameters["norm"].tolist() == four.parameters["norm"].tolist()
    assert not np.isclose(one.loss, four.loss, rtol=1e-3)


def norm_placement():
    """Post-norm rescales the stream after each addition; without norm it grows without end."""
    reports = {
        code: run_transformer(norm_placement=code, depth=12, weight_std=0.2, scaled_output=False)
        for code in ("pre", "post", "none")
    }
    kinds = {code: list_shapes(report, "norm") for code, report in reports.items()}
    assert [len(kinds[code]) for code in ("pre", "post", "none")] == [25, 24, 0]
    size = {code: r.stream.layers["activation_rms"].to_numpy()[1:] for code, r in reports.items()}
    assert_allclose(size["post"], 1.0, rtol=1e-3)
    assert 2 < size["pre"][-1] / size["pre"][0] < 12
    assert size["none"][-1] > 10 * size["pre"][-1]


def residual_scale():
    """Without branches the embedding passes all blocks as it is."""
    stream = run_transformer(residual_scale=0.0).stream.layers
    assert_allclose(stream["activation_rms"], stream["activation_rms"][0], rtol=1e-6)
    assert_allclose(stream["activation_grad_norm"], stream["activation_grad_norm"][0], rtol=1e-6)
    grows = [
        run_transformer(residual_scale=a, weight_std=0.2).stream.layers["activation_rms"].iloc[-1]
        for a in (1.0, 5.0)
    ]
    assert grows[1] > 1.5 * grows[0]


def weight_std():
    for std in (0.02, 0.3):
        table = run_transformer(weight_std=std, width=64, scaled_output=False).parameters
        weights = table[table["parameter"].str.endswith("qkv.weight")]
        assert_allclose(weights["rms"], std, rtol=0.02)


def scaled_output():
    """The last weight of each branch is smaller by 1/√(2·depth), all else is the same."""
    plain, scaled = run_transformer(scaled_output=False), run_transformer(scaled_output=True)
    ratio = scaled.parameters["norm"] / plain.parameters["norm"]
    last = plain.parameters["parameter"].str.endswith("output.weight")
    assert_allclose(ratio[last], 1 / math.sqrt(6), rtol=1e-6)
    weights = ~last & (plain.parameters["norm"] > 0)
    assert_allclose(ratio[weights], 1.0)


CONVNET_TESTS = (
    depth,
    channels,
    growth_rate,
    kernel,
    padding,
    image_size,
    downsampling,
    stages,
)
TRANSFORMER_TESTS = (heads, norm_placement, residual_scale, weight_std, scaled_output)


@pytest.mark.parametrize(
    "test", [*CONVNET_TESTS, *TRANSFORMER_TESTS], ids=lambda test: test.__name__
)
def test_the_setting_moves_the_report(test: Callable[[], None]):
    test()


def test_the_blocks_and_width_of_a_transformer():
    report = run_transformer(depth=5, width=24)
    assert report.layers["fan_out"].tolist() == [24, *[72, 24, 96, 24] * 5, 10]
    assert report.stream.layers["layer"].tolist() == list(range(11))


def test_no_setting_is_left_out():
    own = set(ConvNet.model_fields) - set(LayerSettings.model_fields)
    assert {test.__name__ for test in CONVNET_TESTS} == own
    own = set(Transformer.model_fields) - set(ActivationSettings.model_fields)
    assert {test.__name__ for test in TRANSFORMER_TESTS} | {"depth", "width"} == own


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("activation", ("tanh", "sigmoid")),
        ("initialization", ("xavier_normal", "kaiming_uniform")),
        ("bias_std", (0.0, 0.5)),
        ("normalization", ("none", "batch", "layer", "rms", "instance", "group")),
        ("connection", ("plain", "residual", "preactivation")),
    ],
)
def test_what_convnets_share_with_other_networks_moves_them_too(name, values):
    norms = [run_conv(groups=4, **{name: value}).layers["delta_norm"][0] for value in values]
    assert len({f"{norm:.6g}" for norm in norms}) == len(values)
