"""Jobs on a store, one after the other: at once, or on a thread of their own in batches.

A batch is whatever arrived while the last one was committed. Nothing that a job found out is told
to anyone before its batch has been committed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from .base import Conflict, Store, StoreError

T = TypeVar("T")

_logger: Final = logging.getLogger("duologue.stores")

#: After so many jobs in a row that the store itself failed at, the rest of a batch is given up.
_FAILURES: Final = 2

#: So many jobs at most share a commit, so that none waits for very many.
_BATCH: Final = 512


class Job(NamedTuple):
    """`run` is called in a transaction, on whatever thread; it may be called again when the batch
    that it was in could not be kept. Of `done` and `failed` one is called, on the loop."""

    run: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[StoreError], None]


class Writer(Protocol):
    """Runs jobs in the order in which they are submitted, and tells in that order, too."""

    #: Why the last job was not kept; None while the store works.
    trouble: str | None

    def submit(
        self,
        run: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        """Have `run` called in a transaction, then `done` with what it returned."""

    async def drained(self) -> None:
        """Wait until everything submitted before has been told."""

    def close(self) -> None:
        """Finish what was submitted, then close the store."""


class Inline:
    """For a store that keeps everything at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.trouble: str | None = None

    def submit(
        self,
        run: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        try:
            with self._store.transaction():
                result = run()
        except StoreError as error:
            if not isinstance(error, Conflict):
                self.trouble = str(error)
            failed(error)
            return
        self.trouble = None
        done(result)

    async def drained(self) -> None:
        pass

    def close(self) -> None:
        self._store.close()


class Outcome(NamedTuple):
    job: Job
    result: Any
    error: StoreError | None


class Batches:
    """What a `Threaded` has committed: how many batches and jobs, and in how many seconds."""

    def __init__(self) -> None:
        self.batches = 0
        self.jobs = 0
        self.seconds = 0.0
        self.largest = 0

    def count(self, jobs: int, seconds: float) -> None:
        self.batches += 1
        self.jobs += jobs
        self.seconds += seconds
        self.largest = max(self.largest, jobs)


class Threaded:
    """Group commit on a thread of its own, for a store that has something to wait for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.trouble: str | None = None
        self.batches = Batches()
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition()
        self._idle = False
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(
        self,
        run: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._jobs.append(Job(run, done, failed))
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, name="duologue-writer", daemon=True)
            self._thread.start()
        elif self._idle:
            with self._wake:
                self._wake.notify()

    async def drained(self) -> None:
        if self._thread is not None:
            told = asyncio.Event()
            self.submit(_nothing, lambda _: told.set(), lambda _: told.set())
            await told.wait()

    def close(self) -> None:
        if self._thread is not None:
            with self._wake:
                self._closing = True
                self._wake.notify()
            self._thread.join()
        self._store.close()

    # On the thread

    def _work(self) -> None:
        while True:
            with self._wake:
                self._idle = True
                while not self._jobs and not self._closing:
                    self._wake.wait()
                self._idle = False
                if not self._jobs:
                    return
            batch = [self._jobs.popleft() for _ in range(min(len(self._jobs), _BATCH))]
            self._tell(self._keep(batch))

    def _keep(self, batch: list[Job]) -> list[Outcome]:
        try:
            return self._commit(batch)
        except StoreError as error:
            reason = error
        except Exception as error:
            # A fault of ours in one job must not end the thread that all others need
            _logger.exception("a job on the store failed")
            reason = Conflict(str(error))
        if len(batch) == 1:
            if not isinstance(reason, Conflict):
                self.trouble = str(reason)
            return [Outcome(batch[0], None, reason)]
        # One of them may be to blame, and the others are not to suffer for it. If the store itself
        # is, the first few say so and the rest is spared the wait.
        outcomes: list[Outcome] = []
        failures = 0
        for job in batch:
            if failures == _FAILURES:
                outcomes.append(Outcome(job, None, reason))
                continue
            outcomes += self._keep([job])
            fault = outcomes[-1].error
            failures = failures + 1 if fault and not isinstance(fault, Conflict) else 0
        return outcomes

    def _commit(self, batch: list[Job]) -> list[Outcome]:
        started = time.monotonic()
        with self._store.transaction():
            outcomes = [Outcome(job, job.run(), None) for job in batch]
        self.trouble = None
        self.batches.count(len(batch), time.monotonic() - started)
        return outcomes

    def _tell(self, outcomes: list[Outcome]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_tell, outcomes)


def _tell(outcomes: list[Outcome]) -> None:
    for job, result, error in outcomes:
        if error is None:
            job.done(result)
        else:
            job.failed(error)


def _nothing() -> None:
    pass


__all__ = ["Batches", "Inline", "Job", "Threaded", "Writer"]
