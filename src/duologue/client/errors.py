"""What can go wrong for a client. All of it is a `DuologueError` with a code."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from duologue.core import errors
from duologue.core.errors import Refusal

#: Of a client that was closed; every other code is the protocol's own.
CLOSED: Final = "closed"


class DuologueError(Exception):
    """`code` is stable, `message` a sentence for a person.

    `retryable` is whether the same may work later, and `retry_after`, where it is known, in how
    many seconds. Codes are those of docs/protocol.md, section 7, and ``closed``.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after = retry_after


class Refused(DuologueError):
    """The server has refused it; nothing has changed."""

    @classmethod
    def by(cls, refusal: Refusal) -> Refused:
        retry_after = refusal.retry_after
        return cls(
            refusal.code,
            refusal.error,
            retryable=refusal.retryable,
            retry_after=None if retry_after is UNSET else retry_after,
        )


class CannotConnect(DuologueError):
    """There is no server there that answers, or no token for it; code ``unavailable``."""

    def __init__(self, message: str) -> None:
        super().__init__(errors.UNAVAILABLE, message, retryable=True)


class NoToken(DuologueError):
    """There is no token at the moment; code ``unavailable``. For a function that fetches tokens to
    raise, so that it is asked again later."""

    def __init__(self, message: str = "There is no token at the moment") -> None:
        super().__init__(errors.UNAVAILABLE, message, retryable=True)


class NoAnswer(DuologueError):
    """The connection ended first: it may have been done or not; code ``unavailable``."""

    def __init__(self, message: str = "The connection ended before the answer came") -> None:
        super().__init__(errors.UNAVAILABLE, message, retryable=True)


class Closed(DuologueError):
    """The client has been closed; code ``closed``."""

    def __init__(self) -> None:
        super().__init__(CLOSED, "The client has been closed")


class EventsLost(DuologueError):
    """Events came faster than they were taken, and are gone; code ``overloaded``."""

    def __init__(self) -> None:
        super().__init__(errors.OVERLOADED, "Events were not taken in time and are lost")
