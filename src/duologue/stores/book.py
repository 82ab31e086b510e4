"""Clients and what stands between two of them, in dictionaries, with the counts and times of both.

For stores that are the only ones to change what they keep: one that lasts as long as its process,
and one whose file belongs to its process alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

from msgspec.structs import replace

from duologue.core.model import Identity, Pair, State

Key = tuple[str, str]
_T = TypeVar("_T", Key, str)

_NO_PAIRS: Final[dict[str, Pair]] = {}

#: So many stale entries may lie among the times before they are swept out.
_STALE: Final = 1_000


class Deadlines(Generic[_T]):
    """Times at which something is due, the next one first."""

    def __init__(self) -> None:
        self._at: dict[_T, float] = {}
        #: Of something that has been put off, the earlier entry is stale.
        self._heap: list[tuple[float, _T]] = []

    def put(self, key: _T, at: float | None) -> None:
        """Set or, with None, take away the time of `key`."""
        if at is None:
            self._at.pop(key, None)
        elif self._at.get(key) != at:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))
            if len(self._heap) > 2 * len(self._at) + _STALE:
                self._heap = [(at, key) for key, at in self._at.items()]
                heapq.heapify(self._heap)

    def next(self) -> float | None:
        return next((at for at, _ in self._live()), None)

    def __len__(self) -> int:
        return len(self._at)

    def due(self, now: float, limit: int) -> list[_T]:
        """At most `limit` of those that are due. They are so until something is done about them."""
        found: dict[_T, float] = {}  # by key: what was put twice at one time is in the heap twice
        for at, key in self._live():
            if at > now or len(found) >= limit:
                break
            heapq.heappop(self._heap)
            found[key] = at
        for key, at in found.items():
            heapq.heappush(self._heap, (at, key))
        return list(found)

    def _live(self) -> Iterator[tuple[float, _T]]:
        """The first entry, again and again, after those that are stale have been thrown away."""
        while self._heap:
            at, key = self._heap[0]
            if self._at.get(key) == at:
                yield at, key
            else:
                heapq.heappop(self._heap)


class Book:
    """A look-up costs the same for ten clients and a million."""

    def __init__(self) -> None:
        self.identities: dict[str, Identity] = {}
        #: Each pair twice, so that it is found from either side, and with it all of a client's.
        self._pairs: dict[str, dict[str, Pair]] = {}
        self.pair_count = 0
        self.links = 0
        self.requests: Deadlines[Key] = Deadlines()
        self.ends: Deadlines[str] = Deadlines()
        #: Of identities that are not kept, and of kept ones that are connected; for a start.
        self.ephemeral: dict[str, None] = {}
        self.present: dict[str, None] = {}

    def pair(self, a: str, b: str) -> Pair | None:
        return self._pairs.get(a, _NO_PAIRS).get(b)

    def pairs(self, client: str) -> tuple[Pair, ...]:
        return tuple(self._pairs.get(client, _NO_PAIRS).values())

    def put_identity(self, identity: Identity) -> Identity:
        """Keep an identity, its counts as they are; returns the one that is kept."""
        client = identity.id
        before = self.identities.get(client)
        if before is None:
            kept = replace(identity, sent=0, received=0, links=0, blocks=0)
        else:
            kept = replace(
                identity,
                sent=before.sent,
                received=before.received,
                links=before.links,
                blocks=before.blocks,
            )
        self.identities[client] = kept
        if before is None:
            for pair in self.pairs(client):
                self._count_for(kept, pair, 1)
        self.ends.put(client, kept.expires_at if kept.kept else None)
        self._list(client, ephemeral=not kept.kept, present=kept.kept and kept.expires_at is None)
        return kept

    def _list(self, client: str, *, ephemeral: bool, present: bool) -> None:
        for listed, group in ((ephemeral, self.ephemeral), (present, self.present)):
            if listed:
                group[client] = None
            else:
                group.pop(client, None)

    def forget_identity(self, client: str) -> None:
        """Forget a client, but not its pairs."""
        self.identities.pop(client, None)
        self.ends.put(client, None)
        self._list(client, ephemeral=False, present=False)

    def drop_identity(self, client: str) -> list[Key]:
        """Forget a client; returns its pairs, which are forgotten too."""
        keys = [(pair.low, pair.high) for pair in self.pairs(client)]
        for key in keys:
            self.drop_pair(key)
        self.forget_identity(client)
        return keys

    def put_pair(self, pair: Pair) -> None:
        """Keep a pair; one that is blank is forgotten."""
        key = pair.low, pair.high
        before = self.pair(*key)
        if before is not None:
            self._count(before, -1)
        self._count(pair, 1)
        if pair.blank:
            self._remove(key)
        else:
            self.insert(pair)
        self.requests.put(key, pair.expires_at if pair.state is State.REQUESTED else None)

    def drop_pair(self, key: Key) -> None:
        pair = self.pair(*key)
        if pair is not None:
            self._count(pair, -1)
            self._remove(key)
            self.requests.put(key, None)

    def insert(self, pair: Pair) -> None:
        """Keep a pair of which nothing but numbers has changed."""
        mine = self._pairs.setdefault(pair.low, {})
        if pair.high not in mine:
            self.pair_count += 1
        mine[pair.high] = pair
        self._pairs.setdefault(pair.high, {})[pair.low] = pair

    def _remove(self, key: Key) -> None:
        if self.pair(*key) is None:
            return
        self.pair_count -= 1
        low, high = key
        for client, peer in ((low, high), (high, low)):
            pairs = self._pairs[client]
            del pairs[peer]
            if not pairs:
                del self._pairs[client]

    def _count(self, pair: Pair, by: int) -> None:
        if pair.state is State.LINKED:
            self.links += by
        for client in (pair.low, pair.high):
            identity = self.identities.get(client)
            if identity is not None:
                self._count_for(identity, pair, by)

    def _count_for(self, identity: Identity, pair: Pair, by: int) -> None:
        client = identity.id
        if pair.state is State.LINKED:
            identity.links += by
        elif pair.state is State.REQUESTED and pair.requester == client:
            identity.sent += by
        elif pair.state is State.REQUESTED and not pair.silent:
            identity.received += by
        if client in pair.blockers:
            identity.blocks += by


class BookStore:
    """What two stores have in common: the facts that they look up in a `Book`."""

    identity: Callable[[str], Identity | None]
    pair: Callable[[str, str], Pair | None]
    pairs: Callable[[str], Iterable[Pair]]
    next_due: Callable[[], float | None]

    def _open(self, book: Book) -> None:
        # Attributes and not methods: two of them are asked for each message
        self._book = book
        self.identity = book.identities.get
        self.pair = book.pair
        self.pairs = book.pairs
        self.next_due = book.requests.next

    def __len__(self) -> int:
        """How many clients and pairs it holds."""
        return len(self._book.identities) + self._book.pair_count

    def holds(self) -> Mapping[str, int]:
        book = self._book
        return {
            "clients": len(book.identities),
            "links": book.links,
            "requests": len(book.requests),
        }

    def due(self, now: float, limit: int) -> list[Pair]:
        keys = self._book.requests.due(now, limit)
        return [pair for key in keys if (pair := self._book.pair(*key)) is not None]

    def ended(self, now: float, limit: int) -> list[Identity]:
        return self._listed(self._book.ends.due(now, limit), limit)

    def ephemeral(self, limit: int) -> list[Identity]:
        return self._listed(self._book.ephemeral, limit)

    def present(self, limit: int) -> list[Identity]:
        return self._listed(self._book.present, limit)

    def _listed(self, ids: Iterable[str], limit: int) -> list[Identity]:
        return [self._book.identities[id] for id, _ in zip(ids, range(limit), strict=False)]
