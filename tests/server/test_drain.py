"""Whom an engine waits for when it ends."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from duologue.server.app import Engine, Options
from duologue.server.asgi import EngineApp
from tests.conformance.echo import EchoLayer

pytestmark = pytest.mark.anyio


class Polls:
    """A client that polls an engine, whose clock stands still."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.engine = Engine(Options(), EchoLayer)
        self.engine.now = lambda: self.now
        app = EngineApp({"/": self.engine}, lambda *_: None)
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        )
        self._query = {"EIO": "4", "transport": "polling"}

    async def open(self) -> None:
        self._query["sid"] = json.loads((await self.get())[1:])["sid"]

    async def get(self) -> str:
        return (await self._client.get("/", params=self._query)).text

    async def post(self, packet: str) -> None:
        await self._client.post("/", params=self._query, content=packet)


async def test_a_client_that_has_not_polled_for_long_does_not_hold_up_the_end() -> None:
    client = Polls()
    await client.open()
    await client.post("4one")
    client.now += 5
    async with asyncio.timeout(10):
        await client.engine.drain(1_000)
    assert not client.engine.connections


async def test_a_client_that_polled_just_now_is_waited_for() -> None:
    client = Polls()
    await client.open()
    await client.post("4one")
    end = asyncio.create_task(client.engine.drain(1_000))
    await asyncio.sleep(0)
    assert await client.get() == "4one"
    await end


async def test_a_client_whose_poll_is_in_flight_is_given_what_waits() -> None:
    client = Polls()
    await client.open()
    poll = asyncio.create_task(client.get())
    await asyncio.sleep(0)
    client.now += 20
    await client.post("4one")
    await client.engine.drain(1_000)
    assert (await poll).startswith("4one")
