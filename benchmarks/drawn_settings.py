"""Settings drawn at random from everything the catalog has, to compare theory with networks."""

from __future__ import annotations

import math
import random
from typing import Any

import gradflow as gf
from gradflow.core.catalog import (
    LOSSES,
    Activation,
    Architecture,
    Connection,
    Downsampling,
    FanMode,
    Gain,
    Initialization,
    Inputs,
    Normalization,
    NormMode,
    NormPlacement,
    NormPosition,
    Padding,
    Readout,
    Source,
    Targets,
)
from gradflow.core.codec import from_fields
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import list_options

Values = dict[str, Any]
MOST_TFLOP = 0.004
"""Arithmetic of one pass beyond which a setting is drawn anew."""


def draw_settings(count: int, seed: int) -> list[gf.Experiment]:
    """Draw ``count`` possible experiments: eight of ten fully connected, the rest as the others."""
    rng = random.Random(seed)
    drawn: list[gf.Experiment] = []
    while len(drawn) < count:
        architecture = rng.choices(list(Architecture), [80, 11, 9])[0]
        values = _draw_common(rng, architecture) | _DRAW[architecture](rng)
        try:
            experiment = from_fields(values | {"seed": 1000 * len(drawn)})
        except InvalidExperiment:
            continue
        half = values["dtype"] in ("float16", "bfloat16")
        if experiment.need[1] <= MOST_TFLOP and not (half and values["activation"] == "rrelu"):
            drawn.append(experiment)  # PyTorch has no RReLU in half precision
    return drawn


def _draw_common(rng: random.Random, architecture: Architecture) -> Values:
    """Draw the settings of data, loss and number format."""
    values: Values = {
        "architecture": architecture,
        "source": rng.choices(list(Source), [5, 3, 1, 1, 1])[0],
        "batch_size": rng.choice([8, 16, 32, 32, 64, 64, 128]),
        "dimension": rng.choice([16, 64, 256]),
        "inputs": rng.choice(list(Inputs)),
        "scale": _draw_rarely(rng, 1.0, 0.1, 10.0),
        "offset": rng.choice([0.0, 0.0, 0.0, 0.0, 0.5, 2.0]),
        "correlation": rng.choice([0.0, 0.0, 0.3, 0.8]),
        "targets": rng.choices(list(Targets), [6, 2, 2])[0],
        "readout": rng.choice([Readout.NONE] * 8 + list(Readout)),
        "dtype": rng.choices(["float32", "float64", "float16", "bfloat16"], [15, 3, 1, 1])[0],
        "activation": rng.choice(list_options(Activation, architecture)),
        "negative_slope": rng.uniform(0.01, 0.4),
        "elu_alpha": rng.uniform(0.5, 1.5),
        "device": "cpu",
    }
    if architecture is not Architecture.MLP:
        values["dimension"] = 64
        values["batch_size"] = rng.choice([8, 16, 32])
        if values["source"] not in list_options(Source, architecture):
            values["source"] = Source.DIGITS
    losses = [loss for loss, row in LOSSES.items() if values["targets"] in row.targets]
    return values | {"loss": rng.choice(losses)}


def _draw_mlp(rng: random.Random) -> Values:
    depth = round(math.exp(rng.uniform(math.log(3), math.log(40))))
    width = rng.choice([48, 64, 96, 128, 128, 192, 256])
    values = _draw_layers(rng, width)
    if rng.random() < 0.2:
        widths = [32 * rng.randint(2, 8) for _ in range(min(depth, 12))]
        values["widths"] = tuple(sorted(widths) if rng.random() < 0.5 else widths)
    else:
        values |= {"depth": depth, "width": width}
    return values


def _draw_conv(rng: random.Random) -> Values:
    channels = rng.choice([32, 64, 64, 96])
    return _draw_layers(rng, 9 * channels) | {
        "depth": round(math.exp(rng.uniform(math.log(3), math.log(14)))),
        "channels": channels,
        "growth_rate": rng.choice([16, 32]),
        "kernel": rng.choice([1, 3, 3, 3, 5]),
        "padding": rng.choice(list(Padding)),
        "image_size": rng.choice([8, 8, 12]),
        "downsampling": rng.choice([Downsampling.NONE] * 3 + list(Downsampling)),
        "stages": 2,
    }


def _draw_transformer(rng: random.Random) -> Values:
    return {
        "depth": rng.randint(1, 8),
        "width": rng.choice([48, 64, 128]),
        "heads": rng.choice([2, 4]),
        "norm_placement": rng.choice(list(NormPlacement)),
        "residual_scale": _draw_rarely(rng, 1.0, 0.3, 2.0),
        "weight_std": math.exp(rng.uniform(math.log(0.02), math.log(0.25))),
        "scaled_output": rng.random() < 0.5,
    }


def _draw_layers(rng: random.Random, fan_in: int) -> Values:
    """Draw weights, normalization and connections for layers of about ``fan_in`` inputs."""
    std = math.exp(rng.uniform(math.log(0.4), math.log(3.0))) / math.sqrt(fan_in)
    norms = [n for n in Normalization if n is not Normalization.NONE]
    return {
        "connection": rng.choice(list(Connection)),
        "block_size": rng.randint(1, 3),
        "branch_scale": _draw_rarely(rng, 1.0, 0.1, 2.0, often=0.5),
        "zero_last": rng.random() < 0.06,
        "initialization": rng.choice(list(Initialization)),
        "init_std": std,
        "init_limit": std * math.sqrt(3),
        "fan_mode": rng.choice(list(FanMode)),
        "gain": rng.choice(list(Gain)),
        "gain_value": rng.uniform(0.6, 2.0),
        "bias_std": _draw_rarely(rng, 0.0, 0.05, 0.5),
        "normalization": rng.choice([Normalization.NONE] * len(norms) + norms),
        "groups": rng.choice([2, 4, 8]),
        "norm_position": rng.choice(list(NormPosition)),
        "norm_mode": rng.choices(list(NormMode), [6, 1])[0],
    }


def _draw_rarely(
    rng: random.Random, usual: float, low: float, high: float, often: float = 0.2
) -> float:
    """Draw the usual value, or else one between ``low`` and ``high``, evenly in its logarithm."""
    other = math.exp(rng.uniform(math.log(low), math.log(high)))
    return other if rng.random() < often else usual


_DRAW = {
    Architecture.MLP: _draw_mlp,
    Architecture.CONV: _draw_conv,
    Architecture.TRANSFORMER: _draw_transformer,
}
