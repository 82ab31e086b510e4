"""What a store has to be: facts out, changes in, one transaction a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

from duologue.core.events import AddMessage, Change, MessageReceived, MessageReply
from duologue.core.model import Identity, Invite, Pair, Token

#: For so long, in seconds, a message that was delivered and is no longer kept can still be sent
#: again without becoming a second one.
RETRY_SECONDS: Final = 86_400.0


class StoreError(Exception):
    """The store could not do what it was asked; nothing of the transaction is kept."""


class Conflict(StoreError):
    """What was to be kept no longer fits what is there; the store itself is well."""


class Uncertain(StoreError):
    """The store was lost in the moment of a commit: all of the transaction is kept, or nothing."""


class CannotOpen(Exception):
    """A store cannot be used at all; the text says why, in one line."""


class Store(Protocol):
    """Synchronous, and used by one thread at a time.

    Everything is read and changed inside `transaction`, in which decisions see the changes of
    those made before them in the same batch. What is returned belongs to the store and is not to
    be changed by anyone else. Any method may raise `StoreError`, and the same call may succeed
    later; after one has, nothing of the transaction is kept, unless it is `Uncertain`.
    """

    #: Whether every change is kept at once, by itself, so that a transaction would do nothing.
    immediate: bool

    #: Whether messages that were delivered are kept all the same, so that `delivered` does nothing.
    keeps_delivered: bool

    def transaction(self) -> AbstractContextManager[None]:
        """All changes inside are kept together at its end, or none when it raises.

        Raises `StoreError` when they cannot be kept, `Uncertain` when nobody knows.
        """

    def identity(self, client: str) -> Identity | None:
        """A client and its counts, which the store works out from the pairs it keeps."""

    def pair(self, a: str, b: str) -> Pair | None:
        """What stands between two clients, in whatever order they are named."""

    def pairs(self, client: str) -> Iterable[Pair]:
        """Every pair that a client is in."""

    def token(self, digest: bytes) -> Token | None:
        """A token that was put, also when it has expired."""

    def invite(self, digest: bytes) -> Invite | None:
        """An invitation that was put, also when it has expired."""

    def invites(self, maker: str) -> int:
        """How many invitations of a client are kept."""

    def earlier(self, pair: Pair, sender: str, id: str) -> MessageReply | None:
        """The answer to an earlier message of `sender` with the ID `id`, if it is still kept.

        Only messages that were added with `retry` are found.
        """

    def messages(self, pair: Pair, after: int, limit: int) -> list[MessageReceived]:
        """The first `limit` messages of a pair with numbers above `after`, in order."""

    def messages_before(self, pair: Pair, before: int, limit: int) -> list[MessageReceived]:
        """The last `limit` messages of a pair with numbers below `before`, in order."""

    def unread(self, pair: Pair, reader: str, limit: int) -> int:
        """How many messages the other wrote to `reader` above what it has read, at most `limit`.

        Those of earlier links do not count.
        """

    def waiting(self, pair: Pair, reader: str, after: int) -> int:
        """How many messages of the present link the other wrote to `reader` after a time, in
        milliseconds."""

    def due(self, now: float, limit: int) -> list[Pair]:
        """At most `limit` pairs whose request has expired at `now`."""

    def next_due(self) -> float | None:
        """When the next request expires, in seconds since the epoch; None if there is none."""

    def ended(self, now: float, limit: int) -> list[Identity]:
        """At most `limit` kept identities whose time is over at `now`."""

    def ephemeral(self, limit: int) -> list[Identity]:
        """At most `limit` identities that are not kept: after a start, those of a crash."""

    def present(self, limit: int) -> list[Identity]:
        """At most `limit` kept identities without a time at which they end: after a start, those
        that were connected when the last process went."""

    def prune(self, now: float, limit: int) -> int:
        """Delete at most `limit` messages that are older than the store keeps them, and tokens and
        invitations that have expired; returns how many messages that were."""

    def apply(self, change: Change) -> None:
        """Make a change."""

    def add_message(self, message: AddMessage) -> None:
        """Keep a message; counts it among those that wait for its target if that is away.

        Raises `Conflict` if its condition does not hold. May delete the pair's oldest messages
        beyond the number that is kept of each.
        """

    def delivered(self, pair: Pair, upto: int) -> None:
        """Both sides have the messages up to this number: a store that keeps none that were
        delivered deletes them. The answers to those that may be sent again are kept for
        `RETRY_SECONDS` all the same."""

    def holds(self) -> Mapping[str, int]:
        """How many ``clients``, ``links`` and ``requests`` are kept. Empty for a store that would
        have to go and count. May be called at any time, outside a transaction and by any thread.
        """

    def close(self) -> None:
        """Let go of files and connections, if that has not been done. Nothing else may follow."""
