"""Computing for a request: in turn, and not for a browser that is gone."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from starlette.datastructures import Headers

from gradflow.core.errors import GradflowError
from gradflow.ui import waiting
from gradflow.ui.answers import PLACES, Abandoned, Overtaken, answer_packed, compute_answer
from gradflow.ui.turns import ADMISSION
from gradflow.ui.wanted import ENDING, check_wanted, listen_for_end


class Client:
    """A request whose browser goes away when it is told to."""

    client = None

    def __init__(self, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.headers = Headers(headers)
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


def test_an_abandoned_request_leaves_the_queue_and_computes_nothing() -> None:
    computed: list[int] = []

    def compute() -> None:
        with ADMISSION:
            computed.append(1)

    async def leave() -> None:
        client = Client()
        answer = asyncio.create_task(compute_answer(client, compute))  # type: ignore[arg-type]
        while not ADMISSION._queue:
            await asyncio.sleep(0.001)
        client.gone.set()
        with pytest.raises(Abandoned):
            await asyncio.wait_for(answer, 20)
        assert not ADMISSION._queue

    with ADMISSION:
        asyncio.run(leave())
    assert computed == []


def test_a_server_that_is_asked_to_end_lets_go_of_all_who_wait() -> None:
    """Else it would end only after the last computation that waits."""
    heard: list[int] = []
    usual = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))

    async def end() -> None:
        client = Client()
        answer = asyncio.create_task(compute_answer(client, ADMISSION.acquire))  # type: ignore[arg-type]
        while not ADMISSION._queue:
            await asyncio.sleep(0.001)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Abandoned):
            await asyncio.wait_for(answer, 20)

    try:
        with listen_for_end(), ADMISSION:
            asyncio.run(end())
        assert heard == [signal.SIGTERM]  # what happened before still happens
        signal.raise_signal(signal.SIGTERM)
        assert len(heard) == 2
    finally:
        ENDING.clear()
        signal.signal(signal.SIGTERM, usual)


def test_a_newer_request_of_the_same_lane_takes_the_place_of_one_that_has_not_begun() -> None:
    computed: list[str] = []

    async def ask(name: str, lane: str) -> str:
        client = Client()
        client.headers = {"X-Lane": lane}

        def compute() -> str:
            with ADMISSION:
                computed.append(name)
            return name

        return await compute_answer(client, compute)  # type: ignore[arg-type]

    async def ask_all() -> list[Any]:
        answers = []
        for length, (name, lane) in enumerate([("old", "1"), ("other", "2"), ("new", "1")], 1):
            answers.append(asyncio.create_task(ask(name, lane)))
            while len(ADMISSION._queue) < length and not answers[0].done():
                await asyncio.sleep(0.001)
        with pytest.raises(Overtaken):
            await asyncio.wait_for(answers[0], 20)
        ADMISSION.release()
        return await asyncio.gather(*answers[1:])

    ADMISSION.acquire()
    assert asyncio.run(ask_all()) == ["other", "new"]
    assert computed == ["new", "other"]


def test_what_has_begun_is_not_overtaken() -> None:
    begun, end = threading.Event(), threading.Event()

    def compute() -> str:
        with ADMISSION:
            begun.set()
            end.wait(20)
            check_wanted()
        return "old"

    async def ask_both() -> list[str]:
        clients = [Client(), Client()]
        for client in clients:
            client.headers = {"X-Lane": "1"}
        old = asyncio.create_task(compute_answer(clients[0], compute))  # type: ignore[arg-type]
        await asyncio.to_thread(begun.wait, 20)
        new = asyncio.create_task(
            compute_answer(clients[1], lambda: "new")  # type: ignore[arg-type]
        )
        await asyncio.wait_for(asyncio.shield(new), 20)
        end.set()
        return [await old, await new]

    assert asyncio.run(ask_both()) == ["old", "new"]


def test_an_error_reaches_the_caller_and_frees_its_place() -> None:
    def compute() -> None:
        raise ValueError("wrong")

    async def ask_often() -> None:
        for _time in range(100):  # more often than there are places
            with pytest.raises(ValueError, match="wrong"):
                await compute_answer(Client(), compute)  # type: ignore[arg-type]

    asyncio.run(ask_often())


def test_it_is_computed_in_a_thread_beside_the_loop() -> None:
    async def ask_for_thread() -> str:
        def find_name() -> str:
            return threading.current_thread().name

        return await compute_answer(Client(), find_name)  # type: ignore[arg-type]

    assert asyncio.run(ask_for_thread()).startswith("gradflow-answer")


def write_in_turn() -> bytes:
    with ADMISSION:
        return b"content"


def fail_in_turn() -> bytes:
    with ADMISSION:
        raise GradflowError("too large")


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize(
    ("write", "status", "content"),
    [(write_in_turn, 200, b"content"), (fail_in_turn, 422, b"too large")],
)
def test_a_browser_is_told_its_place_before_the_answer(
    encoding, write, status, content, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_TELL_SECONDS", 0.0)

    async def read() -> None:
        client = Client({"Accept": PLACES, "Accept-Encoding": encoding})
        response = await answer_packed(client, write, "text/plain")  # type: ignore[arg-type]
        assert response.headers["content-type"] == PLACES
        assert response.headers.get("content-encoding", "identity") == encoding
        unpack = zlib.decompressobj(31).decompress if encoding == "gzip" else bytes
        parts = response.body_iterator  # type: ignore[attr-defined]
        first = json.loads(unpack(await anext(parts)))  # readable although more is to come
        assert first == {"waiting": "Waiting for a turn: one other before you."}
        ADMISSION.release()
        rest = b"".join([unpack(part) async for part in parts])
        *_places, line, body = rest.split(b"\n")
        assert (json.loads(line), body) == ({"status": status}, content)

    with ADMISSION:  # until it is released in the middle
        asyncio.run(read())


def test_whoever_does_not_ask_for_places_gets_the_answer_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "_TELL_SECONDS", 0.0)

    async def read() -> None:
        client = Client({"Accept-Encoding": "identity"})
        answer = asyncio.create_task(answer_packed(client, write_in_turn, "text/plain"))  # type: ignore[arg-type]
        await asyncio.sleep(0.5)
        assert not answer.done()
        ADMISSION.release()
        assert (await answer).body == b"content"

    with ADMISSION:  # until it is released in the middle
        asyncio.run(read())
