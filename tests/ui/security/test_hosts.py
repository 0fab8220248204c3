"""Which names are this server's, and which pages may open a session."""

import socket

import pytest

from gradflow.core.errors import GradflowError
from gradflow.ui.security.hosts import SETTING, Hosts

MACHINE = socket.gethostname().lower().partition(".")[0]
EVERYWHERE = [
    *("localhost", "LOCALHOST:8501", "localhost.", "127.0.0.1:8501", "[::1]:8501", "[fe80::1]"),
    *("192.168.1.20:8501", "10.0.0.7", MACHINE, f"{MACHINE}.local:80"),
]
STRANGE = [
    *("evil.example", "evil.example:8501", "localhost.evil.example", "evil.example.", "evil"),
    *("127.0.0.1.nip.example", "127.0.0.1@evil.example", "evil.example/localhost", "0x7f.1"),
    *("", "[::1", "[evil]", "::1", "localhost:", "localhost:a", "localhost, evil.example", "a b"),
    *(f"evil.{MACHINE}", f"{MACHINE}.evil.example", "\x00", "ä.example", "1.2.3.4.5"),
]


@pytest.mark.parametrize("host", EVERYWHERE)
def test_addresses_and_own_names_are_answered(host: str) -> None:
    assert Hosts.read({}).is_host_allowed(host)
    assert Hosts.read({SETTING: "gradflow.example"}).is_host_allowed(host)


@pytest.mark.parametrize("host", STRANGE)
def test_foreign_names_are_not(host: str) -> None:
    assert not Hosts.read({}).is_host_allowed(host)
    assert not Hosts.read({SETTING: "gradflow.example,*.school.example"}).is_host_allowed(host)


def test_names_are_given_by_a_setting() -> None:
    hosts = Hosts.read({SETTING: " GradFlow.example. , *.school.example,"})
    for host in (
        "gradflow.example",
        "Gradflow.Example:443",
        "a.school.example",
        "a.b.school.example",
    ):
        assert hosts.is_host_allowed(host)
    for host in ("x.gradflow.example", "school.example", "evilschool.example"):
        assert not hosts.is_host_allowed(host)
    assert Hosts.read({SETTING: "*"}).is_host_allowed("evil.example")


@pytest.mark.parametrize(
    "given", ["https://a.example", "a.example:8501", "a.example/b", "a b", "*.*"]
)
def test_an_impossible_setting_ends_the_start_with_its_name(given: str) -> None:
    with pytest.raises(GradflowError, match=f"{SETTING}: "):
        Hosts.read({SETTING: given})


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:8501", "localhost:8501", True),
        ("https://gradflow.example", "gradflow.example", True),
        ("https://GRADFLOW.example:8443", "gradflow.example", True),  # a proxy left the port out
        ("http://192.168.1.20:8501", "192.168.1.20:8501", True),
        ("http://[::1]:8501", "[::1]:8501", True),
        ("https://named.example", "127.0.0.1:8501", True),  # a proxy that does not pass Host on
        ("http://localhost:80", "127.0.0.1:8501", True),
        ("http://evil.example", "localhost:8501", False),
        ("http://6.6.6.6", "localhost:8501", False),
        ("http://localhost@evil.example", "localhost:8501", False),
        ("http://localhost.evil.example", "localhost", False),
        ("http://evil.example", None, False),
        ("null", "localhost:8501", False),
        ("", "localhost:8501", False),
        ("http://[", "localhost:8501", False),
        ("file://", "localhost:8501", False),
    ],
)
def test_pages_of_this_server_alone_open_sessions(
    origin: str, host: str | None, allowed: bool
) -> None:
    assert Hosts.read({SETTING: "named.example"}).is_origin_allowed(origin, host) is allowed
    anybody = Hosts.read({SETTING: "*,named.example"})  # any name, and still no foreign page
    assert anybody.is_origin_allowed(origin, host) is allowed
