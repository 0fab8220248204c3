"""What the page on one's own model keeps: the files that were dropped, and what is shown of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MAX_DEPTH
from gradflow.core.files import read_file
from gradflow.core.report import Report
from gradflow.core.timeline import Timeline
from gradflow.ui.explore.flow import FlowView
from gradflow.ui.explore.state import open_column
from gradflow.ui.explore.subject import SavedReport, name_report
from gradflow.ui.settings.codecs import NoSettings, SpecCodec
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.page import Page
from gradflow.ui.settings.state import SessionValue, read_widget, show_in_widget
from gradflow.ui.your_model.gallery import GALLERY, OPENING, load_item

PAGE = Page(
    "your_model",
    dict.fromkeys(GALLERY, Form("your_model_settings", SpecCodec(NoSettings), NoSettings)),
    parameter="report",
    opening=OPENING,
)
"""Which report of the gallery is shown; files of a session have no address."""
UPLOAD_MEGABYTES = 20
MOST_FILES = 4
"""Files that a session keeps; the oldest leaves."""
REFUSED: SessionValue[list[str]] = SessionValue("your_model_refused", list)
"""Why files of the last upload were refused."""
UPLOADS: SessionValue[int] = SessionValue("your_model_uploads", int)
"""How many uploads were taken; the upload widget is a new one after each."""
LOOK: SessionValue[dict[str, Any]] = SessionValue("your_model_look", dict)
"""How the figure is looked at: those fields of a ``FlowView`` that were chosen."""
_FILE = "file: "
"""What stands before the name of a file, among the codes of the gallery."""


@dataclass(frozen=True)
class Brought:
    """What can be shown: a report of the gallery or of a file, or a timeline.

    Attributes:
        code: names it on the page.
        saved: names its report for the figure; ``None`` of a timeline.
        content: what was recorded.
    """

    code: str
    saved: SavedReport | None
    content: Report | Timeline

    @property
    def report(self) -> Report | None:
        """The report, if it is one."""
        return self.content if isinstance(self.content, Report) else None


_FILES: SessionValue[dict[str, Brought]] = SessionValue("your_model_files", dict)
_SHOWN: SessionValue[str] = SessionValue("your_model_shown", str)
"""The file that is shown; empty: a report of the gallery."""
_BESIDE: SessionValue[str | None] = SessionValue("your_model_beside", lambda: None)


def load_page() -> None:
    """Take what the address names; that is a report of the gallery."""
    before = PAGE.view
    PAGE.load()
    if PAGE.view != before:
        _SHOWN.set("")


def take_file(name: str, content: bytes) -> None:
    """Keep a file and show it; raises ``InvalidReport`` if it is none of GradFlow's."""
    recorded = read_file(content)
    saved = name_report(content, recorded) if isinstance(recorded, Report) else None
    code = _FILE + name
    files = {other: file for other, file in _FILES.get().items() if other != code}
    files[code] = Brought(code, saved, recorded)
    _FILES.set(dict([*files.items()][-MOST_FILES:]))
    show(code)


def list_codes() -> list[str]:
    """List what can be shown: the files, the newest first, and the gallery."""
    return [*reversed(_FILES.get()), *GALLERY]


def list_rivals() -> list[str]:
    """List what a report can be compared with, its own rival first."""
    shown = find_shown()
    codes = [code for code in list_codes() if code != shown.code and find(code).report is not None]
    item = GALLERY.get(shown.code)
    return sorted(codes, key=lambda code: item is None or code != item.rival)


def find(code: str) -> Brought:
    """Find what a code names."""
    if code in GALLERY:
        return Brought(code, *load_item(code))
    return _FILES.get()[code]


def find_shown() -> Brought:
    """Find what is shown."""
    shown = _SHOWN.get()
    return find(shown if shown in _FILES.get() else PAGE.view)


def find_beside() -> Brought | None:
    """Find what it is compared with, if it is a report and compared."""
    beside = _BESIDE.get()
    is_possible = find_shown().report is not None and beside in list_rivals()
    return find(beside) if beside and is_possible else None


def show(code: str) -> None:
    """Show what a code names, alone."""
    if code in GALLERY:
        PAGE.show(code)
    _SHOWN.set("" if code in GALLERY else code)
    _BESIDE.set(None)
    LOOK.set({name: value for name, value in LOOK.get().items() if name == "gradient"})


def bind_shown() -> dict[str, Any]:
    """Prepare the choice of what is shown."""
    key = "your_model_shown_widget"
    show_in_widget(key, find_shown().code)
    return {"key": key, "on_change": lambda: show(read_widget(key))}


def bind_beside() -> dict[str, Any]:
    """Prepare the choice of what it is compared with."""
    key = "your_model_beside_widget"
    beside = find_beside()
    show_in_widget(key, beside.code if beside else None)
    return {"key": key, "on_change": lambda: _BESIDE.set(read_widget(key))}


def compare_with(code: str) -> None:
    """Compare what is shown with another report."""
    _BESIDE.set(code)


def change_look(changes: Mapping[str, Any]) -> None:
    """Change how the figure is looked at; impossible values, which are forged, are not taken."""
    try:
        FlowView(**changes)
    except InvalidExperiment:
        return
    LOOK.set({**LOOK.get(), **changes})


def choose_column(choice: int) -> None:
    """Open what a column of the figure stands for; a browser may send any number."""
    if choice < 0:
        change_look({"opened": min(-choice, MAX_DEPTH)})
    else:
        open_column(choice)
