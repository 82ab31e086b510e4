"""Making the changes of a decision, and what goes with them by itself."""

from __future__ import annotations

from collections.abc import Iterable

from duologue.core.events import Change, DropIdentity, PutIdentity, PutPair
from duologue.core.identities import fewer_wait
from duologue.core.model import Pair, State

from .base import Store


def keep(store: Store, changes: Iterable[Change]) -> None:
    """Make `changes`. Where they close a link, what was said on it no longer waits for a side that
    is away. Belongs inside a transaction."""
    for change in changes:
        if isinstance(change, PutPair) and change.pair.state is not State.LINKED:
            before = store.pair(change.pair.low, change.pair.high)
            if before is not None:
                _release(store, before, before.low)
                _release(store, before, before.high)
        elif isinstance(change, DropIdentity):
            for pair in list(store.pairs(change.id)):
                _release(store, pair, pair.other(change.id))
        store.apply(change)


def _release(store: Store, pair: Pair, client: str) -> None:
    """The link of `pair` closes, and `client` is on one side of it."""
    identity = store.identity(client) if pair.state is State.LINKED else None
    if identity is not None and identity.queued and identity.expires_at is not None:
        waiting = store.waiting(pair, client, identity.last_seen or 0)
        if waiting:
            store.apply(PutIdentity(fewer_wait(identity, waiting)))
