"""One Engine.IO session: a registry entry, a heartbeat, and the transport of the moment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from duologue.wire import engineio
from duologue.wire.engineio import Beat, Binary, Heartbeat, PacketError, Signal, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from .app import Engine
    from .lane import Decoders

#: Why a connection ended, in the words that Socket.IO users know.
CLOSED_BY_CLIENT = "transport close"
CLOSED_BY_SERVER = "forced close"
PARSE_ERROR = "parse error"
PING_TIMEOUT = "ping timeout"
SLOW_READER = "slow reader"
SHUTTING_DOWN = "server shutting down"
CONNECT_TIMEOUT = "connect timeout"
TRANSPORT_ERROR = "transport error"


class Transport(Protocol):
    """Where a connection's packets go: a WebSocket or the polls of a long-polling client."""

    name: str

    def send(self, packet: bytes) -> None:
        """Queue a packet; it leaves at the end of the loop's turn at the latest.

        The transport closes its connection with `SLOW_READER` when the queue is over the limit.
        """

    def finish(self, reason: str) -> None:
        """The connection has ended; let what is queued go out, then end the transport."""

    def pending_bytes(self) -> int:
        """What has been queued and not been taken by the peer yet."""

    def pending(self, now: float) -> bool:
        """Whether something is queued that the peer can be expected to take yet."""

    def nudge(self) -> None:
        """End the poll in flight, if there is one."""

    def release(self) -> Sequence[bytes]:
        """Another transport takes over: stop, and return the packets not yet on their way."""


class Candidate(Transport, Protocol):
    """A second transport that is to replace the first one of a connection."""

    def promote(self, packets: Sequence[bytes]) -> None:
        """The upgrade is complete: send `packets`, and from now on everything."""


class Layer(Protocol):
    """What lies above Engine.IO: Socket.IO, or an application of bare Engine.IO messages."""

    @property
    def deadline(self) -> float:
        """When `expire` wants to be called, on the engine's clock; `math.inf` for never."""

    @property
    def decoders(self) -> Decoders:
        """Of the events that may come to `typed` instead of `text`, if there are any."""

    @property
    def max_depth(self) -> int:
        """How deep the JSON of those events may nest."""

    def typed(self, event: Any, ack: int | None) -> None:
        """Take a text message that one of `decoders` has decoded, and its acknowledgement ID."""

    def text(self, data: bytes) -> None:
        """Take a text message, with its leading ``4``. May raise `PacketError`."""

    def binary(self, data: Binary) -> None:
        """Take a binary message. May raise `PacketError`."""

    def expire(self, now: float) -> None:
        """`deadline` has passed. May raise `PacketError`."""

    def closed(self, reason: str) -> None:
        """The connection has ended. Called exactly once."""


