"""What bars some people from a page, as axe-core finds it."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WHOLE = {"resultTypes": ["violations"]}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
"""What axe looks for: everything, or what another colour scheme may change."""
_PLACES = {"exclude": [[".main-svg"], [".katex-display"]]}
"""Where axe looks: a drawing is hidden from those who cannot see it, its label says it in words. A
wide formula scrolls, and browsers let the keyboard reach what scrolls."""


def list_barriers(page: Page, rules: dict[str, Any] = WHOLE) -> list[str]:
    """List what axe-core calls serious or critical."""
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in Axe().run(page, _PLACES, rules).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
