"""The equations of backpropagation as LaTeX, with the numbers put in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradflow.core.teaching.chain import ChainRun
from gradflow.core.teaching.perceptron import PerceptronRun
from gradflow.core.teaching.perceptron_steps import PerceptronStep, StepEntry, StepKind
from gradflow.ui.latex import added, dot, factor, lines, product, tex

_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ABOVE = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def symbol(step: PerceptronStep, entry: StepEntry) -> str:
    """The name of a number of the small network as plain text: ∂E/∂w₁₂⁽³⁾."""
    above = f"⁽{step.layer}⁾".translate(_ABOVE)
    i, j = str(entry.unit).translate(_BELOW), str(entry.source).translate(_BELOW)
    parameter = f"w{i}{j}{above}" if entry.source else f"b{i}{above}"
    return {
        StepKind.PREACTIVATION: f"z{i}{above}",
        StepKind.ACTIVATION: f"a{i}{above}",
        StepKind.LOSS: "E",
        StepKind.OUTPUT_DELTA: f"δ{i}{above}",
        StepKind.HIDDEN_DELTA: f"δ{i}{above}",
        StepKind.WEIGHT_GRADIENT: f"∂E/∂{parameter}",
        StepKind.BIAS_GRADIENT: f"∂E/∂{parameter}",
        StepKind.UPDATE: f"new {parameter}",
        StepKind.NEW_LOSS: "new E",
    }[step.kind]


def equation(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> str:
    """One number of the small network: its equation, and the same with the numbers put in."""
    name, general, *put_in = _EQUATIONS[step.kind](run, step, entry)
    text = lines((name, general), *(("", numbers) for numbers in (*put_in, tex(entry.value))))
    return text.replace("&=", r"&\leftarrow ", 1) if step.kind is StepKind.UPDATE else text


def _at(layer: int) -> str:
    return f"^{{({layer})}}"


def _preactivation(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> tuple[str, ...]:
    layer, i, here = step.layer, entry.unit, _at(step.layer)
    weight, bias = run.parameters[layer - 1]
    return (
        f"z_{i}{here}",
        rf"\sum_j w_{{{i}j}}{here} a_j{_at(layer - 1)} + b_{i}{here}",
        dot(weight[i - 1].tolist(), run.by_hand.a[layer - 1].tolist()) + added(bias[i - 1].item()),
    )


def _activation(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> tuple[str, ...]:
    i, here = entry.unit, _at(step.layer)
    z = run.by_hand.z[step.layer - 1][i - 1].item()
    return f"a_{i}{here}", f"f(z_{i}{here})", f"f({tex(z)})"


def _loss(run: PerceptronRun, step: PerceptronStep, _entry: StepEntry) -> tuple[str, ...]:
    pairs = zip(run.by_hand.a[-1].tolist(), run.spec.targets, strict=True)
    squares = "+".join(f"({tex(a)} - {factor(target)})^2" for a, target in pairs)
    return "E", _squares(step), rf"\tfrac12 \bigl[{squares}\bigr]"


def _new_loss(_run: PerceptronRun, step: PerceptronStep, _entry: StepEntry) -> tuple[str, ...]:
    return r"E_{\text{new}}", _squares(step) + r"\ \text{ with the new } w, b"


def _squares(step: PerceptronStep) -> str:
    return rf"\tfrac12 \sum_i (a_i{_at(step.layer)} - t_i)^2"


def _output_delta(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> tuple[str, ...]:
    i, here = entry.unit, _at(step.layer)
    a, target = run.by_hand.a[-1][i - 1].item(), run.spec.targets[i - 1]
    slope = factor(run.slope[-1][i - 1].item())
    return (
        rf"\delta_{i}{here}",
        rf"(a_{i}{here} - t_{i})\, f'(z_{i}{here})",
        rf"({tex(a)} - {factor(target)})\cdot {slope}",
    )


def _hidden_delta(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> tuple[str, ...]:
    layer, i, here, right = step.layer, entry.unit, _at(step.layer), _at(step.layer + 1)
    column = run.parameters[layer][0][:, i - 1].tolist()
    slope = factor(run.slope[layer - 1][i - 1].item())
    return (
        rf"\delta_{i}{here}",
        rf"\Bigl(\sum_j \delta_j{right} w_{{j{i}}}{right}\Bigr)\, f'(z_{i}{here})",
        rf"\bigl({dot(run.by_hand.delta[layer].tolist(), column)}\bigr)\cdot {slope}",
    )


def _weight_gradient(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> tuple[str, ...]:
    layer, i, j = step.layer, entry.unit, entry.source
    delta, a = run.by_hand.delta[layer - 1][i - 1].item(), run.by_hand.a[layer - 1][j - 1].item()
    return (
        rf"\frac{{\partial E}}{{\partial w_{{{i}{j}}}{_at(layer)}}}",
        rf"\delta_{i}{_at(layer)} a_{j}{_at(layer - 1)}",
        product(delta, a),
    )


def _bias_gradient(_run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> tuple[str, ...]:
    i, here = entry.unit, _at(step.layer)
    return rf"\frac{{\partial E}}{{\partial b_{i}{here}}}", rf"\delta_{i}{here}"


def _update(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> tuple[str, ...]:
    i, j, place = entry.unit, entry.source, step.layer - 1
    weight, bias = run.parameters[place]
    if j:
        name, old = f"w_{{{i}{j}}}{_at(step.layer)}", weight[i - 1, j - 1].item()
        gradient = run.by_hand.weight[place][i - 1, j - 1].item()
    else:
        name, old = f"b_{i}{_at(step.layer)}", bias[i - 1].item()
        gradient = run.by_hand.bias[place][i - 1].item()
    return (
        name,
        rf"{name} - \alpha \frac{{\partial E}}{{\partial {name}}}",
        rf"{tex(old)} - {product(run.spec.learning_rate, gradient)}",
    )


_EQUATIONS: dict[
    StepKind, Callable[[PerceptronRun, PerceptronStep, StepEntry], tuple[str, ...]]
] = {
    StepKind.PREACTIVATION: _preactivation,
    StepKind.ACTIVATION: _activation,
    StepKind.LOSS: _loss,
    StepKind.OUTPUT_DELTA: _output_delta,
    StepKind.HIDDEN_DELTA: _hidden_delta,
    StepKind.WEIGHT_GRADIENT: _weight_gradient,
    StepKind.BIAS_GRADIENT: _bias_gradient,
    StepKind.UPDATE: _update,
    StepKind.NEW_LOSS: _new_loss,
}


def chain_layer(run: ChainRun, i: int) -> str:
    """The equations of layer ``i`` of a chain (from 1), forward and backward."""
    n, k = len(run.z), i - 1
    forward = (
        (
            f"z_{{{i}}}",
            f"w_{{{i}}} h_{{{i}}} + b_{{{i}}}",
            product(run.w[k], run.h[k]) + added(run.b[k]),
            tex(run.z[k]),
        ),
        (f"h_{{{i + 1}}}", f"f(z_{{{i}}})", tex(run.h[k + 1])),
    )
    if i == n:
        general = rf"\frac{{\partial L}}{{\partial h_{{{n + 1}}}}}\, f'(z_{{{n}}})"
        put_in = product(run.error, run.slope[k])
        error = (
            rf"\frac{{\partial L}}{{\partial h_{{{n + 1}}}}}",
            f"h_{{{n + 1}}} - t",
            rf"{tex(run.h[n])} - {factor(run.target)}",
            tex(run.error),
        )
        above: tuple[Sequence[str], ...] = (error,)
    else:
        general = rf"g_{{{i + 1}}} \cdot w_{{{i + 1}}} \cdot f'(z_{{{i}}})"
        put_in = product(run.g[k + 1], run.w[k + 1], run.slope[k])
        above = ()
    return lines(
        *forward,
        *above,
        (f"g_{{{i}}}", general, put_in, tex(run.g[k])),
        (
            rf"\frac{{\partial L}}{{\partial w_{{{i}}}}}",
            f"g_{{{i}}}\\, h_{{{i}}}",
            product(run.g[k], run.h[k]),
            tex(run.weight_gradients[k]),
        ),
    )
