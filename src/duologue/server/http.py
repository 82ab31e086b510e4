"""uvicorn's HTTP protocol, held to limits that it does not have itself.

A connection that never finishes its headers, or its request, stays open in uvicorn for ever, and
headers may be of any size.
"""

from __future__ import annotations

import asyncio
import functools
import math
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .app import Engine

_END: Final = b"\r\n\r\n"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


def protocol_factory(
    engine: Engine, others: type[asyncio.Protocol] | None = None
) -> type[asyncio.Protocol]:
    """What ``uvicorn.Config(http=…)`` wants; limits and timer are those of `engine`.

    `others` is uvicorn's protocol class for WebSockets at paths that are not the engine's.
    """
    made = functools.partial(HttpProtocol, engine=engine, others=others)
    return cast("type[asyncio.Protocol]", made)


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection, until it is closed or becomes a WebSocket."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        engine: Engine,
        others: type[asyncio.Protocol] | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._engine = engine
        self._others = others
        self._header_bytes = 0
        self._tail = b""
        self._reading_headers = True
        self.deadline = math.inf
        self.slot = -1

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_deadline(self._engine.options.header_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._engine.wheel.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._reading_headers:
            if self.deadline == math.inf:  # the next request on a connection kept alive
                self._set_deadline(self._engine.options.header_timeout)
            room = self._engine.options.max_header_bytes - self._header_bytes
            self._header_bytes += len(data)
            # What comes in one piece may hold the beginning of a body, which does not count
            if len(data) > room and _END not in self._tail + data[: max(room, 0)]:
                self._refuse(_TOO_LARGE)
                return
            self._tail = data[-3:]
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._reading_headers = False
        self._set_deadline(self._engine.options.request_timeout)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._reading_headers = True
        self._header_bytes = 0
        self.deadline = math.inf
        super().on_message_complete()

    def pause_writing(self) -> None:
        # uvicorn would wait for ever for a peer to take its answer
        super().pause_writing()
        self._set_deadline(self._engine.options.request_timeout)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading_headers and not self._header_bytes:
            self.deadline = math.inf

    def handle_websocket_upgrade(self) -> None:
        self._engine.wheel.remove(self)
        self.deadline = math.inf
        path = self.url.partition(b"?")[0].decode("latin-1")
        if self._others is not None and path != self._engine.options.path:
            self.ws_protocol_class = self._others
        super().handle_websocket_upgrade()

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self._engine.now() + seconds
        self._engine.wheel.schedule(self)
        self._engine.start_timer()

    def expire(self, now: float) -> None:
        """Called by the engine's wheel: headers, body or the taking of an answer took too long."""
        self.deadline = math.inf
        self._refuse(_TOO_SLOW if self._reading_headers else b"")

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            # Whoever is this slow or large may not read either: what cannot be sent at once is
            # not worth waiting for.
            self.transport.write(answer)
            self.transport.close()
            self.deadline = self._engine.now() + self._engine.options.close_timeout
            self._engine.wheel.schedule(self)
        else:
            self.transport.abort()
