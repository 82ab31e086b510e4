"""What Engine.IO's own test suite asks of a server, in our words."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.raw import Polls, RawSocket, until_closed, websocket

PATH = "/engine.io/"
PING_INTERVAL, PING_TIMEOUT = 0.3, 0.2
#: Of an answer's headers
END = b"\r\n\r\n"


@pytest.fixture
def polls(echo: str) -> Iterator[Polls]:
    with Polls(echo, PATH) as client:
        client.open()
        yield client


def test_polling_opens_a_session(hasty: str) -> None:
    with Polls(hasty, PATH) as client:
        handshake = client.open()
    assert isinstance(handshake.pop("sid"), str)
    assert handshake == {
        "upgrades": ["websocket"],
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 1_000_000,
    }


def test_a_websocket_opens_a_session(hasty: str) -> None:
    with websocket(hasty, path=PATH) as connection:
        handshake = json.loads(str(connection.recv())[1:])
    assert isinstance(handshake.pop("sid"), str)
    assert handshake == {
        "upgrades": [],
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 1_000_000,
    }


BAD_QUERIES = [
    "transport={}",
    "EIO=abc&transport={}",
    "EIO=3&transport={}",
    "EIO=4",
    "EIO=4&transport=abc",
    "EIO=4&EIO=4&transport={}",
    "EIO=4&transport={}&sid=unknown",
]


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_polling_with_a_bad_query_is_refused(echo: str, query: str) -> None:
    assert httpx.get(f"{echo}{PATH}?{query.format('polling')}").status_code == 400


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_websocket_with_a_bad_query_is_refused(echo: str, query: str) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        websocket(echo, query.format("websocket"), PATH),
    ):
        pass
    assert refused.value.response.status_code in (400, 403)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "PATCH"])
def test_no_method_but_get_opens_a_session(echo: str, method: str) -> None:
    response = httpx.request(method, f"{echo}{PATH}?EIO=4&transport=polling")
    assert response.status_code == 400


@pytest.mark.parametrize(
    "payload", ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA==", "4h\u00e9\U0001f600"]
)
def test_polling_carries_messages_both_ways(polls: Polls, payload: str) -> None:
    assert polls.post(payload).text == "ok"
    assert polls.get().text == payload


@pytest.mark.parametrize("body", ["abc", "", "4a\x1e", "bAQ=", "b!!!!", b"4\xff"])
def test_a_malformed_payload_ends_the_session(polls: Polls, body: str | bytes) -> None:
    assert polls.post(body).status_code == 400
    assert polls.get().status_code == 400


@contextlib.contextmanager
def in_flight(polls: Polls) -> Iterator[RawSocket]:
    """A poll that waits.

    There is nothing to see of it. But the server has the connection already, and reads what it says
    before it reads what is said after that.
    """
    with RawSocket(polls.http.base_url.port or 0) as raw:
        raw.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.read(b"\r\n\r\nNot Found")
        query = f"EIO=4&transport=polling&sid={polls.sid}"
        raw.send(f"GET {PATH}?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield raw


def test_a_second_poll_in_flight_ends_the_session(polls: Polls) -> None:
    with in_flight(polls) as first:
        assert polls.get().status_code == 400
        assert first.read(END + b"1").startswith(b"HTTP/1.1 200 ")
    assert polls.get().status_code == 400


def test_a_poll_that_is_given_up_ends_the_session(polls: Polls) -> None:
    with in_flight(polls):
        pass
    assert polls.get().status_code == 400


@pytest.mark.parametrize("message", ["4hello", b"\x01\x02\x03\x04"])
def test_a_websocket_carries_messages_both_ways(echo: str, message: str | bytes) -> None:
    with websocket(echo, path=PATH) as connection:
        connection.recv()
        connection.send(message)
        assert connection.recv() == message


@pytest.mark.parametrize("packet", ["abc", "", "2", "0{}", "7", "\x00"])
def test_a_malformed_packet_ends_the_session(echo: str, packet: str) -> None:
    with websocket(echo, path=PATH) as connection:
        connection.recv()
        connection.send(packet)
        assert until_closed(connection) == []


def test_polls_are_pinged(pinging: str) -> None:
    with Polls(pinging, PATH) as polls:
        polls.open()
        for _ in range(3):
            assert polls.get().text == "2"
            assert polls.post("3").status_code == 200


def test_a_poll_session_that_does_not_answer_ends(hasty: str) -> None:
    with Polls(hasty, PATH) as polls:
        polls.open()
        time.sleep(PING_INTERVAL + PING_TIMEOUT)
        assert polls.get().status_code == 400


def test_websockets_are_pinged(pinging: str) -> None:
    with websocket(pinging, path=PATH) as connection:
        connection.recv()
        for _ in range(3):
            assert connection.recv() == "2"
            connection.send("3")


def test_a_websocket_that_does_not_answer_is_closed(hasty: str) -> None:
    with websocket(hasty, path=PATH) as connection:
        assert [str(packet)[0] for packet in connection] == ["0", "2"]


def test_a_polling_client_closes_its_session(polls: Polls) -> None:
    with in_flight(polls) as poll:
        assert polls.post("1").status_code == 200
        assert poll.read(END + b"6").startswith(b"HTTP/1.1 200 ")
    assert polls.get().status_code == 400


def test_a_websocket_client_closes_its_session(echo: str) -> None:
    with websocket(echo, path=PATH) as connection:
        connection.recv()
        connection.send("1")
        assert until_closed(connection) == []


def test_polling_is_upgraded_to_a_websocket(echo: str, polls: Polls) -> None:
    with websocket(echo, f"EIO=4&transport=websocket&sid={polls.sid}", PATH) as connection:
        connection.send("2probe")
        assert connection.recv() == "3probe"
        assert polls.get().text == "6"
        connection.send("5")
        connection.send("4hello")
        assert connection.recv() == "4hello"


def test_a_poll_in_flight_is_ended_by_the_probe(echo: str, polls: Polls) -> None:
    query = f"EIO=4&transport=websocket&sid={polls.sid}"
    with websocket(echo, query, PATH) as connection, in_flight(polls) as poll:
        connection.send("2probe")
        assert poll.read(END + b"6").startswith(b"HTTP/1.1 200 ")


def test_every_poll_after_the_probe_is_ended_until_the_upgrade(echo: str, polls: Polls) -> None:
    """A client may poll once more before it hears that its probe was answered."""
    with websocket(echo, f"EIO=4&transport=websocket&sid={polls.sid}", PATH) as connection:
        connection.send("2probe")
        connection.recv()
        assert [polls.get().text for _ in range(3)] == ["6", "6", "6"]


def test_what_waits_for_a_poll_goes_by_the_websocket_after_the_upgrade(
    echo: str, polls: Polls
) -> None:
    with websocket(echo, f"EIO=4&transport=websocket&sid={polls.sid}", PATH) as connection:
        polls.post("4waiting\x1ebAQID")
        connection.send("2probe")
        connection.recv()
        connection.send("5")
        assert [connection.recv(), connection.recv()] == ["4waiting", b"\x01\x02\x03"]


def test_polling_after_the_upgrade_is_refused_and_disturbs_nothing(echo: str, polls: Polls) -> None:
    with websocket(echo, f"EIO=4&transport=websocket&sid={polls.sid}", PATH) as connection:
        connection.send("2probe")
        connection.recv()
        connection.send("5")
        connection.send("4first")
        assert connection.recv() == "4first"
        assert (polls.get().status_code, polls.post("4x").status_code) == (400, 400)
        connection.send("4hello")
        assert connection.recv() == "4hello"


def test_a_second_websocket_after_the_upgrade_is_refused_and_disturbs_nothing(
    echo: str, polls: Polls
) -> None:
    query = f"EIO=4&transport=websocket&sid={polls.sid}"
    with websocket(echo, query, PATH) as connection:
        connection.send("2probe")
        connection.recv()
        connection.send("5")
        with pytest.raises(InvalidStatus), websocket(echo, query, PATH):
            pass
        connection.send("4hello")
        assert connection.recv() == "4hello"


def test_a_second_candidate_is_refused_and_the_first_goes_on(echo: str, polls: Polls) -> None:
    query = f"EIO=4&transport=websocket&sid={polls.sid}"
    with websocket(echo, query, PATH) as connection:
        with pytest.raises(InvalidStatus), websocket(echo, query, PATH):
            pass
        connection.send("2probe")
        assert connection.recv() == "3probe"


@pytest.mark.parametrize("junk", ["4hello", "5", "2", "abc", b"\x00"])
def test_a_candidate_that_sends_anything_else_goes_and_polling_stays(
    echo: str, polls: Polls, junk: str | bytes
) -> None:
    with websocket(echo, f"EIO=4&transport=websocket&sid={polls.sid}", PATH) as connection:
        connection.send(junk)
        assert until_closed(connection) == []
    polls.post("4still here")
    assert "4still here" in polls.get().text


def test_a_candidate_that_is_reset_in_the_middle_leaves_polling_as_it_was(
    echo: str, polls: Polls
) -> None:
    with websocket(echo, f"EIO=4&transport=websocket&sid={polls.sid}", PATH) as connection:
        connection.send("2probe")
        connection.recv()
        connection.socket.close()
    polls.post("4still here")
    assert "4still here" in polls.get().text
