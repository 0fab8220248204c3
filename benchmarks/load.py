"""How long a class waits: many people change a setting of Explore at the same time.

Each person is a websocket of their own, with a width of their own, so that no two share a result.
At a change (every ``--period`` seconds, whether or not the last one was answered) Depth is set to
another value; it is answered when a Flow figure of that value, or of a later change of the same
person, has arrived. Server, generator and everything else share this machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
from collections.abc import Sequence
from statistics import median

from benchmarks.crowd import Measurement, Plan, measure_load
from benchmarks.harness import describe_machine, format_table, take_percentile
from benchmarks.lanes import LANES
from benchmarks.server import run_app
from gradflow.cli.nginx import find_nginx

MOST_USERS = 200
MOST_SECONDS = 600


def format_report(plan: Plan, measured: Measurement, processes: int) -> str:
    """Format a measurement as Markdown."""
    answered = [change for change in measured.changes if change.shown is not None]
    waits = [c.shown - c.sent for c in answered if c.shown is not None]
    pages = [c.finished - c.sent for c in answered if c.finished is not None and not c.overtaken]
    rows = [
        ["change → its Flow figure or a later one", *_format_times(waits)],
        ["change → all of the page, not overtaken", *_format_times(pages)],
        ["first page, nothing else measured", *_format_times(measured.opened)],
    ]
    cpu = measured.after.cpu_seconds - measured.before.cpu_seconds
    overtaken = sum(change.overtaken for change in answered)
    count, lost = len(measured.changes), len(measured.changes) - len(answered)
    rate = len(answered) / measured.seconds
    new, known = (f"{1000 * seconds:.0f} ms" for seconds in measured.cost)
    under_load = f"{1000 * cpu / max(count, 1):.0f} ms"
    cores = f"{100 * cpu / measured.seconds:.0f} % of a core"
    lines = [
        _describe(plan, processes),
        "",
        format_table(("", "p50", "p95", "max"), rows),
        "",
        f"- {count} changes, {rate:.1f} answers/s; {overtaken} overtaken, {lost} never answered",
        f"- server CPU per setting, one person alone: {new} new, {known} known",
        f"- server CPU per change under load: {under_load}, {cores}",
        f"- memory of the server: {_format_memory(measured)}",
        f"- received: {measured.received_bytes / 1e6:.1f} MB",
        f"- errors: {len(measured.errors)}{_quote_first(measured.errors)}",
    ]
    return "\n".join(lines)


def _describe(plan: Plan, processes: int) -> str:
    depths = f"{plan.depths[0]} to {plan.depths[-1]}" if plan.depths else "any"
    when = "all at the same instant" if plan.burst else f"each every {plan.period:g} s"
    who = f"{plan.users} people, own settings, depth {depths}, {when}, {plan.seconds:g} s"
    where = "one process" if processes == 1 else f"{processes} processes behind nginx"
    return f"{who}; {where}, kind {plan.kind}"


def _format_memory(measured: Measurement) -> str:
    """Format the memory of each process: before, after the load, with all pages opened."""
    usages = (measured.before, measured.after, measured.at_end)
    each = zip(*(usage.memory_mb for usage in usages), strict=False)
    texts = [" → ".join(f"{mb:.0f}" for mb in process) + " MB" for process in each]
    return "; ".join(texts) or "unknown"


def _format_times(seconds: Sequence[float]) -> list[str]:
    if not seconds:
        return ["–"] * 3
    figures = (median(seconds), take_percentile(seconds, 0.95), max(seconds))
    return [f"{1000 * value:,.0f} ms" for value in figures]


def _quote_first(errors: Sequence[str]) -> str:
    return f"; the first: {errors[0]}" if errors else ""


def parse_depths(text: str) -> range | None:
    """Parse ``LOW-HIGH``, or ``all``."""
    if text == "all":
        return None
    match = re.fullmatch(r"(\d+)-(\d+)", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text}: write LOW-HIGH, such as 10-30, or all")
    return range(int(match[1]), int(match[2]) + 1)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.load", description=__doc__.split("\n")[0])
    parser.add_argument("--users", type=int, default=30, help=f"at most {MOST_USERS} (default 30)")
    parser.add_argument("--period", type=float, default=2.0, help="seconds (default 2)")
    parser.add_argument(
        "--seconds", type=float, default=30.0, help=f"at most {MOST_SECONDS} (default 30)"
    )
    parser.add_argument("--depths", type=parse_depths, default="10-30", help="LOW-HIGH, or all")
    parser.add_argument("--burst", action="store_true", help="all change at the same instant")
    parser.add_argument(
        "--processes", type=int, choices=range(1, 9), default=1, help="several: behind nginx"
    )
    parser.add_argument("--kind", choices=tuple(LANES), default="live", help="how a change is sent")
    parser.add_argument("--all-pages", action="store_true", help="then open all pages (memory)")
    options = parser.parse_args(arguments)
    if not 1 <= options.users <= MOST_USERS:
        parser.error(f"--users: 1 to {MOST_USERS}")
    if not 0 < options.seconds <= MOST_SECONDS or options.period < 0.1:
        parser.error(f"--seconds: above 0, at most {MOST_SECONDS}; --period: at least 0.1")
    print("### Load\n")
    if options.processes > 1 and find_nginx() is None:
        print("Not measured: several processes need nginx, which is not installed.")
        return
    plan = Plan(
        options.users,
        options.period,
        options.seconds,
        options.depths,
        options.burst,
        options.kind,
        options.all_pages,
    )
    with run_app(options.processes) as server:
        measured = asyncio.run(measure_load(server, plan))
    print(format_report(plan, measured, options.processes))
    print(
        f"\nServer and generator share {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[0]:.1f} at the end. {describe_machine()}."
    )


if __name__ == "__main__":
    main()
