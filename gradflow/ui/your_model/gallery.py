"""The gallery: reports of well-known models, sound and sick (``scripts/make_gallery.py``)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gradflow.core.report import Report
from gradflow.core.text import N_
from gradflow.ui.explore.subject import SavedReport, name_report

_FOLDER = Path(__file__).with_name("gallery")


@dataclass(frozen=True)
class GalleryItem:
    """One report of the gallery.

    Attributes:
        title: what the model is.
        look_for: one sentence on what there is to see.
        cause: of one that can be better, why it is so.
        cure: the line of code that makes what it is compared with, where no advice is given
            because the verdict is healthy.
        rival: the code of the report to compare it with.
    """

    title: str
    look_for: str
    rival: str
    cause: str = ""
    cure: str = ""


GALLERY: dict[str, GalleryItem] = {
    "resnet_plain": GalleryItem(
        N_("ResNet-34, shortcut forgotten"),
        N_(
            "The gradient sinks by thirteen decades on its way back, and the signal dies on its "
            "way forward: layer1 learns nothing."
        ),
        "resnet",
        N_(
            "Without the shortcut each block multiplies signal and gradient by its weights and "
            "slopes alone, and PyTorch's default weights are too small for ReLU. No batch norm "
            "puts the scale back."
        ),
    ),
    "resnet": GalleryItem(
        N_("ResNet-34"),
        N_(
            "The gradient hardly changes through 16 blocks: the shortcuts carry it. Each stage "
            "has a level of its own, because batch norm sets a new scale."
        ),
        "resnet_plain",
    ),
    "post_ln": GalleryItem(
        N_("Transformer, post-LN"),
        N_(
            "Nearly flat, and called healthy: the first block gets four tenths of what the last "
            "gets. That such models need a warm-up, a first pass does not show. By kind, each "
            "matrix has its own level."
        ),
        "pre_ln",
        N_(
            "The normalization behind each addition divides what the shortcut carries as well, on "
            "the way back in every block: here by little, × 0.93 per block. With many blocks such "
            "models are trained with a warm-up."
        ),
        "nn.TransformerEncoderLayer(width, heads, norm_first=True)",
    ),
    "pre_ln": GalleryItem(
        N_("Transformer, pre-LN"),
        N_(
            "The stream grows from block to block, and its gradient keeps its size: nothing "
            "stands in the way of the shortcut."
        ),
        "post_ln",
    ),
    "lstm": GalleryItem(
        N_("Six LSTM layers"),
        N_(
            "The signal shrinks in every layer until all inputs look alike to the head, and the "
            "gradient sinks to the left."
        ),
        "lstm_shortcut",
        N_(
            "An LSTM gives out σ(o)·tanh(c), about a quarter of what comes in: gates begin half "
            "open, and PyTorch's default weights are small. Six layers on each other leave a "
            "thousandth."
        ),
    ),
    "lstm_shortcut": GalleryItem(
        N_("Six LSTM layers with shortcuts"),
        N_("The same layers, each with a shortcut around it: signal and gradient arrive."),
        "lstm",
    ),
}
"""By the code in the page's address."""
OPENING = "resnet_plain"


@cache
def load_item(code: str) -> tuple[SavedReport, Report]:
    """Load a report of the gallery, which stays in memory."""
    content = gzip.decompress((_FOLDER / f"{code}.json.gz").read_bytes())
    report = Report.from_json(content)
    return name_report(content, report), report
