"""A store that lasts as long as its process."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from duologue.core.events import (
    AddMessage,
    Change,
    DropIdentity,
    MessageReply,
    PutIdentity,
    PutPair,
)
from duologue.core.model import Identity, Pair, State, new_pair

from .base import StoreError

_Key = tuple[str, str]

_NOTHING_TO_COMMIT: Final = nullcontext()
_NO_PAIRS: Final[dict[str, Pair]] = {}

#: So many stale entries may lie among the times of expiry before they are swept out.
_STALE_EXPIRIES: Final = 1_000


class MemoryStore:
    """Keeps everything in dictionaries; a look-up costs the same for ten clients and a million.

    `retry_window` is for how many messages of a pair an answer is kept, so that it can be given
    again to a sender that retries.
    """

    immediate = True

    def __init__(self, *, retry_window: int = 1_000) -> None:
        self._retry_window: Final = retry_window
        self._identities: dict[str, Identity] = {}
        #: Each pair twice, so that it is found from either side, and with it all of a client's.
        self._pairs: dict[str, dict[str, Pair]] = {}
        self._pair_count = 0
        self._answers: dict[_Key, dict[tuple[str, str], MessageReply]] = {}
        self._requests = 0
        #: Times at which requests expire; of one that was answered before, the entry is stale.
        self._expiries: list[tuple[float, _Key]] = []

    def __len__(self) -> int:
        """How many clients and pairs it holds."""
        return len(self._identities) + self._pair_count

    def transaction(self) -> AbstractContextManager[None]:
        return _NOTHING_TO_COMMIT

    def identity(self, client: str) -> Identity | None:
        return self._identities.get(client)

    def pair(self, a: str, b: str) -> Pair | None:
        return self._pairs.get(a, _NO_PAIRS).get(b)

    def pairs(self, client: str) -> Iterable[Pair]:
        return tuple(self._pairs.get(client, _NO_PAIRS).values())

    def earlier(self, pair: Pair, sender: str, id: str) -> MessageReply | None:
        answers = self._answers.get((pair.low, pair.high))
        return None if answers is None else answers.get((sender, id))

    def due(self, now: float, limit: int) -> list[Pair]:
        found: dict[_Key, Pair] = {}  # by key, for a request made twice at one time is in it twice
        for at, key in self._live_expiries():
            if at > now or len(found) >= limit:
                break
            heapq.heappop(self._expiries)
            found[key] = self._pairs[key[0]][key[1]]
        # They are due until something is done about them
        for key, pair in found.items():
            heapq.heappush(self._expiries, (pair.expires_at, key))
        return list(found.values())

    def next_due(self) -> float | None:
        return next((at for at, _ in self._live_expiries()), None)

    def _live_expiries(self) -> Iterator[tuple[float, _Key]]:
        """The first entry, again and again, after those that are stale have been thrown away."""
        while self._expiries:
            at, key = self._expiries[0]
            if self._expires(key) == at:
                yield at, key
            else:
                heapq.heappop(self._expiries)

    def apply(self, change: Change) -> None:
        if isinstance(change, PutPair):
            self._put_pair(change.pair)
        elif isinstance(change, PutIdentity):
            self._put_identity(change.identity)
        else:
            self._drop_identity(change)

    def add_message(self, message: AddMessage) -> None:
        pair, added = message.pair, message.message
        low, high = pair.low, pair.high
        kept = self._pairs.get(low, _NO_PAIRS).get(high)
        if kept is not pair:
            # It has changed since, or was forgotten: what the message says of it is old
            kept = kept or new_pair(low, high)
            if pair.state is State.LINKED and kept.state is not State.LINKED:
                raise StoreError("the link has been closed since the message was decided")
        if kept.seq + 1 != added.seq:
            raise StoreError("there has been another message since this one was decided")
        if kept.seq == 0:
            self._insert(kept)
        kept.seq += 1
        if message.retry:
            answers = self._answers.setdefault((low, high), {})
            answers[added.sender, message.reply.id] = message.reply
            if len(answers) > self._retry_window:
                del answers[next(iter(answers))]

    def _put_identity(self, identity: Identity) -> None:
        before = self._identities.get(identity.id)
        if before is None:
            self._identities[identity.id] = identity
        else:
            before.name = identity.name  # what it is in is counted already

    def _put_pair(self, pair: Pair) -> None:
        key = pair.low, pair.high
        before = self.pair(*key)
        if before is not None:
            self._count(before, -1)
        self._count(pair, 1)
        if pair.blank:
            self._remove(key)
            return
        self._insert(pair)
        if pair.state is State.REQUESTED:
            heapq.heappush(self._expiries, (pair.expires_at, key))
            if len(self._expiries) > 2 * self._requests + _STALE_EXPIRIES:
                self._expiries = [
                    (at, key) for at, key in self._expiries if self._expires(key) == at
                ]
                heapq.heapify(self._expiries)

    def _expires(self, key: _Key) -> float | None:
        pair = self.pair(*key)
        return pair.expires_at if pair is not None and pair.state is State.REQUESTED else None

    def _remove(self, key: _Key) -> None:
        if self.pair(*key) is None:
            return
        self._pair_count -= 1
        self._answers.pop(key, None)
        low, high = key
        for client, peer in ((low, high), (high, low)):
            pairs = self._pairs[client]
            del pairs[peer]
            if not pairs:
                del self._pairs[client]

    def _insert(self, pair: Pair) -> None:
        mine = self._pairs.setdefault(pair.low, {})
        if pair.high not in mine:
            self._pair_count += 1
        mine[pair.high] = pair
        self._pairs.setdefault(pair.high, {})[pair.low] = pair

    def _count(self, pair: Pair, by: int) -> None:
        if pair.state is State.REQUESTED:
            self._requests += by
        for client in (pair.low, pair.high):
            identity = self._identities.get(client)
            if identity is None:
                continue
            if pair.state is State.LINKED:
                identity.links += by
            elif pair.state is State.REQUESTED and pair.requester == client:
                identity.sent += by
            elif pair.state is State.REQUESTED and not pair.silent:
                identity.received += by
            if client in pair.blockers:
                identity.blocks += by

    def _drop_identity(self, change: DropIdentity) -> None:
        for pair in self.pairs(change.id):
            self._count(pair, -1)
            self._remove((pair.low, pair.high))
        self._identities.pop(change.id, None)
