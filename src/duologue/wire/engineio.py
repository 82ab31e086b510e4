"""Engine.IO protocol 4 without I/O: packets, payloads, heartbeat, upgrade.

A *packet* is ``bytes`` that begin with the packet's type digit, exactly as they stand in a
WebSocket text frame; a binary message, which has no type digit, is a `Binary`. Both transports
and every layer above speak in these two, so a packet is encoded once wherever it is bound.

Source: the Engine.IO protocol document, revision 4.
"""

from __future__ import annotations

import base64
import binascii
import enum
import math
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

PROTOCOL: Final = "4"

OPEN: Final = b"0"
CLOSE: Final = b"1"
PING: Final = b"2"
PONG: Final = b"3"
MESSAGE: Final = b"4"
UPGRADE: Final = b"5"
NOOP: Final = b"6"

PROBE_PING: Final = b"2probe"
PROBE_PONG: Final = b"3probe"

#: Stands between the packets of a long-polling payload.
SEPARATOR: Final = b"\x1e"

_TYPES: Final = frozenset(b"0123456")
_BASE64_MARK: Final = ord("b")


class Binary(bytes):
    """The content of a binary message, which travels without a type digit."""

    __slots__ = ()


class PacketError(ValueError):
    """The peer sent bytes that are no packet; its session ends, and no other."""


#: A heartbeat's times, in milliseconds: at most a day, or a client would wait for ever.
_Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]


class Handshake(msgspec.Struct, frozen=True, rename="camel"):
    """What the server says when a session opens. Times in milliseconds, sizes in bytes.

    The bounds are for a client that reads it, whose server may be anybody.
    """

    sid: Annotated[str, Meta(min_length=1, max_length=256)]
    upgrades: Annotated[tuple[str, ...], Meta(max_length=16)]
    ping_interval: _Milliseconds
    ping_timeout: _Milliseconds
    max_payload: Annotated[int, Meta(ge=1)]

    def packet(self) -> bytes:
        return OPEN + msgspec.json.encode(self)

    @property
    def silence(self) -> float:
        """Seconds without a packet after which the server must be gone."""
        return (self.ping_interval + self.ping_timeout) / 1_000


def decode_handshake(packet: bytes) -> Handshake:
    """The first packet of a server, for a client. Raises `PacketError`."""
    if not packet.startswith(OPEN) or isinstance(packet, Binary):
        raise PacketError("the first packet does not open a session")
    try:
        return msgspec.json.decode(packet[1:], type=Handshake)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PacketError("malformed handshake") from error


def encode_payload(packets: Iterable[bytes]) -> bytes:
    """Join packets into the body of a long-polling response."""
    return SEPARATOR.join(
        b"b" + base64.b64encode(packet) if isinstance(packet, Binary) else packet
        for packet in packets
    )


def payload_size(packet: bytes) -> int:
    """Bytes that a packet takes in the body of a long-polling request."""
    if isinstance(packet, Binary):
        return 1 + (len(packet) + 2) // 3 * 4
    return len(packet)


def split_payloads(
    packets: Iterable[bytes], *, max_bytes: int, max_packets: int
) -> list[list[bytes]]:
    """Distribute packets over as few bodies as the limits allow, in order.

    A packet that alone is larger than `max_bytes` gets a body of its own.
    """
    bodies: list[list[bytes]] = []
    room = 0
    for packet in packets:
        size = payload_size(packet) + len(SEPARATOR)
        if not bodies or size > room or len(bodies[-1]) >= max_packets:
            bodies.append([])
            room = max_bytes + len(SEPARATOR)
        bodies[-1].append(packet)
        room -= size
    return bodies


def decode_payload(body: bytes, *, max_packets: int) -> list[bytes]:
    """Split the body of a long-polling request or response into packets.

    Raises `PacketError` for an empty or malformed packet, text that is not UTF-8, base64 that is
    not exact, and more than `max_packets` packets.
    """
    if body.count(SEPARATOR) >= max_packets:
        raise PacketError("too many packets in one payload")
    if not is_utf8(body):
        raise PacketError("payload is not UTF-8")
    packets: list[bytes] = []
    for part in body.split(SEPARATOR):
        if not part:
            raise PacketError("empty packet")
        if part[0] == _BASE64_MARK:
            try:
                packets.append(Binary(base64.b64decode(part[1:], validate=True)))
            except binascii.Error as error:
                raise PacketError("binary packet is not base64") from error
        elif part[0] in _TYPES:
            packets.append(part)
        else:
            raise PacketError("unknown packet type")
    return packets


def is_utf8(data: bytes) -> bool:
    # Nearly all traffic is ASCII, and asking costs a tenth of decoding.
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Beat(enum.Enum):
    """What a heartbeat that has come due asks for."""

    PING = enum.auto()
    TIMEOUT = enum.auto()


class Heartbeat:
    """The server pings, the client answers (Engine.IO v4, "Heartbeat"). Times in seconds.

    `deadline` is when `due` wants to be called next. A pong that nobody asked for changes
    nothing, so a hundred thousand of them cost nothing.
    """

    __slots__ = ("_interval", "_timeout", "_waiting", "deadline")

    def __init__(self, interval: float, timeout: float, now: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self._waiting = False
        self.deadline = now + interval

    def due(self, now: float) -> Beat:
        if self._waiting:
            self.deadline = math.inf
            return Beat.TIMEOUT
        # From the deadline and not from now: a late timer must not lengthen the silence that a
        # client is granted.
        self.deadline += self._timeout
        self._waiting = True
        return Beat.PING

    def probe(self, timeout: float, now: float) -> bool:
        """Want an answer within `timeout`; returns whether a ping has to be sent for it."""
        self.deadline = min(self.deadline, now + timeout) if self._waiting else now + timeout
        ping, self._waiting = not self._waiting, True
        return ping

    def pong(self, now: float) -> None:
        if self._waiting:
            self._waiting = False
            self.deadline = now + self._interval


class Stage(enum.Enum):
    """How far a session has come from long-polling to WebSocket (Engine.IO v4, "Upgrade")."""

    POLLING = enum.auto()
    PROBING = enum.auto()
    PROBED = enum.auto()
    WEBSOCKET = enum.auto()


class Signal(enum.Enum):
    """What can happen to the second transport of a session."""

    ATTACHED = enum.auto()
    PROBE = enum.auto()
    UPGRADE = enum.auto()
    LOST = enum.auto()


#: Every step that is allowed. What is missing here (a second candidate, `5` before a probe, a
#: message on a candidate) ends the candidate and leaves the session as it was.
UPGRADE_STEPS: Final[dict[tuple[Stage, Signal], Stage]] = {
    (Stage.POLLING, Signal.ATTACHED): Stage.PROBING,
    (Stage.PROBING, Signal.PROBE): Stage.PROBED,
    (Stage.PROBED, Signal.UPGRADE): Stage.WEBSOCKET,
    (Stage.PROBING, Signal.LOST): Stage.POLLING,
    (Stage.PROBED, Signal.LOST): Stage.POLLING,
}


def upgrade_signal(packet: bytes) -> Signal | None:
    """What a text packet on a candidate WebSocket means, or None when it has no business there."""
    if packet == PROBE_PING:
        return Signal.PROBE
    if packet == UPGRADE:
        return Signal.UPGRADE
    return None
