"""A store in a PostgreSQL database, which several nodes may share."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, LiteralString

from duologue.core.events import (
    MAX_TOKENS,
    AddMessage,
    Change,
    DropIdentity,
    DropInvite,
    MessageReceived,
    MessageReply,
    PutIdentity,
    PutPair,
    PutToken,
)
from duologue.core.model import UNUSED, Identity, Invite, Pair, Progress, State, Token

from . import content
from . import postgres_sql as sql
from .base import RETRY_SECONDS, Conflict
from .postgres_database import Database, possible

_logger: Final = logging.getLogger("duologue.stores")


class PostgresStore:
    """Nothing is remembered between transactions, for another node may have changed it; `Database`
    says how nodes keep out of each other's way.

    When a connection is lost in the very moment of a commit nobody knows whether that took place:
    it is a `StoreError` too, and the one case in which something may have been kept.

    `history_ttl` is in seconds, and 0 deletes each message once it was delivered; `history_max` is
    the number of messages that are kept of each pair.
    """

    immediate = False

    def __init__(self, url: str, *, history_ttl: float, history_max: int) -> None:
        """Raises `CannotOpen`. The URL is one that libpq takes."""
        self._history_ttl: Final = history_ttl
        self.keeps_delivered = history_ttl > 0
        self._history_max: Final = history_max
        self._db: Final = Database(url)
        self._run: Final = self._db.run

    def transaction(self) -> AbstractContextManager[None]:
        return self._db.transaction()

    def reserve(self, clients: Iterable[str]) -> None:
        """Keep other nodes from deciding about these clients until the transaction ends.

        Called once, at its beginning, with all that it will be about, it leaves no reason for a
        `Conflict` but those that there are with one node, too.
        """
        self._db.lock(*clients)

    def holds(self) -> Mapping[str, int]:
        return {}  # counting rows takes PostgreSQL as long as there are rows

    def close(self) -> None:
        self._db.close()

    # Facts

    def identity(self, client: str) -> Identity | None:
        if not possible(client):
            return None
        row = self._run(sql.IDENTITY, [client]).fetchone()
        self._db.saw(client, None if row is None else row[0])
        return None if row is None else _identity(row)

    def pair(self, a: str, b: str) -> Pair | None:
        if not possible(a) or not possible(b):
            return None
        self._db.lock(a, b)
        row = self._run(sql.PAIR, [a, b] if a < b else [b, a]).fetchone()
        return None if row is None else _pair(row)

    def pairs(self, client: str) -> Iterable[Pair]:
        if not possible(client):
            return []
        self._db.lock(client)
        return [_pair(row) for row in self._run(sql.PAIRS, [client, client])]

    def token(self, digest: bytes) -> Token | None:
        token = self._token(digest)
        if token is not None and self._db.lock(token.client):
            token = self._token(digest)  # it may have been another until then
        return token

    def _token(self, digest: bytes) -> Token | None:
        row = self._run(sql.TOKEN, [digest]).fetchone()
        return None if row is None else Token(*row)

    def invite(self, digest: bytes) -> Invite | None:
        invite = self._invite(digest)
        if invite is not None and self._db.lock(invite.maker):
            invite = self._invite(digest)
        return invite

    def _invite(self, digest: bytes) -> Invite | None:
        row = self._run(sql.INVITE, [digest]).fetchone()
        return None if row is None else Invite(*row)

    def invites(self, maker: str) -> int:
        if not possible(maker):
            return 0
        self._db.lock(maker)
        return self._number(sql.INVITES, [maker])

    def earlier(self, pair: Pair, sender: str, id: str) -> MessageReply | None:
        values = [pair.low, pair.high, sender == pair.low, id]
        row = self._run(sql.EARLIER, values).fetchone()
        if row is None:
            return None
        seq, at, delivered = row
        return MessageReply(id, seq, at, "delivered" if delivered else "stored")

    def messages(self, pair: Pair, after: int, limit: int) -> list[MessageReceived]:
        return self._page(sql.MESSAGES, pair, after, limit)

    def messages_before(self, pair: Pair, before: int, limit: int) -> list[MessageReceived]:
        return self._page(sql.MESSAGES_BEFORE, pair, before, limit)[::-1]

    def _page(
        self, query: LiteralString, pair: Pair, bound: int, limit: int
    ) -> list[MessageReceived]:
        page = []
        for seq, from_low, id, at, stored in self._run(query, [pair.low, pair.high, bound, limit]):
            try:
                value = content.decode(stored)
            except ValueError:
                # One row that is broken must not keep anybody from the others, nor leave a gap
                _logger.error("message %d of %s and %s cannot be read", seq, pair.low, pair.high)
                value = None
            page.append(MessageReceived(pair.low if from_low else pair.high, value, id, seq, at))
        return page

    def unread(self, pair: Pair, reader: str, limit: int) -> int:
        above = max(pair.progress(reader).read, pair.first - 1)
        values = [pair.low, pair.high, reader != pair.low, above, limit]
        return self._number(sql.UNREAD, values)

    def waiting(self, pair: Pair, reader: str, after: int) -> int:
        values = [pair.low, pair.high, reader != pair.low, pair.first, after]
        return self._number(sql.WAITING, values)

    def due(self, now: float, limit: int) -> list[Pair]:
        rows = self._run(sql.DUE, [now, limit]).fetchall()
        self._db.hold(client for _, *both in rows for client in both)
        # As they are since they were locked
        still = self._run(sql.STILL_DUE, [[number for number, *_ in rows], now])
        return [_pair(row) for row in still]

    def next_due(self) -> float | None:
        row = self._run(sql.NEXT_DUE).fetchone()
        return None if row is None else row[0]

    def ended(self, now: float, limit: int) -> list[Identity]:
        return self._found(sql.ENDED, [now, limit])

    def ephemeral(self, limit: int) -> list[Identity]:
        return self._found(sql.EPHEMERAL, [limit])

    def present(self, limit: int) -> list[Identity]:
        return self._found(sql.PRESENT, [limit])

    def _found(self, query: LiteralString, values: Sequence[Any]) -> list[Identity]:
        clients = [client for (client,) in self._run(query, values)]
        self._db.hold(clients)
        return [_identity(row) for row in self._run(sql.IDENTITIES, [clients])]

    # Changes

    def apply(self, change: Change) -> None:
        if isinstance(change, PutPair):
            self._put_pair(change.pair)
        elif isinstance(change, PutIdentity):
            self._put_identity(change.identity)
        elif isinstance(change, DropIdentity):
            self._db.lock(change.id)
            self._run(sql.DROP_IDENTITY, [change.id])
            self._db.changed(change.id, exists=False)
        elif isinstance(change, PutToken):
            token = change.token
            self._db.lock(token.client)
            self._run(sql.PUT_TOKEN, [token.digest, token.client, token.expires_at])
            self._run(sql.DROP_TOKENS, [token.client, UNUSED, token.unused, MAX_TOKENS])
        elif isinstance(change, DropInvite):
            self._run(sql.DROP_INVITE, [change.digest])
        else:
            invite = change.invite
            self._db.lock(invite.maker)
            values = [invite.digest, invite.maker, invite.uses, invite.expires_at]
            self._run(sql.PUT_INVITE, values)

    def _put_identity(self, identity: Identity) -> None:
        self._db.lock(identity.id)
        query = sql.PUT_IDENTITY if self._db.exists(identity.id) else sql.ADD_IDENTITY
        values = {
            "id": identity.id,
            "name": _bytes(identity.name),
            "kept": identity.kept,
            "expires_at": identity.expires_at,
            "last_seen": identity.last_seen,
            "queued": identity.queued,
        }
        if self._run(query, values).rowcount != 1:
            raise self._db.failure(Conflict("another node has made this client in the meantime"))
        self._db.changed(identity.id, exists=True)

    def _put_pair(self, pair: Pair) -> None:
        self._db.lock(pair.low, pair.high)
        if pair.blank:
            self._run(sql.DROP_PAIR, [pair.low, pair.high])
            return
        low, high = pair.low_progress, pair.high_progress
        self._run(
            sql.PUT_PAIR,
            [
                *(pair.low, pair.high, pair.state.value, pair.requester, pair.silent),
                *(_bytes(pair.note), pair.expires_at),
                *(pair.low in pair.blockers, pair.high in pair.blockers),
                *(pair.low_cooldown, pair.high_cooldown, pair.seq, pair.first),
                *(low.got, low.delivered, low.read, high.got, high.delivered, high.read),
            ],
        )

    def add_message(self, message: AddMessage) -> None:
        pair, added = message.pair, message.message
        reply = message.reply
        linked = pair.state is State.LINKED
        self._db.lock(pair.low, pair.high)
        if reply.seq == 1 and not linked:
            self._run(sql.MEET, [pair.low, pair.high])
        values = {
            "low": pair.low,
            "high": pair.high,
            "linked": linked,
            "seq": reply.seq,
            "gone": reply.seq - self._history_max,
            "from_low": added.sender == pair.low,
            "target": pair.other(added.sender),
            "id": reply.id,
            "at": reply.at,
            "delivered": message.delivered,
            "retry": message.retry,
            "content": content.encode(added.content),
        }
        if self._run(sql.ADD_MESSAGE, values).rowcount != 1:
            raise self._db.failure(
                Conflict("there has been another message since, or the link was closed")
            )

    def delivered(self, pair: Pair, upto: int) -> None:
        if self._history_ttl == 0:
            self._run(sql.DELIVERED, [pair.low, pair.high, upto])

    def prune(self, now: float, limit: int) -> int:
        """Best in a transaction of its own: tokens and invitations are locked before clients."""
        self._run(sql.PRUNE_TOKENS, [now, limit])
        self._run(sql.PRUNE_INVITES, [now, limit])
        if self._history_ttl == 0:
            # The others wait for those who have not got them
            oldest = int((now - RETRY_SECONDS) * 1000)
            return self._run(sql.PRUNE_ERASED, [oldest, limit]).rowcount
        oldest = int((now - self._history_ttl) * 1000)
        return self._run(sql.PRUNE_MESSAGES, [oldest, limit]).rowcount

    def _number(self, query: LiteralString, values: Sequence[Any]) -> int:
        row = self._run(query, values).fetchone()
        return 0 if row is None else int(row[0])


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _text(stored: bytes | None) -> str | None:
    return None if stored is None else stored.decode()


def _identity(row: tuple[Any, ...]) -> Identity:
    _, id, name, kept, expires_at, last_seen, queued, sent, received, links, blocks = row
    return Identity(
        id=id,
        name=_text(name),
        kept=kept,
        expires_at=expires_at,
        last_seen=last_seen,
        queued=queued,
        sent=sent,
        received=received,
        links=links,
        blocks=blocks,
    )


def _pair(row: tuple[Any, ...]) -> Pair:
    low, high, state, requester, silent, note, expires_at, low_blocks, high_blocks = row[:9]
    low_cooldown, high_cooldown, seq, first = row[9:13]
    blockers = [client for client, blocks in ((low, low_blocks), (high, high_blocks)) if blocks]
    return Pair(
        low=low,
        high=high,
        state=State(state),
        requester=requester,
        silent=silent,
        note=_text(note),
        expires_at=expires_at,
        blockers=frozenset(blockers),
        low_cooldown=low_cooldown,
        high_cooldown=high_cooldown,
        seq=seq,
        first=first,
        low_progress=Progress(*row[13:16]),
        high_progress=Progress(*row[16:19]),
    )
