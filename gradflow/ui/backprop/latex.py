"""The equations of backpropagation as LaTeX, and with numbers in the place of symbols."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradflow.core.teaching.chain import ChainRun
from gradflow.core.teaching.perceptron import PerceptronRun
from gradflow.core.teaching.perceptron_steps import PerceptronStep, StepEntry, StepKind
from gradflow.core.text import _
from gradflow.ui.latex import (
    write_dot_product,
    write_equations,
    write_factor,
    write_number,
    write_product,
    write_summand,
    write_words,
)

_TO_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_TO_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def write_symbol(step: PerceptronStep, entry: StepEntry) -> str:
    """Write the symbol of a number of the small network as plain text: ∂E/∂w₁₂⁽³⁾."""
    above = f"⁽{step.layer}⁾".translate(_TO_SUPERSCRIPT)
    i, j = str(entry.unit).translate(_TO_SUBSCRIPT), str(entry.source).translate(_TO_SUBSCRIPT)
    parameter = f"w{i}{j}{above}" if entry.source else f"b{i}{above}"
    return {
        StepKind.PREACTIVATION: f"z{i}{above}",
        StepKind.ACTIVATION: f"a{i}{above}",
        StepKind.LOSS: "E",
        StepKind.OUTPUT_DELTA: f"δ{i}{above}",
        StepKind.HIDDEN_DELTA: f"δ{i}{above}",
        StepKind.WEIGHT_GRADIENT: f"∂E/∂{parameter}",
        StepKind.BIAS_GRADIENT: f"∂E/∂{parameter}",
        StepKind.UPDATE: _("new {symbol}").format(symbol=parameter),
        StepKind.NEW_LOSS: _("new {symbol}").format(symbol="E"),
    }[step.kind]


def write_equation(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> str:
    """Write the equation of a number of the small network, in symbols and in numbers."""
    name, general, *in_numbers = _EQUATIONS[step.kind](run, step, entry)
    text = write_equations(
        (name, general), *(("", numbers) for numbers in (*in_numbers, write_number(entry.value)))
    )
    return text.replace("&=", r"&\leftarrow ", 1) if step.kind is StepKind.UPDATE else text


def _write_superscript(layer: int) -> str:
    return f"^{{({layer})}}"


def _write_preactivation(
    run: PerceptronRun, step: PerceptronStep, entry: StepEntry
) -> tuple[str, ...]:
    layer, i, here = step.layer, entry.unit, _write_superscript(step.layer)
    weight, bias = run.parameters[layer - 1]
    return (
        f"z_{i}{here}",
        rf"\sum_j w_{{{i}j}}{here} a_j{_write_superscript(layer - 1)} + b_{i}{here}",
        write_dot_product(weight[i - 1].tolist(), run.by_hand.a[layer - 1].tolist())
        + write_summand(bias[i - 1].item()),
    )


def _write_activation(
    run: PerceptronRun, step: PerceptronStep, entry: StepEntry
) -> tuple[str, ...]:
    i, here = entry.unit, _write_superscript(step.layer)
    z = run.by_hand.z[step.layer - 1][i - 1].item()
    return f"a_{i}{here}", f"f(z_{i}{here})", f"f({write_number(z)})"


def _write_loss(run: PerceptronRun, step: PerceptronStep, _entry: StepEntry) -> tuple[str, ...]:
    pairs = zip(run.by_hand.a[-1].tolist(), run.spec.targets, strict=True)
    squares = "+".join(f"({write_number(a)} - {write_factor(target)})^2" for a, target in pairs)
    return "E", _write_squares(step), rf"\tfrac12 \bigl[{squares}\bigr]"


def _write_new_loss(
    _run: PerceptronRun, step: PerceptronStep, _entry: StepEntry
) -> tuple[str, ...]:
    with_new = f" {_('with the new')} "
    return (
        rf"E_{{{write_words(_('new'))}}}",
        rf"{_write_squares(step)}\ {write_words(with_new)} w, b",
    )


def _write_squares(step: PerceptronStep) -> str:
    return rf"\tfrac12 \sum_i (a_i{_write_superscript(step.layer)} - t_i)^2"


def _write_output_delta(
    run: PerceptronRun, step: PerceptronStep, entry: StepEntry
) -> tuple[str, ...]:
    i, here = entry.unit, _write_superscript(step.layer)
    a, target = run.by_hand.a[-1][i - 1].item(), run.spec.targets[i - 1]
    slope = write_factor(run.slope[-1][i - 1].item())
    return (
        rf"\delta_{i}{here}",
        rf"(a_{i}{here} - t_{i})\, f'(z_{i}{here})",
        rf"({write_number(a)} - {write_factor(target)})\cdot {slope}",
    )


def _write_hidden_delta(
    run: PerceptronRun, step: PerceptronStep, entry: StepEntry
) -> tuple[str, ...]:
    layer, i, here, right = (
        step.layer,
        entry.unit,
        _write_superscript(step.layer),
        _write_superscript(step.layer + 1),
    )
    column = run.parameters[layer][0][:, i - 1].tolist()
    slope = write_factor(run.slope[layer - 1][i - 1].item())
    return (
        rf"\delta_{i}{here}",
        rf"\Bigl(\sum_j \delta_j{right} w_{{j{i}}}{right}\Bigr)\, f'(z_{i}{here})",
        rf"\bigl({write_dot_product(run.by_hand.delta[layer].tolist(), column)}\bigr)\cdot {slope}",
    )


def _write_weight_gradient(
    run: PerceptronRun, step: PerceptronStep, entry: StepEntry
) -> tuple[str, ...]:
    layer, i, j = step.layer, entry.unit, entry.source
    delta, a = run.by_hand.delta[layer - 1][i - 1].item(), run.by_hand.a[layer - 1][j - 1].item()
    return (
        rf"\frac{{\partial E}}{{\partial w_{{{i}{j}}}{_write_superscript(layer)}}}",
        rf"\delta_{i}{_write_superscript(layer)} a_{j}{_write_superscript(layer - 1)}",
        write_product(delta, a),
    )


def _write_bias_gradient(
    _run: PerceptronRun, step: PerceptronStep, entry: StepEntry
) -> tuple[str, ...]:
    i, here = entry.unit, _write_superscript(step.layer)
    return rf"\frac{{\partial E}}{{\partial b_{i}{here}}}", rf"\delta_{i}{here}"


def _write_update(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> tuple[str, ...]:
    i, j, index = entry.unit, entry.source, step.layer - 1
    weight, bias = run.parameters[index]
    if j:
        name, old = f"w_{{{i}{j}}}{_write_superscript(step.layer)}", weight[i - 1, j - 1].item()
        gradient = run.by_hand.weight[index][i - 1, j - 1].item()
    else:
        name, old = f"b_{i}{_write_superscript(step.layer)}", bias[i - 1].item()
        gradient = run.by_hand.bias[index][i - 1].item()
    return (
        name,
        rf"{name} - \alpha \frac{{\partial E}}{{\partial {name}}}",
        rf"{write_number(old)} - {write_product(run.spec.learning_rate, gradient)}",
    )


_EQUATIONS: dict[
    StepKind, Callable[[PerceptronRun, PerceptronStep, StepEntry], tuple[str, ...]]
] = {
    StepKind.PREACTIVATION: _write_preactivation,
    StepKind.ACTIVATION: _write_activation,
    StepKind.LOSS: _write_loss,
    StepKind.OUTPUT_DELTA: _write_output_delta,
    StepKind.HIDDEN_DELTA: _write_hidden_delta,
    StepKind.WEIGHT_GRADIENT: _write_weight_gradient,
    StepKind.BIAS_GRADIENT: _write_bias_gradient,
    StepKind.UPDATE: _write_update,
    StepKind.NEW_LOSS: _write_new_loss,
}


def write_chain_layer(run: ChainRun, i: int) -> str:
    """Write the equations of layer ``i`` of a chain (from 1), forward and backward."""
    n, k = len(run.z), i - 1
    forward = (
        (
            f"z_{{{i}}}",
            f"w_{{{i}}} h_{{{i}}} + b_{{{i}}}",
            write_product(run.w[k], run.h[k]) + write_summand(run.b[k]),
            write_number(run.z[k]),
        ),
        (f"h_{{{i + 1}}}", f"f(z_{{{i}}})", write_number(run.h[k + 1])),
    )
    if i == n:
        general = rf"\frac{{\partial L}}{{\partial h_{{{n + 1}}}}}\, f'(z_{{{n}}})"
        in_numbers = write_product(run.error, run.slope[k])
        error = (
            rf"\frac{{\partial L}}{{\partial h_{{{n + 1}}}}}",
            f"h_{{{n + 1}}} - t",
            rf"{write_number(run.h[n])} - {write_factor(run.target)}",
            write_number(run.error),
        )
        above: tuple[Sequence[str], ...] = (error,)
    else:
        general = rf"g_{{{i + 1}}} \cdot w_{{{i + 1}}} \cdot f'(z_{{{i}}})"
        in_numbers = write_product(run.g[k + 1], run.w[k + 1], run.slope[k])
        above = ()
    return write_equations(
        *forward,
        *above,
        (f"g_{{{i}}}", general, in_numbers, write_number(run.g[k])),
        (
            rf"\frac{{\partial L}}{{\partial w_{{{i}}}}}",
            f"g_{{{i}}}\\, h_{{{i}}}",
            write_product(run.g[k], run.h[k]),
            write_number(run.weight_gradients[k]),
        ),
    )
