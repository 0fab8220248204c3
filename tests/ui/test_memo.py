"""Results shared by all users: computed once, bounded in bytes, immutable."""

from __future__ import annotations

import ast
import contextlib
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from pandas.errors import ChainedAssignmentError

from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.histogram import Histogram
from gradflow.core.report import Report
from gradflow.ui import compute, memo
from gradflow.ui.memo import RESULTS, Memo, measure_bytes, remember
from gradflow.ui.turns import ADMISSION, Turn

UI = Path(compute.__file__).parent
MB = 2**20


def test_a_result_is_computed_once_for_all_threads_and_is_the_same_object() -> None:
    results, computed, start = Memo(MB), [], threading.Barrier(8)
    got: list[object] = []

    def work() -> object:
        computed.append(threading.get_ident())
        time.sleep(0.05)
        return object()

    def ask() -> None:
        start.wait(20)
        got.append(results.get("key", work))

    threads = [threading.Thread(target=ask) for _i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(got) == 8
    assert len(computed) == 1
    assert len(set(map(id, got))) == 1


def test_none_is_a_result_too() -> None:
    results, computed = Memo(MB), []
    assert results.get("key", lambda: computed.append(1)) is None
    assert results.get("key", lambda: computed.append(1)) is None
    assert computed == [1]


def test_the_least_recently_used_leave_when_there_is_no_room() -> None:
    results, computed = Memo(3 * 80_000 + 5000), []

    def get(key: int) -> int:
        def work() -> np.ndarray[Any, Any]:
            computed.append(key)
            return np.full(10_000, float(key))

        return int(results.get(key, work)[0])

    assert [get(key) for key in (1, 2, 3, 1, 4, 1, 3, 2)] == [1, 2, 3, 1, 4, 1, 3, 2]
    assert computed == [1, 2, 3, 4, 2]  # 4 pushed out 2
    assert len(results) == 3
    assert 3 * 80_000 <= results.bytes <= 3 * 80_000 + 5000


def test_one_result_larger_than_all_room_is_kept_alone() -> None:
    results = Memo(1000)
    results.get("small", lambda: "small")
    large = results.get("large", lambda: np.zeros(10_000))
    assert results.get("large", lambda: None) is large
    assert len(results) == 1


def test_a_failure_is_not_kept_and_one_of_those_who_wait_tries_again() -> None:
    results, started, finish = Memo(MB), threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def fail() -> int:
        started.set()
        finish.wait(20)
        raise ValueError("first")

    def first() -> None:
        try:
            results.get("a", fail)
        except ValueError as error:
            failures.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert started.wait(20)
    waited: list[bool] = []

    def waiting() -> None:
        waited.append(True)
        finish.set()

    assert results.get("a", lambda: 5, waiting) == 5
    thread.join(20)
    assert waited
    assert len(failures) == 1
    assert results.get("a", lambda: 6) == 5


def test_who_waits_gives_its_turn_back_so_that_the_other_can_compute() -> None:
    turn = Turn()
    results, asked = Memo(MB, turn), threading.Event()

    def work() -> int:
        asked.set()
        with turn:
            return 7

    with turn:
        other = threading.Thread(target=lambda: results.get("key", work))
        other.start()
        assert asked.wait(20)
        assert results.get("key", lambda: 8) == 7  # a deadlock, if it kept the turn
        assert turn.is_busy
    other.join(20)
    assert not turn.is_busy


def test_bytes_are_those_of_arrays_frames_and_texts() -> None:
    array = np.zeros(50_000)
    assert measure_bytes(array) == pytest.approx(400_000, rel=0.01)
    assert measure_bytes([array, array, {"again": array[:3]}]) == pytest.approx(400_000, rel=0.01)
    assert measure_bytes(np.zeros(50_000)[:2]) == pytest.approx(400_000, rel=0.01)  # keeps it all
    frame = pd.DataFrame({"x": np.zeros(10_000), "t": ["a" * 90] * 10_000})
    assert 1e6 < measure_bytes(frame) < 2e6
    assert measure_bytes("a" * 10_000) == pytest.approx(10_000, rel=0.01)
    assert measure_bytes(b"a" * 10_000) == pytest.approx(10_000, rel=0.01)


def test_bytes_of_a_report_are_about_those_of_its_pickle() -> None:
    report = compute.run(Experiment(network=MLP(depth=12, width=32)))
    assert 0.8 < measure_bytes(report) / len(pickle.dumps(report)) < 2.5


def test_remembered_functions_compute_in_turn_and_know_their_arguments_however_given() -> None:
    calls: list[tuple[int, int]] = []

    @remember
    def add(a: int, b: int = 1) -> str:
        assert ADMISSION.is_busy
        calls.append((a, b))
        return f"{a + b}"

    assert [add(1), add(1, 1), add(b=1, a=1), add(a=1), add(2)] == ["2", "2", "2", "2", "3"]
    assert calls == [(1, 1), (2, 1)]
    assert not ADMISSION.is_busy


def test_clearing_streamlits_caches_leaves_results() -> None:
    experiment = Experiment(network=MLP(depth=3, width=4), data=Data(batch_size=8), seed=3)
    report = compute.run(experiment)
    st.cache_data.clear()
    st.cache_resource.clear()
    assert compute.run(experiment) is report


# --- immutable results


@pytest.fixture(scope="module")
def report() -> Report:
    return compute.run(Experiment(network=MLP(depth=4, width=8, connection="residual")))


WRITES = (
    "report.layers['delta_norm'] = 0.0",
    "report.layers.loc[0, 'delta_norm'] = -5.0",
    "report.layers.iloc[0, 5] = -5.0",
    "report.layers['delta_norm'].to_numpy()[0] = -5.0",
    "report.layers['delta_norm'].array[0] = -5.0",
    "report.layers.loc[0, 'module'] = 'mine'",
    "report.layers['module'].array[0] = 'mine'",
    "report.layers.index.name = 'mine'",
    "layers = report.layers; layers['delta_norm'] = 0.0",
    "layers = report.layers; layers.loc[0, 'delta_norm'] = -5.0; layers.iloc[1, 6] = 1.0",
    "layers = report.layers; layers.loc[:, 'module'] = 'mine'; layers['new'] = 1",
    "layers = report.layers; column = layers['delta_norm']; column.iloc[0] = 3.0",
    "layers = report.layers; layers.update({'delta_norm': [1.0] * len(layers)})",
    "report.signals['kind'] = 'mine'",
    "report.parameters['norm'] *= 2",
    "report.get_table('layers')['delta_norm'][0] = -5.0",
    "report.get_table('layers').get_numbers('delta_norm')[:] = 1.0",
    "report.get_table('layers').to_frame()['delta_norm'] = 1.0",
    "report.stream.layers['activation_rms'] = 1.0",
    "report.histograms['delta', 1].counts[0] = 99",
    "report.histograms['delta', 1].edges[:] = 0",
    "report.histogram('weight', 2).counts.sort()",
    "report.histograms['delta', 1] = None",
    "del report.histograms['delta', 1]",
    "report.histograms.clear()",
    "report.histograms['delta', 1].zeros = 5",
    "report.experiment['depth'] = '99'",
    "report.experiment.pop('depth')",
    "report.layers = None",
    "report.loss = 0.0",
)


@pytest.mark.parametrize("write", WRITES)
def test_what_a_page_does_to_a_report_the_next_reader_does_not_see(
    report: Report, write: str
) -> None:
    before = report.to_json()
    frames = [getattr(report, name).copy() for name in ("layers", "signals", "parameters")]
    refusals = (AttributeError, TypeError, ValueError, ChainedAssignmentError)  # the last one warns
    with contextlib.suppress(*refusals):
        exec(write, {"report": report})
    assert report.to_json() == before
    for name, frame in zip(("layers", "signals", "parameters"), frames, strict=True):
        pd.testing.assert_frame_equal(getattr(report, name), frame)


def test_that_test_can_fail() -> None:
    counts = np.ones(3, np.int64)
    histogram = Histogram("linear", np.arange(4.0), counts)
    histogram.counts[0] = 7
    assert counts[0] == 7
    Memo(MB).get("key", lambda: (histogram,))
    with pytest.raises(ValueError, match="read-only"):
        histogram.counts[0] = 8


def find_remembered() -> set[str]:
    """Names of all remembered functions, ``module:function``, read from the source."""
    return {
        f"{path.relative_to(UI)}:{node.name}"
        for path in UI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(d, ast.Name) and d.id == "remember" for d in node.decorator_list)
    }


