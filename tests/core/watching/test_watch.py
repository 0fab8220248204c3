"""Loops as people write them, watched: numbers equal to autograd's in the same pass, no traces."""

from __future__ import annotations

import copy
import gc
import json
import math
import weakref
from collections.abc import Callable
from dataclasses import asdict

import pytest
import torch
import torch.utils.checkpoint
from numpy.testing import assert_allclose
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import optimizer as optimizers

import gradflow as gf
from gradflow.core.timeline import Direction
from gradflow.core.watching import Watch

PLACES = {
    "backward": (torch.autograd, "backward"),
    "scale": (torch.amp.GradScaler, "scale"),
    "checkpoint": (torch.utils.checkpoint, "CheckpointFunction"),
}
UNTOUCHED = {name: getattr(*place) for name, place in PLACES.items()}
HOOKS = (optimizers._global_optimizer_pre_hooks, optimizers._global_optimizer_post_hooks)


class Net(nn.Module):
    """Functional activations, a module used twice, batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.inner = nn.Linear(6, 8), nn.Linear(8, 8)
        self.norm, self.drop, self.last = nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.first(x))
        h = self.inner(torch.tanh(self.inner(h)))
        return self.last(self.drop(self.norm(h)))


def make(dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    return Net().to(dtype)


def draw_batches(count: int, dtype: torch.dtype = torch.float64) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (
            torch.randn(16, 6, generator=generator, dtype=dtype),
            torch.randint(3, (16,), generator=generator),
        )
        for _ in range(count)
    ]


def check_traces(model: nn.Module) -> None:
    """Check that nothing of a watch is left on the model or in PyTorch."""
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert {name: getattr(*place) for name, place in PLACES.items()} == UNTOUCHED
    assert all(not hooks for hooks in HOOKS)


def train(
    model: nn.Module, loop: Callable[[nn.Module, torch.optim.Optimizer], None], **options: object
) -> Watch:
    """Train a model by a loop twice, watched and not; both must end the same."""
    bare = copy.deepcopy(model)
    torch.manual_seed(2)
    loop(bare, torch.optim.SGD(bare.parameters(), 0.1, momentum=0.9))
    torch.manual_seed(2)
    with gf.watch(model, **options) as watch:  # type: ignore[arg-type]
        loop(model, torch.optim.SGD(model.parameters(), 0.1, momentum=0.9))
    for (name, value), other in zip(
        model.state_dict().items(), bare.state_dict().values(), strict=True
    ):
        assert torch.equal(value, other), name
    check_traces(model)
    assert watch.problems == []
    return watch


def plain_loop(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    for x, y in draw_batches(7):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def test_numbers_are_those_of_autograd_in_the_same_pass():
    model, known = make(), []

    def loop(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for x, y in draw_batches(4):
            optimizer.zero_grad()
            zs: list[Tensor] = []

            def keep(_module: nn.Module, _args: object, z: Tensor, zs: list[Tensor] = zs) -> None:
                z.retain_grad()
                zs.append(z)

            layers = (net.first, net.inner, net.last)
            handles = [layer.register_forward_hook(keep) for layer in layers]
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            for handle in handles:
                handle.remove()
            before = {name: p.detach().clone() for name, p in net.named_parameters()}
            grads = {name: p.grad.norm().item() for name, p in net.named_parameters()}
            optimizer.step()
            moved = {
                name: ((p - before[name]).norm() / before[name].norm()).item()
                for name, p in net.named_parameters()
            }
            known.append((loss.item(), [z.grad.norm().item() for z in zs], grads, moved))

    watch = train(model, loop, every=3)
    assert [r.title for r in watch.reports] == ["Net, step 1", "Net, step 4"]
    for report, (loss, deltas, grads, moved) in zip(
        watch.reports, (known[4], known[7]), strict=True
    ):
        assert report.loss == pytest.approx(loss, rel=1e-12)
        assert list(report.layers["module"]) == ["first", "inner", "inner#2", "last"]
        assert_allclose(report.layers["delta_norm"], deltas, rtol=1e-9)
        found = report.parameters.set_index("parameter")
        for name, norm in grads.items():
            assert found["grad_norm"][name] == pytest.approx(norm, rel=1e-9)
            if math.isfinite(moved[name]):  # else it starts at 0
                assert found["update_ratio"][name] == pytest.approx(moved[name], rel=1e-9)
        assert report.clip_factor == 1
        assert report.facts.loss == "cross_entropy"
        assert report.facts.samples == 16
        assert report.layers["dead_units"][0] >= 0  # F.relu was seen
        assert report.coverage.count("unused") == 0


def test_a_step_in_between_leaves_only_one_hook_on_the_model():
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gf.watch(model, every=10) as watch:
        for x, y in draw_batches(3):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
        assert hooks == 1
        assert torch.autograd.backward is UNTOUCHED["backward"]
    assert watch.steps == 3
    assert len(watch.reports) == 1


def test_clipping_is_seen_and_gradients_are_those_before_it():
    def loop(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for x, y in draw_batches(2):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05).item())
            optimizer.step()

    norms: list[float] = []
    watch = train(make(), loop, every=1)
    for report, norm in zip(watch.reports, norms[2:], strict=True):
        assert report.grad_norm == pytest.approx(norm, rel=1e-9)
        assert report.clip_factor == pytest.approx(0.05 / (norm + 1e-6), rel=1e-6)
    clipped = watch.timeline().table()["clipped_grad_norm"]
    assert_allclose(clipped, 0.05, rtol=1e-4)


def test_gradients_accumulate_over_several_backward_passes():
    def loop(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for step in range(2):
            optimizer.zero_grad()
            for x, y in draw_batches(6)[3 * step : 3 * step + 3]:
                (F.cross_entropy(model(x), y) / 3).backward()
            norms.append(model.inner.weight.grad.norm().item())
            optimizer.step()

    norms: list[float] = []
    watch = train(make(), loop, every=1)
    assert watch.steps == 2
    for report, norm in zip(watch.reports, norms[2:], strict=True):
        assert len(report.layers) == 4  # those of one forward pass
        found = report.parameters.set_index("parameter")
        assert found["grad_norm"]["inner.weight"] == pytest.approx(norm, rel=1e-9)


def test_several_forward_passes_before_a_backward_pass_are_one_pass():
    def loop(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        (x, y), (other, _) = draw_batches(2)
        optimizer.zero_grad()
        (F.cross_entropy(model(x), y) + model(other).square().mean()).backward()
        optimizer.step()

    (report,) = train(make(), loop).reports
    assert list(report.layers["module"]) == [
        *("first", "inner", "inner#2", "last"),
        *("first#2", "inner#3", "inner#4", "last#2"),
    ]
    assert report.layers["delta_norm"].gt(0).all()


def test_mixed_precision_with_a_scaler_is_unscaled():
    model = make(torch.float32)

    def loop(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
        for x, y in draw_batches(2, torch.float32):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                loss = F.cross_entropy(net(x), y)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            known.append((loss.item(), net.last.weight.grad.norm().item()))
            torch.nn.utils.clip_grad_norm_(net.parameters(), 0.1)
            scaler.step(optimizer)
            scaler.update()

    known: list[tuple[float, float]] = []
    watch = train(model, loop, every=1)
    for report, (loss, norm) in zip(watch.reports, known[2:], strict=True):
        assert report.loss_scale == 2.0**10
        assert report.dtype == "bfloat16"
        assert report.loss == pytest.approx(loss, rel=1e-6)
        found = report.parameters.set_index("parameter")
        assert found["grad_norm"]["last.weight"] == pytest.approx(norm, rel=1e-5)
        assert report.clip_factor == pytest.approx(0.1 / report.grad_norm, rel=1e-3)


def test_a_step_that_the_scaler_skips_is_none_and_no_trouble():
    model = make(torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    troubles: list[gf.Trouble] = []
    with gf.watch(model, every=1, on_trouble=troubles.append) as watch:
        for x, y in draw_batches(2, torch.float32):
            optimizer.zero_grad()
            scaler.scale(100 * F.cross_entropy(model(x), y)).backward()
            scaler.step(optimizer)
            scaler.update(2.0)
    assert watch.steps == 1
    assert watch.reports[0].loss_scale == 2
    assert troubles == watch.problems == []


def test_a_discriminator_shows_the_pass_of_its_own_step():
    torch.manual_seed(0)
    maker, judge = nn.Linear(2, 4), nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    steps = [torch.optim.SGD(m.parameters(), 0.1) for m in (maker, judge)]
    norms = []
    with gf.watch(judge, every=1) as watch:
        for _ in range(3):
            z, real = torch.randn(8, 2), torch.randn(8, 4)
            steps[0].zero_grad()
            judge(maker(z)).mean().backward()
            steps[0].step()
            steps[1].zero_grad()
            (judge(real).mean() - judge(maker(z).detach()).mean()).backward()
            norms.append(judge[0].weight.grad.norm().item())
            steps[1].step()
    assert watch.steps == 3
    assert watch.problems == []
    for report, norm in zip(watch.reports, norms, strict=True):
        assert report.layers["weight_grad_norm"][0] == pytest.approx(norm, rel=1e-5)
        assert list(report.layers["module"]) == ["0", "2", "0#2", "2#2"]


def test_validation_between_steps_is_not_recorded():
    def loop(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for x, y in draw_batches(3):
            model.eval()
            with torch.no_grad():
                model(x)
            model(x)  # somebody forgot no_grad
            model.train()
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    watch = train(make(), loop, every=1)
    assert [len(report.layers) for report in watch.reports] == [4] * 3


def test_an_exception_of_the_model_passes_and_the_next_pass_is_recorded():
    class Stumbling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.fails = make(), True

        def forward(self, x: Tensor) -> Tensor:
            h = self.net(x)
            if self.fails:
                self.fails = False
                raise KeyError("mine")
            return h

    model = Stumbling()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gf.watch(model) as watch:
        for x, y in draw_batches(2):
            try:
                F.cross_entropy(model(x), y).backward()
            except KeyError:
                continue
            optimizer.step()
    assert len(watch.reports[0].layers) == 4
    assert watch.problems == []
    check_traces(model)


def test_an_exception_of_the_loop_leaves_no_traces():
    model = make()
    with pytest.raises(ZeroDivisionError), gf.watch(model):  # noqa: PT012 - the loop is one
        model(draw_batches(1)[0][0])
        raise ZeroDivisionError
    check_traces(model)


def test_a_failure_of_the_recording_is_a_warning_and_the_loop_goes_on(monkeypatch):
    def fail(*_args: object, **_options: object) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr("gradflow.core.recording.host.HostSummarizer.add_signal", fail)
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.warns(RuntimeWarning, match="broken") as warned, gf.watch(model, every=1) as watch:
        plain_loop(model, optimizer)
    assert watch.steps == 7
    assert len(warned) == 1
    assert not watch.reports
    check_traces(model)


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoints(reentrant):
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(6, 6), nn.Tanh()) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            h = x.clone().requires_grad_()
            for block in self.blocks:
                h = torch.utils.checkpoint.checkpoint(block, h, use_reentrant=reentrant)
            return h

    watch = train(Checkpointed().double(), plain_loop, every=4)
    for report in watch.reports:
        assert len(report.layers) == 3
        assert report.layers["delta_norm"].gt(0).all()


def test_a_compiled_model_runs_as_it_is_written_in_recorded_steps():
    model = make(torch.float32)
    compiled = torch.compile(model, backend="aot_eager")
    optimizer = torch.optim.SGD(compiled.parameters(), 0.01)
    with gf.watch(compiled, every=3) as watch:
        for x, y in draw_batches(5, torch.float32):
            optimizer.zero_grad()
            F.cross_entropy(compiled(x), y).backward()
            optimizer.step()
    assert [len(report.layers) for report in watch.reports] == [4, 4]
    assert watch.reports[0].coverage.compiled
    assert watch.problems == []
    check_traces(model)


def test_an_optimizer_with_a_closure():
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    norms = []
    with gf.watch(model, every=1) as watch:
        for x, y in draw_batches(2):

            def run(x: Tensor = x, y: Tensor = y) -> Tensor:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                norms.append(model.first.weight.grad.norm().item())
                return loss

            optimizer.step(run)
    found = [report.layers["weight_grad_norm"][0] for report in watch.reports]
    assert_allclose(found, norms, rtol=1e-9)
    assert (watch.timeline().matrix("update_ratio") > 0).all()


def test_steps_made_by_hand():
    model = make()
    with gf.watch(model, every=2) as watch:
        for x, y in draw_batches(5):
            model.zero_grad()
            F.cross_entropy(model(x), y).backward()
            with torch.no_grad():
                for p in model.parameters():
                    p.sub_(p.grad, alpha=0.1)
            watch.step()
    assert watch.timeline().steps.tolist() == [1, 3, 5]


# --- troubles -----------------------------------------------------------------------------------


class Breaking(nn.Module):
    """Divides by what a batch may have as its last feature, in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.divide = Division()

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        return self.last(self.divide(self.middle(h), x[:, -1:]))


