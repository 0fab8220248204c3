"""GradFlow: see how signals and gradients flow through a neural network.

>>> import gradflow as gf
>>> report = gf.run(gf.Experiment(network=gf.MLP(depth=20, activation="tanh")))
>>> report.layers[["layer", "delta_norm"]]
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradflow.charts import flow_figure as figure
    from gradflow.core.code import to_code
    from gradflow.core.diagnosis import findings
    from gradflow.core.ensemble import Ensemble, run_seeds
    from gradflow.core.errors import (
        DeviceUnavailable,
        GradflowError,
        InvalidExperiment,
        InvalidReport,
        ProbeError,
    )
    from gradflow.core.experiment import MLP, Data, Experiment
    from gradflow.core.probe import probe, run
    from gradflow.core.report import Report
    from gradflow.core.theory import Prediction, predict

# Imported on first use, so that a part that needs neither torch nor plotly starts without them.
_HOME = {
    "MLP": "gradflow.core.experiment:MLP",
    "Data": "gradflow.core.experiment:Data",
    "DeviceUnavailable": "gradflow.core.errors:DeviceUnavailable",
    "Ensemble": "gradflow.core.ensemble:Ensemble",
    "Experiment": "gradflow.core.experiment:Experiment",
    "GradflowError": "gradflow.core.errors:GradflowError",
    "InvalidExperiment": "gradflow.core.errors:InvalidExperiment",
    "InvalidReport": "gradflow.core.errors:InvalidReport",
    "Prediction": "gradflow.core.theory:Prediction",
    "ProbeError": "gradflow.core.errors:ProbeError",
    "Report": "gradflow.core.report:Report",
    "figure": "gradflow.charts:flow_figure",
    "findings": "gradflow.core.diagnosis:findings",
    "predict": "gradflow.core.theory:predict",
    "probe": "gradflow.core.probe:probe",
    "run": "gradflow.core.probe:run",
    "run_seeds": "gradflow.core.ensemble:run_seeds",
    "to_code": "gradflow.core.code:to_code",
}

__all__ = [
    "MLP",
    "Data",
    "DeviceUnavailable",
    "Ensemble",
    "Experiment",
    "GradflowError",
    "InvalidExperiment",
    "InvalidReport",
    "Prediction",
    "ProbeError",
    "Report",
    "figure",
    "findings",
    "predict",
    "probe",
    "run",
    "run_seeds",
    "to_code",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gradflow' has no attribute {name!r}")
    module, attribute = _HOME[name].split(":")
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value
