"""Under which names this server answers, and to pages of which origins.

A browser that was led to a stranger's name (DNS rebinding) or that shows a stranger's page says so
in ``Host`` and ``Origin``.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import streamlit as st

from gradflow.core.errors import GradflowError

SETTING = "GRADFLOW_ALLOWED_HOSTS"
_ANY = "*"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::\d{1,5})?")


@dataclass(frozen=True)
class Hosts:
    """The names of this server.

    Attributes:
        own: its own names, and those that it was given; ``*.example`` stands for all below it.
        any_host: whether every ``Host`` will do.
    """

    own: frozenset[str]
    any_host: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Hosts:
        """Read the names from the setting, with those that always hold.

        Raises:
            GradflowError: the setting holds something that is no name.
        """
        given = [
            word.strip().lower().rstrip(".") for word in environment.get(SETTING, "").split(",")
        ]
        names = {word for word in given if word}
        for name in names - {_ANY}:
            if not _is_address(name) and not _NAME.fullmatch(name.removeprefix("*.")):
                raise GradflowError(
                    f"{SETTING}: {name!r} is not a host name; write names without scheme, port "
                    "or path, separated by commas, such as gradflow.example,*.school.example, or *"
                )
        return cls(frozenset(names - {_ANY}) | frozenset(_list_own_names()), _ANY in names)

    def is_host_allowed(self, host: str) -> bool:
        """Whether a ``Host`` names this server: an IP address, or one of its names."""
        name = read_host_name(host)
        if name is None:
            return False
        return self.any_host or _is_address(name) or self._owns(name)

    def is_origin_allowed(self, origin: str, host: str | None) -> bool:
        """Whether a page of this ``Origin`` may open a session, and send files.

        Pages that this server itself has sent may. Ports are not compared: many a proxy leaves
        them out of ``Host``.
        """
        try:
            name = urlsplit(origin.lower()).hostname
        except ValueError:
            return False
        if not name:  # "null": a page without an origin
            return False
        name = name.rstrip(".")
        return (host is not None and name == read_host_name(host)) or self._owns(name)

    def _owns(self, name: str) -> bool:
        parents = (name[i:] for i, letter in enumerate(name) if letter == ".")
        return name in self.own or any(f"*{parent}" in self.own for parent in parents)


def read_host_name(host: str) -> str | None:
    """Read the name, or the address, in a ``Host``; ``None`` if there is none in it."""
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return None
    if address := match["address"]:
        return address if _is_address(address) else None
    return match["name"].rstrip(".") or None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _list_own_names() -> Iterable[str]:
    machine = socket.gethostname().lower()
    short = machine.partition(".")[0]
    configured = str(st.get_option("browser.serverAddress") or "").lower()
    return {*_LOOPBACK, machine, short, f"{short}.local", configured} - {"", ".local"}
