"""Greedy training of a stack, layer by layer, each on the output of the layers below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gradflow.core.catalog import Activation
from gradflow.core.histogram import FloatArray
from gradflow.core.pretraining.autoencoder import Autoencoder
from gradflow.core.pretraining.digits import PIXELS, split_digits
from gradflow.core.pretraining.rbm import RBM, Uniforms, contrastive_divergence
from gradflow.core.pretraining.spec import Method, Stack
from gradflow.core.text import Text

ImageArray = npt.NDArray[np.float32]
Progress = Callable[[float, Text], None]
"""Called between steps with the share that is done and the present work, in words."""
MOMENTUM = 0.9
EXAMPLE_IMAGES = 12
"""Held-out images that are reconstructed for the eye."""


@dataclass(frozen=True, eq=False)
class TrainedLayer:
    """One layer and the course of its training; arrays begin before the first epoch.

    Attributes:
        layer: the trained machine or autoencoder.
        features: after every epoch, for every hidden unit, its weights from the pixels through
            the layers below, W_l W_{l−1} … W_1, shape ``(epochs + 1, units, 64)``.
        error, held_out_error: mean over images and inputs of (decode(encode(x)) − x)², on the
            images trained on and on those held out, shape ``(epochs + 1,)``.
        free_energy_gap: mean free energy of the held-out inputs minus that of as many of the
            others; it grows while the machine overfits. NaN for autoencoders.
    """

    layer: RBM | Autoencoder
    features: ImageArray
    error: FloatArray
    held_out_error: FloatArray
    free_energy_gap: FloatArray


@dataclass(frozen=True, eq=False)
class PretrainedStack:
    """A trained stack.

    Attributes:
        layers: from the input side.
        originals: some held-out images, shape ``(EXAMPLE_IMAGES, 64)``.
        reconstructions: these images up through the lowest l layers and down again, shape
            ``(layers, EXAMPLE_IMAGES, 64)``.
        pixel_error: mean squared error per pixel of the reconstruction, over all held-out images,
            ``(layers,)``.
        mean_error: that error if the mean of the training images is the reconstruction of all.
    """

    layers: tuple[TrainedLayer, ...]
    originals: ImageArray
    reconstructions: ImageArray
    pixel_error: FloatArray
    mean_error: float


def pretrain(stack: Stack, progress: Progress | None = None) -> PretrainedStack:
    """Train the lowest layer on the images, freeze it, train the next one on its output, and so on.

    Hinton, Osindero & Teh 2006; Bengio et al. 2006. A Boltzmann machine passes on p(h = 1 | v), an
    autoencoder h.

    Args:
        stack: what to train.
        progress: called before every epoch.
    """
    data = split_digits(stack.seed)
    generator = torch.Generator().manual_seed(stack.seed)
    inputs, held_out = data.images, data.held_out_images
    below = torch.eye(PIXELS)
    layers: list[TrainedLayer] = []
    for number in range(1, stack.layers + 1):

        def tell(epoch: int, number: int = number) -> None:
            if progress:
                done = ((number - 1) * stack.epochs + epoch) / (stack.layers * stack.epochs)
                progress(
                    done,
                    Text(
                        "layer {layer} of {layers}, epoch {epoch} of {epochs}",
                        layer=number,
                        layers=stack.layers,
                        epoch=min(epoch + 1, stack.epochs),
                        epochs=stack.epochs,
                    ),
                )

        trained = _train_layer(stack, number, inputs, held_out, below, generator, tell)
        layers.append(trained)
        below = trained.layer.weight @ below
        inputs, held_out = trained.layer.encode(inputs), trained.layer.encode(held_out)
    return _reconstruct(tuple(layers), data.images, data.held_out_images)


def _train_layer(
    stack: Stack,
    number: int,
    inputs: Tensor,
    held_out: Tensor,
    below: Tensor,
    generator: torch.Generator,
    tell: Callable[[int], None],
) -> TrainedLayer:
    layer = _draw_layer(stack, number, inputs, generator)
    optimizer = torch.optim.SGD(layer.parameters(), lr=stack.learning_rate, momentum=MOMENTUM)
    features, errors = [], []
    for epoch in range(stack.epochs + 1):
        features.append((layer.weight @ below).numpy())
        errors.append(_measure_errors(layer, inputs, held_out))
        if epoch == stack.epochs:
            break
        tell(epoch)
        order = torch.randperm(len(inputs), generator=generator)
        for chosen in torch.split(order, stack.batch_size):
            gradients = _compute_gradient(layer, inputs[chosen], stack, generator)
            for parameter, gradient in zip(layer.parameters(), gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
    optimizer.zero_grad()
    error, held_out_error, gap = np.array(errors).T
    return TrainedLayer(layer, np.stack(features), error, held_out_error, gap)


def _draw_layer(
    stack: Stack, number: int, inputs: Tensor, generator: torch.Generator
) -> RBM | Autoencoder:
    if stack.method == Method.RBM:
        return RBM.draw(inputs, stack.width, generator)
    bounded = number == 1 or stack.activation == Activation.SIGMOID
    return Autoencoder.draw(inputs, stack.width, generator, stack.activation, bounded=bounded)


def _compute_gradient(
    layer: RBM | Autoencoder, batch: Tensor, stack: Stack, generator: torch.Generator
) -> list[Tensor]:
    """Compute the direction to step against: autoencoders descend, Boltzmann machines climb."""
    if isinstance(layer, Autoencoder):
        return layer.compute_gradient(batch)
    uniforms = Uniforms.draw(layer, len(batch), stack.k, generator, sampled=stack.sampled)
    return [-climb for climb in contrastive_divergence(layer, batch, uniforms)]


def _measure_errors(
    layer: RBM | Autoencoder, inputs: Tensor, held_out: Tensor
) -> tuple[float, float, float]:
    error, held_out_error = (
        float((layer.decode(layer.encode(x)) - x).square().mean()) for x in (inputs, held_out)
    )
    if isinstance(layer, Autoencoder):
        return error, held_out_error, float("nan")
    seen, unseen = (layer.free_energy(x).mean() for x in (inputs[: len(held_out)], held_out))
    return error, held_out_error, float(unseen - seen)


def _reconstruct(
    layers: tuple[TrainedLayer, ...], images: Tensor, held_out: Tensor
) -> PretrainedStack:
    examples, errors = [], []
    up = held_out
    for top in range(len(layers)):
        up = down = layers[top].layer.encode(up)
        for trained in reversed(layers[: top + 1]):
            down = trained.layer.decode(down)
        examples.append(down[:EXAMPLE_IMAGES].numpy())
        errors.append(float((down - held_out).square().mean()))
    mean_error = float((images.mean(0) - held_out).square().mean())
    return PretrainedStack(
        layers, held_out[:EXAMPLE_IMAGES].numpy(), np.stack(examples), np.array(errors), mean_error
    )
