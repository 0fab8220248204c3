"""The networks that show a verdict, each its own; some verdicts are about what cannot be set."""

from __future__ import annotations

from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.presets import PRESETS, ExperimentPreset
from gradflow.core.text import N_
from gradflow.core.verdict import Verdict

EXAMPLES: dict[Verdict, ExperimentPreset] = {
    Verdict.HEALTHY: PRESETS["tanh_xavier"],
    Verdict.VANISHING: PRESETS["deep_sigmoid"],
    Verdict.EXPLODING: PRESETS["deep_relu_large"],
    Verdict.UNEVEN: ExperimentPreset(
        N_("Narrow layers, then wide ones"),
        N_(
            "Every weight has σ = 0.1, whatever the width: the gradient grows through the wide "
            "layers and shrinks through the narrow ones."
        ),
        Experiment(
            network=MLP(
                widths=(16,) * 10 + (800,) * 18,
                activation="leaky_relu",
                initialization="normal",
                init_std=0.1,
            ),
            data=Data(batch_size=64),
        ),
    ),
    Verdict.CLOSED: ExperimentPreset(
        N_("Residual network that starts as the identity"),
        N_(
            "The last weight of every branch is 0: the first weights of the branches get no "
            "gradient yet, and the shortcut carries everything."
        ),
        Experiment(
            network=MLP(
                depth=24,
                activation="relu",
                initialization="kaiming_normal",
                connection="residual",
                zero_last=True,
            )
        ),
    ),
    Verdict.FAINT: PRESETS["tanh_small"],
    Verdict.SATURATED: PRESETS["tanh_large"],
    Verdict.DEAD: PRESETS["narrow_relu"],
    Verdict.COLLAPSED: PRESETS["deep_relu_he"],
    Verdict.SYMMETRIC: PRESETS["constant"],
    Verdict.INPUTS: PRESETS["raw_pixels"],
    Verdict.TARGETS: PRESETS["huge_targets"],
    Verdict.READOUT: PRESETS["softmax_twice"],
    Verdict.LOGITS: PRESETS["conv_residual"],
    Verdict.SMALL_BATCH: ExperimentPreset(
        N_("Batch norm with four samples"),
        N_("Each unit's mean and variance come from four numbers, and the gradient is ragged."),
        Experiment(
            network=MLP(
                depth=8, activation="relu", initialization="kaiming_normal", normalization="batch"
            ),
            data=Data(batch_size=4),
        ),
    ),
    Verdict.UNDERFLOW: PRESETS["float16_underflow"],
    Verdict.OVERFLOW: PRESETS["float16_overflow"],
}
