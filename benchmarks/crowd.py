"""People who use Explore at the same time: what they do, and how long each of them waits."""

from __future__ import annotations

import asyncio
import http.client
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed

from benchmarks.lanes import LANES, Lane
from benchmarks.server import ROOT, Server, Usage, read_usage
from benchmarks.session import Change, Session
from gradflow.cli.nginx import COOKIE

SLIDER = "Depth"
FIRST_WIDTH = 100
"""Width of the first person's network; the others count up from it."""
OPEN_AT_ONCE = 5
"""Pages that are opened at the same time, before changes are measured."""
OPEN_SECONDS = 600
"""How long it may take until all have their page."""
REST_SECONDS = 2.0
DRAIN_SECONDS = 60.0
"""How long an answer is waited for after the last change."""
PROBED_DEPTHS = range(15, 25)
"""Values whose cost is measured before the load, their first and their second time."""


@dataclass(frozen=True)
class Plan:
    """What the people do.

    Attributes:
        users: how many.
        period: seconds from a person's change to the next.
        seconds: how long they go on.
        depths: what Depth is set to; ``None``: any value of the slider.
        burst: whether all change at the same instant, and the next time when all are answered.
        kind: a key of ``LANES``.
        all_pages: whether somebody opens every page of the app afterwards.
    """

    users: int
    period: float
    seconds: float
    depths: range | None
    burst: bool
    kind: str
    all_pages: bool


class Person(NamedTuple):
    """Somebody with Explore open, and the way on which their changes go."""

    session: Session
    lane: Lane


@dataclass(frozen=True)
class Measurement:
    """What came of it.

    Attributes:
        changes: of all people.
        seconds: from the first change until the last answer, or until nobody waited any longer.
        before: what the server had used before the first change.
        after: what it had used after the last answer.
        at_end: what it had used after all pages were opened, if they were.
        opened: seconds that each person's first page took.
        cost: CPU seconds per setting, the first and the second time, of one person alone.
        received_bytes: of all people, pages opened included.
        errors: what went wrong.
    """

    changes: list[Change]
    seconds: float
    before: Usage
    after: Usage
    at_end: Usage
    opened: list[float]
    cost: tuple[float, float]
    received_bytes: int
    errors: list[str]


def draw_offsets(plan: Plan, generator: random.Random) -> list[float]:
    """Draw when a person changes the setting, in seconds from the start: a random phase."""
    phase = generator.random() * plan.period
    count = max(1, int((plan.seconds - phase) / plan.period) + 1)
    return [phase + i * plan.period for i in range(count)]


def draw_value(allowed: Sequence[int], last: int, generator: random.Random) -> int:
    """Draw what Depth is set to next: not what it is already."""
    return generator.choice([value for value in allowed if value != last])


async def measure_load(server: Server, plan: Plan) -> Measurement:
    """Let a bounded number of people use a server of this machine for a bounded time."""
    make_lane = LANES[plan.kind]
    cost = await measure_cost(server, make_lane)
    sessions = [Session(server.url, f"width={FIRST_WIDTH + i}") for i in range(plan.users)]
    people = [Person(session, make_lane(session)) for session in sessions]
    try:
        opened = await open_all(sessions)
        await asyncio.sleep(REST_SECONDS)
        before, begin = read_usage(server.pids), time.perf_counter()
        change_all = change_together if plan.burst else change_in_turns
        await change_all(people, plan)
        await wait_for_answers(sessions)
        seconds = time.perf_counter() - begin
        after = read_usage(server.pids)
        if plan.all_pages:
            sessions += await open_all_pages(server)
        at_end = read_usage(server.pids)
    finally:
        await asyncio.gather(*(person.lane.close() for person in people))
        await asyncio.gather(*(session.close() for session in sessions))
    return Measurement(
        [change for session in sessions for change in session.changes],
        seconds,
        before,
        after,
        at_end,
        opened,
        cost,
        sum(session.received_bytes for session in sessions),
        [error for session in sessions for error in session.errors],
    )


