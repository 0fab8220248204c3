"""The frame of a page: its picture large and first, controls beside or above, the rest beneath.

Where things stand is said in ``style.css``: on a phone the controls come under the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


class Place(StrEnum):
    """Where the controls of a page stand on a wide screen."""

    BESIDE = "beside"
    ABOVE = "above"


@dataclass(frozen=True)
class Stage:
    """The parts of a page; they may be filled in any order.

    Attributes:
        controls: what the picture depends on. Up to about five stand above, more of them beside.
        picture: one sentence that says what there is to see, and the main figure.
        details: everything else.
    """

    controls: DeltaGenerator
    picture: DeltaGenerator
    details: DeltaGenerator


def make_stage(place: Place = Place.BESIDE) -> Stage:
    """Make the parts of a page at this place of it; a page has one stage."""
    frame = st.container(key=f"stage_{place}")
    parts = ("controls", "picture", "details")
    return Stage(*(frame.container(key=f"stage_{part}") for part in parts))


def draw_head(title: str) -> DeltaGenerator:
    """Draw the heading of a page, the only one of its rank; return the row in which it stands.

    Args:
        title: the page's name.
    """
    row = st.container(key="stage_head", horizontal=True, vertical_alignment="center")
    row.title(title, anchor=False, width="content")
    return row


def draw_spoken_head(title: str) -> None:
    """Draw the heading of a page for those who hear it; others see it in the navigation."""
    st.html(f'<h1 class="gf-spoken">{title}</h1>')
