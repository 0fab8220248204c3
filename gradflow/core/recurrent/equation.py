"""One gate of one unit at one step, with its numbers put in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradflow.core.catalog.cells import Gate
from gradflow.core.errors import GradflowError
from gradflow.core.histogram import FloatArray
from gradflow.core.recurrent.network import RecurrentNetwork, build_recurrent
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.text import Text


@dataclass(frozen=True, eq=False)
class GateEquation:
    """f_t = σ(W_x·x_t + b_x + W_h·h_{t−1} + b_h) of one unit of one sequence.

    A candidate has tanh for σ; that of a GRU has r_t·(W_h·h_{t−1} + b_h) in the place of its
    last two terms, and its pre-activation is that sum.

    Attributes:
        gate: the gate.
        input_weights, inputs: W_x and x_t (in a higher layer, h_t of the layer below).
        hidden_weights, hidden: W_h and h_{t−1}.
        from_input, from_hidden: W_x·x_t and W_h·h_{t−1}.
        bias_input, bias_hidden: PyTorch's two biases.
        reset: r_t of this unit where it applies, else 1.
        preactivation: a, the argument of σ.
        value: the gate's activation, computed here from the numbers above.
    """

    gate: Gate
    input_weights: FloatArray
    inputs: FloatArray
    hidden_weights: FloatArray
    hidden: FloatArray
    from_input: float
    from_hidden: float
    bias_input: float
    bias_hidden: float
    reset: float
    preactivation: float
    value: float


def build_gate_equation(
    report: TimeReport,
    code: str,
    *,
    step: int,
    unit: int = 1,
    layer: int = 1,
    network: RecurrentNetwork | None = None,
) -> GateEquation:
    """Build the equation of a gate for the kept sample of ``report``, in float64.

    Step, unit and layer are counted from 1. ``network`` is the one that was recorded, if it is not
    the experiment's as drawn.

    Raises:
        GradflowError: there is no such gate, step, unit or layer.
    """
    spec = report.experiment.network
    report.gate(code, layer)  # refuses an unknown gate or layer
    for name, value, most in (("step", step, report.length), ("unit", unit, spec.hidden_size)):
        if not 1 <= value <= most:
            raise GradflowError(
                Text(
                    "{name}: {value} is not allowed; choose one from 1 to {most}",
                    name=name,
                    value=value,
                    most=most,
                )
            )
    index = report.gate_codes.index(code)
    row = index * spec.hidden_size + unit - 1
    weights = (network or build_recurrent(report.experiment)).list_weights(layer - 1)
    weight_x, weight_h, bias_x, bias_h = (w.detach()[row].double().cpu().numpy() for w in weights)
    values = report.sample.values
    below = report.sample.inputs if layer == 1 else values["hidden", layer - 1]
    inputs = below[step - 1].astype(np.float64)
    hidden = values["hidden", layer][step - 2].astype(np.float64)
    if step == 1:
        hidden = np.zeros_like(hidden)
    gate = spec.row.gates[index]
    resets = code == "candidate" and "reset" in report.gate_codes
    reset = float(values["reset", layer][step - 1, unit - 1]) if resets else 1.0
    from_input, from_hidden = float(weight_x @ inputs), float(weight_h @ hidden)
    a = from_input + float(bias_x) + reset * (from_hidden + float(bias_h))
    return GateEquation(
        gate=gate,
        input_weights=weight_x,
        inputs=inputs,
        hidden_weights=weight_h,
        hidden=hidden,
        from_input=from_input,
        from_hidden=from_hidden,
        bias_input=float(bias_x),
        bias_hidden=float(bias_h),
        reset=reset,
        preactivation=a,
        value=math.tanh(a) if gate.squash == "tanh" else 0.5 * (1 + math.tanh(a / 2)),
    )
