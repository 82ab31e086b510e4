"""What has broken systems like this one: after each, others are served as before."""

from __future__ import annotations

import contextlib
import gc
import resource
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

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

OPEN = "EIO=4&transport=polling"


def resident_bytes() -> int:
    """Memory of this process, in which the server runs too."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@contextlib.contextmanager
def flat_memory(allowed: int) -> Iterator[None]:
    before = resident_bytes()
    yield
    assert resident_bytes() - before < allowed


# Floods


def test_a_hundred_thousand_pongs_cost_nothing(server: EngineServer) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        tasks = server.tasks()
        with flat_memory(20_000_000):
            for _ in range(100):
                connection.socket.sendall(mask(b"3") * 1_000)
            connection.send('42["message"]')
            assert receive(connection) == '42["message-back"]'
        assert server.tasks() == tasks


def test_a_hundred_thousand_websocket_pongs_cost_nothing(server: EngineServer) -> None:
    with RawWebSocket(server.port) as raw:
        raw.text("40")
        with flat_memory(20_000_000):
            for _ in range(100):
                raw.send(mask(b"", opcode=10) * 1_000)
            raw.text('42["message"]')
            assert b"message-back" in raw.read(b'["message-back"]')


def test_a_hundred_thousand_connects_and_closes_leave_nothing(server: EngineServer) -> None:
    """By polling, over a connection that is kept alive: half a minute's work."""

    def rounds(count: int) -> None:
        with RawSocket(server.port) as raw:
            for _ in range(count):
                raw.send(f"GET /socket.io/?{OPEN} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                answer = raw.read(b"}")
                sid = answer.split(b'"sid":"')[1].split(b'"')[0].decode()
                raw.send(
                    f"POST /socket.io/?{OPEN}&sid={sid} HTTP/1.1\r\nHost: x\r\n"
                    "Content-Length: 1\r\n\r\n1".encode()
                )
                raw.read(b"ok")

    rounds(2_000)
    with flat_memory(20_000_000):
        rounds(100_000)
    assert len(server.engine.connections) == 0
    assert len(server.engine.wheel) < 10


def test_websockets_that_come_and_go_leave_nothing(server: EngineServer) -> None:
    def rounds(count: int) -> None:
        for _ in range(count):
            with RawWebSocket(server.port) as raw:
                raw.text("40")
                raw.read(b'"auth"')

    rounds(200)
    with flat_memory(20_000_000):
        rounds(3_000)
    assert server.echoes()
    assert server.engine._per_address.keys() <= {"127.0.0.1"}


# Garbage


@given(st.binary(max_size=200))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_garbage_on_a_websocket_disturbs_nobody(server: EngineServer, garbage: bytes) -> None:
    with RawWebSocket(server.port) as raw:
        raw.text("40")
        with contextlib.suppress(OSError):
            raw.send(garbage)
    assert server.echoes()


@given(st.binary(max_size=200))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_garbage_on_a_port_disturbs_nobody(server: EngineServer, garbage: bytes) -> None:
    with RawSocket(server.port) as raw, contextlib.suppress(OSError):
        raw.send(garbage)
    assert server.echoes()


def test_a_reset_in_the_middle_of_an_upgrade_disturbs_nobody(server: EngineServer) -> None:
    with Polls(server.url) as polls:
        polls.open()
        with RawWebSocket(server.port, f"EIO=4&transport=websocket&sid={polls.sid}") as raw:
            raw.text("2probe")
            linger = struct.pack("ii", 1, 0)
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        assert polls.post("40").text == "ok"
    assert server.echoes()


def test_two_upgrades_at_once_leave_the_first(server: EngineServer) -> None:
    with Polls(server.url) as polls:
        polls.open()
        query = f"EIO=4&transport=websocket&sid={polls.sid}"
        with websocket(server.url, query) as first:
            with pytest.raises(InvalidStatus), websocket(server.url, query):
                pass
            first.send("2probe")
            assert first.recv(5) == "3probe"


def test_a_namespace_too_long_ends_the_session(server: EngineServer) -> None:
    with websocket(server.url) as connection:
        receive(connection)
        connection.send("40/" + "x" * 128)
        assert until_closed(connection) == []


