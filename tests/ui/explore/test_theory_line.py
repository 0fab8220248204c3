"""What Explore says of theory, for each architecture."""

import re
from typing import Any

import pytest

from gradflow.core.codec import from_fields
from gradflow.ui import blocks
from gradflow.ui.explore.overlays import explain_theory
from gradflow.ui.terms import mark_terms


@pytest.mark.parametrize(
    ("fields", "words", "terms"),
    [
        (
            {"activation": "relu", "initialization": "pytorch"},
            "by 0.333 (weights, n·Var W) × 0.5 (slopes, E φ′²) = χ₁, so ‖δ‖ by √χ₁ = 0.408",
            ["χ₁", "δ", "n·Var W", "E φ′²", "ξ", "q*"],
        ),
        ({}, "critical, the edge of chaos", ["χ₁", "edge of chaos", "δ", "n·Var W", "E φ′²"]),
        ({"architecture": "conv"}, "it depends on the place in the image", ["δ"]),
        ({"architecture": "transformer"}, "the residual stream grows by", ["residual stream"]),
        ({"connection": "dense"}, "comes back on more than one way", ["δ"]),
        ({"widths": (64, 128, 96, 64)}, "its hidden layers differ", ["δ"]),
        ({"initialization": "zeros"}, "**No theory** for this setting", []),
    ],
    ids=str,
)
def test_theory_explains_itself(
    fields: dict[str, Any], words: str, terms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(blocks, "write_text", said.append)
    explain_theory(from_fields({"device": "cpu"} | fields))
    (text,) = said
    assert words in text
    assert re.findall(r'<span class="gf-term"[^>]*>([^<]*)</span>', mark_terms(text)) == terms
