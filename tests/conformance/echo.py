"""The engine alone, with the echo application that the two protocols' official suites expect.

    python -m tests.conformance.echo --port 3000 [--asgi]

``/engine.io/`` is bare Engine.IO and echoes every message; ``/socket.io/`` is Socket.IO with the
namespaces ``/`` and ``/custom``. With ``--asgi`` the engine runs as a plain ASGI application under
uvicorn's own WebSocket protocol.
"""

from __future__ import annotations

import argparse
import math
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn
from starlette.applications import Starlette

from duologue.server import http, websocket
from duologue.server.app import Engine, Options
from duologue.server.asgi import EngineApp
from duologue.server.connection import Connection
from duologue.server.lane import Decoders
from duologue.server.session import Session
from duologue.wire.engineio import Binary


class EchoLayer:
    """Engine.IO: whatever comes goes back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.deadline = math.inf
        self.decoders: Decoders = {}
        self.max_depth = 0

    def typed(self, event: Any, ack: int | None) -> None:
        raise AssertionError("it has no decoders")

    def text(self, data: bytes) -> None:
        self._connection.send(data)

    def binary(self, data: Binary) -> None:
        self._connection.send(data)

    def expire(self, now: float) -> None:
        raise AssertionError("it has no deadline")

    def closed(self, reason: str) -> None:
        pass


class EchoApplication:
    """Socket.IO: says what it was told on connecting, sends messages back, acknowledges."""

    def __init__(self) -> None:
        self.decoders: Decoders = {}

    def connect(self, session: Session, auth: dict[str, Any]) -> None:
        session.accept()
        session.emit("auth", auth)

    def event(self, session: Session, name: str, args: Sequence[Any], ack: int | None) -> None:
        if name == "message":
            session.emit("message-back", *args)
        elif name == "message-with-ack" and ack is not None:
            session.ack(ack, *args)

    def typed_event(self, session: Session, event: Any, ack: int | None) -> None:
        raise AssertionError("it declares no types")

    def invalid(self, session: Session, name: str, reason: str, ack: int | None) -> None:
        raise AssertionError("it declares no types")

    def disconnect(self, session: Session, reason: str) -> None:
        pass


SETTINGS: dict[str, Any] = {
    "max_http_buffer_size": 1_000_000,
    "cors_allowed_origins": ("*",),
}
#: As the official suites want them
TIMES: dict[str, Any] = {"ping_interval": 0.3, "ping_timeout": 0.2, "connect_timeout": 1.0}


def engines(times: dict[str, Any]) -> dict[str, Engine]:
    applications = {"/": EchoApplication(), "/custom": EchoApplication()}
    settings = SETTINGS | times
    return {
        "/engine.io/": Engine(Options(path="/engine.io/", **settings), EchoLayer),
        "/socket.io/": Engine.socketio(Options(**settings), applications),
    }


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        print(f"Echoing at http://{host}:{port}/", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--asgi", action="store_true", help="run as a plain ASGI application")
    for name, seconds in TIMES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=seconds)
    arguments = parser.parse_args()
    served = engines({name: getattr(arguments, name) for name in TIMES})
    fast: dict[str, Any] = {
        "ws": websocket.protocol_factory(served),
        "http": http.protocol_factory(served["/socket.io/"]),
    }
    config = uvicorn.Config(
        EngineApp(served, Starlette()),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
        **({"ws": "websockets-sansio"} if arguments.asgi else fast),
    )
    Server(config).run()


if __name__ == "__main__":
    main()
