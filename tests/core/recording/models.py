"""Small models of other people: everything that GradFlow's own networks are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations


class Reused(nn.Module):
    """One module three times, in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(6, 6)
        self.act = nn.ReLU(inplace=True)
        self.readout = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = self.act(self.cell(x))
        return self.readout(x)


class Pieces(nn.Module):
    """Returns a tuple, a dictionary, ``None`` and numbers at once."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)
        self.readout = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor | None], list[Any]]:
        hidden = torch.tanh(self.linear(x))
        return {"logits": self.readout(hidden), "nothing": None}, [hidden, 3, "text", None]


class Writes(nn.Module):
    """Clips its own weight in every forward pass, and counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.linear.weight.clamp_(-0.1, 0.1)
        self.calls += 1
        self.train(not self.training)
        return self.linear(x)


class Replaces(nn.Module):
    """Replaces a buffer by a new tensor instead of writing into it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.register_buffer("mean", torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
        return self.linear(x - self.mean)


class Keywords(nn.Module):
    """Takes keyword arguments; ``scale`` is not a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, *, x: Tensor, scale: float, mask: Tensor | None = None) -> Tensor:
        return scale * self.linear(x if mask is None else x * mask)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.readout = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        mixed, _ = self.attention(
            x[:, None], x[None].expand(len(x), -1, -1), x[None].expand(len(x), -1, -1)
        )
        return self.readout(mixed[:, 0])


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.rnn = kind(2, 5, batch_first=True)
        self.readout = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x.view(len(x), 3, 2))
        return self.readout(out[:, -1])


class Shared(nn.Module):
    """Tied weights: two modules own one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)
        self.second.weight = self.first.weight
        self.readout = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.second(torch.tanh(self.first(x))))


class NoParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x)[:, :3] * 2


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(6, 3)
        self.unused = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


class InPlace(nn.Module):
    """Changes its input, and its hidden signal, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.readout = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x.mul_(2)
        return self.readout(F.relu_(self.first(x)))


def make_frozen(*names: str) -> nn.Module:
    model = make_mlp()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(names))
    return model


def make_mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))


def make_batch_normed() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3))


def make_convolutional() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 3)),
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


def make_transformer() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, 6)),
        nn.TransformerEncoderLayer(6, 2, dim_feedforward=8, batch_first=True),
        nn.Flatten(),
        nn.Linear(6, 3),
    )


def make_embedding() -> nn.Sequential:
    return nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(24, 3))


def make_parametrized(wrap: Callable[[nn.Linear], nn.Module]) -> nn.Sequential:
    return nn.Sequential(wrap(nn.Linear(6, 5)), nn.Tanh(), wrap(nn.Linear(5, 3)))


def draw_floats() -> Tensor:
    return torch.randn(8, 6)


def draw_integers() -> Tensor:
    return torch.randint(10, (8, 6))


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "mlp": (make_mlp, draw_floats),
    "batch norm and dropout": (make_batch_normed, draw_floats),
    "batch norm, evaluation": (lambda: make_batch_normed().eval(), draw_floats),
    "float64": (lambda: make_mlp().double(), lambda: draw_floats().double()),
    "bfloat16": (lambda: make_mlp().bfloat16(), lambda: draw_floats().bfloat16()),
    "reused": (Reused, draw_floats),
    "pieces": (Pieces, draw_floats),
    "writes": (Writes, draw_floats),
    "replaces": (Replaces, draw_floats),
    "keywords": (Keywords, lambda: {"x": draw_floats(), "scale": 2.0, "mask": None}),
    "tuple": (lambda: nn.Bilinear(6, 6, 3), lambda: (draw_floats(), draw_floats())),
    "attention": (Attention, draw_floats),
    "transformer": (make_transformer, draw_floats),
    "transformer, evaluation": (lambda: make_transformer().eval(), draw_floats),
    "lstm": (lambda: Recurrent(nn.LSTM), draw_floats),
    "gru": (lambda: Recurrent(nn.GRU), draw_floats),
    "shared": (Shared, draw_floats),
    "no parameters": (NoParameters, lambda: draw_floats().requires_grad_()),
    "no parameters, plain input": (NoParameters, draw_floats),
    "unused": (Unused, draw_floats),
    "in place": (InPlace, draw_floats),
    "first frozen": (lambda: make_frozen("0."), draw_floats),
    "all but the last frozen": (lambda: make_frozen("0.", "2."), draw_floats),
    "all frozen": (lambda: make_frozen(""), draw_floats),
    "convolutional": (make_convolutional, draw_floats),
    "embedding": (make_embedding, draw_integers),
    "weight norm": (lambda: make_parametrized(parametrizations.weight_norm), draw_floats),
    "spectral norm": (lambda: make_parametrized(parametrizations.spectral_norm), draw_floats),
    "linear alone": (lambda: nn.Linear(6, 3), draw_floats),
    "no bias": (lambda: nn.Linear(6, 3, bias=False), draw_floats),
}


def compute_loss(output: Any, targets: Tensor) -> Tensor:
    """Cross-entropy of whatever a model returns."""
    if isinstance(output, tuple):
        output = output[0]["logits"]
    return F.cross_entropy(output.float(), targets)
