"""Answers that are given again to a request that comes again with the same ``Idempotency-Key``."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from .bodies import failed

#: So many keys are remembered at most, and for so long.
KEYS: Final = 10_000
SECONDS: Final = 86_400.0


class Answer(NamedTuple):
    """`headers` beside those that every answer has."""

    status: int
    body: bytes
    media_type: str
    headers: dict[str, str]

    @property
    def for_good(self) -> bool:
        """Whether the same request later would be answered the same."""
        return self.status < 500 and self.status != 429


class _Kept(NamedTuple):
    fingerprint: bytes
    answer: asyncio.Future[Answer | None]
    until: float


class Answers:
    """The answers of this process; a request that comes again meanwhile waits for the first."""

    def __init__(self, keys: int = KEYS, seconds: float = SECONDS) -> None:
        self._most = keys
        self._seconds = seconds
        #: In the order in which they came, which is that in which they run out.
        self._kept: dict[str, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def once(
        self, key: str, fingerprint: bytes, now: float, make: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """The answer that was made for this key, or that `make` makes now.

        Raises `Failed` for a key that came with another `fingerprint`.
        """
        self._forget(now, self._most)
        while (kept := self._kept.get(key)) is not None:
            if kept.fingerprint != fingerprint:
                raise failed(422, "This Idempotency-Key came with another request before")
            answer = await asyncio.shield(kept.answer)
            if answer is not None:
                return answer
            # It came to nothing, and one of those that wait takes its place
        self._forget(now, self._most - 1)
        return await self._first(key, fingerprint, now, make)

    async def _first(
        self, key: str, fingerprint: bytes, now: float, make: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        kept = self._kept[key] = _Kept(fingerprint, future, now + self._seconds)
        answer = None
        try:
            answer = await make()
        finally:
            if answer is None or not answer.for_good:
                if self._kept.get(key) is kept:
                    del self._kept[key]
                future.set_result(None)
            else:
                future.set_result(answer)
        return answer

    def _forget(self, now: float, most: int) -> None:
        """Those whose time is over, and the oldest beyond `most`."""
        while self._kept:
            key = next(iter(self._kept))
            if self._kept[key].until > now and len(self._kept) <= most:
                return
            del self._kept[key]


def message_id(key: str, fingerprint: bytes) -> str:
    """The ID of a message that came with this key: the store keeps it, also over a restart."""
    digest = hashlib.sha256(b"duologue message\0" + key.encode() + b"\0" + fingerprint).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))
