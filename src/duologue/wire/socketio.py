"""Socket.IO protocol 5 without I/O: packets, acknowledgements, binary attachments.

Works on Engine.IO messages as `duologue.wire.engineio` hands them on: text with its leading
``4``, attachments as `Binary`. JSON is left undecoded in `Packet.body`, so that an application
that knows an event's type can decode it straight into its struct, in one pass.

Source: the Socket.IO protocol document, revision 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from .engineio import Binary, PacketError

CONNECT: Final = 0
DISCONNECT: Final = 1
EVENT: Final = 2
ACK: Final = 3
CONNECT_ERROR: Final = 4
BINARY_EVENT: Final = 5
BINARY_ACK: Final = 6

MAIN: Final = "/"
MAX_NAMESPACE_CHARS: Final = 128

#: Names that mean something to the two libraries themselves. One of these from a peer would run
#: an application's connect or disconnect handler at the peer's will.
RESERVED_EVENTS: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)

#: An acknowledgement ID with more is no longer exact in JavaScript, whose clients count up from 0.
MAX_ACK_DIGITS: Final = 15

#: ``4``, type, attachment count, namespace, ack ID: all that stands before the JSON.
_HEAD: Final = re.compile(
    rb"4([0-6])(?:([0-9]{1,9})-)?(?:(/[^,\x00-\x20]*)(?:,|\Z))?([0-9]{1,%d})?(?=[\[{]|\Z)"
    % MAX_ACK_DIGITS
)
_STRINGS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Packet(msgspec.Struct, gc=False):
    """One Socket.IO packet; `body` is its JSON text, empty when it has none."""

    kind: int
    namespace: str
    id: int | None
    body: bytes
    attachments: list[Binary] | None = None


class Decoder:
    """Engine.IO messages of one session in, whole packets out.

    Raises `PacketError` for anything that the protocol does not allow; the session must end then.
    `max_attachment_bytes` bounds the attachments of one packet together. With `from_server` it
    takes what servers send, which is one kind of packet more.
    """

    __slots__ = (
        "_from_server",
        "_max_attachments",
        "_missing",
        "_room",
        "max_attachment_bytes",
        "waiting",
    )

    def __init__(
        self, *, max_attachments: int, max_attachment_bytes: int, from_server: bool = False
    ) -> None:
        self._from_server = from_server
        self._max_attachments = max_attachments
        self.max_attachment_bytes = max_attachment_bytes
        #: The packet that has begun and whose attachments have not all come.
        self.waiting: Packet | None = None
        self._missing = 0
        self._room = 0

    def text(self, data: bytes) -> Packet | None:
        """Take a text message; returns the packet, or None while its attachments are missing."""
        if self.waiting is not None:
            raise PacketError("text between a packet and its attachments")
        head = _HEAD.match(data)
        if head is None:
            raise PacketError("malformed packet")
        kind = data[1] - 48
        _, count, namespace, ack = head.groups()
        packet = Packet(
            kind,
            MAIN if namespace is None else _namespace(namespace),
            None if ack is None else int(ack),
            data[head.end() :],
        )
        _check_shape(packet, count, self._from_server)
        if count is None:
            return packet
        self._missing = int(count)
        if not 1 <= self._missing <= self._max_attachments:
            raise PacketError("number of attachments out of range")
        packet.attachments = []
        self.waiting = packet
        self._room = self.max_attachment_bytes
        return None

    def binary(self, data: Binary) -> Packet | None:
        """Take a binary message; returns the packet that it completes, or None."""
        packet = self.waiting
        if packet is None or packet.attachments is None:
            raise PacketError("attachment without a packet")
        self._room -= len(data)
        if self._room < 0:
            raise PacketError("attachments too large")
        packet.attachments.append(data)
        self._missing -= 1
        if self._missing:
            return None
        self.waiting = None
        return packet


def _namespace(raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise PacketError("namespace is not UTF-8") from error
    if len(name) > MAX_NAMESPACE_CHARS:
        raise PacketError("namespace too long")
    return name


def _check_shape(packet: Packet, count: bytes | None, from_server: bool) -> None:
    """Hold a packet's parts against what its type may have (Socket.IO v5, "Packet encoding")."""
    kind, first = packet.kind, packet.body[:1]
    if (count is not None) != (kind in (BINARY_EVENT, BINARY_ACK)):
        raise PacketError("attachment count and packet type disagree")
    if kind in (EVENT, BINARY_EVENT):
        allowed = first == b"["
    elif kind in (ACK, BINARY_ACK):
        allowed = first == b"[" and packet.id is not None
    elif kind == CONNECT:
        allowed = first in (b"", b"{") and packet.id is None
    elif kind == DISCONNECT:
        allowed = first == b"" and packet.id is None
    else:  # CONNECT_ERROR, which is the server's to send
        allowed = from_server and first == b"{" and packet.id is None
    if not allowed:
        raise PacketError("malformed packet")


