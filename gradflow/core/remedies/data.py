"""Cures that mend data, loss and output: what people get wrong most, whatever the network."""

from __future__ import annotations

from gradflow.core.catalog import (
    DTYPES,
    DType,
    Inputs,
    Loss,
    Readout,
    Targets,
)
from gradflow.core.remedies.parts import Part
from gradflow.core.remedies.remedy import Situation, make_general
from gradflow.core.remedies.weights import Settings
from gradflow.core.text import N_

LARGE = 3.0
"""Inputs and targets whose scale or distance from 0 is beyond that (or one over it) are mended."""
HALF_SCALE = 1024.0
"""A loss scale that lifts gradients of 6·10⁻¹¹ into the range of float16."""


def _is_far(scale: float, offset: float) -> bool:
    return not 1 / LARGE <= scale <= LARGE or abs(offset) > LARGE * scale


def _standardize(situation: Situation) -> Settings:
    data = situation.experiment.data
    raw = data.inputs is Inputs.RAW
    if not raw and not _is_far(data.scale, data.offset):
        return {}
    return {"inputs": Inputs.STANDARDIZED, "scale": 1.0, "offset": 0.0}


def _scale_targets(situation: Situation) -> Settings:
    data = situation.experiment.data
    if data.targets is not Targets.NUMBERS or not _is_far(data.target_scale, data.target_offset):
        return {}
    return {"target_scale": 1.0, "target_offset": 0.0}


def _free_output(situation: Situation) -> Settings:
    """Take away what stands behind the readout, where the loss has it or is hindered by it."""
    experiment = situation.experiment
    readout = experiment.network.readout
    harmless = (Readout.NONE, Readout.LOG_SOFTMAX)
    if experiment.loss in (Loss.CROSS_ENTROPY, Loss.BCE_WITH_LOGITS):
        return {} if readout in harmless else {"readout": Readout.NONE}
    in_way = readout is not Readout.NONE and experiment.data.targets is Targets.NUMBERS
    return {"readout": Readout.NONE} if in_way else {}


def _vary_output(situation: Situation) -> Settings:
    """Give a single unit that a softmax holds at 1 a sigmoid."""
    experiment = situation.experiment
    stuck = experiment.network.readout is Readout.SOFTMAX and experiment.data.outputs == 1
    possible = stuck and experiment.data.targets is Targets.BINARY
    return {"readout": Readout.SIGMOID} if possible else {}


def _choose_right_loss(situation: Situation) -> Settings:
    """Choose the loss of logits that the targets are made for."""
    experiment = situation.experiment
    wanted = {Targets.CLASSES: Loss.CROSS_ENTROPY, Targets.BINARY: Loss.BCE_WITH_LOGITS}.get(
        experiment.data.targets
    )
    if wanted is None or experiment.loss is wanted:
        return {}
    return {"loss": wanted, "readout": Readout.NONE}


def _scale_loss(situation: Situation) -> Settings:
    experiment = situation.experiment
    small = experiment.dtype is DType.FLOAT16 and experiment.loss_scale < HALF_SCALE
    return {"loss_scale": HALF_SCALE} if small else {}


def _widen_format(dtype: DType) -> Settings:
    return {"dtype": dtype, "loss_scale": 1.0}


def _choose_bfloat16(situation: Situation) -> Settings:
    return _widen_format(DType.BFLOAT16) if situation.experiment.dtype is DType.FLOAT16 else {}


def _choose_float32(situation: Situation) -> Settings:
    is_half = DTYPES[situation.experiment.dtype].dtype.itemsize < 4
    return _widen_format(DType.FLOAT32) if is_half else {}


DATA_REMEDIES = (
    make_general(
        code="standardize",
        part=Part.INPUTS,
        label=N_("Standardize the inputs"),
        change=N_(
            "Subtracts the mean of the inputs and divides by their standard deviation, which is "
            "what initializations and learning rates are made for."
        ),
        cost=N_("Two numbers, computed once on the training data."),
        limits=N_("It mends the first layer’s signal; what later layers do with it stays."),
        settings=_standardize,
        mends=True,
    ),
    make_general(
        code="scale_targets",
        part=Part.TARGETS,
        label=N_("Scale the targets"),
        change=N_(
            "Brings targets to mean 0 and variance 1, so that loss and gradient have a usual size; "
            "predictions are scaled back."
        ),
        cost=N_("Two numbers, computed once on the training data."),
        limits=N_("It changes the size of the gradient, not its course from layer to layer."),
        settings=_scale_targets,
        mends=True,
    ),
    make_general(
        code="logits",
        part=Part.OUTPUT,
        label=N_("No activation on the readout"),
        change=N_(
            "Gives the loss the logits themselves: cross-entropy has its own softmax, BCE with "
            "logits its own sigmoid, and a regression has to reach any number."
        ),
        cost=N_("Nothing: one operation less."),
        limits=N_("It mends the output; the way of the gradient behind it stays."),
        settings=_free_output,
        mends=True,
    ),
    make_general(
        code="sigmoid",
        part=Part.OUTPUT,
        label=N_("Sigmoid instead of softmax"),
        change=N_(
            "A softmax over a single output is always 1, whatever the weights; a sigmoid gives a "
            "probability between 0 and 1."
        ),
        cost=N_("Nothing."),
        limits=N_("It mends the output; the way of the gradient behind it stays."),
        settings=_vary_output,
        mends=True,
    ),
    make_general(
        code="right_loss",
        part=Part.OUTPUT,
        label=N_("The loss for these targets"),
        change=N_(
            "Takes the cross-entropy of logits for classes, BCE with logits for yes or no: their "
            "gradient stays large while the answer is wrong, and needs no activation before it."
        ),
        cost=N_("Nothing."),
        limits=N_("It mends the gradient at the output; its way back through the layers stays."),
        settings=_choose_right_loss,
        mends=True,
    ),
    make_general(
        code="loss_scale",
        part=Part.FORMAT,
        label=N_("Loss scaling"),
        change=N_(
            "Multiplies the loss before the backward pass and divides the gradients afterwards, so "
            "that small ones do not become 0 in float16."
        ),
        cost=N_("One product and one division per step."),
        limits=N_("A gradient that vanishes by more than float16 reaches is lost all the same."),
        settings=_scale_loss,
    ),
    make_general(
        code="bfloat16",
        part=Part.FORMAT,
        label=N_("bfloat16 instead of float16"),
        change=N_("Takes a format of 16 bits with the range of float32: nothing underflows."),
        cost=N_("Nothing, but three bits of precision less."),
        limits=N_("It keeps the numbers, not their course from layer to layer."),
        settings=_choose_bfloat16,
    ),
    make_general(
        code="float32",
        part=Part.FORMAT,
        label=N_("float32"),
        change=N_("Takes 32 bits for every number, with the range down to 10⁻⁴⁵."),
        cost=N_("Twice the memory; slower on hardware made for 16 bits."),
        limits=N_("It keeps the numbers, not their course from layer to layer."),
        settings=_choose_float32,
    ),
)
