"""A client and its methods, by both transports, against a server in a process of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duologue import codes
from duologue.client import (
    CannotConnect,
    Client,
    Closed,
    Connected,
    DuologueError,
    LinkClosed,
    LinkDeclined,
    LinkEstablished,
    LinkRequested,
    Links,
    MessageReceived,
    Presence,
    Receipt,
    Refused,
    SignalReceived,
    StoredMessage,
    Typing,
)
from tests.support.process import Serve, ServerProcess

from .conftest import SECONDS, Connect, caught_up, hears, hears_all, hears_nothing_more, link

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(shared: ServerProcess, connect: Connect, transport: str) -> tuple[Client, Client]:
    """Two clients that are linked."""
    options: dict[str, Any] = {"keep": True, "transports": [transport]}
    ann = await connect(shared.url, name="Ann", **options)
    ben = await connect(shared.url, name="Ben", **options)
    await link(ann, ben)
    for client in (ann, ben):
        await hears(client, Presence)
    return ann, ben


@pytest.fixture
async def strangers(
    shared: ServerProcess, connect: Connect, transport: str
) -> tuple[Client, Client]:
    ann = await connect(shared.url, name="Ann", transports=[transport])
    return ann, await connect(shared.url, transports=[transport])


async def code_of(awaitable: Any) -> tuple[str, bool]:
    with pytest.raises(DuologueError) as caught:
        await awaitable
    return caught.value.code, caught.value.retryable


async def test_it_uses_the_transport_that_it_is_told(
    shared: ServerProcess, connect: Connect, transport: str
) -> None:
    assert (await connect(shared.url, transports=[transport])).transport == transport


async def test_it_is_told_who_it_is(strangers: tuple[Client, Client]) -> None:
    ann, _ = strangers
    assert await hears(ann, Connected) == Connected(ann.id, new=True)


async def test_a_request_can_be_accepted(strangers: tuple[Client, Client]) -> None:
    ann, ben = strangers
    reply = await ann.request(ben.id, "It's me")
    assert reply.state == "requested"
    asked = await hears(ben, LinkRequested)
    assert (asked.sender, asked.name, asked.note) == (ann.id, "Ann", "It's me")
    await ben.accept(ann.id)
    assert await hears(ann, LinkEstablished) == LinkEstablished(ben.id, None)


async def test_a_request_can_be_declined(strangers: tuple[Client, Client]) -> None:
    ann, ben = strangers
    await ann.request(ben.id)
    await ben.decline(ann.id)
    assert await hears(ann, LinkDeclined) == LinkDeclined(ben.id)
    with pytest.raises(Refused) as caught:
        await ann.request(ben.id)
    assert (caught.value.code, caught.value.retryable) == ("rate_limited", True)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 0


async def test_a_request_can_be_cancelled(strangers: tuple[Client, Client]) -> None:
    ann, ben = strangers
    await ann.request(ben.id)
    await ann.cancel(ben.id)
    assert await code_of(ben.accept(ann.id)) == ("no_request", False)


async def test_a_message_before_acceptance_is_refused(strangers: tuple[Client, Client]) -> None:
    ann, ben = strangers
    assert await code_of(ann.send(ben.id, "hello")) == ("not_linked", False)


async def test_an_invitation_that_was_revoked_is_refused(
    strangers: tuple[Client, Client],
) -> None:
    ann, ben = strangers
    code = (await ann.invite(ttl=60, uses=2)).code
    await ann.revoke(code)
    assert await code_of(ben.redeem(code)) == ("expired", False)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "é\x1e\u2028😀",
        None,
        False,
        [1, {"a": [None, 1.5]}],
        b"",
        b"\x00\xff",
        {"files": [b"one", {"two": b"2" * 1_000}], "text": "t"},
    ],
)
async def test_any_content_comes_as_it_was_sent(
    pair: tuple[Client, Client], content: object
) -> None:
    ann, ben = pair
    sent = await ann.send(ben.id, content)
    got = await hears(ben, MessageReceived)
    assert got == MessageReceived(ann.id, content, sent.id, sent.seq, sent.at)


async def test_a_message_with_the_same_id_is_stored_once(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    id = "7b0a2f5e-5d0c-4b43-9a3b-0c9d5a1e2f34"
    first = await ann.send(ben.id, "one", id=id)
    again = await ann.send(ben.id, "one", id=id)
    assert (first.id, first.seq, first.at) == (id, again.seq, again.at)


async def test_messages_sent_at_once_keep_their_order(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    sent = await asyncio.gather(*(ann.send(ben.id, number) for number in range(200)))
    assert [each.seq for each in sent] == list(range(1, 201))
    got = await hears_all(ben, MessageReceived, 200)
    assert [message.content for message in got] == list(range(200))


async def test_a_sender_can_wait_until_its_message_is_delivered_and_read(
    pair: tuple[Client, Client],
) -> None:
    ann, ben = pair
    sent = await ann.send(ben.id, "hello")
    waiting = [asyncio.create_task(sent.receipt(kind)) for kind in ("delivered", "read")]
    message = await hears(ben, MessageReceived)
    assert message.seq == sent.seq
    taking = asyncio.create_task(hears(ben, LinkClosed))  # asks for the next event
    async with asyncio.timeout(SECONDS):
        await waiting[0]
        assert not waiting[1].done()
        await ben.receipt(ann.id, read=sent.seq)
        await waiting[1]
        await sent.receipt("read")
    taking.cancel()


async def test_what_is_not_taken_is_not_said_to_be_delivered(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    await ann.send(ben.id, "hello")
    await hears(ben, MessageReceived)
    await caught_up(ben)  # by now a receipt would have gone out
    assert not [event for event in await hears_nothing_more(ann) if isinstance(event, Receipt)]


async def test_a_receipt_that_was_not_waited_for_any_longer_can_be_waited_for_again(
    pair: tuple[Client, Client],
) -> None:
    ann, ben = pair
    sent = await ann.send(ben.id, "hello")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await sent.receipt("read")
    waiting = asyncio.create_task(sent.receipt("read"))
    await asyncio.sleep(0)
    await ben.receipt(ann.id, read=sent.seq)
    async with asyncio.timeout(SECONDS):
        await waiting


async def test_waiting_for_a_receipt_ends_with_the_link(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    sent = await ann.send(ben.id, "hello")
    waiting = asyncio.create_task(sent.receipt())
    await asyncio.sleep(0)
    await ben.close_link(ann.id)
    async with asyncio.timeout(SECONDS):
        assert await code_of(waiting) == ("not_linked", False)


async def test_a_receipt_after_the_end_of_the_link_is_not_waited_for(
    pair: tuple[Client, Client],
) -> None:
    ann, ben = pair
    sent = await ann.send(ben.id, "hello")
    await ben.close_link(ann.id)
    await hears(ann, LinkClosed)
    async with asyncio.timeout(SECONDS):
        assert await code_of(sent.receipt()) == ("not_linked", False)


async def test_a_receipt_after_the_end_of_the_client_is_not_waited_for(
    pair: tuple[Client, Client],
) -> None:
    ann, ben = pair
    sent = await ann.send(ben.id, "hello")
    await ann.close()
    async with asyncio.timeout(SECONDS):
        assert await code_of(sent.receipt("read")) == ("closed", False)


async def test_of_two_who_send_the_same_message_one_may_be_cancelled(
    pair: tuple[Client, Client],
) -> None:
    ann, ben = pair
    id = codes.uuid4()
    first, second = (asyncio.create_task(ann.send(ben.id, "hello", id=id)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).id == id


async def test_typing_and_signals_reach_the_peer(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    await ann.typing(ben.id)
    await ann.signal(ben.id, {"offer": b"sdp"})
    assert await hears(ben, Typing) == Typing(ann.id, True)
    assert await hears(ben, SignalReceived) == SignalReceived(ann.id, {"offer": b"sdp"})


async def test_history_comes_page_by_page(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    for content in ("one", b"two", "three"):
        await ann.send(ben.id, content)
    page = await ben.history(ann.id, limit=2)
    assert ([message.content for message in page.messages], page.more) == ([b"two", "three"], True)
    page = await ben.history(ann.id, before=2)
    assert ([message.content for message in page.messages], page.more) == (["one"], False)


async def test_history_says_what_a_message_was_answered(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    sent = await ann.send(ben.id, "hi")
    expected = StoredMessage(ann.id, "hi", sent.id, sent.seq, sent.at)
    assert (await ben.history(ann.id)).messages == [expected]


async def test_a_block_is_not_told(strangers: tuple[Client, Client]) -> None:
    ann, ben = strangers
    await ben.block(ann.id)
    assert (await ann.request(ben.id)).state == "requested"
    assert await code_of(ben.request(ann.id)) == ("blocked", False)


async def test_what_others_of_ones_sessions_send_is_told_once(
    shared: ServerProcess, pair: tuple[Client, Client], connect: Connect
) -> None:
    ann, ben = pair
    tablet = await connect(shared.url, resume_token=ann.resume_token)
    sent = await ann.send(ben.id, "from the other one")
    got = await hears(tablet, MessageReceived)
    assert (tablet.id, got.to, got.seq) == (ann.id, ben.id, sent.seq)
    assert not [
        event for event in await hears_nothing_more(ann) if isinstance(event, MessageReceived)
    ]


@pytest.mark.parametrize("does", ["close_link", "block"])
async def test_what_another_of_ones_sessions_ends_is_told(
    shared: ServerProcess, pair: tuple[Client, Client], connect: Connect, does: str
) -> None:
    ann, ben = pair
    tablet = await connect(shared.url, resume_token=ann.resume_token)
    await getattr(ann, does)(ben.id)
    assert await hears(tablet, LinkClosed) == LinkClosed(ben.id, own=True)


async def test_a_kept_identity_is_taken_back_with_what_was_missed(
    shared: ServerProcess, pair: tuple[Client, Client], connect: Connect
) -> None:
    ann, ben = pair
    await ann.send(ben.id, "while there")
    await hears(ben, MessageReceived)
    await ben.close()
    await ann.send(ben.id, "while away")
    again = await connect(shared.url, resume_token=ben.resume_token, since=ben.since)
    assert again.id == ben.id
    assert (await hears(again, Links)).links[0].peer == ann.id
    assert (await hears(again, MessageReceived)).content == "while away"


async def test_what_was_not_taken_comes_again(
    shared: ServerProcess, pair: tuple[Client, Client], connect: Connect
) -> None:
    ann, ben = pair
    sent = [await ann.send(ben.id, number) for number in range(3)]
    assert [each.status for each in sent] == ["delivered"] * 3
    assert (await hears(ben, MessageReceived)).content == 0
    await ben.close()
    assert ben.since == {ann.id: 1}
    again = await connect(shared.url, resume_token=ben.resume_token)
    assert [m.content for m in await hears_all(again, MessageReceived, 2)] == [1, 2]


async def test_what_reached_a_client_that_took_nothing_comes_again(
    shared: ServerProcess, pair: tuple[Client, Client], connect: Connect
) -> None:
    ann, ben = pair
    await ann.send(ben.id, "hello")
    await caught_up(ben)
    await ben.close()
    again = await connect(shared.url, resume_token=ben.resume_token)
    assert (await hears(again, MessageReceived)).content == "hello"


async def test_each_new_token_is_handed_over(
    shared: ServerProcess, connect: Connect, transport: str
) -> None:
    tokens: list[str] = []
    options: dict[str, Any] = {"transports": [transport], "on_resume_token": tokens.append}
    first = await connect(shared.url, keep=True, **options)
    await first.close()
    second = await connect(shared.url, resume_token=tokens[-1], **options)
    assert tokens == [first.resume_token, second.resume_token]
    assert len(set(tokens)) == 2


async def test_a_token_that_does_not_work_is_refused(
    shared: ServerProcess, connect: Connect, transport: str
) -> None:
    connecting = connect(shared.url, resume_token="x" * 43, transports=[transport])
    assert await code_of(connecting) == ("expired", False)


async def test_forgetting_ends_the_client(
    shared: ServerProcess, pair: tuple[Client, Client], connect: Connect
) -> None:
    ann, ben = pair
    await ann.forget()
    assert await hears(ben, LinkClosed) == LinkClosed(ann.id)
    assert await code_of(ann.send(ben.id, "hello")) == ("closed", False)
    assert await code_of(connect(shared.url, resume_token=ann.resume_token)) == ("expired", False)


async def test_a_client_that_was_closed_says_so(strangers: tuple[Client, Client]) -> None:
    ann, ben = strangers
    await ann.close()
    assert not [event async for event in ann if not isinstance(event, Connected)]
    for awaitable in (ann.send(ben.id, "hello"), ann.request(ben.id)):
        with pytest.raises(Closed):
            await awaitable


async def test_whoever_waits_hears_that_the_client_was_closed(
    pair: tuple[Client, Client],
) -> None:
    ann, ben = pair
    sent = await ann.send(ben.id, "hello")
    waiting = asyncio.create_task(sent.receipt("read"))
    iterating = asyncio.create_task(hears_nothing(ann))
    await asyncio.sleep(0)
    await ann.close()
    with pytest.raises(Closed):
        await waiting
    assert await iterating


async def hears_nothing(client: Client) -> bool:
    async for _ in client:
        pass
    return True


async def test_nothing_there_is_an_error_of_its_own() -> None:
    with pytest.raises(CannotConnect):
        await Client("http://127.0.0.1:1").connect()


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://127.0.0.1"},
        {"url": "http://user:secret@127.0.0.1"},
        {"url": "http://127.0.0.1/?x=1"},
        {"url": "http:///path"},
        {"url": "http://127.0.0.1/a b"},
        {"url": "http://127.0.0.1", "transports": []},
        {"url": "http://127.0.0.1", "transports": ["pigeon"]},
        {"url": "http://127.0.0.1:99999"},
    ],
)
async def test_what_makes_no_sense_is_said_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the type is what is promised
        Client(**options)


# Limits


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "content",
    ["x" * 999_000, [b"x" * 70_000] * 10, nested(30)],
    ids=["size", "attachments", "depth"],
)
async def test_as_much_as_the_server_takes_can_be_sent(
    pair: tuple[Client, Client], content: object
) -> None:
    ann, ben = pair
    await ann.send(ben.id, content)
    assert (await hears(ben, MessageReceived)).content == content


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("x" * 1_000_000, "too_large"),
        ([b"x" * 350_000] * 3, "too_large"),
        ([b"x"] * 11, "invalid"),
        (nested(31), "invalid"),
        ({"_placeholder": True, "num": 0, "file": b"x"}, "invalid"),
        ({"not": object()}, "invalid"),
        ("\ud800", "invalid"),
    ],
    ids=["size", "attachment sizes", "attachments", "depth", "placeholder", "type", "surrogate"],
)
async def test_what_the_server_would_not_take_is_not_sent(
    pair: tuple[Client, Client], content: object, code: str
) -> None:
    ann, ben = pair
    assert await code_of(ann.send(ben.id, content)) == (code, False)
    assert (await ann.send(ben.id, "and goes on")).seq == 1


async def test_the_largest_binary_message_goes_by_both(pair: tuple[Client, Client]) -> None:
    ann, ben = pair
    most = 1_000_000 if ann.transport == "websocket" else 749_997
    await ann.send(ben.id, b"x" * most)
    assert await code_of(ann.send(ben.id, b"x" * (most + 1))) == ("too_large", False)
    assert len((await hears(ben, MessageReceived)).content) == most


async def test_an_outbox_that_is_full_takes_no_more(
    shared: ServerProcess, connect: Connect, transport: str
) -> None:
    ann = await connect(shared.url, transports=[transport], max_outbox=2)
    ben = await connect(shared.url, transports=[transport])
    await link(ann, ben)
    results = await asyncio.gather(
        *(ann.send(ben.id, number) for number in range(3)), return_exceptions=True
    )
    assert isinstance(results[2], DuologueError)
    assert (results[2].code, results[2].retryable) == ("overloaded", True)
    assert [message.content for message in await hears_all(ben, MessageReceived, 2)] == [0, 1]


async def test_without_consent_messages_have_no_numbers(serve: Serve, connect: Connect) -> None:
    url = serve("--policy", "open", "--store", "memory:", "--grace-seconds", "1").url
    ann, ben = await connect(url), await connect(url)
    sent = await ann.send(ben.id, "hello")
    got = await hears(ben, MessageReceived)
    assert got == MessageReceived(ann.id, "hello", sent.id)


async def test_outside_a_link_a_receipt_is_waited_for_as_long_as_the_caller_says(
    serve: Serve, connect: Connect
) -> None:
    url = serve("--policy", "open", "--store", "memory:", "--grace-seconds", "1").url
    ann, ben = await connect(url), await connect(url)
    sent = await ann.send(ben.id, "hello")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await sent.receipt()
