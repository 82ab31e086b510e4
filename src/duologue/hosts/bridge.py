"""What a server of somebody else's and a node in a process of its own say to each other.

Each message is four bytes with its length, big-endian, and MessagePack. Sessions, questions and
calls have numbers that the server chooses, but for the node's questions.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

HEAD_BYTES: Final = 4


class _Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


# From the server


class Setup(_Message, frozen=True):
    """First of all: the settings by name, and whether the application identifies clients and
    decides about requests."""

    settings: dict[str, Any]
    identifies: bool
    authorizes: bool


class Open(_Message, frozen=True):
    """A client asks to connect. `headers` have names in lower case."""

    session: int
    address: str
    headers: dict[str, str]
    auth: dict[str, Any]


class Begin(_Message, frozen=True):
    """The client knows that it was accepted: from now on it can be told things."""

    session: int


class Event(_Message, frozen=True):
    """A Socket.IO event that a client sent: its JSON as it came, and its attachments."""

    session: int
    body: bytes
    ack: int | None
    attachments: list[bytes] | None


class Gone(_Message, frozen=True):
    session: int
    reason: str


class Call(_Message, frozen=True):
    """A command of the application's own, by the name of a method of `duologue.host.Host`."""

    number: int
    method: str
    args: list[Any]
    options: dict[str, Any]


class Answer(_Message, frozen=True):
    """To an `Ask`; `failed` is whether the application could not say."""

    number: int
    value: Any
    failed: bool = False


# From the node


class Ready(_Message, frozen=True):
    """The store is open."""


class Failed(_Message, frozen=True):
    """The node cannot run, and why."""

    reason: str


class Accepted(_Message, frozen=True):
    session: int


class Refused(_Message, frozen=True):
    session: int
    message: str
    data: Any


class Packets(_Message, frozen=True):
    """Socket.IO packets of one event for a client: `str` without Engine.IO's type, or `bytes`."""

    session: int
    packets: list[Any]


class End(_Message, frozen=True):
    """End a client's session; with `close` its connection, so that it comes back."""

    session: int
    close: bool


class Ask(_Message, frozen=True):
    """Ask the application: ``identify``, with a session and a payload, or ``authorize``."""

    number: int
    what: str
    args: list[Any]


class Result(_Message, frozen=True):
    """Of a `Call`: its value, or a `duologue.core.errors.Refusal`."""

    number: int
    value: Any
    refused: bool = False


ToNode = Setup | Open | Begin | Event | Gone | Call | Answer
ToServer = Ready | Failed | Accepted | Refused | Packets | End | Ask | Result

_encode: Final = msgspec.msgpack.Encoder().encode
decode_to_node: Final = msgspec.msgpack.Decoder(ToNode).decode
decode_to_server: Final = msgspec.msgpack.Decoder(ToServer).decode


def frame(message: ToNode | ToServer) -> bytes:
    body = _encode(message)
    return len(body).to_bytes(HEAD_BYTES, "big") + body


class Frames:
    """Bytes in, the bodies of whole messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def received(self, data: bytes) -> list[bytes]:
        buffer = self._buffer
        buffer += data
        found, at = [], 0
        while len(buffer) - at >= HEAD_BYTES:
            end = at + HEAD_BYTES + int.from_bytes(buffer[at : at + HEAD_BYTES], "big")
            if len(buffer) < end:
                break
            found.append(bytes(buffer[at + HEAD_BYTES : end]))
            at = end
        del buffer[:at]
        return found
