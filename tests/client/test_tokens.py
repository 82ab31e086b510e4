"""Clients that a signed token names, which the server keeps without being asked to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from duologue.client import Client, MessageReceived
from tests.support.process import ServerProcess
from tests.support.tokens import SECRET, token

from .conftest import Connect, hears, hears_all, link

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def guarded() -> Iterator[ServerProcess]:
    """A server that asks for tokens."""
    flags = ("--port", "0", "--store", "memory:", "--grace-seconds", "1")
    env = {"DUOLOGUE_AUTH_SECRET": SECRET}
    server = ServerProcess("duologue", "serve", *flags, env=env)
    yield server
    server.stop()


async def named(connect: Connect, server: ServerProcess, name: str, **options: object) -> Client:
    return await connect(server.url, token=lambda: token(name), **options)


async def test_a_client_of_a_token_gets_all_that_came_since(
    guarded: ServerProcess, connect: Connect, transport: str
) -> None:
    ann = await named(connect, guarded, f"ann-{transport}")
    ben = await named(connect, guarded, f"ben-{transport}", transports=[transport])
    await link(ann, ben)
    await ann.send(ben.id, "to both")
    await hears(ben, MessageReceived)
    await ben.close()
    other = await named(connect, guarded, ben.id)
    sent = await ann.send(ben.id, "while one was away")
    await hears(other, MessageReceived)
    await other.receipt(ann.id, delivered=sent.seq)
    again = await named(connect, guarded, ben.id, since=ben.since)
    assert (await hears(again, MessageReceived)).content == "while one was away"


async def test_a_client_of_a_token_asks_again_for_what_it_had_no_room_for(
    guarded: ServerProcess, connect: Connect, transport: str
) -> None:
    ann = await named(connect, guarded, f"eva-{transport}")
    ben = await named(connect, guarded, f"tom-{transport}", transports=[transport], max_events=5)
    await link(ann, ben)
    for number in range(20):
        await ann.send(ben.id, number)
    got = await hears_all(ben, MessageReceived, 20)
    assert [message.content for message in got] == list(range(20))
