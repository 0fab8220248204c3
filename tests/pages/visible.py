"""All texts that an app sends to its browser to be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pyarrow as pa
from google.protobuf.message import Message
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

Shown = tuple[str, str]
"""Where a text is shown, and the text."""

_MESSAGES = {"delta", "navigation", "page_config_changed"}
_FIELDS = {
    "about_section_md",
    "alt",
    "body",
    "captions",
    "content",
    "delta",
    "format",
    "help",
    "label",
    "message",
    "options",
    "page_name",
    "placeholder",
    "section_header",
    "sections",
    "text",
    "title",
}
"""Fields of a message that a browser shows."""
_FIGURE_FIELDS = {
    "customdata",
    "hovertemplate",
    "hovertext",
    "label",
    "labels",
    "name",
    "prefix",
    "suffix",
    "text",
    "texttemplate",
    "tickprefix",
    "ticksuffix",
    "ticktext",
    "title",
    "x",
    "y",
}
"""Fields of a figure that a browser shows."""


_FENCE = re.compile(r"^`+ | `+$", re.MULTILINE)
"""Around what an error says (``blocks.quote_markdown``)."""


def walk_messages(messages: list[ForwardMsg]) -> Iterator[Shown]:
    """Walk all texts in messages to a browser."""
    for message in messages:
        if message.WhichOneof("type") in _MESSAGES:
            yield from _walk_message(message)


_COMPONENT_TEXTS = {
    *("alt", "fullscreen", "keys"),  # figures
    *("word", "headline", "loss", "chip", "cause", "lesson", "cures"),  # the line above one
    *("pulse", "trying", "undo", "before", "open"),  # its buttons
    *("back", "on", "measured", "theory"),  # one layer
    *("course", "cost", "apply", "tap", "fold"),  # panels of cures
    *("waiting", "running", "progress", "failed", "large"),  # and what training them comes to
    *("label", "help", "exact", "reset"),  # a toolbar
    *("line", "look", "title", "close", "count", "text"),  # networks to start from, the tour
    *("start", "resume", "back", "next", "done", "leave"),  # its buttons
    "about",  # a point of a board
    *("run", "none"),  # a prediction
}
"""What our components show besides figures."""


def _walk_component(component: Message) -> Iterator[Shown]:
    """Walk a figure of ours, a toolbar, or networks to start from."""
    head, _line_feed, spec = component.bytes.partition(b"\n")
    yield from _walk_words(json.loads(head or component.json))
    if spec:
        yield from _walk_figure(json.loads(spec))


def _walk_words(part: Any) -> Iterator[Shown]:
    for name, value in part.items() if isinstance(part, dict) else enumerate(part):
        if name in _COMPONENT_TEXTS and isinstance(value, str):
            yield f"component.{name}", value
        elif name in ("texts", "names"):  # of a board
            texts = value.values() if isinstance(value, dict) else value
            yield from ((f"component.{name}", text) for text in texts)
        elif name == "options":
            yield from (("component.option", str(label)) for _code, label in value)
        elif isinstance(value, (dict, list)):
            yield from _walk_words(value)


def _walk_message(message: Message) -> Iterator[Shown]:
    for field, value in message.ListFields():
        if field.name == "bidi_component":
            yield from _walk_component(value)
        elif field.name == "arrow_data":
            yield from _walk_table(value.data)
            if value.styler.display_values:
                yield from _walk_table(value.styler.display_values)
        elif field.message_type is not None:
            is_map = field.message_type.GetOptions().map_entry
            for part in () if is_map else value if field.is_repeated else [value]:
                yield from _walk_message(part)
        elif field.name in _FIELDS and field.type == field.TYPE_STRING:
            place = f"{message.DESCRIPTOR.name}.{field.name}"
            texts = value if field.is_repeated else [value]
            yield from ((place, _FENCE.sub("", text)) for text in texts)


def _walk_figure(figure: dict[str, Any]) -> Iterator[Shown]:
    has_legend = figure["layout"].get("showlegend", True)
    frames = [trace for frame in figure.get("frames", ()) for trace in frame.get("data", ())]
    for trace in [*figure["data"], *frames]:
        named = (has_legend and trace.get("showlegend", True)) or _shows_name_on_hover(trace)
        yield from _walk_part({n: p for n, p in trace.items() if n != "name" or named}, "trace")
    # Shapes and annotations have names for our own use.
    for name, part in figure["layout"].items():
        parts = part if name in ("shapes", "annotations") else [part]
        for item in parts:
            shown = {n: p for n, p in item.items() if n != "name"} if part is parts else item
            yield from _walk_part(shown, f"layout.{name}")


def _shows_name_on_hover(trace: dict[str, Any]) -> bool:
    template = trace.get("hovertemplate", "")
    return trace.get("hoverinfo") != "skip" and "<extra></extra>" not in template


_NAMED_BY_CODE = ("layout.shapes", "layout.annotations")
"""Parts whose names are for scripts."""


def _walk_part(part: Any, place: str) -> Iterator[Shown]:
    if isinstance(part, str):
        if place.rpartition(".")[2] in _FIGURE_FIELDS:
            yield f"figure.{place}", part
    elif isinstance(part, list):
        for item in part:
            yield from _walk_part(item, place)
    elif isinstance(part, dict):
        for name, item in part.items():
            is_code = name == "name" and place in _NAMED_BY_CODE
            if name not in ("template", "bdata") and not is_code:
                yield from _walk_part(item, f"{place}.{name}")


def _walk_table(data: bytes) -> Iterator[Shown]:
    table = pa.ipc.open_stream(BytesIO(data)).read_pandas()
    for column in table.columns:
        yield "column", str(column)
        yield from (("cell", cell) for cell in table[column] if isinstance(cell, str))


_NO_WORDS = re.compile(
    r":material/\w+:"  # icons
    r"|`[^`]*`"  # code
    r"|<style>.*?</style>|<[^<>]*>|&\w+;"  # HTML
    r"|\]\([^)]*\)|https?://\S+"  # addresses
    r"|%?\{[^{}]*\}|%[.\d]*[a-z]"  # places for values
    r"|\$\$.*?\$\$|\$.*?\$"  # formulas
    r"|\b\w*[\d_]\w*\b|\b\w+(?:\.\w+)+\b",  # codes: float16, weight_norm, readout.weight
    re.DOTALL,
)
_NO_PROSE = re.compile(
    r"%\{[^{}]*\}|`[^`]*`|```.*?```|\$\$.*?\$\$|\$.*?\$|<style>.*?</style>|<[^<>]*>|\]\([^)]*\)|https?://\S+",
    re.DOTALL,
)
_MIXED_UP = re.compile(
    r"\d[eE][-+−]?\d"  # 1e-14
    r"|(?:^|[\s(=×])-\d"  # a hyphen as a minus
    r"|\d\s?\*\s?10|10\^[-−]?\d"  # 1.6*10, 10^-14
    r"|[\u00b5\u2219\u22c5\u2126]"  # micro, bullet operator, dot operator, ohm
    r"|\d[ \u00a0\u202f]%"  # 45 %
)


def list_mixed_up_numbers(text: str) -> list[str]:
    """List what in a text is no number as this app writes them: 1.6·10⁻¹⁴, −3, 45%."""
    return _MIXED_UP.findall(_NO_PROSE.sub(" ", text))


_WORDS_IN_FORMULA = re.compile(r"(?<!_\{)\\text(?:rm|bf|it)?\{([^{}]*)\}")
"""Subscripts are symbols."""


def list_english_words(text: str) -> set[str]:
    """List the words of two letters or more in what a user sees of a text."""
    text = text.replace("\\_", "_")
    formulas = re.findall(r"\$.*?\$", text.replace("$$", "$"), re.DOTALL)
    parts = [p for formula in formulas for p in _WORDS_IN_FORMULA.findall(formula)]
    return set(re.findall(r"[A-Za-z]{2,}", " ".join([*parts, _NO_WORDS.sub(" ", text)])))
