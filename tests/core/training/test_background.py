"""Playing, pausing, stepping and stopping a run in a thread."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
import torch

import gradflow as gf
from gradflow.core.training import BackgroundRun, RunState
from tests.core.training.tasks import make_fixed_task, make_small_experiment

PLAN = gf.TrainingPlan(steps=12, record_every=2, reports=2)


def list_run_threads():
    return [thread for thread in threading.enumerate() if thread.name == "gradflow-run"]


def test_played_to_the_end_it_is_the_run_in_the_foreground():
    background = BackgroundRun(make_small_experiment(), PLAN)
    assert background.state is RunState.PAUSED
    assert not list_run_threads()
    background.play()
    background.wait()
    assert background.state is RunState.FINISHED
    assert background.over
    assert background.steps_done == 12
    expected = gf.Run.collect(make_small_experiment(), PLAN)
    assert background.run.table().equals(expected.table())
    assert background.run.title == expected.title
    assert not list_run_threads()
    background.play()  # nothing is left to do
    assert not list_run_threads()


def test_single_records_and_pauses_change_nothing():
    background = BackgroundRun(make_small_experiment(), PLAN)
    for count in range(1, 4):
        background.step()
        background.wait()
        assert background.state is RunState.PAUSED
        assert len(background.run.records) == count
        assert not list_run_threads()
    background.step(2)
    background.wait()
    assert len(background.run.records) == 5
    background.play()
    background.wait()
    assert background.run.table().equals(gf.Run.collect(make_small_experiment(), PLAN).table())


class Turnstile:
    """A gate that lets a known number of steps through, so that the run stands still inside."""

    def __init__(self):
        self.waiting, self.free = threading.Event(), threading.Semaphore(0)

    def __enter__(self):
        self.waiting.set()
        self.free.acquire()

    def __exit__(self, *error):
        pass


def test_a_stopped_run_frees_its_thread_and_its_model():
    gate = Turnstile()
    task = make_fixed_task()
    model = weakref.ref(task.model)
    background = BackgroundRun(task, gf.TrainingPlan(steps=1000, reports=0), gate)
    del task
    background.play()
    gate.waiting.wait(10)
    assert background.state is RunState.RUNNING
    assert len(list_run_threads()) == 1
    gate.free.release(2)
    stopping = threading.Thread(target=background.stop)
    stopping.start()
    gate.free.release(1000)
    stopping.join(10)
    assert background.state is RunState.STOPPED
    assert not list_run_threads()
    assert len(background.run.records) == background.steps_done < 1000
    gc.collect()
    assert model() is None
    background.play()
    background.step()
    assert background.state is RunState.STOPPED
    assert not list_run_threads()


def test_a_paused_run_goes_on_where_it_was():
    gate = Turnstile()
    background = BackgroundRun(make_fixed_task(), gf.TrainingPlan(steps=50), gate)
    background.play()
    gate.waiting.wait(10)
    pausing = threading.Thread(target=background.pause)
    pausing.start()
    gate.free.release(50)
    pausing.join(10)
    assert background.state is RunState.PAUSED
    done = background.steps_done
    assert not list_run_threads()
    assert done < 50
    gate.free.release(50)
    background.play()
    background.wait()
    assert [record.step for record in background.run.records] == list(range(1, 51))


def test_a_run_that_breaks_says_so():
    network = gf.MLP(depth=6, width=16, activation="relu", initialization="normal", init_std=0.6)
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=32))
    background = BackgroundRun(experiment, gf.TrainingPlan(learning_rate=10.0))
    background.play()
    background.wait()
    assert background.state is RunState.DIVERGED
    assert background.run.divergence is not None


def test_errors_are_kept_for_the_caller():
    refused = BackgroundRun(
        gf.Experiment(network=gf.MLP(depth=2, width=4), data=gf.Data(batch_size=2)),
        gf.TrainingPlan(noise_every=1),
    )
    refused.play()
    refused.wait()
    assert refused.state is RunState.FAILED
    assert "noise_every" in refused.error
    with pytest.raises(gf.InvalidExperiment):
        BackgroundRun(object())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unexpected_error_ends_the_run_too():
    def loss(outputs, targets):
        raise RuntimeError("not that one")

    background = BackgroundRun(make_fixed_task(loss=loss))
    background.play()
    background.wait()
    assert background.state is RunState.FAILED
    assert background.error == "RuntimeError: not that one"
    assert torch.is_grad_enabled()
