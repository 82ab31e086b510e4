"""What a client remembers between sessions: what it has had, what is unsent, what peers have read.

No I/O and no clock; futures are what callers wait for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterator
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from duologue.core import errors
from duologue.core.events import Happening, Links, MessageReceived, MessageReply

from .errors import DuologueError


class Connected(msgspec.Struct, frozen=True, rename="camel"):
    """There is a session. `new` is whether this client is somebody that it was not before."""

    client_id: str
    new: bool


class Disconnected(msgspec.Struct, frozen=True):
    """The session is gone; the client tries to come back by itself."""

    reason: str


Event = Happening | Connected | Disconnected

#: Peers of whom something is remembered. A server has a tenth of that many links for a client.
MAX_PEERS: Final = 10_000

#: What an event costs beside what was sent of it.
_EVENT_BYTES: Final = 256


class Inbox:
    """Events that the application has not taken yet, and which messages have come.

    One that is full is `lagging`: it takes nothing until `resume`, and a message that it did not
    take has not come, so that the next session asks for it again.
    """

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self.lagging = False
        self._max_events, self._max_bytes = max_events, max_bytes
        self._events: deque[tuple[Event, int]] = deque()
        self._bytes = 0
        #: By peer: number of the last message that has come
        self._had: dict[str, int] = {}
        #: By peer: numbers of messages that the application has not finished with
        self._open: dict[str, deque[int]] = {}
        #: By peer: numbers of messages of one's own that lie beyond some that have not come
        self._beyond: dict[str, set[int]] = {}
        self._taken: Event | None = None

    def __len__(self) -> int:
        return len(self._events)

    # In

    def status(self, event: Connected | Disconnected) -> None:
        """These find room longer than others; a session between two breaks that gave nothing is
        not worth telling."""
        if isinstance(event, Disconnected) and self._events:
            last, _ = self._events[-1]
            if isinstance(last, Connected) and not last.new:
                self._events.pop()
                return
        if len(self._events) < 2 * self._max_events:
            self._events.append((event, 0))
        else:
            self.lagging = True

    def add(self, event: Happening, size: int) -> bool:
        """Take an event, if there is room; returns whether it did."""
        if self.lagging or not self._room(size):
            self.lagging = True
            return False
        self._put(event, size)
        return True

    def message(self, message: MessageReceived, size: int, *, own: bool = False) -> None:
        """Take a message, unless it has come before; one's `own` is only counted."""
        seq, peer = message.seq, partner(message)
        if not isinstance(seq, int):
            self.add(message, size)
            return
        had = self._had.get(peer)
        if had is not None and seq <= had:
            return
        beyond = self._beyond.get(peer, set())
        if own or (message.to is not UNSET and seq in beyond):
            if not self.lagging:
                self._advance(peer, seq)
            else:
                self._beyond.setdefault(peer, set()).add(seq)
            return
        if self.add(message, size):
            self._advance(peer, seq)
            self._open.setdefault(peer, deque()).append(seq)
        elif had is None and len(self._had) < MAX_PEERS:
            self._had[peer] = seq - 1

    def acked(self, peer: str, seq: int) -> None:
        """The server has taken a message of one's own, and given everything before it."""
        if self.lagging:
            self._beyond.setdefault(peer, set()).add(seq)
        else:
            self._advance(peer, seq)

    def _advance(self, peer: str, seq: int) -> None:
        self._had[peer] = max(self._had.get(peer, 0), seq)
        if len(self._had) > MAX_PEERS:
            self.unlink(next(iter(self._had)))
        if beyond := self._beyond.get(peer):
            beyond -= {number for number in beyond if number <= seq}

    def _room(self, size: int) -> bool:
        if not self._events:
            return True
        return len(self._events) < self._max_events and self._bytes + size <= self._max_bytes

    def _put(self, event: Event, size: int) -> None:
        self._events.append((event, size + _EVENT_BYTES))
        self._bytes += size + _EVENT_BYTES

    # Out

    def take(self) -> Event:
        """The next event; the application has not finished with it before `finish`."""
        event, size = self._events.popleft()
        self._bytes -= size
        self._taken = event
        return event

    def finish(self) -> MessageReceived | None:
        """The application has finished with what it took: the message, if it was one on a link."""
        event, self._taken = self._taken, None
        if not isinstance(event, MessageReceived) or event.seq is UNSET:
            return None
        numbers = self._open[partner(event)]
        numbers.popleft()
        if not numbers:
            del self._open[partner(event)]
        return event

    @property
    def untaken(self) -> bool:
        """Whether there are messages that the application has not finished with."""
        return bool(self._open)

    @property
    def drained(self) -> bool:
        """Whether one that lagged has room again."""
        half = 2 * len(self._events) <= self._max_events and 2 * self._bytes <= self._max_bytes
        return self.lagging and half

    # What has come

    def resume(self) -> dict[str, int]:
        """A new session begins: what it has to say that has come."""
        self.lagging = False
        return dict(self._had)

    def finished(self) -> dict[str, int]:
        """By peer: number of the last message with which the application has finished."""
        return {
            peer: self._open[peer][0] - 1 if peer in self._open else seq
            for peer, seq in self._had.items()
        }

    def start_from(self, since: dict[str, int]) -> None:
        self._had = dict(since)

    def keep_only(self, peers: Collection[str]) -> None:
        """Numbers belong to a link: forget those of peers that there is none with."""
        for peer in [peer for peer in self._had if peer not in peers]:
            self.unlink(peer)

    def last(self, peer: str) -> int:
        """The highest number known on the link; 0 if there is none."""
        return max(self._beyond.get(peer, set()) | {self._had.get(peer, 0)})

    def unlink(self, peer: str) -> None:
        self._had.pop(peer, None)
        self._beyond.pop(peer, None)


