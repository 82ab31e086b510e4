"""A node on a store of any kind, with time that is told and answers that are waited for.

It needs a real event loop, for a store may keep things on a thread of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from duologue.core.model import Terms
from duologue.node import Identify, Limits, Named, Node, Session
from duologue.replay import _PAGE_AHEAD_BYTES
from duologue.stores.base import Store
from tests.node.fakes import START, FakeSession

#: More than a session may have on its way to be given the next page of what it has missed.
TOO_MUCH = _PAGE_AHEAD_BYTES + 1


def by_id_or_token(_: Session, auth: Mapping[str, Any]) -> Named:
    """Lets a client say who it is; one that comes with a token need not."""
    return Named(auth.get("id", "somebody"), auth.get("name"))


class Actor(FakeSession):
    """A session that waits for what follows from what it does."""

    def __init__(self, stage: Stage, ends_at: bytes | None = None) -> None:
        super().__init__(stage.node, lambda packet: ends_at is not None and ends_at in packet)
        self.stage = stage
        #: What it was told on connecting.
        self.first: list[tuple[str, Any]] = []
        #: After so many messages it has too much on its way to be given more that it has missed.
        self.takes_at_most: int | None = None
        self._taken = 0

    def send(self, packets: Iterable[bytes]) -> None:
        packets = tuple(packets)
        self._taken += packets[0].startswith(b'42["message"')
        super().send(packets)

    def pending_bytes(self) -> int:
        full = self.takes_at_most is not None and self._taken >= self.takes_at_most
        return TOO_MUCH if full else 0

    async def does(self, name: str, target: str | None = None, **payload: Any) -> dict[str, Any]:
        """Send an event; returns its acknowledgement."""
        if target is not None:
            payload["targetClientId"] = target
        self.emits(name, payload, 7)
        await self.stage.settles()
        (answer,) = (packet for packet in self.packets if packet.startswith(b"437["))
        self.packets.remove(answer)
        found: dict[str, Any] = json.loads(answer[3:])[0]
        return found

    async def says(self, target: str, *contents: Any) -> None:
        for content in contents:
            answer = await self.does("message", target, message=content)
            assert answer["ok"], answer

    async def leaves(self) -> None:
        self.end("transport close")
        await self.stage.settles()

    @property
    def id(self) -> str:
        found: str = self.first[0][1]["clientId"]
        return found

    @property
    def token(self) -> str:
        found: str = self.first[0][1]["resumeToken"]
        return found

    @property
    def links(self) -> dict[str, Any]:
        """The links that it was shown on connecting, by peer."""
        shown = [payload for name, payload in self.first if name == "links"]
        return {entry["peer"]: entry for payload in shown for entry in payload["links"]}

    @property
    def replayed(self) -> list[Any]:
        """The contents of the messages that it was given on connecting."""
        return contents(self.first)

    def reads(self) -> list[Any]:
        """The contents of the messages since last time."""
        return contents(self.hears())

    @property
    def refusal(self) -> str:
        """The code with which it was turned away."""
        assert self.refused is not None
        code: str = self.refused[1]["code"]
        return code


def contents(events: list[tuple[str, Any]]) -> list[Any]:
    return [payload["content"] for name, payload in events if name == "message"]


class Stage:
    """Make one inside a running loop, and close it there."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        terms: Terms | None = None,
        limits: Limits | None = None,
        identify: Identify = by_id_or_token,
    ) -> None:
        self.now = START
        self._open_store = open_store
        self._terms = terms
        self._limits = limits
        self._identify = identify
        self.open()

    def open(self) -> None:
        self.store = self._open_store()
        self.node = Node(
            self.store,
            terms=self._terms,
            limits=self._limits,
            identify=self._identify,
            clock=lambda: self.now,
            url="https://example.org/",
        )

    def close(self) -> None:
        self.node.close()

    def crashes(self) -> None:
        """The process ends without a word to anyone, and the next one opens the same file."""
        self.close()
        self.open()

    async def settles(self) -> None:
        """Wait until nothing is under way but what waits for a session that takes its time."""
        # What is told of one thing may be what the next one begins with: a session that ends while
        # it is let in, and comes back while that is being kept
        for _ in range(3):
            await self.node.settled()
        while any(
            session.pending_bytes() < TOO_MUCH  # type: ignore[attr-defined]
            for client in self.node.hub._clients.values()
            for session in client.behind
        ):
            await asyncio.sleep(0)
            await self.node.settled()

    async def timers(self) -> None:
        """Wait until what was due at once has been done."""
        loop = asyncio.get_running_loop()
        passed = asyncio.Event()
        loop.call_later(0, passed.set)
        await passed.wait()
        await self.settles()

    async def joins(
        self, id: str | None = None, *, takes_at_most: int | None = None, **auth: Any
    ) -> Actor:
        """A session of the client `id`, or of whose token it brings."""
        session = Actor(self)
        session.takes_at_most = takes_at_most
        session.connect(auth if id is None else {"id": id, **auth})
        await self.settles()
        session.first = session.hears()
        return session

    async def keeps(self, id: str, **auth: Any) -> Actor:
        return await self.joins(id, keep=True, **auth)

    async def links(self, a: Actor, b: Actor) -> None:
        """Link two sessions' clients; what they were told of it is forgotten."""
        assert (await a.does("link_request", b.id))["ok"]
        assert (await b.does("link_accept", a.id))["ok"]
        a.takes()
        b.takes()

    async def two(self) -> tuple[Actor, Actor]:
        """Ann and Ben, who are kept and linked."""
        ann, ben = await self.keeps("ann"), await self.keeps("ben")
        await self.links(ann, ben)
        return ann, ben
