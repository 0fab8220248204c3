"""How long this machine's processor takes for products in each number format.

A processor without instructions for a format computes it piece by piece: float16 takes some 20
times as long as float32 in full layers, and 40 times in convolutions. Limits on arithmetic stand
for time, so they count products by that.
"""

from __future__ import annotations

import math
import time
from functools import cache

import torch
from torch.nn import functional as F

from gradflow.core.catalog import DTYPES, Device, DType
from gradflow.core.text import Text

_REPETITIONS = 3
_ROWS, _UNITS = 192, 256
_IMAGES, _CHANNELS, _PIXELS, _KERNEL = 4, 64, 16, 3


def find_slowness(dtype: DType, device: Device, *, images: bool = False) -> int:
    """Find how many times as long as in float32 products of a format take; 1 on a GPU.

    Args:
        dtype: the format.
        device: where they are computed.
        images: whether by convolutions, not by full layers.
    """
    is_on_gpu = device is not Device.CPU and torch.cuda.is_available()
    return 1 if dtype is DType.FLOAT32 or is_on_gpu else _measure_slowness(dtype, images)


def describe_arithmetic(tflop: float, dtype: DType, slowness: int) -> Text:
    """Say how much arithmetic something needs, and why that is so much in a slow format."""
    if slowness == 1:
        return Text("{n} TFLOP of arithmetic", n=tflop)
    return Text(
        "{n} TFLOP of arithmetic (counted {times} times, because {dtype} takes this server so many "
        "times as long as float32)",
        n=tflop,
        dtype=dtype,
        times=slowness,
    )


@cache
def _measure_slowness(dtype: DType, images: bool) -> int:
    """Measure it, once per process, in some 0.1 s.

    Processor time of one thread counts, whatever else the machine does. It is rounded to a power
    of two, so that a limit hardly depends on the moment; a format faster than float32 counts as 1.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ratio = _time_layer(dtype, images) / _time_layer(DType.FLOAT32, images)
    except RuntimeError:  # PyTorch has no such operation, as whoever asks for it is told
        return 1
    finally:
        torch.set_num_threads(threads)
    return int(2 ** max(round(math.log2(ratio)), 0))


def _time_layer(dtype: DType, images: bool) -> float:
    """Time a forward and backward pass of one layer: the shortest of some."""
    shapes = (
        ((_IMAGES, _CHANNELS, _PIXELS, _PIXELS), (_CHANNELS, _CHANNELS, _KERNEL, _KERNEL))
        if images
        else ((_ROWS, _UNITS), (_UNITS, _UNITS))
    )
    with torch.inference_mode(False), torch.enable_grad():
        inputs, weights = (
            torch.ones(s, dtype=DTYPES[dtype].dtype, device="cpu", requires_grad=True)
            for s in shapes
        )

        def time_pass() -> float:
            begin = time.thread_time()
            outputs = F.conv2d(inputs, weights, padding=1) if images else F.linear(inputs, weights)
            torch.autograd.grad(outputs, (inputs, weights), torch.ones_like(outputs))
            return time.thread_time() - begin

        time_pass()  # libraries prepare themselves
        return min(time_pass() for _time in range(_REPETITIONS))
