"""The express lane against the library that it stands before."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.protocol import State
from websockets.server import ServerProtocol

from duologue.server.frames import FrameFollower, FrameStream

MAX_SIZE = 300
MAX_FRAGMENTS = 5


@dataclass
class Outcome:
    """What a peer and an application get to see of a stream of bytes."""

    messages: list[tuple[str, bytes]] = field(default_factory=list)
    written: bytes = b""
    ended: bool = False


class Recorder(FrameStream):
    def __init__(self, *, express: bool) -> None:
        super().__init__()
        self.outcome = Outcome()
        self.conn = ServerProtocol(state=State.OPEN, max_size=MAX_SIZE)
        self.opened(max_size=MAX_SIZE, max_fragments=MAX_FRAGMENTS, decoders={}, max_depth=32)
        self._express = express
        self.on_text = self._text_received

    def data_received(self, data: bytes) -> None:
        if self.outcome.ended:
            return  # the transport is closed
        if not self._express:
            self._between = False
        super().data_received(data)

    def write(self, data: bytes) -> None:
        self.outcome.written += data

    def before_opening(self, data: bytes) -> None:
        raise AssertionError("it was opened at once")

    def _text_received(self, payload: bytes) -> None:
        self.outcome.messages.append(("text", bytes(payload)))

    def binary_received(self, payload: bytes) -> None:
        self.outcome.messages.append(("binary", bytes(payload)))

    def closing(self) -> None:
        self.outcome.ended = True


def outcome(pieces: list[bytes], *, express: bool) -> Outcome:
    recorder = Recorder(express=express)
    for piece in pieces:
        recorder.data_received(piece)
    return recorder.outcome


def written_before_close(outcome: Outcome) -> bytes:
    """Of two faults in one piece, which of the two is named when closing is left open."""
    written, at = outcome.written, 0
    while at < len(written) and written[at] != 0x88:
        at += 2 + written[at + 1]
    return written[:at]


def frame(
    payload: bytes,
    opcode: int = 1,
    *,
    fin: bool = True,
    bits: int = 0,
    masked: bool = True,
    form: int = 0,
    key: bytes = b"\x01\x02\x03\x04",
) -> bytes:
    """A client's frame; `form` 126 or 127 forces a length form that is longer than need be."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | bits << 4 | opcode])
    mark = 0x80 if masked else 0
    if form == 127 or size > 65_535:
        head += bytes([mark | 127]) + size.to_bytes(8, "big")
    elif form == 126 or size > 125:
        head += bytes([mark | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([mark | size])
    if not masked:
        return head + payload
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


payloads = st.one_of(
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=40),
    st.integers(120, 130).map(lambda size: b"a" * size),
    st.integers(MAX_SIZE - 1, MAX_SIZE + 1).map(lambda size: b"b" * size),
)
good_frames = st.builds(frame, payloads, st.just(1), form=st.sampled_from([0, 0, 0, 126, 127]))
fragments = st.builds(
    lambda first, parts, opcode, control: (
        b"".join(
            [
                frame(first, opcode, fin=False),
                control,
                *(frame(part, 0, fin=False) for part in parts),
            ]
        )
        + frame(b"end", 0)
    ),
    payloads,
    st.lists(payloads, max_size=6),
    st.sampled_from([1, 2]),
    st.sampled_from([b"", frame(b"ping", 9), frame(b"pong", 10)]),
)
odd_frames = st.builds(
    frame,
    payloads,
    st.integers(0, 15),
    fin=st.booleans(),
    bits=st.sampled_from([0, 0, 0, 1, 4]),
    masked=st.sampled_from([True, True, True, False]),
    form=st.sampled_from([0, 126, 127]),
    key=st.binary(min_size=4, max_size=4),
)
streams = st.lists(
    st.one_of(good_frames, good_frames, fragments, odd_frames, st.binary(max_size=8)), max_size=8
).map(b"".join)


@given(streams, st.lists(st.integers(0, 3_000), max_size=12))
@settings(max_examples=400, deadline=None)
@example(b"\x81", [])
@example(frame(b"a") + frame(b"") + frame(b"b", form=126), [])
@example(frame(b"\x80") + frame(b"", 9), [])
def test_the_express_lane_does_what_the_library_does(stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    express, library = outcome(pieces, express=True), outcome(pieces, express=False)
    assert express.messages == library.messages
    assert express.ended == library.ended
    answers, expected = written_before_close(express), written_before_close(library)
    # Whether a ping is answered that came after the fault that ends it all is left open, too
    assert answers == expected or (express.ended and expected.startswith(answers))


@given(streams)
@settings(max_examples=100, deadline=None)
def test_where_the_bytes_are_cut_makes_no_difference(stream: bytes) -> None:
    pieces = [stream[at : at + 1] for at in range(len(stream))]
    whole, single = outcome([stream], express=True), outcome(pieces, express=True)
    assert (whole.messages, whole.ended) == (single.messages, single.ended)


def test_a_message_in_pieces_is_put_together() -> None:
    stream = frame(b"a", fin=False) + frame(b"b", 0, fin=False) + frame(b"c", 0)
    assert outcome([stream], express=True).messages == [("text", b"abc")]


def test_a_ping_is_answered() -> None:
    assert outcome([frame(b"?", 9)], express=True).written == b"\x8a\x01?"


def test_a_message_as_large_as_allowed_is_taken() -> None:
    assert len(outcome([frame(b"x" * MAX_SIZE)], express=True).messages) == 1


def test_a_message_one_byte_larger_closes_the_stream() -> None:
    large = outcome([frame(b"x" * (MAX_SIZE + 1))], express=True)
    assert (large.messages, large.written[2:4], large.ended) == ([], b"\x03\xf1", True)


def test_as_many_fragments_as_allowed_are_taken() -> None:
    stream = frame(b"a", fin=False) + frame(b"a", 0, fin=False) * 3 + frame(b"a", 0)
    assert len(outcome([stream], express=True).messages) == 1


def test_one_fragment_more_closes_the_stream() -> None:
    stream = frame(b"a", fin=False) + frame(b"a", 0, fin=False) * 4 + frame(b"a", 0)
    many = outcome([stream], express=True)
    assert (many.written[:4], many.ended) == (b"\x88\x02\x03\xf0", True)


@pytest.mark.parametrize("payload", [b"\xff", b"\xed\xa0\x80", b"a\xc3"])
def test_text_that_is_not_utf8_closes_the_stream(payload: bytes) -> None:
    bad = outcome([frame(payload)], express=True)
    assert (bad.messages, bad.written[:4], bad.ended) == ([], b"\x88\x02\x03\xef", True)


@given(st.lists(st.one_of(good_frames, fragments), max_size=4), st.integers(0, 20))
def test_the_follower_knows_when_it_stands_between_frames(frames: list[bytes], more: int) -> None:
    follower = FrameFollower(MAX_FRAGMENTS + 10)
    for each in frames:
        follower.feed(each)
    tail = frame(b"x" * 14)[:more]
    follower.feed(tail)
    assert follower.between is (more in (0, 20))
