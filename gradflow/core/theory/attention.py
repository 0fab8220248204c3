"""Transformers at initialization: the residual stream of the tokens, and its gradient.

What a wide layer keeps of a sample is the matrix K of its tokens' products, K_ij = E a_i·a_j per
unit, and of the gradient the matrix D_ij = E g_i·g_j. A weight multiplies either, an activation
maps every pair, layer normalization divides by the tokens' standard deviations, and attention mixes
tokens: K → E A K Aᵀ, D → E Aᵀ D A. With Gaussian queries and keys the logits of a head are Gaussian
with covariance K ⊗ K; the expectation over them is taken over drawn ones. The gradient that comes
back through queries and keys is left out; it is small where the logits are.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gradflow.core.catalog import NormPlacement
from gradflow.core.data import draw_batch
from gradflow.core.experiment import Data, Experiment, Transformer
from gradflow.core.networks.build import compute_transformer_stds
from gradflow.core.specs.transformer import MLP_RATIO, TOKENS
from gradflow.core.theory.flow import PredictedFlow, StreamPoint
from gradflow.core.theory.moments import ActivationLaw, FloatArray, get_activation_law
from gradflow.core.theory.signals import LayerOutput, Signal

SAMPLES, DRAWN_HEADS = 12, 48
_INNER = 3
"""Place of the perceptron's first layer behind the embedding, and in each four layers."""
_EPSILON = 1e-5  # of nn.LayerNorm


class Attending(NamedTuple):
    """Attention of drawn heads, ``(samples, heads, tokens, tokens)``, and the logits' variance."""

    weights: FloatArray
    logit_variance: float


