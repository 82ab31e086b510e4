"""Jobs on a store, one after the other: at once, or on a thread of their own in batches.

A batch is whatever arrived while the last one was committed. Nothing that a job found out is told
to anyone before its batch has been committed.
"""

from __future__ import annotations

import asyncio
import bisect
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from .base import Conflict, Store, StoreError, Uncertain

_logger: Final = logging.getLogger("duologue.stores")

#: After so many jobs in a row that the store itself failed at, the rest of a batch is given up.
_FAILURES: Final = 2

#: So many jobs at most share a commit, so that none waits for very many.
_BATCH: Final = 512


class Job(Protocol):
    """`run` is called in a transaction, on whatever thread; it may be called again when the batch
    that it was in was not kept. Of `done` and `failed` one is called, on the loop."""

    def run(self) -> Any: ...

    def done(self, result: Any) -> None: ...

    def failed(self, error: StoreError) -> None: ...


class Call(msgspec.Struct, gc=False):
    """A job made of functions. Of a fault of ours `faulty` is told, if there is one; else it is
    logged here, and is a failure like others."""

    run: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[StoreError], None]
    faulty: Callable[[Exception], None] | None = None


class Writer(Protocol):
    """Runs jobs in the order in which they are submitted, and tells in that order, too."""

    #: Why the last job was not kept; None while the store works.
    trouble: str | None
    #: What has been committed, where there are commits to count.
    batches: Batches | None

    @property
    def waiting(self) -> int:
        """How many jobs have been submitted and have not begun."""

    def submit(self, job: Job) -> None:
        """Have the job's `run` called in a transaction, then `done` with what it returned."""

    async def drained(self) -> None:
        """Wait until everything submitted before has been told."""

    def close(self) -> None:
        """Finish what was submitted, then close the store."""


class _Fault(Conflict):
    """A job raised what is no failure of a store."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error

    def tell(self, job: Job) -> None:
        if isinstance(job, Call) and job.faulty is not None:
            job.faulty(self.error)
        else:
            _logger.error("a job on the store failed", exc_info=self.error)
            job.failed(Conflict(str(self)))


class Inline:
    """For a store that keeps everything at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.trouble: str | None = None
        self.batches: Batches | None = None

    @property
    def waiting(self) -> int:
        return 0

    def submit(self, job: Job) -> None:
        try:
            with self._store.transaction():
                result = job.run()
        except StoreError as error:
            if not isinstance(error, Conflict):
                self.trouble = str(error)
            job.failed(error)
            return
        self.trouble = None
        job.done(result)

    async def drained(self) -> None:
        pass

    def close(self) -> None:
        self._store.close()


class Histogram:
    """How many values were at most each of `bounds`, and how many were above them all."""

    def __init__(self, *bounds: float) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)

    def count(self, value: float) -> None:
        self.counts[bisect.bisect_left(self.bounds, value)] += 1


class Batches:
    """What a `Threaded` has committed: how many batches and jobs, and in how many seconds."""

    def __init__(self) -> None:
        self.sizes = Histogram(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
        self.latencies = Histogram(
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5
        )
        self.batches = 0
        self.jobs = 0
        self.seconds = 0.0
        self.largest = 0

    def __str__(self) -> str:
        mean, milliseconds = self.jobs / self.batches, self.seconds / self.batches * 1000
        return (
            f"{self.batches} batches of {mean:.1f} jobs, at most {self.largest}, "
            f"in {milliseconds:.2f} ms each"
        )

    def count(self, jobs: int, seconds: float) -> None:
        self.batches += 1
        self.jobs += jobs
        self.seconds += seconds
        self.largest = max(self.largest, jobs)
        self.sizes.count(jobs)
        self.latencies.count(seconds)


class Threaded:
    """Group commit on a thread of its own, for a store that has something to wait for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.trouble: str | None = None
        self.batches: Batches | None = Batches()
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition()
        self._idle = False
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        self._jobs.append(job)
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
            self.submit(Call(_nothing, lambda _: told.set(), lambda _: told.set()))
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
            self._tell(batch, self._keep(batch))

    def _keep(self, batch: list[Job]) -> list[Any]:
        """What each job returned, or the error for which it was not kept."""
        reason: StoreError
        try:
            return self._commit(batch)
        except StoreError as error:
            reason = error
        except Exception as error:
            # A fault of ours in one job must not end the thread that all others need
            reason = _Fault(error)
        # What may have been kept already must not be done again
        if len(batch) == 1 or isinstance(reason, Uncertain):
            if not isinstance(reason, Conflict):
                self.trouble = str(reason)
            return [reason] * len(batch)
        # One of them may be to blame, and the others are not to suffer for it. If the store itself
        # is, the first few say so and the rest is spared the wait.
        results: list[Any] = []
        failures = 0
        for job in batch:
            if failures == _FAILURES:
                results.append(results[-1])
                continue
            results += self._keep([job])
            fault = isinstance(results[-1], StoreError) and not isinstance(results[-1], Conflict)
            failures = failures + 1 if fault else 0
        return results

    def _commit(self, batch: list[Job]) -> list[Any]:
        started = time.monotonic()
        with self._store.transaction():
            results = [job.run() for job in batch]
        self.trouble = None
        if self.batches is not None:
            self.batches.count(len(batch), time.monotonic() - started)
        return results

    def _tell(self, batch: list[Job], results: list[Any]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_tell, batch, results)


def _tell(batch: list[Job], results: list[Any]) -> None:
    for job, result in zip(batch, results, strict=True):
        try:
            if isinstance(result, _Fault):
                result.tell(job)
            elif isinstance(result, StoreError):
                job.failed(result)
            else:
                job.done(result)
        except Exception:
            # A fault of ours in telling of one must not keep the others from being told
            _logger.exception("telling of a job on the store failed")


def _nothing() -> None:
    pass
