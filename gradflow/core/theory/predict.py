"""The prediction for one experiment, column by column of ``report.layers``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.core.catalog import Readout
from gradflow.core.experiment import Experiment
from gradflow.core.report import Report
from gradflow.core.text import Text
from gradflow.core.theory.finite_width import find_median_factors
from gradflow.core.theory.fixed_points import UNDEFINED, Phase, find_fixed_point
from gradflow.core.theory.flow import PredictedFlow
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.moments import FloatArray
from gradflow.core.theory.signals import average, scale_signal
from gradflow.core.theory.structures import predict_flow
from gradflow.core.theory.validity import Laws, Standing, find_doubts, find_obstacles

IntArray = npt.NDArray[np.int64]

FORWARD_COLUMNS = (
    "preactivation_rms",
    "preactivation_std",
    "activation_mean",
    "activation_std",
    "activation_rms",
    "saturated",
    "correlation",
)
BACKWARD_COLUMNS = ("delta_norm", "activation_grad_norm")
_OF_OUTPUTS = (
    *("activation_mean", "activation_std", "activation_rms", "saturated", "correlation"),
    "activation_grad_norm",
)
"""What follows the readout, of which no law is known if it has an activation."""


@dataclass(frozen=True, eq=False)
class StreamPrediction:
    """The prediction for the rows of ``report.stream``: what enters the first block, and blocks.

    Attributes:
        layers: numbers of the rows, from 0.
        activation_mean, activation_std, activation_rms: of the stream.
        activation_grad_norm: ‖∂L/∂h‖, with the same anchor as the layers'.
        band: as in ``Prediction``.
    """

    layers: IntArray
    activation_mean: FloatArray
    activation_std: FloatArray
    activation_rms: FloatArray
    activation_grad_norm: FloatArray
    band: FloatArray


@dataclass(frozen=True, eq=False)
class Prediction:
    """The mean-field prediction for an experiment, layer by layer.

    All arrays have one entry per row of ``report.layers``; NaN where nothing is known.

    Attributes:
        standing: how far the numbers can be trusted.
        reasons: why no further, as sentences that ``str`` renders; empty if quantitative.
        layers: the layers' numbers.
        preactivation_rms, preactivation_std: of z_l, over batch × units.
        activation_mean, activation_std, activation_rms: of a_l, the layer's last output; nothing
            is known behind an activation on the readout.
        saturated: share of saturated activations, as the report counts them.
        correlation: mean cosine between the vectors a_l of two different samples; of fully
            connected networks only.
        delta_norm: ‖∂L/∂z_l‖, anchored at the readout's measured one.
        activation_grad_norm: ‖∂L/∂a_l‖ with the same anchor.
        band: factor b ≥ 1; finite widths put a gradient norm between norm/b and norm·b, with
            b² = exp √(5 Σ 1/n) over the widths between the layer and the readout (Hanin 2018).
        chi: χ₁, the factor of the squared gradient norm per layer at the fixed point (Poole et
            al. 2016); NaN unless the network is plain and its hidden layers are alike.
        weight_factor: the part of χ₁ that the weights make, σ_w² = n·Var(W); the rest are the
            slopes, E φ'², and a normalization.
        q_star: second moment of the pre-activation at the fixed point.
        depth_scale: ξ = 1/|ln χ₁|, in layers (Schoenholz et al. 2017).
        phase: ordered for χ₁ < 1, chaotic for χ₁ > 1, critical for ξ beyond the deepest network.
        stream: the residual stream, ``None`` where there is none or no law of it.
    """

    standing: Standing
    reasons: tuple[Text, ...]
    layers: IntArray
    preactivation_rms: FloatArray
    preactivation_std: FloatArray
    activation_mean: FloatArray
    activation_std: FloatArray
    activation_rms: FloatArray
    saturated: FloatArray
    correlation: FloatArray
    delta_norm: FloatArray
    activation_grad_norm: FloatArray
    band: FloatArray
    chi: float
    weight_factor: float
    q_star: float
    depth_scale: float
    phase: Phase | None
    stream: StreamPrediction | None = None


def predict(experiment: Experiment, report: Report) -> Prediction:
    """Predict the layers of ``experiment`` by mean-field theory.

    The signal's second moment and the squared gradient norm follow the recursions of Poole et al.
    (2016) and Schoenholz et al. (2017), with the laws of normalization (Yang et al. 2019) and
    shortcuts (Yang & Schoenholz 2017) for networks that have them; see docs/theory.md.

    Args:
        experiment: the experiment that was run.
        report: its report, from which only the readout's measured ‖∂L/∂z‖ is used.

    Returns:
        A ``Prediction``, whose numbers are all NaN if its ``standing`` is NONE.
    """
    layers = report.get_table("layers")["layer"].astype(np.int64)
    with np.errstate(all="ignore"):
        reasons = tuple(find_obstacles(experiment))
        if reasons:
            unknown: Any = np.full(len(layers), math.nan)
            return Prediction(
                standing=Standing.NONE,
                reasons=reasons,
                layers=layers,
                **dict.fromkeys(FORWARD_COLUMNS + BACKWARD_COLUMNS, unknown),
                band=unknown,
                **UNDEFINED._asdict(),
            )
        mean, laws = predict_flow(experiment)
        flow = _take_medians(mean, laws)
        anchor = float(report.get_table("layers")["delta_norm"][-1])
        columns = _compute_forward_columns(flow, laws) | _compute_backward_columns(flow, anchor)
        if experiment.network.readout is not Readout.NONE:
            for name in _OF_OUTPUTS:
                columns[name][-1] = math.nan
        band = _compute_band(laws)
        reasons = tuple(find_doubts(experiment, report, laws, mean, band))
        last = mean.preactivation[max(laws.depth - 2, 0)]
        return Prediction(
            standing=Standing.QUALITATIVE if reasons else Standing.QUANTITATIVE,
            reasons=reasons,
            layers=layers,
            **columns,
            band=band,
            stream=_predict_stream(flow, anchor, band),
            **(
                find_fixed_point(laws, last) if isinstance(laws, NetworkLaws) else UNDEFINED
            )._asdict(),
        )


def _take_medians(flow: PredictedFlow, laws: Laws) -> PredictedFlow:
    """Turn the means of wide networks into the medians of finite ones."""
    if not isinstance(laws, NetworkLaws):
        return flow
    factors = find_median_factors(laws, flow)
    z = zip(flow.preactivation, factors.preactivation, strict=True)
    outputs = zip(flow.after, factors.activation, strict=True)
    return flow._replace(
        preactivation=[scale_signal(signal, factor) for signal, factor in z],
        after=[a._replace(signal=scale_signal(a.signal, factor)) for a, factor in outputs],
        delta=list(factors.delta * flow.delta),
        activation_grad=list(factors.activation_grad * flow.activation_grad),
    )


def _compute_band(network: Laws) -> FloatArray:
    """Compute the band: 5/n for each layer on the way, and what LSUV's gains vary by."""
    variance = [5 / fan_out for _, fan_out in network.fans[:-1]]
    gains = network.gain_spread[1:]
    variance = [*(v + gain for v, gain in zip(variance, gains, strict=True)), 0.0]
    result: FloatArray = np.exp(np.sqrt(np.cumsum(variance[::-1])[::-1]) / 2)
    return result


