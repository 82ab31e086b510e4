"""Engine.IO connections to a server on 127.0.0.1, as the three kinds of client make them.

HTTP is spoken here by hand and not by a library, for libraries ask again by themselves when a
connection breaks, and a poll that is asked again has lost what the first one carried.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any, Final, Protocol, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

HOST: Final = "127.0.0.1"
WEBSOCKET: Final = "websocket"
POLLING: Final = "polling"
UPGRADE: Final = "upgrade"
KINDS: Final = (WEBSOCKET, POLLING, UPGRADE)

_PATH: Final = "/socket.io/?EIO=4&transport="
_OPEN_SECONDS: Final = 30.0
_SEPARATOR: Final = "\x1e"


class Broken(Exception):
    """The connection is over, or never came to be."""


class Transport(Protocol):
    """Carries Engine.IO packets; each method raises `Broken` when it cannot any more."""

    handshake: dict[str, Any]

    async def send(self, packet: str) -> None: ...
    async def receive(self) -> Sequence[str]: ...
    async def close(self) -> None: ...


class Http:
    """One HTTP connection that is kept open, for one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._closed = False

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Raises `Broken`."""
        if self._closed:
            raise Broken("closed")
        if self._streams is not None and self._streams[0].at_eof():
            self._hang_up()  # a server may close what is idle, and nothing is lost by that
        try:
            if self._streams is None:
                async with asyncio.timeout(_OPEN_SECONDS):
                    self._streams = await asyncio.open_connection(HOST, self._port)
            reader, writer = self._streams
            head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self._port}\r\n"
            head += f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines[1:] if line)
            answer = await reader.readexactly(int(fields["content-length"]))
            if fields.get("connection") == "close":
                self._hang_up()
            return int(lines[0].split(" ")[1]), answer
        except (OSError, EOFError, TimeoutError) as error:  # the second is an incomplete read
            self.close()
            raise Broken(repr(error)) from error

    def close(self) -> None:
        self._closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of one request. Raises `Broken`."""
    http = Http(port)
    try:
        return await http.request("GET", path)
    finally:
        http.close()


class WebSocket:
    """Engine.IO by WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.handshake: dict[str, Any] = {}

    @classmethod
    async def dial(cls, port: int, sid: str = "") -> Self:
        query = f"{WEBSOCKET}&sid={sid}" if sid else WEBSOCKET
        try:
            connection = await connect(
                f"ws://{HOST}:{port}{_PATH}{query}",
                compression=None,
                ping_interval=None,
                open_timeout=_OPEN_SECONDS,
                close_timeout=0.2,
                max_size=None,
                proxy=None,
            )
        except (OSError, TimeoutError, EOFError, WebSocketException) as error:
            raise Broken(repr(error)) from error
        return cls(connection)

    @classmethod
    async def open(cls, port: int) -> Self:
        self = await cls.dial(port)
        try:
            (packet,) = await self.receive()
        except BaseException:
            await self.close()
            raise
        self.handshake = json.loads(packet[1:])
        return self

    async def send(self, packet: str) -> None:
        try:
            await self._connection.send(packet)
        except (OSError, WebSocketException) as error:
            raise Broken(repr(error)) from error

    async def receive(self) -> Sequence[str]:
        try:
            return (await self._connection.recv(decode=True),)
        except (OSError, EOFError, WebSocketException) as error:
            raise Broken(repr(error)) from error

    async def close(self) -> None:
        self._connection.transport.abort()
        await self._connection.wait_closed()


class Polling:
    """Engine.IO by long-polling; with `upgrade` only until the WebSocket beside it is there."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._gets, self._posts = Http(port), Http(port)
        self._websocket: WebSocket | None = None
        self._outbox: list[str] = []
        self._reading, self._writing = asyncio.Lock(), asyncio.Lock()
        self._upgrade: asyncio.Task[None] | None = None
        self._path = _PATH + POLLING
        self.handshake: dict[str, Any] = {}

    @classmethod
    async def open(cls, port: int, *, upgrade: bool = False) -> Self:
        self = cls(port)
        try:
            (packet,) = await self.receive()
            self.handshake = json.loads(packet[1:])
            self._path += f"&sid={self.handshake['sid']}"
        except BaseException:
            await self.close()
            raise
        if upgrade:
            self._upgrade = asyncio.create_task(self._go_over())
        return self

    async def _go_over(self) -> None:
        """Like a browser's client: when it does not work, all stays as it was."""
        websocket = None
        try:
            websocket = await WebSocket.dial(self._port, self.handshake["sid"])
            await websocket.send("2probe")
            if tuple(await websocket.receive()) != ("3probe",):
                raise Broken("the probe was not answered")
            async with self._reading, self._writing:  # the last poll ends, and the last post
                await websocket.send("5")
                self._websocket, websocket = websocket, None
        except Broken:
            pass
        finally:
            if websocket is not None:
                await websocket.close()

    async def send(self, packet: str) -> None:
        self._outbox.append(packet)
        async with self._writing:  # whoever has waited for it finds more to carry
            packets, self._outbox = self._outbox, []
            if self._websocket is not None:
                for each in packets:
                    await self._websocket.send(each)
            elif packets:
                await self._request(self._posts, "POST", _SEPARATOR.join(packets).encode())

    async def receive(self) -> Sequence[str]:
        async with self._reading:
            if self._websocket is None:
                return (await self._request(self._gets, "GET")).decode().split(_SEPARATOR)
        return await self._websocket.receive()

    async def _request(self, http: Http, method: str, body: bytes = b"") -> bytes:
        status, answer = await http.request(method, self._path, body)
        if status != 200:
            raise Broken(f"{method} was answered {status} {answer!r}")
        return answer

    async def close(self) -> None:
        if self._upgrade is not None:
            self._upgrade.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._upgrade
        self._gets.close()
        self._posts.close()
        if self._websocket is not None:
            await self._websocket.close()


async def open_transport(kind: str, port: int) -> Transport:
    """A connection of one of `KINDS`. Raises `Broken`."""
    if kind == WEBSOCKET:
        return await WebSocket.open(port)
    return await Polling.open(port, upgrade=kind == UPGRADE)
