"""GradFlow: see how signals and gradients flow through a neural network.

>>> import gradflow as gf
>>> report = gf.run(gf.Experiment(network=gf.MLP(depth=20, activation="tanh")))
>>> report.layers[["layer", "delta_norm"]]
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradflow.charts.draw import figure
    from gradflow.core.code import to_code
    from gradflow.core.coordinates import CoordinateCheck, coordinate_check
    from gradflow.core.diagnosis import findings
    from gradflow.core.ensemble import Ensemble, run_seeds
    from gradflow.core.errors import (
        DeviceUnavailable,
        GradflowError,
        InvalidExperiment,
        InvalidReport,
        ProbeError,
    )
    from gradflow.core.experiment import MLP, ConvNet, Data, Experiment, Transformer
    from gradflow.core.files import load
    from gradflow.core.probe import probe, run
    from gradflow.core.recurrent.record import through_time
    from gradflow.core.recurrent.report import TimeReport
    from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment, Sequences
    from gradflow.core.remedies import advise
    from gradflow.core.report import Report
    from gradflow.core.sweep import sweep
    from gradflow.core.theory import Prediction, predict
    from gradflow.core.timeline import Timeline, Trouble
    from gradflow.core.training import Run, TrainingPlan, train
    from gradflow.core.watching import Watch, watch

__version__ = "0.1.0"

# Imported on first use, so that code that needs neither torch nor plotly starts without them.
_EXPORTS = {
    "MLP": "gradflow.core.experiment:MLP",
    "ConvNet": "gradflow.core.experiment:ConvNet",
    "Transformer": "gradflow.core.experiment:Transformer",
    "Data": "gradflow.core.experiment:Data",
    "CoordinateCheck": "gradflow.core.coordinates:CoordinateCheck",
    "DeviceUnavailable": "gradflow.core.errors:DeviceUnavailable",
    "Ensemble": "gradflow.core.ensemble:Ensemble",
    "Experiment": "gradflow.core.experiment:Experiment",
    "GradflowError": "gradflow.core.errors:GradflowError",
    "InvalidExperiment": "gradflow.core.errors:InvalidExperiment",
    "InvalidReport": "gradflow.core.errors:InvalidReport",
    "Prediction": "gradflow.core.theory:Prediction",
    "ProbeError": "gradflow.core.errors:ProbeError",
    "Recurrent": "gradflow.core.recurrent.spec:Recurrent",
    "Report": "gradflow.core.report:Report",
    "Run": "gradflow.core.training:Run",
    "SequenceExperiment": "gradflow.core.recurrent.spec:SequenceExperiment",
    "Sequences": "gradflow.core.recurrent.spec:Sequences",
    "TimeReport": "gradflow.core.recurrent.report:TimeReport",
    "Timeline": "gradflow.core.timeline:Timeline",
    "TrainingPlan": "gradflow.core.training:TrainingPlan",
    "Trouble": "gradflow.core.timeline:Trouble",
    "Watch": "gradflow.core.watching:Watch",
    "advise": "gradflow.core.remedies:advise",
    "coordinate_check": "gradflow.core.coordinates:coordinate_check",
    "figure": "gradflow.charts.draw:figure",
    "findings": "gradflow.core.diagnosis:findings",
    "load": "gradflow.core.files:load",
    "predict": "gradflow.core.theory:predict",
    "probe": "gradflow.core.probe:probe",
    "run": "gradflow.core.probe:run",
    "run_seeds": "gradflow.core.ensemble:run_seeds",
    "sweep": "gradflow.core.sweep:sweep",
    "through_time": "gradflow.core.recurrent.record:through_time",
    "to_code": "gradflow.core.code:to_code",
    "train": "gradflow.core.training:train",
    "watch": "gradflow.core.watching:watch",
}

__all__ = [
    "MLP",
    "ConvNet",
    "CoordinateCheck",
    "Data",
    "DeviceUnavailable",
    "Ensemble",
    "Experiment",
    "GradflowError",
    "InvalidExperiment",
    "InvalidReport",
    "Prediction",
    "ProbeError",
    "Recurrent",
    "Report",
    "Run",
    "SequenceExperiment",
    "Sequences",
    "TimeReport",
    "Timeline",
    "TrainingPlan",
    "Transformer",
    "Trouble",
    "Watch",
    "advise",
    "coordinate_check",
    "figure",
    "findings",
    "load",
    "predict",
    "probe",
    "run",
    "run_seeds",
    "sweep",
    "through_time",
    "to_code",
    "train",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'gradflow' has no attribute {name!r}")
    module, attribute = _EXPORTS[name].split(":")
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value
