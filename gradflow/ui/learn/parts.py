"""Parts of every lesson: what it asks, and where to go on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from gradflow.core import codec
from gradflow.core.experiment import Experiment
from gradflow.core.lessons.path import LessonPath
from gradflow.core.lessons.schema import Lesson, load_lessons
from gradflow.core.lessons.subjects import Subject, TrainingRun
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.teaching.fields import to_query
from gradflow.core.text import _
from gradflow.ui import blocks, paths
from gradflow.ui.learn import state
from gradflow.ui.learn.words import write_question
from gradflow.ui.present.present import is_presenting
from gradflow.ui.training.codec import RunCodec, RunSettings


def find_prediction(path: LessonPath, classroom: str) -> str:
    """Find what was predicted in the lesson; who presents, or has a class, asks it anew."""
    if is_presenting() or classroom:
        return ""
    return path.predictions.get(path.lesson, "")


def name_question(path: LessonPath) -> str:
    """Name what a class is asked: votes on other weights are other votes."""
    return f"{path.lesson}:{path.seed}"


def draw_question(lesson: Lesson) -> None:
    """Draw a lesson's title and what it asks."""
    st.subheader(_(lesson.title), anchor=False)
    blocks.write_text(write_question(lesson))


def draw_ways_on(path: LessonPath, subject: Subject, name: str = "") -> None:
    """Draw where the lesson can be tried, which may have a name of its own, and the next one."""
    codes = list(load_lessons())
    following = codes[codes.index(path.lesson) + 1 :]
    page, query, label = find_page(subject)
    with st.container(horizontal=True, vertical_alignment="center"):
        if following:
            st.button(
                _("Next lesson"),
                key="learn_next",
                type="primary",
                icon=":material/arrow_forward:",
                icon_position="right",
                on_click=state.go_to,
                args=(following[0],),
            )
        st.page_link(
            page, label=name or label, icon=":material/tune:", query_params=query, width="content"
        )


def find_page(subject: Subject) -> tuple[Path, dict[str, str], str]:
    """Find the page that shows a subject with all its controls, its link's parameters, a label."""
    match subject:
        case Experiment():
            return paths.EXPLORE, codec.to_query(subject), _("Try it in Explore")
        case TimePass():
            return paths.RECURRENT, {"view": "time", **to_query(subject)}, _("Try it through time")
        case TrainingRun(experiment, plan):
            settings = RunSettings(experiment, plan)
            return paths.TRAINING, RunCodec().to_query(settings), _("Try it in Training")