class TransformerLaws:
    """The laws of a transformer's weights, norms and attention.

    Attributes:
        spec, batch_size: of the experiment.
        fans: of each weight layer, per token.
        depth: weight layers.
        gain_spread: as in ``NetworkLaws``; 0.
        std, output_std: σ of the weights, and of the last weight of every branch.
        largest_logit: the largest variance of the attention logits, once the flow is known.
    """

    def __init__(self, experiment: Experiment) -> None:
        spec = experiment.network
        assert isinstance(spec, Transformer)
        self.spec, self.batch_size = spec, experiment.data.batch_size
        layers = spec.list_layers(experiment.data)
        self.fans = [(size.fan_in, size.fan_out) for size in layers]
        self.depth = len(layers)
        self.gain_spread = [0.0] * self.depth
        stds = compute_transformer_stds(spec)
        self.std, self.output_std = stds["std"], stds["output_std"]
        self.law: ActivationLaw = get_activation_law(spec)
        self.pre = spec.norm_placement is NormPlacement.PRE
        self.post = spec.norm_placement is NormPlacement.POST
        self.largest_logit = 0.0

    def attend(self, x: FloatArray) -> Attending:
        """Draw the attention of heads whose tokens have products ``x``."""
        projected = self.spec.width * self.std**2
        variance = float((projected**2 * np.einsum("sii->si", x) ** 2).mean())
        self.largest_logit = max(self.largest_logit, variance)
        values, vectors = np.linalg.eigh(x)
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None]
        logits = projected * root[:, None] @ _draw_logits() @ root.swapaxes(1, 2)[:, None]
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        return Attending(weights / weights.sum(-1, keepdims=True), variance)

    def activate(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Compute E φ_i φ_j and E φ'_i φ'_j for all pairs of tokens."""
        return activate_pairs(self.law, z)


@lru_cache(maxsize=1)
def _draw_logits() -> FloatArray:
    drawn = np.random.default_rng(0).standard_normal((DRAWN_HEADS // 2, TOKENS, TOKENS))
    return np.concatenate([drawn, -drawn])


def activate_pairs(law: ActivationLaw, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute E φ(u)φ(v) and E φ'(u)φ'(v) for u, v with the covariances ``z`` of each sample."""
    power = np.einsum("sii->si", z)
    moments = law.compute_moments(power.ravel())
    typical = float(power.mean())
    root = np.sqrt(np.maximum(power, 1e-300))
    cosine: FloatArray = np.clip(z / (root[:, :, None] * root[:, None]), -1.0, 1.0)
    values, slopes = (f.reshape(cosine.shape) for f in law.compute_pairs(typical, cosine.ravel()))
    scale = np.sqrt(moments.power.reshape(power.shape))
    steep = np.sqrt(moments.slope.reshape(power.shape))
    return (
        values * scale[:, :, None] * scale[:, None],
        slopes * steep[:, :, None] * steep[:, None],
    )


@lru_cache(maxsize=32)
def measure_tokens(data: Data, seed: int) -> FloatArray:
    """Measure the products of the rows of some images, per pixel: ``(samples, 8, 8)``."""
    x = draw_batch(data, seed)[0].double().numpy()
    order = np.argsort((x**2).mean(1), kind="stable")
    count = min(SAMPLES, len(x))
    rows = x[order[(2 * np.arange(count) + 1) * len(x) // (2 * count)]].reshape(count, TOKENS, -1)
    some = rows @ rows.swapaxes(1, 2) / rows.shape[2]
    power = max(float(np.einsum("sii->si", some).mean()), 1e-300)
    result: FloatArray = some * (float((x**2).mean()) / power)
    return result


class _Norm(NamedTuple):
    """Layer normalization: the tokens' products behind it, and 1/(s_i s_j)."""

    out: FloatArray
    scale: FloatArray


def _normalize(x: FloatArray) -> _Norm:
    inverse = 1 / np.sqrt(np.einsum("sii->si", x) + _EPSILON)
    scale = inverse[:, :, None] * inverse[:, None]
    return _Norm(x * scale, scale)


class _Block(NamedTuple):
    """What the way back needs of one branch."""

    before: _Norm | None
    attending: Attending | None
    slope: FloatArray | None
    after: _Norm | None


def predict_transformer_flow(experiment: Experiment) -> tuple[PredictedFlow, TransformerLaws]:
    """Predict a transformer; return also its laws."""
    laws = TransformerLaws(experiment)
    spec, width = laws.spec, laws.spec.width
    inner, last = MLP_RATIO * width, laws.output_std**2
    tokens = measure_tokens(experiment.data, experiment.seed)
    z = [laws.fans[0][0] * laws.std**2 * tokens]
    stream = z[0] + laws.std**2 * np.eye(TOKENS)
    a, streams = [stream], [stream]
    blocks: list[_Block] = []
    for index in range(2 * spec.depth):
        before = _normalize(stream) if laws.pre else None
        x = stream if before is None else before.out
        a[-1] = x
        if index % 2 == 0:
            z.append(width * laws.std**2 * x)
            attending, slope = laws.attend(x), None
            mixed = attending.weights @ z[-1][:, None] @ attending.weights.swapaxes(2, 3)
            a.append(mixed.mean(1))
            z.append(width * last * a[-1])
        else:
            z.append(width * laws.std**2 * x)
            attending, (value, slope) = None, laws.activate(z[-1])
            a.append(value)
            z.append(inner * last * a[-1])
        stream = stream + spec.residual_scale**2 * z[-1]
        after = _normalize(stream) if laws.post else None
        stream = stream if after is None else after.out
        a.append(stream)
        streams.append(stream)
        blocks.append(_Block(before, attending, slope, after))
    final = _normalize(stream) if laws.pre else None
    a[-1] = stream if final is None else final.out
    z.append(width * laws.std**2 * a[-1].mean((1, 2), keepdims=True))
    a.append(z[-1])
    delta, grad, back = _predict_backward(laws, blocks, final, len(tokens))
    points = [
        StreamPoint(2 * index, _summarize(x), _sum_units(g))
        for index, (x, g) in enumerate(zip(streams, back, strict=True))
    ]
    flow = _collect(laws.law, z, a, delta, grad)
    return flow._replace(stream=tuple(points)), laws


def _predict_backward(
    laws: TransformerLaws, blocks: list[_Block], final: _Norm | None, samples: int
) -> tuple[list[FloatArray], list[FloatArray], list[FloatArray]]:
    """Compute D of ∂L/∂z and ∂L/∂a per layer, and of the stream, summed over the units."""
    width, last = laws.spec.width, laws.output_std**2
    inner, scale = MLP_RATIO * width, laws.spec.residual_scale**2
    # The readout takes the mean over the tokens: all get the same gradient.
    out = np.full((samples, TOKENS, TOKENS), width * laws.std**2 / TOKENS**2)
    delta: list[FloatArray] = []
    grad = [out]
    stream = out if final is None else out * final.scale
    streams = [stream]
    for block in reversed(blocks):
        if block.after is not None:
            stream = stream * block.after.scale
        delta.insert(0, scale * stream)
        if block.attending is not None:
            grad.insert(0, width * last * delta[0])
            weights = block.attending.weights
            back = (weights.swapaxes(2, 3) @ grad[0][:, None] @ weights).mean(1)
        else:
            assert block.slope is not None
            grad.insert(0, inner * last * delta[0])
            back = grad[0] * block.slope
        delta.insert(0, back)
        entering = width * laws.std**2 * back
        branch = entering if block.before is None else entering * block.before.scale
        stream = stream + branch
        streams.insert(0, stream)
        # Behind a norm at its start the branch alone reads the output, else the stream goes on.
        grad.insert(0, stream if block.before is None else entering)
    delta.insert(0, stream)
    return delta, grad, streams


def _summarize(x: FloatArray) -> Signal:
    """Describe the tokens as one signal of mean 0."""
    power = np.array([float(np.einsum("sii->si", x).mean())])
    return Signal(power, np.zeros(1), np.zeros(1))


def _sum_units(d: FloatArray) -> float:
    """Sum squared gradients over the tokens, and average them over the samples."""
    return float(np.einsum("sii->s", d).mean())


def _collect(
    law: ActivationLaw,
    z: list[FloatArray],
    a: list[FloatArray],
    delta: list[FloatArray],
    grad: list[FloatArray],
) -> PredictedFlow:
    def activate(index: int) -> LayerOutput:
        if index % 4 != _INNER:
            return LayerOutput(_summarize(a[index]), np.ones(1), math.nan)
        q = np.einsum("sii->si", z[index]).ravel()
        mean = np.array([float(law.compute_moments(q).mean.mean())])
        signal = _summarize(a[index])._replace(mean=mean)
        return LayerOutput(signal, np.ones(1), law.compute_saturated_share(q))

    sums = [[_sum_units(d) for d in part] for part in (delta, grad)]
    return PredictedFlow(
        [_summarize(x) for x in z],
        [activate(index) for index in range(len(a))],
        [*sums[0], 1.0],
        [*sums[1], 1.0],
    )
