"""Limits of the machine, read from folders that look like those of hosts and containers."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradflow.core.machine import count_processors, read_memory

MB, GB = 2**20, 2**30
NO_LIMIT_V1 = 9223372036854771712


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host of 16 GB, 12 of them free, without groups."""
    write(
        tmp_path / "proc/meminfo", "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 12582912 kB"
    )
    return tmp_path


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\n")


def mount(root: Path, *lines: str, groups: str) -> None:
    write(root / "proc/self/mountinfo", "\n".join(lines))
    write(root / "proc/self/cgroup", groups)


def limit(folder: Path, *, most: object, used: int, cached: int = 0, version: int = 2) -> None:
    names = {
        2: ("memory.max", "memory.current", "inactive_file"),
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    }
    for name, value in zip(names[version], (most, used), strict=False):
        write(folder / name, value)
    write(folder / "memory.stat", f"anon 5\n{names[version][2]} {cached}\nactive_file 7")


V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = "34 25 0:30 {top} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
V1_CPU = "33 25 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"


def test_a_host_without_groups(root: Path) -> None:
    assert read_memory(root) == (16 * GB, 12 * GB, False)


def test_processes_of_one_app_divide_what_is_left(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADFLOW_PROCESSES", "4")
    assert read_memory(root) == (16 * GB, 3 * GB, False)


def test_the_tightest_group_on_the_way_up_counts(root: Path) -> None:
    """Here the slice in the middle, whose other members have used most of it."""
    mount(root, V2, groups="0::/slice/service/worker")
    top = root / "sys/fs/cgroup"
    limit(top / "slice/service/worker", most="max", used=100 * MB)
    limit(top / "slice/service", most=2 * GB, used=200 * MB, cached=50 * MB)
    limit(top / "slice", most=3 * GB, used=2900 * MB, cached=100 * MB)
    assert read_memory(root) == (3 * GB, 3 * GB - 2800 * MB, True)
    write(top / "slice/service/memory.high", 220 * MB)
    assert read_memory(root) == (220 * MB, 70 * MB, True)


def test_a_container_of_version_1_that_sees_its_own_part_of_the_hosts_tree(root: Path) -> None:
    mount(root, V1.format(top="/docker/abc"), groups="4:memory:/docker/abc\n1:name=systemd:/x")
    limit(root / "sys/fs/cgroup/memory", most=GB, used=700 * MB, cached=100 * MB, version=1)
    assert read_memory(root) == (GB, GB - 600 * MB, True)


def test_both_versions_side_by_side(root: Path) -> None:
    unified = "35 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
    mount(root, unified, V1.format(top="/"), groups="4:memory:/box\n0::/")
    limit(root / "sys/fs/cgroup/memory", most=NO_LIMIT_V1, used=8 * GB, version=1)
    limit(root / "sys/fs/cgroup/memory/box", most=512 * MB, used=12 * MB, version=1)
    assert read_memory(root) == (512 * MB, 500 * MB, True)


def test_a_limit_above_what_the_host_has_free_does_not_help(root: Path) -> None:
    mount(root, V2, groups="0::/")
    limit(root / "sys/fs/cgroup", most=15 * GB, used=GB)
    assert read_memory(root) == (16 * GB, 12 * GB, False)


def test_a_group_that_has_used_more_than_its_limit_has_nothing_left(root: Path) -> None:
    mount(root, V2, groups="0::/")
    limit(root / "sys/fs/cgroup", most=GB, used=2 * GB)
    assert read_memory(root).left == 0


@pytest.mark.parametrize(
    ("line", "files", "count"),
    [
        (V2, {"cpu.max": "50000 100000"}, 0.5),
        (V2, {"cpu.max": "max 100000"}, None),
        (V1_CPU.format(top="/"), {"cpu.cfs_quota_us": 25000, "cpu.cfs_period_us": 100000}, 0.25),
        (V1_CPU.format(top="/"), {"cpu.cfs_quota_us": -1, "cpu.cfs_period_us": 100000}, None),
    ],
)
def test_processors(root: Path, line: str, files: dict[str, object], count: float | None) -> None:
    """A quota of processor time counts, and none leaves all processors."""
    mount(root, line, groups="0::/a/b\n3:cpu,cpuacct:/a/b")
    folder = root / line.split()[4].lstrip("/") / "a"
    for name, value in files.items():
        write(folder / name, value)
    everything = len(os.sched_getaffinity(0))
    assert count_processors(root) == (everything if count is None else min(count, everything))


def test_this_machine_says_something() -> None:
    memory = read_memory()
    assert 0 < memory.left < memory.total
    assert 0 < count_processors() <= (os.cpu_count() or 1)


_LEAVE_HOLES = """
import ctypes, pathlib, threading
from gradflow.core.machine import share_one_heap
share_one_heap()
def take(turn=threading.Lock(), kept=[]):
    with turn:
        blocks = [ctypes.create_string_buffer(b"1" * 90_000, 90_000) for _i in range(300)]
        kept.append(blocks.pop())
        blocks.clear()
    barrier.wait()
barrier = threading.Barrier(8)
def measure():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096
threads = [threading.Thread(target=take) for _i in range(8)]
before = measure()
for thread in threads: thread.start()
for thread in threads: thread.join()
print((measure() - before) / (300 * 90_000))
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt") or os.sysconf("SC_PAGE_SIZE") != 4096,
    reason="only glibc has heaps per thread",
)
def test_threads_that_work_in_turn_need_the_room_of_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LEAVE_HOLES], check=True, capture_output=True, text=True, timeout=60
    )
    assert float(done.stdout) < 2
