"""Read QR codes back, independently of what drew them: ISO/IEC 18004, versions 2 to 5, level L.

Those have one block of data and one pattern of alignment, which makes a short reader.
"""

from __future__ import annotations

import re
from itertools import islice
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt

BORDER = 4
MASKS = [
    lambda i, j: (i + j) % 2,
    lambda i, j: i % 2,
    lambda i, j: j % 3,
    lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2,
    lambda i, j: i * j % 2 + i * j % 3,
    lambda i, j: (i * j % 2 + i * j % 3) % 2,
    lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
]


def read_code(svg: str) -> str:
    """Read the text in a code that was drawn as horizontal strokes of one module's height."""
    modules = read_modules(svg)
    size = len(modules)
    version = (size - 17) // 4
    assert 2 <= version <= 5
    level_and_mask = [modules[8, j] ^ bit for j, bit in zip(range(5), (1, 0, 1, 0, 1), strict=True)]
    assert level_and_mask[:2] == [0, 1]  # L
    mask = MASKS[int("".join(map(str, level_and_mask[2:])), 2)]
    walk = (bit ^ (mask(i, j) == 0) for i, j, bit in _walk(modules))
    assert _take(walk, 4) == 4  # bytes follow
    return bytes(_take(walk, 8) for _byte in range(_take(walk, 8))).decode()


def read_modules(svg: str) -> npt.NDArray[np.int_]:
    """Read the modules, 1 where they are dark, without the border; white surrounds them."""
    root = ET.fromstring(svg)
    full = int(root.attrib["viewBox"].split()[2])
    modules = np.zeros((full, full), int)
    (path,) = [e.attrib["d"] for e in root.iter() if "stroke" in e.attrib]
    x, y = 0.0, 0.0
    for kind, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(text) for text in numbers.split()]
        if kind == "h":
            modules[int(y), int(x) : int(x + values[0])] = 1
            x += values[0]
        else:
            x, y = values if kind == "M" else (x + values[0], y + values[1])
    inner = modules[BORDER:-BORDER, BORDER:-BORDER]
    assert inner.sum() == modules.sum()
    return inner


def _walk(modules: npt.NDArray[np.int_]):  # type: ignore[no-untyped-def]
    """Walk the modules that carry data: in pairs of columns, up and down, from the right."""
    size = len(modules)
    fixed = np.zeros_like(modules, bool)
    fixed[:9, :9] = fixed[:9, -8:] = fixed[-8:, :9] = True  # finders, format
    fixed[6] = fixed[:, 6] = True  # timing
    fixed[-9:-4, -9:-4] = True  # alignment
    columns = [j for j in range(size - 1, 0, -1) if j != 6]
    for turn, right in enumerate(columns[::2]):
        left = columns[2 * turn + 1] if 2 * turn + 1 < len(columns) else 0
        for i in range(size) if turn % 2 else reversed(range(size)):
            for j in (right, left):
                if not fixed[i, j]:
                    yield i, j, modules[i, j]


def _take(bits, count: int) -> int:  # type: ignore[no-untyped-def]
    return int("".join(str(int(bit)) for bit in islice(bits, count)), 2)
