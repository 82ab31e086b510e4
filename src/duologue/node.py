"""One node: takes commands, has them decided, keeps what was decided, and only then tells.

It is an application of the engine (`duologue.server.app.Application`), and knows of the engine no
more than the few methods of `Session` that it calls.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from . import codes, vocabulary
from .admission import Admissions, Identification, Identify, Named, Unidentified, anonymous
from .core import errors, events, rules
from .core.errors import Refusal, refuse
from .core.model import Terms, TokenBucket
from .counts import Counts
from .expiry import Expiry
from .host import Host
from .hub import Client, Hub, Session, about
from .lobby import Limits, Lobby
from .own import Own
from .permission import Authorize, Permission
from .stores.base import Store, StoreError
from .stores.writer import Call, Inline, Threaded, Writer

_logger: Final = logging.getLogger("duologue.node")


__all__ = [
    "Authorize",
    "Identify",
    "Limits",
    "Named",
    "Node",
    "Session",
    "Unidentified",
    "anonymous",
]


#: How long a client may wait to be named once more. One that comes in waits for as long as the
#: engine lets it; one that is here could have ever more of its tokens wait.
_RENEWAL_SECONDS: Final = 10.0

#: What is between a client and this node alone.
_OwnCommand = events.OwnCommand | events.RenewToken


class Node:
    """Duologue's application: the rules, a store, and the sessions of one process.

    `identify` says who a session belongs to; it may be a coroutine function. `authorize` may refuse
    that one client asks another. `clock` gives seconds since the epoch. `writer` is by default what
    suits the store.
    All methods belong to the event loop's thread.
    """

    decoders = vocabulary.DECODERS

    def __init__(
        self,
        store: Store,
        *,
        terms: Terms | None = None,
        limits: Limits | None = None,
        identify: Identify = anonymous,
        authorize: Authorize | None = None,
        clock: Callable[[], float] = time.time,
        url: str = "",
        writer: Writer | None = None,
    ) -> None:
        self.hub = Hub()
        self.counts = Counts()
        self._store = store
        self._writer = writer or (Inline(store) if store.immediate else Threaded(store))
        self._terms = terms or Terms()
        self._limits = limits or Limits()
        self._identification = Identification(identify)
        self._permission = Permission(authorize)
        self._clock = clock
        self._own = Own(store, self.hub.online, terms=self._terms, url=url.rstrip("/"))
        self._expiry = Expiry(
            store,
            self._writer,
            clock=clock,
            perform=self._perform,
            failed=lambda error: self._lobby.store_failed(error),
        )
        self._admissions = Admissions(clock, self._admission_ended)
        self._lobby = Lobby(
            store,
            self._writer,
            self.hub,
            terms=self._terms,
            limits=self._limits,
            clock=clock,
            perform=self._perform,
            watch=self._expiry.watch,
            admissions=self._admissions,
            counts=self.counts,
        )
        #: What the application that embeds this node may do in its own right.
        self.host = Host(
            store,
            self._writer,
            self.hub,
            self._lobby,
            terms=self._terms,
            limits=self._limits,
            clock=clock,
            tell=self._tell,
            decide_message=self.decide_message,
            counts=self.counts,
        )
        self._performing = False
        self._effects: deque[events.Tell] = deque()
        self._message_ids = codes.message_ids()

    @property
    def trouble(self) -> str | None:
        """Why the store does not work at the moment; None while it does."""
        return self._writer.trouble

    @property
    def writer(self) -> Writer:
        return self._writer

    def holds(self) -> Mapping[str, int]:
        """How much of what its store keeps, by kind, where the store knows without counting."""
        return self._store.holds()

    # The engine's application

    def connect(self, session: Session, auth: dict[str, Any]) -> None:
        try:
            wanted = msgspec.convert(auth, vocabulary.Auth)
        except msgspec.ValidationError as error:
            self._lobby.turn_away(session, vocabulary.invalid(str(error)))
            return
        self._identification.ask(
            session,
            auth,
            partial(self._lobby.arrive, session, auth=wanted),
            partial(self._lobby.turn_away, session),
        )

    def event(self, session: Session, name: str, args: Sequence[Any], ack: int | None) -> None:
        command = vocabulary.decode_command(name, args)
        if isinstance(command, Refusal):
            self._answer(session, name, ack, command)
        else:
            self.typed_event(session, (name, command), ack)

    def typed_event(
        self,
        session: Session,
        event: tuple[str, events.Command],
        ack: int | None,
    ) -> None:
        now = self._clock()
        if now >= self._admissions.due and self._admissions.is_over(session, now):
            return
        name, command = event
        if isinstance(command, events.SendMessage):
            if type(command.content) is not str and (refusal := vocabulary.lookalike(command)):
                self._answer(session, name, ack, refusal)
                return
            self._message(session, command, ack, now)
        elif isinstance(command, _OwnCommand):
            self._own_command(session, command, partial(self._answer, session, name, ack), now)
        else:
            self._command(session, command, partial(self._answer, session, name, ack), now)

    def invalid(self, session: Session, name: str, reason: str, ack: int | None) -> None:
        self._answer(session, name, ack, vocabulary.invalid(reason))

    def disconnect(self, session: Session, reason: str) -> None:
        self._lobby.leave(session, reason)

    def _answer(self, session: Session, name: str, ack: int | None, reply: events.Reply) -> None:
        if isinstance(reply, Refusal):
            self.counts.refused(name, reply)
        if ack is not None:
            session.send(vocabulary.encode_reply(ack, reply))
        elif isinstance(reply, Refusal):
            session.send(vocabulary.encode_refusal(name, reply))

    # Messages

    def _message(
        self, session: Session, command: events.SendMessage, ack: int | None, now: float
    ) -> None:
        client: Client = session.data
        if not client.messages.take(now):
            refusal = self._too_often(client.messages, command.target, command.id)
            self._answer(session, "message", ack, refusal)
            return
        id = next(self._message_ids) if command.id is None else command.id
        if not self._store.immediate:
            if client.waiting >= self._limits.max_waiting_messages:
                sentence = "Too many of your messages wait to be kept; try again later"
                refusal = refuse(errors.OVERLOADED, sentence, target=command.target, id=command.id)
                self._answer(session, "message", ack, refusal)
                return
            client.waiting += 1
            self._writer.submit(_Sending(self, client, session, command, ack, id, now))
            return
        try:
            decided = self.decide_message(client.id, command, id, now)
        except StoreError as error:
            self.message_failed(session, command, ack, error)
        else:
            self.decided_message(session, command, ack, decided)

    def decide_message(
        self,
        sender: str,
        command: events.SendMessage,
        id: str,
        now: float,
        terms: Terms | None = None,
    ) -> events.AddMessage | events.MessageReply | Refusal:
        """Belongs inside a transaction, unless the store needs none."""
        terms = self._terms if terms is None else terms
        store, target = self._store, command.target
        pair = store.pair(sender, target)
        if pair is None and store.identity(sender) is None:
            return _ended(target, command.id)
        earlier = None
        if command.id is not None and pair is not None:
            earlier = store.earlier(pair, sender, id)
        peer = self.hub.get(target)
        online = peer is not None
        identity = store.identity(target) if peer is None else peer.identity
        decided = rules.message(command, sender, pair, earlier, id, now, identity, online, terms)
        if isinstance(decided, events.AddMessage):
            store.add_message(decided)
        return decided

    def decided_message(
        self,
        session: Session,
        command: events.SendMessage,
        ack: int | None,
        decided: events.AddMessage | events.MessageReply | Refusal,
    ) -> None:
        client: Client = session.data
        if isinstance(decided, events.AddMessage):
            notice, seq = decided.notice, decided.message.seq
            peer = self.hub.get(command.target)
            if peer is not None:
                self.counts.delivered += 1
                packets = vocabulary.encode_message(notice)
                peer.deliver(client.id, seq, packets)  # type: ignore[arg-type]
            else:
                self.counts.stored += 1
            if client.kept or len(client.sessions) > 1 or not session.connected:
                self._echo(session, client, command.target, notice, seq)  # type: ignore[arg-type]
            if ack is not None:
                packets = vocabulary.encode_reply(ack, decided.reply)
                client.answer(session, command.target, seq, packets)  # type: ignore[arg-type]
        elif isinstance(decided, Refusal):
            refusal = self._count_refusal(client, decided, self._clock())
            self._answer(session, "message", ack, refusal)
        else:
            self.counts.repeated += 1
            if ack is not None:
                packets = vocabulary.encode_reply(ack, decided)
                client.answer(session, command.target, decided.seq, packets)

    def message_failed(
        self, session: Session, command: events.SendMessage, ack: int | None, error: StoreError
    ) -> None:
        self._lobby.store_failed(error)
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
            there = self.hub.get(client.id)
        elif client.kept and not client.is_behind(to):
            client.got[to] = seq
        if there is not None and (len(there.sessions) > 1 or not session.connected):
            packets = vocabulary.encode_message(msgspec.structs.replace(notice, to=to))
            there.deliver(to, seq, packets, session)

    # Other commands

    def _command(
        self,
        session: Session,
        command: events.PairCommand,
        answer: Callable[[events.Reply], None],
        now: float,
    ) -> None:
        """Have a command decided, keep what follows from it, and tell whom it concerns."""
        client: Client = session.data
        bucket = self._bucket(client, command)
        if not bucket.take(now):
            answer(self._too_often(bucket, command.target))
            return
        if isinstance(command, events.SendSignal) and (refusal := vocabulary.lookalike(command)):
            answer(refusal)
            return
        submit = partial(self._submit_command, session, command, answer)
        if self._permission.needed and isinstance(command, events.RequestLink):
            self._permission.ask(client.id, command.target, submit, answer)
        else:
            submit()

    def _submit_command(
        self, session: Session, command: events.PairCommand, answer: Callable[[events.Reply], None]
    ) -> None:
        self._writer.submit(
            Call(
                partial(self._decide, session.data, command, self._clock()),
                partial(self._decided, session, answer),
                partial(self._failed, answer, command.target),
            )
        )

    def _decide(
        self, client: Client, command: events.PairCommand, now: float
    ) -> tuple[events.Decision, float | None]:
        """A decision, and when the next request expires."""
        store, target = self._store, command.target
        actor = store.identity(client.id)
        if actor is None:
            return events.Decision(_ended(target)), store.next_due()
        facts = rules.Facts(
            self._terms,
            actor,
            store.identity(target),
            store.pair(client.id, target),
            self.hub.online(target),
        )
        decision = rules.decide(facts, command, now)
        for change in decision.changes:
            store.apply(change)
        if isinstance(command, events.SendReceipt) and decision.changes:
            self._lobby.let_go(client.id, target)
        return decision, store.next_due()

    def _decided(
        self,
        session: Session,
        answer: Callable[[events.Reply], None],
        decided: tuple[events.Decision, float | None],
    ) -> None:
        decision, due = decided
        self._tell(decision, due, session)
        reply = decision.reply
        if isinstance(reply, Refusal):
            reply = self._count_refusal(session.data, reply, self._clock())
        answer(reply)

    def _tell(
        self, decision: events.Decision, due: float | None, session: Session | None = None
    ) -> None:
        """Of what has been kept, by a command of `session` or the host's; `due` is when the next
        request expires."""
        self._perform(map(self._up_to_date, decision.effects))
        if decision.changes:
            self.counts.decided(decision)
            self._log_links(session, decision.effects)
            self._expiry.watch(due)

    def _up_to_date(self, effect: events.Tell) -> events.Tell:
        """With who is online by now: one that came meanwhile did not tell those it was not linked
        with then."""
        notice = effect.notice
        if type(notice) is events.Presence:
            online = self.hub.online(notice.client_id)
            if notice.online != online and notice.last_seen is None:
                effect = events.Tell(effect.to, msgspec.structs.replace(notice, online=online))
        return effect

    def _failed(
        self, answer: Callable[[events.Reply], None], target: str | UnsetType, error: StoreError
    ) -> None:
        self._lobby.store_failed(error)
        answer(refuse(errors.UNAVAILABLE, target=target))

    def _own_command(
        self,
        session: Session,
        command: _OwnCommand,
        answer: Callable[[events.Reply], None],
        now: float,
    ) -> None:
        client: Client = session.data
        if not client.requests.take(now):
            answer(self._too_often(client.requests, UNSET))
            return
        if isinstance(command, events.RenewToken):
            self._renew(session, command, answer)
            return
        submit = partial(self._submit_own, session, command, answer)
        if self._permission.needed and isinstance(command, events.RedeemInvite):
            # Whom this asks, only the store knows
            self._writer.submit(
                Call(
                    partial(self._own.maker, command),
                    partial(self._redeem, client, submit, answer),
                    partial(self._failed, answer, UNSET),
                )
            )
        else:
            submit()

    def _redeem(
        self,
        client: Client,
        submit: Callable[[], None],
        answer: Callable[[events.Reply], None],
        maker: str | None,
    ) -> None:
        if maker is None:
            submit()
        else:
            # The answer must not name one whose ID this client does not know
            refused = partial(_unnamed, answer)
            self._permission.ask(client.id, maker, submit, refused)

    def _submit_own(
        self, session: Session, command: events.OwnCommand, answer: Callable[[events.Reply], None]
    ) -> None:
        done = partial(self._decided, session, answer)
        if isinstance(command, events.Forget):
            done = partial(self._forgotten, session, answer)
        self._writer.submit(
            Call(
                partial(self._decide_own, session.data, command, self._clock()),
                done,
                partial(self._failed, answer, UNSET),
            )
        )

    def _decide_own(
        self, client: Client, command: events.OwnCommand, now: float
    ) -> tuple[events.Decision, float | None]:
        store = self._store
        actor = store.identity(client.id)
        if actor is None:
            decision = events.Decision(_ended(UNSET))
        else:
            decision = self._own.decide(actor, command, now)
        for change in decision.changes:
            store.apply(change)
        return decision, store.next_due()

    def _forgotten(
        self,
        session: Session,
        answer: Callable[[events.Reply], None],
        decided: tuple[events.Decision, float | None],
    ) -> None:
        self._perform(decided[0].effects)
        answer(events.Done())
        client: Client = session.data
        _logger.info("client %s forgotten", client.id, extra=about(session))
        self._lobby.end(client.id)

    # How long a session may stay

    def _renew(
        self, session: Session, command: events.RenewToken, answer: Callable[[events.Reply], None]
    ) -> None:
        """A client is named once more, which has to be as the same."""
        self._identification.ask(
            session,
            {"token": command.token},
            partial(self._renewed, session, answer),
            answer,
            within=_RENEWAL_SECONDS,
        )

    def _renewed(
        self, session: Session, answer: Callable[[events.Reply], None], named: Named
    ) -> None:
        client: Client = session.data
        if named.client_id != client.id:
            answer(refuse(errors.UNAUTHORIZED, "This is not a token of this client"))
            return
        until = self._admissions.extend(session, named.expires_at)
        answer(events.TokenReply(UNSET if until is None else rules.milliseconds(until)))

    def _admission_ended(self, session: Session) -> None:
        refusal = refuse(errors.EXPIRED, "The token of this session has expired")
        session.send(vocabulary.encode_refusal("token", refusal))
        client: Client = session.data
        _logger.info(
            "the token of a session of client %s has expired", client.id, extra=about(session)
        )
        session.disconnect()

    def _bucket(self, client: Client, command: events.PairCommand) -> TokenBucket:
        if type(command) in (events.SendTyping, events.SendSignal, events.SendReceipt):
            return client.messages
        return client.requests

    def _too_often(
        self, bucket: TokenBucket, target: str | UnsetType, id: str | None = None
    ) -> Refusal:
        return refuse(errors.RATE_LIMITED, target=target, id=id, retry_after=bucket.wait())

    def _count_refusal(self, client: Client, refusal: Refusal, now: float) -> Refusal:
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

    # What follows from a decision

    def _perform(self, effects: Iterable[events.Tell]) -> None:
        effects = tuple(effects)
        self.counts.told(effects)
        # A session that cannot keep up ends while it is told something. What follows from that is
        # told after the rest, or a peer would hear of a link that is already closed.
        if self._performing:
            self._effects.extend(effects)
            return
        self._performing = True
        try:
            for effect in effects:
                self.hub.send(effect.to, vocabulary.encode_notice(effect.notice))
            while self._effects:
                effect = self._effects.popleft()
                self.hub.send(effect.to, vocabulary.encode_notice(effect.notice))
        finally:
            self._performing = False

    def _log_links(self, session: Session | None, effects: Sequence[events.Tell]) -> None:
        extra = None if session is None else about(session)
        for effect in effects:
            told, notice = effect.to, effect.notice
            if isinstance(notice, events.LinkEstablished):
                _logger.info("clients %s and %s linked", told, notice.peer, extra=extra)
                return
            if isinstance(notice, events.LinkClosed):
                _logger.info("clients %s and %s unlinked", told, notice.peer, extra=extra)

    # The end

    def draining(self) -> None:
        """Tell every client that this node is about to stop."""
        packets = vocabulary.encode_notice(events.Draining())
        for client_id in self.hub.everyone():
            self.hub.send(client_id, packets)

    async def settled(self) -> None:
        """Wait until everything that was submitted has been kept and told."""
        await self._writer.drained()

    def close(self) -> None:
        """Let go of the store, once nothing comes in any more."""
        self.host.end()
        self._lobby.stop()
        batches = self._writer.batches
        if batches is not None and batches.batches:
            _logger.info("the store made %s", batches)
        self._expiry.stop()
        self._admissions.stop()
        self._identification.close()
        self._permission.close()
        self._writer.close()


def _ended(target: str | UnsetType, id: str | None = None) -> Refusal:
    """For what a client had sent before it heard that its identity has ended."""
    return refuse(errors.EXPIRED, "This identity has ended", target=target, id=id)


def _unnamed(answer: Callable[[events.Reply], None], refusal: Refusal) -> None:
    answer(msgspec.structs.replace(refusal, target_client_id=UNSET))


class _Sending(msgspec.Struct, gc=False):
    """A message on its way through the store."""

    node: Node
    client: Client
    session: Session
    command: events.SendMessage
    ack: int | None
    id: str
    now: float

    def run(self) -> events.AddMessage | events.MessageReply | Refusal:
        return self.node.decide_message(self.client.id, self.command, self.id, self.now)

    def done(self, decided: events.AddMessage | events.MessageReply | Refusal) -> None:
        self.client.waiting -= 1
        self.node.decided_message(self.session, self.command, self.ack, decided)

    def failed(self, error: StoreError) -> None:
        self.client.waiting -= 1
        self.node.message_failed(self.session, self.command, self.ack, error)
