"""WebSocket frames in, messages out: the `websockets` library's protocol with an express lane.

`ServerProtocol` does everything that RFC 6455 asks for: fragments, control frames, closing,
limits. The express lane (`duologue.server.lane`) goes first, but only while the protocol stands
between two frames with no fragmented message open; whatever it leaves goes to `ServerProtocol`
untouched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from duologue.wire.engineio import is_utf8

from .lane import Decoders, Traffic, take

#: The slow lane looks up between pieces of this size, so that no flood of tiny frames is parsed
#: to its end after it has already been found to break a limit.
_PIECE_BYTES: Final = 16_384


class FrameFollower:
    """Follows the headers of masked frames to know where `ServerProtocol` stands."""

    __slots__ = ("_fragments", "_head", "_left", "_max_fragments")

    def __init__(self, max_fragments: int) -> None:
        self._max_fragments = max_fragments
        self._head = b""
        self._left = 0
        self._fragments = 0

    @property
    def between(self) -> bool:
        """Whether a frame has ended, no other has begun, and no fragmented message is open."""
        return not self._left and not self._head and not self._fragments

    def feed(self, data: bytes) -> int | None:
        """Follow `data`; returns where a message gets more fragments than allowed, else None."""
        at, size = 0, len(data)
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
                continue
            missing = self._missing()
            self._head += data[at : at + missing]
            at += missing
            if not self._missing() and self._begin_payload() > self._max_fragments:
                return at
        return None

    def _missing(self) -> int:
        """How many bytes of the header at hand have not come yet."""
        head = self._head
        if len(head) < 2:
            return 2 - len(head)
        extra = {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
        return 2 + extra + 4 - len(head)

    def _begin_payload(self) -> int:
        """Returns how many fragments the message has of which this frame is one."""
        head = self._head
        self._head = b""
        length = head[1] & 0x7F
        self._left = length if length < 126 else int.from_bytes(head[2:-4], "big")
        opcode, final = head[0] & 0x0F, head[0] & 0x80
        if opcode >= Opcode.CLOSE:
            return 0  # a control frame, which may come between two fragments
        fragments = self._fragments + 1 if opcode == Opcode.CONT else 1
        self._fragments = 0 if final else fragments
        return fragments


class FrameStream:
    """The messages of one WebSocket, from its opening handshake on.

    A subclass writes (`write`) and takes what comes in (`on_text`, `binary_received`, `closing`).
    Before `opened` all bytes go to `before_opening`. Once `done` is set, by the stream or its
    subclass, nothing is delivered.

    `on_text` takes a whole text message, which is valid UTF-8; `on_event` an event that the express
    lane has decoded, with its acknowledgement ID. They are attributes and not methods so that
    whoever the messages are for can take them without a call in between.
    """

    __slots__ = (
        "_between",
        "_buffer",
        "_decoders",
        "_follower",
        "_max_depth",
        "_max_fragments",
        "_max_size",
        "conn",
        "done",
        "on_event",
        "on_text",
    )

    conn: ServerProtocol
    on_text: Callable[[bytes], None]
    on_event: Callable[[Any, int | None], None]

    def __init__(self) -> None:
        self.done = False
        self._between = False
        self._max_size = 0
        self._max_fragments = 0
        self._max_depth = 0
        self._decoders: Decoders = {}
        self._follower: FrameFollower | None = None
        self._buffer: tuple[Opcode, bytearray] | None = None

    def opened(
        self, *, max_size: int, max_fragments: int, decoders: Decoders, max_depth: int
    ) -> None:
        """The handshake has been answered; what follows is frames, at most `max_size` bytes in a
        message and `max_fragments` pieces.

        `decoders` are those of the events that may come decoded, if they nest no deeper than
        `max_depth`.
        """
        self._max_size = max_size
        self._max_fragments = max_fragments
        self._decoders = decoders
        self._max_depth = max_depth
        self._between = True

    # For the subclass

    def write(self, data: bytes) -> None:
        """Send bytes that are frames already, or the answer to the opening handshake."""
        raise NotImplementedError

    def before_opening(self, data: bytes) -> None:
        raise NotImplementedError

    def binary_received(self, payload: bytes) -> None:
        raise NotImplementedError

    def closing(self) -> None:
        """The peer closed the WebSocket or broke its protocol: end the transport."""
        raise NotImplementedError

    # Receiving

    def data_received(self, data: bytes) -> None:
        if self._between and not self.done:
            items, taken = take(data, self._max_size, self._decoders, self._max_depth)
            for item, ack in items:
                if type(item) is bytes:
                    self.on_text(item)
                else:
                    self.on_event(item, ack)
                if self.done:
                    break
            if taken == len(data):
                return
            data = data[taken:]
        self._slow_lane(data)

    def _slow_lane(self, data: bytes) -> None:
        if not self._max_fragments:
            self.before_opening(data)
            return
        Traffic.received += len(data)
        if self._follower is None:
            self._follower = FrameFollower(self._max_fragments)
        for at in range(0, len(data), _PIECE_BYTES):
            piece = data[at : at + _PIECE_BYTES]
            too_many_at = self._follower.feed(piece)
            self.conn.receive_data(piece[:too_many_at])
            for frame in self.conn.events_received():
                if isinstance(frame, Frame):
                    self._frame(frame)
            self.flush()
            if self.conn.parser_exc is not None or self.conn.close_rcvd is not None:
                self._finish()
                return
            if too_many_at is not None:
                self._fail(CloseCode.POLICY_VIOLATION)
                return
        self._between = self._follower.between
        if self._between:
            self._follower = None

    def _frame(self, frame: Frame) -> None:
        if self.done or frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.opcode is not Opcode.CONT:
            if frame.fin:
                self._message(frame.opcode, bytes(frame.data))
            else:
                self._buffer = frame.opcode, bytearray(frame.data)
        elif self._buffer is not None:
            opcode, buffer = self._buffer
            buffer += frame.data
            if frame.fin:
                self._buffer = None
                self._message(opcode, bytes(buffer))

    def _message(self, opcode: Opcode, payload: bytes) -> None:
        if opcode is Opcode.BINARY:
            self.binary_received(payload)
        elif is_utf8(payload):
            self.on_text(payload)
        else:
            self._fail(CloseCode.INVALID_DATA)

    def _fail(self, code: CloseCode) -> None:
        self.close_frame(code)
        self._finish()

    def _finish(self) -> None:
        self.done = True
        self._buffer = None
        self.closing()

    # Closing

    def close_frame(self, code: CloseCode) -> None:
        """Begin the closing handshake, unless it has begun."""
        if self.conn.state is State.OPEN:
            self.conn.send_close(code)
            self.flush()

    def flush(self) -> None:
        data = b"".join(self.conn.data_to_send())
        if data:
            self.write(data)
