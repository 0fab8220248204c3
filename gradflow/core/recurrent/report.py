"""The result of one pass through time: tables and histograms as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from gradflow.core.errors import GradflowError
from gradflow.core.frozen import TableField, freeze_mappings, get_table
from gradflow.core.histogram import FloatArray, Histogram, IntArray
from gradflow.core.recurrent.spec import SequenceExperiment
from gradflow.core.report import TABLE_COLUMNS, Report, make_table
from gradflow.core.text import Text

State = Literal["hidden", "cell"]
STATES: tuple[State, ...] = get_args(State)
STATE_SYMBOLS: dict[State, str] = {"hidden": "h", "cell": "c"}
"""The symbol of each state in formulas."""

SIGNAL_COLUMNS = (
    "mean",
    "std",
    "rms",
    "min",
    "max",
    "saturated",
    "zero",
    "dead_units",
    "nonfinite",
    "similarity",
)
GRADIENT_COLUMNS = ("norm", "rms", "max", "zero", "subnormal", "nonfinite")
STEP_COLUMNS = (
    "layer",
    "step",
    *(f"{state}_{name}" for state in STATES for name in SIGNAL_COLUMNS),
    *(f"{state}_grad_{name}" for state in STATES for name in GRADIENT_COLUMNS),
    "incoming_grad_norm",
    "direct_grad_norm",
)
GATE_COLUMNS = ("layer", "step", "gate", "mean", "std", "min", "max", "saturated", "nonfinite")


@dataclass(frozen=True, eq=False)
class Sample:
    """One sequence of the batch, unit by unit, for the page's equation and heatmaps.

    Attributes:
        index: which sequence of the batch.
        inputs: x_t, ``(T, features)``.
        values: ``{(name, layer): (T, H)}``, name being ``hidden``, ``cell`` or a gate's code.
    """

    index: int
    inputs: npt.NDArray[np.floating]
    values: Mapping[tuple[str, int], npt.NDArray[np.floating]]

    def __post_init__(self) -> None:
        freeze_mappings(self, "values")


@dataclass(frozen=True, eq=False, kw_only=True)
class TimeReport:
    """The record of one forward and one backward pass through time.

    Layers and steps are numbered from 1. Gradients are total derivatives of the loss as reduced:
    ∂L/∂h_t runs through everything after h_t. Norms are Frobenius norms over batch × units,
    accumulated in float64.

    Attributes:
        experiment: the experiment that was run.
        loss: its loss.
        steps: a row per layer and step. ``hidden_*`` are moments of h_t and shares of its entries
            (``saturated`` and ``dead_units`` for vanilla cells), ``hidden_grad_*`` those of
            ∂L/∂h_t; ``cell_*`` and ``cell_grad_*`` are those of c_t (NaN without a cell state).
            ``incoming_grad_norm`` is the norm of the part of ∂L/∂h_t that does not come through
            later steps of the same layer: from the loss at this step, or from the layer above.
            ``direct_grad_norm`` is ‖∂L/∂s_T ⊙ Π_{k=t+1..T} gate_k‖, the gradient of the last
            step sent back along the direct path alone: s = c and the forget gate in an LSTM,
            s = h and the update gate in a GRU, NaN in a vanilla RNN.
        gates: a row per layer, step and gate: moments and shares over batch × units.
        parameters: a row per parameter, as in ``Report.parameters``; the readout is the last
            layer.
        histograms: ``{(quantity, layer, step): Histogram}``; quantities are ``hidden``,
            ``hidden_grad``, ``cell``, ``cell_grad`` and the codes of the gates.
        sample: one sequence, unit by unit.
        grad_norm: norm of the gradient over all parameters.
        seconds: wall time of the recorded pass.
        device, dtype, smallest_normal, smallest: as in ``Report``.
    """

    experiment: SequenceExperiment
    loss: float
    steps: TableField = TableField()
    gates: TableField = TableField()
    parameters: TableField = TableField()
    histograms: Mapping[tuple[str, int, int], Histogram]
    sample: Sample
    grad_norm: float
    seconds: float
    device: str
    dtype: str
    smallest_normal: float
    smallest: float

    def __post_init__(self) -> None:
        freeze_mappings(self, "histograms")

    @property
    def length(self) -> int:
        """T, the number of steps."""
        return self.experiment.data.steps

    @property
    def title(self) -> str:
        """One line that names the run."""
        spec, data = self.experiment.network, self.experiment.data
        return (
            f"{spec.cell}, {spec.recurrent_init}, hidden {spec.hidden_size}, "
            f"{data.source}, {data.steps} steps"
        )

    def column(self, name: str, layer: int = 1) -> FloatArray:
        """Take a column of ``steps`` over time, ``(T,)``.

        Raises:
            GradflowError: there is no such column or layer.
        """
        if name not in STEP_COLUMNS:
            raise GradflowError(
                Text(
                    "name: {name!r} is not a column; choose one of {columns}",
                    name=name,
                    columns=", ".join(STEP_COLUMNS),
                )
            )
        return get_table(self, "steps").get_numbers(name)[self._mark_rows(layer)]

    def gate(self, code: str, layer: int = 1, name: str = "mean") -> FloatArray:
        """Take a column of ``gates`` for one gate over time, ``(T,)``.

        Raises:
            GradflowError: the cell has no such gate, or there is no such layer.
        """
        self._mark_rows(layer)
        if code not in self.gate_codes:
            raise GradflowError(
                Text(
                    "code: {cell} has no gate {code!r}; it has {known}",
                    cell=self.experiment.network.cell,
                    code=code,
                    known=", ".join(self.gate_codes) or Text("none"),
                )
            )
        gates = get_table(self, "gates")
        rows: npt.NDArray[np.bool_] = (gates["layer"] == layer) & (gates["gate"] == code)
        return gates.get_numbers(name)[rows]

    @property
    def gate_codes(self) -> list[str]:
        """Codes of the cell's gates, in PyTorch's order."""
        return [gate.code for gate in self.experiment.network.row.gates]

    def histogram(self, quantity: str, step: int, layer: int = 1) -> Histogram:
        """Find the histogram of a quantity at one step.

        Raises:
            GradflowError: nothing of that name was recorded at that step of that layer.
        """
        try:
            return self.histograms[quantity, layer, step]
        except KeyError:
            known = ", ".join(dict.fromkeys(key[0] for key in self.histograms))
            raise GradflowError(
                Text(
                    "quantity: there is no {quantity!r} at step {step} of layer {layer}; there are "
                    "{known} at steps 1 to {length}",
                    quantity=quantity,
                    step=step,
                    layer=layer,
                    known=known,
                    length=self.length,
                )
            ) from None

    def factors(self, state: State = "hidden", layer: int = 1) -> FloatArray:
        """Compute ‖∂L/∂s_t‖ / ‖∂L/∂s_{t+1}‖ for t = 1 … T−1: the factor of each step back."""
        norms = self.column(f"{state}_grad_norm", layer)
        with np.errstate(divide="ignore", invalid="ignore"):
            factors: FloatArray = norms[:-1] / norms[1:]
        return factors

    def remaining(self, lag: int, state: State = "hidden", layer: int = 1) -> float:
        """Compute ‖∂L/∂s_{T−lag}‖ / ‖∂L/∂s_T‖, the share of gradient left ``lag`` steps back.

        Raises:
            GradflowError: the sequence is not that long.
        """
        if not 0 <= lag < self.length:
            raise GradflowError(
                Text(
                    "lag: {lag} is not allowed; the sequence has {length} steps, choose a whole "
                    "number from 0 to {most}",
                    lag=lag,
                    length=self.length,
                    most=self.length - 1,
                )
            )
        norms = self.column(f"{state}_grad_norm", layer)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(norms[-1 - lag] / norms[-1])

    def as_report(self, state: State = "hidden", layer: int = 1) -> Report:
        """Convert to a ``Report`` whose layers are the time steps.

        ``activation`` is the state s_t and ``activation_grad`` is ∂L/∂s_t, so that the figures
        that draw a report draw this one with ``gradient="activation_grad"``. Modules are named
        after the state: ``h_1``, ``h_2``, … or ``c_1``, ….

        Raises:
            GradflowError: the cell has no cell state, or there is no such layer.
        """
        rows = self._mark_rows(layer)
        table = get_table(self, "steps")
        if state == "cell" and not self.experiment.network.row.has_cell:
            raise GradflowError(
                Text("state: {cell} has no cell state", cell=self.experiment.network.cell)
            )
        steps: IntArray = table["step"][rows]
        width: IntArray = np.full(len(steps), self.experiment.network.hidden_size)
        unknown = np.full(len(steps), math.nan)
        columns: dict[str, Any] = dict.fromkeys(TABLE_COLUMNS["layers"], unknown) | {
            "layer": steps,
            "module": [f"{STATE_SYMBOLS[state]}_{step}" for step in steps],
            "fan_in": width,
            "fan_out": width,
            **{f"activation_{n}": table[f"{state}_{n}"][rows] for n in ("mean", "std", "rms")},
            **{n: table[f"{state}_{n}"][rows] for n in ("similarity", "saturated", "dead_units")},
            **{f"activation_grad_{n}": table[f"{state}_grad_{n}"][rows] for n in ("norm", "rms")},
        }
        histograms = {
            (what, int(step)): self.histograms[quantity, layer, int(step)]
            for what, quantity in (("activation", state), ("activation_grad", f"{state}_grad"))
            for step in steps
        }
        return Report(
            loss=self.loss,
            signals=make_table("signals", {name: [] for name in TABLE_COLUMNS["signals"]}),
            layers=make_table("layers", columns),
            parameters=get_table(self, "parameters"),
            histograms=histograms,  # type: ignore[arg-type]
            grad_norm=self.grad_norm,
            clip_factor=1.0,
            parameter_count=self._parameter_count,
            seconds=self.seconds,
            device=self.device,
            dtype=self.dtype,
            smallest_normal=self.smallest_normal,
            smallest=self.smallest,
            title=self.title,
            rows="step",
        )

    @cached_property
    def _parameter_count(self) -> int:
        shapes = get_table(self, "parameters")["shape"]
        return sum(math.prod(map(int, shape.split("×"))) for shape in shapes)

    def _mark_rows(self, layer: int) -> npt.NDArray[np.bool_]:
        """Mark the rows of a layer in ``steps``."""
        rows: npt.NDArray[np.bool_] = get_table(self, "steps")["layer"] == layer
        if not rows.any():
            raise GradflowError(
                Text(
                    "layer: there is no layer {layer}; layers run from 1 to {layers}",
                    layer=layer,
                    layers=self.experiment.network.layers,
                )
            )
        return rows
