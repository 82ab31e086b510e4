"""`duologue serve` as a process: its end, its sockets, TLS, proxies and logs."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import time
from pathlib import Path

import httpx
import pytest
import trustme
from websockets.sync.client import ClientConnection, unix_connect

from tests.support.process import Serve, ServerProcess
from tests.support.raw import (
    Polls,
    RawSocket,
    RawWebSocket,
    mask,
    receive,
    socketio,
    until_closed,
    upgrade_request,
)

POLL = "EIO=4&transport=polling"
WEBSOCKET = "EIO=4&transport=websocket"


def client_id(connection: ClientConnection) -> str:
    name, payload = json.loads(str(receive(connection))[2:])
    assert name == "client_id"
    return str(payload["clientId"])


def emit(connection: ClientConnection, name: str, ack: str = "", **payload: object) -> None:
    connection.send(f"42{ack}{json.dumps([name, payload])}")


def link(ann: ClientConnection, ben: ClientConnection) -> str:
    """Link two clients; returns the ID of the second."""
    a, b = client_id(ann), client_id(ben)
    emit(ann, "link_request", targetClientId=b)
    emit(ben, "link_request", targetClientId=a)
    for connection in (ann, ben):
        while "presence" not in str(receive(connection)):
            pass
    return b


def test_a_session_that_was_left_is_not_refused_in_the_place_of_the_next(serve: Serve) -> None:
    with RawWebSocket(serve().port) as connection:
        # The store has yet to say that there is no such token when the client tries again
        packets = ('40{"resumeToken":"wrong"}', "41", "40")
        connection.send(b"".join(mask(packet.encode()) for packet in packets))
        assert b"44{" not in connection.read(b"client_id")


# The end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_success(serve: Serve, number: signal.Signals) -> None:
    server = serve()
    with socketio(server.url) as connection:
        client_id(connection)
        server.process.send_signal(number)
        assert until_closed(connection) == ['42["draining",{}]']
    assert server.stop() == 0


def test_a_client_is_told_to_come_back_and_not_to_stay_away(serve: Serve) -> None:
    server = serve()
    with socketio(server.url) as connection:
        client_id(connection)
        server.terminate()
        until_closed(connection)
        assert connection.close_code == 1012


def test_a_poller_is_told_of_the_end(serve: Serve) -> None:
    server = serve()
    with Polls(server.url) as polls:
        polls.open()
        polls.post("40")
        polls.get()
        server.terminate()
        assert '42["draining",{}]' in polls.get().text


def test_what_was_acked_before_the_end_was_delivered(serve: Serve) -> None:
    server = serve()
    with socketio(server.url) as ann, socketio(server.url) as ben:
        target = link(ann, ben)
        for number in range(200):
            emit(ann, "message", str(number), targetClientId=target, message=number)
        server.terminate()
        acked = {
            int(str(packet)[2:].split("[")[0])
            for packet in until_closed(ann)
            if str(packet).startswith("43")
        }
        delivered = {
            json.loads(str(packet)[2:])[1]["content"]
            for packet in until_closed(ben)
            if str(packet).startswith('42["message"')
        }
    assert acked == delivered == set(range(200))
    assert server.stop() == 0


def test_nobody_is_let_in_after_the_signal(serve: Serve) -> None:
    server = serve("--grace-seconds", "5")
    with RawSocket(server.port) as early, socketio(server.url) as connection:
        client_id(connection)
        server.terminate()
        assert receive(connection) == '42["draining",{}]'
        early.send(upgrade_request(server.port, WEBSOCKET))
        assert b" 101 " not in early.read(b"\r\n\r\n")
        with pytest.raises(OSError, match="refused"):
            RawSocket(server.port)


def test_a_client_that_does_not_read_holds_the_end_up_for_the_grace_time_only(
    serve: Serve,
) -> None:
    server = serve("--grace-seconds", "1", "--max-queue-bytes", "40000000")
    with socketio(server.url) as ann, RawSocket(server.port) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.send(upgrade_request(server.port, WEBSOCKET))
        slow.read(b"\r\n\r\n")
        slow.send(mask(b"40"))
        heard = slow.read(b'"}]')
        target = heard.decode("latin-1").split('"clientId":"')[1].split('"')[0]
        own = client_id(ann)
        emit(ann, "link_request", targetClientId=target)
        slow.read(b"link_requested")
        slow.send(mask(b'42["link_accept",{"targetClientId":"%b"}]' % own.encode()))
        while "presence" not in str(receive(ann)):
            pass
        for number in range(20):
            emit(ann, "message", str(number), targetClientId=target, message="x" * 900_000)
        while not str(receive(ann)).startswith("4319["):
            pass
        server.terminate()
        assert server.process.wait(15) == 0


# Sockets


def test_it_listens_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()  # what a server that was killed leaves behind
    process = ServerProcess.on_socket(path)
    try:
        with unix_connect(str(path), f"ws://localhost/socket.io/?{WEBSOCKET}") as connection:
            assert str(receive(connection)).startswith("0{")
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://localhost") as client:
            assert client.get("/simple").status_code == 200
    finally:
        assert process.stop() == 0


# TLS


@pytest.fixture
def tls(serve: Serve, tmp_path: Path) -> tuple[str, ssl.SSLContext]:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    pem = ("--ssl-certfile", str(tmp_path / "cert.pem"), "--ssl-keyfile", str(tmp_path / "key.pem"))
    return serve(*pem).url, context


def test_websockets_go_over_tls(tls: tuple[str, ssl.SSLContext]) -> None:
    url, context = tls
    headers = {"Origin": url}
    with (
        socketio(url, ssl=context, additional_headers=headers) as ann,
        socketio(url, ssl=context) as ben,
    ):
        target = link(ann, ben)
        emit(ann, "message", targetClientId=target, message="x" * 500_000)
        assert len(str(receive(ben))) > 500_000


def test_polls_go_over_tls(tls: tuple[str, ssl.SSLContext]) -> None:
    url, context = tls
    answer = httpx.get(f"{url}/socket.io/?{POLL}", verify=context, headers={"Origin": url})
    assert answer.status_code == 200


def test_a_reader_over_tls_that_is_too_slow_is_disconnected(
    tls: tuple[str, ssl.SSLContext],
) -> None:
    url, context = tls
    with socketio(url, ssl=context) as ann, socketio(url, ssl=context, max_queue=1) as slow:
        target = link(ann, slow)
        for number in range(40):
            emit(ann, "message", str(number), targetClientId=target, message="x" * 900_000)
        packets = (str(receive(ann)) for _ in range(100))
        assert any('"link_closed"' in packet for packet in packets)


# Proxies


def forwarded(port: int, scheme: str) -> list[str]:
    return [
        f"Origin: {scheme}://127.0.0.1:{port}",
        "X-Forwarded-For: 198.51.100.7",
        f"X-Forwarded-Proto: {scheme}",
    ]


@pytest.mark.parametrize(("flags", "believed"), [(["--proxy-headers"], True), ([], False)])
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_trusted_proxy_is_believed_and_no_other(
    serve: Serve, flags: list[str], believed: bool, transport: str
) -> None:
    """Behind a proxy that speaks TLS the origin is https, though the server hears http."""
    port = serve(*flags).port
    with RawSocket(port) as raw:
        if transport == "websocket":
            raw.send(upgrade_request(port, WEBSOCKET, *forwarded(port, "https")))
        else:
            lines = [f"GET /socket.io/?{POLL} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
            request = "\r\n".join([*lines, *forwarded(port, "https"), "", ""])
            raw.send(request.encode())
        status = raw.read(b"\r\n").split(b" ")[1]
    assert status == ({"polling": b"200", "websocket": b"101"}[transport] if believed else b"403")


def test_a_proxy_that_is_not_trusted_is_not_believed(serve: Serve) -> None:
    port = serve("--proxy-headers", "--forwarded-allow-ips", "198.51.100.1").port
    with RawSocket(port) as raw:
        raw.send(upgrade_request(port, WEBSOCKET, *forwarded(port, "https")))
        assert b" 403 " in raw.read(b"\r\n")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_proxy_that_comes_by_a_socket_in_the_file_system_is_believed(
    tmp_path: Path, transport: str
) -> None:
    path = tmp_path / "socket"
    flags = ("--uds", str(path), "--store", "memory:", "--proxy-headers")
    process = ServerProcess("duologue", "serve", *flags)
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.1"}
    try:
        if transport == "websocket":
            address = f"ws://chat.example.org/socket.io/?{WEBSOCKET}"
            with unix_connect(
                str(path), address, origin="https://chat.example.org", additional_headers=headers
            ) as connection:
                assert str(receive(connection)).startswith("0{")
        else:
            asked = {**headers, "Origin": "https://chat.example.org"}
            by_socket = httpx.HTTPTransport(uds=str(path))
            with httpx.Client(transport=by_socket, base_url="http://chat.example.org") as client:
                assert client.get(f"/socket.io/?{POLL}", headers=asked).status_code == 200
    finally:
        process.stop()


def test_sessions_are_counted_by_the_address_that_a_proxy_names(serve: Serve) -> None:
    url = serve("--proxy-headers", "--max-sessions-per-address", "1").url
    statuses = [
        httpx.get(f"{url}/socket.io/?{POLL}", headers={"X-Forwarded-For": address}).status_code
        for address in ("198.51.100.1", "198.51.100.2", "198.51.100.1")
    ]
    assert statuses == [200, 200, 429]


# Logs


@pytest.mark.parametrize("format", ["text", "json"])
def test_no_client_can_forge_a_log_line(serve: Serve, format: str) -> None:
    server = serve("--log-format", format, "--log-level", "debug")
    forged = "\r\n2026-01-01 00:00:00.000 INFO    duologue: FORGED\x1b[31m"
    with socketio(server.url, "40" + json.dumps({"name": "n" + forged})) as connection:
        client_id(connection)
        emit(connection, "link_request", targetClientId=forged, note=forged)
        emit(connection, "message", targetClientId=forged, message=forged)
        emit(connection, forged)
        for _ in range(3):
            receive(connection)
    for path in ("/%0d%0aFORGED", "/socket.io/?EIO=4&transport=polling&sid=%0d%0aFORGED"):
        httpx.get(server.url + path, headers={"Origin": "FORGED", "User-Agent": "FORGED"})
    with RawSocket(server.port) as raw:
        raw.send(b"FORGED\x1b[31m\r\n\r\n")
        raw.read()
    server.stop()
    assert "FORGED" not in server.log
    if format == "json":
        entries = [json.loads(line) for line in server.log.splitlines()]
        assert any("connected" in entry["message"] for entry in entries)


def test_logs_hold_no_content_and_no_secret(serve: Serve) -> None:
    server = serve("--log-level", "debug")
    with Polls(server.url) as polls, socketio(server.url, '40{"name":"SECRET-NAME"}') as ann:
        sid = polls.open()["sid"]
        own = client_id(ann)
        emit(ann, "link_request", targetClientId=own, note="SECRET-NOTE")
        emit(ann, "message", targetClientId=own, message="SECRET-CONTENT")
        receive(ann)
        receive(ann)
    deadline = time.monotonic() + 10
    while "left" not in server.log and time.monotonic() < deadline:
        time.sleep(0.02)
    server.stop()
    assert own in server.log
    assert ("SECRET" in server.log, sid in server.log) == (False, False)
