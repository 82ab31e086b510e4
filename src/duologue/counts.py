"""What a node has done since it started, as plain numbers.

They are counted where they cost an addition, and read when somebody asks (`duologue.metrics`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from . import vocabulary
from .core import events
from .core.errors import Refusal

#: In place of names that clients make up: they must not make the numbers grow.
UNKNOWN: Final = "unknown"
CONNECT: Final = "connect"

_LINK_EVENTS: Final[dict[type, str]] = {
    events.LinkEstablished: "established",
    events.LinkDeclined: "declined",
    events.LinkCancelled: "cancelled",
    events.LinkExpired: "expired",
    events.LinkClosed: "closed",
}


class Counts:
    """`delivered`, `stored` and `repeated` are messages by the answer that their sender got, be it
    a client or the host in its name; `refusals` are by event and code, `links` by what became of
    requests and links."""

    __slots__ = ("delivered", "links", "refusals", "repeated", "store_failures", "stored")

    def __init__(self) -> None:
        self.delivered = 0
        self.stored = 0
        self.repeated = 0
        self.store_failures = 0
        self.refusals: Counter[tuple[str, str]] = Counter()
        self.links: Counter[str] = Counter()

    def refused(self, event: str, refusal: Refusal) -> None:
        known = event == CONNECT or event in vocabulary.COMMANDS
        self.refusals[event if known else UNKNOWN, refusal.code] += 1

    def decided(self, decision: events.Decision) -> None:
        """A command was decided; what its effects are is for `told`."""
        reply = decision.reply
        if type(reply) is events.RequestReply and reply.state == "requested" and decision.changes:
            self.links["requested"] += 1

    def told(self, effects: Iterable[events.Tell]) -> None:
        """Effects of one decision or several: what both sides of a pair are told counts once."""
        seen: set[tuple[str, frozenset[str]]] = set()
        for effect in effects:
            event = _LINK_EVENTS.get(type(effect.notice))
            if event is not None and not effect.others:
                pair = frozenset((effect.to, effect.notice.peer))  # type: ignore[union-attr]
                if (event, pair) not in seen:
                    seen.add((event, pair))
                    self.links[event] += 1