def test_results_hold_nothing_that_can_be_changed() -> None:
    from gradflow.core.catalog import Connection, Normalization
    from gradflow.core.recurrent.factors import FactorSettings
    from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment, Sequences
    from gradflow.core.recurrent.training import ShortTraining
    from gradflow.core.teaching import dying, surfaces
    from gradflow.core.teaching.degradation import depth, identity, shattering
    from gradflow.core.teaching.descent import Descent
    from gradflow.core.teaching.normalization import running, small_batches
    from gradflow.core.teaching.normalization_effects import rates, scales
    from gradflow.ui.degradation import compute as degradation
    from gradflow.ui.normalization import compute as normalization
    from gradflow.ui.normalization.effects import compute as effects
    from gradflow.ui.recurrent import compute as recurrent

    small = Experiment(network=MLP(depth=3, width=4), data=Data(batch_size=8))
    time_experiment = SequenceExperiment(
        data=Sequences(length=4, batch_size=4), network=Recurrent(cell="lstm")
    )
    calls: dict[Any, tuple[Any, ...]] = {
        compute.run: (small,),
        compute.judge: (small,),
        compute.predict: (small,),
        compute.run_seeds: (small, 2),
        compute.descend: (Descent(steps=3),),
        compute.heights: (surfaces.Surface.ROSENBROCK, 1.0),
        compute.train_dying: (dying.BiasedLayer(),),
        degradation.sweep_depths: (depth.BlockNetworks(), Connection.PLAIN),
        degradation.compute_landscapes: (shattering.Shattering(),),
        degradation.correlate_gradients: (shattering.Shattering(), Connection.PLAIN),
        degradation.measure_nearness: (identity.Blocks(), Connection.PLAIN),
        normalization.run_statistics: (running.RunningStatistics(),),
        normalization.compute_spreads: (small_batches.Law.RELU, 1, 2, 0),
        effects.sweep_scales: (scales.WeightScales(), Normalization.NONE),
        effects.check_identities: (scales.WeightScales(), Normalization.BATCH),
        effects.train: (rates.LearningRates(), Normalization.NONE),
        recurrent.run_through_time: (time_experiment,),
        recurrent.predict_norms: (time_experiment, 1),
        recurrent.build_equation: (time_experiment, 1, "forget", 2, 1, 1),
        recurrent.measure_factors: (FactorSettings(),),
        recurrent.clip_gradient: (time_experiment, 1.0, 1.0),
        recurrent.measure_guessing: (ShortTraining(),),
    }
    names = {f"{Path(f.__code__.co_filename).name}:{f.__name__}" for f in calls}
    assert len(calls) == len(find_remembered()), names
    changeable: dict[str, set[str]] = {}
    for function, arguments in calls.items():
        parts = memo.list_parts(function(*arguments))
        own = {id(part._values) for part in parts if hasattr(part, "_values")}
        own |= {id(part._columns) for part in parts if hasattr(part, "_columns")}
        bad = {
            type(part).__name__
            for part in parts
            if (isinstance(part, (list, dict, set, pd.DataFrame)) and id(part) not in own)
            or (isinstance(part, np.ndarray) and part.flags.writeable)
        }
        if bad:
            changeable[function.__name__] = bad
    assert not changeable


def test_all_results_share_one_memo() -> None:
    experiment = Experiment(network=MLP(depth=3, width=4), data=Data(batch_size=8), seed=9)
    before = len(RESULTS), RESULTS.bytes
    compute.run(experiment)
    assert len(RESULTS) >= before[0]
    assert RESULTS.bytes > 0
