"""Results are the same objects for all users, so nobody can change them."""

from __future__ import annotations

import ast
import contextlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.errors import ChainedAssignmentError

from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.histogram import Histogram
from gradflow.core.report import Report
from gradflow.ui import compute, memo
from gradflow.ui.memo import Memo
from gradflow.ui.room import ROOM

UI = Path(compute.__file__).parent


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
    Memo(2**20).get("key", lambda: (histogram,))
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


READERS = {
    *("judge", "predict", "compute_heights", "pack_flow", "pack_layer", "pack_norms"),
    *("pack_forward", "measure", "list_cures", "predict_norms", "build_equation"),
    *("measure_guessing", "draw_thumbnail"),
}
"""What reads known results, or makes next to nothing; all else holds room for its memory."""


def test_results_hold_nothing_that_can_be_changed_and_room_was_held_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gradflow.core.catalog import Activation, Connection, Normalization
    from gradflow.core.lessons.patients import draw_patient
    from gradflow.core.lessons.schema import load_lessons
    from gradflow.core.lessons.subjects import Measure
    from gradflow.core.recurrent.factors import FactorSettings
    from gradflow.core.recurrent.settings import TimePass
    from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment, Sequences
    from gradflow.core.recurrent.training import ShortTraining
    from gradflow.core.teaching import dying, surfaces
    from gradflow.core.teaching.degradation import depth, identity, shattering
    from gradflow.core.teaching.descent import Descent
    from gradflow.core.teaching.initialization import copies, variance
    from gradflow.core.teaching.normalization import running, small_batches
    from gradflow.core.teaching.normalization_effects import noise, rates, scales
    from gradflow.ui.degradation import compute as degradation
    from gradflow.ui.explore import compute as explore
    from gradflow.ui.explore.flow import FlowView
    from gradflow.ui.initialization import compute as initialization
    from gradflow.ui.learn import compute as learn
    from gradflow.ui.normalization import compute as normalization
    from gradflow.ui.normalization.effects import compute as effects
    from gradflow.ui.recurrent import compute as recurrent
    from gradflow.ui.welcome import compute as welcome

    small = Experiment(network=MLP(depth=3, width=4), data=Data(batch_size=8))
    time_experiment = SequenceExperiment(
        data=Sequences(length=4, batch_size=4), network=Recurrent(cell="lstm")
    )
    small_pass = TimePass(hidden_size=4, batch_size=4, length=16)
    patient = draw_patient(load_lessons()["cure"], 3)
    calls: dict[Any, tuple[Any, ...]] = {
        compute.run: (small,),
        compute.judge: (small,),
        compute.predict: (small,),
        compute.run_seeds: (small, 2),
        compute.descend: (Descent(steps=3),),
        compute.compute_heights: (surfaces.Surface.ROSENBROCK, 1.0),
        compute.train_dying: (dying.BiasedLayer(),),
        compute.train_cure: (small, "relu_he", 1),
        explore.pack_flow: (small, FlowView()),
        explore.pack_layer: (small, FlowView(), 1),
        explore.pack_scale: (small, FlowView(), 0.0),
        explore.pack_norms: (small, FlowView(), ("delta",), "log"),
        explore.pack_forward: (small, FlowView(), ("activation_std",)),
        degradation.measure_depth: (depth.BlockNetworks(), Connection.PLAIN, 4),
        degradation.compute_landscapes: (shattering.Shattering(),),
        degradation.correlate_gradients: (shattering.Shattering(), Connection.PLAIN),
        degradation.measure_nearness: (identity.Blocks(), Connection.PLAIN),
        initialization.measure_layer: (variance.OneLayer(),),
        initialization.train_copies: (Activation.TANH, 0.1, 0, copies.Start.CONSTANT),
        initialization.measure_gains: (Activation.TANH,),
        learn.measure: (Measure.GRADIENT, small),
        learn.treat: (patient, ()),
        learn.list_cures: (patient, ()),
        normalization.run_statistics: (running.RunningStatistics(),),
        normalization.compute_spreads: (small_batches.Law.RELU, 1, 2, 0),
        effects.sweep_scales: (scales.WeightScales(), Normalization.NONE),
        effects.check_identities: (scales.WeightScales(), Normalization.BATCH),
        effects.train: (rates.LearningRates(), Normalization.NONE),
        effects.watch_shift: (Activation.TANH, 0.1, 0, Normalization.BATCH),
        effects.train_with_noise: (noise.BatchNoise(), 64),
        recurrent.run_through_time: (time_experiment,),
        recurrent.predict_norms: (time_experiment, 1),
        recurrent.build_equation: (time_experiment, 1, "forget", 2, 1, 1),
        recurrent.measure_factors: (FactorSettings(),),
        recurrent.clip_gradient: (time_experiment, 1.0, 1.0),
        recurrent.measure_guessing: (ShortTraining(),),
        recurrent.try_cures: (small_pass,),
        recurrent.train_cure: (small_pass, "orthogonal"),
        welcome.draw_thumbnail: (small, "light"),
    }
    names = {f"{Path(f.__code__.co_filename).name}:{f.__name__}" for f in calls}
    assert len(calls) == len(find_remembered()), names
    changeable: dict[str, set[str]] = {}
    held: list[int] = []
    hold = ROOM.hold

    def note(bound: int, *rest: Any, **more: Any) -> AbstractContextManager[None]:
        held.append(bound)
        return hold(bound, *rest, **more)

    monkeypatch.setattr(ROOM, "hold", note)
    memo.RESULTS.clear()
    without_room = set()
    for function, arguments in calls.items():
        held.clear()
        parts = memo.list_parts(function(*arguments))
        if not held:
            without_room.add(function.__name__)
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
    assert without_room == READERS
