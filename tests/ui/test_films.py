"""Frames as browsers fetch them, and who may."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest

from gradflow.core.training import BackgroundRun, Run, TrainingPlan
from gradflow.core.training.frame import BINS, FRAMED
from gradflow.ui.training.film_route import write_address
from gradflow.ui.training.films import FILMS
from tests.pages.training import EXPERIMENT
from tests.ui.ask import ask

PLAN = TrainingPlan(steps=5, reports=1)


@pytest.fixture(scope="module")
def run() -> Run:
    return Run.collect(EXPERIMENT, PLAN, frames=5)


def test_a_browser_gets_the_frames_from_one_on(run: Run) -> None:
    answer = ask(f"/{write_address(run)}&gradient=activation_grad&first=3")
    line, body = answer.body.split(b"\n", 1)
    head = json.loads(line)
    assert (head["layers"], head["bins"], head["steps"]) == (3, BINS, [4, 5])
    assert head["losses"] == [record.loss for record in run.records[3:]]
    size = len(body) // 2
    for i, record in enumerate(run.records[3:]):
        assert record.frame is not None
        content = body[i * size : (i + 1) * size]
        numbers = np.frombuffer(content[: 2 * 5 * 3 * 4], "<f4").reshape(2, 5, 3)
        rows = [0, FRAMED.index("activation_grad")]
        np.testing.assert_array_equal(numbers, record.frame.numbers[rows])
        assert content[2 * 5 * 3 * 4 :] == record.frame.shades[rows].tobytes()


@pytest.mark.parametrize("forged", ["&first=-1", "&first=x", "&gradient=x&first=99999999", ""])
def test_anything_else_gets_all_or_nothing(run: Run, forged: str) -> None:
    answer = ask(f"/{write_address(run)}{forged}")
    assert json.loads(answer.body.split(b"\n", 1)[0])["steps"] == [1, 2, 3, 4, 5]


def test_a_run_is_found_by_its_key_alone_and_as_long_as_it_is_kept() -> None:
    assert ask("/gf/film?key=guessed").status == 404
    assert ask("/gf/film").status == 404
    live = BackgroundRun(EXPERIMENT, PLAN, frames=5)
    address = write_address(live)
    assert write_address(live) == address
    live.step()
    live.wait()
    assert json.loads(ask(f"/{address}").body.split(b"\n", 1)[0])["steps"] == [1]
    key = address.partition("key=")[2]
    assert FILMS.find_run(key) is not None
    live.stop()
    del live
    gc.collect()
    assert ask(f"/{address}").status == 404
