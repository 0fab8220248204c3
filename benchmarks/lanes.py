"""The ways on which a change goes to the server: the live lane, as a browser takes it, or the page.

On the live lane the figure is fetched at once, one request at a time and the newest value next;
the page is told when the hand has rested and the figure is there, as in
``gradflow/ui/toolbar/lane.js``.
"""

from __future__ import annotations

import asyncio
import http.client
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from urllib.parse import urlsplit

from benchmarks.session import Session, split_figure

REST_SECONDS = 0.12
"""As in ``gradflow/ui/toolbar/toolbar.js``."""
MOST_CONNECTIONS = 200
_TIMEOUT_SECONDS = 60


class Lane(Protocol):
    """A person's way to change the slider."""

    def __init__(self, session: Session) -> None: ...

    async def change(self, value: int) -> None:
        """Move the slider, without waiting for the answer."""

    async def close(self) -> None:
        """Give back what it holds."""


class PageLane:
    """A change is a run of the page."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def change(self, value: int) -> None:
        """Tell the page at once."""
        self._session.begin_change(value)
        await self._session.commit(value)

    async def close(self) -> None:
        """Hold nothing."""


class LiveLane:
    """A change is a request for the figure, and a run of the page afterwards."""

    _threads = ThreadPoolExecutor(MOST_CONNECTIONS, "live")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = http.client.HTTPConnection(
            urlsplit(session.url).netloc, timeout=_TIMEOUT_SECONDS
        )
        self._wanted: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._rest: asyncio.Task[None] | None = None

    async def change(self, value: int) -> None:
        """Let the figure follow, and tell the page when nothing has moved for a while."""
        self._session.begin_change(value)
        is_running, self._wanted = self._wanted is not None or bool(self._tasks), value
        if not is_running:
            self._start(self._follow())
        if self._rest is not None:
            self._rest.cancel()
        self._rest = asyncio.create_task(self._commit(value))

    async def close(self) -> None:
        """Wait for what is under way, and close the connection."""
        await asyncio.gather(*self._tasks)
        self._connection.close()

    def _start(self, work: object) -> None:
        task = asyncio.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self) -> None:
        while (value := self._wanted) is not None:
            self._wanted = None
            loop = asyncio.get_running_loop()
            try:
                content = await loop.run_in_executor(self._threads, self._fetch, value)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self._session.errors.append(f"no figure: {error!r}")
                continue
            if content is not None:
                self._session.take_figure(split_figure(content))

    def _fetch(self, value: int) -> bytes | None:
        session = self._session
        headers = {"Cookie": session.cookie} if session.cookie else {}
        self._connection.request("GET", session.write_address(value), headers=headers)
        answer = self._connection.getresponse()
        content = answer.read()
        session.received_bytes += len(content)
        if answer.status != 200:
            session.errors.append(f"{answer.status}: {content[:200].decode(errors='replace')}")
            return None
        return content

    async def _commit(self, value: int) -> None:
        await asyncio.sleep(REST_SECONDS)
        while self._tasks:  # a browser tells the page when the figure is there
            await asyncio.sleep(REST_SECONDS / 10)
        await self._session.commit(value)


LANES: dict[str, type[Lane]] = {"live": LiveLane, "page": PageLane}
