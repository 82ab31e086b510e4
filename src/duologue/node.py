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

from . import vocabulary
from .admission import Admissions, Identification, Identify, Named, Unidentified, anonymous
from .core import errors, events, rules
from .core.errors import Refusal, refuse
from .core.model import Terms, TokenBucket, alive
from .counts import Counts
from .expiry import Expiry
from .host import Host
from .hub import Client, Hub, Session, about
from .lobby import Limits, Lobby
from .messages import Messages, ended, told_no_more, too_often
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
        self._messages = Messages(
            store,
            self._writer,
            self.hub,
            terms=self._terms,
            max_waiting=self._limits.max_waiting_messages,
            clock=clock,
            counts=self.counts,
            answer=self._answer,
            failed=self._lobby.store_failed,
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
            messages=self._messages,
        )
        self._performing = False
        self._effects: deque[events.Tell] = deque()

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
            self._messages.send(session, command, ack, now)
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

    # Commands

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
            answer(too_often(bucket, command.target))
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
            return events.Decision(ended(target)), store.next_due()
        facts = rules.Facts(
            self._terms,
            actor,
            alive(store.identity(target), now),
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
            reply = told_no_more(session.data, reply, self._clock())
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
            answer(too_often(client.requests, UNSET))
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
            decision = events.Decision(ended(UNSET))
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
        logged = set()
        for told, notice in ((effect.to, effect.notice) for effect in effects):
            if not isinstance(notice, events.LinkEstablished | events.LinkClosed):
                continue
            # Often both of a pair are told
            if (pair := frozenset((told, notice.peer))) not in logged:
                logged.add(pair)
                done = "linked" if isinstance(notice, events.LinkEstablished) else "unlinked"
                _logger.info("clients %s and %s %s", told, notice.peer, done, extra=extra)

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


def _unnamed(answer: Callable[[events.Reply], None], refusal: Refusal) -> None:
    answer(msgspec.structs.replace(refusal, target_client_id=UNSET))
