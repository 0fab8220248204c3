"""Where a run broke, in codes and in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradflow.core.numbers import format_number
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
        targets: RMS of the targets, if it was measured that they are too large for the rate (the
            same steps last with targets scaled to 1); else 0.
        rate: the largest rate, by decades, at which the steps last with the targets as they are;
            0 if that is not known.
    """

    step: int
    origin: Origin
    began: int
    layer: int = 0
    module: str = ""
    targets: float = 0.0
    rate: float = 0.0

    @property
    def text(self) -> str:
        """Sentences in the language of the reader: the run stopped, where it began, and why."""
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
                    "number any more."
                )
                if not self.targets:
                    cause += " " + _(
                        "The learning rate is too large for the scale of the targets and inputs."
                    )
            case Origin.LOSS:
                cause = _("All outputs are finite: it began in the loss itself.")
            case _other:
                cause = _("It began outside the layers.")
        stopped = _("The loss of step {step} is not finite, so the run stopped.")
        sentences = (stopped.format(step=self.step), cause, self._reason)
        return " ".join(filter(None, sentences))

    @property
    def _reason(self) -> str:
        if not self.targets:
            return ""
        reason = _(
            "The learning rate is too large for targets of size {size} (root mean square): with "
            "the targets scaled to 1, the same steps stay finite at the same rate."
        ).format(size=format_number(self.targets))
        if not self.rate:
            return f"{reason} {_('Scale the targets.')}"
        cure = _("Scale the targets, or lower the rate to about {rate}.")
        return f"{reason} {cure.format(rate=format_number(self.rate))}"
