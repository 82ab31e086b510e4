"""What a store has to be: facts out, changes in, one transaction a batch."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from duologue.core.events import AddMessage, Change, MessageReply
from duologue.core.model import Identity, Pair


class StoreError(Exception):
    """The store could not do what it was asked; nothing of the transaction is kept."""


class Store(Protocol):
    """Synchronous, and used by one thread at a time.

    Everything is read and changed inside `transaction`, in which decisions see the changes of
    those made before them in the same batch. What is returned belongs to the store and is not to
    be changed by anyone else.
    """

    #: Whether every change is kept at once, by itself, so that a transaction would do nothing.
    immediate: bool

    def transaction(self) -> AbstractContextManager[None]:
        """All changes inside are kept together at its end, or none when it raises.

        Raises `StoreError` when they cannot be kept.
        """

    def identity(self, client: str) -> Identity | None:
        """A client and its counts, which the store works out from the pairs it keeps."""

    def pair(self, a: str, b: str) -> Pair | None:
        """What stands between two clients, in whatever order they are named."""

    def pairs(self, client: str) -> Iterable[Pair]:
        """Every pair that a client is in."""

    def earlier(self, pair: Pair, sender: str, id: str) -> MessageReply | None:
        """The answer to an earlier message of `sender` with the ID `id`, if it is still kept."""

    def due(self, now: float, limit: int) -> list[Pair]:
        """At most `limit` pairs whose request has expired at `now`."""

    def next_due(self) -> float | None:
        """When the next request expires, in seconds since the epoch; None if there is none."""

    def apply(self, change: Change) -> None:
        """Make a change."""

    def add_message(self, message: AddMessage) -> None:
        """Keep a message. Raises `StoreError` if its condition does not hold."""
