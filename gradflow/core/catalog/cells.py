"""Recurrent cells, and the drawing of their recurrent matrix: one enum member and one row each.

The functions that fill a matrix use nothing but torch, because the exported script prints them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Cell(StrEnum):
    """Codes of the recurrent cells."""

    RNN_TANH = "rnn_tanh"
    RNN_RELU = "rnn_relu"
    LSTM = "lstm"
    GRU = "gru"


class RecurrentInit(StrEnum):
    """Codes of the distributions that the recurrent matrix is drawn from."""

    PYTORCH = "pytorch"
    GAUSSIAN = "gaussian"
    ORTHOGONAL = "orthogonal"
    IDENTITY = "identity"


class RecurrentScale(StrEnum):
    """Codes of the ways to set the scale of the recurrent matrix."""

    GAIN = "gain"
    SPECTRAL_RADIUS = "spectral_radius"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A block of rows of a cell's weight matrices, and what it computes.

    Attributes:
        code: its name in tables.
        symbol: its letter in the formulas.
        label: its name for readers.
        formula: in LaTeX, with both of PyTorch's biases.
        squash: ``sigmoid`` (a gate, between 0 and 1) or ``tanh`` (new content).
    """

    code: str
    symbol: str
    label: str
    formula: str
    squash: str


@dataclass(frozen=True, kw_only=True)
class CellChoice(Choice):
    """A row of ``CELLS``.

    Attributes:
        formula: of the new state, in LaTeX.
        gates: in PyTorch's order of rows; empty where the only block is the state itself.
        highway: the gate that multiplies the old state on the direct path; ``None``: no such path.
        has_cell: whether there is a cell state c as well as a hidden state h.
        paper: authors and year.
        module: the ``torch.nn`` class with its nonlinearity; takes sizes and layers.
    """

    formula: str
    gates: tuple[Gate, ...] = ()
    highway: str | None = None
    has_cell: bool = False
    paper: str
    module: Callable[..., nn.RNNBase]

    @property
    def blocks(self) -> int:
        """Number of hidden × hidden matrices that the recurrent weight stacks."""
        return len(self.gates) or 1


def _write_affine(gate: str) -> str:
    """Write W x + b + W h + b in LaTeX, with the indices of a gate."""
    return rf"W_{{x{gate}}} x_t + b_{{x{gate}}} + W_{{h{gate}}} h_{{t-1}} + b_{{h{gate}}}"


def _make_sigmoid_gate(code: str, symbol: str, label: str) -> Gate:
    """Make a gate σ(W x + b + W h + b)."""
    formula = rf"{symbol}_t = \sigma({_write_affine(symbol)})"
    return Gate(code=code, symbol=symbol, label=label, formula=formula, squash="sigmoid")


CELLS: dict[Cell, CellChoice] = {
    Cell.RNN_TANH: CellChoice(
        label=N_("Vanilla RNN, tanh"),
        help=N_("One matrix, used at every step: the gradient is multiplied by it each time."),
        formula=rf"h_t = \tanh({_write_affine('')})",
        paper="Elman 1990",
        module=lambda *sizes: nn.RNN(*sizes, nonlinearity="tanh"),
    ),
    Cell.RNN_RELU: CellChoice(
        label=N_("Vanilla RNN, ReLU"),
        help=N_("Slope one where active; with the identity as its matrix this is the IRNN."),
        formula=rf"h_t = \max(0, {_write_affine('')})",
        paper="Le et al. 2015",
        module=lambda *sizes: nn.RNN(*sizes, nonlinearity="relu"),
    ),
    Cell.LSTM: CellChoice(
        label="LSTM",
        help=N_("A cell state that is only multiplied by the forget gate and added to."),
        parameters=("forget_bias",),
        formula=r"c_t = f_t \odot c_{t-1} + i_t \odot g_t,\quad h_t = o_t \odot \tanh c_t",
        gates=(
            _make_sigmoid_gate("input", "i", N_("input gate")),
            _make_sigmoid_gate("forget", "f", N_("forget gate")),
            Gate(
                code="candidate",
                symbol="g",
                label=N_("candidate"),
                formula=rf"g_t = \tanh({_write_affine('g')})",
                squash="tanh",
            ),
            _make_sigmoid_gate("output", "o", N_("output gate")),
        ),
        highway="forget",
        has_cell=True,
        paper="Hochreiter & Schmidhuber 1997; Gers et al. 2000 (forget gate)",
        module=nn.LSTM,
    ),
    Cell.GRU: CellChoice(
        label="GRU",
        help=N_("Mixes the old state and new content; the update gate says how much is kept."),
        formula=r"h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}",
        gates=(
            _make_sigmoid_gate("reset", "r", N_("reset gate")),
            _make_sigmoid_gate("update", "z", N_("update gate")),
            Gate(
                code="candidate",
                symbol="n",
                label=N_("candidate"),
                formula=r"n_t = \tanh(W_{xn} x_t + b_{xn} + r_t \odot (W_{hn} h_{t-1} + b_{hn}))",
                squash="tanh",
            ),
        ),
        highway="update",
        paper="Cho et al. 2014",
        module=nn.GRU,
    ),
}


