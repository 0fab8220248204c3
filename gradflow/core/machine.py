"""What the machine allows this process: memory and processors, of the host and of its container.

Linux limits a container by control groups, which are folders in a tree. Version 1 has a tree per
resource, version 2 one for all; both may be mounted side by side. A group is also bound by every
group above it, so the smallest limit on the way up counts.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gradflow.core.environment import count_processes

_MAP_THRESHOLD, _HEAPS = -3, -8
"""``M_MMAP_THRESHOLD`` and ``M_ARENA_MAX`` of glibc's ``malloc.h``."""
MAPPED_BYTES = 2**18
"""Arrays of this size have pages of their own where memory is kept compact."""
_UNKNOWN_LEFT = 0.5
"""Share of the memory that counts as free where the system does not say how much is."""


ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}
"""Environment of a process that does from its start what ``share_one_heap`` does from then on."""


class MemoryLimit(NamedTuple):
    """Memory that may be used, in bytes.

    Attributes:
        total: the limit.
        left: what is free of it, or this process's part of that; files in the cache, which make
            room, count as free.
        contained: whether it is the limit of a container, not the memory of the host.
    """

    total: int
    left: int
    contained: bool


def read_memory(root: Path = Path("/")) -> MemoryLimit:
    """Read how much memory this process may still use: the tightest of all limits.

    Args:
        root: where the system's ``proc`` and ``sys`` are; another folder in tests.
    """
    limits = [_read_host(root)]
    for group in _list_groups(root, "memory"):
        limit = _read_group(group)
        if limit is not None and limit.total < limits[0].total:
            limits.append(limit)
    tightest = min(limits, key=lambda limit: limit.left)
    return tightest._replace(left=tightest.left // count_processes())


def count_processors(root: Path = Path("/")) -> float:
    """Count the processors that this process may use; a container may allow half of one."""
    if hasattr(os, "sched_getaffinity"):
        counts = [float(len(os.sched_getaffinity(0)))]
    else:
        counts = [float(os.cpu_count() or 1)]
    for group in _list_groups(root, "cpu"):
        quota, period = _read_quota(group)
        if quota > 0 and period > 0:
            counts.append(quota / period)
    return min(counts)


def keep_memory_compact() -> None:
    """Give every larger array pages of its own, which go back when it is freed.

    Otherwise glibc puts arrays of up to 32 MiB side by side into one heap, whose holes it keeps: a
    pass then takes up to twice the memory of its tensors. New pages make passes of large layers 10
    to 20 % slower, those of small ones not. Other systems do without.
    """
    _set_malloc_option(_MAP_THRESHOLD, MAPPED_BYTES)


def share_one_heap() -> None:
    """Let all threads take memory from one heap.

    Otherwise glibc gives threads heaps of their own, eight per processor, and each keeps the room
    that the deepest network computed by its threads has taken: 1 GB after 500 settings. As one
    thread at a time computes, none waits for another's memory. Heaps that there are already stay
    in use, so the earlier the better. Other systems do without.
    """
    _set_malloc_option(_HEAPS, 1)


def _set_malloc_option(option: int, value: int) -> None:
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if set_option is not None:
            set_option(option, value)


def return_free_memory() -> None:
    """Give free memory back to the system, in about 20 ms.

    Results stay between tensors that were freed, and glibc keeps such holes: 100 to 200 MB of them
    after 500 settings. Other systems do without.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


def _read_host(root: Path) -> MemoryLimit:
    lines = _read_text(root / "proc/meminfo").splitlines()
    sizes = {line.partition(":")[0]: _parse_kilobytes(line) for line in lines}
    total = sizes.get("MemTotal") or _count_memory()
    left = sizes.get("MemAvailable", int(_UNKNOWN_LEFT * total))
    return MemoryLimit(total, left, contained=False)


def _parse_kilobytes(line: str) -> int:
    fields = line.split()
    return int(fields[1]) * 1024 if len(fields) > 1 and fields[1].isdecimal() else 0


def _count_memory() -> int:
    """Count the memory of a host without ``/proc``."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return 4 * 2**30


def _read_group(group: Path) -> MemoryLimit | None:
    """Read the limit of one group of version 2 or 1; ``None`` if it has none."""
    for limits, usage, cache in (
        (("memory.max", "memory.high"), "memory.current", "inactive_file"),
        (("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
    ):
        known = [limit for name in limits if (limit := _read_number(group / name)) is not None]
        used = _read_number(group / usage)
        if known and used is not None:
            total = min(known)
            left = total - used + _read_stat(group / "memory.stat", cache)
            return MemoryLimit(total, max(left, 0), contained=True)
    return None


def _read_quota(group: Path) -> tuple[int, int]:
    """Read microseconds of processor time per period of so many; 0 if there is no limit."""
    fields = _read_text(group / "cpu.max").split()
    if len(fields) == 2:
        return (int(fields[0]), int(fields[1])) if fields[0].isdecimal() else (0, 0)
    quota = _read_number(group / "cpu.cfs_quota_us")
    period = _read_number(group / "cpu.cfs_period_us")
    return quota or 0, period or 0


def _list_groups(root: Path, resource: str) -> Iterator[Path]:
    """List the group of this process that limits a resource, and all groups above it.

    Within a container, a group's path may be that of the host, of which only a part is mounted.
    """
    paths = dict(_list_paths(root))
    for line in _read_text(root / "proc/self/mountinfo").splitlines():
        fields, _dash, rest = line.partition(" - ")
        kind, *options = rest.split()
        top, folder = fields.split()[3:5]
        if kind == "cgroup2":
            path = paths.get("")
        elif kind == "cgroup" and resource in options[-1].split(","):
            path = paths.get(resource)
        else:
            continue
        mount = root / folder.lstrip("/")
        inside = _find_inside(path or "/", top)
        yield from (mount.joinpath(*inside[:count]) for count in range(len(inside), -1, -1))


def _list_paths(root: Path) -> Iterator[tuple[str, str]]:
    """List the resources that groups of this process limit, "" for version 2, and their paths."""
    for line in _read_text(root / "proc/self/cgroup").splitlines():
        _number, resources, path = line.split(":", 2)
        for resource in resources.split(","):
            yield resource, path


def _find_inside(path: str, top: str) -> tuple[str, ...]:
    """Find the part of a group's path below the top of what is mounted, if it is below."""
    try:
        return Path(path).relative_to(top).parts
    except ValueError:
        return ()


def _read_stat(path: Path, name: str) -> int:
    for line in _read_text(path).splitlines():
        key, _space, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _read_number(path: Path) -> int | None:
    text = _read_text(path).strip()
    return int(text) if text.isdecimal() else None


def _read_text(path: Path) -> str:
    """Read a file; nothing where there is none, as on other systems."""
    try:
        return path.read_text()
    except OSError:
        return ""
