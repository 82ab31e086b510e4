"""Engine.IO connections to a server, by WebSocket and by long-polling.

A server may be anybody: what it sends is bounded before it is kept.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, Self
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from duologue.wire import engineio
from duologue.wire.engineio import Binary, Handshake, PacketError

from .http import Broken, Cookies, HttpConnection, Target, Unreachable

WEBSOCKET: Final = "websocket"
POLLING: Final = "polling"

#: A server gives more at once only to a client that has missed much, and then in portions.
MAX_RECEIVED_BYTES: Final = 16_777_216

_MAX_FRAGMENTS: Final = 1_024
_MAX_PACKETS_IN: Final = 100_000
#: A server takes 10,000 by default.
_MAX_PACKETS_OUT: Final = 1_000

#: Of several packets together: on a network that breaks off often, less is lost with a small body.
_POST_BYTES: Final = 16_384
_POST_SECONDS: Final = 45.0
_CLOSE_SECONDS: Final = 2.0
#: Frames that are read ahead, each up to the largest message.
_READ_AHEAD: Final = 4


class Transport(Protocol):
    """Carries Engine.IO packets. All methods but `abort` raise `Broken` when they cannot."""

    name: str
    handshake: Handshake

    def carries(self, packets: Sequence[bytes]) -> bool:
        """Whether the packets of one event are such as the server takes."""

    async def send(self, packets: Sequence[bytes]) -> None:
        """Send packets in order; only one such call at a time."""

    async def receive(self) -> Sequence[bytes]:
        """Wait for packets; after it was cancelled, only `abort` may follow."""

    async def close(self) -> None:
        """End the session and tell the server so."""

    def abort(self) -> None:
        """End it at once and without a word."""


class _Connect(connect):
    """One attempt, at the address that was given."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSocketTransport:
    """Engine.IO by WebSocket."""

    name = WEBSOCKET

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.handshake: Handshake

    @classmethod
    async def open(cls, target: Target, tls: ssl.SSLContext | None) -> Self:
        scheme = "wss" if target.secure else "ws"
        query = f"EIO={engineio.PROTOCOL}&transport={WEBSOCKET}"
        try:
            connection = await _Connect(
                f"{scheme}://{target.authority}{target.path}?{query}",
                ssl=tls,
                compression=None,
                ping_interval=None,
                open_timeout=None,
                close_timeout=_CLOSE_SECONDS,
                max_size=MAX_RECEIVED_BYTES,
                max_queue=_READ_AHEAD,
                proxy=None,
            )
        except (WebSocketException, EOFError) as error:
            raise Broken(str(error)) from error
        except OSError as error:
            raise Unreachable(str(error) or repr(error)) from error
        self = cls(connection)
        try:
            (packet,) = await self.receive()
            self.handshake = _handshake(packet)
        except BaseException:
            self.abort()
            raise
        return self

    def carries(self, packets: Sequence[bytes]) -> bool:
        limit = self.handshake.max_payload
        text, *attachments = packets
        return len(text) <= limit and sum(map(len, attachments)) <= limit

    async def send(self, packets: Sequence[bytes]) -> None:
        try:
            for packet in packets:
                await self._connection.send(packet, text=not isinstance(packet, Binary))
        except (OSError, WebSocketException) as error:
            raise Broken(str(error)) from error

    async def receive(self) -> Sequence[bytes]:
        parts: list[Any] = []
        try:
            async for part in self._connection.recv_streaming():
                parts.append(part)
                if len(parts) > _MAX_FRAGMENTS:
                    raise Broken("a message in too many fragments")
        except ConnectionClosed as error:
            raise Broken(str(error), deliberate=error.rcvd is not None) from error
        except (OSError, EOFError, WebSocketException) as error:
            raise Broken(str(error)) from error
        if isinstance(parts[0], str):
            return ("".join(parts).encode(),)
        return (Binary(b"".join(parts)),)

    async def close(self) -> None:
        await self._connection.close()

    def abort(self) -> None:
        self._connection.transport.abort()


class PollingTransport:
    """Engine.IO by long-polling: one connection for polls, and one for what is posted."""

    name = POLLING

    def __init__(self, target: Target, tls: ssl.SSLContext | None) -> None:
        cookies = Cookies()
        self._gets, self._posts = (
            HttpConnection(target, tls, max_body_bytes=MAX_RECEIVED_BYTES, cookies=cookies)
            for _ in range(2)
        )
        self._query = f"EIO={engineio.PROTOCOL}&transport={POLLING}"
        self.handshake: Handshake

    @classmethod
    async def open(cls, target: Target, tls: ssl.SSLContext | None) -> Self:
        self = cls(target, tls)
        try:
            packet, *more = await self.receive()
            self.handshake = _handshake(packet)
            if more:
                raise Broken("packets before the session is open")
        except BaseException:
            self.abort()
            raise
        self._query += f"&sid={quote(self.handshake.sid, safe='')}"
        return self

    def carries(self, packets: Sequence[bytes]) -> bool:
        limit = self.handshake.max_payload
        return (
            all(engineio.payload_size(packet) <= limit for packet in packets)
            and sum(map(len, packets[1:])) <= limit
        )

    async def send(self, packets: Sequence[bytes]) -> None:
        limit = min(self.handshake.max_payload, _POST_BYTES)
        bodies = engineio.split_payloads(packets, max_bytes=limit, max_packets=_MAX_PACKETS_OUT)
        try:
            for body in bodies:
                async with asyncio.timeout(_POST_SECONDS):
                    await self._posts.request("POST", self._query, engineio.encode_payload(body))
        except TimeoutError as error:
            raise Broken("what was posted was not answered") from error

    async def receive(self) -> Sequence[bytes]:
        body = await self._gets.request("GET", self._query)
        try:
            return engineio.decode_payload(body, max_packets=_MAX_PACKETS_IN)
        except PacketError as error:
            raise Broken(str(error)) from error

    async def close(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._posts.request("POST", self._query, engineio.CLOSE)
        except (Broken, TimeoutError):
            pass
        self.abort()

    def abort(self) -> None:
        self._gets.close()
        self._posts.close()


def _handshake(packet: bytes) -> Handshake:
    try:
        return engineio.decode_handshake(packet)
    except PacketError as error:
        raise Broken(str(error)) from error


_Opener = Callable[[Target, ssl.SSLContext | None], Awaitable[Transport]]
_OPENERS: Final[dict[str, _Opener]] = {
    WEBSOCKET: WebSocketTransport.open,
    POLLING: PollingTransport.open,
}


async def open_transport(
    target: Target, tls: ssl.SSLContext | None, names: Sequence[str], *, seconds: float
) -> Transport:
    """A session by the first of `names` that works; each may take `seconds`. Raises `Broken`.

    Where nothing answers at all the next is not tried: it would not be answered either.
    """
    failure = Broken("no transport is allowed")
    for name in names:
        try:
            async with asyncio.timeout(seconds):
                return await _OPENERS[name](target, tls)
        except Unreachable:
            raise
        except Broken as error:
            failure = error
        except TimeoutError:
            failure = Unreachable(f"no answer within {seconds:g} seconds")
    raise failure
