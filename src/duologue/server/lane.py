"""The express lane: from whole, small text frames straight to the events in them, and back.

Nearly every frame that a chat client sends is a whole, small, masked text frame with an event of
the main namespace in it, of a kind that the application has a decoder for. For that one kind a few
lines do what the `websockets` library and the two codecs do, at a fraction of the price; whatever
they do not recognise, to the single bit, is left to those.

It exists twice, as Python and, where a C compiler was there when it was installed, as C. A property
test feeds the same bytes to both.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from websockets.speedups import apply_mask

from duologue.wire.engineio import is_utf8
from duologue.wire.socketio import MAX_ACK_DIGITS

#: By the name of each event, what decodes its whole JSON array.
Decoders = dict[bytes, msgspec.json.Decoder[Any]]

#: A decoded event and its acknowledgement ID, or a payload as `bytes` and None.
Item = tuple[Any, int | None]


class Traffic:
    """Bytes of WebSocket frames since the process began, but for those that the lane in C counts,
    where a count is had for nothing."""

    received = 0
    sent = 0


def traffic() -> tuple[int, int]:
    """Bytes that have been received and sent in WebSocket frames, by all of this process."""
    received, sent = native_traffic()
    return received + Traffic.received, sent + Traffic.sent


def take_in_python(
    data: bytes, max_size: int, decoders: Decoders, max_depth: int
) -> tuple[list[Item], int]:
    """Take whole, small, masked, final text frames from the start of `data`.

    Returns what is in them, and how many bytes they were; at the first frame of another kind, with
    a payload of more than `max_size` bytes or one that is not UTF-8, it stops. A payload comes as
    the event that its decoder makes of it if it is one for the main namespace and opens at most
    `max_depth` brackets; as it is otherwise, and when its decoder refuses it.
    """
    items: list[Item] = []
    at, size = 0, len(data)
    while size - at >= 6 and data[at] == 0x81:
        length = data[at + 1] - 128
        if 0 <= length < 126:
            start = at + 6
        elif length == 126 and size - at >= 8:
            length = (data[at + 2] << 8) + data[at + 3]
            start = at + 8
        else:
            break
        end = start + length
        if end > size or length > max_size:
            break
        payload = apply_mask(data[start:end], data[start - 4 : start])
        if not payload.isascii() and not is_utf8(payload):
            break
        items.append(_item(payload, decoders, max_depth))
        at = end
    Traffic.received += at
    return items, at


def _item(payload: bytes, decoders: Decoders, max_depth: int) -> Item:
    if payload.startswith(b"42"):
        array = payload.find(b'["', 2, 4 + MAX_ACK_DIGITS)
        digits = payload[2:array]
        if array == 2 or (array > 2 and digits.isdigit()):
            # A name with an escape in it is cut short here, and not found
            decoder = decoders.get(payload[array + 2 : payload.find(b'"', array + 2)])
            body = payload[array:]
            if decoder is not None and body.count(b"[") + body.count(b"{") <= max_depth:
                try:
                    return decoder.decode(body), int(digits) if digits else None
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    pass  # what is wrong with it is found once more where the payload goes
    return payload, None


def frames_in_python(packets: list[bytes]) -> bytes:
    """Packets as a server's frames, one after the other: text, or binary for a `Binary`."""
    parts: list[bytes] = []
    for packet in packets:
        opcode = 0x81 if type(packet) is bytes else 0x82
        size = len(packet)
        if size < 126:
            head = bytes((opcode, size))
        elif size < 65_536:
            head = bytes((opcode, 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((opcode, 127)) + size.to_bytes(8, "big")
        parts += (head, packet)
    made = b"".join(parts)
    Traffic.sent += len(made)
    return made


def _no_traffic() -> tuple[int, int]:
    return 0, 0


try:
    from ._lane import frames as frames
    from ._lane import take as take
    from ._lane import traffic as native_traffic
except ImportError:
    frames, take, native_traffic = frames_in_python, take_in_python, _no_traffic

#: Whether the lane is the one in C.
NATIVE: Final = take is not take_in_python
