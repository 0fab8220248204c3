"""Make the reports of the gallery on the page Your model: a few well-known models, sound and sick.

    PYTHONPATH=. python scripts/make_gallery.py

Each is an ordinary PyTorch model as people write it, recorded by ``gradflow.probe`` on a made-up
batch; the same seed gives the same numbers. The page says of each what to look for
(``gradflow/ui/your_model/gallery.py``).
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import gradflow as gf

FOLDER = Path(__file__).parents[1] / "gradflow" / "ui" / "your_model" / "gallery"
CLASSES, WORDS = 10, 64


class BasicBlock(nn.Module):
    """Two convolutions with batch normalization and, if it is not forgotten, the shortcut."""

    def __init__(self, channels_in: int, channels: int, has_shortcut: bool) -> None:
        super().__init__()
        stride = channels // channels_in
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels) if has_shortcut else nn.Identity()
        self.bn2 = nn.BatchNorm2d(channels) if has_shortcut else nn.Identity()
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            if has_shortcut and stride > 1
            else nn.Identity()
        )
        self.has_shortcut = has_shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block's output."""
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.downsample(x) if self.has_shortcut else out)


class ResNet(nn.Module):
    """A ResNet-34, narrow: blocks (3, 4, 6, 3) with 8, 16, 32 and 64 channels."""

    def __init__(self, has_shortcut: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(8) if has_shortcut else nn.Identity()
        channels = 8
        for stage, (width, count) in enumerate(((8, 3), (16, 4), (32, 6), (64, 3)), 1):
            blocks = []
            for _ in range(count):
                blocks.append(BasicBlock(channels, width, has_shortcut))
                channels = width
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits."""
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in (1, 2, 3, 4):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class TransformerModel(nn.Module):
    """A language model of PyTorch's own encoder layers, initialized as ``nn.Transformer`` is."""

    def __init__(self, norm_first: bool, blocks: int = 16, width: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, width)
        self.positions = nn.Parameter(0.02 * torch.randn(24, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, 4, 4 * width, dropout=0, batch_first=True, norm_first=norm_first
            )
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(width) if norm_first else nn.Identity()
        self.lm_head = nn.Linear(width, WORDS)
        for parameter in self.blocks.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of each place."""
        h = self.embedding(x) + self.positions
        for block in self.blocks:
            h = block(h)
        return self.lm_head(self.norm(h))


class LSTMModel(nn.Module):
    """A language model of LSTM layers on each other, with or without shortcuts around them."""

    def __init__(self, has_shortcut: bool, layers: int = 6, width: int = 64) -> None:
        super().__init__()
        self.has_shortcut = has_shortcut
        self.embedding = nn.Embedding(WORDS, width)
        self.layers = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(layers))
        self.lm_head = nn.Linear(width, WORDS)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of each place."""
        h = self.embedding(x)
        for layer in self.layers:
            out, _state = layer(h)
            h = h + out if self.has_shortcut else out
        return self.lm_head(h)


def draw_images() -> tuple[Tensor, Tensor]:
    """Draw images and their classes."""
    return torch.randn(32, 3, 16, 16), torch.randint(CLASSES, (32,))


def draw_words() -> tuple[Tensor, Tensor]:
    """Draw sequences, and the words that follow."""
    words = torch.randint(WORDS, (16, 25))
    return words[:, :-1], words[:, 1:]


def compute_loss(logits: Tensor, words: Tensor) -> Tensor:
    """Compute the cross entropy of all places."""
    return F.cross_entropy(logits.flatten(0, 1), words.flatten())


MODELS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "resnet_plain": ("ResNet-34, its shortcut forgotten", lambda: ResNet(False)),
    "resnet": ("ResNet-34", lambda: ResNet(True)),
    "post_ln": ("Transformer, 16 blocks, post-LN", lambda: TransformerModel(False)),
    "pre_ln": ("Transformer, 16 blocks, pre-LN", lambda: TransformerModel(True)),
    "lstm": ("Six LSTM layers", lambda: LSTMModel(False)),
    "lstm_shortcut": ("Six LSTM layers with shortcuts", lambda: LSTMModel(True)),
}


def main() -> None:
    """Make all files."""
    FOLDER.mkdir(exist_ok=True)
    for name, (title, make) in MODELS.items():
        torch.manual_seed(0)
        model = make()
        is_image = name.startswith("resnet")
        inputs, targets = draw_images() if is_image else draw_words()
        loss = F.cross_entropy if is_image else compute_loss
        passes = [gf.probe(model, inputs, targets, loss=loss, title=title) for _ in range(3)]
        report = min(passes, key=lambda report: report.seconds)  # the others warm up
        content = report.to_json().encode()
        path = FOLDER / f"{name}.json.gz"
        path.write_bytes(gzip.compress(content, mtime=0))
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {gf.findings(report)[0].text}")  # noqa: T201


if __name__ == "__main__":
    main()
