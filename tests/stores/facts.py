"""What the contract puts into a store, and the means to do so."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from duologue.core.events import (
    AddMessage,
    Change,
    MessageReceived,
    PutIdentity,
    PutInvite,
    PutPair,
    PutToken,
)
from duologue.core.model import Identity, Invite, Pair, State, Token, new_pair
from duologue.stores.base import Store

ID = "7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"


def requested(requester: str, target: str, expires_at: float = 100.0, **more: bool) -> Pair:
    return replace(
        new_pair(requester, target),
        state=State.REQUESTED,
        requester=requester,
        expires_at=expires_at,
        **more,
    )


def linked(a: str, b: str) -> Pair:
    return replace(new_pair(a, b), state=State.LINKED)


def message(
    pair: Pair,
    seq: int,
    *,
    sender: str = "ann",
    retry_id: str | None = ID,
    content: Any = "hello",
    at: int = 1_000,
    delivered: bool = True,
) -> AddMessage:
    """One that would be kept as number `seq`, said at `at`, in milliseconds since the epoch."""
    added = MessageReceived(sender, content, retry_id or "x", seq, at)
    return AddMessage(pair, added, added, delivered, retry=retry_id is not None)


def retry_id(number: int) -> str:
    return f"{ID[:-4]}{number:04}"


def digest(number: int) -> bytes:
    """As long as a real one, and with bytes that are no text."""
    return bytes([255, 0, number]) * 10 + b"\x80\n"


def token(number: int, client: str = "ann", expires_at: float = 1_000.0) -> Token:
    return Token(digest(number), client, expires_at)


def invite(number: int, maker: str = "ann", uses: int = 1, expires_at: float = 1_000.0) -> Invite:
    return Invite(digest(number), maker, uses, expires_at)


class Contract:
    """What the parts of the contract have in common: a store with three clients in it.

    A store's own test module makes the fixture `store`, of a store that keeps messages for
    `HISTORY_TTL` seconds and `HISTORY_MAX` of each pair.
    """

    HISTORY_TTL: ClassVar[float] = 100.0
    HISTORY_MAX: ClassVar[int] = 5

    @pytest.fixture(autouse=True)
    def _clients(self, store: Store) -> None:
        with store.transaction():
            for client in ("ann", "ben", "cleo"):
                store.apply(PutIdentity(Identity(id=client, name=client.title())))

    def apply(self, store: Store, *changes: Change) -> None:
        with store.transaction():
            for change in changes:
                store.apply(change)

    def put(self, store: Store, *facts: Pair | Identity | Token | Invite) -> None:
        self.apply(store, *(_change(fact) for fact in facts))

    def say(self, store: Store, *messages: AddMessage) -> None:
        with store.transaction():
            for added in messages:
                store.add_message(added)

    def fill(self, store: Store, messages: int, *, peer: str = "ben") -> None:
        """Link ann to `peer` and let her say so much, a second after the other from 1 on."""
        pair = linked("ann", peer)
        self.put(store, pair)
        numbers = range(1, messages + 1)
        self.say(
            store,
            *(message(pair, seq, retry_id=retry_id(seq), at=seq * 1_000) for seq in numbers),
        )

    def seqs(self, store: Store, a: str = "ann", b: str = "ben", after: int = 0) -> list[Any]:
        """The numbers of the messages that are kept of a pair."""
        return [kept.seq for kept in store.messages(linked(a, b), after, 100)]

    def prune(self, store: Store, now: float, limit: int = 10) -> int:
        with store.transaction():
            return store.prune(now, limit)

    def counts(self, store: Store, client: str) -> tuple[int, int, int, int]:
        identity = self.identity(store, client)
        return identity.sent, identity.received, identity.links, identity.blocks

    def identity(self, store: Store, client: str) -> Identity:
        identity = store.identity(client)
        assert identity is not None
        return identity

    def pair(self, store: Store, a: str = "ann", b: str = "ben") -> Pair:
        pair = store.pair(a, b)
        assert pair is not None
        return pair


def _change(fact: Pair | Identity | Token | Invite) -> Change:
    if isinstance(fact, Pair):
        return PutPair(fact)
    if isinstance(fact, Identity):
        return PutIdentity(fact)
    return PutToken(fact) if isinstance(fact, Token) else PutInvite(fact)
