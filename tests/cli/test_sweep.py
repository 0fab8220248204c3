"""``gradflow sweep``: axes on the command line, tables in files, one line per refusal."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import gradflow as gf
from gradflow.cli.axes import parse_axis
from gradflow.cli.main import main

QUERY = "depth=4&width=6&batch_size=8&initialization=normal&init_std=0.3"
AXES = ["--axis", "init_std=0.1:0.4:3:log", "--axis", "activation=relu,tanh"]
COMMAND = ["sweep", QUERY, *AXES, "--seeds", "2"]


def test_axes() -> None:
    assert parse_axis("depth=2,10,50") == ("depth", [2, 10, 50], False)
    assert parse_axis("init_std=0.5:2:4") == ("init_std", [0.5, 1.0, 1.5, 2.0], True)
    assert parse_axis("init_std=0.01:1:3:log") == ("init_std", [0.01, 0.1, 1.0], True)
    assert parse_axis("zero_last=true,false") == ("zero_last", [True, False], False)


def test_whole_numbers_between_two_ends_are_rounded_and_come_once(capfd) -> None:
    assert main(["sweep", QUERY, "--axis", "depth=2:4:7", "--seeds", "1"]) == 0
    depths = [line.split(",")[0] for line in capfd.readouterr().out.splitlines()[1:]]
    assert depths == ["2", "3", "4"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_table_and_a_figure(suffix: str, tmp_path: Path, capfd) -> None:
    out, figure = tmp_path / f"sweep{suffix}", tmp_path / "map.html"
    assert main([*COMMAND, "--out", str(out), "--figure", str(figure)]) == 0
    table = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out)
    assert table["init_std"].tolist() == [0.1] * 4 + [0.2] * 4 + [0.4] * 4
    row = table.iloc[-1]
    network = gf.MLP(depth=4, width=6, activation="tanh", initialization="normal", init_std=0.4)
    report = gf.run(gf.Experiment(network=network, data=gf.Data(batch_size=8), seed=1))
    assert row["loss"] == pytest.approx(report.loss, rel=1e-5)
    assert "Gradient at the first layer" in figure.read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*.part"))
    said = capfd.readouterr()
    assert said.out == ""
    assert "12 of 12 networks" in said.err


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("bias_std=0,0.1,0.3", [0.0, 0.1, 0.3]),
        ("init_std=1e-3,1", [0.001, 1.0]),
        ("bias_std=1,2.5", [1.0, 2.5]),
        ("connection=plain,residual", ["plain", "residual"]),
    ],
)
def test_a_figure_of_whole_and_other_numbers(
    axis: str, values: list, tmp_path: Path, capfd
) -> None:
    out, figure = tmp_path / "sweep.csv", tmp_path / "map.html"
    axes = ["--axis", axis, "--axis", "depth=2,3"]
    files = ["--out", str(out), "--figure", str(figure)]
    assert main(["sweep", QUERY, *axes, "--seeds", "1", *files]) == 0
    assert pd.read_csv(out)[axis.partition("=")[0]].unique().tolist() == values
    assert "Gradient at the first layer" in figure.read_text(encoding="utf-8")
    assert "Traceback" not in capfd.readouterr().err


def test_a_figure_of_switches(tmp_path: Path) -> None:
    figure = tmp_path / "map.html"
    query = f"{QUERY}&connection=residual"
    axes = ["--axis", "zero_last=true,false", "--axis", "bias_std=0,0.5"]
    assert main(["sweep", query, *axes, "--seeds", "1", "--figure", str(figure)]) == 0
    assert "Gradient at the first layer" in figure.read_text(encoding="utf-8")


def test_without_a_file_the_table_is_data_on_stdout(capfd) -> None:
    assert main(COMMAND) == 0
    out = capfd.readouterr().out.splitlines()
    assert out[0].startswith("init_std,activation,seed,first_gradient")
    assert len(out) == 13


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--axis", "depth"], 'axis: "depth" is not NAME=VALUES'),
        (["--axis", "depth=1:2"], "is not NAME=from:to:count"),
        (["--axis", "init_std=0:1:5:log"], "numbers above 0 for log"),
        (["--axis", "depth=2", "--axis", "depth=3"], "axis: name each setting once"),
        (["--axis", "deep=2"], "deep: there is no such setting"),
        (["--axis", "depth=2", "--out", "a.txt"], "out: a.txt must end in .parquet or .csv"),
        (
            ["--axis", "depth=2", "--out", "no/such/folder.csv"],
            "out: no/such/folder.csv cannot be written",
        ),
        (["--axis", "depth=2", "--figure", "x.html", "--measure", "joy"], "joy is not measured"),
        (["--axis", "depth=2", "--seeds", "0"], "seeds: 0 is not allowed"),
        (["--axis", "depth=1,,2"], 'axis: "depth=1,,2" has an empty value'),
        (["--axis", "depth=1:2:3:lin"], "is not NAME=from:to:count"),
        (["--axis", "depth=2:3:2:log:x"], "is not NAME=from:to:count"),
        (["--axis", "depth=2,2.0"], "give at least one value, and each once"),
        (["--axis", "depth=nan"], "depth: NaN is not allowed"),
        (["--axis", "seed=1,2"], "seeds: 8 have no meaning with an axis seed"),
        (["--axis", "depth=2", "--axis", "network.depth=3"], "axes: name each setting once"),
        (["--axis", "depth=2", "--out", "a.json"], "must end in .parquet or .csv"),
        (["--axis", "depth=2", "--out", "folder.csv"], "out: folder.csv cannot be written"),
        (["--axis", "depth=2", "--figure", "no/x.html"], "figure: no/x.html cannot be written"),
        (["--axis", "depth=2", "--out", "other.csv"], "other.csv.part is not of this sweep"),
        (["--axis", "depth=2", "--out", "binary.csv"], "binary.csv.part cannot be used"),
    ],
)
def test_refusals_are_one_line(
    arguments: list[str], said: str, tmp_path, monkeypatch, capfd
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    Path("other.csv.part").write_text('{"format": "gradflow-sweep"}\n')
    Path("binary.csv.part").write_bytes(b"\xff\xfe")
    assert main(["sweep", QUERY, *arguments]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_curve_marks_what_the_number_format_has_spoilt(tmp_path: Path) -> None:
    figure = tmp_path / "curve.html"
    axis = ["--axis", "init_std=0.001,0.3"]
    query = QUERY.replace("depth=4", "depth=20") + "&dtype=float16"
    assert main(["sweep", query, *axis, "--seeds", "1", "--figure", str(figure)]) == 0
    assert "underflow or overflow has spoilt this" in figure.read_text(encoding="utf-8")


def test_networks_without_batched_layers_run_one_by_one_and_say_so(capfd) -> None:
    query = "architecture=conv&channels=2&depth=2&batch_size=4&image_size=8&stages=1"
    assert main(["sweep", query, "--axis", "batch_size=2,4", "--seeds", "1"]) == 0
    assert "running 2 networks one by one, because convolutional" in capfd.readouterr().err
    assert main(["sweep", QUERY, "--axis", "batch_size=2,4", "--seeds", "1"]) == 0
    assert "one by one" not in capfd.readouterr().err


def test_a_slip_in_a_value_is_named(capfd) -> None:
    axes = ["--axis", "activation=relu,tanhh", "--axis", "depth=2,3"]
    assert main(["sweep", QUERY, *axes, "--seeds", "1"]) == 0
    err = capfd.readouterr().err.splitlines()[-1]
    assert "2 of 4 points are not possible, such as activation=tanhh, depth=2 (" in err
    assert '"tanhh" is not allowed' in err


def test_an_interrupted_command_goes_on_from_its_file(tmp_path: Path) -> None:
    out = tmp_path / "sweep.csv"
    query = "depth=60&width=128&batch_size=64&initialization=normal"
    words = ["sweep", query, "--axis", "init_std=0.05:0.3:24", "--axis", "bias_std=0:1:8"]
    command = [sys.executable, "-m", "gradflow", *words, "--seeds", "2", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if re.search(r"[1-9]\d* of 384", line))
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert not out.exists()
    part = tmp_path / "sweep.csv.part"
    lines = part.read_text().splitlines()
    assert len(lines) > 1, said
    part.write_text("\n".join([*lines, lines[-1][:-50]]))  # as a loss of power would leave it
    again = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)
    assert "384 of 384 networks" in again.stderr
    assert not part.exists()
    table = pd.read_csv(out)
    assert len(table) == len(table.drop_duplicates(["init_std", "bias_std", "seed"])) == 384