class Connection:
    """An Engine.IO session from its handshake to its end.

    `sid` is the session's secret: who knows it can read and write the session. `address` is the
    peer's IP address, `headers` those of the request that opened the session, names in lower case;
    `scope` is that request's ASGI scope where the engine's host wants to have it.
    """

    __slots__ = (
        "address",
        "candidate",
        "closed",
        "deadline",
        "engine",
        "headers",
        "heartbeat",
        "layer",
        "scope",
        "sid",
        "slot",
        "stage",
        "transport",
    )

    def __init__(
        self,
        engine: Engine,
        sid: str,
        transport: Transport,
        stage: Stage,
        address: str,
        headers: Mapping[str, str],
    ) -> None:
        self.engine = engine
        self.sid = sid
        self.transport = transport
        self.stage = stage
        self.address = address
        self.headers = headers
        self.scope: MutableMapping[str, Any] | None = None
        self.closed = False
        self.candidate: Candidate | None = None
        self.slot = -1
        options = engine.options
        self.heartbeat = Heartbeat(options.ping_interval, options.ping_timeout, engine.now())
        self.layer: Layer = engine.make_layer(self)
        self.deadline = math.inf
        self.reschedule()

    # In: called by transports

    def text(self, packet: bytes) -> None:
        """Take a text packet. Whatever it is, only this connection can suffer from it."""
        try:
            # Comparing one byte of an indexed packet is the fastest test there is, and a message
            # the commonest packet by far.
            if packet and packet[0] == 52:
                self.layer.text(packet)
            else:
                self._control(packet)
        except PacketError:
            self.close(PARSE_ERROR)

    def binary(self, data: Binary) -> None:
        try:
            self.layer.binary(data)
        except PacketError:
            self.close(PARSE_ERROR)

    def _control(self, packet: bytes) -> None:
        kind = packet[:1]
        if kind == engineio.PONG:
            self.heartbeat.pong(self.engine.now())
            self.reschedule()
        elif kind == engineio.CLOSE:
            self.close(CLOSED_BY_CLIENT)
        elif kind not in (engineio.NOOP, engineio.UPGRADE):
            # Opening and pinging are the server's to do
            raise PacketError("packet type not for a client to send")

    # Out

    def send(self, packet: bytes) -> None:
        if not self.closed:
            self.transport.send(packet)

    def probe(self, timeout: float) -> None:
        """End the connection unless the client proves within `timeout` that it is alive."""
        if not self.closed:
            if self.heartbeat.probe(timeout, self.engine.now()):
                self.send(engineio.PING)
            self.reschedule()

    def close(self, reason: str) -> None:
        """End the connection, whatever state it is in. Does nothing the second time."""
        if self.closed:
            return
        self.closed = True
        self.engine.tally.ended[reason] += 1
        self.engine.forget(self)
        self.transport.finish(reason)
        if self.candidate is not None:
            self.candidate.finish(reason)
            self.candidate = None
        self.layer.closed(reason)

    # Time

    def reschedule(self) -> None:
        self.deadline = min(self.heartbeat.deadline, self.layer.deadline)
        self.engine.wheel.schedule(self)

    def expire(self, now: float) -> None:
        """Called by the wheel, and by a poll that comes before the wheel's next turn."""
        try:
            if self.layer.deadline <= now:
                self.layer.expire(now)
        except PacketError:
            self.close(PARSE_ERROR)
        while not self.closed and self.heartbeat.deadline <= now:
            if self.heartbeat.due(now) is Beat.TIMEOUT:
                self.close(PING_TIMEOUT)
            else:
                self.send(engineio.PING)
        if not self.closed:
            self.deadline = min(self.heartbeat.deadline, self.layer.deadline)

    # From long-polling to WebSocket

    def step(self, signal: Signal) -> bool:
        """Take a step of the upgrade; False if it is not allowed in this stage."""
        stage = engineio.UPGRADE_STEPS.get((self.stage, signal))
        if stage is None:
            return False
        self.stage = stage
        return True

    def attach(self, candidate: Candidate) -> bool:
        """Let a second transport try to take over; False if that is not possible now."""
        if self.closed or not self.step(Signal.ATTACHED):
            return False
        self.candidate = candidate
        return True

    def candidate_text(self, packet: bytes) -> bool:
        """A text packet from the candidate; False if the candidate has to go."""
        signal = engineio.upgrade_signal(packet)
        if signal is None or self.candidate is None or not self.step(signal):
            return False
        if signal is Signal.PROBE:
            self.candidate.send(engineio.PROBE_PONG)
            # The client pauses polling when the poll in flight has ended
            self.transport.nudge()
        else:
            candidate, self.candidate = self.candidate, None
            packets = self.transport.release()
            self.transport = candidate
            self.engine.tally.upgraded += 1
            candidate.promote(packets)
        return True

    def lost(self, transport: Transport, reason: str) -> None:
        """A transport is gone: the one in use, and with it the connection, or a candidate."""
        if transport is self.transport:
            self.close(reason)
        elif transport is self.candidate:
            self.candidate = None
            self.step(Signal.LOST)
