"""What a stranger typed is shown as typed: never a link, a picture, a formula or an icon."""

import re

import pytest
import streamlit as st
from hypothesis import example, given
from hypothesis import strategies as some
from markdown_it import MarkdownIt

from gradflow.core.errors import GradflowError
from gradflow.ui import blocks

JOINER = "\u2060"
"""Cannot be seen, and keeps Streamlit from what it replaces even in code."""
PIECES = [
    *("https://evil.example/x", "www.evil.example", "a@evil.example", "//evil.example", "\\"),
    *("[a](//evil.example)", "![a](//evil.example/i)", "<https://evil.example>", "<b>", "&lt;"),
    *("$x^2$", "$$", ":x:", ":material/home:", ":red[a]", "`", "``", "```", "~~~", "**", "_", "|"),
    *(
        "# ",
        "- ",
        "1. ",
        "> ",
        "---",
        "    ",
        "[^1]: ",
        "[a]: //evil.example",
        "--",
        " -> ",
        "#f00",
    ),
]
TYPED = some.lists(some.sampled_from(PIECES) | some.text(max_size=5)).map("".join)


def read_markdown(markdown: str) -> list[list[tuple[str, str]]]:
    """Read Markdown as another program does: paragraphs of pieces, each with its kind."""
    tokens = MarkdownIt("commonmark").enable(["strikethrough", "table"]).parse(markdown)
    kinds = [token.type for token in tokens]
    assert kinds == ["paragraph_open", "inline", "paragraph_close"] * (len(kinds) // 3)
    inline = [token.children or [] for token in tokens if token.type == "inline"]
    return [
        [(p.type, p.content) for p in pieces if (p.type, p.content) != ("text", "")]
        for pieces in inline
    ]


def split_lines(typed: str) -> list[str]:
    return [line for line in typed.replace("\0", "\ufffd").splitlines() if line.strip()]


@given(TYPED)
@example("`")
@example("a `b` ``c")
@example(":material/home:")
@example("\\[a](https://evil.example)")
def test_an_error_shows_what_was_typed_as_code(typed: str) -> None:
    """Nothing has a meaning there: neither to Markdown nor to what browsers add to it."""
    boxes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st, "error", lambda text, icon: boxes.append(text))
        blocks.show_error(GradflowError(f"x{typed}"))
    shown = read_markdown(boxes[0])
    assert [[kind for kind, _text in pieces] for pieces in shown] == [["code_inline"]] * len(shown)
    texts = [pieces[0][1].replace(JOINER, "") for pieces in shown]
    assert texts == split_lines(f"x{typed}".replace(JOINER, ""))
    assert ":material/" not in boxes[0]


@given(TYPED)
@example("Tanh, Xavier normal, 20 layers, width 128, SGD η 10⁻³")
def test_a_name_is_quoted_if_anything_in_it_has_a_meaning(typed: str) -> None:
    name = " ".join(split_lines(typed))
    (pieces,) = read_markdown(f"**A** {blocks.write_name(name)}.")
    inner = pieces[3:]
    assert [kind for kind, _text in pieces[:3]] == ["strong_open", "text", "strong_close"]
    if len(inner) == 1:  # plain text, in which Streamlit finds nothing either
        assert inner[0] == ("text", f" {name}.")
        assert not re.search(r"[:@$<>\\]|www\.|--", name, re.IGNORECASE)
    else:
        assert inner[1] == ("code_inline", inner[1][1])
        assert inner[1][1].replace(JOINER, "") == name.replace(JOINER, "")


def test_names_of_ours_are_not_quoted() -> None:
    for name in ("Tanh, Xavier normal, 20 layers, width 128", "He (normal), η 1.5·10⁻³", "L1 0.1"):
        assert blocks.write_name(name) == name
