"""The echo application, as a fast server and as a plain ASGI application."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.process import ServerProcess


@pytest.fixture(scope="module", params=["fast", "asgi"])
def echo(request: pytest.FixtureRequest) -> Iterator[str]:
    flags = ["--asgi"] if request.param == "asgi" else []
    server = ServerProcess("tests.conformance.echo", "--port", "0", *flags)
    yield server.url
    server.stop()
    assert "Traceback" not in server.log
