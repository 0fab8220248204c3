"""Normalization axes: which entries share a mean, and which normalizations are the same."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gradflow.charts.normalization.blocks import blocks_figure
from gradflow.core.numbers import format_count
from gradflow.core.teaching.normalization.sharing import (
    NORMS,
    Norm,
    NormalizedBlock,
    Sets,
    find_coincidences,
    list_block_sets,
    list_divisors,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.normalization.state import BLOCK
from gradflow.ui.settings.fields import draw_allowed, draw_slider
from gradflow.ui.stage import Stage


def show(stage: Stage) -> None:
    """Show four blocks of one tensor, each with the entries that share a mean."""
    spec = BLOCK.read()
    divisions = list_block_sets(spec)
    named = [(_(NORMS[sets.norm].label), sets) for sets in divisions]
    st.markdown(
        _(
            "Solid blue: the entries that share one mean and one variance with the chosen entry, "
            "which is orange. Thick lines: where one such set ends and the next begins."
        )
    )
    figure = blocks_figure(
        named, spec.height * spec.width, spec.sample, spec.channel, mode=blocks.read_mode()
    )
    blocks.show_figure(figure, "normalization_blocks", write_alternative(divisions))
    with stage.details:
        for column, sets in zip(st.columns(len(divisions)), divisions, strict=True):
            column.markdown(write_caption(sets))
        st.markdown("\n\n".join(describe_divisions(spec, divisions)))
        blocks.explain("normalization_sharing")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    for name in ("samples", "channels", "height", "width"):
        draw_slider(BLOCK, name)
    draw_allowed(BLOCK, "groups", list_divisors(BLOCK.read_value("channels")))
    draw_slider(BLOCK, "sample", high=BLOCK.read_value("samples"))
    draw_slider(BLOCK, "channel", high=BLOCK.read_value("channels"))


def write_alternative(divisions: Sequence[Sets]) -> str:
    """Write the figure in words, for those who do not see it."""
    each = "; ".join(
        _("{norm}: {sets} sets of {entries} entries").format(
            norm=_(NORMS[sets.norm].label), sets=sets.count, entries=sets.entries
        )
        for sets in divisions
    )
    return _("Blocks of a tensor, the entries that share one mean in solid blue. ") + each


def write_caption(sets: Sets) -> str:
    """Write the caption of a block: the axes, the formula, the numbers of means and entries."""
    row = NORMS[sets.norm]
    means, entries = {
        Norm.BATCH: ("C", r"N\cdot H\cdot W"),
        Norm.LAYER: ("N", r"C\cdot H\cdot W"),
        Norm.INSTANCE: (r"N\cdot C", r"H\cdot W"),
        Norm.GROUP: (r"N\cdot G", r"\tfrac{C}{G}\cdot H\cdot W"),
    }[sets.norm]
    lines = [
        f"**{_(row.axes)}**",
        f"${row.formula}$",
        _("means: ${sets} = {count}$").format(sets=means, count=sets.count),
        _("entries: ${entries} = {count}$").format(entries=entries, count=sets.entries),
    ]
    return "  \n".join(lines)


def describe_divisions(spec: NormalizedBlock, divisions: list[Sets]) -> list[str]:
    """Say which normalizations coincide, which are degenerate, and what RMS norm does."""
    texts = []
    for norms in find_coincidences(divisions):
        names = [_(NORMS[norm].label).lower() for norm in norms]
        texts.append(
            ":material/join_inner: "
            + _("**{names} are the same here:** {reason}.").format(
                names=(", ".join(names[:-1]) + _(" and ") + names[-1]).capitalize(),
                reason=_explain_coincidence(set(norms), spec),
            )
        )
    lonely = [_(NORMS[sets.norm].label).lower() for sets in divisions if sets.entries == 1]
    if lonely:
        texts.append(
            ":material/warning: "
            + _(
                "**With {names} every entry is alone:** it is its own mean, x − μ = 0, and the "
                "output is β whatever the input."
            ).format(names=_(" and ").join(lonely))
        )
    total = format_count(spec.samples * spec.channels * spec.height * spec.width)
    texts.append(
        _(
            "Each normalization divides the same {total} entries into different sets. **RMS "
            "norm** has the sets of layer norm, but divides by their root mean square and "
            "subtracts no mean."
        ).format(total=total)
    )
    return texts


def _explain_coincidence(norms: set[Norm], spec: NormalizedBlock) -> str:
    reasons = []
    if spec.samples == 1 and Norm.BATCH in norms:
        reasons.append(_("the batch has a single sample"))
    if spec.channels == 1 and Norm.LAYER in norms:
        reasons.append(_("there is a single channel"))
    elif {Norm.LAYER, Norm.GROUP} <= norms:
        reasons.append(_("a single group (G = 1) holds all channels"))
    elif {Norm.INSTANCE, Norm.GROUP} <= norms:
        reasons.append(_("with G = C every channel is a group of its own"))
    return _(", and ").join(reasons)
