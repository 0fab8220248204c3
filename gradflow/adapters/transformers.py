"""``gf.watch`` as a callback of Hugging Face's trainer: ``pip install gradflow[transformers]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from gradflow.adapters.fitting import Fitting
from gradflow.core.watching import Watch


class WatchCallback(TrainerCallback):  # type: ignore[misc]
    """Record every so many steps of ``trainer.train()``.

    >>> callback = WatchCallback(every=50, save="watch.json")
    >>> transformers.Trainer(model, …, callbacks=[callback]).train()

    Args:
        every: steps from one recording to the next.
        save: file for the timeline, written when the training ends.
        options: further ones of ``gradflow.watch``.
    """

    def __init__(self, *, every: int = 50, save: str | Path | None = None, **options: Any) -> None:
        self._fitting = Fitting(every=every, save=save, **options)

    @property
    def watch(self) -> Watch | None:
        """The watch, once the training has begun."""
        return self._fitting.watch

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **kwargs: Any) -> None:
        """Begin to watch, in the process of rank 0."""
        if state.is_world_process_zero:
            self._fitting.begin(kwargs["model"])

    def on_train_end(self, *_: Any, **_about: Any) -> None:
        """End the watch and write its file.

        The trainer says nothing of an exception: after one call this, or train again.
        """
        self._fitting.end()
