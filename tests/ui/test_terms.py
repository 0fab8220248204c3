"""Terms explain themselves where they stand."""

import html
import re

from gradflow.ui.blocks import read_text
from gradflow.ui.terms import TERMS, mark_terms


def list_marked(markdown: str) -> list[str]:
    return re.findall(r'<span class="gf-term"[^>]*>([^<]*)</span>', markdown)


def test_the_first_place_of_each_term_is_marked() -> None:
    text = "A **dead** unit, dead for χ₁ < 1 and q* = 2; on the edge of chaos χ₁ = 1."
    marked = mark_terms(text)
    assert list_marked(marked) == ["dead", "χ₁", "q*", "edge of chaos"]
    assert html.escape(TERMS["χ₁"]) in marked
    assert re.sub(r"</?span[^>]*>", "", marked) == text


def test_formulas_code_links_and_parts_of_words_are_left_alone() -> None:
    text = "$\\chi$ and $δ$, `dead`, [dead](https://a.b/dead), deadly, $$\nRMS\n$$"
    assert mark_terms(text) == text


def test_the_long_texts_have_terms() -> None:
    assert list_marked(mark_terms(read_text("verdict_collapsed"))) == ["q*", "χ₁", "dead"]
