"""Requests that nobody answers in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from .core import events, rules
from .stores.base import Store, StoreError
from .stores.writer import Call, Writer

#: Requests that expire at the same moment are worked off in pieces, so that nothing waits for all.
_AT_ONCE: Final = 200

#: How long a store that failed is left alone before it is asked again.
_AGAIN_SECONDS: Final = 1.0

#: The clock may be set meanwhile, and no timer notices that.
_LONGEST_WAIT: Final = 3_600.0

_Expired = tuple[list[events.Tell], float | None]


class Expiry:
    """Ends requests when their time is over, and has it told: by one timer for the next of them.

    `failed` is called when the store could not.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        *,
        clock: Callable[[], float],
        perform: Callable[[Iterable[events.Tell]], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._perform = perform
        self._failed = failed
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, due: float | None) -> None:
        """Wake up at `due`, when the next request runs out of time, or to look again what time it
        is; None if there is none."""
        self.stop()
        if due is not None:
            delay = min(max(due - self._clock(), 0.0), _LONGEST_WAIT)
            self._timer = asyncio.get_running_loop().call_later(delay, self._wake)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to wait for."""
        return self._timer is None

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        self._writer.submit(Call(self._expire, self._expired, self._not_expired))

    def _expire(self) -> _Expired:
        store, now = self._store, self._clock()
        effects: list[events.Tell] = []
        for pair in store.due(now, _AT_ONCE):
            decision = rules.expire(pair, now)
            effects += decision.effects
            for change in decision.changes:
                store.apply(change)
        return effects, store.next_due()

    def _expired(self, expired: _Expired) -> None:
        effects, due = expired
        self._perform(effects)
        self.watch(due)

    def _not_expired(self, error: StoreError) -> None:
        self._failed(error)
        self.watch(self._clock() + _AGAIN_SECONDS)
