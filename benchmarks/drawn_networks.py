"""Networks drawn at random, sick and sound ones, to compare verdicts with what training does.

Most come from the catalog; the others are small models as people write them, each with the one
thing that is often wrong (or only looks wrong) in it. All take 64 numbers and give 10 logits.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import gradflow as gf
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network

FEATURES, CLASSES = 64, 10
Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class DrawnNetwork:
    """A network at its start.

    Attributes:
        name: says what it is.
        model: the module.
        experiment: its settings, if it is one of the catalog.
        transform: what happens to the standardized inputs before they enter.
        stackable: whether all its modules work on the last dimension, so that many copies can be
            trained as one.
    """

    name: str
    model: nn.Module
    experiment: gf.Experiment | None = None
    transform: Transform = lambda x: x
    stackable: bool = True


def draw_networks(count: int, seed: int) -> list[DrawnNetwork]:
    """Draw ``count`` networks: three of four from the catalog, the rest hand-written."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    by_hand = [HAND_WRITTEN[i % len(HAND_WRITTEN)] for i in range(count // 4)]
    drawn = [draw(rng) for draw in by_hand]
    while len(drawn) < count:
        network = _draw_from_catalog(rng)
        if network is not None:
            drawn.append(network)
    return drawn


def _draw_from_catalog(rng: random.Random) -> DrawnNetwork | None:
    kind = rng.choices(["mlp", "conv", "transformer"], [84, 10, 6])[0]
    try:
        spec = {"mlp": _draw_mlp, "conv": _draw_conv, "transformer": _draw_transformer}[kind](rng)
        experiment = gf.Experiment(
            network=spec, data=gf.Data(batch_size=128), seed=rng.randrange(1000), device="cpu"
        )
    except gf.InvalidExperiment:
        return None
    inputs, _ = draw_batch(experiment.data, experiment.seed)
    name = f"{kind} {_describe(spec)}"
    model = build_network(experiment, inputs)
    return DrawnNetwork(name, model, experiment, stackable=kind == "mlp")


def _describe(spec: gf.MLP) -> str:
    fields = spec.model_dump(exclude_defaults=True, mode="json")
    return " ".join(f"{name}={value}" for name, value in fields.items())


def _draw_mlp(rng: random.Random) -> gf.MLP:
    depth = round(math.exp(rng.uniform(math.log(2), math.log(60))))
    return gf.MLP(
        depth=depth,
        width=rng.choice([16, 24, 32, 48]),
        connection=rng.choices(
            ["plain", "residual", "preactivation", "dense" if depth < 12 else "plain"],
            [60, 16, 16, 8],
        )[0],
        zero_last=False,
        **_draw_layers(rng),
    )


def _draw_conv(rng: random.Random) -> gf.ConvNet:
    settings = {"depth": rng.randint(3, 10), "channels": 8, **_draw_layers(rng)}
    return gf.ConvNet(connection=rng.choice(["plain", "plain", "residual"]), **settings)


def _draw_transformer(rng: random.Random) -> gf.Transformer:
    return gf.Transformer(
        depth=rng.randint(1, 4),
        width=16,
        heads=2,
        norm_placement=rng.choice(["pre", "post", "none"]),
        weight_std=rng.choice([0.02, 0.1, 0.25, 0.5]),
    )


def _draw_layers(rng: random.Random) -> dict[str, object]:
    weights: dict[str, object] = rng.choice(
        [
            {"initialization": "xavier_normal"},
            {"initialization": "kaiming_normal"},
            {"initialization": "pytorch"},
            {"initialization": "orthogonal"},
            {"initialization": "normal", "init_std": 10 ** rng.uniform(-2.0, 0.0)},
            {"initialization": "normal", "init_std": 10 ** rng.uniform(-1.3, -0.3)},
            {"initialization": "constant", "init_value": 0.02},
        ]
    )
    names = ["tanh", "relu", "sigmoid", "gelu", "leaky_relu", "elu", "selu", "softplus", "hardtanh"]
    norm = rng.choices(["none", "batch", "layer", "rms"], [68, 14, 12, 6])[0]
    return {"activation": rng.choice(names), "normalization": norm, **weights}


def make_chain(
    depth: int,
    width: int = 32,
    activation: Callable[[], nn.Module] = nn.ReLU,
    std: Callable[[int], float] | None = None,
) -> nn.Sequential:
    """Make a plain network; ``std(layer)`` is in units of He's standard deviation.

    Without it the weights are those that PyTorch draws by default.
    """
    sizes = [FEATURES, *[width] * (depth - 1), CLASSES]
    modules: list[nn.Module] = []
    for index in range(depth):
        linear = nn.Linear(sizes[index], sizes[index + 1])
        if std is not None:
            nn.init.normal_(linear.weight, std=std(index) * math.sqrt(2 / sizes[index]))
            nn.init.zeros_(linear.bias)
        modules.append(linear)
        if index < depth - 1:
            modules.append(activation())
    return nn.Sequential(*modules)


class Residual(nn.Module):
    """h + branch(h)."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape of ``x``."""
        out: Tensor = x + self.branch(x)
        return out


