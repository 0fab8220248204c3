"""Experiments worth seeing: those of the texts that the project is based on, and classics."""

from __future__ import annotations

from dataclasses import dataclass

from gradflow.core.experiment import MLP, ConvNet, Data, Experiment, Transformer
from gradflow.core.text import N_


@dataclass(frozen=True)
class ExperimentPreset:
    """A named experiment; ``look_for`` says what there is to see in it."""

    label: str
    look_for: str
    experiment: Experiment


def _build_ten_layers(**settings: object) -> Experiment:
    """Build ten hidden layers from 800 inputs down to 300 units, on 2000 Gaussian samples."""
    network = MLP(widths=tuple(range(750, 299, -50)), **settings)
    return Experiment(network=network, data=Data(source="gaussian", dimension=800, batch_size=2000))


def _build_fifty_convolutions(**settings: object) -> Experiment:
    network = ConvNet(depth=51, channels=16, activation="relu", **settings)
    return Experiment(network=network, data=Data(batch_size=128))


def _build_transformer(placement: str) -> Experiment:
    """Build one with weights of variance 1/width: every branch puts out a signal of size one."""
    network = Transformer(depth=24, norm_placement=placement, weight_std=0.125, scaled_output=False)
    return Experiment(network=network, data=Data(batch_size=128))


def _build_shallow(data: Data, loss: str = "cross_entropy", readout: str = "none") -> Experiment:
    """Build a ReLU network that trains well, to ask what its data and its outputs do to it."""
    network = MLP(depth=5, activation="relu", initialization="kaiming_normal", readout=readout)
    return Experiment(network=network, data=data, loss=loss)


PRESETS: dict[str, ExperimentPreset] = {
    "tanh_small": ExperimentPreset(
        N_("Ten tanh layers, σ = 0.01"),
        N_("The signal dies out on its way forward, and the gradient on its way back."),
        _build_ten_layers(activation="tanh", initialization="normal", init_std=0.01),
    ),
    "tanh_large": ExperimentPreset(
        N_("Ten tanh layers, σ = 1"),
        N_(
            "Nearly all units saturate at ±1. The gradient does not vanish, it explodes: large "
            "weights outweigh the small slopes."
        ),
        _build_ten_layers(activation="tanh", initialization="normal", init_std=1.0),
    ),
    "tanh_xavier": ExperimentPreset(
        N_("Ten tanh layers, Xavier"),
        N_("Activations and gradients nearly keep their size; tanh takes a little in each layer."),
        _build_ten_layers(activation="tanh", initialization="xavier_normal"),
    ),
    "relu_xavier": ExperimentPreset(
        N_("Ten ReLU layers, Xavier"),
        N_("Half of the signal's power is lost in every layer: it fades towards the output."),
        _build_ten_layers(activation="relu", initialization="xavier_normal"),
    ),
    "relu_sqrt2": ExperimentPreset(
        N_("Ten ReLU layers, Xavier × √2"),
        N_("The factor √2 makes up for the half that ReLU drops."),
        _build_ten_layers(activation="relu", initialization="xavier_normal", gain="recommended"),
    ),
    "deep_sigmoid": ExperimentPreset(
        N_("Deep sigmoid network"),
        N_(
            "The slope of the sigmoid is at most 1/4, so the gradient shrinks about fourfold in "
            "every layer."
        ),
        Experiment(network=MLP(depth=24, activation="sigmoid")),
    ),
    "deep_relu_he": ExperimentPreset(
        N_("Deep ReLU network, He"),
        N_(
            "He initialization keeps gradients in range through 50 layers. But the inputs "
            "slowly collapse onto one direction, and some units are dead."
        ),
        Experiment(network=MLP(depth=50, activation="relu", initialization="kaiming_normal")),
    ),
    "deep_relu_large": ExperimentPreset(
        N_("Deep ReLU network, σ = 0.3"),
        N_(
            "Weights that are too large: the signal grows more than twofold in every layer, and so "
            "does the gradient on its way back."
        ),
        Experiment(network=MLP(depth=24, activation="relu", initialization="normal", init_std=0.3)),
    ),
    "narrow_relu": ExperimentPreset(
        N_("Deep ReLU network, five units wide"),
        N_(
            "In one layer all five units are off for every sample: nothing passes it forward, and "
            "no gradient comes back. The network is dead before training begins."
        ),
        Experiment(
            network=MLP(depth=24, width=5, activation="relu", initialization="kaiming_normal")
        ),
    ),
    "deep_relu_batchnorm": ExperimentPreset(
        N_("Deep ReLU network, He, batch norm"),
        N_(
            "The forward signal is perfectly steady, yet the gradient explodes: batch norm makes "
            "it grow a little in every layer."
        ),
        Experiment(
            network=MLP(
                depth=50,
                activation="relu",
                initialization="kaiming_normal",
                normalization="batch",
            )
        ),
    ),
    "residual_sigmoid": ExperimentPreset(
        N_("Residual sigmoid network"),
        N_(
            "The deep sigmoid network with a shortcut around every layer: ∂L/∂z stays in range, "
            "because the shortcut passes the gradient on with factor one."
        ),
        Experiment(
            network=MLP(depth=24, activation="sigmoid", connection="preactivation", block_size=1)
        ),
    ),
    "constant": ExperimentPreset(
        N_("Constant weights"),
        N_(
            "All units of a layer do the same, forward and backward: each column is as thin as if "
            "the layer had a single unit."
        ),
        Experiment(network=MLP(depth=6, initialization="constant", init_value=0.02)),
    ),
    "conv_plain": ExperimentPreset(
        N_("Plain convolutional network, 51 layers, Xavier"),
        N_(
            "ReLU halves the power in every layer, and the zeros at the border cost some more: "
            "signal and gradient fade."
        ),
        _build_fifty_convolutions(initialization="xavier_normal"),
    ),
    "conv_residual": ExperimentPreset(
        N_("Convolutional ResNet, 51 layers"),
        N_(
            "He weights, batch norm and a shortcut around every two convolutions: the gradient "
            "grows a little from block to block instead of fading."
        ),
        _build_fifty_convolutions(
            initialization="kaiming_normal", normalization="batch", connection="residual"
        ),
    ),
    "transformer_pre_norm": ExperimentPreset(
        N_("Transformer, 24 blocks, pre-norm"),
        N_(
            "Switch the figure to the residual stream: nothing interrupts it, so the gradient "
            "reaches the first block as strong as the last."
        ),
        _build_transformer("pre"),
    ),
    "transformer_bare": ExperimentPreset(
        N_("Transformer without normalization"),
        N_(
            "The same weights without any norm: what the branches add feeds on itself, and the "
            "signal explodes until float32 overflows."
        ),
        _build_transformer("none"),
    ),
    "float16_overflow": ExperimentPreset(
        N_("Overflow in float16"),
        N_(
            "The signal grows beyond 65,504, the largest number of the format; from there on "
            "everything is infinite or not a number."
        ),
        Experiment(
            network=MLP(depth=16, activation="relu", initialization="normal", init_std=0.4),
            dtype="float16",
        ),
    ),
    "float16_underflow": ExperimentPreset(
        N_("Underflow in float16"),
        N_(
            "Below 6·10⁻⁸ nothing is left but exact zeros. Raise the loss scale, and the "
            "gradient comes back."
        ),
        Experiment(network=MLP(depth=16, activation="sigmoid"), dtype="float16"),
    ),
}

