"""Specs of the experiments on pretraining, and the tables of their options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from gradflow.core.catalog import Activation
from gradflow.core.catalog.choice import Choice
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.pretraining.digits import TRAINING
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import SEPARATOR
from gradflow.core.text import N_, Text


class Method(StrEnum):
    """Kinds of machine that each layer is trained as."""

    RBM = "rbm"
    AUTOENCODER = "autoencoder"


METHODS: dict[Method, Choice] = {
    Method.RBM: Choice(
        label=N_("RBM"),
        help=N_("A restricted Boltzmann machine, trained by contrastive divergence (Hinton 2006)."),
        parameters=("k", "sampled"),
    ),
    Method.AUTOENCODER: Choice(
        label=N_("Autoencoder"),
        help=N_("An autoencoder with tied weights, trained by gradient descent (Bengio 2006)."),
        parameters=("activation",),
    ),
}


class Start(StrEnum):
    """The weights that supervised training starts from."""

    PRETRAINED = "pretrained"
    SMALL = "small"
    XAVIER = "xavier"
    RELU = "relu"


STARTS: dict[Start, Choice] = {
    Start.PRETRAINED: Choice(
        label=N_("Pretrained"), help=N_("Hidden layers of the stack; the readout as Xavier's.")
    ),
    Start.SMALL: Choice(
        label=N_("Small random"),
        help=N_("All weights from N(0, σ²) with one small σ, as was usual in 2006."),
    ),
    Start.XAVIER: Choice(
        label=N_("Xavier"), help=N_("All weights from N(0, 2/(n_in + n_out)), Glorot 2010.")
    ),
    Start.RELU: Choice(
        label=N_("He, ReLU"),
        help=N_("ReLU in place of the other activation, weights from N(0, 2/n_in), He 2015."),
    ),
}

STACK_ACTIVATIONS = (Activation.SIGMOID, Activation.TANH, Activation.RELU)
"""The activations that hidden layers of a stack can have."""
USUAL_RATES = {Activation.RELU: 0.01}
"""Learning rates of pretraining; 0.1 for the others. ReLU's signals have no bound."""


def _require_one_of(codes: Iterable[StrEnum]) -> BeforeValidator:
    known = {str(code): code for code in codes}

    def check(value: Any, info: ValidationInfo) -> str:
        if not isinstance(value, str) or value not in known:
            allowed = Text("one of {known}", known=", ".join(known))
            raise InvalidExperiment.for_value(str(info.field_name), value, allowed)
        return known[value]

    return BeforeValidator(check)


def _check_starts(value: Any, info: ValidationInfo) -> tuple[str, ...]:
    codes = value.split(SEPARATOR) if isinstance(value, str) else value
    known = [str(start) for start in Start]
    is_sequence = isinstance(codes, (list, tuple))
    if not is_sequence or not codes or any(code not in known for code in codes):
        allowed = Text("some of {known}", known=", ".join(known))
        raise InvalidExperiment.for_value(str(info.field_name), value, allowed)
    return tuple(start for start in Start if start in codes)


def _check_digits(value: Any, info: ValidationInfo) -> str:
    digits = "".join(sorted(set(value))) if isinstance(value, str) else ""
    if len(digits) < 2 or any(digit not in "0123456789" for digit in digits):
        allowed = Text("two to ten different digits, such as 01234")
        raise InvalidExperiment.for_value(str(info.field_name), value, allowed)
    return digits


_Activation = Annotated[str, _require_one_of(STACK_ACTIVATIONS)]
_Layers = Annotated[
    int, Field(ge=1, le=6, title="Hidden layers", description="The readout comes on top of them.")
]
_Width = Annotated[int, Field(ge=8, le=128, title="Width", description="Units per hidden layer.")]
_Steps = Annotated[
    int, Field(ge=50, le=2000, title="Steps", description="Of SGD with momentum 0.9.")
]
_Seed = Annotated[
    int,
    Field(ge=0, le=9999, title="Seed", description="Draws the split, the weights and the batches."),
]
_Seeds = Annotated[
    int, Field(ge=1, le=5, title="Seeds", description="Repetitions with other random numbers.")
]


