"""Clients that say exactly what a test tells them to, down to the byte."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SECONDS = 10


def mask(payload: bytes, *, opcode: int = 1, fin: bool = True, length: int | None = None) -> bytes:
    """A client's frame, masked with zeros; `length` makes its header lie."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    return head + bytes(4) + payload


class RawSocket:
    """A TCP connection to a server."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, until: bytes | None = None) -> bytes:
        """All that comes until the server closes, or until the bytes `until` have come."""
        received = b""
        while until is None or until not in received:
            try:
                data = self.socket.recv(65_536)
            except ConnectionResetError:
                break
            if not data:
                break
            received += data
        return received

    @property
    def closed(self) -> bool:
        """Whether the server closes the connection; waits for it."""
        self.read()
        return True

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def upgrade_request(port: int, query: str, *headers: str, path: str = "/socket.io/") -> bytes:
    lines = [
        f"GET {path}?{query} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class RawWebSocket(RawSocket):
    """A WebSocket whose frames a test writes itself."""

    def __init__(self, port: int, query: str = "EIO=4&transport=websocket") -> None:
        super().__init__(port)
        self.send(upgrade_request(port, query))
        answer = self.read(b"\r\n\r\n")
        assert b" 101 " in answer.split(b"\r\n")[0], answer

    def text(self, payload: str) -> None:
        self.send(mask(payload.encode()))


class Polls:
    """A long-polling client."""

    def __init__(self, url: str, path: str = "/socket.io/") -> None:
        self.http = httpx.Client(base_url=url, timeout=SECONDS)
        self.path = path
        self.sid = ""

    def open(self) -> dict[str, Any]:
        content = self.get(sid=None).text
        assert content.startswith("0"), content
        handshake: dict[str, Any] = json.loads(content[1:])
        self.sid = handshake["sid"]
        return handshake

    def _params(self, sid: str | None) -> dict[str, str]:
        params = {"EIO": "4", "transport": "polling"}
        if sid is not None:
            params["sid"] = sid or self.sid
        return params

    def get(self, sid: str | None = "", **headers: str) -> httpx.Response:
        return self.http.get(self.path, params=self._params(sid), headers=headers)

    def post(self, body: str | bytes, sid: str | None = "", **headers: str) -> httpx.Response:
        return self.http.post(self.path, params=self._params(sid), content=body, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.http.close()


@contextlib.contextmanager
def websocket(
    url: str, query: str = "EIO=4&transport=websocket", path: str = "/socket.io/", **options: Any
) -> Iterator[ClientConnection]:
    """A WebSocket by a library, for what needs no bytes of one's own."""
    address = url.replace("http", "ws", 1) + f"{path}?{query}"
    options.setdefault("max_size", 20_000_000)
    with connect(
        address, compression=None, close_timeout=2, open_timeout=SECONDS, **options
    ) as connection:
        yield connection


def receive(connection: ClientConnection) -> str | bytes:
    """The next packet that is no heartbeat; heartbeats are answered."""
    while True:
        packet = connection.recv(SECONDS)
        if packet != "2":
            return packet
        connection.send("3")


@contextlib.contextmanager
def socketio(url: str, connect: str = "40", **options: Any) -> Iterator[ClientConnection]:
    """A Socket.IO session on the main namespace, by WebSocket; its CONNECT is answered."""
    with websocket(url, **options) as connection:
        receive(connection)
        connection.send(connect)
        answer = receive(connection)
        assert isinstance(answer, str)
        assert answer.startswith("40"), answer
        yield connection


def until_closed(connection: ClientConnection) -> list[str | bytes]:
    """What comes, heartbeats aside, until the server closes the WebSocket; it must, in time."""
    received: list[str | bytes] = []
    while True:
        try:
            packet = connection.recv(SECONDS)
        except ConnectionClosed:
            return received
        if packet != "2":
            received.append(packet)
