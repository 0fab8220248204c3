"""Synthetic reports for the chart tests: a float64 NumPy forward and backward pass, no torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gradflow.core.histogram import FLOAT32_GRID, FLOAT64_GRID, LINEAR_BINS, Histogram
from gradflow.core.report import Quantity, Report

Array = npt.NDArray[np.float64]
Pair = tuple[Callable[[Array], Array], Callable[[Array], Array]]


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))


ACTIVATIONS: dict[str, Pair] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.asarray((z > 0) * 1.0)),
    "linear": (lambda z: z, np.ones_like),
}
LIMITS = {  # smallest normal, smallest positive
    "float64": (2.0**-1022, 2.0**-1074),
    "float32": (2.0**-126, 2.0**-149),
    "bfloat16": (2.0**-126, 2.0**-133),
    "float16": (2.0**-14, 2.0**-24),
}


def round_to_dtype(x: Array, dtype: str) -> Array:
    """``x`` as ``dtype`` would store it, underflow and overflow included."""
    with np.errstate(all="ignore"):
        if dtype == "float64":
            return x
        if dtype == "bfloat16":
            bits = x.astype(np.float32).view(np.uint32)
            return ((bits + 0x8000) & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(float)
        return x.astype(dtype).astype(np.float64)


def make_linear_histogram(x: Array) -> Histogram:
    """256 equal bins from the smallest to the largest finite value; one bin for a constant."""
    x = x.ravel()
    finite = x[np.isfinite(x)]
    counts = np.zeros(0, np.int64)
    edges = np.zeros(1)
    if len(finite):
        low, high = float(finite.min()), float(finite.max())
        if high > low:
            index = ((finite / (high - low) - low / (high - low)) * LINEAR_BINS).astype(int)
            counts = np.bincount(np.clip(index, 0, LINEAR_BINS - 1), minlength=LINEAR_BINS)
            edges = np.linspace(low, high, LINEAR_BINS + 1)
        else:
            margin = 0.5 * abs(low) or 0.5
            counts, edges = np.array([len(finite)]), np.array([low - margin, low + margin])
    return Histogram("linear", edges, counts, zeros=int((finite == 0).sum()), **_nonfinite(x))


def make_log_histogram(x: Array, dtype: str = "float32") -> Histogram:
    """Counts on the fixed grid of the number format, trimmed to the bins in use."""
    x = x.ravel()
    size = np.abs(x)
    inside = np.isfinite(x) & (x != 0)
    edges = (FLOAT64_GRID if dtype == "float64" else FLOAT32_GRID).edges
    index = np.searchsorted(edges, np.log10(size[inside]) + 1e-9, side="right") - 1
    index = np.clip(index, 0, len(edges) - 2)
    counts = np.bincount(index, minlength=len(edges) - 1)
    negative = np.bincount(index[x[inside] < 0], minlength=len(edges) - 1)
    used = np.flatnonzero(counts)
    low, high = (used[0], used[-1] + 1) if len(used) else (0, 0)
    return Histogram(
        "log10",
        edges[low : high + 1],
        counts[low:high],
        negative[low:high],
        zeros=int((x == 0).sum()),
        subnormal=int((inside & (size < LIMITS[dtype][0])).sum()),
        **_nonfinite(x),
    )


def _nonfinite(x: npt.NDArray[Any]) -> dict[str, int]:
    return {
        "nan": int(np.isnan(x).sum()),
        "posinf": int(np.isposinf(x).sum()),
        "neginf": int(np.isneginf(x).sum()),
    }


def make_report(
    depth: int = 8,
    width: int = 64,
    activation: str = "tanh",
    std: float | Callable[[int, int], float] = lambda i, o: math.sqrt(2 / (i + o)),
    *,
    widths: list[int] | None = None,
    batch: int = 128,
    dtype: str = "float32",
    seed: int = 0,
    blocks: bool = False,
    title: str = "",
) -> Report:
    """A random MLP with ten outputs and cross entropy; ``std(fan_in, fan_out)`` of its weights."""
    rng = np.random.default_rng(seed)
    phi, dphi = ACTIVATIONS[activation]
    sizes = [64, *(widths if widths is not None else [width] * (depth - 1)), 10]
    a = rng.normal(size=(batch, sizes[0]))
    zs, activations, weights = [], [a], []
    with np.errstate(all="ignore"):
        for i, o in pairwise(sizes):
            s = std(i, o) if callable(std) else std
            w = rng.normal(size=(o, i)) * s
            z = round_to_dtype(a @ w.T, dtype)
            a = z if len(zs) == len(sizes) - 2 else round_to_dtype(phi(z), dtype)
            zs.append(z)
            activations.append(a)
            weights.append(w)
        target = np.eye(10)[rng.integers(0, 10, batch)]
        logits = a - a.max(1, keepdims=True)
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        loss = float(-np.log(p[target > 0]).mean())
        grad = round_to_dtype((p - target) / batch, dtype)
        rows: list[dict[str, Any]] = []
        histograms: dict[tuple[Quantity, int], Histogram] = {}
        last = len(zs)
        for layer in range(last, 0, -1):
            z, w, below = zs[layer - 1], weights[layer - 1], activations[layer - 1]
            delta = grad if layer == last else round_to_dtype(grad * dphi(z), dtype)
            weight_grad = round_to_dtype(delta.T @ below, dtype)
            values = {
                "preactivation": z,
                "activation": activations[layer],
                "weight": w,
                "delta": delta,
                "activation_grad": grad,
                "weight_grad": weight_grad,
            }
            for name in ("preactivation", "activation", "weight"):
                histograms[name, layer] = make_linear_histogram(values[name])  # type: ignore[index]
            for name in ("delta", "activation_grad", "weight_grad"):
                histograms[name, layer] = make_log_histogram(values[name], dtype)  # type: ignore[index]
            rows.append(_layer_row(layer, w, values, activation if layer < last else "linear"))
            grad = round_to_dtype(delta @ w, dtype)
    layers = pd.DataFrame(rows[::-1])
    normal, smallest = LIMITS[dtype]
    return Report(
        loss=loss,
        signals=_signals(layers, blocks),
        layers=layers,
        parameters=pd.DataFrame(),
        histograms=histograms,
        grad_norm=1.0,
        clip_factor=1.0,
        parameter_count=sum(w.size for w in weights),
        seconds=0.012,
        device="cpu",
        dtype=dtype,
        smallest_normal=normal,
        smallest=smallest,
        title=title or f"{activation}, {last} layers, width {width}",
    )


def rename_module(report: Report, layer: int, name: str) -> Report:
    """The report with another name of a layer's module."""
    layers = report.layers
    layers.loc[layer - 1, "module"] = name
    return dataclasses.replace(report, layers=layers)


