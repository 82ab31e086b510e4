"""A store in a SQLite file, which belongs to this process alone for as long as it is open.

Clients and pairs are held in memory as well, so that a message is decided without a query; the file
is the truth, and what a transaction that failed has changed in memory is read from it again.
Messages, tokens and invitations are in the file only.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import apsw

from duologue.core.events import (
    MAX_TOKENS,
    AddMessage,
    Change,
    DropIdentity,
    MessageReceived,
    MessageReply,
    PutIdentity,
    PutInvite,
    PutPair,
    PutToken,
)
from duologue.core.model import UNUSED, Identity, Invite, Pair, State, Token, new_pair

from . import content, files, rows
from .base import RETRY_SECONDS, CannotOpen, Conflict, StoreError
from .book import Book, BookStore, Key

_logger: Final = logging.getLogger("duologue.stores")
_LINKED: Final = State.LINKED

#: So many pairs are looked at at a time for messages that are too old.
_PRUNE_PAIRS: Final = 1_000

_PAIR_COLUMNS: Final = (
    "low, high, state, requester, silent, note, expires_at, blockers, low_cooldown, high_cooldown,"
    " seq, first, low_got, low_delivered, low_read, high_got, high_delivered, high_read"
)
_PUT_PAIR: Final = (
    f"INSERT OR REPLACE INTO pairs (number, {_PAIR_COLUMNS})"  # noqa: S608
    f" VALUES ({', '.join('?' * 19)})"
)
_PUT_IDENTITY: Final = "INSERT OR REPLACE INTO identities VALUES (?, ?, ?, ?, ?, ?)"
_ADD_MESSAGE: Final = (
    "INSERT INTO messages SELECT ?, ?, ?, ?, ?, ?, ?, ?"
    " WHERE EXISTS (SELECT 1 FROM pairs WHERE number = ? AND (state = 'linked' OR ?))"
)


class SqliteStore(BookStore):
    """Raises `CannotOpen` for a file that cannot be used, is in use, or is of a newer version.

    Messages are kept for `history_ttl` seconds, those of a pair at most `history_max`; with a
    `history_ttl` of 0 each until it has been delivered. `vfs` names another VFS of SQLite's.
    """

    immediate = False

    def __init__(
        self,
        path: str,
        *,
        history_ttl: float = 30 * 86_400.0,
        history_max: int = 10_000,
        vfs: str | None = None,
    ) -> None:
        self._history_ttl = history_ttl
        self.keeps_delivered = history_ttl > 0
        self._history_max = history_max
        self._slack = history_max // 8
        self._lock = files.lock(path)
        try:
            files.make(path)
            self._db = apsw.Connection(path, vfs=vfs)
            self._file = Path(path), Path(path).stat().st_ino
            self._execute = self._db.execute
            if vfs is not None:
                # One that is not SQLite's own has no memory to share with another process
                self._db.pragma("locking_mode", "exclusive")
            self._db.pragma("journal_mode", "wal")
            self._db.pragma("synchronous", "full")
            self._db.pragma("cache_size", -65_536)
            files.upgrade(self._db, path)
            self._load()
        except (apsw.Error, OSError) as error:
            os.close(self._lock)
            raise CannotOpen(f"Cannot use {path} as a store: {error}") from error
        except CannotOpen:
            os.close(self._lock)
            raise
        self._pruned_to = 0

    def close(self) -> None:
        if self._lock >= 0:
            self._db.close()
            os.close(self._lock)
            self._lock = -1

    def _load(self) -> None:
        self._open(Book())
        self._numbers: dict[Key, int] = {}
        self._next_number = 1
        self._clear()
        self._stale = False
        for row in self._execute("SELECT * FROM identities"):
            self._book.put_identity(rows.identity_of(row))
        for number, *row in self._execute(f"SELECT number, {_PAIR_COLUMNS} FROM pairs"):  # noqa: S608
            pair = rows.pair_of(row)
            self._numbers[pair.low, pair.high] = number
            self._next_number = max(self._next_number, number + 1)
            self._book.put_pair(pair)

    # Transactions

    def _clear(self) -> None:
        #: Messages to be written, and how far that moves the numbers of pairs and the queues.
        self._rows: list[tuple[Any, ...]] = []
        self._answers: dict[tuple[int, int, str], MessageReply] = {}
        self._moved: dict[Key, Pair] = {}
        self._queued: dict[str, Identity] = {}
        #: What has to be read again if it is not kept.
        self._touched: set[Key] = set()
        self._touched_ids: set[str] = set()
        self._broken = False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        try:
            path, inode = self._file
            if path.stat().st_ino != inode:
                raise StoreError(f"{path} has been replaced by another file")
            if self._stale:
                self._load()
            self._execute("BEGIN IMMEDIATE")
        except (apsw.Error, OSError) as error:
            raise StoreError(str(error)) from error
        try:
            yield
            if self._broken:
                raise StoreError("something in the transaction could not be done")
            self._flush()
            self._execute("COMMIT")
        except BaseException as error:
            self._undo()
            if isinstance(error, apsw.Error):
                raise StoreError(str(error)) from error
            raise
        self._clear()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """What fails in here costs the whole transaction, whoever catches it on its way."""
        try:
            yield
        except apsw.Error as error:
            self._broken = True
            raise StoreError(str(error)) from error
        except StoreError:
            self._broken = True
            raise

    def _undo(self) -> None:
        pairs, ids = self._touched, self._touched_ids
        self._clear()
        try:
            if self._db.in_transaction:
                self._execute("ROLLBACK")
            for key in pairs:
                self._reload_pair(key)
            for client in ids:
                self._reload_identity(client)
        except apsw.Error:
            self._stale = True

    def _reload_pair(self, key: Key) -> None:
        self._book.drop_pair(key)
        self._numbers.pop(key, None)
        query = f"SELECT number, {_PAIR_COLUMNS} FROM pairs WHERE low = ? AND high = ?"  # noqa: S608
        for number, *row in self._execute(query, key):
            self._numbers[key] = number
            self._book.put_pair(rows.pair_of(row))

    def _reload_identity(self, client: str) -> None:
        self._book.forget_identity(client)
        for row in self._execute("SELECT * FROM identities WHERE id = ?", (client,)):
            self._book.put_identity(rows.identity_of(row))

    def _flush(self) -> None:
        """Write what was gathered, before anything else that it may depend on is changed."""
        if self._rows:
            added, self._rows = self._rows, []
            self._answers.clear()
            before = self._db.total_changes()
            self._db.executemany(_ADD_MESSAGE, added)
            if self._db.total_changes() - before != len(added):
                raise Conflict("a link is not open for a message that was decided")
        if self._moved:
            moved, self._moved = self._moved, {}
            self._db.executemany(
                "UPDATE pairs SET seq = ? WHERE number = ?",
                [(pair.seq, self._numbers[key]) for key, pair in moved.items()],
            )
        if self._queued:
            queued, self._queued = self._queued, {}
            self._db.executemany(
                "UPDATE identities SET queued = ? WHERE id = ?",
                [(identity.queued, client) for client, identity in queued.items()],
            )

    # Facts

    def token(self, digest: bytes) -> Token | None:
        row = self._one("SELECT digest, client, expires_at FROM tokens WHERE digest = ?", digest)
        return None if row is None else Token(*row)

    def invite(self, digest: bytes) -> Invite | None:
        columns = "digest, maker, uses, expires_at"
        row = self._one(f"SELECT {columns} FROM invites WHERE digest = ?", digest)  # noqa: S608
        return None if row is None else Invite(*row)

    def invites(self, maker: str) -> int:
        return self._count("SELECT count(*) FROM invites WHERE maker = ?", maker)

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        with self._errors():
            return self._execute(query, values).fetchone()

    def _count(self, query: str, *values: Any) -> int:
        row = self._one(query, *values)
        return row[0] if row is not None else 0

    # Messages

    def earlier(self, pair: Pair, sender: str, id: str) -> MessageReply | None:
        number = self._numbers.get((pair.low, pair.high))
        if number is None:
            return None
        key = number, rows.side_of(pair, sender), id
        answer = self._answers.get(key)
        if answer is not None:
            return answer
        row = self._one(
            "SELECT id, seq, at, delivered FROM messages"
            " WHERE pair = ? AND sender = ? AND id = ? AND retry",
            *key,
        )
        return None if row is None else rows.answer_of(*row)

    def messages(self, pair: Pair, after: int, limit: int) -> list[MessageReceived]:
        after = max(after, pair.seq - self._history_max)
        return self._read(pair, "seq > ? ORDER BY seq LIMIT ?", after, limit)

    def messages_before(self, pair: Pair, before: int, limit: int) -> list[MessageReceived]:
        oldest = pair.seq - self._history_max
        where = "seq < ? AND seq > ? ORDER BY seq DESC LIMIT ?"
        return self._read(pair, where, before, oldest, limit)[::-1]

    def _read(self, pair: Pair, where: str, *values: int) -> list[MessageReceived]:
        number = self._numbers.get((pair.low, pair.high))
        if number is None:
            return []
        columns = "sender, content, id, seq, at"
        where = f"pair = ? AND content <> x'' AND {where}"
        query = f"SELECT {columns} FROM messages WHERE {where}"  # noqa: S608
        with self._errors():
            self._flush()
            found: list[Any] = self._execute(query, (number, *values)).fetchall()
        messages: list[MessageReceived] = []
        for sender, text, id, seq, at in found:
            try:
                value = content.decode(text)
            except ValueError:
                # One row that is broken must not keep anybody from the others, nor leave a gap
                _logger.error("message %d of pair %d cannot be read", seq, number)
                value = None
            messages.append(
                MessageReceived(pair.low if sender == 1 else pair.high, value, id, seq, at)
            )
        return messages

    def unread(self, pair: Pair, reader: str, limit: int) -> int:
        number = self._numbers.get((pair.low, pair.high))
        if number is None:
            return 0
        with self._errors():
            self._flush()
        after = max(pair.progress(reader).read, pair.first - 1, pair.seq - self._history_max)
        return self._count(
            "SELECT count(*) FROM (SELECT 1 FROM messages"
            " WHERE pair = ? AND seq > ? AND sender = ? AND content <> x'' LIMIT ?)",
            *(number, after, rows.side_of(pair, pair.other(reader)), limit),
        )

    def waiting(self, pair: Pair, reader: str, after: int) -> int:
        number = self._numbers.get((pair.low, pair.high))
        if number is None:
            return 0
        with self._errors():
            self._flush()
        above = max(pair.first - 1, pair.seq - self._history_max)
        return self._count(
            "SELECT count(*) FROM messages"
            " WHERE pair = ? AND seq > ? AND sender = ? AND at > ? AND content <> x''",
            *(number, above, rows.side_of(pair, pair.other(reader)), after),
        )

    def add_message(self, message: AddMessage) -> None:
        with self._errors():
            self._add_message(message)

    def _add_message(self, message: AddMessage) -> None:
        pair, added = message.pair, message.message
        key = pair.low, pair.high
        kept = self._book.pair(*key)
        if kept is not pair:
            # It has changed since, or was forgotten: what the message says of it is old
            if pair.state is _LINKED and (kept is None or kept.state is not _LINKED):
                raise Conflict("the link has been closed since the message was decided")
            kept = kept or new_pair(*key)
        if kept.seq + 1 != added.seq:
            raise Conflict("there has been another message since this one was decided")
        self._touched.add(key)
        number = self._numbers.get(key)
        if number is None:
            self._put_pair(kept)
            self._book.insert(kept)
            number = self._numbers[key]
        kept.seq += 1
        self._moved[key] = kept
        side = 1 if added.sender == pair.low else 2
        unlinked = pair.state is not _LINKED
        text = content.encode(added.content)
        row = (number, kept.seq, side, added.id, added.at, message.delivered, message.retry)
        self._rows.append((*row, text, number, unlinked))
        if message.retry:
            self._answers[number, side, str(added.id)] = message.reply
        if kept.seq % (self._slack + 1) == 0:
            self._flush()
            self._execute(
                "DELETE FROM messages WHERE pair = ? AND seq <= ?",
                (number, kept.seq - self._history_max),
            )
        if not message.delivered:
            target = self._book.identities.get(pair.other(added.sender))
            if target is not None:
                self._touched_ids.add(target.id)
                target.queued += 1
                self._queued[target.id] = target

    def delivered(self, pair: Pair, upto: int) -> None:
        number = self._numbers.get((pair.low, pair.high))
        if self._history_ttl or number is None:
            return
        with self._errors():
            self._flush()
            where = "pair = ? AND seq <= ?"
            self._execute(f"DELETE FROM messages WHERE {where} AND NOT retry", (number, upto))  # noqa: S608
            # Without its content a row is the answer to a sender that tries again
            self._execute(
                f"UPDATE messages SET content = x'' WHERE {where} AND content <> x''",  # noqa: S608
                (number, upto),
            )

    def prune(self, now: float, limit: int) -> int:
        with self._errors():
            self._flush()
            self._execute("DELETE FROM tokens WHERE expires_at <= ?", (now,))
            self._execute("DELETE FROM invites WHERE expires_at <= ?", (now,))
            oldest = int((now - (self._history_ttl or RETRY_SECONDS)) * 1000)
            pruned = 0
            # Each pair's messages lie in the order of their times, so no index on those is needed
            query = "SELECT number FROM pairs WHERE number > ? ORDER BY number LIMIT ?"
            numbers: list[Any] = self._execute(query, (self._pruned_to, _PRUNE_PAIRS)).fetchall()
            pruned = 0
            for (number,) in numbers:
                pruned += self._prune_pair(number, oldest, limit - pruned)
                if pruned >= limit:
                    return pruned
                self._pruned_to = number
            if len(numbers) < _PRUNE_PAIRS:
                self._pruned_to = 0
            return pruned

    def _prune_pair(self, number: int, oldest: int, limit: int) -> int:
        query = "SELECT seq, at, content = x'' FROM messages WHERE pair = ? ORDER BY seq LIMIT ?"
        upto, count = 0, 0
        for seq, at, erased in self._execute(query, (number, limit)):
            if at > oldest or not (erased or self._history_ttl):
                break
            upto, count = seq, count + 1
        if count:
            self._execute("DELETE FROM messages WHERE pair = ? AND seq <= ?", (number, upto))
        return count

    # Changes

    def apply(self, change: Change) -> None:
        with self._errors():
            self._flush()
            if isinstance(change, PutPair):
                self._put_pair(change.pair)
                self._book.put_pair(change.pair)
            elif isinstance(change, PutIdentity):
                self._touched_ids.add(change.identity.id)
                kept = self._book.put_identity(change.identity)
                self._execute(_PUT_IDENTITY, rows.identity_row(kept))
            elif isinstance(change, DropIdentity):
                self._drop_identity(change.id)
            elif isinstance(change, PutToken):
                self._put_token(change.token)
            elif isinstance(change, PutInvite):
                invite = change.invite
                self._execute(
                    "INSERT OR REPLACE INTO invites VALUES (?, ?, ?, ?)",
                    (invite.digest, invite.maker, invite.uses, invite.expires_at),
                )
            else:
                self._execute("DELETE FROM invites WHERE digest = ?", (change.digest,))

    def _put_pair(self, pair: Pair) -> None:
        key = pair.low, pair.high
        self._touched.add(key)
        # Its clients' counts are worked out again, too
        self._touched_ids.update(key)
        number = self._numbers.get(key)
        if pair.blank and number is not None and pair.seq == 0:
            self._execute("DELETE FROM pairs WHERE number = ?", (number,))
            self._execute("DELETE FROM messages WHERE pair = ?", (number,))
            del self._numbers[key]
            return
        if number is None:
            number = self._numbers[key] = self._next_number
            self._next_number += 1
        self._execute(_PUT_PAIR, (number, *rows.pair_row(pair)))

    def _drop_identity(self, client: str) -> None:
        self._touched_ids.add(client)
        for pair in self._book.pairs(client):
            key = pair.low, pair.high
            self._touched.add(key)
            self._touched_ids.update(key)
            number = self._numbers.pop(key)
            self._execute("DELETE FROM pairs WHERE number = ?", (number,))
            self._execute("DELETE FROM messages WHERE pair = ?", (number,))
        self._book.drop_identity(client)
        self._execute("DELETE FROM identities WHERE id = ?", (client,))
        self._execute("DELETE FROM tokens WHERE client = ?", (client,))
        self._execute("DELETE FROM invites WHERE maker = ?", (client,))

    def _put_token(self, token: Token) -> None:
        self._execute(
            "INSERT OR REPLACE INTO tokens VALUES (?, ?, ?)",
            (token.digest, token.client, token.expires_at),
        )
        self._execute(
            "DELETE FROM tokens WHERE digest IN (SELECT digest FROM tokens WHERE client = ?"
            " AND (expires_at >= ?) = ?"
            " ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
            (token.client, UNUSED, token.unused, MAX_TOKENS),
        )
