"""Limits on arithmetic stand for time: a slow number format counts several times."""

from __future__ import annotations

import pytest
import torch

import gradflow as gf
from gradflow.core import speed
from gradflow.core.catalog import Device, DType
from gradflow.core.recurrent.spec import SequenceExperiment, estimate_pass_cost
from gradflow.core.training import TrainingPlan, cost

MEASURED = {DType.FLOAT32: 1.0, DType.FLOAT64: 1.9, DType.BFLOAT16: 0.3, DType.FLOAT16: 18.0}
COUNTED = {DType.FLOAT32: 1, DType.FLOAT64: 2, DType.BFLOAT16: 1, DType.FLOAT16: 16}


@pytest.fixture(autouse=True)
def _times(monkeypatch: pytest.MonkeyPatch):
    """Seconds of a layer as measured once; convolutions take twice as long in every slow format."""

    def time_layer(dtype: DType, images: bool) -> float:
        return MEASURED[dtype] * (2 if images and MEASURED[dtype] > 1 else 1)

    speed._measure_slowness.cache_clear()
    monkeypatch.setattr(speed, "_time_layer", time_layer)
    yield
    speed._measure_slowness.cache_clear()


@pytest.mark.parametrize("dtype", DType)
def test_arithmetic_counts_as_long_as_it_takes(dtype: DType) -> None:
    def measure_needs(dtype: DType) -> list[float]:
        full = gf.Experiment(dtype=dtype, device="cpu")
        images = gf.Experiment(network=gf.ConvNet(depth=3), dtype=dtype, device="cpu")
        plan = TrainingPlan(steps=10)
        return [full.need[1], images.need[1], cost.estimate_tflop(full, plan)]

    needs, once = measure_needs(dtype), measure_needs(DType.FLOAT32)
    counted = COUNTED[dtype]
    twice = 2 * counted if counted > 1 else 1
    assert [n / o for n, o in zip(needs, once, strict=True)] == pytest.approx(
        [counted, twice, counted]
    )


def test_through_time_the_products_count_and_the_eigenvalues_do_not() -> None:
    slow, usual = (
        estimate_pass_cost(SequenceExperiment(dtype=d, device="cpu"))[1]
        for d in (DType.FLOAT16, DType.FLOAT32)
    )
    assert 10 * usual < slow < 16 * usual


def test_an_error_says_why_the_format_makes_it_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADFLOW_MAX_TFLOP", str(2 * gf.Experiment(device="cpu").need[1]))
    with pytest.raises(
        gf.InvalidExperiment, match=r"counted 16 times, because float16 .* as float32.*lower"
    ):
        gf.Experiment(dtype="float16", device="cpu")


def test_an_operation_that_pytorch_lacks_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_dtype: DType, _images: bool) -> float:
        raise RuntimeError("not implemented for 'Half'")

    monkeypatch.setattr(speed, "_time_layer", fail)
    assert speed.find_slowness(DType.FLOAT16, Device.CPU) == 1


def test_a_gpu_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert speed.find_slowness(DType.FLOAT16, Device.AUTO) == 1
    assert speed.find_slowness(DType.FLOAT16, Device.CPU) == 16
