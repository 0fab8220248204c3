"""The report of the benchmark of votes."""

import pytest

from benchmarks.votes import Waits, format_report, main


def test_the_report_counts_votes_and_errors() -> None:
    waits = Waits(voted=[0.1, 0.3], counts={"a": 3, "b": 4}, errors=["vote: 409"])
    report = format_report(waits, 8, 1.5)
    assert "7 votes of 8 phones" in report
    assert "| 200 ms | 300 ms | 300 ms |" in report
    assert "errors: 1; the first: vote: 409" in report


def test_there_are_not_more_phones_than_a_class_has() -> None:
    with pytest.raises(SystemExit):
        main(["--phones", "501"])
