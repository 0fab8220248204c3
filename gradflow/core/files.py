"""Files of GradFlow, whatever is in them. Reading one executes nothing: it is JSON."""

from __future__ import annotations

import re
from pathlib import Path

from gradflow.core import timeline
from gradflow.core.report import Report
from gradflow.core.timeline import Timeline

_MARK = re.compile(rb'^\s*\{\s*"format"\s*:\s*"([a-z-]+)"')
"""The format mark, which all files begin with."""


def load(path: str | Path) -> Report | Timeline:
    """Read a report (``report.save``) or a watch's timeline (``watch.save``).

    Raises:
        InvalidReport: it is neither, damaged, or of another version.
    """
    return read_file(Path(path).read_bytes())


def read_file(content: bytes) -> Report | Timeline:
    """Read the content of such a file; raises ``InvalidReport`` as ``load`` does."""
    mark = _MARK.match(content[:200])
    if mark and mark[1].decode() == timeline.FORMAT:
        return Timeline.from_json(content)
    return Report.from_json(content)
