"""What a peer can do wrong, as values with a stable code.

What *we* do wrong is an exception. A `Refusal` is an answer like any other: it goes to the one who
asked, and it is the only thing that a refused command does.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

NOT_FOUND: Final = "not_found"
NOT_LINKED: Final = "not_linked"
NO_REQUEST: Final = "no_request"
BLOCKED: Final = "blocked"
FROM_MISMATCH: Final = "from_mismatch"
INVALID: Final = "invalid"
TOO_LARGE: Final = "too_large"
RATE_LIMITED: Final = "rate_limited"
UNAUTHORIZED: Final = "unauthorized"
EXPIRED: Final = "expired"
OVERLOADED: Final = "overloaded"
UNAVAILABLE: Final = "unavailable"


class _Kind(NamedTuple):
    sentence: str
    retryable: bool


#: Every code there is, with what a person is told unless there is something more exact to say.
CODES: Final[dict[str, _Kind]] = {
    # The tutorial's own words, which its clients may compare with
    NOT_FOUND: _Kind("Target client ID not found", False),
    NOT_LINKED: _Kind("You are not connected to this client", False),
    NO_REQUEST: _Kind("There is no request from this client to answer", False),
    BLOCKED: _Kind("You have blocked this client; unblock it first", False),
    FROM_MISMATCH: _Kind("The 'from' of a message can only be your own client ID", False),
    INVALID: _Kind("The request is not well formed", False),
    TOO_LARGE: _Kind("The message is too large", False),
    RATE_LIMITED: _Kind("Too many requests; try again later", True),
    UNAUTHORIZED: _Kind("You are not allowed to do this", False),
    EXPIRED: _Kind("This has expired", False),
    OVERLOADED: _Kind("There is no room for this now; try again later", True),
    UNAVAILABLE: _Kind("The service is unavailable at the moment; try again later", True),
}


class Refusal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a command was refused, as it is sent. `retry_after` in seconds."""

    error: str
    code: str
    retryable: bool
    retry_after: float | UnsetType = UNSET
    target_client_id: str | UnsetType = UNSET
    id: str | UnsetType = UNSET


def refuse(
    code: str,
    sentence: str | None = None,
    *,
    target: str | UnsetType = UNSET,
    id: str | None = None,
    retry_after: float | UnsetType = UNSET,
) -> Refusal:
    """A refusal with the code's own sentence, or a more exact one."""
    kind = CODES[code]
    return Refusal(
        error=sentence or kind.sentence,
        code=code,
        retryable=kind.retryable,
        retry_after=retry_after,
        target_client_id=target,
        id=UNSET if id is None else id,
    )
