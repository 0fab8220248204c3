"""A class that votes: phones that open their page, and all tap at the same instant.

Each phone then asks for something new every 2.5 to 3.5 s, as ``ballot.js`` does, and the page of
the presenter counts twice a second; both are measured meanwhile. Server, generator and everything
else share this machine's cores.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks.harness import describe_machine, format_table, take_percentile
from benchmarks.server import Server, read_usage, run_app
from gradflow.cli.nginx import find_nginx
from gradflow.ui.classroom.ballots import MOST_PHONES, SETTING, Ballots
from gradflow.ui.classroom.route import HOST_COOKIE

CHOICES = ("a", "b", "c", "d")
QUESTION = "measured:1"
PERIOD, JITTER = 2.5, 1.0
"""Seconds, as in ``gradflow/ui/classroom/ballot.js``."""
COUNT_PERIOD = 0.5
"""As in ``gradflow/ui/classroom/classroom.js``."""
_BALLOT = json.dumps({"title": "measured", "code": QUESTION, "filler": "x" * 8000})
"""About as long as that of a lesson with curves."""
_TIMEOUT = 60.0


@dataclass
class Waits:
    """Seconds that answers took, and what went wrong."""

    opened: list[float] = field(default_factory=list)
    voted: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    counted: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


class Browser:
    """Somebody's browser: one connection, and the cookies it was given."""

    def __init__(self, server: Server, waits: Waits) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=_TIMEOUT)
        self._waits = waits
        self.cookies: dict[str, str] = {}

    def ask(self, times: list[float], path: str, body: bytes | None = None) -> bytes:
        """Ask for a path below ``gf/``, or send something there."""
        headers = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        begin = time.perf_counter()
        method = "GET" if body is None else "POST"
        self._connection.request(method, f"/gf/{path}", body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        times.append(time.perf_counter() - begin)
        if answer.status not in (200, 204):
            self._waits.errors.append(f"{path}: {answer.status}")
        for cookie in answer.headers.get_all("Set-Cookie", ()):
            name, _equals, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return content

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def measure_votes(server: Server, box: Ballots, phones: int, seconds: float) -> Waits:
    """Let phones vote at the same instant, and then wait; count meanwhile as a presenter."""
    waits = Waits()
    presenter = Browser(server, waits)
    code = json.loads(presenter.ask([], "class", b""))["code"]
    assert presenter.cookies[HOST_COOKIE]
    box.ask(code, QUESTION, CHOICES, _BALLOT, is_open=True)
    ready = threading.Barrier(phones)

    def use_phone(number: int) -> None:
        draw = random.Random(number)
        with closing(Browser(server, waits)) as phone:
            phone.ask(waits.opened, f"phone?class={code}")
            content = phone.ask(waits.asked, f"ballot?class={code}&seen=")
            version = json.loads(content)["head"]["version"]
            ready.wait(_TIMEOUT)
            vote = {"class": code, "question": QUESTION, "choice": draw.choice(CHOICES)}
            phone.ask(waits.voted, "vote", json.dumps(vote).encode())
            end = time.monotonic() + seconds
            while (pause := PERIOD + JITTER * draw.random()) < end - time.monotonic():
                time.sleep(pause)
                phone.ask(waits.asked, f"ballot?class={code}&seen={version}")

    with ThreadPoolExecutor(phones) as threads:
        work = [threads.submit(use_phone, number) for number in range(phones)]
        while not all(future.done() for future in work):
            content = presenter.ask(waits.counted, f"votes?class={code}")
            waits.counts = json.loads(content)["votes"]
            time.sleep(COUNT_PERIOD)
    waits.errors += [repr(e) for future in work if (e := future.exception()) is not None]
    presenter.close()
    box.close_class(code)
    return waits


def format_report(waits: Waits, phones: int, cpu: float) -> str:
    """Format a measurement as Markdown."""
    rows = [
        ["a phone's page", *_format_times(waits.opened)],
        ["a vote, all at the same instant", *_format_times(waits.voted)],
        ["a phone asks for something new", *_format_times(waits.asked)],
        ["the presenter's count", *_format_times(waits.counted)],
    ]
    first = f"; the first: {waits.errors[0]}" if waits.errors else ""
    return "\n".join(
        [
            format_table(("", "p50", "p95", "max"), rows),
            "",
            f"- {sum(waits.counts.values())} votes of {phones} phones counted",
            f"- server CPU: {cpu:.1f} s in all",
            f"- errors: {len(waits.errors)}{first}",
        ]
    )


def _format_times(seconds: Sequence[float]) -> list[str]:
    if not seconds:
        return ["–"] * 3
    figures = (median(seconds), take_percentile(seconds, 0.95), max(seconds))
    return [f"{1000 * value:,.0f} ms" for value in figures]


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.votes", description=__doc__.split("\n")[0])
    parser.add_argument("--phones", type=int, default=200, help=f"at most {MOST_PHONES}")
    parser.add_argument("--seconds", type=float, default=10.0, help="after the votes (default 10)")
    parser.add_argument(
        "--processes", type=int, choices=range(1, 9), default=1, help="several: behind nginx"
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.phones <= MOST_PHONES:
        parser.error(f"--phones: 1 to {MOST_PHONES}")
    where = "one process"
    if options.processes > 1:
        where = f"{options.processes} processes behind nginx"
    print(f"### Votes\n\n{options.phones} phones; {where}\n")
    if options.processes > 1 and find_nginx() is None:
        print("Not measured: several processes need nginx, which is not installed.")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.sqlite3"
        os.environ[SETTING] = str(path)
        with run_app(options.processes) as server:
            before = read_usage(server.pids).cpu_seconds
            waits = measure_votes(server, Ballots(path), options.phones, options.seconds)
            cpu = read_usage(server.pids).cpu_seconds - before
    print(format_report(waits, options.phones, cpu))
    print(
        f"\nServer and generator share {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[0]:.1f} at the end. {describe_machine()}."
    )


if __name__ == "__main__":
    main()
