"""Convolutional networks against plain functions of torch in float64, and torch's own norms."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.catalog import Connection, Downsampling, Normalization
from gradflow.core.codec import from_fields
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from tests.core.oracles import PHI

SMALL = {
    "architecture": "conv",
    "depth": 6,
    "channels": 6,
    "growth_rate": 4,
    "groups": 2,
    "batch_size": 7,
    "bias_std": 0.2,
    "dtype": "float64",
    "device": "cpu",
}


def make_experiment(**settings: Any) -> gf.Experiment:
    return from_fields(SMALL | settings)


def standardize(z: Tensor, axes: tuple[int, ...], *, centre: bool = True) -> Tensor:
    if centre:
        z = z - z.mean(axes, keepdim=True)
    epsilon = 1e-5 if centre else torch.finfo(z.dtype).eps  # as torch's modules have it
    return z / (z.square().mean(axes, keepdim=True) + epsilon).sqrt()


def normalize(z: Tensor, spec: gf.ConvNet) -> Tensor:
    n, c, h, w = z.shape
    match spec.normalization:
        case "batch":
            return standardize(z, (0, 2, 3))
        case "layer":
            return standardize(z, (1, 2, 3))
        case "instance":
            return standardize(z, (2, 3))
        case "rms":
            return standardize(z, (1, 2, 3), centre=False)
        case "group":
            grouped = z.reshape(n, spec.groups, c // spec.groups, h, w)
            return standardize(grouped, (2, 3, 4)).reshape(n, c, h, w)
    return z


def halve(x: Tensor, how: str) -> Tensor:
    """Halve images by explicit windows: 2×2, cut off at the far border of an odd image."""
    if how == "stride":
        return x[..., ::2, ::2]
    h, w = x.shape[2:]
    windows = [
        [x[:, :, i : i + 2, j : j + 2].flatten(2) for j in range(0, w, 2)] for i in range(0, h, 2)
    ]
    # Where pixels are equal, one of them gets the gradient.
    reduce = (lambda t: t.max(-1).values) if how == "max_pool" else (lambda t: t.mean(-1))
    return torch.stack([torch.stack([reduce(t) for t in row], -1) for row in windows], -2)


class Oracle:
    """The network of a spec made of functions; it keeps ``z`` and ``a`` of each layer."""

    def __init__(self, exp: gf.Experiment, model: nn.Module) -> None:
        self.spec, self.data = exp.network, exp.data
        layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
        self.weights = [layer.weight for layer in layers]
        self.biases = [layer.bias for layer in layers]
        self.z: list[Tensor] = []
        self.a: list[Tensor] = []

    def convolve(self, x: Tensor, index: int) -> Tensor:
        spec = self.spec
        pad = [spec.kernel // 2] * 4
        padded = F.pad(x, pad, mode="circular") if spec.padding == "circular" else F.pad(x, pad)
        stride = 2 if spec.downsampling == "stride" and index in self.starts else 1
        z = F.conv2d(padded, self.weights[index - 1], self.biases[index - 1], stride=stride)
        self.z.append(z)
        self.a.append(z)
        return z

    def finish(self, z: Tensor) -> Tensor:
        spec, phi = self.spec, PHI[self.spec.activation]
        if spec.norm_position == "before":
            return phi(normalize(z, spec), spec)
        return normalize(phi(z, spec), spec)

    def keep(self, a: Tensor) -> Tensor:
        self.a[-1] = a
        return a

    def shrink(self, x: Tensor, index: int) -> Tensor:
        if index in self.starts and self.spec.downsampling != "stride":
            return self.keep(halve(x, self.spec.downsampling))
        return x

    def __call__(self, x: Tensor) -> Tensor:
        spec = self.spec
        last = spec.depth - 1
        channels = 3 if self.data.source == "gaussian" else 1
        side = round((x.shape[1] / channels) ** 0.5)
        x = x.reshape(len(x), channels, side, side)
        if side != spec.image_size:
            where = torch.arange(spec.image_size) * side // spec.image_size
            x = x[:, :, where][:, :, :, where]
        per_block = spec.block_size if spec.connection in ("residual", "preactivation") else 1
        starts = range(2, last + 1, per_block)
        units = [[1], *(list(range(i, min(i + per_block, last + 1))) for i in starts)]
        self.starts = (
            {units[len(units) * s // spec.stages][0] for s in range(1, spec.stages)} - {1}
            if spec.downsampling != "none"
            else set()
        )
        x = getattr(self, spec.connection)(x, units)
        logits = x.mean((2, 3)) @ self.weights[-1].T + self.biases[-1]
        self.z.append(logits)
        self.a.append(logits)
        return logits

    def plain(self, x: Tensor, units: list[list[int]]) -> Tensor:
        for (index,) in units:
            x = self.keep(self.finish(self.convolve(self.shrink(x, index), index)))
        return x

    def residual(self, x: Tensor, units: list[list[int]]) -> Tensor:
        h = self.keep(self.finish(self.convolve(x, 1)))
        for unit in units[1:]:
            h = f = self.shrink(h, unit[0])
            for index in unit[:-1]:
                f = self.keep(self.finish(self.convolve(f, index)))
            f = self.convolve(f, unit[-1])
            shortcut = h if f.shape == h.shape else h[..., ::2, ::2]
            scale, phi = self.spec.branch_scale, PHI[self.spec.activation]
            if self.spec.norm_position == "before":
                h = phi(shortcut + scale * normalize(f, self.spec), self.spec)
            else:
                h = normalize(phi(shortcut + scale * f, self.spec), self.spec)
            self.keep(h)
        return h

    def preactivation(self, x: Tensor, units: list[list[int]]) -> Tensor:
        h = self.convolve(x, 1)
        for unit in units[1:]:
            h = f = self.shrink(h, unit[0])
            for index in unit:
                f = self.convolve(self.keep(self.finish(f)), index)
            shortcut = h if f.shape == h.shape else h[..., ::2, ::2]
            h = self.keep(shortcut + self.spec.branch_scale * f)
        return self.keep(self.finish(h))

    def dense(self, x: Tensor, units: list[list[int]]) -> Tensor:
        for (index,) in units:
            x = self.shrink(x, index)
            new = self.keep(self.finish(self.convolve(x, index)))
            x = new if index == 1 else torch.cat([x, new], 1)
        return x


def check(exp: gf.Experiment) -> None:
    report = gf.run(exp)
    inputs, targets = draw_batch(exp.data, exp.seed)
    model = build_network(exp, inputs).double()
    oracle = Oracle(exp, model)
    loss = F.cross_entropy(oracle(inputs.double()), targets)
    assert report.loss == pytest.approx(loss.item(), rel=1e-10)
    kinds = {"delta": oracle.z, "activation_grad": oracle.a, "weight_grad": oracle.weights}
    tensors = [t for group in kinds.values() for t in group]
    norms = [g.norm().item() for g in torch.autograd.grad(loss, tensors, allow_unused=True)]
    for place, name in enumerate(kinds):
        expected = norms[place * len(oracle.z) : (place + 1) * len(oracle.z)]
        assert_allclose(report.layers[f"{name}_norm"], expected, rtol=1e-8, atol=1e-14)
    for name, group in (("preactivation", oracle.z), ("activation", oracle.a)):
        expected = [t.square().mean().sqrt().item() for t in group]
        assert_allclose(report.layers[f"{name}_rms"], expected, rtol=1e-9)


@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize("normalization", Normalization)
@pytest.mark.parametrize("connection", Connection)
def test_gradients_are_those_of_autograd(connection, normalization, position):
    settings = {"norm_position": position} if normalization != "none" else {}
    check(make_experiment(connection=connection, normalization=normalization, **settings))


GEOMETRIES = list(itertools.product(Connection, Downsampling, ["zero", "circular"]))


@pytest.mark.parametrize(("connection", "downsampling", "padding"), GEOMETRIES)
def test_images_of_all_sizes(connection, downsampling, padding):
    if (connection, downsampling) == ("dense", "stride"):
        with pytest.raises(gf.InvalidExperiment, match="downsampling: stride"):
            make_experiment(connection=connection, downsampling=downsampling)
        return
    for size, stages, source in ((9, 2, "digits"), (13, 3, "gaussian")):
        geometry = {"downsampling": downsampling, "padding": padding, "stages": stages}
        network = {"connection": connection, "activation": "tanh", "depth": 8, "block_size": 2}
        check(make_experiment(**geometry, **network, image_size=size, source=source))


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("block_size", [1, 3])
def test_kernels_and_blocks(kernel, block_size):
    blocks = {"connection": "residual", "block_size": block_size, "branch_scale": 0.5}
    check(make_experiment(kernel=kernel, **blocks))


@pytest.mark.parametrize("normalization", ["batch", "layer", "instance", "group"])
def test_norms_are_torchs(normalization):
    """With γ and β off 1 and 0, against the modules of ``torch.nn``."""
    exp = make_experiment(normalization=normalization, depth=2, groups=3)
    model = build_network(exp, draw_batch(exp.data, 0)[0])
    ours = next(m for name, m in model.named_modules() if name == "norm1").double()
    reference = {
        "batch": nn.BatchNorm2d(6),
        "layer": nn.GroupNorm(1, 6),
        "instance": nn.InstanceNorm2d(6, affine=True),
        "group": nn.GroupNorm(3, 6),
    }[normalization].double()
    x = torch.randn(5, 6, 4, 4, dtype=torch.float64)
    gamma, beta = torch.rand(6).double() + 0.5, torch.randn(6).double()
    for module in (ours, reference):
        module.weight.data.copy_(gamma)
        module.bias.data.copy_(beta)
    assert_allclose(ours(x).detach(), reference(x).detach(), rtol=1e-12, atol=1e-12)


def test_rms_norm_by_hand():
    exp = make_experiment(normalization="rms", depth=2)
    norm = dict(build_network(exp, draw_batch(exp.data, 0)[0]).named_modules())["norm1"].double()
    norm.weight.data.uniform_(0.5, 2)
    x = np.random.default_rng(0).normal(size=(3, 6, 4, 4))
    by_hand = x / np.sqrt((x**2).mean((1, 2, 3), keepdims=True))
    by_hand *= norm.weight.detach().numpy()
    assert_allclose(norm(torch.tensor(x)).detach(), by_hand, rtol=1e-12)


def test_batch_norm_in_evaluation_mode_is_the_identity_at_the_start():
    plain = gf.run(make_experiment())
    evaluated = gf.run(make_experiment(normalization="batch", norm_mode="evaluation"))
    assert_allclose(evaluated.layers["delta_norm"], plain.layers["delta_norm"], rtol=1e-3)


def test_dead_channels_are_counted_not_pixels():
    """A channel with a large negative bias is off everywhere; one dark pixel is not a unit."""
    exp = make_experiment(activation="relu", bias_std=0.0, depth=3)
    inputs, targets = draw_batch(exp.data, 0)
    model = build_network(exp, inputs)
    model.conv1.bias.data[[1, 4]] = -1e3
    report = gf.probe(model, inputs, targets)
    assert report.layers["dead_units"][0] == 2
    assert_allclose(report.dead_unit_share()[0], 2 / 6)


@pytest.mark.parametrize("code", ["kaiming_normal", "xavier_uniform", "orthogonal", "pytorch"])
def test_weights_have_the_variance_of_their_fans(code):
    exp = make_experiment(initialization=code, channels=64, depth=4, bias_std=0.0)
    fan_in = fan_out = 9 * 64
    variance = {
        "kaiming_normal": 2 / fan_in,
        "xavier_uniform": 2 / (fan_in + fan_out),
        "orthogonal": 1 / fan_in,  # 64 rows of length 576: out ≤ in, σ_w² = 1
        "pytorch": 1 / (3 * fan_in),
    }[code]
    table = gf.run(exp).parameters
    rms = table["rms"][table["parameter"] == "conv2.weight"].item()
    assert_allclose(rms**2, variance, rtol=0.03)


def test_lsuv_gives_every_convolution_unit_variance():
    exp = make_experiment(initialization="lsuv", bias_std=0.0, channels=16)
    assert_allclose(gf.run(exp).layers["preactivation_std"], 1.0, rtol=1e-5)


def test_a_block_whose_last_weight_is_zero_is_the_identity():
    exp = make_experiment(connection="preactivation", zero_last=True, downsampling="none", depth=8)
    stream = gf.run(exp).stream
    assert_allclose(stream.layers["activation_rms"], stream.layers["activation_rms"][0], rtol=1e-12)
    norms = stream.layers["activation_grad_norm"]
    assert_allclose(norms, norms[0], rtol=1e-12)


@pytest.mark.parametrize("settings", [{"kernel": 7, "stages": 4, "downsampling": "max_pool"}])
def test_circular_padding_wraps_at_most_once(settings):
    with pytest.raises(gf.InvalidExperiment, match="kernel: 7 is too wide for circular padding"):
        make_experiment(padding="circular", **settings)


@pytest.mark.parametrize("kernel", [0, 2, 9, 3.5, "x", None])
def test_kernels_are_odd(kernel):
    with pytest.raises(gf.InvalidExperiment, match=r"kernel: .* choose one of 1, 3, 5, 7"):
        gf.ConvNet(kernel=kernel)


def test_too_large_a_convnet_is_refused():
    with pytest.raises(gf.InvalidExperiment, match=r"^depth, channels, kernel, image_size") as one:
        gf.Experiment(network=gf.ConvNet(channels=512, image_size=64, depth=50))
    assert "50 layers, 512 channels on 256 samples need" in str(one.value)
    assert "“Depth”, “Channels”, “Kernel”, “Image size” and “Batch size”" in str(one.value)
    dense = {"connection": "dense", "growth_rate": 128, "image_size": 64, "depth": 50}
    with pytest.raises(gf.InvalidExperiment, match="“Growth rate k”") as two:
        gf.Experiment(network=gf.ConvNet(**dense))
    assert "growth_rate" in two.value.fields


def test_instance_norm_needs_more_than_one_pixel():
    settings = {"normalization": "instance", "downsampling": "stride", "stages": 4, "depth": 9}
    with pytest.raises(gf.InvalidExperiment, match=r"normalization: instance .* 1×1 pixels"):
        make_experiment(image_size=8, **settings)
    check(make_experiment(image_size=9, **settings))


def test_every_stage_needs_a_convolution():
    with pytest.raises(gf.InvalidExperiment, match=r"stages: 4 are more than the 2"):
        gf.ConvNet(depth=3, downsampling="stride", stages=4)
