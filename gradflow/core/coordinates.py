"""The coordinate check: how the size of activations depends on width over the first steps.

Greg Yang et al., *Tensor Programs V* (2022), section D.1: with a parametrization whose learning
rate transfers, the size of every coordinate stays the same as a network becomes wider, at the start
and after every step. Where it grows with width, the best learning rate falls with width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from gradflow.core.errors import GradflowError
from gradflow.core.grouping import name_module
from gradflow.core.text import Text, join_texts
from gradflow.core.watching import watch

FLAT = 0.2
"""An exponent below this counts as none: widths differ by a factor of 4 to 64."""
_SAMPLES = 64


class Growth(StrEnum):
    """What becomes of the size of a layer's output in wider networks."""

    FLAT = "flat"
    GROWS = "grows"
    SHRINKS = "shrinks"


@dataclass(frozen=True, eq=False)
class CoordinateCheck:
    """Sizes of layers' outputs by width and step, and their exponents.

    Attributes:
        sizes: a row per width, seed, step and layer: ``width, seed, step, layer, module, rms``, the
            root mean square of the layer's pre-activation z before any update (step 0) and after
            each.
        exponents: a row per step and layer: ``step, layer, module, exponent, error, growth``. The
            size is proportional to width to the power ``exponent``, a least-squares fit of log rms
            over log width; ``error`` is its standard error. Infinite if a size is not finite.
    """

    sizes: pd.DataFrame
    exponents: pd.DataFrame

    @property
    def is_flat(self) -> bool:
        """Whether no layer's output grows with width after the last step."""
        return not (self._last["growth"] == Growth.GROWS).any()

    @property
    def _last(self) -> pd.DataFrame:
        last: pd.DataFrame = self.exponents[self.exponents["step"] == self.exponents["step"].max()]
        return last

    @property
    def text(self) -> Text:
        """The verdict in a sentence or two."""
        last = self._last
        steps = int(last["step"].iloc[0])
        worst = last.iloc[int(last["exponent"].argmax())]
        if self.is_flat:
            return Text(
                "After {steps} steps no layer's output grows with width (largest exponent "
                "{exponent:+.2f}, {module}): a learning rate found on a narrow model should do for "
                "a wide one.",
                steps=steps,
                exponent=float(worst["exponent"]),
                module=name_module(str(worst["module"]), int(worst["layer"])),
            )
        growing = last[last["growth"] == Growth.GROWS]
        return join_texts(
            Text(
                "After {steps} steps the output of {module} grows like width to the power "
                "{exponent:.2f}.",
                steps=steps,
                module=name_module(str(worst["module"]), int(worst["layer"])),
                exponent=float(worst["exponent"]),
            ),
            Text(
                "{count} of {layers} layers grow: the best learning rate of a wider model will be "
                "smaller.",
                count=len(growing),
                layers=len(last),
            ),
        )

    def __repr__(self) -> str:
        return f"<CoordinateCheck: {self.text}>"


