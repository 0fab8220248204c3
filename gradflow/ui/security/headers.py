"""What every answer says about itself: what its page may load, and who may show it in a frame."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from streamlit import file_util

from gradflow.core.errors import GradflowError

FRAMES_SETTING = "GRADFLOW_FRAME_ANCESTORS"
_SOURCE = re.compile(r"'self'|'none'|\*|[a-z][a-z0-9+.-]*:|(https?://)?[a-z0-9*._-]+(:(\d+|\*))?")
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def make_headers(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Make the headers.

    Raises:
        GradflowError: the setting of who may show the app in a frame holds no sources.
    """
    return {
        "Content-Security-Policy": _write_policy(_read_ancestors(environment)),
        "X-Content-Type-Options": "nosniff",
        # Settings stand in the address, and are nobody else's business.
        "Referrer-Policy": "same-origin",
    }


def _write_policy(ancestors: str) -> str:
    inline = " ".join(map(_hash_script, _list_inline_scripts()))
    directives = {
        "default-src": "'self'",
        # Streamlit starts components' scripts from blobs, and counts 64 bits by WebAssembly.
        "script-src": f"'self' blob: 'wasm-unsafe-eval' {inline}".strip(),
        # Streamlit and Plotly write styles while the page runs.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": ancestors,
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def _read_ancestors(environment: Mapping[str, str]) -> str:
    words = environment.get(FRAMES_SETTING, "").replace(",", " ").split() or ["'self'"]
    for word in words:
        if not _SOURCE.fullmatch(word.lower()):
            raise GradflowError(
                f"{FRAMES_SETTING}: {word!r} is not a source; write 'self', 'none' or addresses "
                "without a path, separated by spaces, such as 'self' https://moodle.example"
            )
    return " ".join(words)


def _list_inline_scripts() -> list[str]:
    """List the scripts that stand in Streamlit's own page."""
    page = Path(file_util.get_static_dir()) / "index.html"
    return _INLINE.findall(page.read_text(encoding="utf-8")) if page.exists() else []


def _hash_script(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
