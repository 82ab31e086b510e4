"""A server may be anybody: what it sends costs a client no more than the connection."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets

from duologue.client import (
    CannotConnect,
    Client,
    Connected,
    Disconnected,
    DuologueError,
    Refused,
    Typing,
)
from duologue.client.transports import MAX_RECEIVED_BYTES
from tests.support.process import Serve, ServerProcess

from .conftest import SECONDS, Connect, hears

pytestmark = pytest.mark.anyio

OPEN = '0{"sid":"s","upgrades":[],"pingInterval":20000,"pingTimeout":20000,"maxPayload":1000}'
#: Of one whose silence is noticed soon
HASTY = OPEN.replace("20000", "200")
WELCOME = ('40{"sid":"x"}', '42["client_id",{"clientId":"me"}]')

Talk = Callable[[ServerConnection], Awaitable[None]]


@pytest.fixture
async def speaking() -> AsyncIterator[Callable[[Talk], Awaitable[str]]]:
    """Start a WebSocket server that talks to each client as the function does; its URL."""
    servers = []

    async def start(talk: Talk) -> str:
        server = await serve_websockets(talk, "127.0.0.1", 0, max_size=None)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def answering() -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
    """Start a server that gives every request the same bytes; its URL."""
    servers = []

    async def start(answer: bytes) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
                await reader.read()
            except (OSError, EOFError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def says(*packets: str | bytes | list[str]) -> Talk:
    async def talk(connection: ServerConnection) -> None:
        for packet in packets:
            await connection.send(packet)
        await connection.wait_closed()

    return talk


async def cannot_connect(url: str, transport: str, said: str) -> None:
    with pytest.raises(CannotConnect, match=said):
        async with asyncio.timeout(SECONDS):
            await Client(url, transports=[transport], timeout=SECONDS).connect()


@pytest.mark.parametrize(
    ("packets", "said"),
    [
        (("nonsense",), "does not open"),
        ((b"binary",), "does not open"),
        (("2",), "does not open"),
        (("0",), "malformed handshake"),
        (("0{}",), "malformed handshake"),
        ((OPEN.replace("20000", "0", 1),), "malformed handshake"),
        ((OPEN.replace("20000", "1e300", 1),), "malformed handshake"),
        ((OPEN.replace('"s"', '""'),), "malformed handshake"),
        ((OPEN.replace('"s"', f'"{"s" * 257}"'),), "malformed handshake"),
        (("0" + "[" * 100_000,), "malformed handshake"),
        ((["0"] * 1_025,), "too many fragments"),
        ((OPEN, "9"), "protocol"),
        ((OPEN, "3"), "protocol"),
        ((OPEN, OPEN), "protocol"),
        ((OPEN, "4"), "protocol"),
        ((OPEN, '431["answer"]'), "not connected yet"),
        ((HASTY, WELCOME[1]), "silent"),
        ((OPEN, WELCOME[0], WELCOME[0]), "connected twice"),
        ((OPEN, '40/other,{"sid":"x"}'), "namespace"),
        ((OPEN, WELCOME[0], '42["typing",{"from":"a","typing":true}]'), "who this client is"),
        ((OPEN, WELCOME[0], '42["client_id",{"clientId":7}]'), "who this client is"),
        ((OPEN, WELCOME[0], "42[]"), "event without a name"),
        ((OPEN, WELCOME[0], '42["disconnect"]'), "reserved event name"),
        ((OPEN, WELCOME[0], "42[" + "[" * 100_000), "nested too deep"),
        ((OPEN, WELCOME[0], '451001-["a"]'), "attachments out of range"),
        ((OPEN, WELCOME[0], b"attachment"), "attachment without a packet"),
        ((OPEN, WELCOME[0], '451-["a",{"_placeholder":true,"num":-1}]', b"x"), "placeholder"),
        ((OPEN, WELCOME[0], '451-["a"]', "2", '42["b"]'), "text between"),
        ((HASTY, WELCOME[0]), "silent"),
        ((OPEN, "1"), "ended the connection"),
        ((OPEN, "41"), "not connected yet"),
    ],
)
async def test_what_breaks_the_protocol_ends_the_connection(
    speaking: Callable[[Talk], Awaitable[str]], packets: tuple[str | bytes], said: str
) -> None:
    await cannot_connect(await speaking(says(*packets)), "websocket", said)


@pytest.mark.parametrize("before", range(3))
async def test_an_event_of_an_applications_own_may_come_before_any_of_the_servers(
    speaking: Callable[[Talk], Awaitable[str]], connect: Connect, before: int
) -> None:
    packets = [OPEN, *WELCOME]
    packets.insert(1 + before, '42["welcome",{"to":"all that is ours"}]')
    assert (await connect(await speaking(says(*packets)))).id == "me"


async def test_a_message_that_is_too_large_is_not_read(
    speaking: Callable[[Talk], Awaitable[str]],
) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("x" * (MAX_RECEIVED_BYTES + 1))

    await cannot_connect(await speaking(talk), "websocket", "1009|exceeds")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"nonsense\r\n\r\n", "not what HTTP says"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "headers are too large"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, "headers are too large"),
        (response(b"", status="404 Not Found"), "answered 404"),
        (response(b"", "Location: http://127.0.0.1:1/", status="302 Found"), "answered 302"),
        (response(OPEN.encode(), "Content-Encoding: gzip"), "compressed"),
        (response(b""), "empty packet"),
        (response(b"\xff"), "UTF-8"),
        (response(b"x"), "unknown packet type"),
        (response(b"b!!"), "base64"),
        (response(OPEN.encode() + b"\x1e2"), "before the session is open"),
        (response(OPEN.encode()) + response(b"6"), "not asked"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "HTTP"),
        (response(b"6\x1e" * 100_000 + b"6"), "too many packets"),
    ],
)
async def test_what_breaks_http_ends_the_connection(
    answering: Callable[[bytes], Awaitable[str]], answer: bytes, said: str
) -> None:
    await cannot_connect(await answering(answer), "polling", said)


async def test_an_answer_without_an_end_is_not_read(
    answering: Callable[[bytes], Awaitable[str]],
) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    await cannot_connect(await answering(head + chunk * 17), "polling", "too large")


async def test_a_server_that_never_answers_is_given_up(
    answering: Callable[[bytes], Awaitable[str]],
) -> None:
    url = await answering(b"")
    with pytest.raises(CannotConnect, match="no answer within"):
        await Client(url, timeout=0.2).connect()


async def test_a_refusal_without_a_code_is_one(
    speaking: Callable[[Talk], Awaitable[str]],
) -> None:
    url = await speaking(says(OPEN, '44{"message":"Invalid namespace"}'))
    with pytest.raises(Refused, match="Invalid namespace") as caught:
        await Client(url).connect()
    assert caught.value.code == "unauthorized"


async def test_an_event_that_makes_no_sense_is_passed_over(
    speaking: Callable[[Talk], Awaitable[str]], connect: Connect
) -> None:
    odd = ('42["message",{"from":1}]', '42["unheard_of",{}]', '42["receipt"]', '42["refused",{}]')
    good = '42["typing",{"from":"ben","typing":true,"new":1}]'
    client = await connect(await speaking(says(OPEN, *WELCOME, *odd, good)))
    assert [type(await anext(client)).__name__ for _ in range(2)] == ["Connected", "Typing"]


async def test_an_answer_that_makes_no_sense_is_an_error(
    speaking: Callable[[Talk], Awaitable[str]], connect: Connect
) -> None:
    async def talk(connection: ServerConnection) -> None:
        for packet in (OPEN, *WELCOME):
            await connection.send(packet)
        async for asked in connection:
            if found := re.match(r"42(\d+)", str(asked)):
                await connection.send(f'43{found[1]}["what?"]')

    client = await connect(await speaking(talk))
    for awaitable in (client.send("ben", "hello"), client.invite()):
        with pytest.raises(DuologueError, match="makes no sense"):
            await awaitable


async def test_a_message_at_which_the_server_ends_each_session_is_given_up(
    speaking: Callable[[Talk], Awaitable[str]], connect: Connect
) -> None:
    async def talk(connection: ServerConnection) -> None:
        for packet in (OPEN, *WELCOME):
            await connection.send(packet)
        async for asked in connection:
            if '"poison"' in str(asked):
                return

    client = await connect(await speaking(talk), max_backoff=0.01)
    with pytest.raises(DuologueError, match="whenever this message is sent"):
        await client.send("ben", "poison")


async def test_a_server_that_pings_and_does_not_read_is_not_waited_for_with_memory(
    speaking: Callable[[Talk], Awaitable[str]], connect: Connect
) -> None:
    async def talk(connection: ServerConnection) -> None:
        for packet in (OPEN, *WELCOME):
            await connection.send(packet)
        connection.transport.pause_reading()
        for _ in range(5_000):
            await connection.send("2")
        await connection.send('42["typing",{"from":"ben","typing":true}]')
        await connection.wait_closed()

    client = await connect(await speaking(talk))
    for _ in range(20_000):
        await client.typing("ben")
    await hears(client, Typing)
    session = client._connection.session
    assert session is not None
    assert len(session._outgoing) <= 1_002


async def test_what_the_application_raises_at_a_token_ends_the_client(
    shared: ServerProcess, transport: str
) -> None:
    def full(token: str) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        await Client(shared.url, keep=True, on_resume_token=full, transports=[transport]).connect()


async def test_a_token_for_the_host_is_fetched_before_each_connection(
    speaking: Callable[[Talk], Awaitable[str]], connect: Connect
) -> None:
    seen: list[str] = []

    async def talk(connection: ServerConnection) -> None:
        await connection.send(OPEN)
        seen.append(str(await connection.recv()))
        for packet in WELCOME:
            await connection.send(packet)
        if len(seen) < 2:
            await connection.close()
        await connection.wait_closed()

    fetched = iter(("first", "second"))

    async def fetch() -> str:
        return next(fetched)

    client = await connect(await speaking(talk), token=fetch, max_backoff=0.01)
    await hears(client, Disconnected)
    await hears(client, Connected)
    assert seen == ['40{"token":"first"}', '40{"token":"second"}']


async def test_a_token_that_never_comes_is_not_waited_for(
    speaking: Callable[[Talk], Awaitable[str]],
) -> None:
    async def fetch() -> str:
        await asyncio.Event().wait()
        return ""

    url = await speaking(says(OPEN))
    async with asyncio.timeout(10):
        with pytest.raises(CannotConnect, match="no token in time"):
            await Client(url, token=fetch, timeout=0.1).connect()


# Which transport


async def test_where_websockets_are_refused_it_polls(serve: Serve, connect: Connect) -> None:
    client = await connect(serve("--transports", "polling", "--grace-seconds", "1").url)
    assert client.transport == "polling"


async def test_websockets_are_preferred(serve: Serve, connect: Connect) -> None:
    client = await connect(serve().url)
    assert client.transport == "websocket"


@pytest.fixture
def tls(serve: Serve, tmp_path: Path) -> Callable[[str], tuple[str, ssl.SSLContext]]:
    """Start a server with a certificate for this host: its URL, and a context that trusts it."""

    def start(host: str) -> tuple[str, ssl.SSLContext]:
        authority = trustme.CA()
        pem = tmp_path / "server.pem"
        authority.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(pem)
        flags = ("--ssl-certfile", str(pem), "--ssl-keyfile", str(pem), "--grace-seconds", "1")
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return serve(*flags).url, context

    return start


Tls = Callable[[str], tuple[str, ssl.SSLContext]]


async def test_it_talks_over_tls(tls: Tls, connect: Connect, transport: str) -> None:
    url, context = tls("127.0.0.1")
    client = await connect(url, tls=context, transports=[transport])
    assert (await client.invite()).code


async def test_a_certificate_that_nobody_trusts_is_not_believed(tls: Tls, transport: str) -> None:
    url, _ = tls("127.0.0.1")
    await cannot_connect(url, transport, "CERTIFICATE_VERIFY_FAILED")


async def test_a_certificate_of_another_host_is_not_believed(tls: Tls, transport: str) -> None:
    url, context = tls("elsewhere.example")
    with pytest.raises(CannotConnect, match="CERTIFICATE_VERIFY_FAILED"):
        await Client(url, tls=context, transports=[transport]).connect()
