"""requirements.lock is what requirements.txt asks for: run ``make lock`` where this fails."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)", re.MULTILINE)


def read_pins(name: str) -> dict[str, str]:
    return {pin[1]: pin[2] for pin in PIN.finditer((ROOT / name).read_text())}


def test_what_is_required_is_locked() -> None:
    required, locked = read_pins("requirements.txt"), read_pins("requirements.lock")
    assert required.pop("torch")  # each of its indexes has another build of the same version
    assert required.items() <= locked.items()
    assert not any(name.startswith(("cuda", "nvidia", "torch", "triton")) for name in locked)


def test_all_that_is_locked_has_hashes_and_no_origin() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.partition(" ")[0]