def partner(message: MessageReceived) -> str:
    """The other side of the link that a message belongs to."""
    return message.sender if message.to is UNSET else message.to


class Outgoing:
    """A message on its way; `packets` ask for the acknowledgement `ack`."""

    __slots__ = (
        "ack",
        "answer",
        "id",
        "packets",
        "posted",
        "reached",
        "senders",
        "size",
        "strikes",
        "target",
    )

    def __init__(self, id: str, target: str, ack: int, packets: list[bytes]) -> None:
        self.id, self.target, self.ack, self.packets = id, target, ack, packets
        self.size = sum(map(len, packets))
        self.answer: asyncio.Future[MessageReply] = asyncio.get_running_loop().create_future()
        #: How many wait for it
        self.senders = 0
        #: How far the peer has got on the link that it went by
        self.reached: Reached | None = None
        #: Whether any session has been given it
        self.posted = False
        #: How often the server has ended a session on which this was what it had not answered
        self.strikes = 0

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def succeed(self, reply: MessageReply, reached: Reached) -> None:
        if not self.answer.done():
            self.reached = reached
            self.answer.set_result(reply)


class Outbox:
    """Messages that the server has not acknowledged, in the order in which they were sent."""

    def __init__(self, *, max_messages: int, max_bytes: int) -> None:
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._entries: dict[str, Outgoing] = {}
        self._bytes = 0

    def __iter__(self) -> Iterator[Outgoing]:
        return iter(tuple(self._entries.values()))

    def get(self, id: str) -> Outgoing | None:
        return self._entries.get(id)

    def add(self, entry: Outgoing) -> None:
        """Raises `DuologueError`, code ``overloaded``, when there is no room."""
        if len(self._entries) >= self._max_messages or self._bytes + entry.size > self._max_bytes:
            sentence = "Too many messages wait to be stored; try again later"
            raise DuologueError(errors.OVERLOADED, sentence, retryable=True)
        self._entries[entry.id] = entry
        self._bytes += entry.size

    def drop(self, entry: Outgoing) -> None:
        if self._entries.pop(entry.id, None) is not None:
            self._bytes -= entry.size


ReceiptKind = Literal["delivered", "read"]


