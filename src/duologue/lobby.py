"""Clients that come, come back, and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple

import msgspec

from . import codes, vocabulary
from .admission import Admissions, Named
from .core import errors, events, identities, rules
from .core.errors import Refusal, refuse
from .core.model import Identity, Pair, Terms, TokenBucket, alive
from .core.rates import AddressRate
from .counts import CONNECT, Counts
from .hub import Client, Hub, Session, about
from .replay import Replay
from .stores.base import Conflict, Store, StoreError
from .stores.writer import Call, Writer

_logger: Final = logging.getLogger("duologue.node")

#: How many unread messages are counted before it is only said to be so many.
UNREAD_MOST: Final = 1_000

#: What is swept up at a time, so that nothing waits for all of it.
_SWEEP: Final = 200
_SWEEP_SECONDS: Final = 30.0

#: Why a session ended whose client closed it, and with that has read what it was given.
_GOODBYES: Final = frozenset({"transport close", "client namespace disconnect"})

#: How long a store that failed is left alone before it is looked at again, unless there is work.
_LOOK_AGAIN_SECONDS: Final = 1.0


_TOO_MANY_SESSIONS: Final = "This client has too many sessions"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one client may do; the rates are averages, and as much may come at once.

    `takeover_timeout` is how long, in seconds, an older session has to prove that it is alive when
    its client comes back with the token that it was given. The last three are what a message may
    be that a host sends; a client's the engine has measured already.
    """

    messages_per_minute: int = 600_000
    stranger_messages_per_minute: int = 120
    requests_per_minute: int = 60
    identities_per_hour_per_address: int = 1_000
    max_sessions_per_client: int = 20
    max_waiting_messages: int = 1_000
    takeover_timeout: float = 3.0
    max_content_bytes: int = 1_000_000
    max_attachments: int = 10
    max_json_depth: int = 32


class Welcome(NamedTuple):
    """A client that may come in, and what its session is told first. `effects` are told if it does,
    `ended` in any case."""

    identity: Identity
    secret: str | None
    links: events.Links | None
    missed: dict[str, int]
    effects: tuple[events.Tell, ...]
    ended: tuple[events.Tell, ...]


