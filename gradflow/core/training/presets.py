"""Presets of training: runs side by side that show a claim of the field, and what to look for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.text import N_
from gradflow.core.training.plan import TrainingPlan


@dataclass(frozen=True)
class PresetRun:
    """One of the runs that a preset compares."""

    label: str
    experiment: Experiment
    plan: TrainingPlan


@dataclass(frozen=True)
class TrainingPreset:
    """Runs that differ in one setting; ``look_for`` says what it does."""

    label: str
    look_for: str
    runs: tuple[PresetRun, ...]


def _make_run(
    label: str,
    network: dict[str, Any],
    data: dict[str, Any] | None = None,
    loss: str = "cross_entropy",
    **plan: Any,
) -> PresetRun:
    samples = Data(**{"batch_size": 64} | (data or {}))
    experiment = Experiment(network=MLP(**network), data=samples, loss=loss)
    return PresetRun(label, experiment, TrainingPlan(**plan))


_DEEP_SIGMOID = {"depth": 8, "width": 32, "activation": "sigmoid"}
_LARGE_WEIGHTS = {
    "depth": 12,
    "width": 32,
    "activation": "relu",
    "initialization": "normal",
    "init_std": 0.35,
}
_SATURATED_TANH = {
    "depth": 10,
    "width": 32,
    "activation": "tanh",
    "initialization": "normal",
    "init_std": 0.7,
}
_UNEVEN_GRADIENTS = {"depth": 5, "width": 32, "activation": "sigmoid"}
_RELU_LAYERS = {"width": 32, "activation": "relu", "initialization": "kaiming_normal"}
_DYING_RELU = _RELU_LAYERS | {"depth": 3}
_NARROW_BATCH_NORM = _RELU_LAYERS | {"width": 16, "normalization": "batch"}
_SMALL_RELU = _RELU_LAYERS | {"depth": 4}
_DEEP_RESIDUAL = _RELU_LAYERS | {"depth": 16, "connection": "preactivation"}
_NUMBERS = {"source": "gaussian", "targets": "numbers"}
_WORK = 8192
"""Images that each run of ``large_batch`` sees, repeated ones counted."""
_SMALL_TANH = {"depth": 4, "width": 32, "activation": "tanh"}

TRAINING_PRESETS: dict[str, TrainingPreset] = {
    "sigmoid_twin": TrainingPreset(
        N_("Sigmoid or ReLU"),
        N_(
            "The sigmoid network does not learn: its gradient shrinks about fourfold in every "
            "layer on its way back, so the first layers hardly move. Its ReLU twin learns in the "
            "same number of steps."
        ),
        (
            _make_run(N_("Sigmoid"), _DEEP_SIGMOID, steps=150),
            _make_run("ReLU", _RELU_LAYERS | {"depth": 8}, steps=150),
        ),
    ),
    "clipping": TrainingPreset(
        N_("Explosion, with and without clipping"),
        N_(
            "Weights that are too large make the gradient grow in every layer on its way "
            "back. Without clipping, the run ends in NaN after a few steps. Clipped to norm "
            "1, the step keeps its direction and the loss falls."
        ),
        (
            _make_run(N_("No clipping"), _LARGE_WEIGHTS, learning_rate=0.05),
            _make_run(
                N_("Clipped"), _LARGE_WEIGHTS, learning_rate=0.05, clip="norm", threshold=1.0
            ),
        ),
    ),
    "penalties": TrainingPreset(
        N_("L1 and L2 against explosion"),
        N_(
            "A penalty pulls the weights down. Smaller weights are smaller factors in the "
            "chain rule: the gradient norm falls from step to step, while without a penalty "
            "it stays as large as it began. A much stronger penalty would shrink the signal, "
            "too."
        ),
        (
            _make_run(N_("No penalty"), _SATURATED_TANH, steps=300, learning_rate=0.003),
            _make_run("L1", _SATURATED_TANH, steps=300, learning_rate=0.003, l1=0.6),
            _make_run("L2", _SATURATED_TANH, steps=300, learning_rate=0.003, l2=1.0),
        ),
    ),
    "adaptive": TrainingPreset(
        N_("Adam and Adagrad on badly scaled gradients"),
        N_(
            "The gradient of the first layer is about a hundred times smaller than that of the "
            "last. SGD has one rate for all: the first layers move far less than the last, and the "
            "loss stays at guessing. Adagrad and Adam divide every gradient by its own size, so "
            "that all layers learn at much the same speed: compare *Speed of each layer*."
        ),
        (
            _make_run("SGD", _UNEVEN_GRADIENTS, learning_rate=1.0),
            _make_run("Adagrad", _UNEVEN_GRADIENTS, optimizer="adagrad", learning_rate=0.05),
            _make_run("Adam", _UNEVEN_GRADIENTS, optimizer="adam", learning_rate=0.01),
        ),
    ),
    "batch_norm": TrainingPreset(
        N_("A large rate, with and without batch norm"),
        N_(
            "At this rate the plain network breaks or dies within a few steps. With batch "
            "normalization it trains well: however large a layer’s weights grow, its output "
            "keeps its scale, and its gradient shrinks in return."
        ),
        (
            _make_run(N_("Plain"), _RELU_LAYERS | {"depth": 6}, steps=150, learning_rate=3.0),
            _make_run(
                N_("Batch norm"),
                _RELU_LAYERS | {"depth": 6, "normalization": "batch"},
                steps=150,
                learning_rate=3.0,
            ),
        ),
    ),
    "large_batch": TrainingPreset(
        N_("A batch that is too large"),
        N_(
            "All three runs look at 8192 images, with the same rate: 256 batches of 32, 32 of 256, "
            "or 8 of 1024. A large batch knows its gradient better, but it takes one step with it "
            "all the same: for the same work there are fewer steps, and the loss stays higher."
        ),
        tuple(
            _make_run(
                label,
                _SMALL_RELU,
                {"batch_size": size},
                steps=_WORK // size,
                evaluate_every=1,
            )
            for label, size in (
                (N_("Batches of 32"), 32),
                (N_("Batches of 256"), 256),
                (N_("Batches of 1024"), 1024),
            )
        ),
    ),
    "degradation": TrainingPreset(
        N_("Degradation: 56 plain layers against 20"),
        N_(
            "The deeper plain network has the higher training loss, which is not overfitting, "
            "although it could copy the shallow one and let its other layers do nothing. With "
            "shortcuts around every two layers, 56 layers train better than either plain network."
        ),
        (
            _make_run(
                N_("Plain, 20 layers"),
                _NARROW_BATCH_NORM | {"depth": 20},
                steps=120,
                learning_rate=0.05,
            ),
            _make_run(
                N_("Plain, 56 layers"),
                _NARROW_BATCH_NORM | {"depth": 56},
                steps=120,
                learning_rate=0.05,
            ),
            _make_run(
                N_("Residual, 20 layers"),
                _NARROW_BATCH_NORM | {"depth": 20, "connection": "preactivation"},
                steps=120,
                learning_rate=0.05,
            ),
            _make_run(
                N_("Residual, 56 layers"),
                _NARROW_BATCH_NORM | {"depth": 56, "connection": "preactivation"},
                steps=120,
                learning_rate=0.05,
            ),
        ),
    ),
    "dying_relu": TrainingPreset(
        N_("Dying ReLU, and Leaky ReLU"),
        N_(
            "A large rate throws more than half of the units below zero for every sample. "
            "There ReLU has slope 0: no gradient comes through, and the units never return. "
            "Leaky ReLU keeps a slope of 0.1 there: no unit dies, and on average over seeds "
            "the loss ends lower. Choose *Dead units* below."
        ),
        (
            _make_run("ReLU", _DYING_RELU, steps=150, optimizer="rmsprop", learning_rate=0.05),
            _make_run(
                "Leaky ReLU",
                _DYING_RELU | {"activation": "leaky_relu", "negative_slope": 0.1},
                steps=150,
                optimizer="rmsprop",
                learning_rate=0.05,
            ),
        ),
    ),
    "raw_inputs": TrainingPreset(
        N_("Raw pixels or standardized ones"),
        N_(
            "Pixels from 0 to 256 make signal, loss and gradient a hundred times too large: the "
            "first steps throw the weights so far that the units die, and the loss stays at "
            "guessing. The same network learns at the same rate from standardized pixels."
        ),
        (
            _make_run(
                N_("Raw"),
                _SMALL_RELU,
                {"inputs": "raw", "scale": 16.0},
                steps=100,
                learning_rate=0.1,
            ),
            _make_run(N_("Standardized"), _SMALL_RELU, steps=100, learning_rate=0.1),
        ),
    ),
    "large_targets": TrainingPreset(
        N_("Targets of 1,000, or scaled to 1"),
        N_(
            "The gradient of a squared error grows with the targets. At a rate that suits targets "
            "of size 1, targets a thousand times larger end in infinity within ten steps."
        ),
        (
            _make_run(
                N_("Targets of 1,000"),
                _SMALL_RELU,
                _NUMBERS | {"target_scale": 1000.0},
                "mse",
                steps=100,
                learning_rate=0.01,
            ),
            _make_run(
                N_("Targets of 1"), _SMALL_RELU, _NUMBERS, "mse", steps=100, learning_rate=0.01
            ),
        ),
    ),
    "double_softmax": TrainingPreset(
        N_("A softmax too many"),
        N_(
            "The cross-entropy has a softmax of its own. With another one before it the loss "
            "cannot fall below 1.46, and its gradient is small: the network learns slowly, and "
            "its loss seems to be stuck."
        ),
        (
            _make_run(
                N_("Softmax on the readout"),
                _SMALL_RELU | {"readout": "softmax"},
                steps=150,
                learning_rate=0.1,
            ),
            _make_run(N_("Logits"), _SMALL_RELU, steps=150, learning_rate=0.1),
        ),
    ),
    "warm_up": TrainingPreset(
        N_("A large rate, with and without warm-up"),
        N_(
            "Sixteen residual layers without a normalization begin with large logits and a large "
            "gradient. The full rate throws the weights far at once, and the run needs long to "
            "recover, if it does; a rate that rises over 50 steps gets there unharmed."
        ),
        (
            _make_run(
                N_("Constant rate"),
                _DEEP_RESIDUAL,
                steps=150,
                optimizer="momentum",
                learning_rate=0.02,
            ),
            _make_run(
                N_("Warm-up"),
                _DEEP_RESIDUAL,
                steps=150,
                optimizer="momentum",
                learning_rate=0.02,
                schedule="warmup",
                warmup_steps=50,
            ),
        ),
    ),
    "zero_initialization": TrainingPreset(
        N_("Weights that start at zero"),
        N_(
            "With all weights at zero, every hidden gradient is exactly zero in every step: "
            "nothing breaks the symmetry. Only the last bias learns: it picks up how frequent "
            "the classes are."
        ),
        (
            _make_run(N_("Zeros"), _SMALL_TANH | {"initialization": "zeros"}, steps=150),
            _make_run("Xavier", _SMALL_TANH, steps=150),
        ),
    ),
}
