"""A real browser to measure in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_CHROMIUM = "Not measured: no Chromium found; set GRADFLOW_CHROMIUM to one."
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
)


def find_chromium() -> str | None:
    """Find the path of a Chromium on this machine."""
    installed = filter(None, map(shutil.which, CHROMIUM_NAMES))
    return os.environ.get("GRADFLOW_CHROMIUM") or next(installed, None)


@contextmanager
def open_chromium(path: str) -> Iterator[Browser]:
    """Start a headless Chromium and yield it; close it on exit."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
