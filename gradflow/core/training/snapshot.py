"""What a full report of a training step is made of; its tables wait until somebody asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradflow.core.recording.result import Recording
from gradflow.core.report import Report
from gradflow.core.training.layers import FloatArray


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A recorded step and its update.

    Attributes:
        recording: of the forward and backward pass.
        ratios: ‖ΔW‖/‖W‖ of every parameter, of the update really made.
        clip_factor: what clipping multiplied the gradient by.
    """

    recording: Recording
    ratios: FloatArray
    clip_factor: float

    def report(self) -> Report:
        """The step as ``probe`` would show it."""
        return self.recording.make_report(np.append(self.ratios, np.nan), self.clip_factor)
