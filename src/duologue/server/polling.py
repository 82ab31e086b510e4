"""Engine.IO over HTTP long-polling, as an ASGI application.

Source: Engine.IO v4, "HTTP long-polling".
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from typing import Any, Final

from duologue.wire import engineio
from duologue.wire.engineio import PacketError, Stage

from .app import POLLING, Engine, Query, Refused, bad_method, bad_request
from .connection import CLOSED_BY_CLIENT, PARSE_ERROR, SLOW_READER, TRANSPORT_ERROR, Connection
from .requests import HEADER, request_id

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_TEXT: Final = "text/plain; charset=UTF-8"
_JSON: Final = "application/json"

#: A client that is there makes its next request as soon as the last one is answered. While the
#: server ends it has to do so on a connection that is open, and those on which nothing comes are
#: closed after as long.
_RETURN_SECONDS: Final = 5.0

#: Smaller bodies grow when compressed, or shrink by less than the header says.
_COMPRESS_FROM_BYTES: Final = 1_024


class PollingTransport:
    """The packets that wait for a client's next poll."""

    __slots__ = (
        "_bytes",
        "_connection",
        "_ended",
        "_left_at",
        "_packets",
        "_poll",
        "_requests",
        "posting",
    )

    name = POLLING

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._packets: list[bytes] = []
        self._bytes = 0
        self._poll: asyncio.Future[None] | None = None
        self._ended = False
        #: How many requests are being served, and when the last one ended, on the engine's clock
        self._requests = 0
        self._left_at = 0.0
        #: Whether a POST is being read; a second one beside it would overtake it.
        self.posting = False

    def serve(self, connection: Connection) -> None:
        self._connection = connection

    @contextlib.contextmanager
    def visited(self, engine: Engine) -> Iterator[None]:
        """A request of the client is served inside."""
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1
            self._left_at = engine.now()

    @property
    def polled(self) -> bool:
        return self._poll is not None

    def send(self, packet: bytes) -> None:
        self._packets.append(packet)
        self._bytes += len(packet)
        connection = self._connection
        if connection is not None and self._bytes > connection.engine.options.max_queue_bytes:
            connection.close(SLOW_READER)
        self._wake()

    def finish(self, reason: str) -> None:
        self._ended = True
        # A client that said goodbye needs no packet that closes
        self._packets.append(
            engineio.NOOP if reason in (CLOSED_BY_CLIENT, TRANSPORT_ERROR) else engineio.CLOSE
        )
        self._wake()

    def release(self) -> Sequence[bytes]:
        packets = self._take()
        self._ended = True
        # A poll that is still in flight has to end, and what it would carry goes by WebSocket
        self._packets.append(engineio.NOOP)
        self._wake()
        return [packet for packet in packets if packet != engineio.NOOP]

    def pending_bytes(self) -> int:
        return self._bytes

    def pending(self, now: float) -> bool:
        there = self._requests > 0 or now - self._left_at < _RETURN_SECONDS
        return there and self._bytes > 0

    def nudge(self) -> None:
        if self._poll is not None and not self._packets:
            self._packets.append(engineio.NOOP)
            self._wake()

    def _take(self) -> list[bytes]:
        packets, self._packets, self._bytes = self._packets, [], 0
        return packets

    def _wake(self) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    async def poll(self, receive: Receive, *, wait: bool) -> list[bytes] | None:
        """Wait for packets, or do not; None if the client hung up first."""
        if not self._packets and not wait:
            return [engineio.NOOP]
        if not self._packets:
            self._poll = asyncio.get_running_loop().create_future()
            gone = asyncio.ensure_future(_hung_up(receive))
            try:
                await asyncio.wait((self._poll, gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                woken, self._poll = self._poll.done(), None
            if not woken:
                return None
        return self._take()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Polling:
    """ASGI application for the requests to an engine's path."""

    def __init__(self, engine: Engine, keep_scopes: bool = False) -> None:
        self._engine = engine
        self._keep_scopes = keep_scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[str, str]] = []
        try:
            names = header_lists(scope)
            origin = self._engine.check_origin(
                names.get("origin", ()), names.get("host", ()), secure=scope["scheme"] == "https"
            )
            headers = self._cors(origin)
            if scope["method"] == "OPTIONS":
                await self._preflight(names, headers, send)
                return
            query = self._engine.check_query(scope["query_string"].decode("latin-1"), POLLING)
            if scope["method"] == "GET":
                await self._get(query, scope, names, headers, receive, send)
            elif scope["method"] == "POST" and query.sid is not None:
                await self._post(query.sid, names, receive)
                await respond(send, 200, b"ok", _TEXT, headers)
            else:
                raise bad_method()
        except Refused as refused:
            self._engine.tally.refused[refused.status] += 1
            if refused.status == 413:
                headers.append(("connection", "close"))  # what follows the limit is not read
            await respond(send, refused.status, refused.body, _JSON, headers)

    def _cors(self, origin: str | None) -> list[tuple[str, str]]:
        allowed = self._engine.options.cors_allowed_origins
        if origin is None or allowed is None:
            return []
        if "*" in allowed:
            # Any site may read, but none with the credentials of a user of this one
            return [("access-control-allow-origin", "*")]
        return [
            ("access-control-allow-origin", origin),
            ("access-control-allow-credentials", "true"),
            ("vary", "Origin"),
        ]

    async def _preflight(
        self, names: dict[str, list[str]], headers: list[tuple[str, str]], send: Send
    ) -> None:
        if headers:
            asked = ", ".join(names.get("access-control-request-headers", ()))
            headers += [("access-control-allow-methods", "GET, POST")]
            headers += [("access-control-allow-headers", asked or "content-type")]
        await respond(send, 204, b"", None, headers)

    async def _get(
        self,
        query: Query,
        scope: Scope,
        names: dict[str, list[str]],
        headers: list[tuple[str, str]],
        receive: Receive,
        send: Send,
    ) -> None:
        if query.sid is None:
            connection, transport = self._open(scope, names)
            if self._engine.options.cookie is not None:
                headers.append(("set-cookie", self._engine.cookie(connection)))
        else:
            connection, transport = self._find(query.sid)
            if transport.polled:
                connection.close(PARSE_ERROR)
                raise bad_request("A poll is in flight already")
        with transport.visited(self._engine):
            if query.sid is None:
                packets: list[bytes] | None = [self._engine.handshake(connection)]
            else:
                # The client may have polled again before it heard that the other transport works,
                # and goes on only when its last poll has ended.
                wait = connection.stage is not Stage.PROBED
                packets = await transport.poll(receive, wait=wait)
            if packets is None:
                connection.close(TRANSPORT_ERROR)
                return
            body = engineio.encode_payload(packets)
            if self._engine.options.http_compression and len(body) >= _COMPRESS_FROM_BYTES:
                accepted = ",".join(names.get("accept-encoding", ()))
                if "gzip" in (part.split(";")[0].strip() for part in accepted.split(",")):
                    body = gzip.compress(body, compresslevel=1)
                    headers.append(("content-encoding", "gzip"))
            self._engine.tally.bytes_sent += len(body)
            await respond(send, 200, body, _TEXT, headers)

    def _open(
        self, scope: Scope, names: dict[str, list[str]]
    ) -> tuple[Connection, PollingTransport]:
        transport = PollingTransport()
        client = scope.get("client")
        headers = {name: ", ".join(values) for name, values in names.items()}
        headers[HEADER] = request_id(names.get(HEADER, ()))
        connection = self._engine.open(
            transport,
            Stage.POLLING,
            client[0] if client else "",
            headers,
        )
        transport.serve(connection)
        if self._keep_scopes:
            connection.scope = scope
        return connection, transport

    def _find(self, sid: str) -> tuple[Connection, PollingTransport]:
        connection = self._engine.find(sid)
        transport = connection.transport
        if not isinstance(transport, PollingTransport):
            raise bad_request("The session has been upgraded")
        return connection, transport

    async def _post(self, sid: str, names: dict[str, list[str]], receive: Receive) -> None:
        connection, transport = self._find(sid)
        if transport.posting:
            connection.close(PARSE_ERROR)
            raise bad_request("A POST is in flight already")
        options = self._engine.options
        transport.posting = True
        try:
            with transport.visited(self._engine):
                body = await _read(names, receive, options.max_http_buffer_size)
            if body is None:
                connection.close(TRANSPORT_ERROR)
                raise bad_request()
            self._engine.tally.bytes_received += len(body)
            packets = engineio.decode_payload(body, max_packets=options.max_payload_packets)
        except PacketError as error:
            connection.close(PARSE_ERROR)
            raise bad_request(str(error)) from error
        except Refused:
            connection.close(PARSE_ERROR)
            raise
        finally:
            transport.posting = False
        for packet in packets:
            if connection.closed:
                break
            if isinstance(packet, engineio.Binary):
                connection.binary(packet)
            else:
                connection.text(packet)
        if connection.closed and packets[-1] != engineio.CLOSE:
            raise bad_request()


def header_lists(scope: Scope) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        names.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return names


async def _read(names: dict[str, list[str]], receive: Receive, limit: int) -> bytes | None:
    """A request's body; None if the client hung up before its end. Raises `Refused`."""
    too_large = Refused(413, 3, "Payload too large")
    if any(value.strip().lower() != "identity" for value in names.get("content-encoding", ())):
        raise bad_request("Content-Encoding is not supported")
    for value in names.get("content-length", ()):
        if value.isdecimal() and int(value) > limit:
            raise too_large
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise too_large
        if not message.get("more_body", False):
            return b"".join(chunks)


async def respond(
    send: Send,
    status: int,
    body: bytes,
    content_type: str | None,
    headers: Sequence[tuple[str, str]],
    scope_type: str = "http",
) -> None:
    """Send a whole response; `scope_type` is the prefix of its ASGI messages."""
    fixed = [("content-length", str(len(body))), ("cache-control", "no-store")]
    if content_type is not None:
        fixed.append(("content-type", content_type))
        fixed.append(("x-content-type-options", "nosniff"))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*fixed, *headers)]
    await send({"type": f"{scope_type}.response.start", "status": status, "headers": raw})
    await send({"type": f"{scope_type}.response.body", "body": body})
