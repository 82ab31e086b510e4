"""Clients for tests, against a server in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from duologue.client import Client, Event, Refused
from tests.support.process import ServerProcess

SECONDS = 20.0

Connect = Callable[..., Awaitable[Client]]
_EventT = TypeVar("_EventT")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def shared() -> Iterator[ServerProcess]:
    """A server that all tests of a module share."""
    # A poll that was broken off may be noticed late, and a server that stops would wait for it
    flags = ("--port", "0", "--store", "memory:", "--grace-seconds", "1")
    server = ServerProcess("duologue", "serve", *flags)
    yield server
    server.stop()


@pytest.fixture(params=["websocket", "polling"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Make a connected client, which is closed at the end."""
    clients: list[Client] = []

    async def make(url: str, **options: Any) -> Client:
        client = Client(url, **options)
        clients.append(client)
        await client.connect()
        return client

    yield make
    for client in clients:
        await client.close()


async def hears(client: Client, kind: type[_EventT]) -> _EventT:
    """The next event of a kind; those before it are passed over."""
    async with asyncio.timeout(SECONDS):
        async for event in client:
            if isinstance(event, kind):
                return event
    raise AssertionError("the client has ended")


async def hears_all(client: Client, kind: type[_EventT], count: int) -> list[_EventT]:
    return [await hears(client, kind) for _ in range(count)]


async def caught_up(client: Client) -> None:
    """By now everything has come that was on its way: answers do not overtake it."""
    with contextlib.suppress(Refused):
        await client.revoke("no such code")


async def hears_nothing_more(client: Client) -> list[Event]:
    """What a client has been told and not taken, once an answer has come after all of it."""
    await caught_up(client)
    events: list[Event] = []
    iterator = aiter(client)
    while True:
        try:
            async with asyncio.timeout(0.05):
                events.append(await anext(iterator))
        except TimeoutError:
            return events


async def link(one: Client, other: Client) -> None:
    """Make a link by an invitation."""
    assert await other.redeem((await one.invite()).code) == one.id
