"""The settings of a pass through time, with what is looked at inside the network."""

from __future__ import annotations

from gradflow.core.recurrent.settings import TimePass
from gradflow.ui.settings.codecs import Fields, SpecCodec


class TimePassCodec(SpecCodec[TimePass]):
    """Settings of a pass; a layer, step, unit or sequence beyond the last is the last.

    Widgets may hold such a number: it comes back when the network or the data grow again.
    """

    def from_fields(self, values: Fields) -> TimePass:
        """Make the pass from those values that apply."""
        settings = super().from_fields(values)
        names = ("layer", "step", "unit", "sequence")
        shown = {name: getattr(settings, f"shown_{name}") for name in names}
        return settings.model_copy(update=shown | {"gate": settings.shown_gate or settings.gate})
