"""Ten layers, and the ways to draw their weights that the page on initialization starts from."""

from __future__ import annotations

from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS, ExperimentPreset
from gradflow.core.text import N_

BATCH = 128
"""Samples: the texts have 2000, which change the picture little and take ten times as long."""
OPENING = "tanh_small"
_GIVEN = ("tanh_small", "tanh_large", "tanh_xavier", "relu_xavier", "relu_sqrt2")


def _shrink(experiment: Experiment) -> Experiment:
    data = experiment.data.model_copy(update={"batch_size": BATCH})
    return experiment.model_copy(update={"data": data})


def _change(code: str, **changes: object) -> Experiment:
    """Draw the weights of a preset another way."""
    experiment = _shrink(PRESETS[code].experiment)
    settings = experiment.mlp.model_dump(exclude_defaults=True) | changes
    return experiment.model_copy(update={"network": type(experiment.mlp)(**settings)})


LAYER_PRESETS: dict[str, ExperimentPreset] = {
    code: ExperimentPreset(
        PRESETS[code].label, PRESETS[code].look_for, _shrink(PRESETS[code].experiment)
    )
    for code in _GIVEN
} | {
    "tanh_four": ExperimentPreset(
        N_("Ten tanh layers, Xavier × 4"),
        N_(
            "A gain of 4 is found in tables for tanh. It belongs to the logistic sigmoid, whose "
            "slope at 0 is 1/4; with tanh the gradient explodes."
        ),
        _change("tanh_xavier", gain="custom", gain_value=4.0),
    ),
    "sigmoid_four": ExperimentPreset(
        N_("Ten sigmoid layers, Xavier × 4"),
        N_(
            "Where the gain of 4 belongs: it makes up for the slope of 1/4 at 0. The gradient "
            "still shrinks, because most z lie where the slope is smaller."
        ),
        _change("tanh_xavier", activation="sigmoid", gain="custom", gain_value=4.0),
    ),
    "relu_he": ExperimentPreset(
        N_("Ten ReLU layers, He"),
        N_("Variance 2/n: E φ′² is ½ for ReLU, so n·Var(W)·E φ′² is 1 where layers are equal."),
        _change("relu_xavier", initialization="kaiming_normal"),
    ),
    "tanh_orthogonal": ExperimentPreset(
        N_("Ten tanh layers, orthogonal"),
        N_("These weights turn the signal and do not stretch it: what is lost is lost in tanh."),
        _change("tanh_xavier", initialization="orthogonal"),
    ),
    "relu_lsuv": ExperimentPreset(
        N_("Ten ReLU layers, LSUV"),
        N_("Each layer is scaled until z has variance 1 on this very batch."),
        _change("relu_xavier", initialization="lsuv"),
    ),
    "zeros": ExperimentPreset(
        N_("Ten tanh layers, all weights 0"),
        N_("Every factor is 0: no gradient reaches any layer but the last."),
        _change("tanh_xavier", initialization="zeros"),
    ),
    "constant": ExperimentPreset(
        N_("Ten tanh layers, all weights 0.01"),
        N_(
            "Equal weights add up in step, so n·Var(W) says nothing here. All units of a layer "
            "are copies of one another: see *Zeros and constants*."
        ),
        _change("tanh_xavier", initialization="constant"),
    ),
}
