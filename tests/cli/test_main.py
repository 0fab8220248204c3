"""The command's arguments: what they say, and how ``serve`` refuses what it cannot do."""

import importlib.util
import os
import socket
import subprocess
import sys

import pytest

import gradflow
from gradflow.cli import main as command
from gradflow.cli.main import main
from gradflow.cli.processes import find_free_ports
from gradflow.ui.paths import APP


def test_the_module_is_the_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "gradflow", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"gradflow {gradflow.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["fly"], ["serve", "--wings"], ["serve", "--workers=x"]])
def test_wrong_arguments_are_one_line(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gradflow: ")


def test_one_process_is_streamlit_itself(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr("streamlit.web.cli.main", lambda arguments, **_: called.append(arguments))
    monkeypatch.setattr(sys, "argv", sys.argv[:])
    (port,) = find_free_ports(1)
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", str(port))
    assert main(["serve"]) == 0
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    assert called == [["run", str(APP), *options]]
    assert f"http://127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "0"], "port: "),
        (["--port", "http"], "port: "),
        (["--workers", "0"], "workers: "),
        (["--workers", "1000"], "workers: "),
        (["--host", "256.1.1.1"], "256.1.1.1, port "),
    ],
)
def test_impossible_values_are_one_line(arguments: list[str], complaint: str, capsys) -> None:
    assert main(["serve", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"gradflow: {complaint}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRADFLOW_MAX_GIB", "2 GiB"),
        ("GRADFLOW_MAX_TRAINING_TFLOP", "-1"),
        ("GRADFLOW_PROCESSES", "0"),
        ("GRADFLOW_ALLOWED_HOSTS", "https://gradflow.example/"),
        ("GRADFLOW_FRAME_ANCESTORS", "a;b"),
        ("GRADFLOW_METRICS", "maybe"),
        ("GRADFLOW_NGINX", "/etc/passwd"),
    ],
)
def test_an_impossible_variable_is_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["serve", "--workers", "2"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"gradflow: {name}: ")
    assert value in line


def test_streamlit_ends_with_the_same_line() -> None:
    """The limits hold for experiments that modules build when they are imported."""
    (port,) = find_free_ports(1)
    run = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)],
        env=os.environ | {"GRADFLOW_MAX_TFLOP": "nan"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert (
        run.stderr
        == 'gradflow: GRADFLOW_MAX_TFLOP: "nan" is not allowed; choose a number above 0\n'
    )


def test_a_taken_port_is_named(capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    assert f"127.0.0.1, port {port}: " in capsys.readouterr().err


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(command.serve, "find_nginx", lambda: None)
    assert main(["serve", "--workers", "2"]) == 1
    assert "apt-get install nginx" in capsys.readouterr().err
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert main(["serve"]) == 1
    assert "pip install 'gradflow[app]'" in capsys.readouterr().err


def test_health_follows_the_servers_own_settings(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    asked: list[str] = []
    monkeypatch.setattr("gradflow.cli.processes.fetch_body", lambda url: asked.append(url) or b"ok")
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", "9000")
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "/school/gradflow/")
    assert main(["health"]) == 0
    monkeypatch.setattr("gradflow.cli.processes.fetch_body", lambda _url: b"<html>")
    assert main(["health"]) == 1
    assert asked == ["http://127.0.0.1:9000/school/gradflow/_stcore/health"]
    assert "no answer" in capsys.readouterr().err
