"""Each HTTP request has an ID, by which what is logged of it can be found."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from .polling import Message, Receive, Scope, Send

HEADER: Final = "x-request-id"

#: What a proxy may have put into the header: nothing that could pass for something else in a log.
_SANE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

#: One line for each request, without its query, which may hold secrets.
access_logger: Final = logging.getLogger("duologue.access")

#: By task and not by context: timers that are made while a request is served would inherit it.
_of_task: Final[WeakKeyDictionary[asyncio.Task[Any], str]] = WeakKeyDictionary()


def request_id(given: Sequence[str]) -> str:
    """The ID that a request came with, if it came with one and that is sane, or a new one.

    `given` are its ``X-Request-Id`` headers.
    """
    if len(given) == 1 and is_sane(given[0]):
        return given[0]
    return secrets.token_hex(8)


def is_sane(id: str) -> bool:
    """Whether this may stand in a log for the ID of a request."""
    return _SANE.fullmatch(id) is not None


def current() -> str | None:
    """The ID of the request that is being served, if one is."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return None if task is None else _of_task.get(task)


def log_access(
    method: str, path: str, status: int, seconds: float, address: str, request: str
) -> None:
    access_logger.info(
        "%s %s %d in %.0f ms from %s",
        method,
        path,
        status,
        seconds * 1000,
        address or "-",
        extra={"request": request},
    )


class WithRequestId:
    """An ASGI application whose requests have an ID, which their answers carry too."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = HEADER.encode()
        others = [(key, value) for key, value in scope["headers"] if key != name]
        given = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
        id = request_id(given)
        scope["headers"] = [*others, (name, id.encode())]
        status = 500  # what uvicorn answers for an application that fails

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (name, id.encode())]
            await send(message)

        task = asyncio.current_task()
        if task is not None:
            _of_task[task] = id
        began = time.monotonic()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            client = scope.get("client")
            address = client[0] if client else ""
            took = time.monotonic() - began
            log_access(scope["method"], scope["path"], status, took, address, id)