def test_a_thousand_unknown_namespaces_are_refused_and_kept_nowhere(server: EngineServer) -> None:
    with socketio(server.url) as connection:
        receive(connection)
        for number in range(1_000):
            connection.send(f"40/{number}")
        refusals = {receive(connection) for _ in range(1_000)}
        assert f'44/{999},{{"message":"Invalid namespace"}}' in refusals
    assert server.echoes()


# HTTP that is not what it seems


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_a_request_of_two_meanings_is_refused(server: EngineServer, request_bytes: bytes) -> None:
    with RawSocket(server.port) as raw:
        raw.send(request_bytes)
        assert raw.read().startswith(b"HTTP/1.1 400 ")


def test_a_compressed_body_is_not_read(server: EngineServer) -> None:
    with Polls(server.url) as polls:
        polls.open()
        assert polls.post("40", **{"Content-Encoding": "gzip"}).status_code == 400


def test_compression_is_not_offered_to_websockets(server: EngineServer) -> None:
    with RawSocket(server.port) as raw:
        raw.send(
            upgrade_request(
                server.port,
                "EIO=4&transport=websocket",
                "Sec-WebSocket-Extensions: permessage-deflate",
            )
        )
        assert b"deflate" not in raw.read(b"\r\n\r\n")


@pytest.mark.parametrize("sid", ["", "x", "x" * 4_000, "%00", "%ff", "..", "a\x7f"])
def test_no_sid_but_the_right_one_opens_a_session(server: EngineServer, sid: str) -> None:
    with Polls(server.url) as polls:
        polls.open()
        url = f"{server.url}/socket.io/?{OPEN}&sid={sid}"
        with contextlib.suppress(httpx.InvalidURL):
            assert httpx.get(url).status_code in (400, 431)


def test_sids_are_of_128_bits_and_not_alike(server: EngineServer) -> None:
    with Polls(server.url) as polls:
        sids = {polls.open()["sid"] for _ in range(50)}
    assert (len(sids), {len(sid) for sid in sids}) == (50, {22})


# Origin


def origins(server: EngineServer) -> list[tuple[str, bool]]:
    own = server.url
    return [
        (own, True),
        (own.upper().replace("HTTP", "http"), True),
        ("null", False),
        ("https://evil.example", False),
        (own.replace("http", "https"), False),
        (f"http://127.0.0.1:{server.port + 1}", False),
        ("http://127.0.0.1", False),
        (f"{own}.evil.example", False),
        (f"http://evil.example/{own}", False),
        (f"{own}/", False),
        (f"http://evil{own.removeprefix('http://')}", False),
        (f"{own}, https://evil.example", False),
        ("", False),
    ]


def test_only_the_servers_own_origin_is_served_by_polling(server: EngineServer) -> None:
    url = f"{server.url}/socket.io/?{OPEN}"
    served = [
        (origin, httpx.get(url, headers={"Origin": origin}).status_code == 200)
        for origin, _ in origins(server)
    ]
    assert served == origins(server)


def test_only_the_servers_own_origin_is_served_by_websocket(server: EngineServer) -> None:
    served = []
    for origin, _ in origins(server):
        with RawSocket(server.port) as raw:
            request = upgrade_request(server.port, "EIO=4&transport=websocket", f"Origin: {origin}")
            raw.send(request)
            served.append((origin, b" 101 " in raw.read(b"\r\n")))
    assert served == origins(server)


def test_two_origins_are_none(server: EngineServer) -> None:
    with RawSocket(server.port) as raw:
        both = (f"Origin: {server.url}", "Origin: https://evil.example")
        raw.send(upgrade_request(server.port, "EIO=4&transport=websocket", *both))
        assert b" 101 " not in raw.read(b"\r\n")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_client_that_is_no_browser_has_no_origin(server: EngineServer, transport: str) -> None:
    if transport == "polling":
        with Polls(server.url) as polls:
            assert polls.open()["sid"]
    else:
        assert server.echoes()


FRIEND = "https://friend.example"


