"""Translation of user-visible strings: a second language is a catalogue, not a rewrite."""

import gettext
from pathlib import Path

_ = gettext.translation(
    "gradflow", localedir=Path(__file__).parents[1] / "locale", fallback=True
).gettext


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark a string in a table for translation; it is translated where it is shown."""
    return message
