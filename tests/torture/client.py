"""A client that comes back: it keeps its identity, says what it has, and asks again until answered.

What happens to it goes into a journal in the order in which it came over the wire.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from .ledger import Journal, Kind
from .transports import Broken, Transport, open_transport

#: An answer that takes longer than this, on a connection that lives, is one that never came.
ANSWER_SECONDS: Final = 45.0

_BACKOFF_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 0.05
_REFUSED_SECONDS: Final = 20.0


class Gone(Exception):
    """The server will not have this client back."""


class _Pending(NamedTuple):
    event: str
    payload: dict[str, Any]
    answer: asyncio.Future[dict[str, Any] | None]


class _Refused(Exception):
    """The server answered CONNECT with an error."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(str(data))
        self.data = data


async def _at_once() -> None:
    return


class Client:
    """One identity and at most one session of it at a time.

    `port` says where the server is each time, `ready` waits until it is worth asking it, and `kind`
    is a kind of transport, chosen by `random` for each session from `kinds`.
    """

    def __init__(
        self,
        port: Callable[[], int],
        journal: Journal,
        random: random.Random,
        kinds: tuple[str, ...],
        *,
        ready: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self.id = ""
        #: How long a connection may take to open
        self.open_seconds = 60.0
        self.since: dict[str, int] = {}
        #: Called with name and payload of what is no message, for what a scenario wants to do
        self.heard: Callable[[str, dict[str, Any]], None] = lambda name, payload: None
        self.sessions = 0
        #: Seconds that it took to have the present session, from when there was none
        self.resumed_in = 0.0
        self.kinds = kinds
        self._port, self._journal, self._random = port, journal, random
        self._ready = ready
        self._token = ""
        self._transport: Transport | None = None
        self._pending: dict[int, _Pending] = {}
        self._numbers = itertools.count()
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._down.set()
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._refused_since = 0.0

    # The life of a client

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End the session, and come back no more until `start`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error if isinstance(error, Gone) else Gone(repr(error))
            self._journal.violation(Kind.OTHER, f"client {self.id} ended: {error!r}")
            self._up.set()

    async def online(self) -> None:
        """Wait until there is a session. Raises `Gone` if there will be none."""
        await self._up.wait()
        if self._failure is not None:
            raise self._failure

    async def offline(self) -> None:
        """Wait until there is no session."""
        await self._down.wait()

    async def disconnect(self) -> None:
        """Drop the connection, as a network does; the client comes back by itself."""
        self._up.clear()
        if self._transport is not None:
            await self._transport.close()

    async def _run(self) -> None:
        began, sessions = time.monotonic(), self.sessions
        while True:
            await self._ready()
            if sessions != self.sessions:
                began, sessions = time.monotonic(), self.sessions
            try:
                await self._session(began)
            except _Refused as refused:
                self._refuse(refused.data)
            except (Broken, TimeoutError):
                pass
            finally:
                self._over()
            await asyncio.sleep(self._random.uniform(0, _BACKOFF_SECONDS))

    def _refuse(self, data: dict[str, Any]) -> None:
        """A server that is busy may say so; one that has forgotten the client may not."""
        self._journal.count(f"connection refused: {data.get('code')}")
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        if not data.get("retryable") or now > self._refused_since + _REFUSED_SECONDS:
            raise Gone(f"refused: {data}")

    async def _session(self, began: float) -> None:
        async with asyncio.timeout(self.open_seconds):
            transport = await open_transport(self._random.choice(self.kinds), self._port())
        try:
            auth: dict[str, Any] = {"keep": True}
            if self._token:
                auth |= {"resumeToken": self._token, "since": self.since}
            asked = dict(self.since)
            silence = transport.handshake["pingInterval"] + transport.handshake["pingTimeout"]
            async with asyncio.timeout(silence / 1_000):
                await transport.send("40" + json.dumps(auth))
            self._transport = transport
            while True:
                async with asyncio.timeout(silence / 1_000):
                    packets = await transport.receive()
                    if "2" in packets:
                        await transport.send("3")
                for packet in packets:
                    self._packet(packet, asked, began)
        finally:
            self._transport = None
            await transport.close()

    async def knock(self) -> None:
        """Ask to be let in, and leave on being let in, before the new token has come."""
        transport = await open_transport(self._random.choice(self.kinds), self._port())
        try:
            await transport.send("40" + json.dumps({"keep": True, "resumeToken": self._token}))
            async with asyncio.timeout(self.open_seconds):
                await transport.receive()
        finally:
            await transport.close()

    def _over(self) -> None:
        self._up.clear()
        self._down.set()
        pending, self._pending = self._pending, {}
        for each in pending.values():
            if not each.answer.done():
                each.answer.set_result(None)

    # What comes in

    def _packet(self, packet: str, asked: dict[str, int], began: float) -> None:
        if packet.startswith("42"):
            name, payload = json.loads(packet[2:])
            if name == "client_id":
                self._identified(payload, asked, began)
            else:
                self._event(name, payload)
        elif packet.startswith("43"):
            start = packet.index("[")
            self._answered(int(packet[2:start]), json.loads(packet[start:])[0])
        elif packet.startswith("44"):
            raise _Refused(json.loads(packet[2:]).get("data", {}))
        elif packet in ("1", "41"):
            raise Broken("the server ended the session")

    def _identified(self, payload: dict[str, Any], asked: dict[str, int], began: float) -> None:
        if self.id not in ("", payload["clientId"]):
            raise Gone(f"{self.id} came back as {payload['clientId']}")
        self.id, self._token = payload["clientId"], payload["resumeToken"]
        self._refused_since = 0.0
        self.sessions += 1
        self.resumed_in = time.monotonic() - began
        self._journal.identified(self.id, asked)
        self._down.clear()
        self._up.set()

    def _event(self, name: str, payload: dict[str, Any]) -> None:
        if name == "message" and "error" not in payload:
            self._journal.delivered(self.id, payload)
            self._has(payload.get("to", payload["from"]), payload["seq"])
            return
        if name == "links":
            peers = [entry["peer"] for entry in payload["links"]]
            self._journal.links(self.id, peers)
            for peer in peers:
                self.since.setdefault(peer, 0)
        elif name == "link_established":
            self._journal.linked(self.id, payload["peer"])
            self.since.setdefault(payload["peer"], 0)
        elif name == "link_closed":
            self._journal.unlinked(self.id, payload["peer"])
        self.heard(name, payload)

    def _answered(self, number: int, answer: dict[str, Any]) -> None:
        pending = self._pending.get(number)
        if pending is None:
            self._journal.violation(Kind.UNTRUE, f"{self.id} was answered {answer} unasked")
            return
        if "ok" in answer:
            target = pending.payload.get("targetClientId", "")
            if pending.event == "message":
                self._journal.acked(self.id, target, answer)
                self._has(target, answer["seq"])
            elif pending.event in ("link_close", "block"):
                self._journal.unlinked(self.id, target)
            elif answer.get("state") == "linked":
                self._journal.linked(self.id, target)
        if not pending.answer.done():
            pending.answer.set_result(answer)

    def _has(self, peer: str, seq: int) -> None:
        self.since[peer] = max(self.since.get(peer, 0), seq)

    # What goes out

    async def call(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        """One attempt at an event, and its answer. Raises `Broken` if the connection ends first."""
        transport = self._transport
        if transport is None or not self._up.is_set():
            raise Broken("not connected")
        number = next(self._numbers)
        pending = _Pending(event, payload, asyncio.get_running_loop().create_future())
        self._pending[number] = pending
        await transport.send(f"42{number}{json.dumps([event, payload])}")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await pending.answer
        except TimeoutError:
            self._journal.violation(Kind.OTHER, f"{self.id} got no answer to {event} {payload}")
            await transport.close()
            raise Broken("no answer") from None
        finally:
            self._pending.pop(number, None)
        if answer is None:
            raise Broken("the connection ended before the answer")
        return answer

    async def ask(self, event: str, **payload: Any) -> dict[str, Any]:
        """The answer to an event, asked again for as long as connections break."""
        while True:
            await self.online()
            try:
                return await self.call(event, payload)
            except Broken:
                await asyncio.sleep(0)

    async def say(self, target: str, content: Any, *, patient: bool = True) -> dict[str, Any]:
        """Send a message, with the same ID until there is an answer that is final.

        Not `patient`: a refusal that says "later" is taken as final too.
        """
        id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self._journal.sending(self.id, target, id, content)
        certain = True
        while True:
            await self.online()
            try:
                payload = {"targetClientId": target, "message": content, "id": id}
                answer = await self.call("message", payload)
            except Broken:
                certain = False
                await asyncio.sleep(0)
                continue
            if "ok" in answer:
                return answer
            later = patient and answer["retryable"]
            self._journal.refused(self.id, id, answer["code"], certain and not later)
            if not later:
                return answer
            await asyncio.sleep(answer.get("retryAfter", _RETRY_SECONDS))

    async def history(self, peer: str) -> list[dict[str, Any]]:
        """All that the server keeps of a link, oldest first."""
        entries: list[dict[str, Any]] = []
        before: dict[str, int] = {}
        while True:
            answer = await self.ask("history", targetClientId=peer, limit=100, **before)
            if "ok" not in answer:
                self._journal.violation(Kind.OTHER, f"history was refused: {answer}")
                return entries
            page = sorted(answer["messages"], key=lambda entry: int(entry["seq"]))
            entries[:0] = page
            if not answer["more"] or not page:
                return entries
            before = {"before": page[0]["seq"]}
