"""What clients sent, were answered and were told, and whether that fits what the server promises.

Clients call the ledger as things happen to them, in the order in which they happen. It looks at
each entry at once, so that a violation names the moment; what can only be said at the end, that
nothing is missing, is said by `lost` and `check_history`. All arguments are plain JSON, so that a
client in another process can keep its part by telling (see `reader.py`).
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

Pair = tuple[str, str]

#: More of one kind than this say nothing new.
_TEXTS_OF_A_KIND: Final = 10
_TEXT_CHARS: Final = 2_000


class Kind(StrEnum):
    """What can go wrong, in the words of the report."""

    LOST = "lost"
    REPEATED = "repeated"
    OUT_OF_ORDER = "out of order"
    OUTSIDE = "outside a link"
    ALTERED = "altered"
    UNTRUE = "untrue answer"
    OTHER = "other"


class Journal(Protocol):
    """Where a client writes down what happens to it."""

    def identified(self, client: str, since: Mapping[str, int]) -> None: ...
    def links(self, client: str, peers: Sequence[str]) -> None: ...
    def linked(self, client: str, peer: str) -> None: ...
    def unlinked(self, client: str, peer: str) -> None: ...
    def sending(self, client: str, target: str, id: str, content: Any) -> None: ...
    def acked(self, client: str, target: str, answer: Mapping[str, Any]) -> None: ...
    def refused(self, client: str, id: str, code: str, final: bool) -> None: ...
    def delivered(self, client: str, payload: Mapping[str, Any]) -> None: ...
    def count(self, what: str) -> None: ...
    def violation(self, kind: str, text: str) -> None: ...


@dataclass(slots=True)
class _Message:
    sender: str
    target: str
    content: Any
    #: The highest number that anyone knew of this pair when it was first sent
    floor: int
    seq: int | None = None
    at: int | None = None
    acked: bool = False
    refused: bool = False
    delivered: bool = False


def pair_of(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


class Ledger:
    """The account of everything; `violations` has what broke a promise, by kind."""

    def __init__(self) -> None:
        self.violations: Counter[str] = Counter()
        self.texts: list[str] = []
        self.counts: Counter[str] = Counter()
        #: Pairs that close their link at times: what is queued then may go, so no gap is wrong.
        self.restless: set[Pair] = set()
        #: Whether what was delivered is kept. Where it is not, what a client has said itself may be
        #: gone before it hears of its number; it learns that when it tries again.
        self.keeps_delivered = True
        self._messages: dict[str, _Message] = {}
        self._ids: defaultdict[Pair, dict[int, str]] = defaultdict(dict)
        self._highest: Counter[Pair] = Counter()
        self._links: defaultdict[str, set[str]] = defaultdict(set)
        self._marks: Counter[tuple[str, str]] = Counter()
        self._skipped: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self._owed: set[str] = set()
        self._settled = asyncio.Event()
        self._settled.set()
        self._awaited: dict[tuple[str, str], tuple[int, asyncio.Event]] = {}

    # Sessions and links

    def identified(self, client: str, since: Mapping[str, int]) -> None:
        """A session begins, of a client that says what it has. Links are told anew after it."""
        self._links[client] = set()
        self.counts["sessions"] += 1
        for peer, seq in since.items():
            self._marks[client, peer] = seq
            self._skipped.pop((client, peer), None)

    def links(self, client: str, peers: Sequence[str]) -> None:
        self._links[client] = set(peers)

    def linked(self, client: str, peer: str) -> None:
        self._links[client].add(peer)

    def unlinked(self, client: str, peer: str) -> None:
        self._links[client].discard(peer)

    # Messages

    def sending(self, client: str, target: str, id: str, content: Any) -> None:
        """A client sends a message for the first time."""
        floor = self._highest[pair_of(client, target)]
        self._messages[id] = _Message(client, target, content, floor)

    def acked(self, client: str, target: str, answer: Mapping[str, Any]) -> None:
        """A client was told that its message is safe."""
        id, seq = answer["id"], answer["seq"]
        message = self._messages.get(id)
        if message is None or (message.sender, message.target) != (client, target):
            self.violation(Kind.UNTRUE, f"{client} got an answer to {id}, which it did not send")
            return
        if not message.acked:
            self.counts["acks"] += 1
        message.acked = True
        if not message.delivered and pair_of(client, target) not in self.restless:
            self._owed.add(id)
            self._settled.clear()
        if seq <= message.floor:
            text = f"{id} got number {seq}, but {message.floor} was known before it was sent"
            self.violation(Kind.OUT_OF_ORDER, text)
        self._number(id, message, answer)
        if seq > self._marks[client, target]:
            self._advance(client, target, seq, "the answer to its message")

    def refused(self, client: str, id: str, code: str, final: bool) -> None:
        """A message was refused. `final`: each attempt at it was, and there will be no other."""
        self.counts[f"refused: {code}"] += 1
        message = self._messages[id]
        message.refused = final
        if final and (message.acked or message.delivered):
            self.violation(Kind.UNTRUE, f"{id} of {client} was refused ({code}) and yet sent")

    def delivered(self, client: str, payload: Mapping[str, Any]) -> None:
        """A client was told a message: another's, or with ``to`` its own."""
        own = "to" in payload
        peer = payload["to"] if own else payload["from"]
        sender, target = (client, peer) if own else (peer, client)
        self.counts["deliveries"] += 1
        if payload["from"] != sender:
            self.violation(
                Kind.ALTERED, f"{client} was told its own message as {payload['from']}'s"
            )
        if peer not in self._links[client]:
            self.violation(Kind.OUTSIDE, f"{client} was told {payload} without a link to {peer}")
        message = self._messages.get(payload["id"])
        if message is None or (message.sender, message.target) != (sender, target):
            self.violation(Kind.ALTERED, f"{client} was told {payload}, which nobody sent")
            return
        if message.content != payload["content"]:
            self.violation(Kind.ALTERED, f"{client} was told {payload} for {message.content!r}")
        if message.refused:
            self.violation(Kind.UNTRUE, f"{client} was told {payload}, which was refused")
        self._number(payload["id"], message, payload)
        self._advance(client, peer, payload["seq"], "a message")
        if not own:
            message.delivered = True
            self._owed.discard(payload["id"])
            if not self._owed:
                self._settled.set()

    def _number(self, id: str, message: _Message, said: Mapping[str, Any]) -> None:
        """A message has one number, a number one message, whoever is told of it and when."""
        pair, seq, at = pair_of(message.sender, message.target), said["seq"], said["at"]
        if message.seq is None:
            message.seq, message.at = seq, at
        elif (message.seq, message.at) != (seq, at):
            text = f"{id} is number {message.seq} at {message.at}, and number {seq} at {at}"
            self.violation(Kind.UNTRUE, text)
        known = self._ids[pair].setdefault(seq, id)
        if known != id:
            self.violation(Kind.UNTRUE, f"number {seq} of {pair} is {known} and {id}")
        self._highest[pair] = max(self._highest[pair], seq)

    def _advance(self, client: str, peer: str, seq: int, what: str) -> None:
        """The numbers of a link go up by one from wherever the client said that it was."""
        mark, skipped = self._marks[client, peer], self._skipped[client, peer]
        own = self._messages[self._ids[pair_of(client, peer)][seq]].sender == client
        if seq <= mark and own and not self.keeps_delivered:
            return  # told by the answer to another try
        if seq <= mark:
            kind = Kind.OUT_OF_ORDER if seq in skipped else Kind.REPEATED
            text = f"{client} was told {seq} of {peer} after {mark}"
            self.violation(kind, text)
            skipped.discard(seq)
            return
        missing = list(range(mark + 1, seq))
        if not self.keeps_delivered:
            ids = self._ids[pair_of(client, peer)]
            missing = [n for n in missing if self._messages[ids[n]].sender != client]
        if missing and pair_of(client, peer) not in self.restless:
            self.violation(Kind.OUT_OF_ORDER, f"{client} got {what} {seq} of {peer} after {mark}")
            skipped.update(missing)
        self._marks[client, peer] = seq
        if (awaited := self._awaited.get((client, peer))) is not None and seq >= awaited[0]:
            awaited[1].set()

    # The end

    async def settled(self, seconds: float) -> bool:
        """Wait until all that was acked has been delivered; False if it is not in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True

    def mark(self, client: str, peer: str) -> int:
        """The number up to which a client has what was said between it and a peer."""
        return self._marks[client, peer]

    async def reaches(self, client: str, peer: str, seq: int, seconds: float) -> bool:
        """Wait until a client is told number `seq` of a link; False if it is not in time.

        Begin to wait before the client begins to resume.
        """
        told = asyncio.Event()
        self._awaited[client, peer] = seq, told
        try:
            async with asyncio.timeout(seconds):
                await told.wait()
        except TimeoutError:
            return False
        finally:
            del self._awaited[client, peer]
        return True

    def lost(self) -> None:
        """Note what was acked and never arrived."""
        for id in self._owed:
            message = self._messages[id]
            text = f"{id}, number {message.seq} from {message.sender} to {message.target}"
            self.violation(Kind.LOST, f"acked and never delivered: {text}")

    def check_history(self, client: str, peer: str, entries: Iterable[Mapping[str, Any]]) -> None:
        """Hold the whole history of a link, oldest first, against what was said in it."""
        pair = pair_of(client, peer)
        found: set[str] = set()
        for place, entry in enumerate(entries, 1):
            self.counts["history"] += 1
            id = entry["id"]
            message = self._messages.get(id)
            if message is None or pair_of(message.sender, message.target) != pair:
                self.violation(Kind.ALTERED, f"history of {pair} has {entry}, which nobody sent")
                continue
            if (message.sender, message.content) != (entry["from"], entry["content"]):
                self.violation(Kind.ALTERED, f"history of {pair} has {entry} for {message}")
            if message.refused:
                self.violation(Kind.UNTRUE, f"history of {pair} has {entry}, which was refused")
            if id in found:
                self.violation(Kind.REPEATED, f"history of {pair} has {id} twice")
            if entry["seq"] != place and pair not in self.restless:
                self.violation(Kind.OUT_OF_ORDER, f"number {place} in history is {entry}")
            found.add(id)
            self._number(id, message, entry)
        for id in set(self._ids[pair].values()) - found:
            if self._messages[id].acked:
                self.violation(Kind.LOST, f"acked and not in the history of {client}: {id}")

    # What else there is to tell

    def count(self, what: str) -> None:
        self.counts[what] += 1

    def violation(self, kind: str, text: str) -> None:
        self.violations[kind] += 1
        if self.violations[kind] <= _TEXTS_OF_A_KIND:
            self.texts.append(f"{kind}: {text[:_TEXT_CHARS]}")
