"""Many clients that do anything in any order, on one node, in virtual time.

Each client keeps an account of its links and requests from nothing but what it is told and
answered, as a page does; whatever reaches it has to fit, and after every step all accounts have to
agree with the store. Sessions come and go, and some of them end while they are told something. A
failure is one seed, which stands in the test's name and says everything.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Iterable
from typing import Any

import pytest

from duologue.core.model import Pair, Policy, State, Terms
from duologue.node import Limits, Node
from duologue.stores.memory import MemoryStore
from tests.node.fakes import FakeSession, VirtualLoop, by_id, virtual_clock

SEEDS = range(300)
STEPS = 150
TTL = 30.0
COOLDOWN = 10.0

WEIGHTS = {
    "message": 12,
    "link_request": 8,
    "link_accept": 8,
    "link_decline": 2,
    "link_cancel": 2,
    "link_close": 2,
    "block": 1,
    "unblock": 2,
    "typing": 2,
    "signal": 2,
    "connect": 4,
    "disconnect": 2,
    "sleep": 3,
}


class Party:
    """A client as its page sees it, whatever the number of its sessions."""

    def __init__(self, simulation: Simulation, id: str) -> None:
        self.id = id
        self.simulation = simulation
        self.sessions: list[FakeSession] = []
        self.life = 0
        self.start()

    def start(self) -> None:
        self.life += 1
        self.links: set[str] = set()
        self.requests: set[str] = set()
        self.requested: set[str] = set()
        self.blocked: set[str] = set()
        #: Per peer: the last number seen, and the answers to what was sent with an ID.
        self.numbers: dict[str, int] = {}
        self.answers: dict[str, dict[str, Any]] = {}

    def told(self, packet: bytes) -> None:
        name, payload = json.loads(packet[2:])
        if name != "client_id":
            getattr(self, f"on_{name}")(payload)

    def on_links(self, payload: Any) -> None:
        assert {entry["peer"] for entry in payload["links"]} == self.links
        assert {entry["from"] for entry in payload["requests"]} == self.requests
        assert {entry["to"] for entry in payload["requested"]} == self.requested

    def on_message(self, payload: Any) -> None:
        sender = payload["from"]
        assert payload["content"]["from"] == sender
        assert sender not in self.blocked
        number = self.numbers.get(sender, 0) + 1
        if sender in self.links:
            assert payload["seq"] == number
        else:
            assert self.simulation.open
            assert not {"seq", "at"} & set(payload)
        self.numbers[sender] = number
        self.simulation.arrived.append((self.id, payload["content"]["number"]))

    def on_link_requested(self, payload: Any) -> None:
        peer = payload.pop("from")
        assert payload.pop("expiresAt") == int((virtual_clock() + TTL) * 1000)
        assert payload == {"name": f"name of {peer}", "note": f"note of {peer}"}
        assert peer not in self.links | self.requests | self.requested | self.blocked
        self.requests.add(peer)

    def on_link_established(self, payload: Any) -> None:
        peer = payload["peer"]
        assert (
            peer in self.requests | self.requested
            # The other had asked while it was blocked, of which one hears only now
            or self.simulation.asking == (self.id, peer)
        )
        assert peer not in self.links | self.blocked
        self.links.add(peer)
        self.requests.discard(peer)
        self.requested.discard(peer)

    def on_link_closed(self, payload: Any) -> None:
        self._over(self.links, self.links, payload)

    def on_link_declined(self, payload: Any) -> None:
        self._over(self.requested, self.requests, payload)

    def on_link_cancelled(self, payload: Any) -> None:
        self._over(self.requests, self.requested, payload)

    def _over(self, theirs: set[str], own: set[str], payload: Any) -> None:
        """What the other side has ended, or another session of this one, which has an answer."""
        if payload.get("own"):
            assert payload["peer"] in own
        else:
            theirs.remove(payload["peer"])

    def on_link_expired(self, payload: Any) -> None:
        peer = payload["peer"]
        if self.simulation.asking != (self.id, peer):  # that one has gone on being asked
            assert peer in self.requests | self.requested
        self.requests.discard(peer)
        self.requested.discard(peer)

    def on_presence(self, payload: Any) -> None:
        assert payload["clientId"] in self.links

    def on_typing(self, payload: Any) -> None:
        assert payload["from"] in self.links

    def on_signal(self, payload: Any) -> None:
        assert payload["from"] in self.links


class SimulatedSession(FakeSession):
    """Hands each event on to its client at once, in the order in which they come."""

    def __init__(self, party: Party) -> None:
        super().__init__(party.simulation.node, self._overflows)
        self.party = party

    def _overflows(self, packet: bytes) -> bool:
        simulation = self.party.simulation
        may = simulation.slow and packet.startswith(b"42") and self is not simulation.acting
        return may and simulation.random.random() < 0.01

    def send(self, packets: Iterable[bytes]) -> None:
        for packet in packets:
            super().send((packet,))
            if not self.connected or not packet.startswith(b"42"):
                continue
            if b'"to":"client' in packet and packet.startswith(b'42["message"'):
                self._echoed(json.loads(packet[2:])[1])
            elif packet.startswith(b'42["links"') or self.party.sessions[0] is self:
                # All sessions are told the same, so the account is kept by one of them
                self.party.told(packet)

    def _echoed(self, payload: Any) -> None:
        assert payload["from"] == self.party.id
        if "seq" in payload:
            assert payload["seq"] == self.party.numbers.get(payload["to"], 0) + 1

    def end(self, reason: str = "slow reader") -> None:
        self.party.sessions.remove(self)
        if not self.party.sessions:
            self.party.simulation.ended(self.party)
        super().end(reason)


class Simulation:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.open = self.random.random() < 0.3
        self.slow = self.random.random() < 0.5
        self.store = MemoryStore()
        self.node = Node(
            self.store,
            terms=Terms(
                policy=Policy.OPEN if self.open else Policy.REQUIRED,
                request_ttl=TTL,
                decline_cooldown=COOLDOWN,
                max_requests_sent=3,
                max_requests_received=3,
                max_links=3,
                max_blocks=3,
            ),
            limits=Limits(requests_per_minute=60, max_sessions_per_client=3),
            identify=by_id,
            clock=virtual_clock,
        )
        number = self.random.randint(2, 7)
        self.parties = {f"client-{n}": Party(self, f"client-{n}") for n in range(number)}
        self.acting: FakeSession | None = None
        self.asking: tuple[str, str] | None = None
        self.arrived: list[tuple[str, int]] = []
        self.written = 0

    def ended(self, party: Party) -> None:
        """A client has gone for good. What it and the others had of each other goes with it."""
        party.start()
        for other in self.parties.values():
            other.numbers.pop(party.id, None)
            other.answers.pop(party.id, None)
            other.blocked.discard(party.id)

    async def run(self) -> None:
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        for _ in range(STEPS):
            (name,) = self.random.choices(names, weights)
            party = self.random.choice(list(self.parties.values()))
            if name == "sleep":
                await asyncio.sleep(self.random.choice([0.5, 5, 10, 29.9, 30.1]))
            elif name == "connect":
                self.connect(party)
            elif party.sessions:
                session = self.random.choice(party.sessions)
                if name == "disconnect":
                    session.end("transport close")
                else:
                    self.act(party, session, name)
            self.check()
        await self.finish()

    def connect(self, party: Party) -> None:
        session = SimulatedSession(party)
        party.sessions.append(session)
        session.connect({"id": party.id, "name": f"name of {party.id}"})
        if session.refused is not None:
            party.sessions.remove(session)
            assert len(party.sessions) == 3

    def act(self, party: Party, session: FakeSession, name: str) -> None:
        others = [id for id in self.parties if id != party.id]
        peer = self.parties[self.random.choice(others)]
        payload: dict[str, Any] = {}
        if name == "message":
            self.written += 1
            payload = {"message": {"from": party.id, "number": self.written}}
            earlier = list(party.answers.get(peer.id, ()))
            if self.random.random() < 0.6:
                payload["id"] = str(uuid.UUID(int=self.random.getrandbits(128)))
                if earlier and self.random.random() < 0.3:
                    payload["id"] = self.random.choice(earlier)
        elif name == "link_request":
            payload = {"note": f"note of {party.id}"}
            self.asking = party.id, peer.id
        elif name == "signal":
            payload = {"data": {"from": party.id}}
        self.acting, life = session, peer.life
        answer = session.asks(name, peer.id, **payload)
        self.acting = self.asking = None
        if name == "message":
            self.after_message(party, peer, payload, answer, life)
        elif "ok" in answer:
            getattr(self, f"after_{name}", lambda *_: None)(party, peer, answer, life)
        elif answer["code"] == "blocked":
            assert peer.id in party.blocked

    # What a client makes of the answer to what it did; `life` is its peer's when it did it, for a
    # peer may end at being told of it.

    def after_message(
        self, party: Party, peer: Party, payload: Any, answer: Any, life: int
    ) -> None:
        arrived = (peer.id, payload["message"]["number"]) in self.arrived
        known = party.answers.get(peer.id, {}).get(payload.get("id"))
        if "ok" not in answer:
            assert not arrived
            assert known is None or answer["code"] == "rate_limited"
            assert peer.id not in party.links
        elif known is not None:
            assert (answer, arrived) == (known, False)
        elif peer.life == life:
            assert arrived
            assert answer["seq"] == party.numbers.get(peer.id, 0) + 1
            party.numbers[peer.id] = answer["seq"]
            if "id" in payload:
                assert answer["id"] == payload["id"]
                party.answers.setdefault(peer.id, {})[payload["id"]] = answer

    def after_link_request(self, party: Party, peer: Party, answer: Any, life: int) -> None:
        if peer.life == life and answer["state"] == "linked":
            assert peer.id in party.links
        elif peer.life == life:
            assert peer.id not in party.links
            party.requested.add(peer.id)

    def after_link_accept(self, party: Party, peer: Party, _: Any, life: int) -> None:
        assert peer.id in party.links or peer.life != life

    def after_link_decline(self, party: Party, peer: Party, _: Any, life: int) -> None:
        party.requests.remove(peer.id)

    def after_link_cancel(self, party: Party, peer: Party, _: Any, life: int) -> None:
        party.requested.remove(peer.id)

    def after_link_close(self, party: Party, peer: Party, _: Any, life: int) -> None:
        party.links.remove(peer.id)

    def after_block(self, party: Party, peer: Party, _: Any, life: int) -> None:
        for about in (party.links, party.requests, party.requested):
            about.discard(peer.id)
        if peer.life == life:
            party.blocked.add(peer.id)
            # The one who is blocked is not told that a request to it has gone
            peer.requests.discard(party.id)

    def after_unblock(self, party: Party, peer: Party, _: Any, life: int) -> None:
        party.blocked.discard(peer.id)

    # What must hold

    def check(self) -> None:
        assert len(self.arrived) == len(set(self.arrived)), "a message arrived twice"
        online = {party.id for party in self.parties.values() if party.sessions}
        assert {id for id in self.parties if self.node.hub.online(id)} == online
        for party in self.parties.values():
            kept = {pair.other(party.id): pair for pair in self.store.pairs(party.id)}
            assert set(kept) <= online
            assert party.links == {id for id, pair in kept.items() if pair.state is State.LINKED}
            assert party.requested == {id for id in kept if _asked(kept[id], party.id)}
            assert party.requests == {
                id for id in kept if _asked(kept[id], id) and not kept[id].silent
            }
            assert party.blocked == {id for id in kept if party.id in kept[id].blockers}
            assert not party.links & party.blocked

    async def finish(self) -> None:
        """Nothing is left of requests when their time is over, and of anyone when all have gone."""
        await asyncio.sleep(TTL + 1)
        self.check()
        for party in self.parties.values():
            assert (party.requests, party.requested) == (set(), set())
            for session in list(party.sessions):
                session.end("transport close")
        self.check()
        assert (len(self.node.hub), len(self.store)) == (0, 0)


def _asked(pair: Pair, client: str) -> bool:
    return pair.state is State.REQUESTED and pair.requester == client


@pytest.mark.parametrize("seed", SEEDS)
def test_what_reaches_anyone_fits_what_it_agreed_to(seed: int) -> None:
    async def simulate() -> None:
        await Simulation(seed).run()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(simulate())
