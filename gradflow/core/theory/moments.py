"""Gaussian moments of every activation of the catalog, from its torch module alone.

With u ~ N(0, q): E φ(u), Var φ(u), E φ'(u)², the share of saturated outputs and, for two inputs
with correlation c, E φ(u₁)φ(u₂). Quadrature is Gauss–Legendre in panels that halve towards the
origin and end at the kinks of φ, so that one set of nodes serves every q; the moments are tabulated
over ln q once per activation and interpolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.experiment import MLP
from gradflow.core.specs.network import ActivationSettings
from gradflow.core.theory import kernels

FloatArray = npt.NDArray[np.float64]

_LOG_Q_STEP = 0.1
_LOG_Q = np.arange(-32.0, 18.5, _LOG_Q_STEP)
_PANEL_EDGES = np.concatenate([-(2.0 ** np.arange(18, -29, -1)), [0.0], 2.0 ** np.arange(-28, 19)])
_NODES_PER_PANEL = 12
_KINK_RANGE, _KINK_STEP = 16.0, 2.0**-7
_HERMITE_TERMS, _HERMITE_STEP = 48, 1 / 32


class Moments(NamedTuple):
    """E φ, Var φ and E φ'² under N(0, q); arrays in the shape of q."""

    mean: FloatArray
    variance: FloatArray
    slope: FloatArray

    @property
    def power(self) -> FloatArray:
        """E φ²."""
        return self.variance + self.mean**2


