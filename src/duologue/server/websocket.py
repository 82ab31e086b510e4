"""WebSocket under uvicorn: a protocol class of ours in place of uvicorn's own.

uvicorn calls ``connection_made(transport)``, then ``data_received`` with the request rebuilt from
what its HTTP parser read, then ``transport.set_protocol``. From there on bytes come straight from
the event loop. Such a class adds itself to ``server_state.connections`` and has a ``shutdown``.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.utils import get_remote_addr, is_ssl
from uvicorn.server import ServerState
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

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
from .frames import FrameStream
from .lane import Traffic, frames
from .requests import HEADER, access_logger, log_access, request_id

# The library says at level INFO of every connection that it opened and closed
_library_logger: Final = logging.getLogger("duologue.websocket")
_library_logger.setLevel(logging.WARNING)

#: More than this is not gathered until the end of the loop's turn but written.
_GATHER_BYTES: Final = 65_536

_CLOSE_CODES: Final = {
    SHUTTING_DOWN: CloseCode.SERVICE_RESTART,
    PARSE_ERROR: CloseCode.PROTOCOL_ERROR,
}


def protocol_factory(engines: Mapping[str, Engine]) -> type[asyncio.Protocol]:
    """What ``uvicorn.Config(ws=…)`` wants: serves each path's engine, refuses other paths."""
    factory = functools.partial(WebSocketProtocol, engines=engines)
    return cast("type[asyncio.Protocol]", factory)


