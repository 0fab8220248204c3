"""Earlier runs and files beside the current runs, and runs as files."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from gradflow.core.errors import GradflowError
from gradflow.core.text import _
from gradflow.core.training import Run
from gradflow.core.training.record import LAYER_COLUMNS, NUMBERS
from gradflow.ui import blocks
from gradflow.ui.training import actions, lanes, state
from gradflow.ui.training.lanes import Shown
from gradflow.ui.training.runs import MOST_KEPT, MOST_LANES, Kept

_UPLOAD_MEGABYTES = 20
_LAYER_BYTES = 13_000
"""Of a layer in a report, with its histograms."""


def compare() -> None:
    """The choice of earlier runs that are shown beside the current ones, and the upload."""
    session = state.session()
    own = 0 if session.group is None else len(session.group.lanes)
    names = _names(session.kept)
    left, right = st.columns([3, 2])
    with left:
        st.multiselect(
            _("Show beside"),
            list(session.kept),
            key=state.compared_key(),
            on_change=state.compared_chosen,
            max_selections=max(MOST_LANES - own, 0) or None,
            format_func=lambda key: names[key],
            placeholder=_("earlier runs and files …") if session.kept else _("no earlier run yet"),
            disabled=not session.kept or own >= MOST_LANES,
            help=_("Up to {n} runs are shown together.").format(n=MOST_LANES),
        )
        st.caption(
            _("The last {n} runs of this page are kept, as long as the page itself.").format(
                n=MOST_KEPT
            )
        )
        for key in state.compared():
            st.button(
                _("Set the controls as in “{run}”").format(run=names[key]),
                key=f"training_take_{key}",
                icon=":material/tune:",
                on_click=actions.take_settings,
                args=(key,),
            )
    with right:
        files = st.file_uploader(
            _("Saved runs (gradflow-run.json)"),
            "json",
            accept_multiple_files=True,
            key=state.uploads_key(),
            max_upload_size=_UPLOAD_MEGABYTES,
        )
    if files:
        _take(files, MOST_LANES - own)
        st.rerun()


def _names(kept: dict[str, Kept]) -> dict[str, str]:
    """What earlier runs are called in the choice, by key: number, name, and file if from one."""
    called = lanes.told_apart([(one.name, one.run) for one in kept.values()])
    files = [f" ({one.file})" if one.file else "" for one in kept.values()]
    return {
        key: _("{n}: {name}").format(n=key, name=name) + file
        for key, name, file in zip(kept, called, files, strict=True)
    }


def _take(files: list[UploadedFile], room: int) -> None:
    """Keep the uploaded runs and show them, as far as there is room; say what is no run."""
    problems, found = [], []
    for file in files:
        try:
            run = Run.from_json(file.getvalue())
        except GradflowError as error:
            problems.append(f"{file.name}: {error}")
        else:
            found.append(Kept(lanes.named(run), run, file.name))
    keys = state.session().keep(*found)
    state.compare([*state.compared(), *keys][:room])
    state.uploads_taken()
    state.complain("\n".join(problems))


def save(found: list[Shown]) -> None:
    """Downloads of every run on the page."""
    for one in found:
        if not one.run.records:
            continue
        letter = one.letter.lower()
        st.markdown(one.label)
        files = (
            (_("Run, JSON"), one.run.to_json, f"gradflow-run-{letter}.json", "application/json"),
            (_("Steps, CSV"), one.run.to_csv, f"gradflow-steps-{letter}.csv", "text/csv"),
            (
                _("Layers, CSV"), lambda run=one.run: str(run.layers().to_csv(index=False)),
                f"gradflow-layers-{letter}.csv", "text/csv",
            ),
        )  # fmt: skip
        for column, file in zip(st.columns(len(files)), files, strict=True):
            with column:
                blocks.download(*file)
        if (size := megabytes(one.run)) > _UPLOAD_MEGABYTES:
            st.caption(
                _("As JSON it has about {n} MB, more than the {most} MB that can be opened here "
                  "again. In Python gf.Run.load reads it. With fewer records or Flow figures it "
                  "gets smaller.").format(n=round(size), most=_UPLOAD_MEGABYTES)
            )  # fmt: skip
    st.caption(_("A run as JSON holds everything on this page, and can be opened here again."))


def megabytes(run: Run) -> float:
    """The size of a run as JSON, roughly: numbers of 20 digits, and the kept reports."""
    layers = len(run.records[0].modules) if run.records else 0
    reports = sum(record.snapshot is not None for record in run.records)
    numbers = len(run.records) * (len(NUMBERS) + layers * len(LAYER_COLUMNS))
    return (20 * numbers + _LAYER_BYTES * layers * reports) / 1e6
