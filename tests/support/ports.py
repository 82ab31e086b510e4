"""Ports that stay free for the one who is to have them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator


class Port:
    """A free port of 127.0.0.1 that nobody else is given until it is released.

    It is bound and nobody listens at it: the system gives it to nobody who asks for any port, nor
    to a connection as its own, while a server that asks for this one gets it, for servers bind with
    ``SO_REUSEADDR``.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def reserved() -> Iterator[int]:
    """The number of a port, for a server that is to come back at the same one."""
    port = Port()
    try:
        yield port.number
    finally:
        port.release()
