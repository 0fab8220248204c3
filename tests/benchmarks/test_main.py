"""Which benchmarks run when none is named."""

import pytest

from benchmarks import __main__ as benchmarks


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the parts that have run."""
    names: list[str] = []
    for parts in (benchmarks.PARTS, benchmarks.LONG_PARTS):
        for name in parts:
            monkeypatch.setitem(parts, name, lambda _arguments, name=name: names.append(name))
    return names


def test_those_that_take_minutes_run_only_by_name(run: list[str]) -> None:
    benchmarks.main([])
    assert "latency" in run
    assert not {"load", "pages"} & set(run)
    run.clear()
    benchmarks.main(["pages", "--presses", "1"])
    assert run == ["pages"]


def test_help_names_all(run: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    benchmarks.main(["--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in benchmarks.PARTS | benchmarks.LONG_PARTS)
    assert run == []