def coordinate_check(
    make_model: Callable[[int], nn.Module],
    inputs: Any = None,
    targets: Any = None,
    *,
    widths: Sequence[int] = (64, 128, 256, 512),
    steps: int = 4,
    optimizer: Callable[[nn.Module], Optimizer] | None = None,
    loss: Callable[[Any, Any], Tensor] = F.cross_entropy,
    seeds: int = 3,
) -> CoordinateCheck:
    """Train networks of several widths for a few steps, and see how activations scale with width.

    >>> gf.coordinate_check(lambda width: MyMLP(width), x, y, widths=(64, 256, 1024))

    Args:
        make_model: makes a model of a width; its layers must be the same for all widths.
        inputs: one batch, the same for all: an argument, a tuple or a mapping, as for ``probe``.
            By default Gaussian numbers, if the first layer is an ``nn.Linear``.
        targets: the second argument of ``loss``. By default random classes.
        widths: at least two.
        steps: how many updates.
        optimizer: makes the optimizer of a model; learning rates may depend on its widths. By
            default Adam with 0.01.
        loss: ``loss(output, targets)``, a scalar.
        seeds: how many random initializations of each width.

    Raises:
        GradflowError: there are not two widths, a number is not a whole one from 1, the layers
            differ between widths, or inputs are needed.
        Exception: whatever the model or the loss raises.
    """
    widths = sorted(set(widths))
    if len(widths) < 2 or widths[0] < 1:
        raise GradflowError(Text("widths: at least two are needed, from 1"))
    for name, value in (("steps", steps), ("seeds", seeds)):
        if value < 1 or value != int(value):
            raise GradflowError(
                Text("{name}: {value!r} is not a whole number from 1", name=name, value=value)
            )
    make_optimizer = optimizer or (lambda model: torch.optim.Adam(model.parameters(), 0.01))
    tables = []
    with torch.random.fork_rng(), torch.enable_grad():
        for width in widths:
            for seed in range(seeds):
                torch.manual_seed(seed)
                model = make_model(width)
                if inputs is None:
                    inputs, targets = _draw_batch(model, targets)
                table = _train(model, make_optimizer(model), inputs, targets, loss, steps)
                tables.append(table.assign(width=width, seed=seed))
    sizes = pd.concat(tables, ignore_index=True)
    names = {tuple(table["module"]) for table in tables}
    if len(names) > 1:
        raise GradflowError(Text("make_model: the layers are not the same for all widths"))
    columns = ["width", "seed", "step", "layer", "module", "rms"]
    return CoordinateCheck(sizes[columns], fit_sizes(sizes))


def _draw_batch(model: nn.Module, targets: Any) -> tuple[Tensor, Any]:
    first = next((m for m in model.modules() if not any(True for _ in m.children())), None)
    if not isinstance(first, nn.Linear):
        raise GradflowError(
            Text("inputs: the first layer is no nn.Linear, so a batch has to be given")
        )
    x = torch.randn(_SAMPLES, first.in_features).to(first.weight)
    if targets is None:
        with torch.no_grad():
            classes = model(x).shape[-1]
        targets = torch.randint(classes, (_SAMPLES,), device=x.device)
    return x, targets


def _train(
    model: nn.Module,
    optimizer: Optimizer,
    inputs: Any,
    targets: Any,
    loss: Callable[[Any, Any], Tensor],
    steps: int,
) -> pd.DataFrame:
    """Train a model for some steps; a row per step and layer."""
    keywords = inputs if isinstance(inputs, dict) else {}
    positional = () if keywords else inputs if isinstance(inputs, tuple) else (inputs,)
    with watch(model, every=1, optimizer=optimizer, keep=steps + 1) as watched:
        for _ in range(steps + 1):
            optimizer.zero_grad()
            torch.autograd.backward(loss(model(*positional, **keywords), targets))
            optimizer.step()
    if watched.problems:
        raise GradflowError(
            Text("make_model: a step could not be recorded ({why})", why=watched.problems[0])
        )
    tables = [
        report.layers[["layer", "module", "preactivation_rms"]].assign(step=step)
        for step, report in enumerate(watched.reports)
    ]
    return pd.concat(tables).rename(columns={"preactivation_rms": "rms"})


def fit_sizes(sizes: pd.DataFrame) -> pd.DataFrame:
    """Fit the exponent of each layer in each step."""
    rows = []
    for (step, layer), group in sizes.groupby(["step", "layer"], sort=True):
        exponent, error = _fit_power(
            group["width"].to_numpy(np.float64), group["rms"].to_numpy(np.float64)
        )
        growth = Growth.FLAT
        if exponent > FLAT:
            growth = Growth.GROWS
        elif exponent < -FLAT:
            growth = Growth.SHRINKS
        rows.append((step, layer, group["module"].iloc[0], exponent, error, growth))
    return pd.DataFrame(rows, columns=["step", "layer", "module", "exponent", "error", "growth"])


def _fit_power(
    widths: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Fit the power of a law, and its standard error."""
    if not np.isfinite(sizes).all():
        return math.inf, math.nan
    x, y = np.log(widths), np.log(np.maximum(sizes, np.finfo(np.float64).tiny))
    x = x - x.mean()
    power = float((x * y).sum() / (x**2).sum())
    residual = y - y.mean() - power * x
    freedom = len(x) - 2
    error = (
        math.sqrt(float((residual**2).sum()) / freedom / float((x**2).sum()))
        if freedom
        else math.nan
    )
    return power, error