class Lobby:
    """The part of a node that knows how identities begin and end."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        hub: Hub,
        *,
        terms: Terms,
        limits: Limits,
        clock: Callable[[], float],
        perform: Callable[[Iterable[events.Tell]], None],
        watch: Callable[[float | None], None],
        admissions: Admissions,
        counts: Counts,
    ) -> None:
        self._store = store
        self._writer = writer
        self._hub = hub
        self._terms = terms
        self._limits = limits
        self._clock = clock
        self._perform = perform
        #: Told after a start when the next request expires.
        self._watch = watch
        self._admissions = admissions
        self._counts = counts
        self._replay = Replay(store, writer, failed=self.store_failed)
        self._sweeper: asyncio.TimerHandle | None = None
        self._looker: asyncio.TimerHandle | None = None
        self._recovered = False
        #: Each is kept for weeks, also if nobody ever comes back for it.
        self._registrations = AddressRate(limits.identities_per_hour_per_address)
        #: Sessions that the store has let in and that do not know it yet, and whose they are.
        self._admitted: dict[Session, str] = {}
        #: Clients that have gone and could not be told to the store.
        self._unsettled: dict[str, Client] = {}

    # In

    def arrive(self, session: Session, named: Named, auth: vocabulary.Auth) -> None:
        """Let a session in, as `named` or whoever the resume token in `auth` stands for."""
        self.begin()
        if named.fresh and auth.keep and auth.resume_token is None:
            wait = self._registrations.take(session.address, self._clock())
            if wait:
                self.turn_away(session, refuse(errors.RATE_LIMITED, retry_after=wait))
                return
        self._writer.submit(
            Call(
                partial(self._admit, session, named, auth),
                partial(self._arrived, session, named, auth),
                partial(self._not_admitted, session),
            )
        )

    def _admit(self, session: Session, named: Named, auth: vocabulary.Auth) -> Welcome | Refusal:
        store, now = self._store, self._clock()
        client_id, used = named.client_id, None
        if auth.resume_token is not None and not named.kept:
            used = store.token(codes.digest(auth.resume_token))
            refusal = identities.expired_token(used, now)
            if used is None or refusal is not None:
                return refusal or refuse(errors.EXPIRED)
            client_id = used.client
        there = self._hub.get(client_id)
        if there is not None and len(there.sessions) >= self._limits.max_sessions_per_client:
            return refuse(errors.OVERLOADED, _TOO_MANY_SESSIONS)
        found = store.identity(client_id)
        before = alive(found, now)
        if used is not None and before is None:
            return refuse(errors.EXPIRED, "This identity has ended")
        ended = self.clear_away(found, now)
        wants_token = not named.kept and (auth.keep or used is not None)
        secret = codes.new_token() if wants_token else None
        digest = None if secret is None else codes.digest(secret)
        arrival = identities.arrive(
            before, client_id, named.name, digest, used, now, self._terms, keep=named.kept
        )
        for change in arrival.changes:
            store.apply(change)
        pairs, peers = around(store, client_id, now)
        kept = before is not None and before.kept
        missed = identities.missed(pairs, client_id, auth.since, all_of_it=kept)
        links = self._snapshot(arrival.identity, pairs, peers, missed)
        effects = identities.came_back(arrival.identity, pairs)
        self._admitted[session] = client_id
        return Welcome(arrival.identity, secret, links, missed, effects, ended)

    def _snapshot(
        self,
        identity: Identity,
        pairs: list[Pair],
        peers: dict[str, Identity],
        missed: dict[str, int],
    ) -> events.Links | None:
        """What a session is told first. Leaves in `missed` what is still there to be given."""
        if not pairs:
            return None
        store, client = self._store, identity.id
        history_from: dict[str, int] = {}
        for pair in pairs:
            peer_id = pair.other(client)
            after = missed.get(peer_id)
            if after is not None and store.keeps_delivered:
                found = store.messages(pair, after, 1)
                first = found[0].seq if found else pair.seq + 1
                if isinstance(first, int) and first > after + 1:
                    history_from[peer_id] = first
                    missed[peer_id] = first - 1
        return rules.snapshot(
            identity,
            pairs,
            peers,
            self._hub.online,
            lambda pair: store.unread(pair, client, UNREAD_MOST),
            history_from,
        )

    def _not_admitted(self, session: Session, error: StoreError) -> None:
        self.store_failed(error)
        self.turn_away(session, refuse(errors.UNAVAILABLE))

    def turn_away(self, session: Session, refusal: Refusal) -> None:
        self._admitted.pop(session, None)
        session.refuse(refusal.error, msgspec.to_builtins(refusal))
        self._counts.refused(CONNECT, refusal)
        _logger.info("refused a connection: %s", refusal.code, extra=about(session))

    def _arrived(
        self, session: Session, named: Named, auth: vocabulary.Auth, welcome: Welcome | Refusal
    ) -> None:
        if isinstance(welcome, Refusal):
            self.turn_away(session, welcome)
            return
        self._perform(welcome.ended)
        identity = welcome.identity
        if session not in self._admitted:
            # Its identity was forgotten meanwhile; one that it was given after that has nobody now
            self._settle(self._new_client(identity))
            return
        self._unsettled.pop(identity.id, None)  # it has not gone after all
        client = self._hub.get(identity.id)
        if client is not None and len(client.sessions) >= self._limits.max_sessions_per_client:
            # Others have come in since this one was admitted
            self.turn_away(session, refuse(errors.OVERLOADED, _TOO_MANY_SESSIONS))
            return
        came_back = client is None
        if client is None:
            client = self._new_client(identity)
        else:
            client.known_as(identity)
            if auth.resume_token is not None or named.kept:
                # One of those may be half open and not know that it has been left
                for other in tuple(client.sessions):
                    other.probe(self._limits.takeover_timeout)  # type: ignore[attr-defined]
        session.data = client
        # First, for a session that cannot keep up ends while it is told that it is accepted
        self._hub.add(client, session)
        self._admitted.pop(session, None)
        self._admissions.hold(session, named.expires_at)
        if welcome.missed:
            client.miss(session, dict(welcome.missed))
        if not session.accept():
            if session in client.sessions:  # it had gone before, so nobody else will say so
                self.leave(session, "gone before it was accepted")
            return
        token = msgspec.UNSET if welcome.secret is None else welcome.secret
        session.send(vocabulary.encode_notice(events.ClientIdGiven(identity.id, token)))
        if welcome.links is not None:
            session.send(vocabulary.encode_notice(self._up_to_date(welcome.links)))
        _logger.info("client %s connected", identity.id, extra=about(session))
        if (
            came_back and client.sessions
        ):  # it may have ended at what it was told, of which peers have heard
            self._perform(welcome.effects)
        if welcome.missed:
            self._replay.begin(session, client)

    def _up_to_date(self, links: events.Links) -> events.Links:
        """With who is online by now: those who came meanwhile could not tell this client so."""
        online = self._hub.online
        entries = [
            entry
            if entry.online == online(entry.peer)
            else msgspec.structs.replace(entry, online=not entry.online)
            for entry in links.links
        ]
        return msgspec.structs.replace(links, links=entries)

    def _new_client(self, identity: Identity) -> Client:
        now, limits = self._clock(), self._limits
        return Client(
            identity,
            TokenBucket(limits.messages_per_minute, now),
            TokenBucket(limits.stranger_messages_per_minute, now),
            TokenBucket(limits.requests_per_minute, now),
        )

    # Out

    def leave(self, session: Session, reason: str) -> None:
        """A session is over."""
        client: Client = session.data
        self._admissions.forget(session)
        if client.kept and reason not in _GOODBYES:
            # What it was given last may never have reached it
            client.got.clear()
        if self._hub.remove(client, session):
            _logger.info("client %s left: %s", client.id, reason, extra=about(session))
            self._settle(client)
        else:
            _logger.debug(
                "client %s left one of its sessions: %s", client.id, reason, extra=about(session)
            )

    def _settle(self, client: Client) -> None:
        self._writer.submit(
            Call(
                partial(self._depart, client, self._clock()),
                partial(self._departed, client),
                partial(self._not_settled, client),
            )
        )

    def _depart(self, client: Client, now: float) -> events.Decision | None:
        """None for a client that is there again, or about to be."""
        store = self._store
        if self._is_there(client.id):
            return None
        identity = store.identity(client.id)
        if identity is None:
            return events.Decision(events.Done())
        pairs = list(store.pairs(client.id))
        if identity.kept:
            decision = identities.leave(identity, pairs, client.got, now, self._terms)
        else:
            decision = rules.end(identity, pairs, now)
        for change in decision.changes:
            store.apply(change)
        return decision

    def let_go(self, client: str, peer: str) -> None:
        """Where the store keeps nothing that was delivered: delete what was. In a transaction."""
        pair = None if self._store.keeps_delivered else self._store.pair(client, peer)
        if pair is not None:
            oldest = self._store.messages(pair, 0, _SWEEP)
            upto = identities.delivered_up_to(pair, oldest)
            if upto:
                self._store.delivered(pair, upto)

    def _is_there(self, client: str) -> bool:
        return self._hub.online(client) or client in tuple(self._admitted.values())

    def _departed(self, client: Client, decision: events.Decision | None) -> None:
        self._unsettled.pop(client.id, None)
        if decision is not None:
            self._perform(decision.effects)
        elif not self._hub.online(client.id):
            self._settle(client)  # what was about to come in has not, or has gone again

    def _not_settled(self, client: Client, error: StoreError) -> None:
        self.store_failed(error)
        if not isinstance(error, Conflict):
            self._unsettled[client.id] = client

    def end(self, client_id: str) -> None:
        """End every session of an identity that is gone, also those that are about to come in."""
        for session, admitted in tuple(self._admitted.items()):
            if admitted == client_id:
                self.turn_away(session, refuse(errors.EXPIRED, "This identity has ended"))
        self.disconnect(client_id)

    def disconnect(self, client_id: str) -> int:
        """End the sessions that a client has now; returns how many those were."""
        client = self._hub.get(client_id)
        sessions = () if client is None else tuple(client.sessions)
        for outlet in sessions:
            outlet.disconnect()  # type: ignore[attr-defined]
        return len(sessions)

    # What happens by itself

    def store_failed(self, error: StoreError) -> None:
        """Look after a store that fails, so that it is known when it works again."""
        self._counts.store_failures += 1
        _logger.error("the store failed: %s", error)
        if self._looker is None and not isinstance(error, Conflict):
            loop = asyncio.get_running_loop()
            self._looker = loop.call_later(_LOOK_AGAIN_SECONDS, self._look)

    def _look(self) -> None:
        self._looker = None
        self._writer.submit(Call(self._write_something, lambda _: None, self.store_failed))

    def _write_something(self) -> None:
        # No client's ID is empty
        self._store.apply(events.PutIdentity(Identity(id="", kept=True, expires_at=0.0)))
        self._store.apply(events.DropIdentity(""))

    def begin(self) -> None:
        """Put in order what the last process left, unless that has been done."""
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)
        if not self._recovered:
            self._recovered = True
            self._writer.submit(Call(self._recover, self._watch, self._not_recovered))

    def _recover(self) -> float | None:
        """After a start: those that were connected when the last process went are no longer.

        Returns when the next request expires, which may have been made before.
        """
        store, now = self._store, self._clock()
        while found := self._gone(store.ephemeral(_SWEEP)):
            for identity in found:
                store.apply(events.DropIdentity(identity.id))
        while found := self._gone(store.present(_SWEEP)):
            for identity in found:
                for change in identities.leave(identity, (), {}, now, self._terms).changes:
                    store.apply(change)
        return store.next_due()

    def _gone(self, identities: Iterable[Identity]) -> list[Identity]:
        # If this failed at first, some have come in before it is tried again
        return [identity for identity in identities if not self._is_there(identity.id)]

    def _not_recovered(self, error: StoreError) -> None:
        self.store_failed(error)
        self._recovered = False

    def _sweep(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)
        for client in tuple(self._unsettled.values()):
            self._settle(client)
        self._writer.submit(Call(self._sweep_up, self._swept, lambda error: None))

    def _sweep_up(self) -> tuple[list[events.Tell], bool]:
        store, now = self._store, self._clock()
        effects: list[events.Tell] = []
        ended = store.ended(now, _SWEEP)
        for identity in ended:
            effects += self.clear_away(identity, now)
        pruned = store.prune(now, _SWEEP)
        return effects, len(ended) >= _SWEEP or pruned >= _SWEEP

    def clear_away(self, identity: Identity | None, now: float) -> tuple[events.Tell, ...]:
        """Delete what is left of an identity whose time is over, if anything is; returns what is to
        be told of that. In a transaction."""
        store = self._store
        if identity is None or alive(identity, now) is not None:
            return ()
        decision = rules.end(identity, list(store.pairs(identity.id)), now)
        for change in decision.changes:
            store.apply(change)
        return decision.effects

    def _swept(self, swept: tuple[list[events.Tell], bool]) -> None:
        effects, more = swept
        self._perform(effects)
        if more:
            self._writer.submit(Call(self._sweep_up, self._swept, lambda error: None))

    def stop(self) -> None:
        for timer in (self._sweeper, self._looker):
            if timer is not None:
                timer.cancel()


def around(store: Store, client: str, now: float) -> tuple[list[Pair], dict[str, Identity]]:
    """A client's pairs, and who is on the other side, but for those whose time is over. In a
    transaction."""
    pairs = list(store.pairs(client))
    found = (alive(store.identity(pair.other(client)), now) for pair in pairs)
    peers = {peer.id: peer for peer in found if peer is not None}
    return [pair for pair in pairs if pair.other(client) in peers], peers
