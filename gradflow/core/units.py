"""Some single units of a layer, as plain numbers, which a report stores and a chart reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.core import plain

MOST_UNITS = 24
"""Units of a layer that are recorded: the first ones."""


@dataclass(frozen=True, eq=False)
class Units:
    """The first units of a layer; of a convolution, its channels.

    They are those of the layer's last activation module, or of its weight module without one.

    Attributes:
        count: units of the layer, recorded or not.
        mean_abs: mean |a| of each recorded unit over samples and positions; over some of them,
            evenly spread, where there are more than a few hundred.
        dead: whether φ' is 0 for every sample and position, as ``dead_units`` counts it.
        saturated: share of saturated entries, over the same entries as the mean; NaN where φ does
            not saturate.
    """

    count: int
    mean_abs: npt.NDArray[np.float64]
    dead: npt.NDArray[np.bool_]
    saturated: npt.NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Write plain data; numbers may be non-finite."""
        return {
            "count": self.count,
            "mean_abs": self.mean_abs.tolist(),
            "dead": self.dead.tolist(),
            "saturated": self.saturated.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Units:
        """Read what ``to_dict`` wrote, with non-finite numbers as strings.

        Raises:
            KeyError, TypeError, ValueError: the data are damaged.
        """
        lists = [plain.check_type(data[name], list) for name in ("mean_abs", "dead", "saturated")]
        mean_abs, dead, saturated = lists
        units = cls(
            plain.read_whole(data["count"]),
            np.array([*map(plain.read_real, mean_abs)], np.float64),
            np.array([plain.check_type(value, bool) for value in dead], np.bool_),
            np.array([*map(plain.read_real, saturated)], np.float64),
        )
        if not len(mean_abs) == len(dead) == len(saturated) <= min(MOST_UNITS, units.count):
            raise ValueError("the units of a layer")
        if (units.mean_abs < 0).any() or ((units.saturated < 0) | (units.saturated > 1)).any():
            raise ValueError("the numbers of a layer's units")
        return units