def _compute_forward_columns(flow: PredictedFlow, network: Laws) -> dict[str, Any]:
    batch = network.batch_size
    between = isinstance(network, NetworkLaws)  # others follow pixels and tokens of one sample
    rows = []
    for z, output, (_, units) in zip(flow.preactivation, flow.after, network.fans, strict=True):
        a = output.signal
        row = {
            "preactivation_rms": math.sqrt(z.mean_power),
            "preactivation_std": z.compute_std(units, batch),
            "activation_mean": average(a.mean),
            "activation_std": a.compute_std(units, batch),
            "activation_rms": math.sqrt(a.mean_power),
            "saturated": output.saturated,
            "correlation": average(a.cosine) if batch > 1 and between else math.nan,
        }
        rows.append([row[column] for column in FORWARD_COLUMNS])
    return dict(zip(FORWARD_COLUMNS, np.array(rows).T, strict=True))


def _predict_stream(
    flow: PredictedFlow, anchor: float, band: FloatArray
) -> StreamPrediction | None:
    if not flow.stream:
        return None
    power = np.array([point.signal.mean_power for point in flow.stream])
    mean = np.array([average(point.signal.mean) for point in flow.stream])
    gradient = np.array([point.gradient for point in flow.stream])
    return StreamPrediction(
        layers=np.arange(len(flow.stream)),
        activation_mean=mean,
        activation_std=np.sqrt(np.maximum(power - mean**2, 0.0)),
        activation_rms=np.sqrt(power),
        activation_grad_norm=_check_anchor(anchor) * np.sqrt(gradient),
        band=band[[point.layer for point in flow.stream]],
    )


def _check_anchor(anchor: float) -> float:
    return anchor if 0 < anchor < math.inf else math.nan


def _compute_backward_columns(flow: PredictedFlow, anchor: float) -> dict[str, Any]:
    squares = np.array([flow.delta, flow.activation_grad])
    return dict(zip(BACKWARD_COLUMNS, _check_anchor(anchor) * np.sqrt(squares), strict=True))