class LowRank(nn.Module):
    """A frozen layer plus B·A with B = 0 (LoRA)."""

    def __init__(self, inputs: int, outputs: int, rank: int = 16) -> None:
        super().__init__()
        self.base = nn.Linear(inputs, outputs).requires_grad_(False)
        self.a, self.b = nn.Linear(inputs, rank), nn.Linear(rank, outputs)
        nn.init.zeros_(self.b.weight)
        nn.init.zeros_(self.b.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(…, inputs)`` to ``(…, outputs)``."""
        out: Tensor = self.base(x) + self.b(self.a(x))
        return out


class Detached(nn.Module):
    """Cut the graph."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` without its history."""
        return x.detach()


def _build_he(_layer: int) -> float:
    return 1.0


def _make_zero_readout(rng: random.Random) -> DrawnNetwork:
    model = make_chain(rng.randint(3, 10), std=_build_he)
    factor = rng.choice([0.0, 0.0, 1e-4, 100.0])
    model[-1].weight.data.mul_(factor)
    return DrawnNetwork(f"readout x{factor:g} d{len(model) // 2 + 1}", model)


def _make_low_rank(rng: random.Random) -> DrawnNetwork:
    depth = rng.randint(2, 4)
    layers = [m for i in range(depth) for m in (LowRank(FEATURES if not i else 32, 32), nn.ReLU())]
    return DrawnNetwork(f"lora d{depth}", nn.Sequential(*layers, nn.Linear(32, CLASSES)))


def _make_residual(rng: random.Random) -> DrawnNetwork:
    blocks, zero = rng.randint(3, 16), rng.random() < 0.5
    norm = rng.choice([nn.LayerNorm, nn.BatchNorm1d])
    parts: list[nn.Module] = [nn.Linear(FEATURES, 32)]
    for _ in range(blocks):
        branch = nn.Sequential(norm(32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32))
        if zero:
            nn.init.zeros_(branch[-1].weight)
        parts.append(Residual(branch))
    model = nn.Sequential(*parts, nn.Linear(32, CLASSES))
    return DrawnNetwork(f"residual {norm.__name__} x{blocks}{' zero branch' * zero}", model)


def _make_uneven(rng: random.Random) -> DrawnNetwork:
    depth, first = rng.randint(7, 20), rng.choice([0.1, 0.25, 0.5, 2.0, 4.0, 10.0])
    half = depth // 2
    model = make_chain(
        depth, std=lambda i: first if i < half else 1 / first if i < depth - 1 else 1
    )
    return DrawnNetwork(f"relu d{depth} std x{first:g} then x{1 / first:g}", model)


def _make_tanh(rng: random.Random) -> DrawnNetwork:
    depth, factor = rng.randint(3, 14), rng.choice([0.5, 1.0, 3.0, 4.0])
    model = make_chain(depth, activation=nn.Tanh, std=lambda i: factor)
    return DrawnNetwork(f"tanh d{depth} std x{factor:g}", model)


def _make_sigmoid(rng: random.Random) -> DrawnNetwork:
    depth = rng.randint(2, 8)
    return DrawnNetwork(f"sigmoid default d{depth}", make_chain(depth, activation=nn.Sigmoid))


def _make_negative_biases(rng: random.Random) -> DrawnNetwork:
    bias = rng.choice([-0.5, -1.0, -2.0, -4.0])
    model = make_chain(4, std=_build_he)
    for linear in model[:-1:2]:
        linear.bias.data.fill_(bias)
    return DrawnNetwork(f"relu d4 bias {bias:g}", model)


def _make_scaled_inputs(rng: random.Random) -> DrawnNetwork:
    scale, offset = rng.choice([(1e-3, 0.0), (100.0, 0.0), (6.0, 5.0), (1.0, 50.0), (0.1, 0.0)])
    depth = rng.randint(4, 8)
    model = make_chain(depth, std=_build_he)
    return DrawnNetwork(
        f"inputs x{scale:g} + {offset:g} relu d{depth}",
        model,
        transform=lambda x: scale * x + offset,
    )


def _make_cut(rng: random.Random) -> DrawnNetwork:
    model = make_chain(6, std=_build_he)
    if rng.random() < 0.5:
        model.insert(6, Detached())
        return DrawnNetwork("detach after 3 of 6", model)
    model[:6].requires_grad_(False)
    return DrawnNetwork("3 of 6 frozen", model)


def _make_misused_readout(rng: random.Random) -> DrawnNetwork:
    last = rng.choice([nn.Softmax(-1), nn.ReLU(), nn.Sigmoid()])
    model = make_chain(rng.randint(3, 6), std=_build_he).append(last)
    return DrawnNetwork(f"{type(last).__name__} on logits", model)


def _make_bottleneck(rng: random.Random) -> DrawnNetwork:
    width = rng.choice([1, 2, 4])
    model = make_chain(7, std=_build_he)
    model[6], model[8] = nn.Linear(32, width), nn.Linear(width, 32)
    nn.init.normal_(model[6].weight, std=math.sqrt(2 / 32))
    nn.init.normal_(model[8].weight, std=math.sqrt(2 / width))
    return DrawnNetwork(f"relu d7 neck {width}", model)


def _make_two_widths(rng: random.Random) -> DrawnNetwork:
    layers, std = rng.randint(4, 10), rng.choice([0.1, 0.15, 0.2])
    sizes = [FEATURES, *[16] * layers, *[128] * layers, CLASSES]
    modules: list[nn.Module] = []
    for index in range(len(sizes) - 1):
        linear = nn.Linear(sizes[index], sizes[index + 1])
        nn.init.normal_(linear.weight, std=std)
        nn.init.zeros_(linear.bias)
        modules += [linear, nn.LeakyReLU()]
    return DrawnNetwork(
        f"16 x{layers} then 128 x{layers} std {std:g}", nn.Sequential(*modules[:-1])
    )


HAND_WRITTEN: tuple[Callable[[random.Random], DrawnNetwork], ...] = (
    *(_make_zero_readout, _make_low_rank, _make_residual, _make_uneven, _make_tanh),
    *(_make_sigmoid, _make_negative_biases, _make_scaled_inputs, _make_cut),
    *(_make_misused_readout, _make_bottleneck, _make_two_widths),
)
"""What draws a hand-written network, each in turn."""
