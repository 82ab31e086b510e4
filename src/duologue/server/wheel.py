"""One timer for all deadlines of a node."""

from __future__ import annotations

import math
from typing import Protocol


class Timed(Protocol):
    """Something with a deadline, in seconds on the wheel's clock; `math.inf` for none.

    `slot` belongs to the wheel: the bucket in which the item lies, -1 for none.
    """

    deadline: float
    slot: int

    def expire(self, now: float) -> None:
        """Called when `deadline` has passed; may set a new one."""


class Wheel:
    """Deadlines in buckets of `tick` seconds, so that nothing is paid for each one that moves.

    Putting a deadline off costs nothing at all: the item stays in its bucket and is moved on when
    that bucket comes up. An item therefore expires up to one `tick` late, never early.
    """

    def __init__(self, tick: float) -> None:
        self.tick = tick
        self._buckets: dict[int, set[Timed]] = {}
        self._done = -1

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def schedule(self, item: Timed) -> None:
        """Make sure that `item` is looked at when its deadline passes."""
        if item.deadline == math.inf:
            return
        slot = max(int(item.deadline / self.tick) + 1, self._done + 1)
        if item.slot >= 0:
            if item.slot <= slot:
                return
            self.remove(item)
        item.slot = slot
        bucket = self._buckets.get(slot)
        if bucket is None:
            bucket = self._buckets[slot] = set()
        bucket.add(item)

    def remove(self, item: Timed) -> None:
        bucket = self._buckets.get(item.slot)
        if bucket is not None:
            bucket.discard(item)
            if not bucket:
                del self._buckets[item.slot]
        item.slot = -1

    def advance(self, now: float) -> None:
        """Expire everything whose deadline has passed at `now`."""
        last = int(now / self.tick)
        # A wheel that stood still for long has more slots to pass than buckets to look at.
        if last - self._done > len(self._buckets):
            due = sorted(slot for slot in self._buckets if slot <= last)
        else:
            due = [slot for slot in range(self._done + 1, last + 1) if slot in self._buckets]
        self._done = max(self._done, last)
        for slot in due:
            # Not popped: an item that expires may remove others of its own bucket.
            bucket = self._buckets[slot]
            while bucket:
                item = bucket.pop()
                item.slot = -1
                if item.deadline <= now:
                    item.expire(now)
                self.schedule(item)
            self._buckets.pop(slot, None)