def uniform_matrix(matrix: Tensor, generator: torch.Generator) -> None:
    """Draw W ~ U(−1/√H, 1/√H), variance 1/(3H), as ``nn.RNN``, ``nn.LSTM`` and ``nn.GRU`` do."""
    limit = 1 / math.sqrt(matrix.shape[1])
    nn.init.uniform_(matrix, -limit, limit, generator=generator)


def gaussian_matrix(matrix: Tensor, generator: torch.Generator) -> None:
    """Draw W ~ N(0, 1/H): spectral radius about 1, largest singular value about 2."""
    nn.init.normal_(matrix, 0.0, 1 / math.sqrt(matrix.shape[1]), generator=generator)


def orthogonal_matrix(matrix: Tensor, generator: torch.Generator) -> None:
    """Draw a random rotation: all singular values are 1 (Saxe et al. 2014)."""
    nn.init.orthogonal_(matrix, generator=generator)


def identity_matrix(matrix: Tensor, generator: torch.Generator) -> None:
    """Set W to the identity matrix (Le et al. 2015)."""
    nn.init.eye_(matrix)


@dataclass(frozen=True, kw_only=True)
class RecurrentInitChoice(Choice):
    """A row of ``RECURRENT_INITS``.

    Attributes:
        function: fills one hidden × hidden block, before it is scaled.
        variance: H·Var(W) before scaling; ``None``: W is not random.
        pytorch_bias: biases are drawn as PyTorch draws them, U(±1/√H); else they are 0.
    """

    function: Callable[[Tensor, torch.Generator], None]
    variance: float | None
    pytorch_bias: bool = False


RECURRENT_INITS: dict[RecurrentInit, RecurrentInitChoice] = {
    RecurrentInit.PYTORCH: RecurrentInitChoice(
        label=N_("PyTorch default"),
        help=N_("U(±1/√H) for weights and biases: spectral radius about 0.58."),
        function=uniform_matrix,
        variance=1 / 3,
        pytorch_bias=True,
    ),
    RecurrentInit.GAUSSIAN: RecurrentInitChoice(
        label=N_("Gaussian"),
        help=N_("N(0, 1/H): spectral radius about 1, but the largest singular value about 2."),
        function=gaussian_matrix,
        variance=1.0,
    ),
    RecurrentInit.ORTHOGONAL: RecurrentInitChoice(
        label=N_("Orthogonal"),
        help=N_("A random rotation: all singular values are equal."),
        function=orthogonal_matrix,
        variance=1.0,
    ),
    RecurrentInit.IDENTITY: RecurrentInitChoice(
        label=N_("Identity"),
        help=N_("Each unit feeds only itself; with ReLU this is the IRNN."),
        function=identity_matrix,
        variance=None,
    ),
}

RECURRENT_SCALES: dict[RecurrentScale, Choice] = {
    RecurrentScale.GAIN: Choice(
        label=N_("Gain"),
        help=N_("The drawn matrix is multiplied by the gain."),
        parameters=("recurrent_gain",),
    ),
    RecurrentScale.SPECTRAL_RADIUS: Choice(
        label=N_("Spectral radius"),
        help=N_("The drawn matrix is rescaled so that its largest |eigenvalue| is ρ."),
        parameters=("spectral_radius",),
    ),
}
