"""The express lane, in Python and in C: what it takes, what it leaves, and that both agree."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Protocol

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duologue.server import lane
from duologue.wire.engineio import Binary

from .test_frames import frame, streams

MAX_SIZE = 300
MAX_DEPTH = 3


class Note(msgspec.Struct):
    text: Any
    to: str | None = None


DECODERS: lane.Decoders = {
    b"note": msgspec.json.Decoder(tuple.__class_getitem__((str, Note))),
    b"": msgspec.json.Decoder(tuple.__class_getitem__((str, Note))),
}


class Lane(Protocol):
    def __call__(
        self, data: bytes, max_size: int, decoders: lane.Decoders, max_depth: int, /
    ) -> tuple[list[lane.Item], int]: ...


def test_the_lane_in_c_was_built() -> None:
    reason = "python hatch_build.py says why; it needs a C compiler and Python's headers"
    assert lane.NATIVE, reason


@pytest.fixture(params=["in_python", "in_c"])
def take(request: pytest.FixtureRequest) -> Lane:
    return lane.take_in_python if request.param == "in_python" else lane.take


def taken(take: Lane, *payloads: bytes, max_depth: int = MAX_DEPTH) -> list[lane.Item]:
    data = b"".join(map(frame, payloads))
    items, used = take(data, MAX_SIZE, DECODERS, max_depth)
    assert used == len(data)
    return items


texts = st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass"))
bodies = st.one_of(
    st.builds(lambda text: b'{"text":%b}' % msgspec.json.encode(text), st.text(max_size=30)),
    st.recursive(st.none() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2)).map(
        lambda value: b'{"text":%b}' % msgspec.json.encode(value)
    ),
    st.just(b'{"txt":1}'),
    texts,
)
events = st.builds(
    lambda head, name, body, tail: head + b'["' + name + b'",' + body + tail,
    st.sampled_from([b"42", b"42", b"420", b"4217", b"42" + b"9" * 15, b"42" + b"9" * 16, b"43"]),
    st.sampled_from([b"note", b"note", b"other", b"", b"no\\u0074e", b'note",{}]']),
    bodies,
    st.sampled_from([b"]", b"]", b"", b",1]", b"]]"]),
)
floods = st.sampled_from([b"42" + b"1" * 250, b'42["' + b"[" * 200, b'42["note' + b'"' * 40])
packets = st.one_of(events, events, events, floods, texts, st.just(b"3"), st.just(b"42"))
event_streams = st.lists(packets.map(frame), max_size=5).map(b"".join)


@given(st.one_of(event_streams, event_streams, streams, st.binary(max_size=40)), st.integers(0, 8))
@settings(max_examples=600, deadline=None)
@example(frame(b'42["note",{"text":"' + b"\xff" + b'"}]'), 3)
@example(frame(b'42["note",{"text":"caf\xc3\xa9"}]') + frame(b"\xed\xa0\x80"), 3)
def test_both_lanes_take_the_same(data: bytes, max_depth: int) -> None:
    expected = lane.take_in_python(data, MAX_SIZE, DECODERS, max_depth)
    assert lane.take(data, MAX_SIZE, DECODERS, max_depth) == expected


def test_an_event_with_a_decoder_comes_decoded(take: Lane) -> None:
    assert taken(take, b'42["note",{"text":"hi"}]') == [(("note", Note("hi")), None)]


def test_an_event_that_wants_an_answer_comes_with_its_number(take: Lane) -> None:
    assert taken(take, b'4217["note",{"text":"hi"}]') == [(("note", Note("hi")), 17)]


def test_an_acknowledgement_number_may_have_fifteen_digits(take: Lane) -> None:
    nines = b"9" * 15
    ((_, ack),) = taken(take, b"42" + nines + b'["note",{"text":1}]')
    assert ack == 999_999_999_999_999


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"3",
        b"42",
        b'42["other",{"text":"hi"}]',
        b'42/there,["note",{"text":"hi"}]',
        b'42 ["note",{"text":"hi"}]',
        b'42-1["note",{"text":"hi"}]',
        b'421-["note",{"text":"hi"}]',
        b"42" + b"9" * 16 + b'["note",{"text":"hi"}]',
        b'43["note",{"text":"hi"}]',
        b'42[ "note",{"text":"hi"}]',
        b'42["n\\u006fte",{"text":"hi"}]',
        b'42["note"',
        b'42["note',
        b'42["note",{"text":',
        b'42["note",{"other":"hi"}]',
        b'42["note",{"text":"hi"},1]',
    ],
)
def test_anything_else_comes_as_it_is(take: Lane, payload: bytes) -> None:
    assert taken(take, payload) == [(payload, None)]


@pytest.mark.parametrize("brackets", [b"[]", b"{}"])
def test_an_event_may_open_as_many_brackets_as_allowed(take: Lane, brackets: bytes) -> None:
    payload = b'42["note",{"text":' + brackets + b"}]"
    ((event, _),) = taken(take, payload, max_depth=3)
    assert event == ("note", Note(msgspec.json.decode(brackets)))


@pytest.mark.parametrize("brackets", [b"[]", b"{}", b'"["', b'"{"'])
def test_an_event_that_opens_one_more_is_left_to_the_codec(take: Lane, brackets: bytes) -> None:
    payload = b'42["note",{"text":' + brackets + b"}]"
    assert taken(take, payload, max_depth=2) == [(payload, None)]


def test_frames_are_taken_up_to_the_first_of_another_kind(take: Lane) -> None:
    first = frame(b"1") + frame(b"2" * 200)
    data = first + frame(b"ping", 9) + frame(b"3")
    assert take(data, MAX_SIZE, {}, 0) == ([(b"1", None), (b"2" * 200, None)], len(first))


def test_a_payload_as_large_as_allowed_is_taken(take: Lane) -> None:
    assert len(taken(take, b"x" * MAX_SIZE)) == 1


@pytest.mark.parametrize(
    "data",
    [
        frame(b"x" * (MAX_SIZE + 1)),
        frame(b"\xc3\x28"),
        frame(b"x", masked=False),
        frame(b"x", bits=4),
        frame(b"x", fin=False),
        frame(b"x", form=127),
        frame(b"xx")[:-1],
        frame(b"x" * 200)[:7],
        b"",
    ],
)
def test_what_the_lane_does_not_know_it_leaves(take: Lane, data: bytes) -> None:
    assert take(data, MAX_SIZE, {}, 0) == ([], 0)


@pytest.mark.parametrize("arguments", [("text", 1, {}, 1), (b"", 1, [], 1), (b"", 1, {})])
def test_the_lane_in_c_refuses_what_it_cannot_read(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        lane.take(*arguments)


# Back


class Frames(Protocol):
    def __call__(self, packets: list[bytes], /) -> bytes: ...


@pytest.fixture(params=["in_python", "in_c"])
def frames(request: pytest.FixtureRequest) -> Frames:
    return lane.frames_in_python if request.param == "in_python" else lane.frames


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_has_the_shortest_header(frames: Frames, size: int, header: bytes) -> None:
    assert frames([b"x" * size]) == header + b"x" * size


def test_a_binary_packet_makes_a_binary_frame(frames: Frames) -> None:
    assert frames([Binary(b"\x00\xff")]) == b"\x82\x02\x00\xff"


def test_frames_follow_one_another(frames: Frames) -> None:
    assert frames([b"2", Binary(b"b"), b"42[]"]) == b"\x81\x012\x82\x01b\x81\x0442[]"


def test_no_packets_make_no_frames(frames: Frames) -> None:
    assert frames([]) == b""


@pytest.mark.parametrize("packets", [(b"2",), ["2"], [None]])
def test_frames_in_c_are_made_of_bytes_only(packets: Any) -> None:
    with pytest.raises(TypeError):
        lane.frames(packets)


def test_without_the_lane_in_c_the_one_in_python_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duologue.server._lane", None)
    try:
        without = importlib.reload(lane)
        served = (without.NATIVE, without.take, without.frames)
        assert served == (False, without.take_in_python, without.frames_in_python)
    finally:
        monkeypatch.undo()
        importlib.reload(lane)
