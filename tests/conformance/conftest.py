"""The echo application, as a fast server and as a plain ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.support.process import ServerProcess


@contextlib.contextmanager
def _served(kind: str, *flags: str) -> Iterator[str]:
    by_asgi = ["--asgi"] if kind == "asgi" else []
    server = ServerProcess("tests.conformance.echo", "--port", "0", *by_asgi, *flags)
    yield server.url
    server.stop()
    assert "Traceback" not in server.log


@pytest.fixture(scope="module", params=["fast", "asgi"])
def echo(request: pytest.FixtureRequest) -> Iterator[str]:
    """One that gives a slow machine the time it needs."""
    flags = ("--ping-interval=25", "--ping-timeout=20", "--connect-timeout=10")
    with _served(request.param, *flags) as url:
        yield url


@pytest.fixture(scope="module", params=["fast", "asgi"])
def pinging(request: pytest.FixtureRequest) -> Iterator[str]:
    """One that pings soon, and waits long for an answer."""
    with _served(request.param, "--ping-timeout=20") as url:
        yield url


@pytest.fixture(scope="module", params=["fast", "asgi"])
def hasty(request: pytest.FixtureRequest) -> Iterator[str]:
    """One whose time limits can be waited for."""
    with _served(request.param) as url:
        yield url
