"""Names of networks and runs, in the words of the controls."""

from __future__ import annotations

from collections.abc import Sequence

from gradflow.core import codec
from gradflow.core.catalog import Architecture, Connection, Normalization
from gradflow.core.experiment import Experiment
from gradflow.core.specs.network import LayerSettings
from gradflow.core.training import TrainingPlan
from gradflow.ui import naming
from gradflow.ui.naming import Fields
from gradflow.ui.training.codec import UNUSED

_RECORDING = frozenset({"record_every", "reports", "evaluate_every", "noise_every"})
"""Settings that change nothing in a run."""
_LAST = "steps"
_NAMES = dict.fromkeys((*TrainingPlan.model_fields, *codec.list_field_names()))
_ORDER = (*(name for name in _NAMES if name != _LAST), _LAST)


def name_network(experiment: Experiment) -> str:
    """Name a network in a line, such as ``Tanh, Xavier normal, 20 layers, width 128``."""
    spec = experiment.network
    words = [naming.describe_setting("activation", spec.activation)]
    if isinstance(spec, LayerSettings):
        initialization = naming.describe_setting("initialization", spec.initialization)
        if "init_std" in spec.list_applicable(dict(spec)):
            initialization += f" σ {naming.format_setting('init_std', spec.init_std)}"
        words += [initialization, str(spec.describe_shape())]
        if spec.normalization is not Normalization.NONE:
            words.append(naming.describe_setting("normalization", spec.normalization))
        if spec.connection is not Connection.PLAIN:
            words.append(naming.describe_setting("connection", spec.connection))
    else:
        words += [
            str(spec.describe_shape()),
            naming.format_setting("norm_placement", spec.norm_placement),
        ]
    if spec.architecture is not Architecture.MLP:
        words.insert(0, naming.describe_setting("architecture", spec.architecture))
    return ", ".join(words)


def name_by_differences(runs: Sequence[tuple[Experiment, TrainingPlan]]) -> list[str]:
    """Name runs by the settings in which they differ; empty where they do not.

    >>> adam = TrainingPlan(optimizer="adam")
    >>> name_by_differences([(Experiment(), TrainingPlan()), (Experiment(), adam)])
    ['SGD', 'Adam']
    """
    settings = [_list_settings(*run) for run in runs]
    names = naming.list_distinguishing(settings, _ORDER)
    return [
        naming.join_descriptions(
            [naming.describe_setting(name, fields[name]) for name in names if name in fields]
        )
        for fields in settings
    ]


def _list_settings(experiment: Experiment, plan: TrainingPlan) -> Fields:
    """List all settings of a run that have an effect, by name."""
    values = dict(plan)
    used = {n: value for n, value in codec.to_fields(experiment).items() if n not in UNUSED}
    return used | {
        name: values[name] for name in plan.list_applicable(values) if name not in _RECORDING
    }