_OF_DATA_AND_OUTPUTS = {
    "raw_pixels": ExperimentPreset(
        N_("Raw pixels, 0 to 256"),
        N_(
            "Nothing is wrong with the network, but its inputs are a hundred times too large, and "
            "so are its outputs: the loss begins far above ln 10 = 2.3, that of guessing."
        ),
        _build_shallow(Data(inputs="raw", scale=16.0)),
    ),
    "softmax_twice": ExperimentPreset(
        N_("Softmax twice"),
        N_(
            "Cross-entropy takes a softmax itself. The second one squeezes the outputs into 0 to "
            "1: the gradient is about eight times smaller from the start, and even a perfect "
            "network cannot get below a loss of 1.46."
        ),
        _build_shallow(Data(), readout="softmax"),
    ),
    "softmax_of_one_unit": ExperimentPreset(
        N_("Softmax of a single unit"),
        N_(
            "A yes-or-no question, one unit, and a softmax behind it: divided by itself, the "
            "output is 1 for every input. No gradient comes back at all. A sigmoid belongs here."
        ),
        _build_shallow(Data(targets="binary"), "bce", "softmax"),
    ),
    "huge_targets": ExperimentPreset(
        N_("Targets of 10⁸"),
        N_(
            "Regression on numbers as large as prices or populations: the squared error begins at "
            "10¹⁶, every gradient is as large as the targets, and a single step throws the weights "
            "away. Scale the targets instead."
        ),
        _build_shallow(Data(targets="numbers", target_scale=1e8), "mse"),
    ),
}
"""Questions that people ask about a network that does not train, although it could."""
PRESETS |= _OF_DATA_AND_OUTPUTS

PRESET_GROUPS: dict[str, tuple[str, ...]] = {
    N_("Deep networks"): (
        "deep_sigmoid",
        "deep_relu_large",
        "deep_relu_he",
        "deep_relu_batchnorm",
        "narrow_relu",
        "constant",
    ),
    N_("Ten layers, five ways to draw their weights"): (
        "tanh_small",
        "tanh_large",
        "tanh_xavier",
        "relu_xavier",
        "relu_sqrt2",
    ),
    N_("Shortcuts"): ("residual_sigmoid", "conv_plain", "conv_residual"),
    N_("Transformers"): ("transformer_pre_norm", "transformer_bare"),
    N_("Data, targets and outputs"): tuple(_OF_DATA_AND_OUTPUTS),
    N_("Number formats"): ("float16_overflow", "float16_underflow"),
}
"""All presets, by what they are about."""
