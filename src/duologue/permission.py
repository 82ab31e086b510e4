"""What the application says about who may ask whom, before the rules are asked at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from .core import errors
from .core.errors import Refusal, refuse

_logger: Final = logging.getLogger("duologue.node")

#: How long an answer may take.
_SECONDS: Final = 10.0

#: Gets the client IDs of the one who asks and of the one who is asked, and says whether that may
#: be: by a link request, or by redeeming an invitation of the second. It may be a coroutine
#: function. It can only refuse: whether the two are linked is still for the second to say.
Authorize = Callable[[str, str], bool | Awaitable[bool]]


class Permission:
    """Asks an `Authorize`, and waits for it where it takes its time."""

    def __init__(self, authorize: Authorize | None, timeout: float = _SECONDS) -> None:
        self._authorize = authorize
        self._timeout = timeout
        self._waiting: set[asyncio.Task[None]] = set()

    @property
    def needed(self) -> bool:
        return self._authorize is not None

    def ask(
        self,
        asker: str,
        target: str,
        allowed: Callable[[], None],
        refused: Callable[[Refusal], None],
    ) -> None:
        """Call one of `allowed` and `refused`, at once or later."""
        if self._authorize is None:
            allowed()
            return
        try:
            found = self._authorize(asker, target)
            if not isinstance(found, bool):
                task = asyncio.ensure_future(self._wait(found, target, allowed, refused))
                self._waiting.add(task)
                task.add_done_callback(self._waiting.discard)
                return
        except Exception as error:  # a host's own code may raise anything
            _failed(error, target, refused)
            return
        _tell(found, target, allowed, refused)

    async def _wait(
        self,
        answer: Awaitable[bool],
        target: str,
        allowed: Callable[[], None],
        refused: Callable[[Refusal], None],
    ) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                found = await answer
        except asyncio.CancelledError:
            # Whether by the host's own doing or at the end: whoever asked is not to wait for ever
            refused(refuse(errors.UNAVAILABLE, target=target))
            raise
        except Exception as error:  # as above
            _failed(error, target, refused)
        else:
            _tell(found, target, allowed, refused)

    def close(self) -> None:
        for task in tuple(self._waiting):
            task.cancel()


def _failed(error: Exception, target: str, refused: Callable[[Refusal], None]) -> None:
    _logger.error("nobody said whether a client may ask another", exc_info=error)
    refused(refuse(errors.UNAVAILABLE, target=target))


def _tell(
    found: bool, target: str, allowed: Callable[[], None], refused: Callable[[Refusal], None]
) -> None:
    # Anything but the word itself is no permission
    if found is True:
        allowed()
    else:
        refused(refuse(errors.UNAUTHORIZED, "You may not ask this client", target=target))
