"""The proxy does what it says to connections."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from .proxy import CUT, PASS, SILENT, Proxy
from .transports import HOST

SENT = b"x" * 50_000


@contextlib.asynccontextmanager
async def echo_behind(fate: str) -> AsyncIterator[Proxy]:
    """A server that sends back what it gets, behind a proxy."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1_000):
                writer.write(data)
        writer.close()

    async with await asyncio.start_server(echo, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        proxy = Proxy(port, random.Random(1), weights={fate: 1}, most_bytes=20_000)
        async with proxy:
            yield proxy


async def what_comes_back(fate: str) -> tuple[bytes, str]:
    """What of `SENT` comes back, and how that ends."""
    received = b""
    async with echo_behind(fate) as proxy:
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        writer.write(SENT)
        end = "complete"
        try:
            # To wait longer than for silence there is no reason but a slow machine
            async with asyncio.timeout(1 if fate == SILENT else 60):
                while len(received) < len(SENT):
                    data = await reader.read(10_000)
                    if not data:
                        end = "closed"
                        break
                    received += data
        except TimeoutError:
            end = "silence"
        except ConnectionResetError:
            end = "closed"
        writer.close()
    return received, end


@pytest.mark.parametrize(
    ("fate", "end"), [(PASS, "complete"), (CUT, "closed"), (SILENT, "silence")]
)
def test_a_connection_has_the_fate_that_it_was_given(fate: str, end: str) -> None:
    received, ended = asyncio.run(what_comes_back(fate))
    assert ended == end
    assert (received == SENT) == (fate == PASS)
