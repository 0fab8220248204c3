"""Films of runs: the kept steps as browsers fetch them.

A browser fetches each frame once (``film_route.py``) and plays them without the server.
"""

from __future__ import annotations

import json
import math
import secrets
import threading
from weakref import WeakKeyDictionary, WeakValueDictionary

from gradflow.charts.flow.data import Gradient
from gradflow.core.training import BackgroundRun, Run
from gradflow.core.training.frame import BINS


class Films:
    """The runs whose frames browsers may fetch, by a key that cannot be guessed.

    A run stays as long as somebody else keeps it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: WeakKeyDictionary[Run | BackgroundRun, str] = WeakKeyDictionary()
        self._runs: WeakValueDictionary[str, Run | BackgroundRun] = WeakValueDictionary()

    def find_key(self, run: Run | BackgroundRun) -> str:
        """Find the key of a run."""
        with self._lock:
            if run not in self._keys:
                self._keys[run] = key = secrets.token_urlsafe(12)
                self._runs[key] = run
            return self._keys[run]

    def find_run(self, key: str) -> Run | None:
        """Find the run of a key, as far as it is; ``None`` if there is none any more."""
        with self._lock:
            run = self._runs.get(key)
        return run.run if isinstance(run, BackgroundRun) else run


FILMS = Films()


def pack_frames(run: Run, gradient: Gradient, first: int) -> bytes:
    """Pack the frames of a run from one on: a line of JSON, then the bytes of ``Frame.pack``.

    In the line: ``layers``, ``bins``, and of each frame its step and its loss, ``null`` if that is
    not finite.
    """
    frames = run.frames[first:]
    head = {
        "layers": len(run.records[0].modules) if run.records else 0,
        "bins": BINS,
        "steps": [record.step for record, _frame in frames],
        "losses": [_keep_finite(record.loss) for record, _frame in frames],
    }
    content = [frame.pack("activation", gradient) for _record, frame in frames]
    return b"".join([json.dumps(head).encode(), b"\n", *content])


def _keep_finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
