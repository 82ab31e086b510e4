"""Every limit of the engine, at the limit and one past it, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.server.conftest import Start
from tests.support.engine import EngineServer
from tests.support.raw import (
    Polls,
    RawSocket,
    RawWebSocket,
    mask,
    receive,
    socketio,
    until_closed,
    upgrade_request,
    websocket,
)

LIMIT = 10_000


def event_of(size: int) -> str:
    """An event packet of `size` bytes."""
    empty = '42["message",""]'
    return empty[:-2] + "x" * (size - len(empty)) + empty[-2:]


def back(packet: str) -> str:
    return packet.replace("message", "message-back")


# Size of packets


def test_a_text_frame_of_the_largest_size_is_taken(server: EngineServer) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        connection.send(event_of(LIMIT))
        assert receive(connection) == back(event_of(LIMIT))


def test_a_text_frame_one_byte_larger_ends_the_session(server: EngineServer) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        connection.send(event_of(LIMIT + 1))
        assert until_closed(connection) == []


def attached(connection: ClientConnection, *sizes: int) -> None:
    places = ",".join(f'{{"_placeholder":true,"num":{at}}}' for at in range(len(sizes)))
    connection.send(f'45{len(sizes)}-["message",{places}]')
    for size in sizes:
        connection.send(b"x" * size)


@pytest.mark.parametrize("sizes", [(LIMIT,), (LIMIT // 2, LIMIT // 2)])
def test_attachments_of_the_largest_size_are_taken(
    server: EngineServer, sizes: tuple[int, ...]
) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        attached(connection, *sizes)
        receive(connection)
        assert sum(len(receive(connection)) for _ in sizes) == LIMIT


@pytest.mark.parametrize("sizes", [(LIMIT + 1,), (LIMIT // 2, LIMIT // 2 + 1)])
def test_attachments_one_byte_larger_end_the_session(
    server: EngineServer, sizes: tuple[int, ...]
) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        with contextlib.suppress(ConnectionClosed):
            attached(connection, *sizes)
        assert until_closed(connection) == []


def test_a_message_in_fragments_of_the_largest_size_is_taken(server: EngineServer) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        packet = event_of(LIMIT)
        connection.send([packet[:100], packet[100:5_000], packet[5_000:]])
        assert receive(connection) == back(packet)


def test_a_message_in_fragments_one_byte_larger_ends_the_session(server: EngineServer) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        packet = event_of(LIMIT + 1)
        with contextlib.suppress(ConnectionClosed):
            connection.send([packet[:100], packet[100:5_000], packet[5_000:]])
        assert until_closed(connection) == []


def test_a_body_of_the_largest_size_is_taken(server: EngineServer) -> None:
    with Polls(server.url) as polls:
        polls.open()
        assert polls.post("40\x1e" + event_of(LIMIT - 3)).text == "ok"


def test_a_body_one_byte_larger_ends_the_session(server: EngineServer) -> None:
    with Polls(server.url) as polls:
        polls.open()
        assert polls.post("40\x1e" + event_of(LIMIT - 2)).status_code == 413
        assert polls.get().status_code == 400


def test_a_body_without_an_end_ends_the_session(server: EngineServer) -> None:
    with Polls(server.url) as polls, RawSocket(server.port) as raw:
        polls.open()
        path = f"/socket.io/?EIO=4&transport=polling&sid={polls.sid}"
        raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            for _ in range(1_000):
                raw.send(b"3e8\r\n" + b"3" * 1_000 + b"\r\n")
        assert raw.closed
        assert polls.get().status_code == 400


def test_as_many_packets_as_a_body_may_have_are_taken(server: EngineServer) -> None:
    with Polls(server.url) as polls:
        polls.open()
        assert polls.post("\x1e".join(["3"] * 100)).text == "ok"


def test_one_packet_more_in_a_body_ends_the_session(server: EngineServer) -> None:
    with Polls(server.url) as polls:
        polls.open()
        assert polls.post("\x1e".join(["3"] * 101)).status_code == 400


def test_a_frame_that_claims_more_than_there_is_memory_ends_the_session(
    server: EngineServer,
) -> None:
    with RawWebSocket(server.port) as raw:
        raw.send(mask(b"4", length=2**28))
        assert raw.closed


# Fragments


def test_as_many_fragments_as_allowed_are_taken(server: EngineServer) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        packet = event_of(100)
        connection.send(list(packet))
        assert receive(connection) == back(packet)


def test_one_fragment_more_ends_the_session(server: EngineServer) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        with contextlib.suppress(ConnectionClosed):
            connection.send(list(event_of(101)))
        assert until_closed(connection) == []


def test_a_hundred_thousand_fragments_of_one_byte_end_the_session(server: EngineServer) -> None:
    with RawWebSocket(server.port) as raw:
        with contextlib.suppress(OSError):
            raw.send(mask(b"4", fin=False) + mask(b"x", opcode=0, fin=False) * 131_072)
        assert raw.closed
    assert server.echoes()


# Depth


@pytest.mark.parametrize(("depth", "taken"), [(32, True), (33, False)])
def test_json_may_nest_so_deep_and_no_deeper(server: EngineServer, depth: int, taken: bool) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        packet = '42["message",' + "[" * (depth - 1) + "]" * (depth - 1) + "]"
        connection.send(packet)
        if taken:
            assert receive(connection) == back(packet)
        else:
            assert until_closed(connection) == []


# Time


def test_headers_that_never_end_are_given_up(start: Start) -> None:
    server = start(header_timeout=0.5)
    with RawSocket(server.port) as raw:
        raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert raw.read().startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_says_nothing_is_given_up(start: Start) -> None:
    server = start(header_timeout=0.5)
    with RawSocket(server.port) as raw:
        assert raw.closed


def test_the_second_request_of_a_connection_has_no_more_time(start: Start) -> None:
    server = start(header_timeout=0.5)
    with RawSocket(server.port) as raw:
        raw.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.read(b"Not Found")
        raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert raw.read().startswith(b"HTTP/1.1 408 ")


def test_a_body_that_never_ends_is_given_up(start: Start) -> None:
    server = start(request_timeout=0.5)
    with Polls(server.url) as polls, RawSocket(server.port) as raw:
        polls.open()
        path = f"/socket.io/?EIO=4&transport=polling&sid={polls.sid}"
        raw.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4".encode())
        assert raw.closed
        assert polls.get().status_code == 400


def test_a_session_that_never_connects_is_closed(start: Start) -> None:
    server = start(connect_timeout=0.5)
    with websocket(server.url) as connection:
        receive(connection)
        assert until_closed(connection) == []


def test_a_packet_whose_attachments_never_come_ends_the_session(start: Start) -> None:
    server = start(attachment_timeout=0.5)
    with socketio(server.url) as connection:
        receive(connection)
        connection.send('452-["message",{"_placeholder":true,"num":0}]')
        connection.send(b"x")
        assert until_closed(connection) == []


def test_half_packets_do_not_keep_a_session_open_that_never_connects(start: Start) -> None:
    server = start(connect_timeout=0.5)
    with websocket(server.url) as connection:
        receive(connection)
        connection.send('451-["message",{"_placeholder":true,"num":0}]')
        assert until_closed(connection) == []


def test_an_upgrade_that_is_never_completed_leaves_polling(start: Start) -> None:
    server = start(upgrade_timeout=0.5)
    with Polls(server.url) as polls:
        polls.open()
        polls.post("40")
        query = f"EIO=4&transport=websocket&sid={polls.sid}"
        with websocket(server.url, query) as connection:
            connection.send("2probe")
            assert until_closed(connection) == ["3probe"]
        polls.post('42["message","by polling"]')
        assert '42["message-back","by polling"]' in polls.get().text


def test_a_peer_that_does_not_answer_a_close_is_cut_off(server: EngineServer) -> None:
    with RawWebSocket(server.port) as raw:
        raw.text("1")
        assert raw.closed


# Headers


def headers_of(size: int) -> bytes:
    head = b"GET /nothing HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n"
    return head.replace(b"X: ", b"X: " + b"x" * (size - len(head)))


def test_headers_of_the_largest_size_are_taken(server: EngineServer) -> None:
    with RawSocket(server.port) as raw:
        raw.send(headers_of(4_000))
        assert raw.read(b"\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_headers_one_byte_larger_are_refused(server: EngineServer) -> None:
    with RawSocket(server.port) as raw:
        raw.send(headers_of(4_001))
        assert raw.read().startswith(b"HTTP/1.1 431 ")


def test_a_large_body_behind_small_headers_is_none_of_them(server: EngineServer) -> None:
    with RawSocket(server.port) as raw:
        head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n"
        raw.send(head + b"x" * 9_000)
        assert raw.read(b"\r\n\r\n").startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "headers", [b"X: y\r\n" * 2_000, b"X: " + b" " * 32_000 + b"\r\n", b"X" * 32_000]
)
def test_a_flood_of_headers_is_refused(server: EngineServer, headers: bytes) -> None:
    with RawSocket(server.port) as raw:
        raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + headers)
        assert raw.read().startswith(b"HTTP/1.1 431 ")


def test_a_websocket_with_too_many_headers_is_refused(start: Start) -> None:
    server = start(max_header_bytes=100_000)
    with RawSocket(server.port) as raw:
        extra = [f"X-{number}: y" for number in range(2_000)]
        raw.send(upgrade_request(server.port, "EIO=4&transport=websocket", *extra))
        assert raw.read().startswith(b"HTTP/1.1 431 ")


# Sessions


def test_as_many_sessions_as_an_address_may_have_are_opened(start: Start) -> None:
    server = start(max_sessions_per_address=3)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            receive(stack.enter_context(websocket(server.url)))
        assert len(server.engine.connections) == 3


@pytest.mark.parametrize(
    ("limits", "status"), [({"max_sessions_per_address": 3}, 429), ({"max_sessions": 3}, 503)]
)
def test_one_session_more_is_refused(start: Start, limits: dict[str, int], status: int) -> None:
    server = start(**limits)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            receive(stack.enter_context(websocket(server.url)))
        with pytest.raises(InvalidStatus) as refused, websocket(server.url):
            pass
        assert refused.value.response.status_code == status
        with Polls(server.url) as polls:
            assert polls.get(sid=None).status_code == status


def test_a_session_that_ended_makes_room_for_another(start: Start) -> None:
    server = start(max_sessions_per_address=1)
    with socketio(server.url) as connection:
        receive(connection)
        connection.send("1")
        until_closed(connection)
    assert server.echoes()


# Slow readers


def test_a_slow_reader_is_disconnected_and_others_are_not_slowed(start: Start) -> None:
    server = start(max_queue_bytes=100_000, close_timeout=0.5)
    with RawWebSocket(server.port) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.text("40")
        packet = event_of(50_000)
        deadline = time.monotonic() + 20
        try:
            while server.engine.connections and time.monotonic() < deadline:
                slow.text(packet)
        except OSError:
            pass
        assert not server.engine.connections
    assert server.echoes()


def test_a_slow_poller_is_disconnected(start: Start) -> None:
    server = start(max_queue_bytes=100_000, max_http_buffer_size=60_000)
    with Polls(server.url) as polls:
        polls.open()
        polls.post("40")
        answers = [polls.post(event_of(50_000)).status_code for _ in range(3)]
        assert answers == [200, 400, 400]


def test_a_poller_that_reads_is_not(start: Start) -> None:
    server = start(max_queue_bytes=100_000, max_http_buffer_size=60_000)
    with Polls(server.url) as polls:
        polls.open()
        polls.post("40")
        for _ in range(5):
            assert polls.post(event_of(50_000)).status_code == 200
            assert polls.get().status_code == 200


def test_an_answer_that_is_never_taken_is_given_up(start: Start) -> None:
    server = start(request_timeout=0.3, close_timeout=0.3, max_http_buffer_size=4_000_000)
    with Polls(server.url) as polls, RawSocket(server.port) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        polls.open()
        polls.post("40")
        polls.post(event_of(3_900_000))
        query = f"EIO=4&transport=polling&sid={polls.sid}"
        slow.send(f"GET /socket.io/?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        deadline = time.monotonic() + 10
        while server.connections() > 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.connections() <= 1
