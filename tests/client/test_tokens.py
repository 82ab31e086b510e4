"""Clients that a signed token names, which the server keeps without being asked to."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from duologue.client import (
    CannotConnect,
    Client,
    Connected,
    Disconnected,
    MessageReceived,
    NoToken,
    Refused,
)
from duologue.client.tokens import Tokens, end_of
from duologue.core.events import TokenReply
from tests.support.process import ServerProcess
from tests.support.tokens import SECRET, token

from .conftest import SECONDS, Connect, hears, hears_all, hears_nothing_more, link

pytestmark = pytest.mark.anyio


#: By how much a session outlasts its token there, so that a slow machine is still in time.
LEEWAY = 2


@pytest.fixture(scope="module")
def guarded() -> Iterator[ServerProcess]:
    """A server that asks for tokens."""
    flags = ("--port", "0", "--store", "memory:", "--grace-seconds", "1")
    leeway = ("--auth-leeway-seconds", str(LEEWAY))
    env = {"DUOLOGUE_AUTH_SECRET": SECRET}
    server = ServerProcess("duologue", "serve", *flags, *leeway, env=env)
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


# Renewal


class Issuer:
    """Gives tokens one after the other: first one of four seconds, then what `then` does, and from
    then on others that last. `end` is when a session by the first one ends."""

    def __init__(self, name: str, then: Callable[[], str | Awaitable[str]] | None = None) -> None:
        self._name, self._then = name, then
        self.asked = 0
        self.end = 0.0

    async def __call__(self) -> str:
        self.asked += 1
        if self.asked == 1:
            self.end = time.time() + 4 + LEEWAY
            self.first = token(self._name, exp=self.end - LEEWAY)
            return self.first
        if self.asked == 2 and self._then is not None:
            given = self._then()
            return given if isinstance(given, str) else await given
        return token(self._name)


def break_off(client: Client) -> None:
    """Break a client's connection off, as a network does."""
    session = client._connection.session
    assert session is not None
    session.transport.abort()


async def stayed(client: Client, end: float) -> bool:
    """Whether the session of a client has outlasted a time at which it might have ended."""
    while time.time() <= end:
        await asyncio.sleep(end - time.time() + 0.01)
    events = await hears_nothing_more(client)
    return not [event for event in events if isinstance(event, Disconnected)]


async def test_a_client_outlasts_its_token_on_one_connection(
    guarded: ServerProcess, connect: Connect, transport: str
) -> None:
    issuer = Issuer(f"ada-{transport}")
    client = await connect(guarded.url, token=issuer, transports=[transport])
    assert await stayed(client, issuer.end)


async def test_what_was_asked_before_a_break_is_asked_again_while_a_renewal_is_due(
    guarded: ServerProcess, connect: Connect
) -> None:
    ann = await named(connect, guarded, "asks", max_backoff=0.01)
    ben = await named(connect, guarded, "is asked about")
    await link(ann, ben)
    asking = asyncio.create_task(ann.history(ben.id))
    await asyncio.sleep(0)
    break_off(ann)
    async with asyncio.timeout(SECONDS):
        assert (await asking).messages == []


async def test_a_renewal_that_fails_is_tried_again_and_ends_nothing(
    guarded: ServerProcess, connect: Connect
) -> None:
    def fails(error: Exception) -> Callable[[], str]:
        def then() -> str:
            raise error

        return then

    issuers = {
        "unreachable": Issuer("unreachable", fails(ConnectionRefusedError("nobody there"))),
        "busy": Issuer("busy", fails(NoToken("try again later"))),
        "bug": Issuer("bug", fails(KeyError("token"))),
        "same": Issuer("same", lambda: issuers["same"].first),
        "another's": Issuer("another's", lambda: token("somebody else")),
        "over": Issuer("over", lambda: token("over", ttl=-2 * LEEWAY)),
        "nonsense": Issuer("nonsense", lambda: "x.y.z"),
        "too long": Issuer("too long", lambda: "x" * 20_000),
        "cannot be sent": Issuer("cannot be sent", lambda: "\ud800"),
    }
    clients = await asyncio.gather(*(connect(guarded.url, token=each) for each in issuers.values()))
    kept = await asyncio.gather(
        *(stayed(*each) for each in zip(clients, [i.end for i in issuers.values()], strict=True))
    )
    assert dict(zip(issuers, kept, strict=True)) == dict.fromkeys(issuers, True)


async def test_a_function_that_has_only_one_token_is_asked_few_times(
    guarded: ServerProcess, connect: Connect
) -> None:
    only = token("only", ttl=2)
    asked: list[float] = []

    def fetch() -> str:
        asked.append(time.time())
        return only

    client = await connect(guarded.url, token=fetch)
    with pytest.raises(Refused, match="expired"):
        await hears(client, MessageReceived)
    # The first time, twice or so before the end, and for the connection that was refused
    assert 3 <= len(asked) <= 5


