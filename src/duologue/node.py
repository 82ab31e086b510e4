"""One node: takes commands, has them decided, keeps what was decided, and only then tells.

It is an application of the engine (`duologue.server.app.Application`), and knows of the engine no
more than the few methods of `Session` that it calls.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from . import vocabulary
from .core import errors, events, rules
from .core.errors import Refusal, refuse
from .core.model import MAX_ID_CHARS, MAX_NAME_CHARS, Identity, Terms, TokenBucket
from .hub import Client, Hub
from .stores.base import Store, StoreError

_logger: Final = logging.getLogger("duologue.node")

#: Requests that expire at the same moment are worked off in pieces, so that nothing waits for all.
_EXPIRE_AT_ONCE: Final = 200


class Session(Protocol):
    """What a node needs of the engine's sessions."""

    data: Any
    connected: bool

    @property
    def address(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def accept(self) -> bool: ...

    def refuse(self, message: str, data: Any = None) -> None: ...

    def send(self, packets: Iterable[bytes]) -> None: ...


class Named(NamedTuple):
    """Who a session belongs to: a client ID, at most 128 characters, and a name, at most 64."""

    client_id: str
    name: str | None


class Unidentified(Exception):
    """Raised by an `Identify` that does not let a session in; `code` is one of `errors.CODES`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


Identify = Callable[[Session, Mapping[str, Any]], Named]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one client may do; the rates are averages, and as much may come at once."""

    messages_per_minute: int = 600_000
    stranger_messages_per_minute: int = 120
    requests_per_minute: int = 60
    max_sessions_per_client: int = 20


def anonymous(session: Session, auth: Mapping[str, Any]) -> Named:
    """Gives everyone a new client ID and the name that it asks for."""
    try:
        wanted = msgspec.convert(auth, vocabulary.Auth)
    except msgspec.ValidationError as error:
        raise Unidentified(errors.INVALID, str(error)) from error
    return Named(_uuid4(), wanted.name)


def _uuid4() -> str:
    # The standard library's takes five times as long, for an object that nobody wants
    bits = (secrets.randbits(128) & ~(0xF << 76) & ~(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _message_ids() -> Iterator[str]:
    """IDs for messages whose senders gave none.

    They only have to differ: a random half for this process and a counter make a UUID for a
    fraction of the price of a random one.
    """
    half = _uuid4()[:24]
    endings = [f"{number:03x}" for number in range(0x1000)]
    for number in itertools.count():
        beginning = f"{half}{number:09x}"
        for ending in endings:
            yield beginning + ending


class Node:
    """Duologue's application: the rules, a store, and the sessions of one process.

    `clock` gives seconds since the epoch. All methods belong to the event loop's thread.
    """

    decoders = vocabulary.DECODERS

    def __init__(
        self,
        store: Store,
        *,
        terms: Terms | None = None,
        limits: Limits | None = None,
        identify: Identify = anonymous,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.hub = Hub()
        self._store = store
        self._terms = terms or Terms()
        self._limits = limits or Limits()
        self._identify = identify
        self._clock = clock
        self._expiry: asyncio.TimerHandle | None = None
        self._performing = False
        self._effects: deque[events.Tell] = deque()
        self._message_ids = _message_ids()

    # The engine's application

    def connect(self, session: Session, auth: dict[str, Any]) -> None:
        try:
            client_id, name = self._identify(session, auth)
            if not 0 < len(client_id) <= MAX_ID_CHARS:
                raise Unidentified(errors.INVALID, "The client ID is empty or too long")
            if name is not None and len(name) > MAX_NAME_CHARS:
                sentence = f"A name has at most {MAX_NAME_CHARS} characters"
                raise Unidentified(errors.INVALID, sentence)
            client = self.hub.get(client_id)
            if client is not None and len(client.sessions) >= self._limits.max_sessions_per_client:
                raise Unidentified(errors.OVERLOADED, "This client has too many sessions")
            if client is None:
                client = self._new_client(client_id, name)
                self._keep((events.PutIdentity(client.identity),))
        except Unidentified as error:
            self._turn_away(session, refuse(error.code, str(error)))
            return
        except StoreError:
            _logger.exception("the store failed")
            self._turn_away(session, refuse(errors.UNAVAILABLE))
            return
        session.data = client
        # First, for a session that cannot keep up ends while it is told that it is accepted
        self.hub.add(client, session)
        if not session.accept():
            if session in client.sessions:  # it had gone before, so that nobody else will say so
                self.disconnect(session, "gone before it was accepted")
            return
        session.send(vocabulary.encode_notice(events.ClientIdGiven(client_id)))
        links = self._snapshot(client.identity)
        if links is not None:
            session.send(vocabulary.encode_notice(links))
        _logger.info("client %s connected", client_id)

    def _turn_away(self, session: Session, refusal: Refusal) -> None:
        session.refuse(refusal.error, msgspec.to_builtins(refusal))
        _logger.info("refused a connection: %s", refusal.code)

    def event(self, session: Session, name: str, args: Sequence[Any], ack: int | None) -> None:
        command = vocabulary.decode_command(name, args)
        if isinstance(command, Refusal):
            self._answer(session, name, command, ack)
        else:
            self._answer(session, name, self.submit(session, command), ack)

    def typed_event(
        self,
        session: Session,
        event: tuple[str, events.Command],
        ack: int | None,
    ) -> None:
        name, command = event
        if type(command) is events.SendMessage:
            decided = self._submit_message(session, command)
            if isinstance(decided, events.AddMessage):
                if ack is not None:
                    session.send(vocabulary.encode_reply(ack, decided.reply))
                return
            reply: events.Reply = decided
        else:
            reply = self.submit(session, command)
        if ack is not None or isinstance(reply, Refusal):
            self._answer(session, name, reply, ack)

    def invalid(self, session: Session, name: str, reason: str, ack: int | None) -> None:
        self._answer(session, name, vocabulary.invalid(reason), ack)

    def disconnect(self, session: Session, reason: str) -> None:
        client: Client = session.data
        if self.hub.remove(client, session):
            now = self._clock()
            identity = client.identity
            self._carry_out(rules.end(identity, list(self._store.pairs(identity.id)), now))
            _logger.info("client %s left: %s", identity.id, reason)

    # Commands

    def submit(self, session: Session, command: events.Command) -> events.Reply:
        """Decide a session's command, keep what follows from it, and tell whom it concerns."""
        if isinstance(command, events.SendMessage):
            decided = self._submit_message(session, command)
            return decided.reply if isinstance(decided, events.AddMessage) else decided
        now = self._clock()
        client: Client = session.data
        bucket = self._bucket(client, command)
        if not bucket.take(now):
            return self._too_often(bucket, command.target)
        store, actor, target = self._store, client.identity, command.target
        try:
            with store.transaction():
                facts = rules.Facts(
                    self._terms,
                    actor,
                    store.identity(target),
                    store.pair(actor.id, target),
                    self.hub.online(target),
                )
                decision = rules.decide(facts, command, now)
                for change in decision.changes:
                    store.apply(change)
        except StoreError:
            _logger.exception("the store failed")
            return refuse(errors.UNAVAILABLE, target=target)
        self._perform(decision.effects)
        reply = decision.reply
        if type(reply) is Refusal:
            return self._count_refusal(client, reply, now)
        if decision.changes:
            self._log_links(decision.effects)
            self._watch_expiry()
        return reply

    def _submit_message(
        self, session: Session, command: events.SendMessage
    ) -> events.AddMessage | events.MessageReply | Refusal:
        now = self._clock()
        client: Client = session.data
        if not client.messages.take(now):
            return self._too_often(client.messages, command.target, command.id)
        peer = self.hub.get(command.target)
        store = self._store
        try:
            if store.immediate:
                decided = self._decide_message(client, command, peer, now)
            else:
                with store.transaction():
                    decided = self._decide_message(client, command, peer, now)
        except StoreError:
            _logger.exception("the store failed")
            return refuse(errors.UNAVAILABLE, target=command.target, id=command.id)
        if isinstance(decided, Refusal):
            return self._count_refusal(client, decided, now)
        if isinstance(decided, events.AddMessage):
            notice = decided.notice
            if peer is not None:
                peer.send(vocabulary.encode_message(notice))
            if len(client.sessions) > 1:
                self._echo(session, client, command.target, notice)
        return decided

    def _decide_message(
        self, client: Client, command: events.SendMessage, peer: Client | None, now: float
    ) -> events.AddMessage | events.MessageReply | Refusal:
        """Belongs inside a transaction, unless the store needs none."""
        store, sender, target, id = self._store, client.id, command.target, command.id
        pair = store.pair(sender, target)
        earlier = None
        if id is None:
            id = next(self._message_ids)
        elif pair is not None:
            earlier = store.earlier(pair, sender, id)
        online = peer is not None
        known = online or store.identity(target) is not None
        decided = rules.message(
            command, sender, pair, earlier, id, now, known, online, self._terms.policy
        )
        if isinstance(decided, events.AddMessage):
            store.add_message(decided)
        return decided

    def _bucket(self, client: Client, command: events.PairCommand) -> TokenBucket:
        if type(command) in (events.SendTyping, events.SendSignal):
            return client.messages
        return client.requests

    def _too_often(self, bucket: TokenBucket, target: str, id: str | None = None) -> Refusal:
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

    def _answer(self, session: Session, name: str, reply: events.Reply, ack: int | None) -> None:
        if ack is not None:
            session.send(vocabulary.encode_reply(ack, reply))
        elif type(reply) is Refusal:
            session.send(vocabulary.encode_refusal(name, reply))

    # What follows from a decision

    def _carry_out(self, decision: events.Decision) -> None:
        self._keep(decision.changes)
        self._perform(decision.effects)

    def _keep(self, changes: Iterable[events.Change]) -> None:
        with self._store.transaction():
            for change in changes:
                self._store.apply(change)

    def _perform(self, effects: Sequence[events.Tell]) -> None:
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

    def _echo(
        self, session: Session, client: Client, to: str, notice: events.MessageReceived
    ) -> None:
        """A client's other sessions see what it sent."""
        packets = vocabulary.encode_message(msgspec.structs.replace(notice, to=to))
        for other in tuple(client.sessions):
            if other is not session:
                other.send(packets)

    def _log_links(self, effects: Sequence[events.Tell]) -> None:
        for effect in effects:
            if isinstance(effect.notice, events.LinkEstablished):
                _logger.info("clients %s and %s linked", effect.to, effect.notice.peer)
                return
            if isinstance(effect.notice, events.LinkClosed):
                _logger.info("clients %s and %s unlinked", effect.to, effect.notice.peer)

    def _new_client(self, client_id: str, name: str | None) -> Client:
        now, limits = self._clock(), self._limits
        return Client(
            Identity(id=client_id, name=name),
            TokenBucket(limits.messages_per_minute, now),
            TokenBucket(limits.stranger_messages_per_minute, now),
            TokenBucket(limits.requests_per_minute, now),
        )

    def _snapshot(self, identity: Identity) -> events.Links | None:
        pairs = list(self._store.pairs(identity.id))
        if not pairs:
            return None
        peers = {
            peer.id: peer
            for pair in pairs
            if (peer := self._store.identity(pair.other(identity.id))) is not None
        }
        return rules.snapshot(identity, pairs, peers, self.hub.online)

    # Time

    def _watch_expiry(self) -> None:
        """See to it that `_expire` is called when the next request runs out of time."""
        due = self._store.next_due()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if due is not None:
            delay = max(due - self._clock(), 0.0)
            self._expiry = asyncio.get_running_loop().call_later(delay, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        now = self._clock()
        for due in self._store.due(now, _EXPIRE_AT_ONCE):
            pair = self._store.pair(due.low, due.high)
            if pair is not None:  # telling of one expiry can end a client, and with it its pairs
                self._carry_out(rules.expire(pair, now))
        self._watch_expiry()

    # The end

    def draining(self) -> None:
        """Tell every client that this node is about to stop."""
        packets = vocabulary.encode_notice(events.Draining())
        for client_id in self.hub.everyone():
            self.hub.send(client_id, packets)
