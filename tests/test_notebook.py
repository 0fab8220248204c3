"""The notebook is what its script makes: the same cells, which run and show what they showed."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAKER = runpy.run_path(str(ROOT / "scripts" / "make-notebook"))


def test_the_notebook_is_up_to_date():
    script = ROOT / "docs" / "your-model.py"
    kept = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))
    made = MAKER["make_notebook"](script.read_text(encoding="utf-8"))
    assert [cell["source"] for cell in kept["cells"]] == [cell["source"] for cell in made["cells"]]

    def list_kinds(notebook):
        return [
            [(o["output_type"], sorted(o.get("data", []))) for o in cell.get("outputs", [])]
            for cell in notebook["cells"]
        ]

    assert list_kinds(kept) == list_kinds(made)
    shown = json.dumps(kept, ensure_ascii=False)
    assert "The gradient shrinks" in shown
    assert "Step 1, forward pass: the output of normalize is not finite." in shown
    assert len(shown) < 200_000
