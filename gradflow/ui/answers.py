"""Computing for a request that is no run of a page."""

from __future__ import annotations

import asyncio
import contextvars
import gzip
import json
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gradflow.core.errors import GradflowError
from gradflow.ui.compression import accepts_gzip
from gradflow.ui.memo import RESULTS
from gradflow.ui.turns import ADMISSION
from gradflow.ui.waiting import TELL
from gradflow.ui.wanted import CLIENT, ENDING, SINCE, WANTED

R = TypeVar("R")

PLACES = "application/vnd.gradflow.places"
"""An answer that begins before it is there: how many come first, line by line, then the answer."""
HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
"""Of answers that belong to one moment."""
_UNBUFFERED = {"X-Accel-Buffering": "no"}
"""Has nginx pass on each line as it comes."""
_OK = 200
_GZIP = 31
"""What zlib calls that format."""
_MOST_WAITING = 64
"""Requests at a time; a class of thirty has one each under way."""
_IDLE_SECONDS = 0.1
"""A pause without any computation after which nobody is in the middle of a change."""
_LANE = "X-Lane"
"""Header that names a way on which only the newest request counts, as ``toolbar/lane.js`` sends."""
_THREADS = ThreadPoolExecutor(_MOST_WAITING, "gradflow-answer")
_FREE = threading.BoundedSemaphore(_MOST_WAITING)


class TooBusy(Exception):
    """So many requests wait already that this one is refused."""


class Abandoned(Exception):
    """Nobody waits for the answer any more, or the server ends."""


class Overtaken(Abandoned):
    """The browser waits for the answer to a newer request."""


@dataclass(eq=False)
class _Place:
    """A request of a lane, and since when its sender has waited.

    Attributes:
        since: when it came, or the one whose place it has taken.
        thread: which thread computes it; 0: none yet.
        overtaken: set once there is a newer one.
    """

    since: float
    thread: int = 0
    overtaken: threading.Event = field(default_factory=threading.Event)


_NEWEST: dict[Hashable, _Place] = {}
"""The newest request of each sender and lane."""


async def compute_answer(
    request: Request, compute: Callable[[], R], tell: Callable[[str], None] = lambda text: None
) -> R:
    """Compute in a thread, in turn with all others; once the browser is gone, not at all.

    Nor is it computed if its turn has not come when the browser sends a newer request on the same
    lane, which then takes its place in the order of turns.

    Args:
        request: what is answered.
        compute: makes the answer; where it waits for its turn, it may end by ``Abandoned``.
        tell: called in that thread with a sentence on a long wait, and when that changes.

    Raises:
        TooBusy: too many wait already.
        Abandoned: the browser is gone.
        Overtaken: it waits for something newer.
    """
    if not _FREE.acquire(blocking=False):
        raise TooBusy
    gone, sender = threading.Event(), _find_sender(request)
    lane = request.headers.get(_LANE)
    place = _take_place((sender, lane)) if lane else _Place(time.monotonic())

    def check() -> None:
        if gone.is_set() or ENDING.is_set():
            raise Abandoned
        if place.overtaken.is_set() and ADMISSION.is_new(place.thread):
            raise Overtaken

    def work() -> R:
        place.thread = threading.get_ident()
        WANTED.set(check)
        CLIENT.set(sender)
        SINCE.set(place.since)
        TELL.set(tell)
        check()
        return compute()

    answer = _THREADS.submit(contextvars.copy_context().run, work)
    answer.add_done_callback(lambda _answer: _FREE.release())
    watcher = asyncio.create_task(_watch(request, gone))
    try:
        return await asyncio.wrap_future(answer)
    finally:
        watcher.cancel()
        gone.set()  # also where the answer has been given up
        if _NEWEST.get((sender, lane)) is place:
            del _NEWEST[sender, lane]


def _take_place(key: Hashable) -> _Place:
    """Take the place of the request before, or a new one if that has begun or there is none."""
    before = _NEWEST.get(key)
    place = _NEWEST[key] = _Place(time.monotonic())
    if before is not None and ADMISSION.is_new(before.thread):
        place.since = before.since
        before.overtaken.set()
    return place


def _find_sender(request: Request) -> Hashable:
    """Find who sent a request, as far as it tells: behind a school's proxy all have one address."""
    told = (request.headers.get(name) for name in ("X-Forwarded-For", "Cookie", "User-Agent"))
    return (request.client.host if request.client else "", *told)


async def answer_packed(request: Request, write: Callable[[], bytes], media_type: str) -> Response:
    """Answer with what ``write`` makes, compressed if the browser takes that.

    422 with a sentence if it cannot be made; 503 if the server has too much to do; 204 if nobody
    waits for it any more. To a browser that accepts ``PLACES`` a long wait is an answer of its own,
    which ends with this one.
    """
    told: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(told.put_nowait, text)

    accepts_places = PLACES in request.headers.get("Accept", "")
    answer = asyncio.create_task(_compute(request, write, tell if accepts_places else _say_nothing))
    waiting = asyncio.create_task(told.get())
    await asyncio.wait((answer, waiting), return_when=asyncio.FIRST_COMPLETED)
    packs = accepts_gzip(request.headers)
    headers = HEADERS | ({"Content-Encoding": "gzip"} if packs else {})
    if waiting.done():
        stream = _write_places(answer, waiting.result(), told)
        body = _pack_lines(stream) if packs else stream
        return StreamingResponse(body, 200, headers | _UNBUFFERED, PLACES)
    waiting.cancel()
    status, content = await answer
    if status != _OK:
        return Response(content, status, HEADERS, "text/plain")
    if packs:
        content = await asyncio.to_thread(gzip.compress, content, compresslevel=1)
    return Response(content, status, headers, media_type)


def _say_nothing(_text: str) -> None:
    pass


async def _compute(
    request: Request, write: Callable[[], bytes], tell: Callable[[str], None]
) -> tuple[int, bytes]:
    """Compute what is answered: the status, and the content."""
    try:
        return _OK, await compute_answer(request, write, tell)
    except GradflowError as error:
        return 422, str(error).encode()
    except Abandoned:
        return 204, b""
    except TooBusy:
        return 503, b""


async def _write_places(
    answer: asyncio.Task[tuple[int, bytes]], text: str, told: asyncio.Queue[str]
) -> AsyncIterator[bytes]:
    """Write a line for each sentence about the wait, one with the status, and the content."""
    try:
        while not answer.done():
            yield _write_line({"waiting": text})
            waiting = asyncio.create_task(told.get())
            await asyncio.wait((answer, waiting), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                text = waiting.result()
            else:
                waiting.cancel()
        status, content = await answer
        yield _write_line({"status": status}) + content
    finally:
        answer.cancel()  # the browser is gone


def _write_line(content: Mapping[str, str | int]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


async def _pack_lines(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Compress parts of a stream so that each can be read as soon as it comes."""
    packer = zlib.compressobj(1, wbits=_GZIP)
    async for part in parts:
        yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


async def _watch(request: Request, gone: threading.Event) -> None:
    """Say when the browser has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()


def is_idle() -> bool:
    """Whether nothing is being computed, and has not been for a moment."""
    return count_idle_seconds() >= _IDLE_SECONDS


def count_idle_seconds() -> float:
    """Count the seconds since anybody asked for a result; 0 while one is computed."""
    return 0.0 if ADMISSION.is_busy else time.monotonic() - RESULTS.last_used
