"""Where a run broke, in codes and in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradflow.core.text import _


class Origin(StrEnum):
    """Origins of a divergence: the values that became infinite or NaN first."""

    SIGNAL = "signal"
    OUTPUTS = "outputs"
    LOSS = "loss"
    WEIGHTS = "weights"


@dataclass(frozen=True)
class Divergence:
    """The first non-finite loss, and where it came from.

    Attributes:
        step: the step whose loss is not finite.
        origin: ``signal``: the weights are finite, but the output of a module is not;
            ``outputs``: all outputs are finite, but so large that their loss is not; ``loss``: all
            outputs are finite and of usual size, the loss is not; ``weights``: an earlier update
            broke them.
        began: the step in which it began: for ``weights`` the one with the broken update.
        layer: the layer where it began, from 1; 0 if it began in no layer. For ``weights`` the one
            nearest to the loss, because a gradient carries NaN back to all layers before.
        module: name of that layer's weight module.
    """

    step: int
    origin: Origin
    began: int
    layer: int = 0
    module: str = ""

    @property
    def text(self) -> str:
        """Two sentences, in the language of the reader: the run stopped, and where it began."""
        layer = _("layer {n} ({module})").format(n=self.layer, module=self.module)
        match self.origin:
            case Origin.SIGNAL if self.layer:
                cause = _("It began in {place}, whose output overflowed.").format(place=layer)
            case Origin.WEIGHTS if self.layer:
                cause = _(
                    "It began in step {step}: the gradient in {place} overflowed, and the update "
                    "carried that into the weights."
                ).format(step=self.began, place=layer)
            case Origin.OUTPUTS:
                cause = _(
                    "The outputs have grown from step to step until their loss was no finite "
                    "number any more: the learning rate is too large for the scale of the targets "
                    "and inputs."
                )
            case Origin.LOSS:
                cause = _("All outputs are finite: it began in the loss itself.")
            case _other:
                cause = _("It began outside the layers.")
        stopped = _("The loss of step {step} is not finite, so the run stopped.")
        return f"{stopped.format(step=self.step)} {cause}"
