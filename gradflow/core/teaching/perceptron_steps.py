"""The backpropagation of a small perceptron as a list of steps, and the numbers of each step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor

from gradflow.core.teaching.perceptron import PerceptronPass, PerceptronRun


class StepKind(StrEnum):
    """Codes of the quantities that a step may compute."""

    PREACTIVATION = "preactivation"
    ACTIVATION = "activation"
    LOSS = "loss"
    OUTPUT_DELTA = "output_delta"
    HIDDEN_DELTA = "hidden_delta"
    WEIGHT_GRADIENT = "weight_gradient"
    BIAS_GRADIENT = "bias_gradient"
    UPDATE = "update"
    NEW_LOSS = "new_loss"


@dataclass(frozen=True)
class PerceptronStep:
    """One quantity of one layer; ``layer`` is L for the two losses."""

    kind: StepKind
    layer: int


def list_steps(layers: int) -> tuple[PerceptronStep, ...]:
    """List the steps of one pass and one update of a network of so many layers, in order.

    z and a from the input on, E, δ from the output back, ∂E/∂W and ∂E/∂b layer by layer from the
    output back, the update, the new E.
    """
    forward, backward = range(1, layers + 1), range(layers, 0, -1)
    return (
        *(
            PerceptronStep(kind, layer)
            for layer in forward
            for kind in (StepKind.PREACTIVATION, StepKind.ACTIVATION)
        ),
        PerceptronStep(StepKind.LOSS, layers),
        PerceptronStep(StepKind.OUTPUT_DELTA, layers),
        *(PerceptronStep(StepKind.HIDDEN_DELTA, layer) for layer in backward if layer < layers),
        *(PerceptronStep(StepKind.WEIGHT_GRADIENT, layer) for layer in backward),
        *(PerceptronStep(StepKind.BIAS_GRADIENT, layer) for layer in backward),
        *(PerceptronStep(StepKind.UPDATE, layer) for layer in backward),
        PerceptronStep(StepKind.NEW_LOSS, layers),
    )


@dataclass(frozen=True)
class StepEntry:
    """One number of a step.

    Attributes:
        unit: the unit i it belongs to; 0 for a loss.
        source: for a weight the unit j of the layer before; 0 otherwise.
        value: the number by the four equations.
        reference: the number by PyTorch.
    """

    unit: int
    source: int
    value: float
    reference: float

    @property
    def difference(self) -> float:
        """``value`` − ``reference``; 0 where both are the same infinity or both are NaN."""
        same = self.value == self.reference or (
            math.isnan(self.value) and math.isnan(self.reference)
        )
        return 0.0 if same else self.value - self.reference


def list_entries(run: PerceptronRun, step: PerceptronStep) -> tuple[StepEntry, ...]:
    """List the numbers of a step: per unit, per weight row by row, or the one loss."""
    hand, reference = run.by_hand, run.by_pytorch
    match step.kind:
        case StepKind.LOSS:
            return (StepEntry(0, 0, hand.loss, reference.loss),)
        case StepKind.NEW_LOSS:
            return (StepEntry(0, 0, run.losses[-1], run.new_loss_by_pytorch),)
        case StepKind.UPDATE:
            weight, bias = hand.updated[step.layer - 1]
            reference_weight, reference_bias = reference.updated[step.layer - 1]
            return (
                *_list_weight_entries(weight, reference_weight),
                *_list_unit_entries(bias, reference_bias),
            )
        case StepKind.WEIGHT_GRADIENT:
            return _list_weight_entries(
                hand.weight[step.layer - 1], reference.weight[step.layer - 1]
            )
        case _:
            return _list_unit_entries(
                _get_unit_values(hand, step), _get_unit_values(reference, step)
            )


def _get_unit_values(numbers: PerceptronPass, step: PerceptronStep) -> Tensor:
    """Get the quantity of a step that has one number for each unit of a layer."""
    match step.kind:
        case StepKind.PREACTIVATION:
            return numbers.z[step.layer - 1]
        case StepKind.ACTIVATION:
            return numbers.a[step.layer]
        case StepKind.BIAS_GRADIENT:
            return numbers.bias[step.layer - 1]
        case _:
            return numbers.delta[step.layer - 1]


def _list_unit_entries(values: Tensor, references: Tensor) -> tuple[StepEntry, ...]:
    pairs = zip(values.tolist(), references.tolist(), strict=True)
    return tuple(StepEntry(i, 0, value, reference) for i, (value, reference) in enumerate(pairs, 1))


def _list_weight_entries(values: Tensor, references: Tensor) -> tuple[StepEntry, ...]:
    rows = zip(values.tolist(), references.tolist(), strict=True)
    return tuple(
        StepEntry(i, j, value, reference)
        for i, (row, reference_row) in enumerate(rows, 1)
        for j, (value, reference) in enumerate(zip(row, reference_row, strict=True), 1)
    )


def find_first_nonfinite(run: PerceptronRun) -> tuple[PerceptronStep, StepEntry] | None:
    """Find the first number, in the order of the steps, that is infinite or NaN."""
    for step in list_steps(run.layers):
        for entry in list_entries(run, step):
            if not math.isfinite(entry.value):
                return step, entry
    return None
