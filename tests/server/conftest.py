from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.engine import EngineServer

Start = Callable[..., EngineServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start an engine with the options given; at the end it must not have logged an error."""
    servers: list[EngineServer] = []

    def start(**options: object) -> EngineServer:
        server = EngineServer(**options)  # type: ignore[arg-type]
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[EngineServer]:
    """An engine with small limits for a whole module; those of time it has as they are usual."""
    server = EngineServer(
        ping_interval=10,
        ping_timeout=10,
        max_http_buffer_size=10_000,
        max_header_bytes=4_000,
        close_timeout=0.5,
        max_fragments=100,
        max_payload_packets=100,
    )
    yield server
    server.stop()