class Reached:
    """How far the other side of one link says that it has got, and who waits for that."""

    def __init__(self) -> None:
        self._reached: dict[ReceiptKind, int] = {"delivered": 0, "read": 0}
        self._waiting: list[tuple[ReceiptKind, int, asyncio.Future[None]]] = []
        #: Why it gets no further
        self._over: BaseException | None = None

    def to(self, delivered: int, read: int) -> None:
        known = self._reached
        known["read"] = max(known["read"], read)
        known["delivered"] = max(known["delivered"], delivered, known["read"])
        for kind, seq, future in self._waiting:
            if known[kind] >= seq and not future.done():
                future.set_result(None)

    async def wait(self, kind: ReceiptKind, seq: int) -> None:
        """Until the peer has got as far. Raises `DuologueError` when that can no longer be."""
        if self._reached[kind] >= seq:
            return
        if self._over is not None:
            raise self._over
        entry = (kind, seq, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            await entry[2]
        finally:
            self._waiting.remove(entry)

    def end(self, error: BaseException) -> None:
        self._over = error
        for _, _, future in self._waiting:
            if not future.done():
                future.set_exception(error)


class Progress:
    """How far peers have got, by link."""

    def __init__(self) -> None:
        self._links: dict[str, Reached] = {}
        self._over: BaseException | None = None

    def link(self, peer: str) -> Reached:
        """The link with `peer` that there is now."""
        link = self._links.get(peer)
        if link is None:
            link = self._links[peer] = Reached()
            if self._over is not None:
                link.end(self._over)
            if len(self._links) > MAX_PEERS:
                self.unlink(next(iter(self._links)))
        return link

    def links(self, links: Links) -> None:
        for entry in links.links:
            self.link(entry.peer).to(entry.delivered, entry.read)
        listed = {entry.peer for entry in links.links}
        for peer in [peer for peer in self._links if peer not in listed]:
            self.unlink(peer)

    def unlink(self, peer: str) -> None:
        link = self._links.pop(peer, None)
        if link is not None:
            link.end(DuologueError(errors.NOT_LINKED, errors.CODES[errors.NOT_LINKED].sentence))

    def end(self, error: BaseException) -> None:
        self._over = error
        for link in self._links.values():
            link.end(error)


class Delivered:
    """What the server still has to be told to have been delivered, by peer."""

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._said: dict[str, int] = {}
        #: Messages since something was said last
        self.noted = 0

    def note(self, peer: str, seq: int) -> None:
        self.noted += 1
        self._due[peer] = max(self._due.get(peer, 0), seq)
        if len(self._due) > MAX_PEERS:
            self.unlink(next(iter(self._due)))

    def to_say(self) -> list[tuple[str, int]]:
        """What this session has not said yet; it is taken to be said now."""
        unsaid = [(peer, seq) for peer, seq in self._due.items() if self._said.get(peer, 0) < seq]
        self._said.update(unsaid)
        self.noted = 0
        return unsaid

    def answered(self, peer: str, seq: int) -> None:
        if self._due.get(peer) == seq:
            del self._due[peer]
            self._said.pop(peer, None)

    def again(self) -> None:
        """A new session does not know what an earlier one has said and got no answer to."""
        self._said.clear()

    def keep_only(self, peers: Collection[str]) -> None:
        for peer in [peer for peer in self._due if peer not in peers]:
            self.unlink(peer)

    def unlink(self, peer: str) -> None:
        self._due.pop(peer, None)
        self._said.pop(peer, None)


class Backoff:
    """How long to wait before the next attempt: random, up to a bound that doubles. Seconds."""

    def __init__(self, *, first: float = 0.5, most: float = 30.0) -> None:
        self._first, self._most = first, most
        self._attempts = 0

    def next(self, random: float) -> float:
        """`random` is between 0 and 1."""
        bound = min(self._most, self._first * 2.0 ** min(self._attempts, 60))
        self._attempts += 1
        return random * bound

    def reset(self) -> None:
        self._attempts = 0