class Division(nn.Module):
    def forward(self, h: Tensor, by: Tensor) -> Tensor:
        return h / by


class SquareRoot(nn.Module):
    """Of 0, whose slope is infinite."""

    def forward(self, h: Tensor) -> Tensor:
        return (h * 0).sqrt() * 0 + h


@pytest.mark.parametrize("bad", [1, 4])
def test_the_first_bad_module_of_the_forward_pass_is_found(bad):
    """In a recorded step (1) and in one between."""
    torch.manual_seed(0)
    model = Breaking().double()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    troubles: list[gf.Trouble] = []
    with gf.watch(model, every=50, on_trouble=troubles.append) as watch:
        for step, (x, y) in enumerate(draw_batches(5), start=1):
            if step == bad:
                x[3, -1] = 0
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    (trouble,) = troubles
    assert watch.troubles == troubles
    assert (trouble.step, trouble.direction, trouble.module) == (bad, Direction.FORWARD, "divide")
    assert not trouble.weights


@pytest.mark.parametrize("bad", [1, 4])
def test_a_backward_pass_that_breaks_is_told_from_a_forward_pass(bad):
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Identity(), nn.Linear(6, 3))
    ).double()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gf.watch(model, every=50) as watch:
        for step, (x, y) in enumerate(draw_batches(4), start=1):
            if step == bad:
                model[3] = SquareRoot()
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    (trouble,) = watch.troubles
    assert (trouble.step, trouble.direction, trouble.module) == (bad, Direction.BACKWARD, "2")


