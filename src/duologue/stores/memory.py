"""A store that lasts as long as its process."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Final

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
from duologue.core.model import Invite, Pair, State, Token, new_pair

from .base import RETRY_SECONDS, Conflict
from .book import Book, BookStore, Key

_NOTHING_TO_COMMIT: Final = nullcontext()
_LINKED: Final = State.LINKED


class Conversation:
    """The messages of one pair that are kept, the last ones said without a gap, and the answers to
    those that may be sent again."""

    __slots__ = ("answers", "messages")

    def __init__(self) -> None:
        self.messages: list[MessageReceived] = []
        self.answers: dict[tuple[str, str], MessageReply] = {}

    def place(self, seq: int) -> int:
        """Where the first message with a number of at least `seq` stands."""
        first = self.messages[0].seq if self.messages else 0
        return max(seq - first, 0) if isinstance(first, int) else 0

    def drop(self, count: int) -> int:
        """Delete the oldest; returns how many those were."""
        gone = self.messages[:count]
        for message in gone:
            self.answers.pop((message.sender, str(message.id)), None)
        del self.messages[:count]
        return len(gone)

    def forget_answers(self, oldest: float) -> None:
        """Those to messages up to this time, in milliseconds, that are no longer there."""
        first = self.messages[0].seq if self.messages else math.inf
        while self.answers:
            key, answer = next(iter(self.answers.items()))
            if answer.at > oldest or (isinstance(first, int | float) and answer.seq >= first):
                break
            del self.answers[key]


_NONE_SAID: Final = Conversation()


class MemoryStore(BookStore):
    """Keeps everything in dictionaries; a look-up costs the same for ten clients and a million.

    Messages are kept for `history_ttl` seconds, those of a pair at most `history_max`; with a
    `history_ttl` of 0 each until it has been delivered.
    """

    immediate = True

    def __init__(self, *, history_ttl: float = 30 * 86_400.0, history_max: int = 10_000) -> None:
        self._history_ttl = history_ttl
        self.keeps_delivered = history_ttl > 0
        self._history_max = history_max
        # Dropping one at a time would move all the others each time
        self._slack = history_max // 8
        self._open(Book())
        self._conversations: dict[Key, Conversation] = {}
        self._tokens: dict[bytes, Token] = {}
        self._tokens_of: dict[str, dict[bytes, None]] = {}
        self._invites: dict[bytes, Invite] = {}
        self._invites_of: dict[str, dict[bytes, None]] = {}

    def close(self) -> None:
        pass

    def transaction(self) -> AbstractContextManager[None]:
        return _NOTHING_TO_COMMIT

    # Facts

    def token(self, digest: bytes) -> Token | None:
        return self._tokens.get(digest)

    def invite(self, digest: bytes) -> Invite | None:
        return self._invites.get(digest)

    def invites(self, maker: str) -> int:
        return len(self._invites_of.get(maker, ()))

    # Messages

    def _said(self, pair: Pair) -> Conversation:
        return self._conversations.get((pair.low, pair.high), _NONE_SAID)

    def earlier(self, pair: Pair, sender: str, id: str) -> MessageReply | None:
        return self._said(pair).answers.get((sender, id))

    def messages(self, pair: Pair, after: int, limit: int) -> list[MessageReceived]:
        said = self._said(pair)
        start = max(said.place(after + 1), len(said.messages) - self._history_max)
        return said.messages[start : start + limit]

    def messages_before(self, pair: Pair, before: int, limit: int) -> list[MessageReceived]:
        said = self._said(pair)
        end = min(said.place(before), len(said.messages))
        start = max(end - limit, len(said.messages) - self._history_max, 0)
        return said.messages[start:end]

    def unread(self, pair: Pair, reader: str, limit: int) -> int:
        after = max(pair.progress(reader).read, pair.first - 1)
        written = (m for m in self.messages(pair, after, self._history_max) if m.sender != reader)
        return sum(1 for _ in zip(written, range(limit), strict=False))

    def waiting(self, pair: Pair, reader: str, after: int) -> int:
        return sum(
            message.sender != reader and isinstance(message.at, int) and message.at > after
            for message in self.messages(pair, pair.first - 1, self._history_max)
        )

    def add_message(self, message: AddMessage) -> None:
        pair, added = message.pair, message.message
        low, high = pair.low, pair.high
        kept = self.pair(low, high)
        if kept is not pair:
            # It has changed since, or was forgotten: what the message says of it is old
            kept = kept or new_pair(low, high)
            if pair.state is _LINKED and kept.state is not _LINKED:
                raise Conflict("the link has been closed since the message was decided")
        if kept.seq + 1 != added.seq:
            raise Conflict("there has been another message since this one was decided")
        said = self._conversations.get((low, high))
        if said is None:
            self._book.insert(kept)
            said = self._conversations[low, high] = Conversation()
        kept.seq += 1
        said.messages.append(added)
        if message.retry:
            answer = message.reply
            said.answers[added.sender, answer.id] = answer
        if len(said.messages) > self._history_max + self._slack:
            said.drop(len(said.messages) - self._history_max)
        if not message.delivered:
            target = self._book.identities.get(pair.other(added.sender))
            if target is not None:
                target.queued += 1

    def delivered(self, pair: Pair, upto: int) -> None:
        if not self._history_ttl:
            said = self._said(pair)
            del said.messages[: said.place(upto + 1)]

    def prune(self, now: float, limit: int) -> int:
        for token in [each for each in self._tokens.values() if each.expires_at <= now]:
            self._drop_token(token)
        for invite in [each for each in self._invites.values() if each.expires_at <= now]:
            self._drop_invite(invite.digest)
        oldest = (now - (self._history_ttl or RETRY_SECONDS)) * 1000
        if not self._history_ttl:
            for said in self._conversations.values():
                said.forget_answers(oldest)
            return 0
        pruned = 0
        for said in self._conversations.values():
            count = 0
            for message in said.messages:
                if pruned + count >= limit or not isinstance(message.at, int):
                    break
                if message.at > oldest:
                    break
                count += 1
            pruned += said.drop(count)
        return pruned

    # Changes

    def apply(self, change: Change) -> None:
        if isinstance(change, PutPair):
            self._put_pair(change.pair)
        elif isinstance(change, PutIdentity):
            self._book.put_identity(change.identity)
        elif isinstance(change, DropIdentity):
            self._drop_identity(change.id)
        elif isinstance(change, PutToken):
            self._put_token(change.token)
        elif isinstance(change, PutInvite):
            invite = change.invite
            self._invites[invite.digest] = invite
            self._invites_of.setdefault(invite.maker, {})[invite.digest] = None
        else:
            self._drop_invite(change.digest)

    def _put_pair(self, pair: Pair) -> None:
        self._book.put_pair(pair)
        if pair.blank:
            self._conversations.pop((pair.low, pair.high), None)

    def _drop_identity(self, client: str) -> None:
        for key in self._book.drop_identity(client):
            self._conversations.pop(key, None)
        for digest in self._tokens_of.pop(client, ()):
            del self._tokens[digest]
        for digest in self._invites_of.pop(client, ()):
            del self._invites[digest]

    def _put_token(self, token: Token) -> None:
        self._tokens[token.digest] = token
        mine = self._tokens_of.setdefault(token.client, {})
        mine[token.digest] = None
        of_its_kind = [
            each for each in map(self._tokens.__getitem__, mine) if each.unused is token.unused
        ]
        if len(of_its_kind) > MAX_TOKENS:
            self._drop_token(min(of_its_kind, key=_expiry))

    def _drop_token(self, token: Token) -> None:
        del self._tokens[token.digest]
        del self._tokens_of[token.client][token.digest]
        if not self._tokens_of[token.client]:
            del self._tokens_of[token.client]

    def _drop_invite(self, digest: bytes) -> None:
        invite = self._invites.pop(digest, None)
        if invite is not None:
            del self._invites_of[invite.maker][digest]
            if not self._invites_of[invite.maker]:
                del self._invites_of[invite.maker]


def _expiry(token: Token) -> float:
    return token.expires_at
