"""Watches inside the trainers of others, with the real libraries."""

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import gradflow as gf
from tests.core.watching.test_watch import check_traces

DATA = TensorDataset(torch.randn(48, 6), torch.randint(3, (48,)))


@pytest.fixture
def _quiet():
    """Warnings of other people's trainers are no errors of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.usefixtures("_quiet")
def test_lightning(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")
    from gradflow.adapters.lightning import WatchCallback

    class Classifier(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Sequential(nn.Linear(6, 8), nn.ReLU()), nn.Linear(8, 3)
            self.norms: list[float] = []

        def training_step(self, batch: list[Tensor]) -> Tensor:
            x, y = batch
            return F.cross_entropy(self.head(self.body(x)), y)  # not by a call of the module itself

        def on_before_optimizer_step(self, _optimizer: torch.optim.Optimizer) -> None:
            self.norms.append(self.body[0].weight.grad.norm().item())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.1)

    model, path = Classifier(), tmp_path / "watch.json"
    callback = WatchCallback(every=2, save=path)
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[callback],
        gradient_clip_val=0.05,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader(DATA, batch_size=16))
    assert callback.watch.steps == 3
    assert callback.watch.problems == []
    first, second = callback.watch.reports
    assert list(first.layers["module"]) == ["body.0", "head"]
    for report, norm in ((first, model.norms[0]), (second, model.norms[2])):
        assert report.layers["weight_grad_norm"][0] == pytest.approx(norm, rel=1e-5)
        assert 0 < report.clip_factor < 1
        assert report.layers["update_ratio"].gt(0).all()
    assert gf.load(path).steps.tolist() == [1, 3]
    check_traces(model)


@pytest.mark.usefixtures("_quiet")
def test_transformers(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="its trainer needs accelerate")
    from gradflow.adapters.transformers import WatchCallback

    config = transformers.GPT2Config(vocab_size=11, n_positions=8, n_embd=8, n_layer=2, n_head=2)
    model = transformers.GPT2LMHeadModel(config)
    tokens = torch.randint(11, (16, 8))
    data = [{"input_ids": row, "labels": row} for row in tokens]
    callback = WatchCallback(every=2, save=tmp_path / "watch.json")
    options = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=3,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        save_strategy="no",
    )
    transformers.Trainer(model, options, train_dataset=data, callbacks=[callback]).train()
    assert callback.watch.steps == 3
    assert callback.watch.problems == []
    assert [len(report.stream.layers) for report in callback.watch.reports] == [3, 3]
    assert gf.load(tmp_path / "watch.json").steps.tolist() == [1, 3]
    check_traces(model)


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from torch.utils.tensorboard import SummaryWriter
    from gradflow.adapters.tensorboard import ReportWriter

    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with SummaryWriter(str(tmp_path)) as writer:
        with gf.watch(model, every=2, on_report=ReportWriter(writer)) as watch:
            for x, y in DataLoader(DATA, batch_size=16):
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
        assert watch.problems == []
    events = EventAccumulator(str(tmp_path), size_guidance={"histograms": 0, "scalars": 0})
    events.Reload()
    losses = [(e.step, e.value) for e in events.Scalars("gradflow/loss")]
    assert losses == [
        (1, pytest.approx(watch.reports[0].loss)),
        (3, pytest.approx(watch.reports[1].loss)),
    ]
    (first, _last) = events.Histograms("activation/0")
    known = watch.reports[0].histogram("activation", 1)
    assert first.histogram_value.num == known.counts.sum() == 16 * 8
    assert "log10 delta/2" in events.Tags()["histograms"]
