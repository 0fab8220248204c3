"""The views of the page on pretraining: figures, sentences, numbers, explanations."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gradflow.charts.compare.data import LETTERS, ComparedSetting
from gradflow.charts.compare.flow import compare_flow_figure
from gradflow.charts.compare.lines import compare_gradients_figure
from gradflow.charts.pretraining.errors import errors_figure
from gradflow.charts.pretraining.images import (
    features_figure,
    measure_reach,
    reconstructions_figure,
)
from gradflow.charts.pretraining.reuse import reuse_figure
from gradflow.charts.pretraining.tuning import tuning_figure
from gradflow.charts.theme import format_number
from gradflow.core.pretraining.digits import TRAINING
from gradflow.core.pretraining.finetune import TuningCourse
from gradflow.core.pretraining.greedy import PretrainedStack
from gradflow.core.pretraining.spec import STARTS, Method, Stack, Start
from gradflow.core.pretraining.transfer import WAYS, Way
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.pretraining import compute, state, words
from gradflow.ui.pretraining.state import View
from gradflow.ui.pretraining.words import Fate

_ICONS: dict[Fate, str] = {
    Fate.LEARNED: ":material/check_circle:",
    Fate.UNDER_WAY: ":material/trending_up:",
    Fate.BY_HEART: ":material/menu_book:",
    Fate.NOT_BEGUN: ":material/block:",
    Fate.BROKEN: ":material/error:",
}


def show() -> None:
    """The chosen view, unless its computation was stopped by hand."""
    if state.problem():
        blocks.show_error(state.problem())
    state.settled()
    if state.stopped():
        st.info(_("Stopped. Change a setting, or begin again."), icon=":material/stop_circle:")
        st.button(_("Begin again"), icon=":material/play_arrow:", on_click=state.go_on)
        return
    # Each view has a place of its own, so that none stands below the progress bar of another.
    places = {view: st.container() if view is state.view() else st.empty() for view in View}
    with places[state.view()]:
        {View.LAYERS: _layers, View.TUNING: _tuning, View.TRANSFER: _transfer}[state.view()]()


def _layers() -> None:
    stack = state.tuning().build_stack()
    _rule(stack)
    found = compute.pretrain(stack, state.stop)
    st.markdown(words.stack_sentence(stack, found))
    _features(stack, found)
    panels: dict[str, Callable[[], None]] = {
        _("Reconstruction error"): lambda: _errors(found),
        _("Reconstructions"): lambda: _reconstructions(found),
        _("Layers in numbers"): lambda: _numbers(found),
    }
    tabs = st.tabs(list(panels), key="pretraining_details", on_change="rerun")
    for tab, draw in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def _rule(stack: Stack) -> None:
    if stack.method == Method.RBM:
        st.latex(
            r"E(v,h) = -a^\top v - b^\top h - h^\top W v,\qquad \Delta W = \eta\left("
            r"\langle h v^\top\rangle_\text{data} - \langle h v^\top\rangle_{"
            rf"{stack.k}" + r"\text{ step" + ("s" if stack.k > 1 else "") + r"}}\right)"
        )
    else:
        st.latex(
            r"h = \varphi(Wx + b),\qquad \hat x = \psi(W^\top h + a),\qquad "
            r"\Delta W = -\eta\,\frac{\partial L(\hat x, x)}{\partial W}"
        )


def _features(stack: Stack, found: PretrainedStack) -> None:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    layer = 1
    if stack.layers > 1:
        layer = left.segmented_control(
            _("What the units of this layer look for"),
            list(range(1, stack.layers + 1)),
            default=1,
            required=True,
            key=f"pretraining_layer_{stack.layers}",
            format_func=lambda n: _("layer {n}").format(n=n),
        )
    epoch = right.slider(
        _("After epoch"), 0, stack.epochs, stack.epochs, key=f"pretraining_epoch_{stack.epochs}"
    )
    features = found.layers[layer - 1].features
    figure = features_figure(features[epoch], reach=measure_reach(features[-1]), mode=blocks.mode())
    blocks.show_figure(figure, "pretraining_features", _("Weights of every unit as an image"))
    blocks.explain("pretraining_features")


def _errors(found: PretrainedStack) -> None:
    figure = errors_figure(found.layers, mode=blocks.mode())
    blocks.show_figure(figure, "pretraining_errors", _("Reconstruction error, layer by layer"))
    blocks.explain("pretraining_errors")


def _reconstructions(found: PretrainedStack) -> None:
    names = [_("original")] + [
        (_("{n} layer, error {error}") if n == 1 else _("{n} layers, error {error}")).format(
            n=n, error=format_number(float(error), 2)
        )
        for n, error in enumerate(found.pixel_error, start=1)
    ]
    figure = reconstructions_figure(
        found.originals, found.reconstructions, names, mode=blocks.mode()
    )
    blocks.show_figure(figure, "pretraining_images", _("Digits and their reconstructions"))
    blocks.explain("pretraining_reconstructions")


def _numbers(found: PretrainedStack) -> None:
    blocks.show_table(words.stack_table(found), key="pretraining_stack")
    blocks.explain("pretraining_numbers")


def _tuning() -> None:
    spec = state.tuning()
    courses = compute.fine_tune(spec, state.stop)
    lines = [f"- {_ICONS[words.fate(one)]} {words.course_sentence(one)}" for one in courses]
    st.markdown("\n".join(lines))
    if text := words.conclusion(courses, few=spec.labelled < TRAINING // 2):
        st.info(text, icon=":material/lightbulb:")
    places = list(Start)
    named = [(_(STARTS[one.start].label), places.index(one.start), one) for one in courses]
    blocks.show_figure(
        tuning_figure(named, mode=blocks.mode()),
        "pretraining_tuning",
        _("Training loss and held-out accuracy over the steps, for every start"),
    )
    blocks.explain("pretraining_tuning")
    st.subheader(_("The gradient before the first step"))
    _gradients(courses)
    st.subheader(_("In numbers"))
    blocks.show_table(words.tuning_table(courses), key="pretraining_tuning_table")


def _gradients(courses: tuple[TuningCourse, ...]) -> None:
    kinds = {"norms": _("Norms"), "distributions": _("Distributions")}
    chosen = blocks.one_of(_("Show"), kinds, "pretraining_gradients_as")
    entries = [
        ComparedSetting(
            LETTERS[list(Start).index(one.start)], _(STARTS[one.start].label), one.report
        )
        for one in courses
    ]
    draw = compare_gradients_figure if chosen == "norms" else compare_flow_figure
    blocks.show_figure(
        draw(entries, mode=blocks.mode()),
        f"pretraining_gradients_{chosen}",
        _("Gradient of every layer at the start of fine-tuning"),
    )
    st.caption(words.gradient_sentence(courses))
    blocks.explain("pretraining_gradients")


def _transfer() -> None:
    spec = state.transfer()
    found = compute.transfer(spec, state.stop)
    st.markdown("\n".join(f"- {line}" for line in words.reuse_sentences(spec, found)))
    names = [_(WAYS[way].label) for way in Way]
    blocks.show_figure(
        reuse_figure(names, found, len(spec.new), mode=blocks.mode()),
        "pretraining_reuse",
        _("Accuracy on the new digits against labelled images"),
    )
    blocks.explain("pretraining_reuse")
    blocks.show_table(words.reuse_table(found), key="pretraining_reuse_table")
