from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.wire import engineio
from duologue.wire.engineio import (
    UPGRADE_STEPS,
    Beat,
    Binary,
    Handshake,
    Heartbeat,
    PacketError,
    Signal,
    Stage,
    decode_handshake,
    decode_payload,
    encode_payload,
    payload_size,
    split_payloads,
)

texts = st.text(st.characters(exclude_characters="\x1e", exclude_categories=["Cs"]))
packets = st.one_of(
    st.builds(lambda kind, text: (kind + text).encode(), st.sampled_from("0123456"), texts),
    st.binary().map(Binary),
)


def test_the_handshake_is_literally_what_the_protocol_says() -> None:
    handshake = Handshake("lv_VI97HAXpY6yYWAAAC", ("websocket",), 25_000, 20_000, 1_000_000)
    assert handshake.packet() == (
        b'0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],'
        b'"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
    )


def test_a_payload_has_record_separators_and_base64() -> None:
    assert encode_payload([b"4hello", b"2", Binary(b"\x01\x02\x03\x04")]) == (
        b"4hello\x1e2\x1ebAQIDBA=="
    )


@given(st.lists(packets, min_size=1))
def test_a_payload_comes_back_as_it_went(original: list[bytes]) -> None:
    decoded = decode_payload(encode_payload(original), max_packets=len(original))
    assert [(type(packet), packet) for packet in decoded] == [
        (type(packet), packet) for packet in original
    ]


@given(st.binary())
def test_no_bytes_crash_the_payload_decoder(body: bytes) -> None:
    with contextlib.suppress(PacketError):
        decode_payload(body, max_packets=10)


@pytest.mark.parametrize(
    "body",
    [b"", b"\x1e", b"4a\x1e", b"7x", b"x", b"bA", b"b!", b"4\xff", b"4\xed\xa0\x80", b"b\xc3\xa9"],
)
def test_what_is_no_payload_is_refused(body: bytes) -> None:
    with pytest.raises(PacketError):
        decode_payload(body, max_packets=10)


def test_as_many_packets_as_a_payload_may_have_are_taken() -> None:
    assert len(decode_payload(b"3\x1e3\x1e3", max_packets=3)) == 3


def test_one_packet_more_than_a_payload_may_have_is_refused() -> None:
    with pytest.raises(PacketError):
        decode_payload(b"3\x1e3\x1e3\x1e3", max_packets=3)


# Heartbeat


def test_a_ping_is_due_after_the_interval() -> None:
    heartbeat = Heartbeat(25, 20, now=100)
    assert (heartbeat.deadline, heartbeat.due(125)) == (125, Beat.PING)


def test_a_pong_puts_the_next_ping_off() -> None:
    heartbeat = Heartbeat(25, 20, now=100)
    heartbeat.due(125)
    heartbeat.pong(126)
    assert (heartbeat.deadline, heartbeat.due(151)) == (151, Beat.PING)


def test_a_ping_without_pong_times_out() -> None:
    heartbeat = Heartbeat(25, 20, now=100)
    heartbeat.due(125)
    assert (heartbeat.deadline, heartbeat.due(145)) == (145, Beat.TIMEOUT)


def test_a_late_timer_does_not_lengthen_the_silence() -> None:
    heartbeat = Heartbeat(25, 20, now=100)
    heartbeat.due(130)
    assert heartbeat.deadline == 145


def test_a_pong_that_nobody_asked_for_changes_nothing() -> None:
    heartbeat = Heartbeat(25, 20, now=100)
    for _ in range(100_000):
        heartbeat.pong(110)
    assert heartbeat.deadline == 125


def test_after_a_timeout_nothing_is_due() -> None:
    heartbeat = Heartbeat(25, 20, now=100)
    heartbeat.due(125)
    heartbeat.due(145)
    assert heartbeat.deadline == math.inf


# Upgrade


