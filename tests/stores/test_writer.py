"""Jobs on a store: in order, told after they are kept, and none at another's cost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest

from duologue.stores.base import Conflict, StoreError, Uncertain
from duologue.stores.memory import MemoryStore
from duologue.stores.writer import Call, Inline, Threaded, Writer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Ledger(MemoryStore):
    """Keeps what jobs write into it, all of a transaction or nothing.

    It fails at the end of a transaction for as long as `trouble` says why, and holds the next one
    while it is not let go.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []
        self.commits: list[list[str]] = []
        self.trouble = ""
        self.failure: type[StoreError] = StoreError
        self.attempts = 0
        self.closed = False
        self.may_go = threading.Event()
        self.may_go.set()
        self.begun = threading.Event()
        self._written: list[str] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.begun.set()
        assert self.may_go.wait(10)
        self.attempts += 1
        self._written = []
        yield
        if self.trouble:
            raise self.failure(self.trouble)
        self.kept += self._written
        self.commits.append(self._written)

    def write(self, line: str) -> str:
        self._written.append(line)
        return line

    def close(self) -> None:
        self.closed = True


class Desk:
    """Hands in jobs, and writes down what it is told of each."""

    def __init__(self, writer: Writer, store: Ledger) -> None:
        self.writer = writer
        self.store = store
        self.told: list[tuple[str, str]] = []

    def submit(self, line: str, run: Callable[[], object] | None = None) -> None:
        self.writer.submit(
            Call(
                run or (lambda: self.store.write(line)),
                lambda result: self.told.append((line, f"kept {result}")),
                lambda error: self.told.append((line, type(error).__name__)),
            )
        )

    def fails(self, line: str, error: Exception) -> None:
        """A job that writes a line and then fails."""

        def run() -> None:
            self.store.write(line)
            raise error

        self.submit(line, run)

    @contextmanager
    def one_batch(self) -> Iterator[None]:
        """What is submitted here waits, and then is one batch."""
        self.store.may_go.clear()
        self.store.begun.clear()
        self.submit("first")
        assert self.store.begun.wait(10)
        yield
        self.store.may_go.set()


@pytest.fixture
def store() -> Ledger:
    return Ledger()


@pytest.fixture
async def threaded(store: Ledger) -> AsyncIterator[Desk]:
    writer = Threaded(store)
    yield Desk(writer, store)
    store.may_go.set()
    if not store.closed:
        writer.close()


@pytest.fixture
async def inline(store: Ledger) -> Desk:
    return Desk(Inline(store), store)


@pytest.fixture(params=["inline", "threaded"])
def desk(request: pytest.FixtureRequest) -> Desk:
    found: Desk = request.getfixturevalue(request.param)
    return found


# Both kinds


async def test_jobs_are_told_in_the_order_in_which_they_were_submitted(desk: Desk) -> None:
    lines = [f"line {number}" for number in range(1_500)]
    for line in lines:
        desk.submit(line)
    await desk.writer.drained()
    assert (desk.store.kept, desk.told) == (lines, [(line, f"kept {line}") for line in lines])


async def test_those_that_fail_are_told_in_the_same_order(desk: Desk) -> None:
    for number in range(50):
        if number % 3:
            desk.submit(f"{number}")
        else:
            desk.fails(f"{number}", Conflict("no longer fits"))
    await desk.writer.drained()
    assert [line for line, _ in desk.told] == [f"{number}" for number in range(50)]


async def test_a_conflict_is_told_to_the_one_who_submitted_it(desk: Desk) -> None:
    desk.fails("one", Conflict("no longer fits"))
    await desk.writer.drained()
    assert desk.told == [("one", "Conflict")]


async def test_a_conflict_is_no_trouble_of_the_store(desk: Desk) -> None:
    desk.fails("one", Conflict("no longer fits"))
    await desk.writer.drained()
    assert desk.writer.trouble is None


async def test_nothing_of_a_job_that_fails_is_kept(desk: Desk) -> None:
    desk.fails("one", Conflict("no longer fits"))
    desk.submit("two")
    await desk.writer.drained()
    assert desk.store.kept == ["two"]