@pytest.mark.parametrize(
    ("origin", "status"),
    [(FRIEND, 200), (f"{FRIEND}.evil.example", 403), ("https://evil.example", 403)],
)
def test_origins_that_were_named_are_served_and_no_others(
    start: Start, origin: str, status: int
) -> None:
    server = start(cors_allowed_origins=(FRIEND,))
    url = f"{server.url}/socket.io/?{OPEN}"
    assert httpx.get(url, headers={"Origin": origin}).status_code == status


def test_the_servers_own_origin_needs_no_naming_beside_others(start: Start) -> None:
    server = start(cors_allowed_origins=(FRIEND,))
    url = f"{server.url}/socket.io/?{OPEN}"
    assert httpx.get(url, headers={"Origin": server.url}).status_code == 200


def test_an_origin_that_was_named_may_use_credentials(start: Start) -> None:
    server = start(cors_allowed_origins=(FRIEND,))
    answer = httpx.get(f"{server.url}/socket.io/?{OPEN}", headers={"Origin": FRIEND})
    assert (
        answer.headers["access-control-allow-origin"],
        answer.headers["access-control-allow-credentials"],
        answer.headers["vary"],
    ) == (FRIEND, "true", "Origin")


@pytest.mark.parametrize("origin", [FRIEND, "null"])
def test_any_origin_is_never_served_with_credentials(start: Start, origin: str) -> None:
    server = start(cors_allowed_origins=("*",))
    answer = httpx.get(f"{server.url}/socket.io/?{OPEN}", headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_browser_may_ask_before_it_posts(start: Start) -> None:
    server = start(cors_allowed_origins=(FRIEND,))
    asked = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = httpx.options(f"{server.url}/socket.io/?{OPEN}", headers=asked)
    assert (answer.status_code, answer.headers["access-control-allow-methods"]) == (
        204,
        "GET, POST",
    )


# Options


def test_compression_that_was_asked_for_is_bounded_to_what_it_helps(start: Start) -> None:
    server = start(http_compression=True)
    with Polls(server.url) as polls:
        polls.open()
        polls.post('40\x1e42["message","' + "x" * 10_000 + '"]')
        answer = polls.get(**{"Accept-Encoding": "gzip"})
        assert (answer.headers["content-encoding"], "x" * 10_000 in answer.text) == ("gzip", True)


def test_a_cookie_that_was_asked_for_holds_the_sid(start: Start) -> None:
    server = start(cookie="io")
    with Polls(server.url) as polls:
        answer = polls.get(sid=None)
        assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_transport_that_is_not_on_offer_is_unknown(start: Start, transport: str) -> None:
    other = {"polling": "websocket", "websocket": "polling"}[transport]
    server = start(transports=(other,))
    answer = httpx.get(f"{server.url}/socket.io/?EIO=4&transport={transport}")
    assert answer.json() == {"code": 0, "message": "Transport unknown"}


def test_without_upgrades_none_is_offered_or_possible(start: Start) -> None:
    server = start(allow_upgrades=False)
    with Polls(server.url) as polls:
        assert polls.open()["upgrades"] == []
        with (
            pytest.raises(InvalidStatus),
            websocket(server.url, f"EIO=4&transport=websocket&sid={polls.sid}"),
        ):
            pass


# The plain ASGI host keeps the same limits


def test_a_slow_reader_of_the_asgi_host_is_disconnected(start: Start) -> None:
    server = start(asgi=True, max_queue_bytes=100_000)
    with RawWebSocket(server.port) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.text("40")
        packet = '42["message","' + "x" * 50_000 + '"]'
        with contextlib.suppress(OSError):
            for _ in range(2_000):
                slow.text(packet)
                if not server.engine.connections:
                    break
        assert not server.engine.connections
    assert server.echoes()


def test_a_packet_too_large_for_the_asgi_host_ends_the_session(start: Start) -> None:
    server = start(asgi=True, max_http_buffer_size=10_000)
    with socketio(server.url) as connection:
        receive(connection)
        connection.send('42["message","' + "x" * 10_000 + '"]')
        assert until_closed(connection) == []
