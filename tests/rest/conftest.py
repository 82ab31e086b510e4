from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.support.process import ServerProcess

KEY = "a-key-for-tests-of-more-than-32-characters"
API = "/api/v1"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    flags = ("--store", "memory:", "--max-http-buffer-size", "10000")
    server = ServerProcess(
        "duologue", "serve", "--port", "0", *flags, env={"DUOLOGUE_API_KEY": KEY}
    )
    yield server
    server.stop()
    assert " ERROR " not in server.log


@pytest.fixture
def api(server: ServerProcess) -> Iterator[httpx.Client]:
    """With the right key, and addresses relative to the API's own."""
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=server.url + API, headers=headers, timeout=20) as client:
        yield client


@pytest.fixture
def name() -> Callable[[str], str]:
    """A client ID of this test's own."""
    ending = uuid.uuid4().hex
    return lambda client: f"{client}-{ending}"


@pytest.fixture
def two(api: httpx.Client, name: Callable[[str], str]) -> tuple[str, str]:
    """Two clients that are linked, and have never been connected."""
    ann, ben = name("ann"), name("ben")
    body = {"client": ann, "peer": ben, "create": True}
    assert api.post("/links", json=body).status_code == 201
    return ann, ben
