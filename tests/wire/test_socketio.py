from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.wire import socketio
from duologue.wire.engineio import Binary, PacketError
from duologue.wire.socketio import Decoder, Packet, check_depth, decode_event, encode, event_name

DEPTH = 32

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"])).filter(
                lambda key: key != "_placeholder"
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
names = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda name: name not in socketio.RESERVED_EVENTS
)


def decoder(**limits: Any) -> Decoder:
    return Decoder(**{"max_attachments": 10, "max_attachment_bytes": 1_000, **limits})


def decode(*parts: bytes, **limits: int) -> Packet:
    """The packet that the last part completes."""
    reader = decoder(**limits)
    packet = reader.text(parts[0])
    for part in parts[1:]:
        assert packet is None
        packet = reader.binary(Binary(part))
    assert packet is not None
    return packet


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        (b"40", Packet(0, "/", None, b"")),
        (b'40{"a":1}', Packet(0, "/", None, b'{"a":1}')),
        (b"40/x", Packet(0, "/x", None, b"")),
        (b"40/x,", Packet(0, "/x", None, b"")),
        (b'40/x,{"a":1}', Packet(0, "/x", None, b'{"a":1}')),
        (b"41", Packet(1, "/", None, b"")),
        (b"41/x,", Packet(1, "/x", None, b"")),
        (b'42["a"]', Packet(2, "/", None, b'["a"]')),
        (b'4213["a"]', Packet(2, "/", 13, b'["a"]')),
        (b'42/x,["a"]', Packet(2, "/x", None, b'["a"]')),
        (b'42/x,7["a"]', Packet(2, "/x", 7, b'["a"]')),
        (b"4313[]", Packet(3, "/", 13, b"[]")),
        (b"43/x,0[1]", Packet(3, "/x", 0, b"[1]")),
        (b'42999999999999999["a"]', Packet(2, "/", 999_999_999_999_999, b'["a"]')),
    ],
)
def test_a_packet_is_taken_apart(data: bytes, packet: Packet) -> None:
    assert decode(data) == packet


@pytest.mark.parametrize(
    "data",
    [
        b"4",
        b"47[]",
        b"4x",
        b"42",
        b"42{}",
        b'42"a"',
        b"421",
        b"42-1[]",
        b'421000000000000000["a"]',
        b"43[]",
        b"43",
        b'44{"message":"x"}',
        b"41[]",
        b"417",
        b"40[]",
        b"401{}",
        b'40"x"',
        b'45["a"]',
        b'450-["a"]',
        b'4511-["a"]',
        b'451000000-["a"]',
        b'4599999999999999999999-["a"]',
        b'421-["a"]',
        b"461-[]",
        b"40/" + b"x" * 128,
        b"40/\xff",
    ],
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(PacketError):
        decoder().text(data)


def test_a_namespace_of_the_longest_length_is_taken() -> None:
    assert len(decode(b"40/" + b"x" * 127).namespace) == socketio.MAX_NAMESPACE_CHARS


def test_attachments_come_after_their_packet() -> None:
    packet = decode(b'452-7["a",{"_placeholder":true,"num":1}]', b"x", b"y")
    assert (packet.id, packet.attachments) == (7, [b"x", b"y"])


def test_as_many_attachments_as_are_allowed_are_taken() -> None:
    assert decode(b'4510-["a"]', *[b""] * 10).attachments == [b""] * 10


def test_attachments_up_to_the_limit_together_are_taken() -> None:
    assert decode(b'452-["a"]', b"x" * 500, b"x" * 500).attachments is not None


def test_attachments_one_byte_over_the_limit_together_are_refused() -> None:
    reader = decoder()
    reader.text(b'452-["a"]')
    reader.binary(Binary(b"x" * 500))
    with pytest.raises(PacketError):
        reader.binary(Binary(b"x" * 501))


def test_text_between_a_packet_and_its_attachments_is_refused() -> None:
    reader = decoder()
    reader.text(b'451-["a"]')
    with pytest.raises(PacketError):
        reader.text(b'42["a"]')


def test_an_attachment_without_a_packet_is_refused() -> None:
    with pytest.raises(PacketError):
        decoder().binary(Binary(b"x"))


def test_a_packet_is_waited_for_until_it_is_whole() -> None:
    reader = decoder()
    reader.text(b'451-["a"]')
    waited = reader.waiting is not None
    reader.binary(Binary(b"x"))
    assert (waited, reader.waiting) == (True, None)


# Events


def event(body: bytes, *attachments: bytes) -> tuple[str, list[Any]]:
    parts = [Binary(part) for part in attachments] if attachments else None
    return decode_event(Packet(2, "/", None, body, parts), DEPTH)


def test_attachments_take_the_places_of_their_placeholders() -> None:
    body = b'["a",{"x":[{"_placeholder":true,"num":1}]},{"_placeholder":true,"num":0}]'
    assert event(body, b"zero", b"one") == ("a", [{"x": [b"one"]}, b"zero"])


@pytest.mark.parametrize(
    "placeholder", ["-1", "1", "99", '"a"', '"0"', "true", "false", "0.0", "1e999", "null", "{}"]
)
def test_a_placeholder_for_no_attachment_is_refused(placeholder: str) -> None:
    with pytest.raises(PacketError):
        event(f'["a",{{"_placeholder":true,"num":{placeholder}}}]'.encode(), b"x")


def test_one_attachment_in_two_places_is_refused() -> None:
    body = b'["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]'
    with pytest.raises(PacketError):
        event(body, b"x")


def test_an_attachment_in_no_place_is_refused() -> None:
    with pytest.raises(PacketError):
        event(b'["a"]', b"x")


def test_what_looks_like_a_placeholder_in_a_packet_without_attachments_is_plain_json() -> None:
    assert event(b'["a",{"_placeholder":true,"num":0}]') == (
        "a",
        [{"_placeholder": True, "num": 0}],
    )


@pytest.mark.parametrize("name", sorted(socketio.RESERVED_EVENTS))
def test_a_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(PacketError):
        event(f'["{name}",{{}}]'.encode())


def test_a_reserved_name_is_refused_in_disguise() -> None:
    with pytest.raises(PacketError):
        event(b'["conn\\u0065ct"]')


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"[1]",
        b"[null]",
        b'[{"a":1}]',
        b'[["a"]]',
        b"[true]",
        b'["a"',
        b'["a",]',
        b'["a"]x',
        b'["\\ud800"]',
        b'["a",NaN]',
        b'["a",1e309]',
        b'["a",-1e309]',
        b'["a",' + b"9" * 5_000 + b"]",
        b'["\xff"]',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(PacketError):
        event(body)


def test_the_largest_number_is_taken() -> None:
    assert event(b'["a",1.7976931348623157e308]') == ("a", [1.7976931348623157e308])


def test_proto_is_a_name_like_any_other() -> None:
    assert event(b'["__proto__",{"__proto__":1}]') == ("__proto__", [{"__proto__": 1}])


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'["message",{}]', b"message"),
        (b'["a"]', b"a"),
        (b'[ "a"]', None),
        (b'["a\\n"]', None),
        (b'["a', None),
        (b"[1]", None),
        (b"", None),
    ],
)
def test_a_name_is_read_off_where_that_is_safe(body: bytes, name: bytes | None) -> None:
    assert event_name(body) == name


