"""Presets of descents, each of which shows one difficulty."""

from __future__ import annotations

from dataclasses import dataclass

from gradflow.core.catalog.optimizers import Clip
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.optimizers import DescentOptimizer
from gradflow.core.teaching.surfaces import Surface
from gradflow.core.text import N_


@dataclass(frozen=True)
class DescentPreset:
    """A named descent.

    Attributes:
        label: its name.
        look_for: what to look for in it, a sentence or two.
        descent: its settings.
    """

    label: str
    look_for: str
    descent: Descent


PRESETS: dict[str, DescentPreset] = {
    "vanishing": DescentPreset(
        N_("Vanishing: A to B"),
        N_(
            "The wall at A is left within 20 steps. On the shelf the gradient is hundreds of times "
            "smaller, and after 300 steps the point is no further than B."
        ),
        Descent(surface=Surface.SHELF, learning_rate=0.05, steps=300),
    ),
    "exploding": DescentPreset(
        N_("Exploding: A to F and back"),
        N_(
            "The gradient at A is so large that the first step lands at F, across the minimum; the "
            "second returns to A. It never comes to rest."
        ),
        Descent(surface=Surface.SHELF, learning_rate=2.0, steps=30),
    ),
    "exploding_clipped": DescentPreset(
        N_("The same step, clipped"),
        N_(
            "Clipping limits the steps at the wall, and the minimum is reached. It does nothing "
            "for the small gradients: most of the steps are spent on the shelf."
        ),
        Descent(surface=Surface.SHELF, learning_rate=2.0, steps=120, clip=Clip.NORM, threshold=0.5),
    ),
    "cliff": DescentPreset(
        N_("Cliff"),
        N_(
            "The path follows the low ground until it touches the cliff. There the gradient is a "
            "hundred times larger, and one step throws the weights out of the picture."
        ),
        Descent(surface=Surface.CLIFF, learning_rate=1.0, steps=300),
    ),
    "cliff_clipped": DescentPreset(
        N_("Cliff, clipped by norm"),
        N_(
            "The same start and learning rate. The gradient is as large at the cliff, but the step "
            "keeps a fixed length, and the path goes on along the foot of the cliff."
        ),
        Descent(surface=Surface.CLIFF, learning_rate=1.0, steps=300, clip=Clip.NORM, threshold=0.1),
    ),
    "ravine": DescentPreset(
        N_("Ravine: zigzag"),
        N_(
            "Plain descent zigzags across the ravine and hardly moves along it; momentum averages "
            "the zigzag away and adds up what is left."
        ),
        Descent(
            surface=Surface.RAVINE,
            shape=100.0,
            optimizers=(
                DescentOptimizer.SGD,
                DescentOptimizer.MOMENTUM,
                DescentOptimizer.NESTEROV,
            ),
            learning_rate=0.0185,
            multipliers=(1.0, 0.5, 0.5),
            momentum=0.8,
            steps=60,
        ),
    ),
    "scaled": DescentPreset(
        N_("Badly scaled gradients"),
        N_(
            "One coordinate's gradient is 1000 times the other's. Plain descent must suit the "
            "steeper one; the others divide by the size of past gradients and get there."
        ),
        Descent(
            surface=Surface.RAVINE,
            shape=1000.0,
            optimizers=(
                DescentOptimizer.SGD,
                DescentOptimizer.ADAGRAD,
                DescentOptimizer.RMSPROP,
                DescentOptimizer.ADAM,
            ),
            learning_rate=0.001,
            multipliers=(1.0, 500.0, 50.0, 100.0),
            steps=100,
        ),
    ),
    "plateau": DescentPreset(
        N_("Plateau"),
        N_(
            "On the plateau the gradient is tiny and plain descent hardly leaves the start; Adam "
            "and RMSprop divide it by its own size and walk on."
        ),
        Descent(
            surface=Surface.PLATEAU,
            optimizers=(
                DescentOptimizer.SGD,
                DescentOptimizer.MOMENTUM,
                DescentOptimizer.RMSPROP,
                DescentOptimizer.ADAM,
            ),
            steps=150,
        ),
    ),
    "saddle": DescentPreset(
        N_("Saddle: slow, then fast"),
        N_(
            "Plain descent and momentum run into the saddle and linger, because the gradient is "
            "small there: the loss stays level. RMSprop and Adam divide each entry of it by its "
            "own size and turn off early."
        ),
        Descent(
            surface=Surface.SADDLE,
            optimizers=(
                DescentOptimizer.SGD,
                DescentOptimizer.MOMENTUM,
                DescentOptimizer.RMSPROP,
                DescentOptimizer.ADAM,
            ),
            multipliers=(1.0, 0.3, 0.2, 0.5),
            steps=120,
        ),
    ),
    "barrier": DescentPreset(
        N_("Two minima"),
        N_(
            "Plain descent ends in the first, shallow minimum; momentum carries on over the "
            "barrier into the deep one."
        ),
        Descent(
            surface=Surface.DOUBLE_WELL,
            optimizers=(DescentOptimizer.SGD, DescentOptimizer.MOMENTUM),
            steps=200,
        ),
    ),
    "valley": DescentPreset(
        N_("Bent valley"),
        N_("All find the valley at once. Following it is what takes time."),
        Descent(
            surface=Surface.ROSENBROCK,
            optimizers=(DescentOptimizer.SGD, DescentOptimizer.MOMENTUM, DescentOptimizer.ADAM),
            multipliers=(1.0, 0.5, 100.0),
            steps=300,
        ),
    ),
    "overflow": DescentPreset(
        N_("Overflow"),
        N_(
            "Each step overshoots further than the last. The gradient grows like x³, so that a "
            "few steps lead beyond the largest number of float64; then nothing can be drawn."
        ),
        Descent(surface=Surface.DOUBLE_WELL, learning_rate=1.0, steps=30),
    ),
}
