"""How layers are wired: one enum member and one table row each."""

from __future__ import annotations

from enum import StrEnum

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Connection(StrEnum):
    """Codes of the connection patterns."""

    PLAIN = "plain"
    RESIDUAL = "residual"
    PREACTIVATION = "preactivation"
    DENSE = "dense"


_BRANCH_PARAMETERS = ("block_size", "branch_scale", "zero_last")

CONNECTIONS: dict[Connection, Choice] = {
    Connection.PLAIN: Choice(
        label=N_("Plain"), help=N_("Each layer sees only the layer before it.")
    ),
    Connection.RESIDUAL: Choice(
        label=N_("Residual"),
        help=N_("Blocks φ(h + α·f(h)), as in ResNet; the gradient also flows around f."),
        parameters=_BRANCH_PARAMETERS,
    ),
    Connection.PREACTIVATION: Choice(
        label=N_("Residual, pre-activation"),
        help=N_("Blocks h + α·f(h) with norm and activation inside f: the path around f is bare."),
        parameters=_BRANCH_PARAMETERS,
    ),
    Connection.DENSE: Choice(
        label=N_("Dense concatenation"),
        help=N_("Each layer sees the outputs of all layers before it (and an MLP the input)."),
        parameters=("growth_rate",),
    ),
}