def event_name(body: bytes) -> bytes | None:
    """The name of an event, read off without decoding; None if that takes a real decoder."""
    if not body.startswith(b'["'):
        return None
    end = body.find(b'"', 2)
    name = body[2:end]
    return None if end < 0 or b"\\" in name else name


def check_depth(body: bytes, max_depth: int) -> None:
    """Raise `PacketError` if JSON text nests deeper than `max_depth` arrays and objects."""
    # Each level takes two bytes, and cannot nest more often than it opens.
    if len(body) <= 2 * max_depth or body.count(b"[") + body.count(b"{") <= max_depth:
        return
    brackets = _STRINGS.sub(b"", body).translate(_BRACKETS, _NOT_BRACKETS)
    # A pass takes away the innermost level everywhere, so it takes as many as the text is deep.
    for _ in range(max_depth):
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise PacketError("JSON nested too deep")


def decode_body(packet: Packet, max_depth: int) -> Any:
    """Decode a packet's JSON and put its attachments in place.

    Raises `PacketError`. Returns None for a packet without a body.
    """
    if not packet.body:
        return None
    check_depth(packet.body, max_depth)
    try:
        value = _decode(packet.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PacketError("malformed JSON") from error
    if packet.attachments is None:
        return value
    # Each attachment stands in exactly one place: to refer to a large one a thousand times would
    # be a cheap way to have the server send a thousand of them.
    left = dict(enumerate(map(bytes, packet.attachments)))
    value = fill_attachments(value, left)
    if left:
        raise PacketError("attachment without a placeholder")
    return value


def fill_attachments(value: Any, left: dict[int, bytes]) -> Any:
    """The value with each placeholder in it replaced by its attachment, which is taken from `left`.

    Raises `PacketError`.
    """
    if isinstance(value, dict):
        if value.get("_placeholder") is True:
            number = value.get("num")
            # bool is an int in Python and must not count as one here
            if type(number) is not int or number not in left:
                raise PacketError("placeholder without an attachment")
            return left.pop(number)
        return {key: fill_attachments(item, left) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_attachments(item, left) for item in value]
    return value


def decode_event(packet: Packet, max_depth: int) -> tuple[str, list[Any]]:
    """Decode an event of any kind into its name and arguments.

    Raises `PacketError` also for a name that is no string or is reserved.
    """
    args = decode_body(packet, max_depth)
    if not isinstance(args, list) or not args or not isinstance(args[0], str):
        raise PacketError("event without a name")
    name = args.pop(0)
    if name in RESERVED_EVENTS:
        raise PacketError("reserved event name")
    return name, args


def encode(kind: int, namespace: str, id: int | None, data: Any) -> list[bytes]:
    """Encode a packet as Engine.IO messages: one text, then its attachments.

    `kind` is that of the packet without attachments; `bytes` inside `data` become attachments.
    """
    attachments: list[Binary] = []
    # Only events and acknowledgements may carry binary
    if kind in (EVENT, ACK):
        data = take_attachments(data, attachments)
    head = f"4{kind + 3}{len(attachments)}-" if attachments else f"4{kind}"
    if namespace != MAIN:
        head += f"{namespace},"
    if id is not None:
        head += str(id)
    text = head.encode() + (b"" if data is None else _encode(data))
    return [text, *attachments]


def take_attachments(value: Any, attachments: list[Binary]) -> Any:
    """The value with placeholders for the bytes in it, which are added to `attachments`."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        attachments.append(Binary(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: take_attachments(item, attachments) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [take_attachments(item, attachments) for item in value]
    return value


def encode_event(args: Iterable[Any]) -> bytes:
    """Encode an event without attachments for the main namespace: the hot path."""
    return b"42" + _encode(args)


def encode_ack(id: int, data: Any) -> bytes:
    """Encode an acknowledgement of one argument for the main namespace: the hot path."""
    return b"43%d[%b]" % (id, _encode(data))
