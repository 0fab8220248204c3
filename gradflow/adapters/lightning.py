"""``gf.watch`` as a callback of Lightning's trainer: ``pip install gradflow[lightning]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from gradflow.adapters.fitting import Fitting
from gradflow.core.watching import Watch


class WatchCallback(Callback):  # type: ignore[misc]
    """Record every so many steps of ``trainer.fit``.

    >>> trainer = lightning.Trainer(callbacks=[WatchCallback(every=50, save="watch.json")])

    Args:
        every: steps from one recording to the next.
        save: file for the timeline, written when the training ends, also by an exception.
        options: further ones of ``gradflow.watch``.

    Attributes:
        watch: the watch, once the training has begun.
    """

    def __init__(self, *, every: int = 50, save: str | Path | None = None, **options: Any) -> None:
        super().__init__()
        self._fitting = Fitting(every=every, save=save, **options)

    @property
    def watch(self) -> Watch | None:
        """The watch, once the training has begun."""
        return self._fitting.watch

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin to watch, in the process of rank 0."""
        if trainer.is_global_zero:
            self._fitting.begin(pl_module)

    def on_before_optimizer_step(self, *_: Any) -> None:
        """Look at the gradients: the optimizer runs the model itself, in a closure."""
        if self.watch is not None:
            self.watch.check_gradients()

    def on_train_end(self, *_: Any) -> None:
        """End the watch and write its file."""
        self._fitting.end()

    def on_exception(self, *_: Any) -> None:
        """End the watch and write its file."""
        self._fitting.end()
