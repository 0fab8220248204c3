"""What a server must hold: its start, idle sessions, many settings and all pages.

Each is measured on a process of its own; people are websockets without browsers, as in ``load``.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.crowd import SLIDER, open_all, open_all_pages, wait_for_answers
from benchmarks.harness import describe_machine, format_table, take_percentile
from benchmarks.lanes import LiveLane
from benchmarks.server import Server, read_usage, run_app
from benchmarks.session import Session

MOST_SESSIONS = 500
MOST_SETTINGS = 5000
DEPTHS = range(11, 31)
"""Each person of the settings' measurement tries all of them."""
FIRST_WIDTH = 50
COLLECT_SECONDS = 15
"""A pause in which the server has collected its garbage."""


@dataclass(frozen=True)
class Idle:
    """Sessions that nobody touches: seconds until each was open, MB of memory, cores in use."""

    opened: list[float]
    before_mb: float
    after_mb: float
    cpu_share: float


def read_memory(server: Server) -> float:
    """Read the MB that a server's processes hold."""
    return sum(read_usage(server.pids).memory_mb)


async def settle(server: Server) -> float:
    """Let one person come and go; read the memory once the server has collected its garbage."""
    session = Session(server.url)
    await open_all([session])
    await session.close()
    await asyncio.sleep(COLLECT_SECONDS)
    return read_memory(server)


async def measure_idle(server: Server, count: int) -> Idle:
    """Open sessions, all on another width, and leave them alone."""
    before = await settle(server)
    sessions = [Session(server.url, f"width={FIRST_WIDTH + i}") for i in range(count)]
    try:
        opened = await open_all(sessions)
        await asyncio.sleep(COLLECT_SECONDS)
        begin, used = time.perf_counter(), read_usage(server.pids).cpu_seconds
        await asyncio.sleep(COLLECT_SECONDS)
        used = read_usage(server.pids).cpu_seconds - used
        return Idle(opened, before, read_memory(server), used / (time.perf_counter() - begin))
    finally:
        await close_all(sessions)


async def measure_settings(server: Server, count: int) -> tuple[float, float, float]:
    """Measure the memory before and after this many different settings, and after all pages."""
    before = await settle(server)
    for first in range(0, count, len(DEPTHS)):
        session = Session(server.url, f"width={FIRST_WIDTH + first // len(DEPTHS)}&depth=10")
        lane = LiveLane(session)
        await session.open(SLIDER)
        for depth in DEPTHS[: count - first]:
            await lane.change(depth)
            await wait_for_answers([session])
        await lane.close()
        await session.close()
    await asyncio.sleep(COLLECT_SECONDS)
    after = read_memory(server)
    await close_all(await open_all_pages(server))
    await asyncio.sleep(COLLECT_SECONDS)
    return before, after, read_memory(server)


async def close_all(sessions: Sequence[Session]) -> None:
    """Let everybody leave."""
    await asyncio.gather(*(session.close() for session in sessions))


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.deployment", description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=200, help="idle ones (default 200)")
    parser.add_argument("--settings", type=int, default=500, help="different ones (default 500)")
    options = parser.parse_args(arguments)
    if not 1 <= options.sessions <= MOST_SESSIONS or not 1 <= options.settings <= MOST_SETTINGS:
        parser.error(f"--sessions: 1 to {MOST_SESSIONS}; --settings: 1 to {MOST_SETTINGS}")
    begin = time.perf_counter()
    with run_app() as server:
        started, at_start = time.perf_counter() - begin, read_usage(server.pids)
        idle = asyncio.run(measure_idle(server, options.sessions))
    with run_app() as server:
        before, after, toured = asyncio.run(measure_settings(server, options.settings))
    opened = f"{median(idle.opened):.1f} s, 95 %: {take_percentile(idle.opened, 0.95):.1f} s"
    each = 1000 * (idle.after_mb - idle.before_mb) / options.sessions
    rows = [
        ["start until healthy", f"{started:.0f} s, {at_start.cpu_seconds:.0f} s of CPU"],
        ["memory then", f"{sum(at_start.memory_mb):.0f} MB"],
        [
            f"{options.sessions} idle sessions: memory",
            f"{idle.after_mb:.0f} MB, {each:.0f} kB each",
        ],
        ["their pages, five opened at a time", opened],
        ["CPU of all of them together", f"{100 * idle.cpu_share:.1f} % of a core"],
        [f"{options.settings} settings: memory", f"{before:.0f} → {after:.0f} MB"],
        ["then all pages", f"{toured:.0f} MB"],
    ]
    print("### Deployment\n")
    print(format_table(("", "one process"), rows))
    print(f"\n{describe_machine()}.")


if __name__ == "__main__":
    main()
