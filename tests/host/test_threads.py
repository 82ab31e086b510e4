"""A host's commands from other threads than the loop's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from duologue.host import Refused
from duologue.node import Node
from duologue.stores.sqlite import SqliteStore
from duologue.threads import HostInThreads


class Running:
    """A node on a loop in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.node = Node(SqliteStore(str(path), history_ttl=60.0, history_max=100))
        self.host = HostInThreads(self.node.host, self.loop, timeout=10.0)
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.node.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "duologue.db")
    yield running
    if not running.loop.is_closed():
        running.stop()


def test_every_command_can_be_given_from_another_thread(running: Running) -> None:
    host = running.host
    assert host.link("ann", "ben", create=True)
    assert host.send("ann", "ben", "hi").seq == 1
    assert [each.content for each in host.history("ben", "ann").messages] == ["hi"]
    assert host.client("ann").links[0].peer == "ben"
    host.close("ann", "ben")
    host.block("ann", "ben")
    host.unblock("ann", "ben")
    assert (host.online("ann"), host.disconnect("ann")) == (False, 0)
    host.forget("ann")
    with pytest.raises(Refused, match="not_found"):
        host.client("ann")


def test_many_threads_at_once_lose_nothing(running: Running) -> None:
    running.host.link("ann", "ben", create=True)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: running.host.send("ann", "ben", n), range(64)))
    assert sorted(answer.seq for answer in answers) == list(range(1, 65))


def test_a_loop_that_does_not_answer_in_time_is_not_waited_for(running: Running) -> None:
    goes_on = threading.Event()
    running.loop.call_soon_threadsafe(goes_on.wait)
    host = HostInThreads(running.node.host, running.loop, timeout=0.05)
    with pytest.raises(Refused) as refused:
        host.online("ann")
    goes_on.set()
    assert refused.value.code == "unavailable"


def test_a_loop_that_is_closed_is_unavailable(running: Running) -> None:
    running.stop()
    with pytest.raises(Refused) as refused:
        running.host.online("ann")
    assert refused.value.code == "unavailable"


def test_the_loops_own_thread_cannot_wait_for_itself(running: Running) -> None:
    async def asks() -> None:
        running.host.online("ann")

    with pytest.raises(RuntimeError, match="runs the loop"):
        asyncio.run_coroutine_threadsafe(asks(), running.loop).result(10)
