"""The commands of a host for threads that may wait, such as those of WSGI workers."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Any, TypeVar

from .core import errors, events
from .core.errors import refuse
from .host import Host, Refused

_T = TypeVar("_T")


class HostInThreads:
    """A `Host` for threads other than that of `loop`, on which its node runs.

    A call that takes longer than `timeout`, in seconds, raises `Refused` with `unavailable`, and so
    does one while the loop does not run. What it asked for may have happened all the same; a
    message with an `id` can be sent again. Raises `RuntimeError` on the loop's own thread, which
    would wait for itself. See `Host` for what each method does.
    """

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop, timeout: float = 10.0) -> None:
        self._host = host
        self._loop = loop
        self._timeout = timeout

    def online(self, client: str) -> bool:
        return self._wait(self._host.online(client))

    def client(self, client: str) -> events.ClientReply:
        return self._wait(self._host.client(client))

    def disconnect(self, client: str) -> int:
        return self._wait(self._host.disconnect(client))

    def forget(self, client: str) -> None:
        self._wait(self._host.forget(client))

    def link(self, a: str, b: str, *, create: bool = False) -> bool:
        return self._wait(self._host.link(a, b, create=create))

    def close(self, a: str, b: str) -> None:
        self._wait(self._host.close(a, b))

    def block(self, client: str, target: str) -> None:
        self._wait(self._host.block(client, target))

    def unblock(self, client: str, target: str) -> None:
        self._wait(self._host.unblock(client, target))

    def send(
        self, sender: str, target: str, content: Any, id: str | None = None
    ) -> events.MessageReply:
        return self._wait(self._host.send(sender, target, content, id))

    def history(
        self, client: str, peer: str, before: int | None = None, limit: int = 50
    ) -> events.HistoryReply:
        return self._wait(self._host.history(client, peer, before, limit))

    def _wait(self, call: Coroutine[Any, Any, _T]) -> _T:
        if _running_loop() is self._loop:
            call.close()
            raise RuntimeError("this thread runs the loop and cannot wait for it")
        try:
            future = asyncio.run_coroutine_threadsafe(call, self._loop)
        except RuntimeError as error:  # the loop is closed
            call.close()
            raise Refused(refuse(errors.UNAVAILABLE, "The server has stopped")) from error
        try:
            return future.result(self._timeout)
        except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError) as error:
            future.cancel()
            raise Refused(refuse(errors.UNAVAILABLE)) from error


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
