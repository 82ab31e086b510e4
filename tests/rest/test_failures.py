"""The REST API while the store fails."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from duologue.node import Node
from duologue.rest.app import Api
from tests.node.fakes import by_id, virtual_clock
from tests.node.test_store_failures import FailingStore

from .conftest import API, KEY

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
async def api(store: FailingStore) -> AsyncIterator[httpx.AsyncClient]:
    node = Node(store, identify=by_id, clock=virtual_clock)
    app = Api(node.host, [KEY], Starlette(), max_body_bytes=10_000, max_json_depth=32)
    headers = {"authorization": f"Bearer {KEY}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url=f"http://server{API}", headers=headers
    ) as client:
        yield client
    node.close()


async def test_what_cannot_be_kept_is_unavailable_and_may_be_tried_again(
    api: httpx.AsyncClient, store: FailingStore
) -> None:
    body = {"client": "ann", "peer": "ben", "create": True}
    key = {"idempotency-key": "link"}
    store.cannot_write = True
    refused = await api.post("/links", json=body, headers=key)
    store.cannot_write = False
    again = await api.post("/links", json=body, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert refused.json()["retryable"] is True
    assert refused.headers["retry-after"] == "1"
    assert again.status_code == 201