class Stack(Spec):
    """A stack of layers, each trained on the output of the one below, without labels.

    The images are scikit-learn's digits with pixels in [0, 1], 1297 of them to train on; mini
    batches, SGD with momentum 0.9.
    """

    method: Annotated[str, _require_one_of(Method)] = Field(
        Method.RBM, title="Each layer is", description="A Boltzmann machine or an autoencoder."
    )
    layers: _Layers = 4
    width: _Width = 64
    activation: _Activation = Field(
        Activation.SIGMOID, title="Activation", description="The function φ of the hidden layers."
    )
    k: int = Field(
        1, ge=1, le=10, title="CD-k: k", description="Gibbs steps before the negative statistics."
    )
    sampled: bool = Field(
        False,
        title="Sample the visible units",
        description="In each Gibbs step 0 or 1 instead of the probability.",
    )
    epochs: int = Field(
        10, ge=1, le=30, title="Epochs per layer", description="Passes over the training images."
    )
    learning_rate: float = Field(
        0.1, ge=1e-3, le=1, title="Learning rate", description="Of pretraining."
    )
    batch_size: int = Field(
        50, ge=10, le=200, title="Batch size", description="Images per step, here and later."
    )
    seed: _Seed = 0

    exempt: ClassVar[frozenset[str]] = frozenset({"k", "sampled", "activation"})

    @classmethod
    def applies(cls, name: str, values: Mapping[str, Any]) -> bool:
        """Whether a field has an effect with the method of ``values``."""
        owners = [code for code, row in METHODS.items() if name in row.parameters]
        return not owners or values.get("method", Method.RBM) in owners

    @model_validator(mode="after")
    def _refuse_what_the_method_lacks(self) -> Self:
        values = dict(self)
        for name in sorted(self.exempt):
            default = type(self).model_fields[name].default
            if values[name] != default and not self.applies(name, values):
                message = Text(
                    "{field}: {value} has no effect with method={method}; leave it out or choose "
                    "another method",
                    field=name,
                    value=quote_value(values[name]),
                    method=self.method,
                )
                raise InvalidExperiment(message, fields=(name,))
        return self


class FineTuning(Stack):
    """Supervised training of a network of the stack's shape from several starts.

    For each seed all starts share the images, their order, and the standard normal numbers that
    random weights are computed from.
    """

    starts: Annotated[tuple[str, ...], BeforeValidator(_check_starts)] = Field(
        tuple(Start), title="Starts", description="Where the weights come from."
    )
    small_std: float = Field(
        0.1, ge=1e-3, le=1, title="Small σ", description="Of the weights of the small random start."
    )
    labelled: int = Field(
        TRAINING,
        ge=20,
        le=TRAINING,
        title="Labelled images",
        description="Fine-tuning sees only these; pretraining sees all, without labels.",
    )
    steps: _Steps = 500
    tuning_rate: float = Field(
        0.05, ge=1e-3, le=1, title="Learning rate, fine-tuning", description="The same for all."
    )
    seeds: _Seeds = 3

    def build_stack(self, seed: int | None = None) -> Stack:
        """Build the stack that is tuned, with this or another seed."""
        values = dict(self)
        names = [name for name in Stack.list_applicable(values) if name in Stack.model_fields]
        changed = {} if seed is None else {"seed": seed}
        return Stack(**{name: values[name] for name in names} | changed)


Task = Literal["noisy", "others"]
"""Codes of the new tasks: all digits in noisy images, or the digits that were not learned first."""
MOST_FIRST = 8
"""Digits learned first, so that there are others."""


class Transfer(Spec):
    """A network that has learned some digits lends its lower layers to one for another task.

    He's initialization with ReLU, Xavier's with the other activations.
    """

    first: Annotated[str, BeforeValidator(_check_digits)] = Field(
        "0123456789", title="Digits learned first", description="With all their labels."
    )
    task: Task = Field(
        "noisy",
        title="New task",
        description="With few labels: noisy images of all digits, or the other digits.",
    )
    layers: _Layers = 3
    reused: int = Field(
        3, ge=1, le=6, title="Layers reused", description="From the input; those above start anew."
    )
    width: _Width = 64
    activation: _Activation = Field(
        Activation.RELU, title="Activation", description="The function φ of the hidden layers."
    )
    steps: _Steps = 300
    learning_rate: float = Field(
        0.05, ge=1e-3, le=1, title="Learning rate", description="Of both tasks."
    )
    seed: _Seed = 0
    seeds: _Seeds = 5

    @model_validator(mode="after")
    def _refuse_to_leave_no_others(self) -> Self:
        if self.task == "others" and len(self.first) > MOST_FIRST:
            allowed = Text("two to eight different digits, so that there are others")
            raise InvalidExperiment.for_value("first", self.first, allowed)
        return self

    @model_validator(mode="after")
    def _refuse_to_reuse_missing_layers(self) -> Self:
        if self.reused > self.layers:
            raise InvalidExperiment.for_value(
                "reused",
                self.reused,
                Text("a whole number from 1 to {layers}, the hidden layers", layers=self.layers),
            )
        return self

    @property
    def new(self) -> str:
        """The digits of the new task."""
        if self.task == "noisy":
            return "0123456789"
        return "".join(digit for digit in "0123456789" if digit not in self.first)
