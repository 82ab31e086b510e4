"""Stores, and a writer that has no thread: when things are kept and told, its user says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import apsw

from duologue.stores.base import Conflict, Store, StoreError
from duologue.stores.memory import MemoryStore
from duologue.stores.sqlite import SqliteStore
from duologue.stores.writer import Call, Job, Threaded


class SlowStore(MemoryStore):
    """One whose changes take their time."""

    immediate = False
    failures = 0


class FailingStore(SqliteStore):
    """One in a file, whose next `failures` transactions cannot be kept after all."""

    failures = 0

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._db.pragma("synchronous", "off")
        self._really_execute = self._execute
        self._execute = self._may_execute  # type: ignore[assignment]

    def _may_execute(self, statement: str, *bindings: Any) -> Any:
        if self.failures and statement == "COMMIT":
            self.failures -= 1
            raise apsw.FullError("database or disk is full")
        return self._really_execute(statement, *bindings)


class Scheduled(Threaded):
    """Keeps jobs in batches, and tells of them, when it is asked to and not on a thread."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.results: deque[tuple[Job, Any]] = deque()

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    @property
    def idle_at_last(self) -> bool:
        return not (self._jobs or self.results)

    def work(self, most: int, noted: Callable[[], list[tuple[str, str, int]]]) -> set[Any]:
        """Keep a batch; returns what was `noted` after each of its jobs that was kept."""
        batch = [self._jobs.popleft() for _ in range(min(most, len(self._jobs)))]
        if not batch:
            return set()
        notes: dict[int, list[tuple[str, str, int]]] = {}

        def run(number: int, job: Job) -> Any:
            result = job.run()
            notes[number] = noted()
            return result

        jobs = [
            Call(partial(run, number, job), job.done, job.failed)
            for number, job in enumerate(batch)
        ]
        results = self._keep(list(jobs))
        self.results.extend(zip(batch, results, strict=True))
        kept = [n for n, result in enumerate(results) if not isinstance(result, StoreError)]
        return {note for number in kept for note in notes[number]}

    def tell(self, most: int) -> None:
        for _ in range(min(most, len(self.results))):
            job, result = self.results.popleft()
            if isinstance(result, StoreError):
                assert not isinstance(result, Conflict), result
                job.failed(result)
            else:
                job.done(result)
