"""The page Your model in a real browser: the gallery, one's own file, on a phone as well."""

from itertools import pairwise
from pathlib import Path

import torch
from playwright.sync_api import Page, expect
from torch import nn

import gradflow as gf
from tests.browser.tools import (
    find_button,
    find_figure,
    wait_for_chart,
    wait_for_server,
    write_chart_js,
)

FLOW = write_chart_js("flow")


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(torch.tanh(self.up(x)))


KINDS = ("q_proj", "k_proj", "v_proj", "o_proj", "intermediate_layer_dense", "down_proj")


class LongBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for name in KINDS:
            self.add_module(name, nn.Linear(6, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for name in KINDS:
            x = x + self.get_submodule(name)(x)
        return x


def save_report(path: Path, blocks: int, block: type[nn.Module] = Block) -> Path:
    model = nn.Sequential(nn.Linear(6, 6), nn.Sequential(*(block() for _ in range(blocks))))
    gf.probe(model, torch.randn(8, 6), torch.randint(6, (8,))).save(path)
    return path


def wait_for_columns(page: Page, count: int) -> None:
    page.wait_for_function(
        f"(count) => {FLOW}?.data?.find(({{name}}) => name === 'layers')?.x.length === count",
        arg=count,
    )


def test_the_gallery_opens_a_layer_and_compares(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.goto(f"{app_url}/your-model?report=lstm")
    wait_for_columns(page, 8)
    wait_for_server(page)
    expect(page.locator(".gf-verdict")).to_contain_text("Vanishing")
    expect(find_button(page, "Try cures")).to_have_count(0)
    expect(page.locator(".st-key-your_model_advice").get_by_text("h + branch(h)")).to_be_visible()
    # A layer of a report that was brought opens as one of Explore does.
    find_figure(page, "flow").locator(".gf-plot").focus()
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    panel = page.locator(".gf-dive")
    expect(panel).to_contain_text("Layer 2 of 8")
    expect(panel).to_contain_text("layers.0")
    expect(panel.locator("svg")).to_have_count(2)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Compare with: Six LSTM layers with shortcuts").click()
    wait_for_chart(page, "your_model_norms", 2)
    expect(page.locator(".gf-setting")).to_have_count(2)
    assert [e for e in page_errors if "your-model/_stcore" not in e and "404" not in e] == []


def test_a_file_from_drop_to_folded_blocks_on_a_phone(
    page: Page, app_url: str, page_errors: list[str], tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app_url}/your-model")
    wait_for_columns(page, 34)
    wait_for_server(page)
    (bad := tmp_path / "bad.json").write_text('{"format": "gradflow-report", "version": 9}')
    files = [bad, save_report(tmp_path / "mine.json", 12)]
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)
    wait_for_columns(page, 25)
    expect(page.get_by_text("bad.json: report: format version 9")).to_be_visible()
    wait_for_server(page)
    find_button(page, "View").click()
    page.get_by_text("Blocks, folded").click()
    wait_for_columns(page, 13)
    page.keyboard.press("Escape")
    wait_for_server(page)
    # The seventh column is the sixth block, whose two layers take its place.
    find_figure(page, "flow").locator(".gf-plot").focus()
    for key in (*["ArrowRight"] * 7, "Enter"):
        page.keyboard.press(key)
    wait_for_columns(page, 14)
    find_button(page, "Fold all blocks").click()
    wait_for_columns(page, 13)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert [e for e in page_errors if "your-model/_stcore" not in e and "404" not in e] == []


def test_each_kind_keeps_a_label_on_a_phone_and_none_touches_another(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app_url}/your-model")
    wait_for_columns(page, 34)
    wait_for_server(page)
    file = save_report(tmp_path / "mine.json", 12, LongBlock)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    wait_for_columns(page, 13)  # folded, since there are many
    wait_for_server(page)
    find_button(page, "View").click()
    page.get_by_text("By kind").click()
    wait_for_columns(page, 73)
    ticks = find_figure(page, "flow").locator(".xtick text")
    boxes = []
    for tick in ticks.all():
        box = tick.bounding_box()
        assert box is not None
        boxes.append((box["x"], box["x"] + box["width"], tick.text_content() or ""))
    shown = " ".join(text for _left, _right, text in boxes)
    for start in ("q_", "k_", "v_", "o_", "int", "down"):
        assert start in shown
    boxes.sort()
    for (_left, right, _text), (left, _right, _other) in pairwise(boxes):
        assert right < left
    assert boxes[-1][1] <= 390
