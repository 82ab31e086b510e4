"""A message's way through a node: decided, kept, given to its receiver, and only then answered."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import UnsetType

from . import codes, vocabulary
from .core import errors, events, rules
from .core.errors import Refusal, refuse
from .core.model import Terms, TokenBucket, alive
from .counts import Counts
from .hub import Client, Hub, Session
from .stores.base import Store, StoreError
from .stores.writer import Writer

#: What may become of a message.
Decided = events.AddMessage | events.MessageReply | Refusal


class Messages:
    """Sends messages, of clients as of the host.

    `answer` gives a session its answer, `failed` is told that the store failed. A client may have
    `max_waiting` messages under way to a store that takes its time.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        hub: Hub,
        *,
        terms: Terms,
        max_waiting: int,
        clock: Callable[[], float],
        counts: Counts,
        answer: Callable[[Session, str, int | None, events.Reply], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._store = store
        self._writer = writer
        self._hub = hub
        self._terms = terms
        self._max_waiting = max_waiting
        self._clock = clock
        self._counts = counts
        self._answer = answer
        self._store_failed = failed
        #: IDs for messages that come without one
        self.ids = codes.message_ids()

    def send(
        self, session: Session, command: events.SendMessage, ack: int | None, now: float
    ) -> None:
        """Do what a session asks for."""
        client: Client = session.data
        if not client.messages.take(now):
            refusal = too_often(client.messages, command.target, command.id)
            self._answer(session, "message", ack, refusal)
            return
        id = next(self.ids) if command.id is None else command.id
        if not self._store.immediate:
            if client.waiting >= self._max_waiting:
                sentence = "Too many of your messages wait to be kept; try again later"
                refusal = refuse(errors.OVERLOADED, sentence, target=command.target, id=command.id)
                self._answer(session, "message", ack, refusal)
                return
            client.waiting += 1
            self._writer.submit(_Sending(self, client, session, command, ack, id, now))
            return
        try:
            decided = self.decide(client.id, command, id, now)
        except StoreError as error:
            self.failed(session, command, ack, error)
        else:
            self.decided(session, command, ack, decided)

    def decide(
        self,
        sender: str,
        command: events.SendMessage,
        id: str,
        now: float,
        terms: Terms | None = None,
    ) -> Decided:
        """Belongs inside a transaction, unless the store needs none."""
        terms = self._terms if terms is None else terms
        store, target = self._store, command.target
        pair = store.pair(sender, target)
        if pair is None and store.identity(sender) is None:
            return ended(target, command.id)
        earlier = None
        if command.id is not None and pair is not None:
            earlier = store.earlier(pair, sender, id)
        peer = self._hub.get(target)
        online = peer is not None
        identity = alive(store.identity(target), now) if peer is None else peer.identity
        decided = rules.message(command, sender, pair, earlier, id, now, identity, online, terms)
        if isinstance(decided, events.AddMessage):
            store.add_message(decided)
        return decided

    def decided(
        self, session: Session, command: events.SendMessage, ack: int | None, decided: Decided
    ) -> None:
        """Tell whom it concerns what has been kept, its sender last."""
        client: Client = session.data
        if isinstance(decided, events.AddMessage):
            notice, seq = decided.notice, decided.message.seq
            peer = self._hub.get(command.target)
            if peer is not None:
                self._counts.delivered += 1
                packets = vocabulary.encode_message(notice)
                peer.deliver(client.id, seq, packets)  # type: ignore[arg-type]
            else:
                self._counts.stored += 1
            if client.kept or len(client.sessions) > 1 or not session.connected:
                self._echo(session, client, command.target, notice, seq)  # type: ignore[arg-type]
            if ack is not None:
                packets = vocabulary.encode_reply(ack, decided.reply)
                client.answer(session, command.target, seq, packets)  # type: ignore[arg-type]
        elif isinstance(decided, Refusal):
            refusal = told_no_more(client, decided, self._clock())
            self._answer(session, "message", ack, refusal)
        else:
            self._counts.repeated += 1
            if ack is not None:
                packets = vocabulary.encode_reply(ack, decided)
                client.answer(session, command.target, decided.seq, packets)

    def sent(
        self, sender: str, target: str, decided: events.AddMessage | events.MessageReply
    ) -> events.MessageReply:
        """Tell both sides of what has been kept in the name of one of them."""
        if isinstance(decided, events.MessageReply):
            self._counts.repeated += 1
            return decided
        if self._hub.online(target):
            self._counts.delivered += 1
        else:
            self._counts.stored += 1
        self._deliver(target, sender, decided.notice)
        self._deliver(sender, target, msgspec.structs.replace(decided.notice, to=target))
        return decided.reply

    def _deliver(self, client_id: str, peer: str, notice: events.MessageReceived) -> None:
        client = self._hub.get(client_id)
        if client is not None:
            packets = vocabulary.encode_message(notice)
            client.deliver(peer, notice.seq, packets)  # type: ignore[arg-type]

    def failed(
        self, session: Session, command: events.SendMessage, ack: int | None, error: StoreError
    ) -> None:
        self._store_failed(error)
        refusal = refuse(errors.UNAVAILABLE, target=command.target, id=command.id)
        self._answer(session, "message", ack, refusal)

    def _echo(
        self,
        session: Session,
        client: Client,
        to: str,
        notice: events.MessageReceived,
        seq: int,
    ) -> None:
        """A client's other sessions see what it sent, also if this one has gone meanwhile."""
        there: Client | None = client
        if not session.connected:
            there = self._hub.get(client.id)
        elif client.kept and not client.is_behind(to):
            client.got[to] = seq
        if there is not None and (len(there.sessions) > 1 or not session.connected):
            packets = vocabulary.encode_message(msgspec.structs.replace(notice, to=to))
            there.deliver(to, seq, packets, session)


class _Sending(msgspec.Struct, gc=False):
    """A message on its way through the store."""

    messages: Messages
    client: Client
    session: Session
    command: events.SendMessage
    ack: int | None
    id: str
    now: float

    def run(self) -> Decided:
        return self.messages.decide(self.client.id, self.command, self.id, self.now)

    def done(self, decided: Decided) -> None:
        self.client.waiting -= 1
        self.messages.decided(self.session, self.command, self.ack, decided)

    def failed(self, error: StoreError) -> None:
        self.client.waiting -= 1
        self.messages.failed(self.session, self.command, self.ack, error)


def ended(target: str | UnsetType, id: str | None = None) -> Refusal:
    """For what a client had sent before it heard that its identity has ended."""
    return refuse(errors.EXPIRED, "This identity has ended", target=target, id=id)


def too_often(bucket: TokenBucket, target: str | UnsetType, id: str | None = None) -> Refusal:
    return refuse(errors.RATE_LIMITED, target=target, id=id, retry_after=bucket.wait())


def told_no_more(client: Client, refusal: Refusal, now: float) -> Refusal:
    """Whoever keeps on trying those that it has no link to is told no more about them."""
    if refusal.code not in (errors.NOT_FOUND, errors.NOT_LINKED):
        return refusal
    if client.strangers.take(now):
        return refusal
    kind = errors.CODES[errors.RATE_LIMITED]
    return msgspec.structs.replace(
        refusal,
        code=errors.RATE_LIMITED,
        error=kind.sentence,
        retryable=kind.retryable,
        retry_after=client.strangers.wait(),
    )
