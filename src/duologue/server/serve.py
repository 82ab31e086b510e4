"""An engine as a process of its own: sockets, signals, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from .app import Engine

_BACKLOG = 2_048

#: Objects that are made between two looks for cycles among the young ones.
_GC_OBJECTS = 5_000

#: How long packets that were on their way when the server was told to stop have to come in.
_ARRIVING_SECONDS = 0.1


class CannotStart(Exception):
    """The server cannot begin to serve; the text says why, in one line."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on a host and a port. Raises `CannotStart`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise CannotStart(f"Cannot listen on {host} port {port}: {error.strerror}") from error
    return listener


def bind_uds(path: str) -> socket.socket:
    """A socket that listens on a path. Raises `CannotStart`.

    A socket that a process which is gone has left there is taken over; anything else is not.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            if Path(path).is_socket() and not _answers(path):
                Path(path).unlink()
        listener.bind(path)
        Path(path).chmod(0o660)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotStart(f"Cannot listen on {path}: {error.strerror or error}") from error
    return listener


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


class Beside:
    """A second application in the same process, on a socket that not everybody reaches."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        self._server = uvicorn.Server(config)
        self._listener = listener

    async def start(self) -> None:
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup([self._listener])

    async def stop(self) -> None:
        await self._server.shutdown([self._listener])


class Server(uvicorn.Server):
    """uvicorn's server with an end in three steps: accept no more, say so, finish, leave.

    `on_started` is called once requests are served, `on_drain` when the server has been told to
    stop; `on_drained` waits for what the application has under way. A second signal cuts the rest
    short, and so does the first one while the application has not started. `beside` serves as long
    as the rest does.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        engine: Engine,
        *,
        grace: float,
        on_started: Callable[[], None],
        on_drain: Callable[[], None],
        on_drained: Callable[[], Awaitable[None]],
        beside: Beside | None = None,
    ) -> None:
        super().__init__(config)
        self._engine = engine
        self._grace = grace
        self._on_started = on_started
        self._on_drain = on_drain
        self._on_drained = on_drained
        self._beside = beside
        self._waiting: asyncio.Task[Any] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises each signal once more after the end, and with it ends otherwise than 0
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self._signalled)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _signalled(self) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        if self._waiting is not None and (self.force_exit or not self.started):
            self._waiting.cancel()

    @contextlib.contextmanager
    def _cut_short(self) -> Iterator[None]:
        """What is inside may wait for an application, which may take for ever."""
        self._waiting = task = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError:
            if not self.should_exit or task is None:
                raise
            task.uncancel()
        finally:
            self._waiting = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        with self._cut_short():
            await super().startup(sockets)
        if not self.started:
            return
        if self._beside is not None:
            await self._beside.start()
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        with self._cut_short():
            await self._shutdown(sockets)

    async def _shutdown(self, sockets: list[socket.socket] | None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        self._engine.draining = True
        self._on_drain()
        await asyncio.sleep(min(_ARRIVING_SECONDS, self._grace))
        await self._on_drained()  # answers to what came in, before sessions end
        await self._engine.drain(self._grace)
        await self._on_drained()  # and what follows from their end
        await super().shutdown(sockets)
        if self._beside is not None:
            await self._beside.stop()


def run(server: Server, listener: socket.socket) -> None:
    """Serve until a signal says to stop. Raises `CannotStart`."""
    try:
        server.config.load()
    except OSError as error:  # ssl.SSLError is one
        config = server.config
        places = f"{config.ssl_certfile} or its key {config.ssl_keyfile}"
        reason = error.strerror or error
        raise CannotStart(f"Cannot load the TLS certificate {places}: {reason}") from error
    # What was loaded until here stays, and what a message needs is gone before it could be garbage:
    # looking for cycles after every 700 objects costs a tenth of the work under load.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS, 10, 10)
    server.run(sockets=[listener])
