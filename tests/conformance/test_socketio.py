"""What Socket.IO's own test suite asks of a server, in our words; the rest is test_engineio's."""

from __future__ import annotations

import json

import pytest

from tests.support.raw import SECONDS, receive, socketio, until_closed, websocket


@pytest.mark.parametrize(
    ("connect", "answer", "auth"),
    [
        ("40", "40", '42["auth",{}]'),
        ('40{"token":"123"}', "40", '42["auth",{"token":"123"}]'),
        ("40/custom,", "40/custom,", '42/custom,["auth",{}]'),
        ("40/custom", "40/custom,", '42/custom,["auth",{}]'),
        ('40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'),
    ],
)
def test_a_namespace_is_connected_to(echo: str, connect: str, answer: str, auth: str) -> None:
    with websocket(echo) as connection:
        receive(connection)
        connection.send(connect)
        handshake = str(receive(connection))
        assert handshake.startswith(answer)
        assert list(json.loads(handshake[len(answer) :])) == ["sid"]
        assert receive(connection) == auth


def test_an_unknown_namespace_is_refused(echo: str) -> None:
    with websocket(echo) as connection:
        receive(connection)
        connection.send("40/random")
        assert receive(connection) == '44/random,{"message":"Invalid namespace"}'


@pytest.mark.parametrize(
    "packet",
    [
        "4abc",
        "4",
        '42["before connecting"]',
        "41",
        '40"text"',
        "40[]",
        "44{}",
        "4/x,",
        "40/custom,1",
    ],
)
def test_a_session_that_begins_with_anything_else_is_closed(echo: str, packet: str) -> None:
    with websocket(echo) as connection:
        receive(connection)
        connection.send(packet)
        assert until_closed(connection) == []


def test_a_session_that_never_connects_is_closed(pinging: str) -> None:
    with websocket(pinging) as connection:
        receive(connection)
        assert until_closed(connection) == []


def test_leaving_the_main_namespace_leaves_the_connection(pinging: str) -> None:
    with socketio(pinging) as connection:
        receive(connection)
        connection.send("41")
        assert connection.recv(SECONDS) == "2"


def test_a_connection_without_a_namespace_is_closed_in_the_end(pinging: str) -> None:
    with socketio(pinging) as connection:
        receive(connection)
        connection.send("41")
        assert until_closed(connection) == []


def test_leaving_one_namespace_leaves_the_other(echo: str) -> None:
    with socketio(echo) as connection:
        receive(connection)
        connection.send("40/custom")
        receive(connection)
        receive(connection)
        connection.send("41/custom")
        connection.send('42["message","to the main namespace"]')
        assert receive(connection) == '42["message-back","to the main namespace"]'


def test_an_event_for_a_namespace_that_was_left_is_dropped(echo: str) -> None:
    with socketio(echo) as connection:
        receive(connection)
        connection.send("40/custom")
        receive(connection)
        receive(connection)
        connection.send("41/custom")
        connection.send('42/custom,["message","late"]')
        connection.send('42["message","here"]')
        assert receive(connection) == '42["message-back","here"]'


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ('42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]'),
        ('42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'),
        ('420["message-with-ack"]', "430[]"),
        ('42["message","h\u00e9\U0001f600"]', '42["message-back","h\u00e9\U0001f600"]'),
    ],
)
def test_events_and_acknowledgements(echo: str, sent: str, answered: str) -> None:
    with socketio(echo) as connection:
        receive(connection)
        connection.send(sent)
        assert receive(connection) == answered


ATTACHED = '[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ('452-["message",' + ATTACHED[1:], '452-["message-back",' + ATTACHED[1:]),
        ('452-789["message-with-ack",' + ATTACHED[1:], "462-789" + ATTACHED),
    ],
)
def test_attachments_both_ways(echo: str, sent: str, answered: str) -> None:
    with socketio(echo) as connection:
        receive(connection)
        connection.send(sent)
        connection.send(b"\x01\x02\x03")
        connection.send(b"\x04\x05\x06")
        assert [receive(connection) for _ in range(3)] == [
            answered,
            b"\x01\x02\x03",
            b"\x04\x05\x06",
        ]


@pytest.mark.parametrize(
    "packet",
    [
        "4abc",
        "42{}",
        "42[]",
        '42"abc"',
        "42[1]",
        '42[{"a":1}]',
        "42[null]",
        '42["__proto__',
        '42abc["message-with-ack"]',
        '42["connect",{},{"token":"forged"}]',
        '42["disconnect"]',
        '42["connect_error",{}]',
        '42["\\ud800"]',
        "42[NaN]",
        "43[1]",
        "430{}",
        "40",
        '450-["message"]',
        '451000000-["message"]',
        '4511-["message"]',
        '45["message"]',
        '421-["message"]',
        '45-1-["message"]',
        "42" + "[" * 100_000,
        '42["message",' + "[" * 33 + "]" * 33 + "]",
        '421234567890123456["message"]',
    ],
)
def test_a_malformed_packet_ends_the_session(echo: str, packet: str) -> None:
    with socketio(echo) as connection:
        receive(connection)
        connection.send(packet)
        assert until_closed(connection) == []


@pytest.mark.parametrize("text", ['42["message"]', "3", "2"])
def test_text_in_the_middle_of_a_binary_packet(echo: str, text: str) -> None:
    with socketio(echo) as connection:
        receive(connection)
        connection.send('452-["message",' + ATTACHED[1:])
        connection.send(b"\x01")
        connection.send(text)
        if text == "3":  # a heartbeat is no part of the packet
            connection.send(b"\x02")
            assert str(receive(connection)).startswith("452-")
        else:
            assert until_closed(connection) == []


@pytest.mark.parametrize("number", ["-1", "2", "99", '"a"', "true", "0.0", "1e999", "null", "[]"])
def test_a_placeholder_for_no_attachment_ends_the_session(echo: str, number: str) -> None:
    with socketio(echo) as connection:
        receive(connection)
        connection.send(f'451-["message",{{"_placeholder":true,"num":{number}}}]')
        connection.send(b"\x01")
        assert until_closed(connection) == []


def test_an_attachment_may_stand_in_one_place_only(echo: str) -> None:
    with socketio(echo) as connection:
        receive(connection)
        connection.send(
            '451-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]'
        )
        connection.send(b"\x01")
        assert until_closed(connection) == []
