"""What networks and runs are called, in the words of the controls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gradflow.charts.theme import number
from gradflow.core import codec
from gradflow.core.catalog import (
    ACTIVATIONS,
    ARCHITECTURES,
    CONNECTIONS,
    INITIALIZATIONS,
    NORM_PLACEMENTS,
    NORMALIZATIONS,
    TABLES,
    Architecture,
    Connection,
    Normalization,
)
from gradflow.core.experiment import Experiment
from gradflow.core.spec import Spec, choice_enum
from gradflow.core.specs.network import LayerSettings
from gradflow.core.text import _
from gradflow.core.training import TrainingPlan

MOST_WORDS = 3
"""At most so many settings make a name."""
_SPEAKING = ("architecture", "activation", "initialization", "connection", "optimizer")
"""Their values say what they are values of."""
_LAST = "steps"
_RECORDING = frozenset({"record_every", "reports", "evaluate_every", "noise_every"})
"""They change nothing in a run."""
_PARTS: tuple[type[Spec], ...] = (*codec.PARTS[::-1], TrainingPlan)
_FIELDS = {name: field for part in _PARTS for name, field in part.model_fields.items()}
_KNOWN = dict.fromkeys((*_SPEAKING, *TrainingPlan.model_fields, *codec.field_names()))
_ORDER = (*(name for name in _KNOWN if name != _LAST), _LAST)


def network(experiment: Experiment) -> str:
    """A network in a line, such as ``Tanh, Xavier normal, 20 layers, width 128``."""
    spec = experiment.network
    words = [_short(ACTIVATIONS[spec.activation].label)]
    if isinstance(spec, LayerSettings):
        row = INITIALIZATIONS[spec.initialization]
        std = f" σ {number(spec.init_std)}" if "init_std" in row.parameters else ""
        words += [_short(row.label) + std, spec.shape()]
        if spec.normalization is not Normalization.NONE:
            words.append(_(NORMALIZATIONS[spec.normalization].label))
        if spec.connection is not Connection.PLAIN:
            words.append(_(CONNECTIONS[spec.connection].label))
    else:
        words += [spec.shape(), _(NORM_PLACEMENTS[spec.norm_placement].label)]
    if spec.architecture is not Architecture.MLP:
        words.insert(0, _(ARCHITECTURES[spec.architecture].label))
    return ", ".join(words)


def _short(label: str) -> str:
    """Without what stands in brackets."""
    return re.sub(r" \([^)]*\)", "", _(label))


def different(runs: Sequence[tuple[Experiment, TrainingPlan]]) -> list[str]:
    """Names of several runs from the settings in which they differ; empty where they do not.

    >>> adam = TrainingPlan(optimizer="adam")
    >>> different([(Experiment(), TrainingPlan()), (Experiment(), adam)])
    ['SGD', 'Adam']
    """
    settings = [_settings(*run) for run in runs]
    names = [name for name in _ORDER if _tells_apart(name, settings)]
    return [_words([_word(name, one[name]) for name in names if name in one]) for one in settings]


def _tells_apart(name: str, settings: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a setting is not the same in all; one that some lack counts only off its default."""
    values = [one[name] for one in settings if name in one]
    if len(values) == len(settings):
        return len(set(values)) > 1
    return any(value != _FIELDS[name].default for value in values)


def _settings(experiment: Experiment, plan: TrainingPlan) -> Mapping[str, Any]:
    """All settings of a run that have an effect, by name."""
    own = {name: value for name, value in dict(plan).items() if name in plan.applicable(dict(plan))}
    found = codec.to_fields(experiment) | own
    unused = _RECORDING | {"loss_scale", "clip_norm"}
    return {name: value for name, value in found.items() if name not in unused}


def _words(words: Sequence[str]) -> str:
    return ", ".join([*words[:MOST_WORDS], *["…"] * (len(words) > MOST_WORDS)])


def _word(name: str, value: Any) -> str:
    title = _(_FIELDS[name].title or name)
    if (enum := choice_enum(_FIELDS[name])) is not None:
        text = _short(TABLES[enum][enum(value)].label)
    elif isinstance(value, bool):
        text = _("yes") if value else _("no")
    elif isinstance(value, tuple):
        text = "-".join(map(str, value)) or "–"
    else:
        text = number(value)
    return text if name in _SPEAKING else f"{title} {text}"