class WebSocketProtocol(FrameStream, asyncio.Protocol):
    """One WebSocket; the transport of a `Connection`, or a candidate for it."""

    __slots__ = (
        "_config",
        "_connection",
        "_connections",
        "_engine",
        "_engines",
        "_gathered",
        "_gathered_bytes",
        "_transport",
        "deadline",
        "slot",
    )

    name = WEBSOCKET

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        engines: Mapping[str, Engine],
    ) -> None:
        super().__init__()
        self._config = config
        self._connections = server_state.connections
        self._engines = engines
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self.on_text = self._candidate_text
        self.on_event = self._candidate_event
        self.deadline = math.inf
        self.slot = -1

    # asyncio.Protocol, beside `data_received`, which is the stream's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(cast(Any, self))  # uvicorn's type names its own classes only

    def connection_lost(self, exc: Exception | None) -> None:
        self.done = True
        self._connections.discard(cast(Any, self))
        if self._engine is not None:
            self._engine.wheel.remove(self)
        # Whoever leaves says so in a frame: a process that is killed ends its connections properly
        self._leave(TRANSPORT_ERROR)

    def pause_writing(self) -> None:
        # The transport's high-water mark is the limit of what may be queued for a slow reader
        self.done = True
        self._gathered.clear()
        self._leave(SLOW_READER)
        self._transport.abort()

    def resume_writing(self) -> None:
        """Never comes: a transport that was paused has been aborted."""

    def shutdown(self) -> None:
        """Called by uvicorn when the server stops."""
        if self._connection is None or self._connection.transport is not self:
            self._transport.close()
        else:
            self._connection.close(SHUTTING_DOWN)

    # Opening handshake

    def before_opening(self, data: bytes) -> None:
        target = data.split(b" ", 2)[1].decode("latin-1")
        path, _, query_string = target.partition("?")
        engine = self._engines.get(path)
        self.conn = ServerProtocol(
            max_size=engine.options.max_http_buffer_size if engine else 0, logger=_library_logger
        )
        self.conn.receive_data(data)
        events = self.conn.events_received()
        if events and isinstance(events[0], Request):
            response = self.conn.accept(events[0])
            if response.status_code == 101:
                try:
                    if engine is None:
                        raise Refused(404, 3, "Not found")
                    self._open(engine, query_string, events[0], response)
                    return
                except Refused as refused:
                    if engine is not None:
                        engine.tally.refused[refused.status] += 1
                    response = self.conn.reject(refused.status, refused.body.decode())
            self.conn.send_response(response)
        self.flush()
        self.done = True
        self._transport.close()

    def _open(self, engine: Engine, query_string: str, opening: Request, answer: Response) -> None:
        headers = opening.headers
        query = engine.check_query(query_string, WEBSOCKET)
        address, secure = self._peer(opening)
        engine.check_origin(headers.get_all("Origin"), headers.get_all("Host"), secure=secure)
        names = {name.lower(): value for name, value in headers.raw_items()}
        given = headers.get_all(HEADER)
        request = request_id(given)
        if given or access_logger.isEnabledFor(logging.INFO):
            names[HEADER] = request  # else no line has it, and every session would pay for it
        connection = engine.open_websocket(self, query, address, names)
        if connection.transport is not self:
            self._set_deadline(engine, engine.options.upgrade_timeout)
        elif engine.options.cookie is not None:
            answer.headers["Set-Cookie"] = engine.cookie(connection)
        self._connection = connection
        self._engine = engine
        log_access("GET", engine.options.path, 101, 0.0, address, request)
        self.conn.send_response(answer)
        self.flush()
        self._transport.set_write_buffer_limits(high=engine.options.max_queue_bytes)
        self.opened(
            max_size=engine.options.max_http_buffer_size,
            max_fragments=engine.options.max_fragments,
            decoders=connection.layer.decoders,
            max_depth=connection.layer.max_depth,
        )
        if connection.transport is self:
            self._take_over(connection)
            connection.send(engine.handshake(connection))

    def _peer(self, request: Request) -> tuple[str, bool]:
        """Address and security of the request, as uvicorn's proxy settings have them."""
        scope: dict[str, Any] = {
            "type": "websocket",
            "client": get_remote_addr(self._transport),
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in request.headers.raw_items()
            ],
        }
        if self._config.proxy_headers:
            # An ASGI middleware that only changes the scope: it runs to its end without a loop
            middleware = ProxyHeadersMiddleware(_nothing, self._config.forwarded_allow_ips)
            for _ in middleware(scope, None, None).__await__():  # type: ignore[arg-type]
                raise RuntimeError("the proxy middleware waits for something")
        client = scope["client"]
        return client[0] if client else "", scope["scheme"] == "wss"

    # Stream

    def write(self, data: bytes) -> None:
        self.flush_gathered()
        Traffic.sent += len(data)
        self._write(data)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def binary_received(self, payload: bytes) -> None:
        connection = self._connection
        if connection is not None and connection.transport is self:
            connection.binary(Binary(payload))
        else:
            self._drop_candidate()

    def closing(self) -> None:
        self._leave(CLOSED_BY_CLIENT if self.conn.close_rcvd else TRANSPORT_ERROR)
        self._end()

    # Candidate of a connection that polls

    def _candidate_text(self, payload: bytes) -> None:
        if self._connection is None or not self._connection.candidate_text(payload):
            self._drop_candidate()

    def _candidate_event(self, event: Any, ack: int | None) -> None:
        self._drop_candidate()

    def _take_over(self, connection: Connection) -> None:
        self.on_text = connection.text
        self.on_event = connection.layer.typed

    def _drop_candidate(self) -> None:
        self._leave(TRANSPORT_ERROR)
        self.finish(TRANSPORT_ERROR)

    def promote(self, packets: Sequence[bytes]) -> None:
        if self._connection is not None:
            self._take_over(self._connection)
        self.deadline = math.inf
        for packet in packets:
            self.send(packet)

    # Transport

    def send(self, packet: bytes) -> None:
        # Many small frames to one client in one turn, as acknowledgements of a batch are, would
        # cost a system call each; uvloop has written at once since 0.22.
        gathered = self._gathered
        if not gathered and self._engine is not None:
            self._engine.flush_soon(self)
        gathered.append(packet)
        self._gathered_bytes += len(packet)
        if self._gathered_bytes > _GATHER_BYTES:
            self.flush_gathered()

    def flush_gathered(self) -> None:
        gathered = self._gathered
        if gathered:
            self._gathered_bytes = 0
            data = frames(gathered)
            gathered.clear()
            self._write(data)

    def finish(self, reason: str) -> None:
        if self._transport.is_closing():
            return
        self.done = True
        if reason is SLOW_READER:
            self._transport.abort()
            return
        self.close_frame(_CLOSE_CODES.get(reason, CloseCode.NORMAL_CLOSURE))
        if self._engine is not None:
            self._set_deadline(self._engine, self._engine.options.close_timeout)

    def nudge(self) -> None:
        """A WebSocket has no polls."""

    def release(self) -> Sequence[bytes]:
        raise RuntimeError("nothing replaces a WebSocket")

    def pending_bytes(self) -> int:
        return self._gathered_bytes + self._transport.get_write_buffer_size()

    def pending(self, now: float) -> bool:
        return self.pending_bytes() > 0

    # The end

    def _leave(self, reason: str) -> None:
        """Tell the connection, if it still has this transport, that it is gone."""
        if self._connection is not None:
            self._connection.lost(self, reason)

    def _end(self) -> None:
        self.flush_gathered()
        self._transport.close()
        # Closing waits for a peer to read what was written, who may never do so
        if self._engine is not None:
            self._set_deadline(self._engine, self._engine.options.close_timeout)

    def _set_deadline(self, engine: Engine, seconds: float) -> None:
        self.deadline = engine.now() + seconds
        engine.wheel.schedule(self)
        engine.start_timer()

    def expire(self, now: float) -> None:
        """Called by the wheel: an upgrade or a closing handshake took too long."""
        self.deadline = math.inf
        self._leave(TRANSPORT_ERROR)
        self._transport.abort()


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """The application behind the proxy middleware when only its scope is wanted."""
