"""Earlier runs and files beside the current runs, and runs as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from gradflow.core.errors import GradflowError
from gradflow.core.text import Text, _
from gradflow.core.training import Run
from gradflow.core.training.record import LAYER_COLUMNS, NUMBERS
from gradflow.ui import blocks
from gradflow.ui.training import actions, lanes, state
from gradflow.ui.training.groups import MAX_LANES
from gradflow.ui.training.kept import EarlierRun
from gradflow.ui.training.lanes import ShownRun
from gradflow.ui.training.sessions import MAX_EARLIER, SESSIONS

_UPLOAD_MEGABYTES = 20
_LAYER_BYTES = 6_000
"""Size of a layer in a report, with its histograms."""
_FRAMED_LAYER_BYTES = 1060
"""Size of a layer in a frame of a film, in base64."""


def draw_comparison() -> None:
    """Draw the choice of earlier runs that are shown beside the current ones, and the upload."""
    session = state.open_session()
    group, earlier = session.group, session.earlier  # they may end for others meanwhile
    own = 0 if group is None else len(group.lanes)
    names = _name_earlier(earlier)
    left, right = st.columns([3, 2])
    with left:
        st.multiselect(
            _("Show beside"),
            list(earlier),
            **state.COMPARED.bind([key for key in state.list_compared() if key in earlier]),
            max_selections=max(MAX_LANES - own, 0) or None,
            format_func=lambda key: names[key],
            placeholder=_("earlier runs and files …") if earlier else _("no earlier run yet"),
            disabled=not earlier or own >= MAX_LANES,
            help=_("Up to {n} runs are shown together.").format(n=MAX_LANES),
        )
        st.caption(
            _(
                "The last {n} runs are kept until you close this page, or others need the "
                "server's memory."
            ).format(n=MAX_EARLIER)
        )
        for key in filter(names.get, state.list_compared()):
            st.button(
                _("Use the settings of “{run}”").format(run=blocks.write_name(names[key])),
                key=f"training_take_{key}",
                icon=":material/tune:",
                **actions.bind_press(actions.take_settings, key),
            )
    with right:
        files = st.file_uploader(
            _("Saved runs (gradflow-run.json)"),
            "json",
            accept_multiple_files=True,
            key=f"uploads_{state.UPLOADS.get()}",
            max_upload_size=_UPLOAD_MEGABYTES,
        )
    if files:
        _take_files(files, MAX_LANES - own)
        st.rerun()


def _name_earlier(earlier: dict[str, EarlierRun]) -> dict[str, str]:
    """Name earlier runs for the choice, by key: number, name, and file if from one."""
    names = lanes.distinguish_names([(kept.name, kept.run) for kept in earlier.values()])
    files = [f" ({kept.file})" if kept.file else "" for kept in earlier.values()]
    return {
        key: _("{n}: {name}").format(n=key, name=name) + file
        for key, name, file in zip(earlier, names, files, strict=True)
    }


def _take_files(files: list[UploadedFile], room: int) -> None:
    """Keep the uploaded runs and show them, as far as there is room; say what is no run."""
    problems: list[Text | str] = []
    earlier = []
    for file in files:
        try:
            run = Run.from_json(file.getvalue())
        except GradflowError as error:
            problems.append(Text("{file}: {error}", file=file.name, error=error.message))
        else:
            earlier.append(EarlierRun(lanes.name_run(run), run, file.name))
    keys = SESSIONS.keep(state.open_session(), *earlier)
    state.COMPARED.set([*state.list_compared(), *keys][:room])
    state.UPLOADS.set(state.UPLOADS.get() + 1)
    state.FORM.complain(*problems)


def draw_downloads(runs: list[ShownRun]) -> None:
    """Draw the downloads of every run on the page."""
    for shown_run in runs:
        run = shown_run.run
        if not run.records:
            continue
        letter = shown_run.letter.lower()
        st.markdown(shown_run.label)
        files: list[tuple[str, Callable[[], str], str, str]] = [
            (_("Run, JSON"), run.to_json, f"gradflow-run-{letter}.json", "application/json"),
            (_("Steps, CSV"), run.to_csv, f"gradflow-steps-{letter}.csv", "text/csv"),
            (
                _("Layers, CSV"),
                partial(_write_layers, run),
                f"gradflow-layers-{letter}.csv",
                "text/csv",
            ),
        ]
        for column, file in zip(st.columns(len(files)), files, strict=True):
            with column:
                blocks.draw_download(*file)
        if (size := estimate_megabytes(run)) > _UPLOAD_MEGABYTES:
            st.caption(
                _(
                    "The JSON file would have about {n} MB, more than the {most} MB that this "
                    "page can open. gf.Run.load in Python reads it. Fewer records or full "
                    "reports make it smaller."
                ).format(n=round(size), most=_UPLOAD_MEGABYTES)
            )
    st.caption(_("A run as JSON holds everything on this page, and can be opened here again."))


def _write_layers(run: Run) -> str:
    return str(run.layers().to_csv(index=False))


def estimate_megabytes(run: Run) -> float:
    """Estimate the size of a run as JSON: numbers of 20 digits, kept reports and frames."""
    layers = len(run.records[0].modules) if run.records else 0
    reports = sum(record.snapshot is not None for record in run.records)
    frames = sum(record.frame is not None for record in run.records)
    numbers = len(run.records) * (len(NUMBERS) + layers * len(LAYER_COLUMNS))
    kept = _LAYER_BYTES * reports + _FRAMED_LAYER_BYTES * frames
    return (20 * numbers + layers * kept) / 1e6
