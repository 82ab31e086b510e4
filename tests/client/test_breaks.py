"""Nothing is lost and nothing comes twice when connections break and servers are killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from duologue.client import (
    Client,
    Connected,
    Disconnected,
    DuologueError,
    EventsLost,
    Links,
    MessageReceived,
    NoAnswer,
    Presence,
    Refused,
)
from tests.support.process import Serve, ServerProcess
from tests.torture.proxy import CUT, Proxy
from tests.torture.server import Server

from .conftest import SECONDS, Connect, caught_up, hears, hears_all, link

pytestmark = pytest.mark.anyio

QUICKLY: dict[str, Any] = {"max_backoff": 0.2}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server on a file, which can be killed and started again."""
    async with Server(tmp_path / "store.db", tmp_path / "log") as server:
        await server.start()
        yield server


@pytest.fixture
async def pair(server: Server, connect: Connect, transport: str) -> tuple[Client, Client]:
    return await linked(f"http://127.0.0.1:{server.port}", connect, transports=[transport])


async def linked(url: str, connect: Connect, **options: Any) -> tuple[Client, Client]:
    ann = await connect(url, keep=True, **QUICKLY, **options)
    ben = await connect(url, keep=True, **QUICKLY, **options)
    await link(ann, ben)
    return ann, ben


def drop(client: Client) -> None:
    """Break a client's connection off, as a network does."""
    session = client._connection.session
    assert session is not None
    session.transport.abort()


async def test_a_conversation_goes_on_through_kills(
    server: Server, pair: tuple[Client, Client]
) -> None:
    count = 150
    ann, ben = pair
    got: dict[str, list[Any]] = {ann.id: [], ben.id: []}

    async def listen(client: Client) -> None:
        async for event in client:
            if isinstance(event, MessageReceived):
                got[client.id].append((event.seq, event.sender, event.content))
                if len(got[client.id]) == count:
                    return

    async def talk(client: Client, peer: str) -> list[tuple[int, str, int]]:
        said = []
        for number in range(count):
            sent = await client.send(peer, number)
            said.append((sent.seq, client.id, number))
            await asyncio.sleep(0.005)
        return said

    working = asyncio.gather(talk(ann, ben.id), talk(ben, ann.id), listen(ann), listen(ben))
    kills = 0
    async with asyncio.timeout(60):
        while not working.done() and kills < 4:
            await asyncio.sleep(random.uniform(0.1, 0.4))
            await server.kill()
            await server.start()
            kills += 1
        by_ann, by_ben, _, _ = await working
    assert kills > 0
    assert (got[ben.id], got[ann.id]) == (by_ann, by_ben)


async def test_it_goes_on_over_a_network_that_cuts(
    server: Server, connect: Connect, transport: str
) -> None:
    count = 100
    seed = random.randrange(2**32)
    proxy = Proxy(server.port, random.Random(seed), weights={CUT: 1}, most_bytes=60_000)
    async with proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        direct = f"http://127.0.0.1:{server.port}"
        ben = await connect(direct, keep=True, **QUICKLY)
        first = await connect(direct, keep=True, **QUICKLY)
        await link(first, ben)
        await first.close()
        while True:
            try:
                ann = await connect(
                    url, resume_token=first.resume_token, transports=[transport], **QUICKLY
                )
                break
            except DuologueError:
                continue
        async with asyncio.timeout(60):
            sent = await asyncio.gather(*(ann.send(ben.id, "x" * 50) for _ in range(count)))
            back = await asyncio.gather(*(ben.send(ann.id, "x" * 50) for _ in range(count)))
            assert [message.id for message in await hears_all(ben, MessageReceived, count)] == [
                each.id for each in sent
            ], seed
            assert [message.id for message in await hears_all(ann, MessageReceived, count)] == [
                each.id for each in back
            ], seed


