"""Engines as one ASGI application, for any ASGI server and for what else is on the port.

Under `duologue serve` WebSockets do not come this way but to `duologue.server.websocket`, which
does the same faster.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from duologue.wire.engineio import Binary

from .app import WEBSOCKET, Engine, Refused
from .connection import (
    CLOSED_BY_CLIENT,
    PARSE_ERROR,
    SHUTTING_DOWN,
    SLOW_READER,
    TRANSPORT_ERROR,
    Connection,
)
from .lane import Traffic
from .polling import Polling, Receive, Scope, Send, header_lists, respond
from .requests import HEADER, request_id

_CLOSE_CODES = {SHUTTING_DOWN: 1012, PARSE_ERROR: 1002, SLOW_READER: 1008}

#: What a server says of a connection that ended without a closing frame. Source: RFC 6455, 7.4.1.
_ABNORMAL = 1006


class EngineApp:
    """Serves each engine at its path and everything else by `fallback`, an ASGI application.

    With `keep_scopes` sessions have the scope of the request that opened them.
    """

    def __init__(
        self,
        engines: Mapping[str, Engine],
        fallback: Callable[[Scope, Receive, Send], Any],
        *,
        keep_scopes: bool = False,
    ) -> None:
        self._engines = engines
        self._polling = {path: Polling(engine, keep_scopes) for path, engine in engines.items()}
        self._fallback = fallback
        self._keep_scopes = keep_scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path = _route_path(scope)
            if scope["type"] == "websocket":
                engine = self._engines.get(path)
                if engine is not None:
                    await AsgiWebSocket(engine, self._keep_scopes).run(scope, receive, send)
                    return
            elif path in self._polling:
                await self._polling[path](scope, receive, send)
                return
        await self._fallback(scope, receive, send)


def _route_path(scope: Scope) -> str:
    """The path below where this application is mounted."""
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    # A server that strips the prefix itself may still say what it was
    return str(path[len(root) :] if root and path.startswith(f"{root}/") else path)


class AsgiWebSocket:
    """One ``websocket`` scope; the transport of a `Connection`, or a candidate for it."""

    name = WEBSOCKET

    def __init__(self, engine: Engine, keep_scope: bool = False) -> None:
        self._engine = engine
        self._keep_scope = keep_scope
        self._connection: Connection | None = None
        self._packets: list[bytes] = []
        self._bytes = 0
        self._wake = asyncio.Event()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reason: str | None = None
        self.deadline = math.inf
        self.slot = -1

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            connection = self._open(scope)
        except Refused as refused:
            self._engine.tally.refused[refused.status] += 1
            await _refuse(scope, send, refused)
            return
        tasks: list[asyncio.Task[None]] = []
        try:
            await send({"type": "websocket.accept"})
            if connection.transport is self:
                connection.send(self._engine.handshake(connection))
            tasks = [
                asyncio.create_task(self._read(receive)),
                asyncio.create_task(self._write(send)),
            ]
            await asyncio.wait((*tasks, self._ended), return_when=asyncio.FIRST_COMPLETED)
            if not tasks[0].done() and self._reason is not SLOW_READER:
                # A peer that takes nothing more holds the last words up for so long
                await asyncio.wait(tasks, timeout=self._engine.options.close_timeout)
        except OSError:
            pass  # the peer has gone, in the words of some servers
        finally:
            for task in tasks:
                task.cancel()
            self._engine.wheel.remove(self)
            self._leave(TRANSPORT_ERROR)
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, OSError):
                raise result

    def _open(self, scope: Scope) -> Connection:
        engine = self._engine
        names = header_lists(scope)
        query = engine.check_query(scope["query_string"].decode("latin-1"), WEBSOCKET)
        engine.check_origin(
            names.get("origin", ()), names.get("host", ()), secure=scope["scheme"] == "wss"
        )
        client = scope.get("client")
        headers = {name: ", ".join(values) for name, values in names.items()}
        headers[HEADER] = request_id(names.get(HEADER, ()))
        connection = engine.open_websocket(self, query, client[0] if client else "", headers)
        if connection.transport is not self:
            self.deadline = engine.now() + engine.options.upgrade_timeout
            engine.wheel.schedule(self)
        elif self._keep_scope:
            connection.scope = scope
        self._connection = connection
        return connection

    async def _read(self, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code", _ABNORMAL)
                if code == _CLOSE_CODES[SHUTTING_DOWN]:
                    self._leave(SHUTTING_DOWN)
                else:
                    self._leave(TRANSPORT_ERROR if code == _ABNORMAL else CLOSED_BY_CLIENT)
                return
            if self._reason is None:
                text = message.get("text")
                self._received(text.encode() if text is not None else Binary(message["bytes"]))

    def _received(self, packet: bytes) -> None:
        connection = self._connection
        if connection is None:
            return
        Traffic.received += len(packet)
        if len(packet) > self._engine.options.max_http_buffer_size:
            self._leave(PARSE_ERROR)
            self.finish(PARSE_ERROR)
        elif connection.transport is not self:
            if isinstance(packet, Binary) or not connection.candidate_text(packet):
                self._leave(TRANSPORT_ERROR)
                self.finish(TRANSPORT_ERROR)
        elif isinstance(packet, Binary):
            connection.binary(packet)
        else:
            connection.text(packet)

    async def _write(self, send: Send) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._packets:
                packet = self._packets.pop(0)
                if isinstance(packet, Binary):
                    await send({"type": "websocket.send", "bytes": bytes(packet)})
                else:
                    await send({"type": "websocket.send", "text": packet.decode()})
                self._bytes -= len(packet)
                Traffic.sent += len(packet)
            if self._reason is not None:
                code = _CLOSE_CODES.get(self._reason, 1000)
                await send({"type": "websocket.close", "code": code})
                return

    # Transport

    def send(self, packet: bytes) -> None:
        self._packets.append(packet)
        self._bytes += len(packet)
        if self._bytes > self._engine.options.max_queue_bytes and self._connection is not None:
            self._leave(SLOW_READER)
        self._wake.set()

    def finish(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
            if reason is SLOW_READER:
                self._packets.clear()
            self._wake.set()
            if not self._ended.done():
                self._ended.set_result(None)

    def nudge(self) -> None:
        """A WebSocket has no polls."""

    def release(self) -> Sequence[bytes]:
        raise RuntimeError("nothing replaces a WebSocket")

    def promote(self, packets: Sequence[bytes]) -> None:
        self.deadline = math.inf
        for packet in packets:
            self.send(packet)

    def pending_bytes(self) -> int:
        return self._bytes

    def pending(self, now: float) -> bool:
        return self.pending_bytes() > 0

    # The end

    def _leave(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.lost(self, reason)

    def expire(self, now: float) -> None:
        """Called by the wheel: an upgrade took too long."""
        self.deadline = math.inf
        self._leave(TRANSPORT_ERROR)
        self.finish(TRANSPORT_ERROR)


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    if "websocket.http.response" in scope.get("extensions", {}):
        await respond(send, refused.status, refused.body, "application/json", (), "websocket.http")
    else:
        await send({"type": "websocket.close", "code": 1008})