def test_weights_that_an_update_broke_are_named():
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gf.watch(model) as watch:
        for step, (x, y) in enumerate(draw_batches(3), start=1):
            if step == 2:
                with torch.no_grad():
                    model.inner.weight[0, 0] = math.nan
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    (trouble,) = watch.troubles
    assert (trouble.step, trouble.module, trouble.weights) == (2, "inner", True)


def test_a_loss_that_breaks_is_no_module():
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gf.watch(model) as watch:
        x, y = draw_batches(1)[0]
        (F.cross_entropy(model(x), y) * math.nan).backward()
        optimizer.step()
    assert [t.module for t in watch.troubles] == [""]


@pytest.mark.parametrize("every", [1, 2], ids=["recorded", "between"])
def test_outputs_whose_square_is_infinite_are_the_forward_pass(every):
    """The loss is infinite, and so is the gradient of the last weights; that of the bias is not."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Linear(64, 64), nn.ReLU())
    model.append(nn.Linear(64, 1))
    optimizer = torch.optim.SGD(model.parameters(), 3.0)
    losses = []
    with gf.watch(model, every=every) as watch:
        for _ in range(6):
            x = torch.randn(32, 16) * 3
            optimizer.zero_grad()
            loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
    (trouble,) = watch.troubles
    assert trouble.step == 1 + [math.isfinite(loss) for loss in losses].index(False)
    assert trouble.direction is Direction.FORWARD
    assert "backward" not in str(trouble.text)
    assert (trouble.largest > 1e18) == (every == 2)  # a recorded step knows the loss
    assert trouble.updated == 3
    assert trouble.update > 1e3
    assert gf.Trouble.from_dict(json.loads(json.dumps(asdict(trouble)))) == trouble


def test_what_on_trouble_raises_ends_the_loop():
    def stop(_trouble: gf.Trouble) -> None:
        raise StopIteration

    model = make()
    with pytest.raises(StopIteration), gf.watch(model, on_trouble=stop):
        (model(draw_batches(1)[0][0]).sum() * math.nan).backward()
    check_traces(model)


# --- bounds -------------------------------------------------------------------------------------


def test_what_is_kept_is_bounded():
    model = make()
    with gf.watch(model, every=1, keep=3) as watch:
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        for _ in range(36):
            plain_loop(model, optimizer)
    timeline = watch.timeline()
    assert len(watch.reports) == 3
    assert 100 <= len(timeline.records) <= 200
    assert (timeline.steps[0], timeline.steps[-1]) == (1, 252)
    assert list(timeline.reports) == [1, 252]


def test_nothing_is_left_after_a_hundred_steps():
    def count() -> int:
        gc.collect()
        return sum(issubclass(type(item), Tensor) for item in gc.get_objects())

    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with gf.watch(model, every=1):
        plain_loop(model, optimizer)
        before = count()
        for _ in range(14):
            plain_loop(model, optimizer)
        assert count() <= before + 2
    seen = weakref.ref(model)
    del model, optimizer
    gc.collect()
    assert seen() is None


def test_of_several_processes_the_first_records(tmp_path):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        model = nn.parallel.DistributedDataParallel(make())
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with gf.watch(model, every=4) as watch:
            plain_loop(model, optimizer)
    finally:
        torch.distributed.destroy_process_group()
    assert [len(report.layers) for report in watch.reports] == [4, 4]
    assert list(watch.reports[0].layers["module"]) == ["first", "inner", "inner#2", "last"]
    assert watch.problems == []
    check_traces(model.module)


def test_another_process_records_nothing(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    model = make()
    with gf.watch(model, every=1) as watch:
        plain_loop(model, torch.optim.SGD(model.parameters(), 0.1))
    assert not watch.reports


@pytest.mark.parametrize("option", [{"every": 0}, {"keep": -1}, {"every": 1.5}])
def test_impossible_options_are_refused(option):
    with pytest.raises(gf.GradflowError, match=next(iter(option))):
        gf.watch(make(), **option)