@dataclass(frozen=True, eq=False)
class ActivationLaw:
    """The moments of the output of one activation function with Gaussian input.

    Attributes:
        module: φ in float64; where its slope is random, with the mean slope.
        slope_variance: variance of the slope below 0 (RReLU draws a slope for every entry).
        at_zero: φ(0) and φ'(0)².
        table: ln Var φ, ln E φ'² and (E φ − φ(0))/√Var φ, one column for each node of ln q.
        saturated_between: intervals of u in which the output is saturated; ``None`` if φ does not
            saturate.
    """

    module: nn.Module
    slope_variance: float
    at_zero: tuple[float, float]
    table: FloatArray
    saturated_between: FloatArray | None

    def compute_moments(self, q: FloatArray) -> Moments:
        """Compute the moments at the variances ``q`` ≥ 0, shape ``(count,)``."""
        return self._interpolate(q, self.slope_variance / 2)

    def compute_saturated_share(self, q: FloatArray) -> float:
        """Compute the share of saturated outputs, averaged over ``q``; NaN without saturation."""
        if self.saturated_between is None:
            return math.nan
        return float(kernels.average_share_inside(self.saturated_between, q))

    def compute_cosine(self, q: float, cosine: FloatArray) -> FloatArray:
        """Compute the cosine E φ(u₁)φ(u₂)/E φ² of two outputs whose inputs have ``cosine``.

        Both inputs have variance ``q``. The Hermite series Σ c^k a_k² is cut off; its tail is
        replaced by one power of c that has the tail's value and derivative at c = 1, known from
        E φ² and q E φ'².
        """
        return _remember_cosine(self, q, cosine.tobytes())

    def compute_cosine_anew(self, q: float, cosine: FloatArray) -> FloatArray:
        """Compute the cosine without looking for those that were computed before."""
        at_one = self._interpolate(np.array([q]), 0.0)
        power, slope = float(at_one.power[0]), float(at_one.slope[0])
        total = power + q * self.slope_variance / 2
        if not total > 0:
            return cosine
        z, hermite = compute_hermite_functions()
        phi = self.module(torch.from_numpy(math.sqrt(q) * z)).numpy()
        squares = (hermite @ phi) ** 2
        products = kernels.sum_powers(squares, cosine)
        rest = power - squares.sum()
        if rest > 1e-9 * power:
            tail = max(
                float(_HERMITE_TERMS), (q * slope - np.arange(_HERMITE_TERMS) @ squares) / rest
            )
            products += rest * np.clip(cosine, 0.0, 1.0) ** tail
        result: FloatArray = np.clip(products / total, -1.0, 1.0)
        return result

    def compute_pairs(self, q: float, cosine: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Compute the cosines of φ(u), φ(v) and of φ'(u), φ'(v), for u, v of variance ``q``.

        The Hermite coefficients of φ' are those of φ, √(k/q) a_k, one order lower.
        """
        z, hermite = compute_hermite_functions()
        phi = self.module(torch.from_numpy(math.sqrt(q) * z)).numpy()
        at_one = self.compute_moments(np.array([q]))
        orders = np.arange(_HERMITE_TERMS)
        squares = (hermite @ phi) ** 2
        powers = np.vander(cosine, _HERMITE_TERMS, increasing=True)
        slopes = (orders * squares / q)[1:]
        kept = [(squares, float(at_one.power[0])), (slopes, float(at_one.slope[0]))]
        pairs = []
        for terms, total in kept:
            rest = max(total - terms.sum(), 0.0)  # of orders beyond: only equal inputs have it
            tail = rest * np.where(cosine > 0, np.maximum(cosine, 0.0) ** _HERMITE_TERMS, 0.0)
            pairs.append((powers[:, : len(terms)] @ terms + tail) / max(total, 1e-300))
        return pairs[0], pairs[1]

    def compute_spread(self, q: float) -> float:
        """Compute Var φ²/(E φ²)², the relative variance of φ² under N(0, q)."""
        return _remember_spread(self, q)

    def compute_spread_anew(self, q: float) -> float:
        """Compute the spread without looking for those that were computed before."""
        z, hermite = compute_hermite_functions()
        square = self.module(torch.from_numpy(math.sqrt(q) * z)).numpy() ** 2
        return float(hermite[0] @ square**2 / (hermite[0] @ square) ** 2) - 1

    def compute_linear_share(self) -> float:
        """Compute the linear share of Var φ under N(0, 1), (E φ')²/Var φ."""
        z, hermite = compute_hermite_functions()
        phi = self.module(torch.from_numpy(z)).numpy()
        return float(hermite[1] @ phi) ** 2 / float(self.compute_moments(np.ones(1)).variance[0])

    def _interpolate(self, q: FloatArray, noise: float) -> Moments:
        """Interpolate the moments; without ``noise`` as if a random slope always had its mean."""
        return Moments(
            *kernels.interpolate_moments(self.table, _LOG_Q[0], _LOG_Q_STEP, q, self.at_zero, noise)
        )


# A layer's numbers follow from those of the layer before it, so that networks that differ in depth
# alone, as while a slider moves, share nearly all of them.
@lru_cache(maxsize=2048)
def _remember_cosine(law: ActivationLaw, q: float, cosine: bytes) -> FloatArray:
    return _freeze(law.compute_cosine_anew(q, np.frombuffer(cosine)))


@lru_cache(maxsize=2048)
def _remember_spread(law: ActivationLaw, q: float) -> float:
    return law.compute_spread_anew(q)


def _freeze(numbers: FloatArray) -> FloatArray:
    numbers.setflags(write=False)
    return numbers


def get_activation_law(spec: ActivationSettings) -> ActivationLaw:
    """Get the law of the activation of ``spec``, with its parameters."""
    parameters = ACTIVATIONS[spec.activation].parameters
    return _make_law(spec.activation, tuple((name, getattr(spec, name)) for name in parameters))


@lru_cache(maxsize=64)
def _make_law(activation: Activation, parameters: tuple[tuple[str, float], ...]) -> ActivationLaw:
    row = ACTIVATIONS[activation]
    module = row.module(MLP(activation=activation, **dict(parameters))).double().eval()
    module.requires_grad_(False)
    slopes = (module.lower, module.upper) if isinstance(module, nn.RReLU) else (0.0, 0.0)
    kinks = tuple(kink for kink in find_kinks(module) if kink not in _PANEL_EDGES)
    u, _ = _make_quadrature(kinks)
    phi, slope = compute_values_and_slopes(module, u)
    zero, slope_zero = compute_values_and_slopes(module, np.zeros(1))
    weights = _make_gaussian_weights(kinks)
    shift = weights @ (phi - zero)
    variance = weights @ (phi - zero) ** 2 - shift**2
    squared = weights @ slope**2
    return ActivationLaw(
        module=module,
        slope_variance=(slopes[1] - slopes[0]) ** 2 / 12,
        at_zero=(float(zero[0]), float(slope_zero[0] ** 2)),
        table=np.stack([np.log(variance), np.log(squared), shift / np.sqrt(variance)]),
        saturated_between=(
            None
            if row.unsaturated is None
            else _find_saturated_intervals(module, row.unsaturated(module))
        ),
    )


def compute_values_and_slopes(module: nn.Module, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute φ(u) and φ'(u), by autograd."""
    point = torch.from_numpy(u).requires_grad_()
    with torch.enable_grad():
        value: Tensor = module(point)
        (slope,) = torch.autograd.grad(value, point, torch.ones_like(value))
    return value.detach().numpy(), slope.numpy()


def find_kinks(module: nn.Module) -> list[float]:
    """Find where φ' jumps, by bisection in every cell across which it changes by 1e-3 or more."""
    u = np.arange(-_KINK_RANGE - _KINK_STEP / 2, _KINK_RANGE, _KINK_STEP)
    slope = compute_values_and_slopes(module, u)[1]
    change = np.abs(np.diff(slope))
    cells = np.flatnonzero(change > 1e-3 * np.abs(slope).max())
    low, high = u[cells], u[cells + 1]
    slope_low, slope_high = slope[cells], slope[cells + 1]
    for _ in range(44):
        middle = (low + high) / 2
        slope_middle = compute_values_and_slopes(module, middle)[1]
        left = np.abs(slope_middle - slope_low) > np.abs(slope_high - slope_middle)
        high, slope_high = np.where(left, (middle, slope_middle), (high, slope_high))
        low, slope_low = np.where(left, (low, slope_low), (middle, slope_middle))
    jumps = np.abs(slope_high - slope_low) > 1e-6 * np.abs(slope).max()
    return [float(round(kink, 9)) for kink in middle[jumps]] if len(cells) else []


def _find_saturated_intervals(module: nn.Module, interval: tuple[float, float]) -> FloatArray:
    """Find where a nondecreasing φ is outside ``interval``: intervals of u, ``(count, 2)``."""
    ends = []
    for cut, above in zip(interval, (False, True), strict=True):
        low, high = -1e3, 1e3
        for _ in range(80):
            middle = (low + high) / 2
            value = float(module(torch.tensor(middle, dtype=torch.float64)))
            if value > cut or (value == cut and not above):
                high = middle
            else:
                low = middle
        if abs(low) < 999:
            ends.append((low, math.inf) if above else (-math.inf, low))
    return np.array(ends).reshape(-1, 2)


@cache
def compute_hermite_functions() -> tuple[FloatArray, FloatArray]:
    """Compute points z and rows w·h_k(z): h_k orthonormal under N(0, 1), w trapezoid weights."""
    z = np.arange(-12 + _HERMITE_STEP / 2, 12, _HERMITE_STEP)
    rows = [np.exp(-(z**2) / 2) * (_HERMITE_STEP / math.sqrt(2 * math.pi))]
    rows.append(z * rows[0])
    for k in range(2, _HERMITE_TERMS):
        rows.append((z * rows[-1] - math.sqrt(k - 1) * rows[-2]) / math.sqrt(k))
    return z, np.stack(rows)


@lru_cache(maxsize=16)
def _make_quadrature(kinks: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """Make the nodes and weights of ∫ f(u) du."""
    edges = np.sort(np.concatenate([_PANEL_EDGES, kinks]))
    x, w = np.polynomial.legendre.leggauss(_NODES_PER_PANEL)
    length = np.diff(edges)[:, None]
    return (edges[:-1, None] + length * (x + 1) / 2).ravel(), (length * w / 2).ravel()


@lru_cache(maxsize=16)
def _make_gaussian_weights(kinks: tuple[float, ...]) -> FloatArray:
    """Make weights whose row i integrates against N(0, q_i), ln q_i being the table's nodes."""
    u, w = _make_quadrature(kinks)
    q = np.exp(_LOG_Q)[:, None]
    density = w * np.exp(-(u**2) / (2 * q))
    result: FloatArray = density / density.sum(1, keepdims=True)
    return result
