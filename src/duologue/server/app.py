"""The engine: who may open a session, the sessions that are open, and their deadlines."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from duologue.wire import engineio
from duologue.wire.engineio import Handshake, Stage

from .connection import SHUTTING_DOWN, Candidate, Connection, Layer, Transport
from .lane import Decoders
from .session import Session, SocketLayer
from .wheel import Wheel

POLLING: Final = "polling"
WEBSOCKET: Final = "websocket"

_MAX_QUERY_FIELDS: Final = 32

#: How often a server that drains looks whether its clients have taken everything.
_DRAIN_SECONDS: Final = 0.02

#: So many sessions are looked at in one turn of the loop, which takes about half a millisecond.
_SURVEYED_AT_ONCE: Final = 1_000


class Application(Protocol):
    """What an engine serves, one for each namespace. Nothing here may block.

    `decoders` maps the names of events whose arguments are typed to decoders of the event's whole
    JSON array, its name included; what they return goes to `typed_event`, and `invalid` is called
    for what does not fit. Other events come as plain JSON values, to `event`.
    """

    decoders: Decoders

    def connect(self, session: Session, auth: dict[str, Any]) -> None:
        """A client asks to connect: `Session.accept` or `Session.refuse` it, now or later."""

    def event(self, session: Session, name: str, args: Sequence[Any], ack: int | None) -> None:
        """A client sent an event; if `ack` is not None it waits for `Session.ack` with it."""

    def typed_event(self, session: Session, event: Any, ack: int | None) -> None:
        """A client sent an event that one of `decoders` decoded."""

    def invalid(self, session: Session, name: str, reason: str, ack: int | None) -> None:
        """A client sent an event whose arguments its decoder refused."""

    def disconnect(self, session: Session, reason: str) -> None:
        """A session that was accepted is over. Called exactly once for each."""


class Flushable(Protocol):
    """Something that gathers what it has to write until the turn of the loop ends."""

    def flush_gathered(self) -> None:
        """Write it all, in one call."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of an engine, under the names that Socket.IO's users know. Times in seconds."""

    path: str = "/socket.io/"
    ping_interval: float = 25.0
    ping_timeout: float = 20.0
    max_http_buffer_size: int = 1_000_000
    cors_allowed_origins: tuple[str, ...] | None = None
    transports: tuple[str, ...] = (POLLING, WEBSOCKET)
    allow_upgrades: bool = True
    http_compression: bool = False
    cookie: str | None = None

    connect_timeout: float = 10.0
    upgrade_timeout: float = 10.0
    attachment_timeout: float = 10.0
    header_timeout: float = 10.0
    request_timeout: float = 30.0
    close_timeout: float = 5.0
    max_header_bytes: int = 16_384
    max_attachments: int = 10
    max_json_depth: int = 32
    max_fragments: int = 1_024
    max_payload_packets: int = 10_000
    max_queue_bytes: int = 4_000_000
    max_sessions: int = 100_000
    max_sessions_per_address: int = 20_000