# Depth


@pytest.mark.parametrize(
    "opened", [b"[" * DEPTH, b'{"a":' * DEPTH, (b'[{"a":' * DEPTH)[: 6 * DEPTH // 2]]
)
def test_json_as_deep_as_allowed_is_taken(opened: bytes) -> None:
    closed = bytes(93 if byte == 91 else 125 for byte in reversed(opened) if byte in b"[{")
    check_depth(opened + b"1" + closed, DEPTH)


@pytest.mark.parametrize("before", [b"", b"[", b'["[[[",'])
def test_json_one_level_deeper_is_refused(before: bytes) -> None:
    body = before + b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1) + (b"]" if before else b"")
    with pytest.raises(PacketError):
        check_depth(body, DEPTH)


def test_brackets_in_strings_and_side_by_side_are_not_depth() -> None:
    check_depth(b'["' + b"[" * 500 + b'\\"[",' + b"[]," * 500 + b"1]", DEPTH)


# Round trips


@given(
    names,
    st.lists(json_values, max_size=3),
    st.none() | st.integers(0, 10**15 - 1),
    st.sampled_from(["/", "/x"]),
)
def test_an_event_comes_back_as_it_went(
    name: str, args: list[Any], id: int | None, namespace: str
) -> None:
    parts = encode(socketio.EVENT, namespace, id, [name, *args])
    packet = decode(*parts, max_attachments=1_000, max_attachment_bytes=1_000_000)
    assert (packet.namespace, packet.id) == (namespace, id)
    assert decode_event(packet, 1_000) == (name, args)


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b'451-["a"]', b'42["a"]', b"40"])))
def test_no_bytes_crash_the_decoder(parts: list[bytes]) -> None:
    reader = decoder()
    try:
        for part in parts:
            packet = reader.binary(Binary(part)) if reader.waiting else reader.text(part)
            if packet is not None and packet.kind in (socketio.EVENT, socketio.BINARY_EVENT):
                decode_event(packet, DEPTH)
    except PacketError:
        pass


@given(st.binary())
def test_no_json_crashes_the_event_decoder(tail: bytes) -> None:
    with contextlib.suppress(PacketError):
        decode_event(Packet(2, "/", None, b'["a",' + tail), DEPTH)


def test_the_hot_paths_encode_as_the_general_one_does() -> None:
    assert [socketio.encode_event(["a", {"b": 1}])] == encode(2, "/", None, ["a", {"b": 1}])
    assert [socketio.encode_ack(7, {"ok": True})] == encode(3, "/", 7, [{"ok": True}])


# What only servers send


def from_server(data: bytes) -> Packet | None:
    return Decoder(max_attachments=1, max_attachment_bytes=9, from_server=True).text(data)


def test_a_server_may_refuse_a_connection() -> None:
    data = b'44{"message":"no"}'
    assert from_server(data) == Packet(socketio.CONNECT_ERROR, "/", None, b'{"message":"no"}')


@pytest.mark.parametrize("data", [b"44", b"44[]", b'441{"message":"no"}', b'451{"message":"no"}'])
def test_a_refusal_has_an_object_and_no_acknowledgement(data: bytes) -> None:
    with pytest.raises(PacketError):
        from_server(data)


def test_a_client_may_refuse_nothing() -> None:
    with pytest.raises(PacketError):
        decoder().text(b'44{"message":"no"}')
