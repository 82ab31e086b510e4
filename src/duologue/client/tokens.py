"""The token by which a server knows a client: fetched, and renewed before it ends."""

from __future__ import annotations

import asyncio
import base64
import inspect
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from msgspec import UNSET

from duologue.core.events import TokenReply

from .errors import NoToken

_logger: Final = logging.getLogger("duologue.client")

#: Which part of the time that is left passes before the next attempt: at random, since many
#: clients may have got their tokens at the same moment. What fails is tried again after as much of
#: the rest, so that the attempts for one token are few, however long it lasts.
_EARLY, _LATE = 0.6, 0.8
#: Whatever a clock or a server says, no two attempts follow each other faster.
_MIN_SECONDS: Final = 1.0

Token = str | Callable[[], str | Awaitable[str]]


class _Claims(msgspec.Struct):
    exp: float | None = None


def end_of(token: str) -> float | None:
    """When a JWT says that it ends, in seconds since the epoch; None for what does not say so.

    Good for knowing when to ask for another and for nothing else: only the server can tell whether
    it is true.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(claims, type=_Claims).exp
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None


class Tokens:
    """Where tokens come from; a function may take `timeout` seconds for one."""

    def __init__(self, token: Token | None, timeout: float) -> None:
        self._token = token
        self._timeout = timeout

    async def fetch(self) -> str | None:
        """Raises `NoToken` if there is none at the moment, and whatever else a function raises."""
        if not callable(self._token):
            return self._token
        try:
            async with asyncio.timeout(self._timeout):
                fetched = self._token()
                return await fetched if inspect.isawaitable(fetched) else fetched
        except TimeoutError as error:
            raise NoToken("There was no token in time") from error
        except OSError as error:
            raise NoToken(f"There is no token: {str(error) or repr(error)}") from error

    async def keep_renewed(
        self, token: str | None, ask: Callable[[str], Awaitable[TokenReply]]
    ) -> None:
        """Have another token take the place of `token`, and so on, as long as one has an end.

        `ask` gives one to the server. What goes wrong ends nothing: the session is there until its
        token ends, and what happens then is for the next connection to see.
        """
        end = end_of(token) if isinstance(token, str) and callable(self._token) else None
        while end is not None and (left := end - time.time()) > 0:
            wait = max(_MIN_SECONDS, left * random.uniform(_EARLY, _LATE))  # noqa: S311
            await asyncio.sleep(wait)
            try:
                fetched = await self.fetch()
                if not isinstance(fetched, str) or fetched == token:
                    continue
                reply = await ask(fetched)
            except Exception as error:  # an application's own function may raise anything
                _logger.warning("the token could not be renewed: %s", str(error) or repr(error))
            else:
                token = fetched
                end = None if reply.expires_at is UNSET else reply.expires_at / 1_000
