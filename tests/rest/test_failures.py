"""The REST API while the store fails, or we do."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from duologue.core import events
from duologue.node import Node
from duologue.rest.app import Api
from duologue.stores.writer import Inline, Threaded
from tests.node.fakes import by_id
from tests.node.test_store_failures import FailingStore

from .conftest import API, KEY

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class FaultyStore(FailingStore):
    """Does what no store should: raises what is no failure of a store."""

    faulty = False

    def apply(self, change: events.Change) -> None:
        if self.faulty:
            raise ZeroDivisionError("with a secret")
        super().apply(change)


@pytest.fixture
async def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture(params=[Inline, Threaded])
async def api(
    request: pytest.FixtureRequest, store: FaultyStore
) -> AsyncIterator[httpx.AsyncClient]:
    node = Node(store, identify=by_id, writer=request.param(store))
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


@pytest.mark.parametrize("key", [{}, {"idempotency-key": "link"}])
async def test_a_fault_of_ours_is_a_problem_that_the_log_explains_by_the_requests_id(
    api: httpx.AsyncClient,
    store: FaultyStore,
    key: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store.faulty = True
    headers = {"x-request-id": "0123", **key}
    body = {"client": "ann", "peer": "ben", "create": True}
    with caplog.at_level(logging.ERROR):
        answer = await api.post("/links", json=body, headers=headers)
    (record,) = caplog.records
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["code"] == "unavailable"
    assert "secret" not in answer.text
    assert (record.request, "ZeroDivisionError" in caplog.text) == ("0123", True)  # type: ignore[attr-defined]


async def test_a_request_is_carried_out_when_it_comes_again_after_a_fault_of_ours(
    api: httpx.AsyncClient, store: FaultyStore
) -> None:
    body = {"client": "ann", "peer": "ben", "create": True}
    key = {"idempotency-key": "link"}
    store.faulty = True
    assert (await api.post("/links", json=body, headers=key)).status_code == 500
    store.faulty = False
    assert (await api.post("/links", json=body, headers=key)).status_code == 201