async def open_all(sessions: Sequence[Session]) -> list[float]:
    """Open everybody's page, a few at once; return the seconds of each."""
    opened: list[float] = []
    async with asyncio.timeout(OPEN_SECONDS):
        for first in range(0, len(sessions), OPEN_AT_ONCE):
            group = sessions[first : first + OPEN_AT_ONCE]
            opened += await asyncio.gather(*map(_open, group))
    return opened


async def open_all_pages(server: Server) -> list[Session]:
    """Open every page but Explore, which is open already, in sessions of their own."""
    names = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
    sessions = [Session(server.url, page=name) for name in names if name != "explore"]
    for session in sessions:
        await _open(session)
    return sessions


async def measure_cost(server: Server, make_lane: type[Lane]) -> tuple[float, float]:
    """Measure the server's CPU seconds per setting for one person alone: new, then known."""
    session = Session(server.url, f"width={FIRST_WIDTH - 1}&depth=14")
    lane = make_lane(session)
    costs = []
    try:
        await _open(session)
        for _ in ("new", "known"):
            await asyncio.sleep(REST_SECONDS)
            before = read_usage(server.pids).cpu_seconds
            for depth in PROBED_DEPTHS:
                await lane.change(depth)
                await wait_for_answers([session])
            costs.append((read_usage(server.pids).cpu_seconds - before) / len(PROBED_DEPTHS))
    finally:
        await lane.close()
        await session.close()
    return costs[0], costs[1]


async def change_in_turns(people: Sequence[Person], plan: Plan) -> None:
    """Let each person change the setting in a rhythm of their own, answered or not."""
    begin = time.perf_counter()

    async def use(person: Person, seed: int) -> None:
        generator = random.Random(seed)
        for offset in draw_offsets(plan, generator):
            await asyncio.sleep(max(0.0, begin + offset - time.perf_counter()))
            await _change(person, plan, generator)

    await asyncio.gather(*(use(person, seed) for seed, person in enumerate(people)))


async def change_together(people: Sequence[Person], plan: Plan) -> None:
    """Let all change the setting at the same instant, again and again while time is left."""
    generator = random.Random(0)
    end = time.perf_counter() + plan.seconds
    while True:
        begin = time.perf_counter()
        await asyncio.gather(*(_change(person, plan, generator) for person in people))
        await wait_for_answers([person.session for person in people])
        next_begin = max(time.perf_counter(), begin + plan.period)
        if next_begin >= end:
            return
        await asyncio.sleep(next_begin - time.perf_counter())


async def wait_for_answers(sessions: Sequence[Session]) -> None:
    """Wait until every person's last change is answered and their page complete, but not long."""
    give_up = time.perf_counter() + DRAIN_SECONDS
    while time.perf_counter() < give_up:
        if all(s.changes[-1].finished is not None for s in sessions if s.changes):
            return
        await asyncio.sleep(0.02)


async def _open(session: Session) -> float:
    session.cookie = await asyncio.to_thread(fetch_cookie, session.url)
    return await session.open(SLIDER)


async def _change(person: Person, plan: Plan, generator: random.Random) -> None:
    session, slider = person.session, person.session.slider
    if slider is None:
        raise SystemExit(f"no slider {SLIDER} on the page: {session.errors[:1]}")
    allowed = plan.depths or range(slider.low, slider.high + 1)
    last = session.changes[-1].value if session.changes else slider.value
    try:
        await person.lane.change(draw_value(allowed, last, generator))
    except ConnectionClosed as error:
        session.errors.append(f"not sent: {error}")


def fetch_cookie(url: str) -> str:
    """Fetch the cookie by which nginx keeps a browser with one process; empty without nginx."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.netloc, timeout=60)
    try:
        connection.request("GET", f"{where.path}/")
        header = connection.getresponse().getheader("Set-Cookie") or ""
    finally:
        connection.close()
    match = re.search(rf"{COOKIE}=\d+", header)
    return match[0] if match else ""
