"""A training that was watched: what was recorded of its steps, as plain numbers and as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

import numpy as np

from gradflow.core import plain
from gradflow.core.frozen import FrozenMapping
from gradflow.core.numbers import format_number
from gradflow.core.text import Text, join_texts
from gradflow.core.training.frame import BINS, FRAMED, GRADIENTS, NUMBERS, SIGNS, Frame
from gradflow.core.training.record import LAYER_COLUMNS, StepRecord
from gradflow.core.training.series import (
    StepSeries,
    name_damage,
    parse_file,
    read_list,
    read_records,
)

FORMAT = "gradflow-timeline"
VERSION = 2


class Direction(StrEnum):
    """The pass in which something was found."""

    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """The first value of a training that is NaN or infinite.

    Attributes:
        step: the step, from 1.
        direction: the pass. In the forward one ``module`` is the first whose output has such a
            value, in the backward one the one nearest to the loss whose gradient has.
        module: its name; empty if it is not in the model, but in the loss.
        weights: whether parameters of that module were not finite already before the step.
        loss_scale: factor on the loss in the backward pass.
        largest: the largest entry of the outputs, if its square is infinite; else 0.
        update: the largest ‖ΔW‖/‖W‖ of a layer in the last recorded step before, if above 1.
        updated: that step, or 0.
    """

    step: int
    direction: Direction
    module: str
    weights: bool = False
    loss_scale: float = 1.0
    largest: float = 0.0
    update: float = 0.0
    updated: int = 0

    @property
    def text(self) -> Text:
        """One sentence, and one on the update before if that was far too large."""
        if not self.updated:
            return self._describe()
        return join_texts(
            self._describe(),
            Text(
                "Step {step} has changed the weights of a layer by {times} times their size.",
                step=self.updated,
                times=format_number(self.update),
            ),
        )

    def _describe(self) -> Text:
        if self.weights:
            template = (
                "Step {step}, forward pass: weights of {module} are not finite, an update before "
                "has broken them."
            )
        elif self.largest:
            template = (
                "Step {step}, forward pass: the outputs of the model reach {largest}, and the "
                "square of that is infinite in their number format, as a loss of squares is."
            )
        elif not self.module and self.direction is Direction.BACKWARD:
            template = (
                "Step {step}: the gradient is infinite or NaN already where it comes from the "
                "loss; in the model nothing was before."
            )
        elif not self.module:
            template = "Step {step}: all outputs of the model are finite, the loss is not."
        elif self.direction is Direction.FORWARD:
            template = "Step {step}, forward pass: the output of {module} is not finite."
        else:
            template = (
                "Step {step}, backward pass: the gradient comes from the loss as finite numbers, "
                "and in {module} it becomes infinite or NaN."
            )
        return Text(
            template, step=self.step, module=self.module, largest=format_number(self.largest)
        )

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Read plain data; raises ``ValueError`` if something in it is wrong."""
        values = plain.check_type(data, dict)
        return cls(
            step=plain.read_field(values, "step", plain.read_whole),
            direction=plain.read_field(values, "direction", Direction),
            module=plain.read_field(values, "module", plain.read_text),
            weights=plain.read_field(values, "weights", lambda v: plain.check_type(v, bool)),
            loss_scale=plain.read_field(values, "loss_scale", plain.read_positive),
            largest=plain.read_size(values.get("largest", 0.0)),
            update=plain.read_size(values.get("update", 0.0)),
            updated=plain.read_whole(values.get("updated", 0)),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Timeline(StepSeries):
    """What ``gf.watch`` has recorded of a training, layer by layer and step by step.

    ``matrix(column)`` is a map (layers × steps) of a column of ``record.LAYER_COLUMNS``
    (``weight_grad_norm``, ``activation_std``, ``dead``, …), ``layers()`` and ``table()`` are data
    frames, ``reports`` has the full reports that were kept, by step, and ``gf.figure`` draws it.

    Attributes:
        title: one line that names the model.
        every: steps from one recording to the next.
        records: one per recorded step, in order; all have the same layers.
        troubles: the first value that was not finite, and what was found later.
    """

    title: str
    every: int
    records: Sequence[StepRecord]
    troubles: Sequence[Trouble] = ()

    @classmethod
    def collect(
        cls,
        title: str,
        every: int,
        records: Sequence[StepRecord],
        troubles: Sequence[Trouble] = (),
    ) -> Self:
        """Collect records whose layers may differ: those that a step did not run have NaN there."""
        modules = tuple(dict.fromkeys(name for record in records for name in record.modules))
        aligned = tuple(_align(record, modules) for record in records)
        return cls(title=title, every=every, records=aligned, troubles=tuple(troubles))

    @property
    def steps(self) -> np.typing.NDArray[np.int64]:
        """The recorded steps, from 1."""
        return np.array([record.step for record in self.records], np.int64)

    def to_json(self) -> str:
        """Write strict JSON (non-finite numbers as the strings NaN, Infinity, -Infinity)."""
        data = {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "every": self.every,
            **self.write_records(),
            "troubles": [asdict(trouble) for trouble in self.troubles],
        }
        return json.dumps(plain.encode(data), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the JSON that :meth:`to_json` writes.

        Raises:
            InvalidReport: the text is not JSON, no timeline, damaged, or of another version.
        """
        refusal = Text("timeline: this JSON is no timeline saved by GradFlow")
        data = parse_file(text, "timeline", FORMAT, VERSION, refusal)
        with name_damage("timeline"):
            return cls(
                title=plain.read_field(data, "title", plain.read_text),
                every=plain.read_field(data, "every", plain.read_whole),
                records=read_records(data),
                troubles=plain.read_field(
                    data, "troubles", lambda v: tuple(read_list(v, read=Trouble.from_dict))
                ),
            )

    def __repr__(self) -> str:
        ends = f"{self.steps[0]} to {self.steps[-1]}, " if self.records else ""
        return (
            f"<Timeline {self.title!r}: {len(self.records)} steps, {ends}"
            f"{len(self.modules)} layers>"
        )


def _align(record: StepRecord, modules: tuple[str, ...]) -> StepRecord:
    """Arrange what a record has of its layers as that of ``modules``."""
    if record.modules == modules:
        return record
    places = [modules.index(name) for name in record.modules]
    layers: Mapping[str, Any] = FrozenMapping(
        {name: _spread(record.layers[name], places, len(modules)) for name in LAYER_COLUMNS}
    )
    frame = record.frame
    if frame is not None:
        numbers = np.full((len(FRAMED), len(NUMBERS), len(modules)), np.nan, np.float32)
        numbers[:, 2:4] = 0
        shades = np.zeros((len(FRAMED), len(modules), BINS), np.uint8)
        signs = np.zeros((len(GRADIENTS), len(modules), SIGNS), np.uint8)
        numbers[:, :, places], shades[:, places] = frame.numbers, frame.shades
        signs[:, places] = frame.signs
        frame = Frame(numbers, shades, signs, frame.smallest_normal, frame.smallest)
    return replace(record, modules=modules, layers=layers, frame=frame)


def _spread(values: Any, places: list[int], count: int) -> Any:
    spread = np.full(count, np.nan)
    spread[places] = values
    return spread
