"""Recording inside somebody's own training loop."""

from gradflow.core.watching.watch import Watch, watch

__all__ = ["Watch", "watch"]
