"""The ways on which a change goes to the server: the live lane, as a browser takes it, or the page.

On the live lane the figure is fetched at once, one request at a time and the newest value next,
beside one that is kept waiting; the page is told when the hand has rested and the figure is there,
as in ``gradflow/ui/toolbar/lane.js``.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from urllib.parse import urlsplit

from benchmarks.session import Session, split_figure

REST_SECONDS = 0.12
"""As in ``gradflow/ui/toolbar/toolbar.js``."""
PATIENCE_SECONDS = 0.4
"""As in ``gradflow/ui/toolbar/lane.js``."""
MOST_CONNECTIONS = 400
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
        self._resting: list[http.client.HTTPConnection] = []
        self._wanted: int | None = None
        self._newest = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._requests: set[asyncio.Task[None]] = set()
        self._rest: asyncio.Task[None] | None = None

    async def change(self, value: int) -> None:
        """Let the figure follow, and tell the page when nothing has moved for a while."""
        self._session.begin_change(value)
        is_running, self._wanted = self._wanted is not None or bool(self._tasks), value
        if not is_running:
            self._start(self._follow(), self._tasks)
        if self._rest is not None:
            self._rest.cancel()
        self._rest = asyncio.create_task(self._commit(value))

    async def close(self) -> None:
        """Wait for what is under way, and close the connections."""
        await asyncio.gather(*self._tasks, *self._requests)
        for connection in self._resting:
            connection.close()

    @staticmethod
    def _start(work: Coroutine[None, None, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        among.add(task)
        task.add_done_callback(among.discard)

    async def _follow(self) -> None:
        while (value := self._wanted) is not None:
            self._wanted = None
            self._newest += 1
            request = asyncio.create_task(self._show(value, self._newest))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
            while self._wanted is None and not request.done():
                await asyncio.wait([request], timeout=PATIENCE_SECONDS)

    async def _show(self, value: int, number: int) -> None:
        connection = self._resting.pop() if self._resting else self._connect()
        loop = asyncio.get_running_loop()
        try:
            fetch = loop.run_in_executor(self._threads, self._fetch, connection, value)
            status, content = await fetch
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._session.errors.append(f"no figure: {error!r}")
            return
        self._resting.append(connection)
        self._session.received_bytes += len(content)
        if status == 200:
            self._session.take_figure(split_figure(content))
        elif number == self._newest:
            text = content[:200].decode(errors="replace")
            self._session.errors.append(f"{status}: {text}")

    def _connect(self) -> http.client.HTTPConnection:
        address = urlsplit(self._session.url).netloc
        return http.client.HTTPConnection(address, timeout=_TIMEOUT_SECONDS)

    def _fetch(self, connection: http.client.HTTPConnection, value: int) -> tuple[int, bytes]:
        session = self._session
        headers = {"X-Lane": str(id(self))}
        if session.cookie:
            headers["Cookie"] = session.cookie
        connection.request("GET", session.write_address(value), headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    async def _commit(self, value: int) -> None:
        await asyncio.sleep(REST_SECONDS)
        while self._tasks:  # a browser tells the page when the figure is there
            await asyncio.sleep(REST_SECONDS / 10)
        await self._session.commit(value)


LANES: dict[str, type[Lane]] = {"live": LiveLane, "page": PageLane}
