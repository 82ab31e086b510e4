"""uvicorn hands a WebSocket over as we expect: with a new minor version, look here first."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette

from tests.support.raw import RawSocket, upgrade_request


class Recorder(asyncio.Protocol):
    calls: list[tuple[str, Any]]

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: Any) -> None:
        self.calls.append(("made", (type(config), type(server_state))))
        self._connections = server_state.connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append(("connection_made", transport.get_extra_info("peername")[0]))
        self._transport: Any = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self.calls.append(("data_received", data))
        self._transport.write(b"got it\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def shutdown(self) -> None:
        self.calls.append(("shutdown", None))
        self._transport.close()


def test_uvicorn_hands_a_websocket_over_as_we_expect() -> None:
    calls: list[tuple[str, Any]] = []
    Recorder.calls = calls
    config = uvicorn.Config(Starlette(), ws=Recorder, http="httptools", log_config=None)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    with RawSocket(port) as raw:
        raw.send(upgrade_request(port, "a=b", "X-Name: value"))
        raw.read(b"got it\n")
        raw.send(b"a frame")
        raw.read(b"got it\n")
        server.should_exit = True
        thread.join(10)
    names = [name for name, _ in calls]
    assert names == ["made", "connection_made", "data_received", "data_received", "shutdown"]
    request = calls[2][1]
    assert request.startswith(b"GET /socket.io/?a=b HTTP/1.1\r\n")
    assert b"x-name: value\r\n" in request
    assert request.endswith(b"\r\n\r\n")
    assert calls[3][1] == b"a frame"
