"""The symbols of the small network as plain text."""

from __future__ import annotations

from gradflow.core.teaching.perceptron_steps import PerceptronStep, StepEntry, StepKind
from gradflow.core.text import _

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
