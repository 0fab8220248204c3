"""What a normalization does to a network: the last three views of the page on normalization."""

from gradflow.ui.normalization.effects.flow import show as show_flow
from gradflow.ui.normalization.effects.rates import show as show_rates
from gradflow.ui.normalization.effects.scales import show as show_scales

__all__ = ["show_flow", "show_rates", "show_scales"]
