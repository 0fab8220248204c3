"""The cost of a full recording, as a multiple of the bare forward and backward pass.

All candidates see the same network, batch and loss, in one process, in turns. Recorded are the
pre-activation and activation of every layer, their gradients, the weights and their gradients:

* GradFlow: all of ``gradflow.probe``, tables and moments included;
* TensorBoard: hooks that keep these tensors, and ``SummaryWriter.add_histogram`` of each;
* naive: the same hooks, and ``np.histogram`` with 256 bins of each.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.tensorboard import SummaryWriter

import gradflow as gf
from benchmarks.harness import describe_machine, format_table, take_medians, time_interleaved
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from gradflow.core.networks.initialize import WEIGHTED

NETWORKS = {
    "(a) widths 750 … 300, tanh, 800 inputs, batch 2000": gf.Experiment(
        network=gf.MLP(widths=range(750, 299, -50)),
        data=gf.Data(source="gaussian", dimension=800, batch_size=2000),
    ),
    "(b) depth 50, width 256, batch 256": gf.Experiment(network=gf.MLP(depth=50, width=256)),
    "(c) depth 100, width 128, batch 128": gf.Experiment(
        network=gf.MLP(depth=100, width=128), data=gf.Data(batch_size=128)
    ),
    "(d) 16 convolutions of 32 channels, 32×32, batch 64": gf.Experiment(
        network=gf.ConvNet(depth=17, channels=32, image_size=32),
        data=gf.Data(source="gaussian", batch_size=64),
    ),
}
TARGETS = (1.5, 2.3, 3.0, 1.9)
SLOW_EVERY = 5
"""TensorBoard and the naive hooks run once per five runs of GradFlow and the bare pass."""


def run_bare_pass(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Run one forward and one backward pass, and keep nothing."""
    loss = F.cross_entropy(model(x), y)
    torch.autograd.grad(loss, list(model.parameters()))


def collect_tensors(model: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    """Collect by hooks the tensors that a report describes."""
    outputs: list[Tensor] = []
    handles = [
        module.register_forward_hook(
            lambda _module, _args, output: outputs.append(output) if output.requires_grad else None
        )
        for module in model.modules()
        if not any(True for _ in module.children())
    ]
    loss = F.cross_entropy(model(x), y)
    for handle in handles:
        handle.remove()
    weights = [module.weight for module in model.modules() if isinstance(module, WEIGHTED)]
    gradients = torch.autograd.grad(loss, [*outputs, *model.parameters()])
    matrices = [g for g in gradients[len(outputs) :] if g.dim() > 1]
    return [t.detach() for t in (*outputs, *gradients[: len(outputs)], *weights, *matrices)]


def make_candidates(
    model: nn.Module, x: Tensor, y: Tensor, writer: SummaryWriter
) -> tuple[dict[str, Callable[[], object]], dict[str, Callable[[], object]]]:
    """Make the fast and the slow candidates."""
    steps = itertools.count()

    def run_tensorboard() -> None:
        step = next(steps)
        for index, tensor in enumerate(collect_tensors(model, x, y)):
            writer.add_histogram(f"tensor{index}", tensor, step)
        writer.flush()

    def run_naive() -> None:
        for tensor in collect_tensors(model, x, y):
            np.histogram(tensor.cpu().numpy(), bins=256)

    fast = {"bare": lambda: run_bare_pass(model, x, y), "probe": lambda: gf.probe(model, x, y)}
    return fast, {"tensorboard": run_tensorboard, "naive": run_naive}


def measure_recording(experiment: gf.Experiment, device: str, runs: int) -> dict[str, float]:
    """Measure the median seconds of each candidate on one network."""
    x, y = draw_batch(experiment.data, experiment.seed)
    model = build_network(experiment, x).to(device)
    x, y = x.to(device), y.to(device)
    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
        fast, slow = make_candidates(model, x, y, writer)
        if device == "cuda":
            fast = {name: _synchronize_after(action) for name, action in fast.items()}
            slow = {name: _synchronize_after(action) for name, action in slow.items()}
        seconds = take_medians(time_interleaved(fast, runs))
        # The bare pass again, next in time to the slow candidates.
        others = take_medians(
            time_interleaved({"bare": fast["bare"]} | slow, max(runs // SLOW_EVERY, 1))
        )
    scale = seconds["bare"] / others["bare"]
    return seconds | {name: others[name] * scale for name in slow}


def _synchronize_after(action: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        action()
        torch.cuda.synchronize()

    return run


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.recording", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=25, help="rounds (default 25)")
    parser.add_argument(
        "--threads", type=int, default=1, help="torch's threads (default 1, as the app computes)"
    )
    parser.add_argument("--only", default="", help="networks whose name contains this, such as (d)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rows = []
    for (name, experiment), target in zip(NETWORKS.items(), TARGETS, strict=True):
        if options.only not in name:
            continue
        seconds = measure_recording(experiment, options.device, options.runs)
        probe, *slow = (
            f"{seconds[key] / seconds['bare']:.2f} ×" for key in ("probe", "tensorboard", "naive")
        )
        rows.append([name, f"{1000 * seconds['bare']:.1f} ms", probe, f"≤ {target} ×", *slow])
    print("### Recording\n")
    head = ("network", "bare pass", "GradFlow", "target", "TensorBoard", "hooks + np.histogram")
    print(format_table(head, rows))
    print(f"\nMedians of {options.runs} interleaved runs. {describe_machine(options.device)}.")


if __name__ == "__main__":
    main()