class Refused(Exception):
    """A request that the engine does not serve, as the HTTP answer that it gets.

    `code` is one of the numbers that Engine.IO's servers give for such requests.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = msgspec.json.encode({"code": code, "message": message})


def unknown_transport() -> Refused:
    return Refused(400, 0, "Transport unknown")


def unknown_session() -> Refused:
    return Refused(400, 1, "Session ID unknown")


def bad_method() -> Refused:
    return Refused(400, 2, "Bad handshake method")


def bad_request(message: str = "Bad request") -> Refused:
    return Refused(400, 3, message)


class Tally:
    """What has happened to an engine's sessions and requests since it was made.

    `opened` is by the transport that a session began with, `ended` by reason, `refused` by the
    status of the HTTP answer. Bytes are those of polling's bodies.
    """

    def __init__(self) -> None:
        self.opened: Counter[str] = Counter()
        self.upgraded = 0
        self.ended: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self.bytes_received = 0
        self.bytes_sent = 0


@dataclass(frozen=True)
class Survey:
    """An engine's sessions at one time: how many by transport, and the bytes that wait for them
    because their clients have not taken them yet, all together and the most for one."""

    sessions: Mapping[str, int]
    pending_bytes: int
    most_pending_bytes: int


@dataclass(frozen=True, slots=True)
class Query:
    """The query string of an Engine.IO request that is well formed."""

    transport: str
    sid: str | None


class Engine:
    """An Engine.IO server. `layer` makes what lies above each connection."""

    def __init__(self, options: Options, layer: Callable[[Connection], Layer]) -> None:
        self.options = options
        self.make_layer = layer
        self.now = time.monotonic
        self.connections: dict[str, Connection] = {}
        self.draining = False
        self.tally = Tally()
        self._per_address: dict[str, int] = {}
        tick = min(options.ping_interval, options.ping_timeout) / 50
        self.wheel = Wheel(min(max(tick, 0.01), 0.25))
        self._timer: asyncio.TimerHandle | None = None
        self._unflushed: list[Flushable] = []

    @classmethod
    def socketio(cls, options: Options, applications: Mapping[str, Application]) -> Engine:
        """An engine that serves Socket.IO applications, by namespace."""
        return cls(options, lambda connection: SocketLayer(connection, applications))

    # Requests

    def check_query(self, query_string: str, transport: str) -> Query:
        """Hold a request's query string against the protocol; raises `Refused`.

        `transport` is what the request came by. Source: Engine.IO v4, "Handshake".
        """
        try:
            pairs = parse_qsl(
                query_string,
                keep_blank_values=True,
                max_num_fields=_MAX_QUERY_FIELDS,
                errors="strict",
            )
        except (ValueError, UnicodeDecodeError) as error:
            raise bad_request() from error
        query = dict(pairs)
        if len(query) != len(pairs):
            raise bad_request("Repeated query parameter")
        wanted = query.get("transport")
        if wanted not in self.options.transports:
            raise unknown_transport()
        if query.get("EIO") != engineio.PROTOCOL:
            raise Refused(400, 5, "Unsupported protocol version")
        if wanted != transport:
            raise bad_request("Transport mismatch")
        return Query(wanted, query.get("sid"))

    def check_origin(
        self, origins: Sequence[str], hosts: Sequence[str], *, secure: bool
    ) -> str | None:
        """The origin of a request if it may have the answer, None if it names none.

        `origins` and `hosts` are the request's ``Origin`` and ``Host`` headers. Raises `Refused`
        for any origin that is neither the server's own nor exactly one of those allowed.
        """
        if not origins:
            return None  # not a browser, which would have had to say
        if len(origins) == 1:
            origin, allowed = origins[0], self.options.cors_allowed_origins or ()
            scheme = "https" if secure else "http"
            if len(hosts) == 1 and origin.lower() == f"{scheme}://{hosts[0].lower()}":
                return origin
            if "*" in allowed or origin in allowed:
                return origin
        raise Refused(403, 4, "Origin not allowed")

    # Sessions

    def open(
        self, transport: Transport, stage: Stage, address: str, headers: Mapping[str, str]
    ) -> Connection:
        """Open a session on its first transport; raises `Refused`."""
        if self.draining:
            raise Refused(503, 4, "Server is shutting down")
        if len(self.connections) >= self.options.max_sessions:
            raise Refused(503, 4, "Too many sessions")
        of_address = self._per_address.get(address, 0)
        if address and of_address >= self.options.max_sessions_per_address:
            raise Refused(429, 4, "Too many sessions from this address")
        self._per_address[address] = of_address + 1
        # 128 bits, and nothing else, open a session to a polling request
        sid = secrets.token_urlsafe(16)
        connection = Connection(self, sid, transport, stage, address, headers)
        self.connections[sid] = connection
        self.tally.opened[transport.name] += 1
        self.start_timer()
        return connection

    def open_websocket(
        self, transport: Candidate, query: Query, address: str, headers: Mapping[str, str]
    ) -> Connection:
        """The session of a WebSocket: a new one, or one that polls, which it may take over.

        Raises `Refused`.
        """
        if query.sid is None:
            return self.open(transport, Stage.WEBSOCKET, address, headers)
        connection = self.find(query.sid)
        if not self.options.allow_upgrades or not connection.attach(transport):
            raise bad_request("Upgrade not possible")
        return connection

    def find(self, sid: str) -> Connection:
        """The session of a request that names one; raises `Refused`."""
        connection = self.connections.get(sid)
        if connection is not None and connection.deadline <= self.now():
            # The wheel turns in steps; no session outlives its time until the next
            connection.expire(self.now())
            connection = self.connections.get(sid)
        if connection is None:
            raise unknown_session()
        return connection

    def handshake(self, connection: Connection) -> bytes:
        options = self.options
        upgradable = (
            connection.stage is Stage.POLLING
            and options.allow_upgrades
            and WEBSOCKET in options.transports
        )
        return Handshake(
            sid=connection.sid,
            upgrades=(WEBSOCKET,) if upgradable else (),
            ping_interval=round(options.ping_interval * 1000),
            ping_timeout=round(options.ping_timeout * 1000),
            max_payload=options.max_http_buffer_size,
        ).packet()

    def cookie(self, connection: Connection) -> str:
        """A ``Set-Cookie`` value for load balancers that keep a client on one node by it."""
        return f"{self.options.cookie}={connection.sid}; Path=/; HttpOnly; SameSite=Lax"

    def forget(self, connection: Connection) -> None:
        """Called by a connection that has ended."""
        del self.connections[connection.sid]
        self.wheel.remove(connection)
        left = self._per_address[connection.address] - 1
        if left:
            self._per_address[connection.address] = left
        else:
            del self._per_address[connection.address]

    async def survey(self) -> Survey:
        """Look at every session, some at a time, so that none waits for it."""
        sessions = Counter(dict.fromkeys(self.options.transports, 0))
        pending = most = 0
        for number, connection in enumerate(list(self.connections.values()), 1):
            if not connection.closed:
                waiting = connection.transport.pending_bytes()
                sessions[connection.transport.name] += 1
                pending += waiting
                most = max(most, waiting)
            if not number % _SURVEYED_AT_ONCE:
                await asyncio.sleep(0)
        return Survey(sessions, pending, most)

    # Once a turn of the loop

    def flush_soon(self, stream: Flushable) -> None:
        """Have `stream` write at the end of this turn what it has gathered until then."""
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unflushed.append(stream)

    def _flush(self) -> None:
        streams, self._unflushed = self._unflushed, []
        try:
            while streams:
                streams.pop().flush_gathered()
        finally:
            # Whatever happened to one, no other may wait for ever
            for stream in streams:
                self.flush_soon(stream)

    # Time

    def start_timer(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.wheel.tick, self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self.wheel.advance(self.now())
        # An engine without sessions must not wake its process up
        if self.wheel:
            self._timer = loop.call_later(self.wheel.tick, self._turn, loop)
        else:
            self._timer = None

    # The end

    async def drain(self, grace: float) -> None:
        """Open no more sessions and end those there are.

        Waits until clients have taken what was sent to them, `grace` seconds at most.
        """
        self.draining = True
        until = self.now() + grace
        # Asking now and then is less than each transport telling when it has run dry
        while self._pending() and self.now() < until:  # noqa: ASYNC110
            await asyncio.sleep(_DRAIN_SECONDS)
        for connection in list(self.connections.values()):
            connection.close(SHUTTING_DOWN)

    def _pending(self) -> bool:
        now = self.now()
        return any(each.transport.pending(now) for each in self.connections.values())
