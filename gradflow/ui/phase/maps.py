"""Maps that fill while somebody looks at them, and that all who look at the same share."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any

import numpy as np

from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.sweep import Grid
from gradflow.core.sweep.critical import Growth, predict_growth
from gradflow.core.sweep.jobs import Job, Row, cut, make_jobs, refuse_job, run_job
from gradflow.core.sweep.store import describe_grid
from gradflow.core.text import Text
from gradflow.ui.admission import admit_stack
from gradflow.ui.turns import ADMISSION
from gradflow.ui.wanted import CLIENT, ENDING, WANTED, check_wanted

_UNSEEN_SECONDS = 5.0
"""A map at which nobody has looked for so long stops; it goes on when somebody does."""
_LOOK_SECONDS = 0.1
"""Between two looks at a map that is prepared."""
_BEFORE_THEORY = 2
"""Jobs that are shown before theory's lines are computed."""
_MOST_NETWORKS = 20_000
"""Networks in all maps that are kept; each takes about three kilobytes."""


class _Unseen(Exception):
    """Nobody looks at the map any more, or the server ends."""


class LiveMap:
    """The rows of a grid, computed in turns with everybody's work while somebody looks.

    Attributes:
        grid: the networks.
        error: why it cannot go on; ``None`` if nothing is wrong.
        theory: what ``predict_growth`` says of the grid; ``None`` before it is known.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.error: Text | str | None = None
        self.theory: Growth | None = None
        self._jobs: list[Job] = list(make_jobs(grid.list_networks(), workers=1))
        self._done = 0
        self._rows: list[Row] = []
        self._guard = threading.Lock()
        self._seen = 0.0
        self._thread: threading.Thread | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of it is known."""
        return self._done == len(self._jobs) and self.theory is not None

    def look(self) -> list[Row]:
        """Return the rows that are known; those that are missing come while this is called."""
        with self._guard:
            self._seen = time.monotonic()
            resting = self._thread is None or not self._thread.is_alive()
            if resting and not self.is_whole and self.error is None:
                self._thread = threading.Thread(target=self._fill, name="map", daemon=True)
                self._thread.start()
            return list(self._rows)

    def _fill(self) -> None:
        CLIENT.set(("map", id(self)))
        WANTED.set(self._check_seen)
        try:
            for job in self._jobs[self._done :]:
                rows = _run_admitted(job)
                with self._guard:
                    self._rows += [_make_compact(row) for row in rows]
                    self._done += 1
                if self.theory is None and self._done >= _BEFORE_THEORY:
                    self._ask_theory()
            if self.theory is None:
                self._ask_theory()
        except _Unseen:
            return
        except GradflowError as error:
            self.error = error.message
        except Exception:
            self.error = Text("The server failed on this map. Reload the page to try it again.")
            raise

    def _ask_theory(self) -> None:
        with ADMISSION:
            self.theory = predict_growth(self.grid)

    def _check_seen(self) -> None:
        if ENDING.is_set() or time.monotonic() - self._seen > _UNSEEN_SECONDS:
            raise _Unseen


def _run_admitted(job: Job) -> list[Row]:
    """Run a job once its turn has come; what this server has no memory for is not possible."""
    try:
        with ADMISSION, admit_stack(job[0].experiment, len(job)) as (at_once, give_way):
            return [row for _, part in cut(job, at_once) for row in run_job(part, give_way)]
    except InvalidExperiment as error:
        return refuse_job(job, error)


def _make_compact(row: Row) -> dict[str, Any]:
    return row | {"profile": np.array(row["profile"], np.float32)}


class _Maps:
    """The maps that were looked at last."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._maps: OrderedDict[str, LiveMap] = OrderedDict()

    def find(self, grid: Grid) -> LiveMap:
        """Find the map of a grid, or begin it, also anew if it could not go on."""
        key = describe_grid(grid)
        with self._guard:
            live = self._maps.get(key)
            if live is None or live.error is not None:
                live = self._maps[key] = LiveMap(grid)
            self._maps.move_to_end(key)
            while len(self._maps) > 1 and self._count_networks() > _MOST_NETWORKS:
                self._maps.popitem(last=False)
            return live

    def _count_networks(self) -> int:
        return sum(kept.grid.count for kept in self._maps.values())


MAPS = _Maps()


def prepare_map(grid: Grid) -> None:
    """Compute the map of a grid before anybody looks at it, as long as that is wanted."""
    live = MAPS.find(grid)
    while not live.is_whole and live.error is None:
        live.look()
        check_wanted()
        time.sleep(_LOOK_SECONDS)
