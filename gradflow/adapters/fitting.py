"""A watch between the callbacks of a trainer, which cannot be a ``with`` statement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from gradflow.core.watching import Watch, watch


class Fitting:
    """A watch that begins and ends by calls.

    Args:
        every: steps from one recording to the next.
        save: file for the timeline.
        options: further ones of ``gradflow.watch``.
    """

    def __init__(self, *, every: int, save: str | Path | None, **options: Any) -> None:
        self.watch: Watch | None = None
        self._is_open = False
        self._every, self._save, self._options = every, save, options

    def begin(self, model: nn.Module) -> None:
        """Begin to watch a model; a watch that nobody has ended ends."""
        self.end()
        self.watch = watch(model, every=self._every, **self._options)
        self.watch.__enter__()
        self._is_open = True

    def end(self) -> None:
        """End the watch, and write its file if one is wanted."""
        if self.watch is None or not self._is_open:
            return
        self._is_open = False
        self.watch.__exit__()
        if self._save is not None:
            self.watch.save(self._save)
