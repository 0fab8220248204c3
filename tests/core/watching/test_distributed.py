"""Several processes: rank 0 records what an oracle says, the others nothing, and none waits."""

from __future__ import annotations

import time
import warnings
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.errors import ProbeError

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="needs gloo"
)
WORLD = 2
STEPS = 3


def build() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


def draw(rank: int, step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(10 * step + rank)
    return torch.randn(5, 6, generator=generator), torch.randint(3, (5,), generator=generator)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What every process has returned; one that waits for another for ever is an error."""
    folder = tmp_path_factory.mktemp("ranks")
    end = time.monotonic() + 180
    spawned = torch.multiprocessing.spawn(_start, (str(folder),), nprocs=WORLD, join=False)
    try:
        while not spawned.join(timeout=1):
            assert time.monotonic() < end, "a process hangs"
    finally:
        for process in spawned.processes:
            process.kill()
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


def _start(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=WORLD)
    try:
        found = {"parallel": train_in_parallel(rank), "sharded": train_sharded(rank)}
        torch.save(found, f"{folder}/{rank}.pt")
        dist.barrier()
    finally:
        dist.destroy_process_group()


def train_in_parallel(rank: int) -> dict[str, Any]:
    model = nn.parallel.DistributedDataParallel(build())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gf.watch(model, every=2) as watch:
        for step in range(STEPS):
            x, y = draw(rank, step)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
    return {
        "steps": watch.steps,
        "problems": watch.problems,
        "hooks": hooks,
        "reports": [report.to_json() for report in watch.reports],
        "weights": [p.detach() for p in model.parameters()],
    }


def compute_by_hand() -> tuple[list[dict[str, Any]], list[Tensor]]:
    """Train one model with the mean of all ranks' gradients; δ and loss are those of rank 0."""
    model, steps = build(), []
    parameters = [*model.parameters()]
    for step in range(STEPS):
        gradients, deltas, loss = [], [], torch.tensor(0.0)
        for rank in reversed(range(WORLD)):
            x, y = draw(rank, step)
            zeros, h = [], x
            for module in model:
                h = module(h)
                if isinstance(module, nn.Linear):
                    zeros.append(torch.zeros_like(h, requires_grad=True))
                    h = h + zeros[-1]
            loss = F.cross_entropy(h, y)
            gradients.append(torch.autograd.grad(loss, parameters, retain_graph=True))
            deltas = [g.norm().item() for g in torch.autograd.grad(loss, zeros)]
        mean = [sum(parts) / WORLD for parts in zip(*gradients, strict=True)]
        with torch.no_grad():
            for parameter, gradient in zip(parameters, mean, strict=True):
                parameter.sub_(0.1 * gradient)
        norms = [g.norm().item() for g in mean]
        steps.append({"loss": loss.item(), "deltas": deltas, "gradients": norms})
    return steps, parameters


def test_rank_0_records_what_all_ranks_have_reduced(ranks):
    first, second = (rank["parallel"] for rank in ranks)
    steps, parameters = compute_by_hand()
    for rank in (first, second):
        assert rank["steps"] == (STEPS if rank is first else 0)
        assert rank["problems"] == []
        assert rank["hooks"] == 0
        for found, expected in zip(rank["weights"], parameters, strict=True):
            torch.testing.assert_close(found, expected)
    assert second["reports"] == []
    reports = [gf.Report.from_json(text) for text in first["reports"]]
    for report, expected in zip(reports, steps[::2], strict=True):
        assert report.loss == pytest.approx(expected["loss"], rel=1e-5)
        assert [*report.layers["delta_norm"]] == pytest.approx(expected["deltas"], rel=1e-4)
        assert [*report.parameters["grad_norm"]] == pytest.approx(expected["gradients"], rel=1e-4)


def train_sharded(rank: int) -> dict[str, Any]:
    model, mesh = build(), init_device_mesh("cpu", (WORLD,))
    for module in (model[0], model[2], model[4], model):
        fully_shard(module, mesh=mesh)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    said = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with gf.watch(model, every=1) as watch:
            for step in range(STEPS):
                x, y = draw(rank, step)
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
        said = [str(w.message) for w in caught if "gradflow" in str(w.message)]
    try:
        gf.probe(model, *draw(rank, 0))
        refusal = ""
    except ProbeError as error:
        refusal = str(error)
    weights = [p.full_tensor().detach() for p in model.parameters()]
    return {"said": said, "reports": len(watch.reports), "refusal": refusal, "weights": weights}


def test_sharded_models_are_refused_in_one_sentence(ranks):
    first, second = (rank["sharded"] for rank in ranks)
    (sentence,) = first["said"]
    assert "sharded" in sentence
    assert "DistributedDataParallel" in sentence
    assert second["said"] == []
    _steps, parameters = compute_by_hand()
    for rank in (first, second):
        assert rank["reports"] == 0
        assert "sharded" in rank["refusal"]
        for found, expected in zip(rank["weights"], parameters, strict=True):
            torch.testing.assert_close(found, expected)
