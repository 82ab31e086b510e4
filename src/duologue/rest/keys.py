"""Who may use the REST API: whoever has one of its keys."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterable
from typing import Final

from duologue.core import errors
from duologue.core.errors import refuse
from duologue.core.rates import AddressRate

from .bodies import Failed, failed

_logger: Final = logging.getLogger("duologue.rest")

#: Wrong keys from one IP address that are answered, and logged, one by one.
_WRONG_PER_HOUR: Final = 1_000


class Keys:
    """Holds digests only: comparing them takes the same time for every key of every length."""

    def __init__(self, keys: Iterable[str], *, wrong_per_hour: int = _WRONG_PER_HOUR) -> None:
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]
        self._wrong = AddressRate(wrong_per_hour)

    def check(self, authorization: list[str], address: str, now: float) -> None:
        """Raises `Failed` unless the request's headers hold one of the keys.

        A right key is let in from whatever address: where a proxy hides the addresses, anyone's
        wrong keys would shut out all others.
        """
        scheme, _, given = (authorization[0] if len(authorization) == 1 else "").partition(" ")
        digest = hashlib.sha256(given.strip(" ").encode("utf-8", "replace")).digest()
        # All of them, so that the time says nothing of which it was
        found = [hmac.compare_digest(digest, each) for each in self._digests]
        if scheme.lower() == "bearer" and any(found):
            return
        challenge = 'Bearer realm="duologue"'
        if authorization:
            wait = self._wrong.take(address, now)
            if wait:
                sentence = "Too many wrong API keys; try again later"
                raise Failed(429, refuse(errors.RATE_LIMITED, sentence, retry_after=wait))
            challenge += ', error="invalid_token"'
            _logger.warning("refused a wrong API key from %s", address or "a local socket")
        sentence = "An API key is needed, as Authorization: Bearer KEY"
        raise failed(401, sentence, errors.UNAUTHORIZED, www_authenticate=challenge)