async def test_a_store_that_fails_is_in_trouble_and_says_why(desk: Desk) -> None:
    desk.store.trouble = "the disk is full"
    desk.submit("one")
    await desk.writer.drained()
    assert (desk.told, desk.writer.trouble) == ([("one", "StoreError")], "the disk is full")


async def test_a_store_that_works_again_is_in_trouble_no_longer(desk: Desk) -> None:
    desk.store.trouble = "the disk is full"
    desk.submit("one")
    await desk.writer.drained()
    desk.store.trouble = ""
    desk.submit("two")
    await desk.writer.drained()
    assert (desk.told[1], desk.writer.trouble) == (("two", "kept two"), None)


async def test_a_conflict_does_not_say_that_the_store_works_again(inline: Desk) -> None:
    inline.store.trouble = "the disk is full"
    inline.submit("one")
    inline.fails("two", Conflict("no longer fits"))
    assert inline.writer.trouble == "the disk is full"


async def test_nothing_is_told_of_nothing(desk: Desk) -> None:
    await desk.writer.drained()
    assert (desk.told, desk.writer.trouble) == ([], None)


async def test_closing_closes_the_store(desk: Desk) -> None:
    desk.writer.close()
    assert desk.store.closed


async def test_a_job_that_is_submitted_while_another_is_told_follows_it(desk: Desk) -> None:
    desk.writer.submit(
        Call(lambda: desk.store.write("one"), lambda _: desk.submit("two"), lambda _: None)
    )
    await desk.writer.drained()
    await desk.writer.drained()
    assert desk.store.kept == ["one", "two"]


# On a thread of its own


async def test_what_comes_while_a_batch_is_kept_shares_the_next_commit(threaded: Desk) -> None:
    with threaded.one_batch():
        for number in range(10):
            threaded.submit(f"{number}")
    await threaded.writer.drained()
    assert threaded.store.commits[:2] == [["first"], [f"{number}" for number in range(10)]]


async def test_no_batch_has_more_than_512_jobs(threaded: Desk) -> None:
    with threaded.one_batch():
        for number in range(1_100):
            threaded.submit(f"{number}")
    await threaded.writer.drained()
    assert [len(lines) for lines in threaded.store.commits[:4]] == [1, 512, 512, 76]


async def test_nothing_is_told_before_it_is_kept(threaded: Desk) -> None:
    with threaded.one_batch():
        threaded.submit("one")
        await asyncio.sleep(0)
        told_meanwhile = list(threaded.told)
    await threaded.writer.drained()
    assert (told_meanwhile, len(threaded.told)) == ([], 2)


async def test_what_is_told_is_told_on_the_loop(threaded: Desk) -> None:
    threads: list[threading.Thread] = []
    threaded.writer.submit(
        Call(
            lambda: threads.append(threading.current_thread()),
            lambda _: threads.append(threading.current_thread()),
            lambda _: None,
        )
    )
    await threaded.writer.drained()
    assert [thread is threading.current_thread() for thread in threads] == [False, True]


async def test_one_conflict_in_a_batch_costs_no_other_job(threaded: Desk) -> None:
    with threaded.one_batch():
        threaded.submit("one")
        threaded.fails("two", Conflict("no longer fits"))
        threaded.submit("three")
    await threaded.writer.drained()
    assert (threaded.store.kept, threaded.told[1:]) == (
        ["first", "one", "three"],
        [("one", "kept one"), ("two", "Conflict"), ("three", "kept three")],
    )


async def test_many_conflicts_in_a_batch_cost_no_other_job(threaded: Desk) -> None:
    with threaded.one_batch():
        for number in range(20):
            threaded.fails(f"bad {number}", Conflict("no longer fits"))
        threaded.submit("good")
    await threaded.writer.drained()
    assert (threaded.store.kept, threaded.told[-1]) == (["first", "good"], ("good", "kept good"))


async def test_a_job_that_the_store_fails_at_costs_no_other_job(threaded: Desk) -> None:
    with threaded.one_batch():
        threaded.submit("one")
        threaded.fails("two", StoreError("a page cannot be read"))
        threaded.submit("three")
    await threaded.writer.drained()
    assert threaded.told[1:] == [
        ("one", "kept one"),
        ("two", "StoreError"),
        ("three", "kept three"),
    ]


