"""Convolutional networks: the signal and its gradient at each pixel.

The weights of a window's taps are independent, so that second moments add up over the taps (Xiao et
al. 2018): q(p) = Var W · Σ over the window of Σ_c E φ² + σ_b². With zero padding fewer taps reach a
pixel at the border: at the first layer of a 3×3 window that leaves ((3H − 2)/3H)² of the power.
The gradient runs the same windows backwards. Windows are products of one-dimensional ones.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gradflow.core.catalog import (
    INITIALIZATIONS,
    NORMALIZATIONS,
    Activation,
    Connection,
    Normalization,
    NormMode,
    NormPosition,
    Padding,
)
from gradflow.core.catalog.weight_fills import orthogonal
from gradflow.core.data import draw_batch
from gradflow.core.experiment import ConvNet, Data, Experiment
from gradflow.core.networks.conv import Images
from gradflow.core.theory.flow import PredictedFlow
from gradflow.core.theory.moments import ActivationLaw, FloatArray, get_activation_law
from gradflow.core.theory.signals import LayerOutput, Signal

SAMPLES = 12
"""Images that are followed."""


class Field(NamedTuple):
    """The signal of one channel, over the channels.

    Attributes:
        power, mean: at each pixel of each followed image, ``(samples, height, width)``.
        shared: covariance between two pixels of the batch, whichever.
    """

    power: FloatArray
    mean: FloatArray
    shared: float

    def summarize(self) -> Signal:
        """Describe all pixels as one signal."""
        power = float(self.power.mean())
        return Signal(
            np.array([power]),
            np.array([float(self.mean.mean())]),
            np.array([self.shared / max(power, 1e-300)]),
        )


class PassedField(NamedTuple):
    """A field behind norm and activation, and the factor of the squared gradient at each pixel."""

    field: Field
    slope: FloatArray
    saturated: float


class ImageLaws:
    """The laws of a convolutional network's weights, norm and activation.

    Attributes:
        spec, batch_size, depth: of the experiment.
        fans: channels before and behind each weight layer.
        gain_spread: as in ``NetworkLaws``; 0.
        variance, bias: Var W and the variance of the biases of each layer.
        windows: the one-dimensional window of each convolution, ``(height behind, before)``.
    """

    def __init__(self, experiment: Experiment) -> None:
        spec = experiment.network
        assert isinstance(spec, ConvNet)
        self.spec, self.batch_size, self.depth = spec, experiment.data.batch_size, spec.depth
        layers = spec.list_layers(experiment.data)
        outs = spec.hidden_widths
        taps = [*[spec.kernel**2] * (spec.depth - 1), 1]
        self.fans = [(size.fan_in // n, size.fan_out) for size, n in zip(layers, taps, strict=True)]
        self.gain_spread = [0.0] * self.depth
        choice = INITIALIZATIONS[spec.initialization]
        draw = choice.variance or (lambda spec, fan_in, fan_out: math.nan)
        flat = choice.function is orthogonal  # a matrix of out × in·taps
        self.adapts = choice.unit_variance
        self.variance = [
            draw(spec, fan_in * n, fan_out * (1 if flat else n))
            for (fan_in, fan_out), n in zip(self.fans, taps, strict=True)
        ]
        self.bias = [
            1 / (3 * fan_in * n) if choice.pytorch_bias else spec.bias_std**2
            for (fan_in, _), n in zip(self.fans, taps, strict=True)
        ]
        sizes = [spec.image_size, *spec.sizes]
        circular = spec.padding is Padding.CIRCULAR
        self.windows = [
            make_window(before, spec.kernel, 1 if before == behind else 2, circular)
            for before, behind in itertools.pairwise(sizes)
        ]
        self.law: ActivationLaw = get_activation_law(spec)
        evaluates = spec.normalization is Normalization.BATCH and (
            spec.norm_mode is NormMode.EVALUATION
        )
        self.norm = Normalization.NONE if evaluates else spec.normalization
        self.norm_first = spec.norm_position is NormPosition.BEFORE
        make = NORMALIZATIONS[spec.normalization].image_module
        epsilon = getattr(make(spec, outs[0]), "eps", None) if make else 0.0
        self.epsilon = 1e-7 if epsilon is None else float(epsilon)

    def zero_layer(self, index: int) -> None:
        """Set weight and bias of layer ``index`` to 0."""
        self.variance[index] = self.bias[index] = 0.0

    def convolve(self, power: FloatArray, shared: float, index: int) -> Field:
        """Compute z of layer ``index`` from Σ over the channels of E a², and of what is shared."""
        window = self.windows[index]
        q = self.variance[index] * (window @ power @ window.T)
        taps = self.spec.kernel
        reach = [np.minimum(np.abs(window), 1).sum() / (taps * len(window))] * taps
        common = self.variance[index] * sum(v**2 for v in reach) ** 2 * shared
        if self.adapts:
            statistic = max(float(q.mean()) - common / self.fans[index][1], 1e-300)
            self.variance[index] /= statistic
            q, common = q / statistic, common / statistic
        bias = self.bias[index]
        return Field(q + bias, np.zeros_like(q), common + bias)

    def pull_back(self, delta: FloatArray, index: int) -> FloatArray:
        """Compute ‖∂L/∂a‖² at each pixel from ‖∂L/∂z‖² behind convolution ``index``."""
        window = self.windows[index]
        channels = self.fans[index][0]
        result: FloatArray = channels * self.variance[index] * (window.T @ delta @ window)
        return result

    def finish(self, z: Field) -> PassedField:
        """Apply norm and activation, in their order."""
        if self.norm is Normalization.NONE:
            return self._activate(z, np.ones_like(z.power))
        if self.norm_first:
            return self._activate(*self._normalize(z))
        passed = self._activate(z, np.ones_like(z.power))
        field, factor = self._normalize(passed.field)
        return PassedField(field, passed.slope * factor, passed.saturated)

    def _activate(self, u: Field, factor: FloatArray) -> PassedField:
        flat = u.power.ravel()
        moments = self.law.compute_moments(flat)
        power = float(u.power.mean())
        cosine = float(np.clip(u.shared / max(power, 1e-300), -1.0, 1.0))
        alike = float(self.law.compute_cosine(power, np.array([cosine]))[0])
        shape = u.power.shape
        a = Field(
            moments.power.reshape(shape),
            moments.mean.reshape(shape),
            alike * float(moments.power.mean()),
        )
        saturated = self.law.compute_saturated_share(flat)
        return PassedField(a, moments.slope.reshape(shape) * factor, saturated)

    def _normalize(self, field: Field) -> tuple[Field, FloatArray]:
        """Normalize a field; return also 1/(s² + ε) at each pixel."""
        power, mean, shared = field
        if self.norm is Normalization.BATCH:
            statistic = np.full_like(power, max(float(power.mean()) - shared, 0.0))
            centred, mean, left = np.maximum(power - shared, 0.0), np.zeros_like(mean), 0.0
        elif self.norm is Normalization.RMS:
            statistic = np.broadcast_to(power.mean((1, 2), keepdims=True), power.shape)
            centred, left = power, shared
        else:
            middle = mean.mean((1, 2), keepdims=True)
            centred = power - 2 * mean * middle + middle**2
            statistic = np.broadcast_to(centred.mean((1, 2), keepdims=True), power.shape)
            left = max(shared - float((middle**2).mean()), 0.0)
            mean = mean - middle
        scale = 1 / (statistic + self.epsilon)
        return Field(centred * scale, mean * np.sqrt(scale), left * float(scale.mean())), scale


@lru_cache(maxsize=64)
def make_window(size: int, kernel: int, stride: int, circular: bool) -> FloatArray:
    """Make the matrix of a one-dimensional window: how many taps lead from where to where."""
    starts = range(0, size, stride)
    window = np.zeros((len(starts), size))
    for row, start in enumerate(starts):
        for tap in range(-(kernel // 2), kernel // 2 + 1):
            column = start + tap
            if circular:
                window[row, column % size] += 1
            elif 0 <= column < size:
                window[row, column] += 1
    return window


@lru_cache(maxsize=32)
def measure_images(data: Data, seed: int, shape: tuple[int, int, int]) -> tuple[FloatArray, float]:
    """Measure Σ over channels of x² at each pixel of some images, and the mean x, squared.

    ``shape`` is channels, height of the images in the data, and height that the network sees.
    """
    x = Images(*shape)(draw_batch(data, seed)[0].double()).numpy()
    power = (x**2).sum(1)
    order = np.argsort(power.mean((1, 2)), kind="stable")
    count = min(SAMPLES, len(x))
    some = power[order[(2 * np.arange(count) + 1) * len(x) // (2 * count)]]
    some = some * (power.mean() / max(float(some.mean()), 1e-300))
    return some, float((x.mean((0, 2, 3)) ** 2).sum())


def predict_image_flow(experiment: Experiment) -> tuple[PredictedFlow, ImageLaws]:
    """Predict a convolutional network; return also its laws."""
    laws = ImageLaws(experiment)
    spec = laws.spec
    shape = (*spec.find_image_shape(experiment.data), spec.image_size)
    inputs = measure_images(experiment.data, experiment.seed, shape)
    predict = _STRUCTURES[spec.connection]
    if spec.zero_last:
        if laws.adapts:  # LSUV measures the network before its last branch weights become 0
            predict(laws, *inputs)
            laws.adapts = False
        for group in spec.units[1:]:
            if spec.connection is Connection.PREACTIVATION:
                laws.zero_layer(group[-1] - 1)
    return predict(laws, *inputs), laws


def _predict_plain(laws: ImageLaws, power: FloatArray, shared: float) -> PredictedFlow:
    z, passed = [], []
    for index in range(laws.depth - 1):
        z.append(laws.convolve(power, shared, index))
        passed.append(laws.finish(z[-1]))
        channels, a = laws.fans[index][1], passed[-1].field
        power, shared = channels * a.power, channels * a.shared
    grad = [_read_out(laws, passed[-1].field)]
    delta = [grad[0] * passed[-1].slope]
    for index in range(laws.depth - 2, 0, -1):
        grad.insert(0, laws.pull_back(delta[0], index))
        delta.insert(0, grad[0] * passed[index - 1].slope)
    return _collect(z, passed, delta, grad)


def _predict_dense(laws: ImageLaws, power: FloatArray, shared: float) -> PredictedFlow:
    """Predict layers that see all earlier ones: their gradients per channel add up."""
    z, passed = [], []
    for index in range(laws.depth - 1):
        z.append(laws.convolve(power, shared, index))
        passed.append(laws.finish(z[-1]))
        channels, a = laws.fans[index][1], passed[-1].field
        old = (power, shared) if index else (0.0, 0.0)
        power, shared = old[0] + channels * a.power, old[1] + channels * a.shared
    seen, channels = laws.fans[-1][0], laws.fans[-2][1]
    per_channel = _read_out(laws, passed[-1].field) / channels
    grad = [per_channel * channels]
    delta = [grad[0] * passed[-1].slope]
    for index in range(laws.depth - 2, 0, -1):
        seen, channels = laws.fans[index][0], laws.fans[index - 1][1]
        per_channel = per_channel + laws.pull_back(delta[0], index) / seen
        grad.insert(0, per_channel * channels)
        delta.insert(0, grad[0] * passed[index - 1].slope)
    return _collect(z, passed, delta, grad)


def _predict_preactivation(laws: ImageLaws, power: FloatArray, shared: float) -> PredictedFlow:
    """Predict blocks h + α·f(h); the shortcut skips pixels where the branch's stride does."""
    scale = laws.spec.branch_scale**2
    stream = laws.convolve(power, shared, 0)
    z, passed = [stream], []
    blocks = [[number - 1 for number in group] for group in laws.spec.units[1:]]
    for block in blocks:
        inner = stream
        for index in block:
            passed.append(laws.finish(inner))
            channels, a = laws.fans[index - 1][1], passed[-1].field
            inner = laws.convolve(channels * a.power, channels * a.shared, index)
            z.append(inner)
        step = 1 if inner.power.shape == stream.power.shape else 2
        kept = stream.power[:, ::step, ::step]
        sums = kept + scale * inner.power
        stream = Field(sums, np.zeros_like(sums), stream.shared + scale * inner.shared)
    passed.append(laws.finish(stream))
    last = laws.depth - 2
    grad = {last: _read_out(laws, passed[-1].field)}
    delta: dict[int, FloatArray] = {}
    around = grad[last] * passed[-1].slope
    bare = laws.spec.activation is Activation.LINEAR and (
        laws.spec.normalization is Normalization.NONE
    )
    for block in reversed(blocks):
        delta[block[-1]] = around * scale
        for index in reversed(block):
            grad[index - 1] = laws.pull_back(delta[index], index)
            delta[index - 1] = grad[index - 1] * passed[index - 1].slope
        through = delta[block[0] - 1]
        step = 1 if around.shape == through.shape else 2
        spread = np.zeros_like(through)
        spread[:, ::step, ::step] = around
        around = spread + through
        if bare:
            grad[block[0] - 1] = around  # the output is the stream itself
    delta[0] = around
    order = range(last + 1)
    return _collect(z, passed, [delta[i] for i in order], [grad[i] for i in order])


def _read_out(laws: ImageLaws, a: Field) -> FloatArray:
    """Compute ‖∂L/∂a‖² of the last hidden layer: the readout takes the mean over the pixels."""
    pixels = a.power[0].size
    return np.full_like(a.power, laws.fans[-2][1] * laws.variance[-1] / pixels**2)


def _collect(
    z: list[Field], passed: list[PassedField], delta: list[FloatArray], grad: list[FloatArray]
) -> PredictedFlow:
    """Sum gradients over the pixels; of the readout's own output nothing is predicted."""
    unknown = Signal(*np.full((3, 1), math.nan))
    sums = [[float(field.sum((1, 2)).mean()) for field in fields] for fields in (delta, grad)]
    return PredictedFlow(
        [*(field.summarize() for field in z), unknown],
        [
            *(LayerOutput(p.field.summarize(), np.ones(1), p.saturated) for p in passed),
            LayerOutput(unknown, np.ones(1), math.nan),
        ],
        [*sums[0], 1.0],
        [*sums[1], 1.0],
    )


_STRUCTURES = {
    Connection.PLAIN: _predict_plain,
    Connection.DENSE: _predict_dense,
    Connection.PREACTIVATION: _predict_preactivation,
}
