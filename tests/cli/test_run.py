"""``gradflow run``: settings in several forms, reports in several forms, refusals in one line."""

import io
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd
import pytest

import gradflow as gf
from gradflow.cli.main import main
from gradflow.core.codec import to_query

EXPERIMENT = gf.Experiment(network=gf.MLP(depth=3, width=9), seed=4)
EXPECTED = gf.run(EXPERIMENT)
QUERY = "depth=3&width=9&seed=4"
SETTINGS = '{"depth": 3, "width": 9, "seed": 4}'


@pytest.fixture
def saved(tmp_path: Path) -> str:
    """Path of the saved report of the same experiment."""
    EXPECTED.save(tmp_path / "report.json")
    return str(tmp_path / "report.json")


def read_norms(text: str) -> list[float]:
    return gf.Report.from_json(text).layers["delta_norm"].tolist()


@pytest.mark.parametrize(
    "named",
    [
        f"http://127.0.0.1:8501/?{urlencode(to_query(EXPERIMENT))}",
        "&".join([QUERY] * 20),  # too long for a file's name
        f"?{QUERY}",
        QUERY,
        SETTINGS,
        f"/a/?{QUERY}",
    ],
)
def test_addresses_and_json_name_an_experiment(named: str, capfd) -> None:
    assert main(["run", named]) == 0
    out, err = capfd.readouterr()
    assert read_norms(out) == EXPECTED.layers["delta_norm"].tolist()
    assert "3 layers" in err.splitlines()[-1]


def test_a_saved_report_is_run_again(saved: str, capfd) -> None:
    assert main(["run", saved]) == 0
    assert read_norms(capfd.readouterr().out) == EXPECTED.layers["delta_norm"].tolist()


def test_settings_come_from_stdin(monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"widths": [7, 5], "seed": 2}')))
    assert main(["run", "-"]) == 0
    layers = gf.Report.from_json(capfd.readouterr().out).layers
    assert layers["fan_out"].tolist()[:-1] == [7, 5]


def test_csv_holds_a_table(capfd) -> None:
    assert main(["run", QUERY, "--format", "csv", "--table", "parameters"]) == 0
    table = pd.read_csv(io.StringIO(capfd.readouterr().out))
    assert table["grad_norm"].tolist() == EXPECTED.parameters["grad_norm"].tolist()


def test_html_stands_alone_and_says_what_was_found(capfd) -> None:
    assert main(["run", QUERY, "--format", "html"]) == 0
    page = capfd.readouterr().out
    assert page.startswith("<!DOCTYPE html>")
    assert "src=" not in page.split("<body>")[0].split("<script>")[0]
    assert str(gf.findings(EXPECTED)[0].text) in page


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        ("depth=0", "depth: "),
        ("http://x/?dept=3", "dept: there is no such setting"),
        ("http://x/training?depth=3", "training: "),
        ('{"depth": ', "this is not JSON"),
        ("[" * 9, "neither an address"),
        ('{"widths": [[1]]}', "widths"),
        ('{"depth": [1]}', "depth"),
        ("hello", "neither an address"),
        ("", "neither an address"),
        ("/no/such/report.json", "nor a file"),
        ("/dev/null", "nor a file"),
        ("a\0=b", "there is no such setting"),
    ],
)
def test_bad_input_is_one_line_and_no_data(named: str, complaint: str, capfd) -> None:
    assert main(["run", named]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    _progress, line = err.splitlines()
    assert line.startswith("gradflow: ")
    assert complaint in line


def test_reports_without_settings_and_damaged_files_are_refused(
    saved: str, tmp_path: Path, capfd
) -> None:
    report = json.loads(Path(saved).read_text())
    for changed, complaint in (({"experiment": None}, "somebody's own"), ({"loss": []}, "damaged")):
        path = tmp_path / "changed.json"
        path.write_text(json.dumps(report | changed))
        assert main(["run", str(path)]) == 1
        assert complaint in capfd.readouterr().err.splitlines()[-1]
    path.write_bytes(b"\xff\xfe")
    assert main(["run", str(path)]) == 1
    assert "cannot be read" in capfd.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    ("place", "complaint"), [(">/dev/full", "No space left"), (">&-", "closed")]
)
def test_data_that_cannot_be_written_is_one_line(place: str, complaint: str) -> None:
    command = f"{sys.executable} -m gradflow proxy --server 127.0.0.1:8501 {place}"
    run = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith("gradflow: stdout: ")
    assert complaint in line
