"""The raw material of a training step's full report; its tables are made when they are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradflow.core.histogram import FloatArray
from gradflow.core.recording.result import Recording
from gradflow.core.report import Report


@dataclass(frozen=True, eq=False)
class StepSnapshot:
    """A recorded step and its update.

    Attributes:
        recording: the forward and backward pass.
        ratios: ‖ΔW‖/‖W‖ of every parameter, of the update really made.
        clip_factor: factor on the gradient by clipping.
    """

    recording: Recording
    ratios: FloatArray
    clip_factor: float

    def make_report(self) -> Report:
        """Make the report that ``probe`` would give of the step."""
        return self.recording.make_report(np.append(self.ratios, np.nan), self.clip_factor)
