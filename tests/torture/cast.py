"""Many clients in conversation, and what is looked at when they have fallen silent."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from .client import Client, Gone
from .ledger import Kind, Ledger, pair_of

T = TypeVar("T")

#: How long clients may take to come back, to be told all, and to have all answered, in the end.
PATIENCE_SECONDS: Final = 45.0
_HISTORY_SECONDS: Final = 300.0

_AT_ONCE: Final = 200
_LETTERS: Final = 'abcdefghijklmnopqrstuvwxyz äöü 漢字 \U0001f54a " \\ \n \u2028'


class Cast:
    """Clients in a ring, each linked with the next for good, and others whose links come and go.

    `port`, `kinds` and `ready` are those of `Client`.
    """

    def __init__(
        self,
        ledger: Ledger,
        random: random.Random,
        kinds: tuple[str, ...],
        port: Callable[[], int],
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self.ledger = ledger
        self.ring: list[Client] = []
        self.restless: list[tuple[Client, Client]] = []
        #: Seconds that each message took until it was answered, retries included
        self.waits: list[float] = []
        #: How long all clients together may take to have a session
        self.patience = PATIENCE_SECONDS
        self.peers: dict[Client, list[str]] = {}
        self._random, self._kinds, self._port, self._ready = random, kinds, port, ready
        self._talks: set[asyncio.Task[None]] = set()
        self._talking = False
        self._number = 0

    @property
    def clients(self) -> list[Client]:
        return [*self.ring, *(client for pair in self.restless for client in pair)]

    def client(self) -> Client:
        client = Client(
            self._port,
            self.ledger,
            random.Random(self._random.getrandbits(64)),
            self._kinds,
            ready=self._ready,
        )
        self.peers[client] = []
        return client

    async def gather(self, ring: int, restless: int = 0) -> None:
        """Connect all, and link those that belong together."""
        self.ring = [self.client() for _ in range(ring)]
        self.restless = [(self.client(), self.client()) for _ in range(restless)]
        for client in self.clients:
            client.start()
        await self.online()
        for one, other in self.restless:
            self.ledger.restless.add(pair_of(one.id, other.id))
        pairs = list(itertools.pairwise(self.ring))
        if ring > 2:
            pairs.append((self.ring[-1], self.ring[0]))
        await for_each([*pairs, *self.restless], self.link)

    async def link(self, pair: tuple[Client, Client]) -> None:
        """See to it that two clients are linked, whatever is between them."""
        one, other = pair
        while True:
            answer = await one.ask("link_request", targetClientId=other.id)
            if answer.get("state") == "linked":
                break
            if "ok" not in answer:
                self.ledger.violation(Kind.OTHER, f"a request was refused: {answer}")
                return
            await other.ask("link_accept", targetClientId=one.id)
        if pair not in self.restless and other.id not in self.peers[one]:
            self.peers[one].append(other.id)
            self.peers[other].append(one.id)

    async def online(self) -> None:
        """Wait until every client has a session. Raises `Gone` if one has none in time."""
        try:
            async with asyncio.timeout(self.patience):
                for client in self.clients:
                    await client.online()
        except TimeoutError:
            raise Gone(f"not every client is back after {self.patience} s") from None

    # Talk

    def talk(self, in_flight: int, think: float, most: int = 400) -> None:
        """Everybody begins to talk, with pauses of `think` seconds, and contents up to `most`."""
        self._talking = True
        for client in self.ring:
            for _ in range(in_flight):
                self._begin(self._converse(client, think, most))
        for pair in self.restless:
            self._begin(self._waver(*pair, think))

    def _begin(self, talk: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(talk)
        self._talks.add(task)

    async def _converse(self, client: Client, think: float, most: int) -> None:
        while self._talking:
            if self._random.random() < 0.01:
                await self._intrude(client)
            peer = self._random.choice(self.peers[client])
            await self.say(client, peer, self.content(most))
            if self._random.random() < 0.1:
                await self._confirm(client, peer)
            await asyncio.sleep(self._random.uniform(0, 2 * think))

    async def say(self, client: Client, peer: str, content: Any) -> None:
        """A message between clients that are linked, until it is answered: it has to be taken."""
        began = time.monotonic()
        answer = await client.say(peer, content)
        self.waits.append(time.monotonic() - began)
        if "ok" not in answer:
            self.ledger.violation(Kind.UNTRUE, f"{client.id} may not write to {peer}: {answer}")

    def content(self, most: int = 400) -> Any:
        """Something to say, that nobody else says."""
        self._number += 1
        size = int(most ** self._random.random())
        text = "".join(self._random.choices(_LETTERS, k=size))
        if self._random.random() < 0.3:
            return {"number": self._number, "text": text, "nothing": None, "list": [1.5, True]}
        return f"{self._number} {text}"

    def line(self, size: int) -> str:
        """So many characters that nobody else says."""
        self._number += 1
        return f"{self._number} ".ljust(size, "x")

    async def _confirm(self, client: Client, peer: str) -> None:
        mark = self.ledger.mark(client.id, peer)
        if mark:
            answer = await client.ask("receipt", targetClientId=peer, delivered=mark)
            if "ok" not in answer:
                self.ledger.violation(Kind.OTHER, f"a receipt for {mark} was refused: {answer}")

    async def _intrude(self, client: Client) -> None:
        """Write to somebody that one has no link with."""
        other = self._random.choice(self.clients)
        if other is client or other.id in self.peers[client]:
            return
        answer = await client.say(other.id, self.content(), patient=False)
        if "ok" in answer:
            self.ledger.violation(Kind.OUTSIDE, f"{client.id} may write to stranger {other.id}")

    async def _waver(self, one: Client, other: Client, think: float) -> None:
        """Two that write to each other, close their link or block, write on, and link again."""
        while self._talking:
            for _ in range(self._random.randint(1, 8)):
                sender, target = self._random.choice([(one, other), (other, one)])
                await sender.say(target.id, self.content(), patient=False)
            one, other = self._random.choice([(one, other), (other, one)])
            late = asyncio.create_task(other.say(one.id, self.content(), patient=False))
            if self._random.random() < 0.5:
                await one.ask("link_close", targetClientId=other.id)
            else:
                await one.ask("block", targetClientId=other.id)
                await one.ask("unblock", targetClientId=other.id)
            await late
            sender, target = self._random.choice([(one, other), (other, one)])
            await sender.say(target.id, self.content(), patient=False)
            await asyncio.sleep(self._random.uniform(0, 2 * think))
            await self.link((one, other))

    async def hush(self) -> None:
        """Everybody falls silent, once all that was said has been answered."""
        self._talking = False
        done, late = await asyncio.wait(self._talks, timeout=PATIENCE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in done:
            if (error := task.exception()) is not None:
                self.ledger.violation(Kind.OTHER, f"a conversation ended: {error!r}")
        if late:
            text = f"{len(late)} conversations got no answer in {PATIENCE_SECONDS} s"
            self.ledger.violation(Kind.OTHER, text)
        self._talks.clear()

    # The end

    async def settle(self, *, kept: bool = True) -> None:
        """What was acked has arrived, stands in history, and comes again when it is asked for.

        Without `kept` the server is set to delete what has arrived: then only the first.
        """
        if self._talks:
            await self.hush()
        await self.online()
        if not await self.ledger.settled(PATIENCE_SECONDS):
            self.ledger.lost()
        if not kept:
            return
        try:
            async with asyncio.timeout(_HISTORY_SECONDS):
                await for_each(self.ring, self._recall)
        except TimeoutError:
            text = f"history was not told within {_HISTORY_SECONDS} s"
            self.ledger.violation(Kind.OTHER, text)
        await for_each(self.ring, self._replay)

    async def _recall(self, client: Client) -> None:
        for peer in self.peers[client]:
            self.ledger.check_history(client.id, peer, await client.history(peer))

    async def _replay(self, client: Client) -> None:
        """Come back as if some of it had never arrived."""
        await client.stop()
        waits = []
        for peer in self.peers[client]:
            mark = self.ledger.mark(client.id, peer)
            client.since[peer] = self._random.choice([0, self._random.randint(0, mark), mark])
            if client.since[peer] < mark:
                waits.append(self.ledger.reaches(client.id, peer, mark, PATIENCE_SECONDS))
        told = asyncio.gather(*waits)
        await asyncio.sleep(0)  # so that they wait before the first message can come
        client.start()
        if not all(await told):
            self.ledger.violation(Kind.LOST, f"{client.id} was not told all that it had missed")

    async def leave(self) -> None:
        for task in self._talks:
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await asyncio.gather(*(client.stop() for client in self.peers))


async def for_each(items: Iterable[T], do: Callable[[T], Awaitable[None]]) -> None:
    """Do the same with all, with some of them at the same time."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> None:
        async with turn:
            await do(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))
