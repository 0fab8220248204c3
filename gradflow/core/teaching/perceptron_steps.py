"""The backpropagation of a small perceptron as a list of steps, and what each of them touches."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from torch import Tensor

from gradflow.core.teaching.perceptron import PerceptronPass, PerceptronRun


class StepKind(StrEnum):
    """What a step computes."""

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
    """All steps of one pass and one update of a network of so many layers, in order.

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
        source: the unit j of the layer before, for a weight; 0 for all else.
        value: by the four equations.
        reference: by PyTorch.
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
    """Every number of a step: per unit, per weight row by row, or the one loss."""
    hand, torch_ = run.by_hand, run.by_pytorch
    match step.kind:
        case StepKind.LOSS:
            return (StepEntry(0, 0, hand.loss, torch_.loss),)
        case StepKind.NEW_LOSS:
            return (StepEntry(0, 0, run.losses[-1], run.new_loss_by_pytorch),)
        case StepKind.UPDATE:
            (weight, bias), (weight_, bias_) = (
                each.updated[step.layer - 1] for each in (hand, torch_)
            )
            return (*_weights(weight, weight_), *_units(bias, bias_))
        case StepKind.WEIGHT_GRADIENT:
            return _weights(*(each.weight[step.layer - 1] for each in (hand, torch_)))
        case _:
            return _units(*(_per_unit(each, step) for each in (hand, torch_)))


def _per_unit(numbers: PerceptronPass, step: PerceptronStep) -> Tensor:
    match step.kind:
        case StepKind.PREACTIVATION:
            return numbers.z[step.layer - 1]
        case StepKind.ACTIVATION:
            return numbers.a[step.layer]
        case StepKind.BIAS_GRADIENT:
            return numbers.bias[step.layer - 1]
        case _:
            return numbers.delta[step.layer - 1]


def _units(values: Tensor, references: Tensor) -> tuple[StepEntry, ...]:
    pairs = zip(values.tolist(), references.tolist(), strict=True)
    return tuple(StepEntry(i, 0, value, reference) for i, (value, reference) in enumerate(pairs, 1))


def _weights(values: Tensor, references: Tensor) -> tuple[StepEntry, ...]:
    rows = zip(values.tolist(), references.tolist(), strict=True)
    return tuple(
        StepEntry(i, j, value, reference)
        for i, (row, reference_row) in enumerate(rows, 1)
        for j, (value, reference) in enumerate(zip(row, reference_row, strict=True), 1)
    )


Node = tuple[int, int]
"""(layer, unit); layer 0 holds the inputs."""
Edge = tuple[int, int, int]
"""(layer, unit i, unit j of the layer before): the place of w_ij^{(l)}."""


@dataclass(frozen=True)
class Highlight:
    """What an equation touches.

    Attributes:
        result: nodes whose number it gives.
        reads: nodes whose numbers it reads.
        edges: connections it reads or gives, each with the number in question.
    """

    result: frozenset[Node] = frozenset()
    reads: frozenset[Node] = frozenset()
    edges: dict[Edge, float] = field(default_factory=dict)


def find_highlight(run: PerceptronRun, step: PerceptronStep, entry: StepEntry) -> Highlight:
    """What the equation of one number of a step touches."""
    layer, i, j = step.layer, entry.unit, entry.source
    sizes = run.spec.sizes
    here = frozenset({(layer, i)})
    match step.kind:
        case StepKind.LOSS | StepKind.NEW_LOSS:
            return Highlight(reads=_all(layer, sizes))
        case StepKind.PREACTIVATION:
            row = run.parameters[layer - 1][0][i - 1].tolist()
            edges = {(layer, i, k): weight for k, weight in enumerate(row, 1)}
            return Highlight(here, _all(layer - 1, sizes), edges)
        case StepKind.HIDDEN_DELTA:
            column = run.parameters[layer][0][:, i - 1].tolist()
            edges = {(layer + 1, k, i): weight for k, weight in enumerate(column, 1)}
            return Highlight(here, _all(layer + 1, sizes), edges)
        case StepKind.WEIGHT_GRADIENT | StepKind.UPDATE if j:
            return Highlight(reads=here | {(layer - 1, j)}, edges={(layer, i, j): entry.value})
        case StepKind.BIAS_GRADIENT:
            return Highlight(reads=here)
        case _:
            return Highlight(here)


def _all(layer: int, sizes: tuple[int, ...]) -> frozenset[Node]:
    return frozenset((layer, unit) for unit in range(1, sizes[layer] + 1))


@dataclass(frozen=True)
class Progress:
    """What has been computed up to a step: z and a of the layers up to these, δ from one on.

    Attributes:
        z, a: the last layer whose z, a is known; 0 for none.
        delta, weight: the first layer whose δ, ∂E/∂W is known; L + 1 for none.
    """

    z: int
    a: int
    delta: int
    weight: int


def find_progress(layers: int, index: int) -> Progress:
    """What is known once step ``index`` (from 0) has been taken."""
    done = list_steps(layers)[: index + 1]

    def reached(*kinds: StepKind) -> list[int]:
        return [step.layer for step in done if step.kind in kinds]

    return Progress(
        z=max(reached(StepKind.PREACTIVATION), default=0),
        a=max(reached(StepKind.ACTIVATION), default=0),
        delta=min(reached(StepKind.OUTPUT_DELTA, StepKind.HIDDEN_DELTA), default=layers + 1),
        weight=min(reached(StepKind.WEIGHT_GRADIENT), default=layers + 1),
    )


def find_first_nonfinite(run: PerceptronRun) -> tuple[PerceptronStep, StepEntry] | None:
    """The first number, in the order of the steps, that is infinite or NaN."""
    for step in list_steps(run.layers):
        for entry in list_entries(run, step):
            if not math.isfinite(entry.value):
                return step, entry
    return None
