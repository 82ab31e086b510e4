"""Fixtures that every part of the tests may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import Serve, ServerProcess


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start ``duologue serve`` as a process, on a free port, with the flags given.

    All that a test has started is stopped at its end.
    """
    servers: list[ServerProcess] = []

    def start(
        *flags: str, env: dict[str, str] | None = None, folder: Path | None = None
    ) -> ServerProcess:
        arguments = ("serve", "--port", "0", *flags)
        server = ServerProcess("duologue", *arguments, env=env, folder=folder)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
