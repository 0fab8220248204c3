"""The views of the page on pretraining: figures, sentences, numbers, explanations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from gradflow.core.numbers import format_number
from gradflow.core.pretraining.digits import TRAINING
from gradflow.core.pretraining.finetune import TuningCourse
from gradflow.core.pretraining.greedy import PretrainedStack
from gradflow.core.pretraining.spec import STARTS, FineTuning, Method, Stack, Start, Transfer
from gradflow.core.pretraining.transfer import WAYS, Way
from gradflow.core.text import N_, _
from gradflow.ui import blocks, stage
from gradflow.ui.growing import GrowingPlace
from gradflow.ui.pretraining import compute, words
from gradflow.ui.pretraining.controls import draw_controls
from gradflow.ui.pretraining.state import PAGE, STOPPED, PretrainingView
from gradflow.ui.pretraining.words import TuningFate
from gradflow.ui.settings.fields import draw_view_choice

TITLES: dict[str, str] = {
    PretrainingView.LAYERS: N_("Layer by layer"),
    PretrainingView.TUNING: N_("Fine-tuning"),
    PretrainingView.TRANSFER: N_("Reusing layers"),
}
_ICONS: dict[TuningFate, str] = {
    TuningFate.LEARNED: ":material/check_circle:",
    TuningFate.UNDER_WAY: ":material/trending_up:",
    TuningFate.BY_HEART: ":material/menu_book:",
    TuningFate.NOT_BEGUN: ":material/block:",
    TuningFate.BROKEN: ":material/error:",
}


def show_view() -> None:
    """Show the page: the chosen view, unless its computation was stopped by hand."""
    with stage.draw_head(_("Pretraining")):
        draw_view_choice(PAGE, TITLES)
    parts = stage.make_stage(stage.Place.BESIDE)
    with parts.controls:
        draw_controls()  # first: they can be used while a long computation runs
    with parts.picture:
        _show_result(parts)


def _show_result(parts: stage.Stage) -> None:
    if PAGE.problem:
        blocks.show_error(PAGE.problem)
    settings = PAGE.form.read()
    PAGE.sync_url(settings)
    spec = settings.build_stack() if PAGE.view == PretrainingView.LAYERS else settings
    if STOPPED.get() == spec:
        st.info(_("Stopped. Change a setting, or begin again."), icon=":material/stop_circle:")
        st.button(
            _("Begin again"), icon=":material/play_arrow:", on_click=STOPPED.set, args=(None,)
        )
        return
    STOPPED.set(None)  # settings that come back are computed again
    # Each view has a place of its own, so that none stands below the progress bar of another.
    places = {view: st.container() if view == PAGE.view else st.empty() for view in PretrainingView}
    with places[PretrainingView(PAGE.view)]:
        show_details = _VIEWS[PAGE.view](spec)
    with parts.details:
        show_details()


def _show_layers(stack: Stack) -> Callable[[], None]:
    pretrained = compute.pretrain(stack, STOPPED.set)
    st.markdown(words.describe_stack(stack, pretrained))
    _show_features(stack, pretrained)

    def show_details() -> None:
        panels: dict[str, Callable[[], None]] = {
            _("Reconstruction error"): lambda: _show_errors(pretrained),
            _("Reconstructions"): lambda: _show_reconstructions(pretrained),
            _("Layers in numbers"): lambda: _show_numbers(pretrained),
        }
        blocks.draw_tabs(panels, "pretraining_details")
        blocks.explain("pretraining_features")
        _show_rule(stack)

    return show_details


def _show_rule(stack: Stack) -> None:
    if stack.method == Method.RBM:
        steps = _("steps") if stack.k > 1 else _("step")
        st.latex(
            r"E(v,h) = -a^\top v - b^\top h - h^\top W v,\qquad \Delta W = \eta\left("
            rf"\langle h v^\top\rangle_\text{{{_('data')}}} - "
            rf"\langle h v^\top\rangle_{{{stack.k}\text{{ {steps}}}}}\right)"
        )
    else:
        st.latex(
            r"h = \varphi(Wx + b),\qquad \hat x = \psi(W^\top h + a),\qquad "
            r"\Delta W = -\eta\,\frac{\partial L(\hat x, x)}{\partial W}"
        )


def _show_features(stack: Stack, pretrained: PretrainedStack) -> None:
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
    features = pretrained.layers[layer - 1].features
    figure = features_figure(
        features[epoch], reach=measure_reach(features[-1]), mode=blocks.read_mode()
    )
    blocks.show_figure(figure, "pretraining_features", _("Weights of every unit as an image"))


def _show_errors(pretrained: PretrainedStack) -> None:
    figure = errors_figure(pretrained.layers, mode=blocks.read_mode())
    blocks.show_figure(figure, "pretraining_errors", _("Reconstruction error, layer by layer"))
    blocks.explain("pretraining_errors")


def _show_reconstructions(pretrained: PretrainedStack) -> None:
    names = [_("original")] + [
        (_("{n} layer, error {error}") if n == 1 else _("{n} layers, error {error}")).format(
            n=n, error=format_number(float(error), 2)
        )
        for n, error in enumerate(pretrained.pixel_error, start=1)
    ]
    figure = reconstructions_figure(
        pretrained.originals, pretrained.reconstructions, names, mode=blocks.read_mode()
    )
    blocks.show_figure(figure, "pretraining_images", _("Digits and their reconstructions"))
    blocks.explain("pretraining_reconstructions")


def _show_numbers(pretrained: PretrainedStack) -> None:
    blocks.show_table(words.tabulate_stack(pretrained), key="pretraining_stack")
    blocks.explain("pretraining_numbers")


def _show_tuning(spec: FineTuning) -> Callable[[], None]:
    above, place = st.container(), GrowingPlace()

    def draw(known: tuple[TuningCourse, ...]) -> None:
        with place.draw():
            _draw_tuning(spec, known)

    with above:  # for the progress bar
        courses = compute.fine_tune(spec, STOPPED.set, draw)
    draw(courses)

    def show_details() -> None:
        blocks.explain("pretraining_tuning")
        st.subheader(_("The gradient before the first step"))
        _show_gradients(courses)
        st.subheader(_("In numbers"))
        blocks.show_table(words.tabulate_tuning(courses), key="pretraining_tuning_table")

    return show_details


def _draw_tuning(spec: FineTuning, courses: tuple[TuningCourse, ...]) -> None:
    """Draw the courses that are known; what follows from them is said once all are."""
    lines = [f"{_ICONS[words.judge_course(c)]} {words.describe_tuning(c)}" for c in courses]
    conclusion = (
        words.describe_conclusion(courses, few=spec.labelled < TRAINING // 2)
        if len(courses) == len(spec.starts)
        else ""
    )
    st.markdown("  \n".join([conclusion, *lines] if conclusion else lines))
    starts = list(Start)
    curves = [(_(STARTS[c.start].label), starts.index(c.start), c) for c in courses]
    blocks.show_figure(
        tuning_figure(curves, mode=blocks.read_mode()),
        "pretraining_tuning",
        _("Training loss and held-out accuracy over the steps, for every start"),
    )


def _show_gradients(courses: tuple[TuningCourse, ...]) -> None:
    kinds = {"norms": _("Norms"), "distributions": _("Distributions")}
    kind = blocks.choose_one(_("Show"), kinds, "pretraining_gradients_as")
    compared = [
        ComparedSetting(
            LETTERS[list(Start).index(course.start)], _(STARTS[course.start].label), course.report
        )
        for course in courses
    ]
    draw = compare_gradients_figure if kind == "norms" else compare_flow_figure
    blocks.show_figure(
        draw(compared, mode=blocks.read_mode()),
        f"pretraining_gradients_{kind}",
        _("Gradient of every layer at the start of fine-tuning"),
    )
    st.caption(words.describe_gradients(courses))
    blocks.explain("pretraining_gradients")


def _show_transfer(spec: Transfer) -> Callable[[], None]:
    reuse = compute.transfer(spec, STOPPED.set)
    st.markdown("\n".join(f"- {sentence}" for sentence in words.describe_reuse(spec, reuse)))
    names = [_(WAYS[way].label) for way in Way]
    blocks.show_figure(
        reuse_figure(names, reuse, len(spec.new), mode=blocks.read_mode()),
        "pretraining_reuse",
        _("Accuracy on the new task against labelled images"),
    )

    def show_details() -> None:
        blocks.explain("pretraining_reuse")
        blocks.show_table(words.tabulate_reuse(reuse), key="pretraining_reuse_table")

    return show_details


_VIEWS: dict[str, Callable[[Any], Callable[[], None]]] = {
    PretrainingView.LAYERS: _show_layers,
    PretrainingView.TUNING: _show_tuning,
    PretrainingView.TRANSFER: _show_transfer,
}
"""What shows the picture of a view, and returns what shows everything else."""
