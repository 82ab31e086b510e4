"""WebSockets under servers that are not ours, at the edge between the two."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from duologue.server.app import Engine, Options
from duologue.server.asgi import AsgiWebSocket
from tests.conformance.echo import EchoLayer

pytestmark = pytest.mark.anyio

SCOPE = {
    "type": "websocket",
    "scheme": "ws",
    "path": "/engine.io/",
    "query_string": b"EIO=4&transport=websocket",
    "headers": [],
}


class Peer:
    """What a server does with its end: it takes as many messages as it is told to, and then waits
    for ever or raises `error`."""

    def __init__(self, takes: int, error: Exception | None = None) -> None:
        self.engine = Engine(
            Options(max_queue_bytes=1_000, close_timeout=0.1, max_http_buffer_size=10_000),
            EchoLayer,
        )
        self._takes = takes
        self._error = error
        self._incoming: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if not self._takes:
            if self._error is not None:
                raise self._error
            await asyncio.Event().wait()
        self._takes -= 1

    def says(self, text: str) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def serve(self) -> None:
        async with asyncio.timeout(10):
            await AsgiWebSocket(self.engine).run({**SCOPE}, self._incoming.get, self._send)


async def test_one_that_takes_nothing_and_is_sent_too_much_is_let_go() -> None:
    peer = Peer(takes=2)
    for _ in range(3):
        peer.says("4" + "x" * 500)
    await peer.serve()
    assert (peer.engine.connections, peer.engine.tally.ended) == ({}, {"slow reader": 1})


async def test_one_that_takes_nothing_is_let_go_when_its_session_ends() -> None:
    peer = Peer(takes=2)
    peer.says("4one")
    peer.says("1")
    await peer.serve()
    assert (peer.engine.connections, peer.engine.tally.ended) == ({}, {"transport close": 1})


@pytest.mark.parametrize("takes", [0, 1, 2])
async def test_one_that_goes_while_it_is_sent_something_is_no_error(takes: int) -> None:
    peer = Peer(takes, OSError("gone"))
    peer.says("4one")
    await peer.serve()
    assert (peer.engine.connections, peer.engine.tally.ended) == ({}, {"transport error": 1})


async def test_a_fault_of_the_server_is_told_to_it() -> None:
    peer = Peer(2, RuntimeError("the server's own"))
    peer.says("4one")
    with pytest.raises(RuntimeError, match="the server's own"):
        await peer.serve()
