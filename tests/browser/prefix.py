"""A proxy that takes a prefix away from each request's path."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

_NOT_HERE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_MOST = 65_536


class Prefix:
    """Serves at `url` what is at the root of the server at `port`, and nothing beside that."""

    def __init__(self, prefix: str, port: int) -> None:
        self._prefix = prefix
        self._port = port
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{prefix}"

    def __enter__(self) -> Self:
        _begin(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):  # its other side may have gone before
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed at the end
            while True:
                browser, _ = self._listener.accept()
                self._ends.append(browser)
                _begin(partial(self._serve, browser))

    def _serve(self, browser: socket.socket) -> None:
        with contextlib.suppress(OSError), browser:
            head = b""
            while b"\r\n\r\n" not in head:
                more = browser.recv(_MOST)
                if not more:
                    return
                head += more
            asked = self._without_prefix(head)
            if asked is None:
                browser.sendall(_NOT_HERE)
                return
            with socket.create_connection(("127.0.0.1", self._port)) as server:
                self._ends.append(server)
                server.sendall(asked)
                _begin(partial(_pump, browser, server))
                _pump(server, browser)

    def _without_prefix(self, head: bytes) -> bytes | None:
        """The same request as the server is to get it; each connection carries one."""
        method, path, rest = head.split(b" ", 2)
        bare = path.removeprefix(self._prefix.encode())
        if bare == path or not bare.startswith(b"/"):
            return None
        if b"\r\nupgrade: websocket\r\n" not in head.lower():
            rest = rest.replace(b"Connection: keep-alive", b"Connection: close", 1)
        return b" ".join((method, bare, rest))


def _begin(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_MOST):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