def test_an_upgrade_is_a_probe_and_then_an_upgrade() -> None:
    stage = Stage.POLLING
    for signal in (Signal.ATTACHED, Signal.PROBE, Signal.UPGRADE):
        stage = UPGRADE_STEPS[stage, signal]
    assert stage is Stage.WEBSOCKET


@pytest.mark.parametrize("stage", [Stage.PROBING, Stage.PROBED])
def test_a_lost_candidate_leaves_polling(stage: Stage) -> None:
    assert UPGRADE_STEPS[stage, Signal.LOST] is Stage.POLLING


@pytest.mark.parametrize("signal", Signal)
def test_nothing_leads_away_from_a_websocket(signal: Signal) -> None:
    assert (Stage.WEBSOCKET, signal) not in UPGRADE_STEPS


@pytest.mark.parametrize(
    ("packet", "signal"),
    [(b"2probe", Signal.PROBE), (b"5", Signal.UPGRADE), (b"2", None), (b"4x", None), (b"", None)],
)
def test_what_a_packet_on_a_candidate_means(packet: bytes, signal: Signal | None) -> None:
    assert engineio.upgrade_signal(packet) is signal


# A client's side


def test_a_handshake_comes_back_as_it_went() -> None:
    handshake = Handshake("lv_VI97HAXpY6yYWAAAC", ("websocket",), 25_000, 20_000, 1_000_000)
    assert decode_handshake(handshake.packet()) == handshake


def test_a_server_is_gone_when_it_has_missed_a_heartbeat() -> None:
    assert Handshake("s", (), 25_000, 20_000, 1).silence == 45.0


@pytest.mark.parametrize(
    "handshake",
    [
        Handshake("", (), 1, 1, 1),
        Handshake("s" * 257, (), 1, 1, 1),
        Handshake("s", ("websocket",) * 17, 1, 1, 1),
        Handshake("s", (), 0, 1, 1),
        Handshake("s", (), 1, 0, 1),
        Handshake("s", (), 86_400_001, 1, 1),
        Handshake("s", (), 1, 86_400_001, 1),
        Handshake("s", (), 1, 1, 0),
    ],
)
def test_a_handshake_past_a_limit_is_refused(handshake: Handshake) -> None:
    with pytest.raises(PacketError):
        decode_handshake(handshake.packet())


def test_a_handshake_at_the_limits_is_taken() -> None:
    handshake = Handshake("s" * 256, ("websocket",) * 16, 86_400_000, 86_400_000, 1)
    assert decode_handshake(handshake.packet()) == handshake


@given(st.binary())
def test_no_bytes_crash_the_handshake_decoder(rest: bytes) -> None:
    with contextlib.suppress(PacketError):
        decode_handshake(b"0" + rest)


def test_a_binary_message_opens_nothing() -> None:
    with pytest.raises(PacketError):
        decode_handshake(Binary(Handshake("s", (), 1, 1, 1).packet()))


@given(packets)
def test_the_size_of_a_packet_in_a_body_is_known_before(packet: bytes) -> None:
    assert payload_size(packet) == len(encode_payload([packet]))


@given(st.lists(packets), st.integers(1, 50), st.integers(1, 5))
def test_packets_are_split_in_order_and_within_the_limits(
    original: list[bytes], max_bytes: int, max_packets: int
) -> None:
    bodies = split_payloads(original, max_bytes=max_bytes, max_packets=max_packets)
    assert [packet for body in bodies for packet in body] == original
    assert all(
        len(body) <= max_packets and (len(encode_payload(body)) <= max_bytes or len(body) == 1)
        for body in bodies
    )


def test_as_much_goes_into_a_body_as_fits() -> None:
    three = [b"4a", b"4b", b"4c"]
    assert split_payloads(three, max_bytes=8, max_packets=9) == [three]
    assert split_payloads(three, max_bytes=7, max_packets=9) == [[b"4a", b"4b"], [b"4c"]]