async def test_a_client_that_is_closed_while_it_waits_for_a_token_leaves_no_task(
    guarded: ServerProcess, connect: Connect
) -> None:
    waiting = asyncio.Event()

    async def never() -> str:
        waiting.set()
        await asyncio.Event().wait()
        return ""

    before = asyncio.all_tasks()
    client = await connect(guarded.url, token=Issuer("leaver", never))
    async with asyncio.timeout(SECONDS):
        await waiting.wait()
    await client.close()
    assert asyncio.all_tasks() == before


async def test_a_function_that_is_silent_is_asked_again() -> None:
    given: list[str] = []

    async def ask(new: str) -> TokenReply:
        given.append(new)
        return TokenReply()

    silent = [True]

    async def fetch() -> str:
        if silent:
            silent.pop()
            await asyncio.Event().wait()
        return "late"

    async with asyncio.timeout(SECONDS):
        await Tokens(fetch, 0.1).keep_renewed(token(ttl=4), ask)
    assert given == ["late"]


async def test_a_token_without_an_end_is_the_last() -> None:
    given: list[str] = []

    async def ask(new: str) -> TokenReply:
        given.append(new)
        return TokenReply()

    async with asyncio.timeout(SECONDS):
        await Tokens(lambda: "for ever", 1).keep_renewed(token(ttl=1), ask)
    assert given == ["for ever"]


async def test_the_server_says_when_the_next_token_is_due() -> None:
    given: list[str] = []

    async def ask(new: str) -> TokenReply:
        given.append(new)
        return TokenReply() if len(given) == 2 else TokenReply(int(time.time() * 1_000) + 1_000)

    tokens = iter(("first", "second"))
    async with asyncio.timeout(SECONDS):
        await Tokens(lambda: next(tokens), 1).keep_renewed(token(ttl=1), ask)
    assert given == ["first", "second"]


@pytest.mark.parametrize("given", ["a string", None])
async def test_a_token_that_is_no_functions_is_not_renewed(given: str | None) -> None:
    async def ask(new: str) -> TokenReply:
        raise AssertionError(new)

    async with asyncio.timeout(SECONDS):
        await Tokens(given, 1).keep_renewed(given and token(ttl=1), ask)


def jwt_with(claims: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        pytest.param(token(exp=1_800_000_000), 1_800_000_000, id="whole"),
        pytest.param(token(exp=1_800_000_000.5), 1_800_000_000.5, id="with a fraction"),
        pytest.param(jwt_with(json.dumps({"exp": 10**30}).encode()), 1e30, id="far"),
        pytest.param(token(ttl=None), None, id="none"),
        pytest.param(jwt_with(b'{"exp":"soon"}'), None, id="a word"),
        pytest.param(jwt_with(b'{"exp":1e999}'), None, id="infinite"),
        pytest.param(jwt_with(b"[7]"), None, id="a list"),
        pytest.param(jwt_with(b"\xff"), None, id="no text"),
        pytest.param(jwt_with(b'{"a":' + b"[" * 100_000), None, id="deep"),
        pytest.param("e30.%.c2ln", None, id="no base64"),
        pytest.param("e30.\u00e9.c2ln", None, id="no ASCII"),
        pytest.param("opaque", None, id="opaque"),
        pytest.param("", None, id="empty"),
        pytest.param("a.b.c.d.e", None, id="encrypted"),
    ],
)
def test_a_token_says_itself_when_it_ends(text: str, end: float | None) -> None:
    assert end_of(text) == end


# A function that fails


@pytest.mark.parametrize("error", [OSError("no network"), TimeoutError(), NoToken()], ids=repr)
async def test_a_client_comes_back_once_its_function_has_a_token_again(
    guarded: ServerProcess, connect: Connect, error: Exception
) -> None:
    errors = [error, error]
    fails = False

    def fetch() -> str:
        if fails and errors:
            raise errors.pop()
        return token("comes back")

    client = await connect(guarded.url, token=fetch, max_backoff=0.01)
    await hears(client, Connected)
    fails = True
    break_off(client)
    assert not (await hears(client, Connected)).new


async def test_what_else_a_function_raises_ends_the_client(
    guarded: ServerProcess, connect: Connect
) -> None:
    answers = iter((token("ends"),))

    def fetch() -> str:
        for answer in answers:
            return answer
        raise LookupError("logged out")

    client = await connect(guarded.url, token=fetch, max_backoff=0.01)
    break_off(client)
    with pytest.raises(LookupError, match="logged out"):
        await hears(client, MessageReceived)


async def test_without_a_token_at_first_a_client_cannot_connect(guarded: ServerProcess) -> None:
    def fetch() -> str:
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(CannotConnect, match="no token: nobody there"):
        await Client(guarded.url, token=fetch).connect()
