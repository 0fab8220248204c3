"""Which entries share a mean: blocks, formulas, and which normalizations are the same."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.normalization.blocks import blocks_figure
from gradflow.charts.theme import format_count
from gradflow.core.spec import Spec
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
from gradflow.ui.normalization import controls, state
from gradflow.ui.normalization.state import View

_SIZES = ("samples", "channels", "height", "width")


def show() -> Spec:
    """Four blocks of one tensor."""
    _controls()
    spec = state.spec(View.SHARING)
    assert isinstance(spec, NormalizedBlock)
    found = list_block_sets(spec)
    named = [(_(NORMS[one.norm].label), one) for one in found]
    st.caption(
        _(
            "Solid blue: the entries that share one mean and one variance with the chosen entry, "
            "which is orange. Thick lines: where one such set ends and the next begins."
        )
    )
    figure = blocks_figure(
        named, spec.height * spec.width, spec.sample, spec.channel, mode=blocks.mode()
    )
    blocks.show_figure(figure, "normalization_blocks", alternative(found))
    for column, one in zip(st.columns(len(found)), found, strict=True):
        column.markdown(caption(one))
    st.markdown("\n\n".join(sentences(spec, found)))
    blocks.explain("normalization_sharing")
    return spec


def _controls() -> None:
    view = View.SHARING
    for column, name in zip(st.columns(4), _SIZES, strict=True):
        with column:
            controls.slider(view, name)
    values = state.values(view)
    left, middle, right = st.columns(3)
    with left:
        controls.only(view, "groups", list_divisors(values["channels"]))
    with middle:
        controls.up_to(view, "sample", values["samples"])
    with right:
        controls.up_to(view, "channel", values["channels"])


def alternative(found: list[Sets]) -> str:
    """The figure in words."""
    each = "; ".join(
        _("{norm}: {sets} sets of {entries} entries").format(
            norm=_(NORMS[one.norm].label), sets=one.count, entries=one.entries
        )
        for one in found
    )
    return _("Blocks of a tensor, the entries that share one mean in solid blue. ") + each


def caption(one: Sets) -> str:
    """What stands below a block: the axes, the formula, and how many there are of what."""
    row = NORMS[one.norm]
    sets, entries = {
        Norm.BATCH: ("C", r"N\cdot H\cdot W"),
        Norm.LAYER: ("N", r"C\cdot H\cdot W"),
        Norm.INSTANCE: (r"N\cdot C", r"H\cdot W"),
        Norm.GROUP: (r"N\cdot G", r"\tfrac{C}{G}\cdot H\cdot W"),
    }[one.norm]
    lines = [
        f"**{_(row.axes)}**",
        f"${row.formula}$",
        _("means: ${sets} = {count}$").format(sets=sets, count=one.count),
        _("entries: ${entries} = {count}$").format(entries=entries, count=one.entries),
    ]
    return "  \n".join(lines)


def sentences(spec: NormalizedBlock, found: list[Sets]) -> list[str]:
    """What coincides, what is degenerate, and where RMS norm stands."""
    texts = []
    for norms in find_coincidences(found):
        names = [_(NORMS[norm].label).lower() for norm in norms]
        texts.append(
            ":material/join_inner: "
            + _("**{names} are the same here:** {reason}.").format(
                names=(", ".join(names[:-1]) + _(" and ") + names[-1]).capitalize(),
                reason=_reason(set(norms), spec),
            )
        )
    lonely = [_(NORMS[one.norm].label).lower() for one in found if one.entries == 1]
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
            "Each normalization divides the same {total} entries into other sets. **RMS norm** has "
            "the sets of layer norm, but divides by their root mean square and subtracts no mean."
        ).format(total=total)
    )
    return texts


def _reason(norms: set[Norm], spec: NormalizedBlock) -> str:
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
