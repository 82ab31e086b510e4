"""Fixtures that every part of the tests may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import reserved
from tests.support.process import Serve, ServerProcess

_HERE = Path(__file__).parent


#: Where tests take longest. Begun last, one of these would be waited for alone in the end.
_LONGEST = ("browser", "hosts", "torture", "server", "client", "core", "docs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        room = item.path.relative_to(_HERE).parts[0]
        return _LONGEST.index(room) if room in _LONGEST else len(_LONGEST)

    items.sort(key=place)


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that is stopped and comes back; nobody else is given it meanwhile."""
    with reserved() as port:
        yield port


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
