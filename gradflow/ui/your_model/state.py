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
from gradflow.ui.explore.state import LAYER, open_column
from gradflow.ui.explore.subject import SavedReport, name_report
from gradflow.ui.settings.page import Page
from gradflow.ui.settings.state import SessionValue, read_widget, show_in_widget
from gradflow.ui.your_model.gallery import GALLERY, OPENING, load_item
from gradflow.ui.your_model.look import LOOK

PAGE = Page("your_model", dict.fromkeys(GALLERY, LOOK), parameter="report", opening=OPENING)
"""Which report of the gallery is shown, and how; files of a session have no address."""
UPLOAD_MEGABYTES = 20
MOST_FILES = 4
"""Files that a session keeps; the oldest leaves."""
REFUSED: SessionValue[list[str]] = SessionValue("your_model_refused", list)
"""Why files of the last upload were refused."""
LEFT: SessionValue[list[str]] = SessionValue("your_model_left", list)
"""Files that left with the last upload, because newer ones took their places."""
TIMELINE_LAYER = "timeline_layer_number"
"""The widget with the layer of a timeline whose distribution is shown."""
UPLOADS: SessionValue[int] = SessionValue("your_model_uploads", int)
"""How many uploads were taken; the upload widget is a new one after each."""
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
_BESIDE: SessionValue[str] = SessionValue("your_model_beside", str)
"""The file that it is compared with; empty: what the look says."""


def load_page() -> None:
    """Take what the address names: a report of the gallery, and how it is looked at."""
    if PAGE.load():  # also of the report that the page had before a file
        _SHOWN.set("")
        _BESIDE.set("")


def take_file(name: str, content: bytes) -> None:
    """Keep a file and show it; raises ``InvalidReport`` if it is none of GradFlow's."""
    recorded = read_file(content)
    saved = name_report(content, recorded) if isinstance(recorded, Report) else None
    code = _FILE + name
    files = {other: file for other, file in _FILES.get().items() if other != code}
    files[code] = Brought(code, saved, recorded)
    kept = dict([*files.items()][-MOST_FILES:])
    LEFT.set(LEFT.get() + [other.removeprefix(_FILE) for other in files if other not in kept])
    _FILES.set(kept)
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
    beside = _BESIDE.get() or LOOK.values["beside"]
    is_possible = find_shown().report is not None and beside in list_rivals()
    return find(beside) if is_possible else None


def sync_url() -> bool:
    """Make the address lead to what is shown, if it can; whether it does."""
    beside = find_beside()
    if all(own is None or own.code in GALLERY for own in (find_shown(), beside)):
        PAGE.sync_url(LOOK.read())
        return True
    PAGE.clear_url()
    return False


def show(code: str) -> None:
    """Show what a code names, alone."""
    if code in GALLERY:
        PAGE.show(code)
    _SHOWN.set("" if code in GALLERY else code)
    compare_with("")
    change_look({"rows": "", "opened": 0})
    LAYER.set(None)  # a layer of another model
    show_in_widget(TIMELINE_LAYER, 1)


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
    return {"key": key, "on_change": lambda: compare_with(read_widget(key) or "")}


def compare_with(code: str) -> None:
    """Compare what is shown with another report; with an empty code it is shown alone."""
    _BESIDE.set("" if code in GALLERY else code)
    LOOK.change("beside", code if code in GALLERY else "")


def change_look(changes: Mapping[str, Any]) -> None:
    """Change how the figure is looked at; impossible values, which are forged, are not taken."""
    try:
        LOOK.codec.from_fields(LOOK.values | dict(changes))
    except InvalidExperiment:
        return
    for name, value in changes.items():
        LOOK.change(name, value)


def choose_column(choice: int) -> None:
    """Open what a column of the figure stands for; a browser may send any number."""
    if choice < 0:
        change_look({"opened": min(-choice, MAX_DEPTH)})
    else:
        open_column(choice)
