"""Classes and votes: who may do what, how much of it, and for how long; several processes."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gradflow.core.errors import GradflowError
from gradflow.ui.classroom import ballots
from gradflow.ui.classroom.ballots import Ballots, NoSuchClass, Refused


class Clock:
    now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "votes.sqlite3"


@pytest.fixture
def box(file: Path, clock: Clock) -> Ballots:
    return Ballots(file, clock)


def ask(box: Ballots, code: str, *, is_open: bool = True, question: str = "q") -> None:
    box.ask(code, question, ("a", "b"), '{"x": 1}', is_open=is_open)


def test_a_phone_has_one_vote_and_may_change_it(box: Ballots) -> None:
    code, host = box.open_class()
    assert len(code) == 6
    assert set(code) <= set(ballots.LETTERS)
    assert box.is_host(code, host)
    assert not box.is_host(code, host + "x")
    ask(box, code)
    first, second = box.make_phone(), box.make_phone()
    for phone, choice in ((first, "a"), (second, "a"), (first, "b")):
        box.vote(code, phone, "q", choice)
    assert box.count_votes(code) == ("q", {"a": 1, "b": 1})
    assert box.show(code, first).mine == "b"
    ask(box, code, question="other")
    assert box.count_votes(code) == ("other", {})
    assert box.show(code, first).mine == ""
    ask(box, code)
    assert box.count_votes(code)[1] == {"a": 1, "b": 1}  # back to the question


def test_what_is_not_asked_is_refused(box: Ballots) -> None:
    code, _host = box.open_class()
    phone = box.make_phone()
    with pytest.raises(Refused):
        box.vote(code, phone, "", "a")  # nothing is asked yet
    ask(box, code)
    for question, choice in (("q", "c"), ("q", "a b"), ("q", ""), ("other", "a")):
        with pytest.raises(Refused):
            box.vote(code, phone, question, choice)
    ask(box, code, is_open=False)
    with pytest.raises(Refused):
        box.vote(code, phone, "q", "a")
    with pytest.raises(NoSuchClass):
        box.vote("ZZZZZZ", phone, "q", "a")
    assert box.count_votes(code) == ("q", {})


def test_nobody_makes_up_a_phone(box: Ballots, file: Path) -> None:
    phone = box.make_phone()
    assert box.is_phone(phone)
    assert Ballots(file).is_phone(phone)  # another process has the same key
    number, _dot, signature = phone.partition(".")
    for forged in (
        "",
        ".",
        number,
        f"{number}.",
        f"0{number[1:]}x.{signature}",
        "é.é",
        phone + "0",
    ):
        assert not box.is_phone(forged)


def test_the_same_again_is_no_new_version(box: Ballots) -> None:
    code, _host = box.open_class()
    ask(box, code)
    version = box.show(code, "").version
    ask(box, code)
    assert box.show(code, "").version == version
    ask(box, code, is_open=False)
    assert box.show(code, "").version == version + 1


def test_a_class_ends_without_its_presenter(box: Ballots, clock: Clock, file: Path) -> None:
    code, host = box.open_class()
    ask(box, code)
    box.vote(code, box.make_phone(), "q", "a")
    clock.now += ballots.LIFETIME - 1
    box.count_votes(code)  # the presenter is there
    clock.now += ballots.LIFETIME - 1
    assert box.is_host(code, host)
    clock.now += 2
    assert not box.is_host(code, host)
    with pytest.raises(NoSuchClass):
        box.show(code, "")
    other, _host = box.open_class()
    database = sqlite3.connect(file)
    assert database.execute("SELECT count(*) FROM votes").fetchone() == (0,)
    box.close_class(other)
    assert database.execute("SELECT count(*) FROM classes").fetchone() == (0,)


def test_there_are_only_so_many_classes(
    box: Ballots, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ballots, "MOST_CLASSES", 3)
    codes = [box.open_class()[0] for _class in range(3)]
    with pytest.raises(Refused):
        box.open_class()
    clock.now += ballots.SPARED + 1
    ask(box, codes[0])  # is in use
    box.count_votes(codes[0])
    box.open_class()  # takes the place of one that nobody looks after
    box.show(codes[0], "")


def test_there_are_only_so_many_phones_and_changes(
    box: Ballots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ballots, "MOST_PHONES", 3)
    monkeypatch.setattr(ballots, "MOST_CHANGES", 4)
    code, _host = box.open_class()
    ask(box, code)
    phones = [box.make_phone() for _phone in range(4)]
    for phone in phones[:3]:
        box.vote(code, phone, "q", "a")
    with pytest.raises(Refused):
        box.vote(code, phones[3], "q", "a")
    for _change in range(4):
        box.vote(code, phones[0], "q", "b")
    with pytest.raises(Refused):
        box.vote(code, phones[0], "q", "a")
    assert box.count_votes(code) == ("q", {"a": 2, "b": 1})


def test_votes_on_earlier_questions_are_forgotten_at_last(
    box: Ballots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ballots, "MOST_VOTES", 3)
    code, _host = box.open_class()
    phone = box.make_phone()
    for question in "qrstu":
        ask(box, code, question=question)
        box.vote(code, phone, question, "a")
    assert box.count_votes(code) == ("u", {"a": 1})
    ask(box, code, question="q")
    assert box.count_votes(code) == ("q", {})


def test_processes_share_the_file(box: Ballots, file: Path) -> None:
    code, _host = box.open_class()
    real = Ballots(file)
    real.ask(code, "q", ("a", "b"), "{}", is_open=True)
    program = f"""
from pathlib import Path
from gradflow.ui.classroom.ballots import Ballots
box = Ballots(Path({str(file)!r}), lambda: 1e9)
for _vote in range(100):
    box.vote({code!r}, box.make_phone(), "q", "a")
"""
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _process in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert box.count_votes(code) == ("q", {"a": 200})


def test_it_says_where_votes_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GradflowError, match="GRADFLOW_VOTES"):
        Ballots(tmp_path / "file" / "votes.sqlite3").open_class()
    (tmp_path / "no_database").write_text("x" * 5000)
    with pytest.raises(GradflowError, match="no_database"):
        Ballots(tmp_path / "no_database").open_class()


def test_the_setting_says_where_the_file_lies() -> None:
    assert ballots.find_path({"GRADFLOW_VOTES": "/x/y"}) == Path("/x/y")
    assert ballots.find_path({}).name == "votes.sqlite3"
