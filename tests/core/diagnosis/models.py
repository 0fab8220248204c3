"""Small models of the shapes that people train, and that start well."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(outputs)]


class Basic(nn.Module):
    """The block of ResNet-18, or with ``expansion`` 4 the bottleneck of ResNet-50."""

    def __init__(self, inputs: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        outputs = width * expansion
        if expansion == 1:
            parts = [*conv_bn(inputs, width, 3, stride), nn.ReLU(), *conv_bn(width, outputs)]
        else:
            parts = [*conv_bn(inputs, width, 1), nn.ReLU(), *conv_bn(width, width, 3, stride)]
            parts += [nn.ReLU(), *conv_bn(width, outputs, 1)]
        self.branch = nn.Sequential(*parts)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Sequential(*([] if same else conv_bn(inputs, outputs, 1, stride)))

    def forward(self, x: Tensor) -> Tensor:
        return (self.branch(x) + self.shortcut(x)).relu()


class Inverted(nn.Module):
    """The inverted residual of MobileNetV2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = 6 * inputs
        self.branch = nn.Sequential(
            *conv_bn(inputs, inner, 1),
            nn.ReLU6(),
            *conv_bn(inner, inner, 3, stride, inner),
            nn.ReLU6(),
            *conv_bn(inner, outputs, 1),
        )
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out = self.branch(x)
        return x + out if self.same else out


class DenseLayer(nn.Module):
    """One layer of DenseNet, which adds its channels to those that it sees."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm, self.act = nn.BatchNorm2d(inputs), nn.ReLU()
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(self.act(self.norm(x)))], 1)


class Attention(nn.Module):
    """A block of a LLaMA-like decoder: separate projections, a gated perceptron, pre-norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(width, width, bias=False))
        self.gate_proj, self.up_proj = (nn.Linear(width, 3 * width, bias=False) for _ in range(2))
        self.down_proj = nn.Linear(3 * width, width, bias=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        q, k, v = self.q_proj(y), self.k_proj(y), self.v_proj(y)
        x = x + self.o_proj(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True))
        y = self.norm2(x)
        return x + self.down_proj(nn.functional.silu(self.gate_proj(y)) * self.up_proj(y))


def finish(parts: list[nn.Module], width: int, classes: int) -> nn.Sequential:
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


def make_resnet(expansion: int, blocks: tuple[int, ...] = (2, 2, 2, 2)) -> nn.Sequential:
    parts, inputs = [*conv_bn(3, 16), nn.ReLU()], 16
    for stage, count in enumerate(blocks):
        for index in range(count):
            stride = 2 if stage and not index else 1
            parts.append(Basic(inputs, 8 * 2**stage, stride, expansion))
            inputs = 8 * 2**stage * expansion
    return finish(parts, inputs, 1000)


def make_vgg() -> nn.Sequential:
    parts, inputs = [], 3
    for outputs, pool in ((16, 0), (16, 1), (32, 0), (32, 1), (64, 0), (64, 0), (64, 1)):
        parts += [*conv_bn(inputs, outputs), nn.ReLU(), *([nn.MaxPool2d(2)] if pool else [])]
        inputs = outputs
    head = [nn.Flatten(), nn.Linear(64 * 16, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    return nn.Sequential(*parts, *head, nn.Linear(256, 100))


def make_mobilenet() -> nn.Sequential:
    sizes = ((8, 8, 1), (8, 12, 2), (12, 12, 1), (12, 16, 2), (16, 16, 1), (16, 16, 1))
    return finish([*conv_bn(3, 8), nn.ReLU6(), *(Inverted(*s) for s in sizes)], 16, 100)


def make_densenet() -> nn.Sequential:
    parts: list[nn.Module] = [*conv_bn(3, 16), nn.ReLU()]
    inputs = 16
    for stage in range(3):
        for _ in range(4):
            parts.append(DenseLayer(inputs, 8))
            inputs += 8
        if stage < 2:
            parts += [*conv_bn(inputs, inputs // 2, 1), nn.AvgPool2d(2)]
            inputs //= 2
    return finish([*parts, nn.BatchNorm2d(inputs), nn.ReLU()], inputs, 100)


class Decoder(nn.Module):
    """Tokens, decoder blocks, and logits over the vocabulary."""

    def __init__(self, blocks: int, width: int = 32, words: int = 200) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Attention(width) for _ in range(blocks))
        self.norm, self.head = nn.RMSNorm(width), nn.Linear(width, words, bias=False)
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)).flatten(0, 1)


IMAGE_MODELS = {
    "ResNet-18": lambda: make_resnet(1),
    "ResNet-50": lambda: make_resnet(4, (3, 4, 6, 3)),
    "VGG-BN": make_vgg,
    "MobileNet": make_mobilenet,
    "DenseNet": make_densenet,
}
