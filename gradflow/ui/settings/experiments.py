"""Forms whose settings are an experiment, and the groups in which their widgets stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from gradflow.core import codec
from gradflow.core.catalog import Architecture
from gradflow.core.experiment import Experiment
from gradflow.core.text import N_, _
from gradflow.ui.settings.codecs import EXPERIMENTS, Fields
from gradflow.ui.settings.fields import DrawField, draw_fields
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.state import SessionValue


@dataclass(frozen=True)
class Group:
    """Widgets under one heading.

    Attributes:
        title: the heading, marked for translation.
        names: the independent fields; dependent ones follow the field they depend on.
        expanded: whether the group is open at first.
    """

    title: str
    names: tuple[str, ...]
    expanded: bool = True


GROUPS = (
    Group(
        N_("Network"),
        (
            "architecture",
            "depth",
            "width",
            "widths",
            "channels",
            "heads",
            "activation",
            "connection",
            "norm_placement",
            "residual_scale",
            "readout",
        ),
    ),
    Group(N_("Images"), ("image_size", "kernel", "padding", "downsampling")),
    Group(N_("Weights"), ("initialization", "weight_std", "scaled_output")),
    Group(N_("Normalization"), ("normalization",)),
    Group(
        N_("Data and loss"),
        ("source", "scale", "offset", "batch_size", "targets", "loss", "seed"),
        expanded=False,
    ),
    Group(N_("Precision and device"), ("dtype", "device"), expanded=False),
    Group(N_("Step"), ("learning_rate", "clip_norm"), expanded=False),
)


def draw_group(
    form: Form[Any],
    group: Group,
    key: str,
    *,
    expanded: bool | None = None,
    draw: DrawField | None = None,
) -> None:
    """Draw a group that can be folded; without any field that exists, draw nothing.

    Args:
        form: the settings.
        group: its heading and fields.
        key: of the box in the session.
        expanded: whether it is open at first, instead of ``group.expanded``.
        draw: draws the widget of a field; ``draw_field`` if left out.
    """
    if not any(form.find_spec(name) for name in group.names):
        return
    box = st.expander(
        _(group.title),
        expanded=group.expanded if expanded is None else expanded,
        key=key,
        on_change="rerun",
    )
    if box.open:  # what is not seen is not sent: every element costs time per key press
        with box:
            draw_fields(form, group.names, draw=draw)


def make_experiment_form(
    key: str,
    *,
    make_default: Callable[[], Experiment] = Experiment,
    presets: Mapping[str, Experiment] | None = None,
    follow: Callable[[bool], None] | None = None,
) -> Form[Experiment]:
    """Make a form for an experiment.

    Another architecture brings its own settings, and keeps those that both understand; back
    again, its own come back.
    """
    return Form(
        key,
        EXPERIMENTS,
        make_default,
        presets=presets or {},
        complete=remember_architectures(f"{key}:architectures"),
        follow=follow,
    )


def select_settings(form: Form[Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Select those of a toolbar's changes that are settings of a form which apply."""
    settings = {name: value for name, value in changes.items() if form.applies(name, changes)}
    if isinstance(settings.get("widths"), str):
        settings["widths"] = codec.parse_widths(settings["widths"])
    return settings


def remember_architectures(key: str) -> Callable[[str, Fields, Fields], Fields]:
    """Make the ``complete`` of a form that keeps the settings of each architecture.

    Targets, loss and readout follow each other (``codec.adapt_choices``).

    Args:
        key: where they lie in the session.
    """
    kept: SessionValue[dict[str, Fields]] = SessionValue(key, dict)

    def switch(name: str, before: Fields, after: Fields) -> Fields:
        old = str(before.get("architecture", Architecture.MLP))
        if name != "architecture" or after[name] == old:
            return codec.adapt_choices(name, after)
        codec.find_network(after)  # raises if there is no such architecture
        new = Architecture(after[name])
        kept.set(kept.get() | {old: before})
        own = kept.get().get(new)
        if own is None:
            return codec.switch_architecture(before, new)
        shared = {
            n: v for n, v in before.items() if n in Experiment.model_fields or n == "batch_size"
        }
        return codec.switch_architecture({**own, **shared}, new)

    return switch