async def test_a_store_that_fails_fails_everyone_and_is_not_asked_for_each(
    threaded: Desk,
) -> None:
    with threaded.one_batch():
        for number in range(100):
            threaded.submit(f"{number}")
        threaded.store.trouble = "the disk is full"
    await threaded.writer.drained()
    failed = [outcome for _, outcome in threaded.told if outcome == "StoreError"]
    assert (len(failed), threaded.writer.trouble) == (101, "the disk is full")
    assert threaded.store.attempts < 10


async def test_what_may_have_been_kept_is_not_done_again(threaded: Desk) -> None:
    done: list[str] = []
    with threaded.one_batch():
        threaded.submit("one", lambda: done.append("one"))
        threaded.submit("two", lambda: done.append("two"))
        threaded.store.trouble, threaded.store.failure = "the connection broke", Uncertain
    await threaded.writer.drained()
    assert done == ["one", "two"]
    assert threaded.told[1:] == [("one", "Uncertain"), ("two", "Uncertain")]


async def test_a_fault_of_ours_in_one_job_costs_no_other_job(threaded: Desk) -> None:
    with threaded.one_batch():
        threaded.submit("one")
        threaded.fails("two", ZeroDivisionError("ours"))
        threaded.submit("three")
    await threaded.writer.drained()
    assert threaded.told[1:] == [("one", "kept one"), ("two", "Conflict"), ("three", "kept three")]


async def test_a_fault_of_ours_does_not_end_the_thread(threaded: Desk) -> None:
    threaded.fails("one", ZeroDivisionError("ours"))
    await threaded.writer.drained()
    threaded.submit("two")
    await threaded.writer.drained()
    assert threaded.told == [("one", "Conflict"), ("two", "kept two")]


async def test_a_fault_of_ours_is_logged(threaded: Desk, caplog: pytest.LogCaptureFixture) -> None:
    threaded.fails("one", ZeroDivisionError("ours"))
    await threaded.writer.drained()
    assert "ZeroDivisionError: ours" in caplog.text


async def test_a_fault_of_ours_is_told_to_a_job_that_asks_for_it(
    threaded: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Exception] = []
    error = ZeroDivisionError("ours")

    def run() -> None:
        raise error

    threaded.writer.submit(Call(run, told.append, told.append, told.append))
    await threaded.writer.drained()
    assert (told, caplog.records) == ([error], [])


async def test_a_fault_of_ours_in_a_batch_is_logged_once(
    threaded: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with threaded.one_batch():
        threaded.submit("one")
        threaded.fails("two", ZeroDivisionError("ours"))
    await threaded.writer.drained()
    assert len(caplog.records) == 1


async def test_closing_finishes_what_was_submitted(threaded: Desk) -> None:
    for number in range(1_200):
        threaded.submit(f"{number}")
    threaded.writer.close()
    assert (len(threaded.store.kept), threaded.store.closed) == (1_200, True)


async def test_what_was_finished_at_the_end_is_told_while_the_loop_still_runs(
    threaded: Desk,
) -> None:
    threaded.submit("one")
    threaded.writer.close()
    await asyncio.sleep(0)
    assert threaded.told == [("one", "kept one")]


def writers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "duologue-writer"}


async def test_there_is_no_thread_before_there_is_a_job(threaded: Desk) -> None:
    before = writers()
    threaded.submit("one")
    assert len(writers() - before) == 1


async def test_there_is_no_thread_after_it_was_closed(threaded: Desk) -> None:
    before = writers()
    threaded.submit("one")
    threaded.writer.close()
    assert writers() - before == set()


async def test_batches_and_jobs_are_counted(threaded: Desk) -> None:
    with threaded.one_batch():
        for number in range(5):
            threaded.submit(f"{number}")
    threaded.writer.close()
    batches = threaded.writer.batches
    assert batches is not None
    assert (batches.batches, batches.largest, batches.jobs) == (2, 5, 6)


def test_a_loop_that_has_ended_is_told_nothing_more(store: Ledger) -> None:
    async def submit_and_end() -> Threaded:
        writer = Threaded(store)
        store.may_go.clear()
        Desk(writer, store).submit("one")
        return writer

    writer = asyncio.run(submit_and_end())
    store.may_go.set()
    writer.close()
    assert store.kept == ["one"]