async def test_a_break_is_told(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    await hears(ann, Presence)
    drop(ann)
    await hears(ann, Disconnected)
    assert await hears(ann, Connected) == Connected(ann.id, new=False)
    assert (await hears(ann, Links)).links[0].peer == ben.id


async def test_a_receipt_is_not_waited_for_beyond_a_link_that_was_made_anew_meanwhile(
    server: Server, connect: Connect, transport: str
) -> None:
    proxy = Proxy(server.port, random.Random())
    proxy.calm = True
    async with proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        ann = await connect(url, keep=True, transports=[transport], **QUICKLY)
        ben = await connect(f"http://127.0.0.1:{server.port}", keep=True)
        await link(ann, ben)
        sent = await ann.send(ben.id, "hello")
        code = (await ann.invite()).code
        reading = asyncio.create_task(sent.receipt("read"))
        proxy.target = 0
        proxy.drop()
        await hears(ann, Disconnected)
        await ben.close_link(ann.id)
        await ben.redeem(code)
        proxy.target = server.port
        async with asyncio.timeout(SECONDS):
            with pytest.raises(DuologueError, match="not connected to this client"):
                await reading


async def test_what_was_sent_while_there_was_no_server_is_stored_once(
    server: Server, pair: tuple[Client, Client]
) -> None:
    ann, ben = pair
    await server.kill()
    sending = [asyncio.create_task(ann.send(ben.id, number)) for number in range(3)]
    await hears(ann, Disconnected)
    assert not any(task.done() for task in sending)
    await server.start()
    async with asyncio.timeout(SECONDS):
        assert [sent.seq for sent in await asyncio.gather(*sending)] == [1, 2, 3]
    assert [message.content for message in await hears_all(ben, MessageReceived, 3)] == [0, 1, 2]


async def test_a_message_whose_answer_was_lost_is_not_told_to_its_sender(
    pair: tuple[Client, Client],
) -> None:
    ann, ben = pair
    sending = asyncio.create_task(ann.send(ben.id, "hello"))
    message = await hears(ben, MessageReceived)
    drop(ann)  # before it has read the answer, or after: the loop decides
    sent = await sending
    assert (sent.id, sent.seq) == (message.id, message.seq)
    await ben.send(ann.id, "got it")
    assert (await hears(ann, MessageReceived)).content == "got it"


async def test_a_request_is_asked_again_after_a_break(
    server: Server, pair: tuple[Client, Client]
) -> None:
    ann, ben = pair
    await ann.send(ben.id, "hello")
    await server.kill()
    asking = asyncio.create_task(ben.history(ann.id))
    await server.start()
    async with asyncio.timeout(SECONDS):
        assert [message.content for message in (await asking).messages] == ["hello"]


async def test_what_cannot_be_repeated_says_that_it_was_not_answered(
    pair: tuple[Client, Client],
) -> None:
    ann, _ = pair
    asking = asyncio.create_task(ann.invite())
    await asyncio.sleep(0)
    drop(ann)
    with pytest.raises(NoAnswer) as caught:
        await asking
    assert (caught.value.code, caught.value.retryable) == ("unavailable", True)


async def test_waiting_for_a_connection_ends(server: Server, connect: Connect) -> None:
    ann = await connect(f"http://127.0.0.1:{server.port}", timeout=0.3, **QUICKLY)
    await server.kill()
    await hears(ann, Disconnected)
    with pytest.raises(NoAnswer):
        await ann.request("somebody")


async def test_without_keep_a_break_makes_somebody_new(
    shared: ServerProcess, connect: Connect, transport: str
) -> None:
    ann = await connect(shared.url, transports=[transport], **QUICKLY)
    ben = await connect(shared.url)
    await link(ann, ben)
    sent = await ann.send(ben.id, "hello")
    waiting = asyncio.create_task(sent.receipt("read"))
    before = (await hears(ann, Connected)).client_id
    drop(ann)
    await hears(ann, Disconnected)
    after = await hears(ann, Connected)
    assert (after.new, after.client_id == ann.id, after.client_id == before) == (True, True, False)
    with pytest.raises(DuologueError):
        await waiting


async def test_an_identity_that_is_gone_ends_the_client(
    pair: tuple[Client, Client], server: Server, connect: Connect
) -> None:
    ann, _ = pair
    tablet = await connect(f"http://127.0.0.1:{server.port}", resume_token=ann.resume_token)
    await tablet.forget()
    async with asyncio.timeout(SECONDS):
        with pytest.raises(Refused) as caught:
            await hears(ann, EventsLost)
    assert caught.value.code == "expired"


async def test_a_server_that_stops_is_waited_for(
    serve: Serve, connect: Connect, transport: str, port: int
) -> None:
    server = serve("--store", "sqlite:///store.db", "--port", str(port))
    ann, ben = await linked(server.url, connect, transports=[transport])
    server.terminate()
    await hears(ann, Disconnected)
    folder = server.folder
    await asyncio.to_thread(server.process.wait)
    serve("--store", f"sqlite:///{folder}/store.db", "--port", str(port))
    async with asyncio.timeout(SECONDS):
        await ann.send(ben.id, "hello")
    assert (await hears(ben, MessageReceived)).content == "hello"


# Events that are not taken


async def test_what_found_no_room_comes_later_in_order_and_once(
    shared: ServerProcess, connect: Connect, transport: str
) -> None:
    ann, ben = await linked(shared.url, connect, transports=[transport], max_events=10)
    expected: list[object] = []
    for number in range(40):
        await ann.send(ben.id, number)
        expected.append(number)
        if number % 10 == 5:
            await ben.send(ann.id, "meanwhile")  # what it says itself never comes to it
    await caught_up(ben)
    assert len(ben._connection.inbox) <= 20
    got = await hears_all(ben, MessageReceived, 40)
    assert [message.content for message in got] == expected
    await ann.send(ben.id, "last")
    assert (await hears(ben, MessageReceived)).content == "last"


async def test_answers_come_also_while_events_find_no_room(
    shared: ServerProcess, connect: Connect
) -> None:
    ann, ben = await linked(shared.url, connect, max_events=5)
    for number in range(30):
        await ann.send(ben.id, number)
    sent = await ben.send(ann.id, "here")
    assert sent.seq == 31


async def test_without_keep_it_is_told_that_events_are_lost(
    shared: ServerProcess, connect: Connect
) -> None:
    ann = await connect(shared.url)
    ben = await connect(shared.url, max_events=5)
    await link(ann, ben)
    for number in range(10):
        await ann.send(ben.id, number)
    await caught_up(ben)
    for _ in range(5):
        await anext(ben)
    with pytest.raises(EventsLost):
        await anext(ben)
    await ann.send(ben.id, "and goes on")
    assert (await hears(ben, MessageReceived)).content == "and goes on"
