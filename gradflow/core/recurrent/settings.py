"""One pass through time as flat settings, for the page's controls and its URL, and its presets."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from gradflow.core.catalog import (
    Cell,
    Device,
    DType,
    LossAt,
    RecurrentInit,
    RecurrentScale,
    SequenceSource,
)
from gradflow.core.recurrent.compare import replace_cell
from gradflow.core.recurrent.report import State
from gradflow.core.recurrent.spec import (
    MAX_HIDDEN,
    MAX_LAYERS,
    MAX_LENGTH,
    MAX_SEQUENCES,
    Recurrent,
    SequenceExperiment,
    Sequences,
)
from gradflow.core.spec import Spec
from gradflow.core.text import N_

_NETWORK, _DATA = tuple(Recurrent.model_fields), tuple(Sequences.model_fields)
_EXPERIMENT = ("loss_at", "dtype", "device", "seed")


def copy_field(spec: type[Spec], name: str, default: Any = None) -> Any:
    """Copy a field of another spec with its bounds and texts, and maybe another default."""
    field = copy(spec.model_fields[name])
    if default is not None:
        field.default = default
    return field


class TimePass(Spec):
    """A ``SequenceExperiment``, the part of it that is looked at, and the thresholds of clipping.

    Raises ``InvalidExperiment`` where the experiment would. Layer, step, unit and sequence may lie
    beyond the network: the last one is then looked at.
    """

    cell: Cell = copy_field(Recurrent, "cell")
    layers: int = copy_field(Recurrent, "layers")
    hidden_size: int = copy_field(Recurrent, "hidden_size", 64)
    forget_bias: float = copy_field(Recurrent, "forget_bias")
    recurrent_init: RecurrentInit = copy_field(Recurrent, "recurrent_init")
    recurrent_scale: RecurrentScale = copy_field(Recurrent, "recurrent_scale")
    recurrent_gain: float = copy_field(Recurrent, "recurrent_gain")
    spectral_radius: float = copy_field(Recurrent, "spectral_radius")
    source: SequenceSource = copy_field(Sequences, "source")
    batch_size: int = copy_field(Sequences, "batch_size", 32)
    length: int = copy_field(Sequences, "length", 120)
    features: int = copy_field(Sequences, "features")
    recall: int = copy_field(Sequences, "recall")
    loss_at: LossAt = copy_field(SequenceExperiment, "loss_at")
    dtype: DType = copy_field(SequenceExperiment, "dtype")
    device: Device = copy_field(SequenceExperiment, "device")
    seed: int = copy_field(SequenceExperiment, "seed")

    layer: int = Field(
        1, ge=1, le=MAX_LAYERS, title="Layer", description="Which of the recurrent layers."
    )
    state: Literal["hidden", "cell"] = Field(
        "cell", title="State", description="h_t, or the cell state c_t of an LSTM."
    )
    gate: Literal["forget", "input", "output", "candidate", "update", "reset"] = Field(
        "forget", title="Gate", description="Whose equation is shown with its numbers."
    )
    step: int = Field(60, ge=1, le=MAX_LENGTH, title="Step t", description="The time step.")
    unit: int = Field(1, ge=1, le=MAX_HIDDEN, title="Unit", description="Entry of the gate.")
    sequence: int = Field(
        1, ge=1, le=MAX_SEQUENCES, title="Sequence", description="Which sequence of the batch."
    )
    compared_bias: float = copy_field(Recurrent, "forget_bias", 3.0)
    clip_norm: float = Field(
        0.1, gt=0, le=1e6, title="Largest norm c", description="Clipping by norm: ‖g‖ ≤ c."
    )
    clip_value: float = Field(
        0.01, gt=0, le=1e6, title="Largest entry c", description="Clipping by value: |g_i| ≤ c."
    )

    @model_validator(mode="after")
    def _refuse_impossible_experiment(self) -> Self:
        _ = self.experiment
        return self

    @property
    def experiment(self) -> SequenceExperiment:
        """The experiment to run."""
        return SequenceExperiment(
            network=Recurrent(**self._take_fields(Recurrent, _NETWORK)),
            data=Sequences(**self._take_fields(Sequences, _DATA)),
            **{name: getattr(self, name) for name in _EXPERIMENT},
        )

    def _take_fields(self, spec: type[Spec], names: tuple[str, ...]) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in names}
        return {name: values[name] for name in spec.list_applicable(values)}

    def build_comparison(self, cell: Cell) -> SequenceExperiment:
        """Build the experiment with another cell, whose forget-gate bias is ``compared_bias``."""
        return replace_cell(self.experiment, cell, forget_bias=self.compared_bias)

    @property
    def shown_layer(self) -> int:
        """The layer that is looked at."""
        return min(self.layer, self.layers)

    @property
    def shown_state(self) -> State:
        """The state that is looked at; only an LSTM has a cell state."""
        return self.state if self.experiment.network.row.has_cell else "hidden"

    @property
    def shown_gate(self) -> str | None:
        """The gate whose equation is shown: the chosen one if the cell has it, or its highway."""
        row = self.experiment.network.row
        codes = [gate.code for gate in row.gates]
        return self.gate if self.gate in codes else row.highway

    @property
    def shown_step(self) -> int:
        """The time step that is looked at."""
        return min(self.step, self.experiment.data.steps)

    @property
    def shown_unit(self) -> int:
        """The unit that is looked at."""
        return min(self.unit, self.hidden_size)

    @property
    def shown_sequence(self) -> int:
        """The sequence that is looked at."""
        return min(self.sequence, self.batch_size)


@dataclass(frozen=True, kw_only=True)
class TimePreset:
    """Settings of the page on recurrent networks to start from.

    Attributes:
        label: name for the user.
        look_for: what there is to see.
        settings: the pass.
    """

    label: str
    look_for: str
    settings: TimePass


TIME_PRESETS: dict[str, TimePreset] = {
    "vanishing": TimePreset(
        label=N_("tanh RNN, PyTorch default"),
        look_for=N_("a gradient that is gone after a few dozen steps."),
        settings=TimePass(),
    ),
    "exploding": TimePreset(
        label=N_("tanh RNN, Gaussian, g = 2.5"),
        look_for=N_("a gradient that grows on its way back; then clip it."),
        settings=TimePass(recurrent_init=RecurrentInit.GAUSSIAN, recurrent_gain=2.5),
    ),
    "orthogonal": TimePreset(
        label=N_("tanh RNN, orthogonal"),
        look_for=N_("a rotation keeps the norm; only tanh shrinks the gradient."),
        settings=TimePass(recurrent_init=RecurrentInit.ORTHOGONAL, features=1),
    ),
    "irnn": TimePreset(
        label=N_("ReLU RNN, identity (IRNN)"),
        look_for=N_("a factor near one: active units hand the gradient on as it is."),
        settings=TimePass(cell=Cell.RNN_RELU, recurrent_init=RecurrentInit.IDENTITY),
    ),
    "lstm": TimePreset(
        label=N_("LSTM, PyTorch default"),
        look_for=N_("forget gates near one half: the direct path closes quickly."),
        settings=TimePass(cell=Cell.LSTM),
    ),
    "highway": TimePreset(
        label=N_("LSTM, forget bias 4"),
        look_for=N_(
            "forget gates near one: along the cell path nearly all of the gradient comes back."
        ),
        settings=TimePass(cell=Cell.LSTM, forget_bias=4.0),
    ),
    "every": TimePreset(
        label=N_("tanh RNN, loss every step"),
        look_for=N_("each step gets its own gradient: the decay is hidden, not gone."),
        settings=TimePass(loss_at=LossAt.EVERY),
    ),
}
