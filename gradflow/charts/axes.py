"""Names of the axes in figures with several panels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PanelAxes:
    """The two axes of a panel: x and y of the first one, x2 and y2 of the second one, ….

    Attributes:
        panel: number of the panel, from 0.
    """

    panel: int

    @property
    def x(self) -> str:
        """The x axis as traces and shapes name it, such as ``x2``."""
        return f"x{self._suffix}"

    @property
    def y(self) -> str:
        """The y axis as traces and shapes name it, such as ``y2``."""
        return f"y{self._suffix}"

    @property
    def x_key(self) -> str:
        """Key of the x axis in a layout, such as ``xaxis2``."""
        return f"xaxis{self._suffix}"

    @property
    def y_key(self) -> str:
        """Key of the y axis in a layout, such as ``yaxis2``."""
        return f"yaxis{self._suffix}"

    @property
    def trace_keys(self) -> dict[str, str]:
        """What puts a trace into this panel."""
        return {"xaxis": self.x, "yaxis": self.y}

    @property
    def _suffix(self) -> str:
        return str(self.panel + 1) if self.panel else ""
