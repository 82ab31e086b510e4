"""Clients that last, on several devices that break off and come back at any moment.

A store with a thread of its own decides a thing at one moment and has it told at another. Here a
writer without a thread does both whenever the seed says so, so that every order of the two happens.
Devices take what they are sent later, and lose what they have not taken when they break off. What
they must see nevertheless: each number of a link once and in order, nothing outside a link, and all
that was acknowledged. A failure is one seed, which stands in the test's name and says everything.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import duologue.replay
from duologue.core.events import MAX_TOKENS
from duologue.core.model import State, Terms
from duologue.node import Limits, Node
from duologue.replay import _PAGE_AHEAD_BYTES
from tests.node.fakes import FakeSession, VirtualLoop, virtual_clock
from tests.node.stage import by_id_or_token
from tests.simulation.scheduled import FailingStore, Scheduled, SlowStore

SEEDS = range(300)
SEEDS_ON_DISK = range(100)
STEPS = 250
PAGE = 3

WEIGHTS = {
    "work": 14,
    "tell": 14,
    "take": 12,
    "connect": 6,
    "break_off": 4,
    "message": 20,
    "retry": 3,
    "receipt": 4,
    "link_request": 3,
    "link_accept": 6,
    "link_close": 1,
    "block": 0.5,
    "unblock": 1,
    "wait": 3,
}


class Line(FakeSession):
    """A session of a device: what the server sends lies in it until the device takes it."""

    def __init__(self, device: Device) -> None:
        super().__init__(device.simulation.node)
        self.device = device
        self.unread: deque[bytes] = deque()
        self.asked: dict[int, tuple[str, str, Any]] = {}

    def send(self, packets: Iterable[bytes]) -> None:
        for packet in packets:
            # Of what it did it is accountable also when it has gone before it is answered
            if self.connected or packet.startswith(b"43"):
                self.device.client.sent(self, packet)
            if self.connected:
                self.unread.append(packet)

    def pending_bytes(self) -> int:
        return _PAGE_AHEAD_BYTES + 1 if len(self.unread) > 2 * PAGE else 0

    def asks_later(self, name: str, peer: str, payload: dict[str, Any]) -> None:
        number = len(self.asked)
        self.asked[number] = (name, peer, payload)
        self.emits(name, {"targetClientId": peer, **payload}, number)


class Client:
    """What the server has told one client, by the order in which it told it, on whatever line."""

    def __init__(self, simulation: Simulation, id: str, devices: int) -> None:
        self.simulation = simulation
        self.id = id
        self.links: set[str] = set()
        self.online: dict[str, bool] = {}
        self.devices = [Device(self) for _ in range(devices)]

    def sent(self, line: Line, packet: bytes) -> None:
        if packet.startswith(b"43"):
            end = packet.index(b"[")
            (answer,) = json.loads(packet[end:])
            self.answered(line, *line.asked[int(packet[2:end])], answer)
        elif packet.startswith(b"42"):
            name, payload = json.loads(packet[2:])
            # What all lines are told alike counts once
            if name in ("client_id", "links", "message") or line is self.connected()[0]:
                getattr(self, f"on_{name}", lambda _: None)(payload)

    def on_client_id(self, payload: Any) -> None:
        assert payload["clientId"] == self.id
        # Nothing but what follows, `links`, says what there is
        if len(self.connected()) == 1:
            self.links.clear()
            self.online.clear()

    def connected(self) -> list[Line]:
        return [each.line for each in self.devices if each.line and each.line.connected]

    def on_links(self, payload: Any) -> None:
        shown = {entry["peer"]: entry["online"] for entry in payload["links"]}
        if len(self.connected()) == 1:
            self.links = set(shown)
        assert set(shown) == self.links
        self.online |= shown

    def on_message(self, payload: Any) -> None:
        peer = payload.get("to", payload["from"])
        assert peer in self.links, "a message outside a link"
        assert payload["from"] == self.id or "to" not in payload
        self.simulation.seen(self.id, peer, payload)

    def on_link_established(self, payload: Any) -> None:
        assert payload["peer"] not in self.links
        self.links.add(payload["peer"])

    def on_link_closed(self, payload: Any) -> None:
        self.links.remove(payload["peer"])

    def on_presence(self, payload: Any) -> None:
        assert payload["clientId"] in self.links
        self.online[payload["clientId"]] = payload["online"]

    def on_receipt(self, payload: Any) -> None:
        peer = payload.get("to", payload["from"])
        assert peer in self.links
        assert payload["read"] <= payload["delivered"]
        self.simulation.receipt(payload["from"], payload.get("to", self.id), payload)

    def answered(self, line: Line, name: str, peer: str, payload: Any, answer: Any) -> None:
        if name in ("link_close", "block") and "ok" in answer:
            self.links.discard(peer)
        if name == "message":
            id = payload["id"]
            self.simulation.under_way[id] -= 1
            if "ok" in answer:
                known = self.simulation.answers.setdefault(id, answer)
                assert answer == known, "a retry got another answer"
            else:
                assert id not in self.simulation.answers or answer["code"] == "unavailable"
                if line.connected:
                    assert answer["code"] != "not_linked" or peer not in self.links
                if not (self.simulation.under_way[id] or id in self.simulation.answers):
                    self.simulation.refused.add(id)


class Device:
    """What a device has, which outlives its line: a token, and how far it has got with whom."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.simulation = client.simulation
        self.line: Line | None = None
        self.token: str | None = None
        self.has: dict[str, int] = {}
        #: Numbers that it knows from the answers to what it sent itself.
        self.own: defaultdict[str, set[int]] = defaultdict(set)
        self.unanswered: dict[str, tuple[str, dict[str, Any]]] = {}

    def connect(self, *, saying_what_it_has: bool = True) -> None:
        self.line = Line(self)
        self.simulation.connects[self.client.id] += 1
        auth: dict[str, Any] = {"keep": True}
        if saying_what_it_has:
            auth["since"] = self.has = {
                peer: self.has.get(peer, 0) for peer in self.simulation.clients
            }
        else:
            self.has.clear()
        if self.token is None:
            auth["id"] = self.client.id
        else:
            auth["resumeToken"] = self.token
        self.line.connect(auth)

    def break_off(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            line.end("transport close")

    def refused_for(self) -> str | None:
        refused = None if self.line is None else self.line.refused
        return None if refused is None else str(refused[1]["code"])

    def take(self, most: int) -> None:
        line = self.line
        while line is not None and line.unread and most:
            most -= 1
            packet = line.unread.popleft()
            if packet.startswith(b"43"):
                end = packet.index(b"[")
                (answer,) = json.loads(packet[end:])
                self.takes_answer(*line.asked[int(packet[2:end])], answer)
            elif packet.startswith(b'42["message"'):
                self.takes_message(json.loads(packet[2:])[1])
            elif packet.startswith(b'42["client_id"'):
                self.token = json.loads(packet[2:])[1]["resumeToken"]

    def takes_answer(self, name: str, peer: str, payload: Any, answer: Any) -> None:
        if name == "message":
            self.unanswered.pop(payload["id"], None)
            if "ok" in answer:
                self.own[peer].add(answer["seq"])

    def takes_message(self, payload: Any) -> None:
        peer, number = payload.get("to", payload["from"]), payload["seq"]
        if number in self.own[peer]:
            return  # said by itself while it was catching up
        has = self.knows(peer)
        if peer in self.has:
            starts = self.simulation.starts(self.client.id, peer)
            assert number == has + 1 or (number > has and number in starts), "a gap or a double"
        self.has[peer] = number

    def knows(self, peer: str) -> int:
        """How far it has got, with what it said itself."""
        if peer not in self.has:
            return 0
        own, starts = self.own[peer], self.simulation.starts(self.client.id, peer)
        while True:
            has = self.has[peer]
            further = {number for number in starts if number > has} | {has + 1}
            if not further & own:
                return has
            self.has[peer] = min(further & own)


class Simulation:
    def __init__(self, seed: int, store: SlowStore | FailingStore) -> None:
        self.random = random.Random(seed)
        self.store = store
        self.writer = Scheduled(store)
        self.node = Node(
            self.store,
            writer=self.writer,
            terms=Terms(queue_max=self.random.choice([3, 1_000]), decline_cooldown=0.0),
            limits=Limits(requests_per_minute=100_000, max_sessions_per_client=3),
            identify=by_id_or_token,
            clock=virtual_clock,
        )
        self.fails = isinstance(store, FailingStore)
        names = [f"client-{number}" for number in range(self.random.randint(2, 4))]
        self.clients: dict[str, Client] = {}
        for name in names:
            self.clients[name] = Client(self, name, self.random.randint(1, 3))
        self.connects: defaultdict[str, int] = defaultdict(int)
        self.answers: dict[str, Any] = {}
        #: How often a message is on its way to be decided, and those that were refused for good.
        self.under_way: defaultdict[str, int] = defaultdict(int)
        self.refused: set[str] = set()
        self._starts: defaultdict[frozenset[str], set[int]] = defaultdict(set)
        self._contents: dict[tuple[frozenset[str], int], str] = {}
        self._receipts: dict[tuple[str, str], tuple[int, int]] = {}

    # What must hold for whatever reaches anyone

    def starts(self, a: str, b: str) -> set[int]:
        """The numbers with which links of the two began."""
        return self._starts[frozenset((a, b))]

    def seen(self, client: str, peer: str, payload: Any) -> None:
        pair, number = frozenset((client, peer)), payload["seq"]
        id = payload["id"]
        assert payload["content"] == f"{payload['from']} said {id}"
        assert id not in self.refused
        assert self._contents.setdefault((pair, number), id) == id, "two messages of one number"
        if id in self.answers:
            assert self.answers[id]["seq"] == number

    def receipt(self, reader: str, writer: str, payload: Any) -> None:
        now = payload["delivered"], payload["read"]
        before = self._receipts.get((reader, writer), (0, 0))
        assert now[0] >= before[0]
        assert now[1] >= before[1]
        self._receipts[reader, writer] = now

    # What happens

    async def run(self) -> None:
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        for client in self.clients.values():
            client.devices[0].connect()
        for _ in range(STEPS):
            (name,) = self.random.choices(names, weights)
            if name == "work":
                self.work()
            elif name == "tell":
                self.writer.tell(self.random.randint(1, 6))
            elif name == "wait":
                await asyncio.sleep(self.random.choice([0, 0.03]))
            else:
                client = self.random.choice(list(self.clients.values()))
                self.act(name, client, self.random.choice(client.devices))
        await self.finish()

    def work(self) -> None:
        if self.fails and self.random.random() < 0.05:
            self.store.failures = self.random.randint(1, 4)
        for a, b, first in self.writer.work(self.random.randint(1, 6), self.first_numbers):
            self.starts(a, b).add(first)

    def first_numbers(self) -> list[tuple[str, str, int]]:
        pairs = (pair for client in self.clients for pair in self.store.pairs(client))
        return [(pair.low, pair.high, pair.first) for pair in pairs]

    def act(self, name: str, client: Client, device: Device) -> None:
        line = device.line
        if line is not None and line.refused is not None:
            code = line.refused[1]["code"]
            if code == "expired":
                # More answers than tokens are kept for were lost
                assert self.connects[client.id] >= MAX_TOKENS
                device.token = None
            else:
                assert code == "unavailable"
            device.break_off()
        elif line is not None and line.gone:
            device.line = None  # it was not given a page, and is to come again
        elif name == "connect":
            if line is None:
                device.connect(saying_what_it_has=self.random.random() < 0.8)
        elif name == "break_off":
            device.break_off()
        elif name == "take":
            device.take(self.random.randint(1, 12))
        elif line is not None and line.connected:
            self.ask(line, device, name)

    def ask(self, line: Line, device: Device, name: str) -> None:
        own = device.client.id
        peer = self.random.choice([id for id in self.clients if id != own])
        payload: dict[str, Any] = {}
        if name == "message":
            id = str(uuid.UUID(int=self.random.getrandbits(128)))
            payload = {"id": id, "message": f"{own} said {id}"}
            device.unanswered[id] = (peer, payload)
        elif name == "retry":
            if not device.unanswered:
                return
            peer, payload = self.random.choice(list(device.unanswered.values()))
            if payload["id"] in self.refused:
                return
            name = "message"
        elif name == "receipt":
            got = device.knows(peer)
            payload = {"delivered": got, "read": self.random.randint(0, got)}
        if name == "message":
            self.under_way[payload["id"]] += 1
        line.asks_later(name, peer, payload)

    # What must hold in the end

    async def quiet(self) -> None:
        for _ in range(200):
            while not self.writer.idle_at_last:
                self.work()
                self.writer.tell(100)
            for client in self.clients.values():
                for device in client.devices:
                    device.take(1_000)
            await asyncio.sleep(0.03)
            behind = any(each.behind for each in self.node.hub._clients.values())
            unsettled = self.node._lobby._unsettled
            if unsettled:
                await asyncio.sleep(31)
            elif self.writer.idle_at_last and not behind:
                return
        raise AssertionError("it never comes to rest")

    async def finish(self) -> None:
        await self.quiet()
        self.check()
        self.store.failures = 0
        self.fails = False
        for client in self.clients.values():
            for device in client.devices:
                if device.refused_for() == "expired":
                    device.token = None
                device.break_off()
                device.connect()
        await self.quiet()
        self.check()
        self.check_that_nothing_is_missing()

    def check(self) -> None:
        for client in self.clients.values():
            lines = client.connected()
            assert self.node.hub.online(client.id) == bool(lines)
            identity = self.store.identity(client.id)
            if identity is None:
                # It has never come in
                assert not any(device.token for device in client.devices)
                continue
            assert (identity.expires_at is None) == bool(lines)
            if not lines:
                continue
            pairs = {pair.other(client.id): pair for pair in self.store.pairs(client.id)}
            linked = {peer for peer, pair in pairs.items() if pair.state is State.LINKED}
            assert client.links == linked
            assert {peer: client.online[peer] for peer in linked} == {
                peer: self.node.hub.online(peer) for peer in linked
            }

    def check_that_nothing_is_missing(self) -> None:
        for client in self.clients.values():
            for peer in client.links:
                pair = self.store.pair(client.id, peer)
                assert pair is not None
                for device in client.devices:
                    if device.refused_for() is None and pair.seq >= pair.first:
                        assert device.knows(peer) == pair.seq
        for id, answer in self.answers.items():
            for pair_of_two, number in self._contents:
                if self._contents[pair_of_two, number] == id:
                    assert number == answer["seq"]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duologue.replay, "_PAGE", PAGE)


def simulate(seed: int, open_store: Callable[[], SlowStore | FailingStore]) -> None:
    async def run() -> None:
        simulation = Simulation(seed, open_store())
        try:
            await simulation.run()
        finally:
            simulation.node.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


@pytest.mark.parametrize("seed", SEEDS)
def test_who_breaks_off_and_comes_back_sees_all_of_it_once(seed: int) -> None:
    simulate(seed, SlowStore)


@pytest.mark.parametrize("seed", SEEDS_ON_DISK)
def test_who_does_so_while_the_disk_fails_now_and_then_sees_all_of_it_once(
    seed: int, tmp_path: Path
) -> None:
    simulate(seed, lambda: FailingStore(str(tmp_path / "duologue.db")))
