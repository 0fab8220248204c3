"""Where to go next: what every page ends with, drawn by the frame of the app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from gradflow.core.text import N_, _
from gradflow.ui import paths

NEXT: Mapping[Path, Mapping[Path, str]] = {
    paths.EXPLORE: {
        paths.LEARN: N_("Lessons: predict, then see it happen"),
        paths.COMPARE: N_("Compare: two to four networks, side by side"),
        paths.TRAINING: N_("Training: the gradient of every step of learning"),
    },
    paths.LEARN: {
        paths.EXPLORE: N_("Explore: a network of your own"),
        paths.BACKPROP: N_("Backpropagation: the chain rule with numbers"),
        paths.DIAGNOSES: N_("Diagnoses: what can be wrong"),
    },
    paths.COMPARE: {
        paths.EXPLORE: N_("Explore: one network in full"),
        paths.PHASE: N_("Phase diagrams: hundreds of networks at once"),
        paths.DIAGNOSES: N_("Diagnoses: what the verdicts mean"),
    },
    paths.PHASE: {
        paths.EXPLORE: N_("Explore: one network of the map in full"),
        paths.INITIALIZATION: N_("Initialization: where the critical scale comes from"),
        paths.NORMALIZATION: N_("Normalization: keep the scale whatever the weights"),
    },
    paths.YOUR_MODEL: {
        paths.EXPLORE: N_("Explore: the same figure, with every setting in your hands"),
        paths.DIAGNOSES: N_("Diagnoses: what the verdicts mean, and what helps"),
        paths.TRAINING: N_("Training: the gradient of every step of learning"),
    },
    paths.TRAINING: {
        paths.EXPLORE: N_("Explore: this network before its first step"),
        paths.DESCENT: N_("Descent: one step after the other on a surface"),
        paths.PRETRAINING: N_("Pretraining: where random weights did not begin to learn"),
    },
    paths.PRETRAINING: {
        paths.TRAINING: N_("Training: the same trouble, watched step by step"),
        paths.ACTIVATIONS: N_("Activation functions: what made pretraining unnecessary"),
        paths.NORMALIZATION: N_("Normalization: the other reason why deep networks train today"),
    },
    paths.BACKPROP: {
        paths.ACTIVATIONS: N_("Activation functions: what slopes leave after many layers"),
        paths.DESCENT: N_("Descent: what is done with the gradient"),
        paths.EXPLORE: N_("Explore: the gradient of a whole network"),
    },
    paths.DESCENT: {
        paths.TRAINING: N_("Training: the same optimizers on a network"),
        paths.NORMALIZATION: N_("Normalization: why larger steps still train"),
    },
    paths.ACTIVATIONS: {
        paths.INITIALIZATION: N_("Initialization: weights that make up for the slopes"),
        paths.NORMALIZATION: N_("Normalization: keep z where the slope is"),
        paths.EXPLORE: N_("Explore: put them into a network"),
    },
    paths.INITIALIZATION: {
        paths.NORMALIZATION: N_("Normalization: less to ask of the weights"),
        paths.PRETRAINING: N_("Pretraining: weights that another task has found"),
        paths.EXPLORE: N_("Explore: any network, any law"),
    },
    paths.NORMALIZATION: {
        paths.DEGRADATION: N_("Degradation: what shortcuts change"),
        paths.COMPARE: N_("Compare: with and without, side by side"),
    },
    paths.DEGRADATION: {
        paths.RECURRENT: N_("Through time: the same idea in LSTM and GRU"),
        paths.TRAINING: N_("Training: plain and residual networks as they learn"),
    },
    paths.RECURRENT: {
        paths.DEGRADATION: N_("Degradation: shortcuts over layers instead of steps"),
        paths.DIAGNOSES: N_("Diagnoses: vanishing and exploding gradients"),
    },
    paths.DIAGNOSES: {
        paths.YOUR_MODEL: N_("Your model: which of them it has"),
        paths.BACKPROP: N_("Backpropagation: where the factors come from"),
        paths.COMPARE: N_("Compare: a network and its cure, side by side"),
    },
}
"""Per page, the pages to go on with, and what there is to see, marked for translation."""


def draw_next(page: Path) -> None:
    """Draw where to go on from a page: links, each with the reason to go there.

    Args:
        page: the page's path.
    """
    with st.container(key="stage_next", horizontal=True, vertical_alignment="center"):
        st.markdown(_("Go on with"), width="content")
        for path, label in NEXT[page].items():
            st.page_link(path, label=_(label), icon=":material/arrow_forward:", width="content")