def _layer_row(layer: int, w: Array, values: dict[str, Array], activation: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "layer": layer,
        "module": f"linear{layer}",
        "fan_in": w.shape[1],
        "fan_out": w.shape[0],
    }
    a = values["activation"]
    for name in ("preactivation", "activation"):
        x = values[name]
        row |= {f"{name}_mean": x.mean(), f"{name}_std": x.std(), f"{name}_rms": compute_rms(x)}
    outside = {"tanh": np.abs(a) > 0.97, "sigmoid": np.abs(a - 0.5) > 0.485}.get(activation)
    row["saturated"] = math.nan if outside is None else outside.mean()
    row["dead_units"] = float((a <= 0).all(0).sum()) if activation == "relu" else math.nan
    for name in ("delta", "activation_grad", "weight", "weight_grad"):
        row |= {f"{name}_norm": compute_rms(values[name]) * math.sqrt(values[name].size)}
        row |= {f"{name}_rms": compute_rms(values[name])}
    row["bias_grad_norm"] = float(np.sqrt((values["delta"].sum(0) ** 2).sum()))
    with np.errstate(all="ignore"):
        row["update_ratio"] = np.divide(0.01 * row["weight_grad_norm"], row["weight_norm"])
    return {k: float(v) if isinstance(v, np.floating) else v for k, v in row.items()}


def compute_rms(x: Array) -> float:
    """Rescaled by the largest entry, because squares underflow and overflow."""
    peak = float(np.abs(x).max())
    if peak == 0 or not math.isfinite(peak):
        return 0.0 if peak == 0 else math.nan
    return peak * float(np.sqrt(((x / peak) ** 2).mean()))


def _signals(layers: pd.DataFrame, blocks: bool) -> pd.DataFrame:
    columns = layers[["layer", "fan_out", "dead_units", "delta_norm"]]
    rows = [
        {
            "order": 2 * i,
            "layer": i,
            "module": f"act{i}",
            "kind": "activation",
            "grad_norm": grad_norm,
            "shape": f"128×{width}",
            "dead_units": dead,
        }
        for i, width, dead, grad_norm in columns.itertuples(index=False)
    ]
    if blocks:
        rows += [
            {
                "order": 2 * i + 1,
                "layer": i,
                "module": f"block{i}",
                "kind": "block",
                "shape": "128×64",
                "dead_units": math.nan,
                "grad_norm": 0.01 * 1.1 ** (len(layers) - i),
            }
            for i in range(3, len(layers), 2)
        ]
    return pd.DataFrame(rows)


def make_empty_report() -> Report:
    """What a model without weight layers leaves behind."""
    return dataclasses.replace(
        make_report(1),
        signals=pd.DataFrame(),
        layers=pd.DataFrame(),
        histograms={},
        loss=math.nan,
        parameter_count=0,
    )


def drop_histograms(report: Report) -> Report:
    """Tables only, as after a pass recorded without histograms."""
    return dataclasses.replace(report, histograms={})


def add_nonfinite(report: Report) -> Report:
    """Layer 1 has only NaN gradients, layer 2 some inf; the last hidden activation has NaN."""
    layers = report.layers.copy()
    histograms = dict(report.histograms)
    last = len(layers)
    for name in ("delta", "activation_grad", "weight_grad"):
        histograms[name, 1] = make_log_histogram(np.full(4096, np.nan))  # type: ignore[index]
        layers.loc[0, f"{name}_norm"] = layers.loc[0, f"{name}_rms"] = math.nan
        if last > 1:
            old = histograms[name, 2]  # type: ignore[index]
            histograms[name, 2] = dataclasses.replace(old, posinf=150, neginf=50)  # type: ignore[index]
            layers.loc[1, f"{name}_norm"] = layers.loc[1, f"{name}_rms"] = math.inf
    at = max(1, last - 1)
    histograms["activation", at] = dataclasses.replace(histograms["activation", at], nan=300)
    for name in ("mean", "std", "rms"):
        layers.loc[at - 1, f"activation_{name}"] = math.nan
    return dataclasses.replace(report, layers=layers, histograms=histograms, loss=math.nan)
