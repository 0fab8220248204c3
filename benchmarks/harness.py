"""Fair timing on a noisy machine: candidates take turns, and medians are compared."""

from __future__ import annotations

import gc
import math
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import torch

Action = Callable[[], object]


def time_interleaved(candidates: Mapping[str, Action], runs: int) -> dict[str, list[float]]:
    """Measure seconds of each candidate in each of ``runs`` rounds, after one to warm up.

    Each round runs every candidate once, starting with another one each time, so that a slow
    minute of the machine hits all of them and none always follows the same predecessor.
    """
    # As the server does: a full collection among the libraries' objects would hit at random.
    gc.collect()
    gc.freeze()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(runs + 1):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            begin = time.perf_counter()
            candidates[name]()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def take_medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Take the median of each candidate."""
    return {name: median(values) for name, values in seconds.items()}


def take_percentile(values: Sequence[float], share: float) -> float:
    """Take the smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def describe_machine(device: str = "cpu") -> str:
    """Describe this machine in one line."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    threads = torch.get_num_threads()
    return (
        f"{_find_processor_name()}, {threads} thread{'s' if threads > 1 else ''}, "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Format a Markdown table whose first ``texts`` columns are text; the others are numbers."""
    rule = [*["---"] * texts, *["--:"] * (len(head) - texts)]
    return "\n".join(map(format_row, (head, rule, *rows)))


def format_row(cells: Sequence[str]) -> str:
    """Format a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _find_processor_name() -> str:
    try:
        match = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        match = None
    return match[1] if match else platform.processor() or platform.machine()
