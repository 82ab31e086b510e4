"""A file that cannot be written or read for a while: everyone is told, nobody is cut off, and it
works again by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from duologue.stores.sqlite import SqliteStore
from tests.node.stage import Stage

pytestmark = pytest.mark.anyio

ID = "7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"
REASON = "database or disk is full"


class FailingDisk(SqliteStore):
    """Fails at statements that begin like `fails_at`."""

    def __init__(self, path: str) -> None:
        self.fails_at: str | None = None
        super().__init__(path)
        self._really_execute = self._execute
        self._execute = self._may_execute  # type: ignore[assignment]

    def _may_execute(self, statement: str, *bindings: Any) -> Any:
        if self.fails_at is not None and statement.startswith(self.fails_at):
            raise apsw.FullError(REASON)
        return self._really_execute(statement, *bindings)


class Broken:
    """A connection that cannot write many rows at once."""

    def __init__(self, db: apsw.Connection, at: str) -> None:
        self._real = db
        self._at = at

    def executemany(self, statement: str, rows: Any) -> Any:
        if statement.startswith(self._at):
            raise apsw.IOError("disk I/O error")
        return self._real.executemany(statement, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Disk:
    """A stage whose store can be told to fail."""

    def __init__(self, path: Path) -> None:
        self.store = FailingDisk(str(path))
        self.stage = Stage(lambda: self.store)

    def fails(self, at: str) -> None:
        self.store.fails_at = at

    def works(self) -> None:
        self.store.fails_at = None


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    disk = Disk(tmp_path / "duologue.db")
    yield disk
    disk.works()
    disk.stage.close()


AT = pytest.mark.parametrize("at", ["BEGIN", "COMMIT"])

COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("message", {"targetClientId": "ben", "message": "hi"}),
    ("link_close", {"targetClientId": "ben"}),
    ("block", {"targetClientId": "ben"}),
    ("receipt", {"targetClientId": "ben", "read": 1}),
    ("history", {"targetClientId": "ben"}),
    ("invite_create", {}),
    ("forget", {}),
]


@AT
async def test_a_client_that_cannot_be_kept_is_turned_away(disk: Disk, at: str) -> None:
    disk.fails(at)
    ann = await disk.stage.keeps("ann")
    assert (ann.refusal, ann.connected) == ("unavailable", False)


@AT
async def test_it_is_let_in_when_the_disk_works_again(disk: Disk, at: str) -> None:
    disk.fails(at)
    await disk.stage.keeps("ann")
    disk.works()
    assert (await disk.stage.keeps("ann")).id == "ann"


@AT
async def test_a_token_that_could_not_be_exchanged_is_still_good(disk: Disk, at: str) -> None:
    ann = await disk.stage.keeps("ann")
    await ann.leaves()
    disk.fails(at)
    assert (await disk.stage.joins(resumeToken=ann.token)).refusal == "unavailable"
    disk.works()
    assert (await disk.stage.joins(resumeToken=ann.token)).id == "ann"


@AT
@pytest.mark.parametrize(("name", "payload"), COMMANDS)
async def test_what_cannot_be_kept_is_refused_and_may_be_tried_again(
    disk: Disk, at: str, name: str, payload: dict[str, Any]
) -> None:
    ann, ben = await disk.stage.two()
    await ben.says("ann", "one")
    disk.fails(at)
    answer = await ann.does(name, None, **payload)
    assert (answer["code"], answer["retryable"]) == ("unavailable", True)


@AT
@pytest.mark.parametrize(("name", "payload"), COMMANDS)
async def test_nobody_hears_of_it_and_nobody_is_cut_off(
    disk: Disk, at: str, name: str, payload: dict[str, Any]
) -> None:
    ann, ben = await disk.stage.two()
    await ben.says("ann", "one")
    ann.takes()
    disk.fails(at)
    await ann.does(name, None, **payload)
    assert (ann.hears(), ben.hears(), ann.connected, ben.connected) == ([], [], True, True)


@AT
@pytest.mark.parametrize(("name", "payload"), COMMANDS)
async def test_it_is_taken_when_the_disk_works_again(
    disk: Disk, at: str, name: str, payload: dict[str, Any]
) -> None:
    ann, ben = await disk.stage.two()
    await ben.says("ann", "one")
    disk.fails(at)
    await ann.does(name, None, **payload)
    disk.works()
    assert (await ann.does(name, None, **payload))["ok"]


@AT
async def test_numbers_have_no_gap_where_a_message_was_not_kept(disk: Disk, at: str) -> None:
    ann, ben = await disk.stage.two()
    await ann.says("ben", "one")
    disk.fails(at)
    for _ in range(3):
        await ann.does("message", "ben", message="lost", id=ID)
    disk.works()
    await ann.does("message", "ben", message="two", id=ID)
    assert [(p["seq"], p["content"]) for _, p in ben.hears()] == [(1, "one"), (2, "two")]


async def test_of_many_messages_at_once_each_is_refused(disk: Disk) -> None:
    ann, ben = await disk.stage.two()
    disk.fails("COMMIT")
    for number in range(50):
        payload = {"targetClientId": "ben", "message": number}
        ann.emits("message", payload)
    await disk.stage.settles()
    codes = [payload.get("code") for _, payload in ann.hears()]
    assert (codes, ben.hears()) == (["unavailable"] * 50, [])


@AT
async def test_the_node_says_what_the_trouble_is_while_it_lasts(disk: Disk, at: str) -> None:
    ann, _ = await disk.stage.two()
    node = disk.stage.node
    disk.fails(at)
    await ann.does("message", "ben", message="hi")
    during = node.trouble
    disk.works()
    await ann.does("message", "ben", message="hi")
    assert (during, node.trouble) == (REASON, None)


@AT
async def test_it_is_known_that_the_disk_works_again_although_nobody_asks(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr("duologue.lobby._LOOK_AGAIN_SECONDS", 0.001)
    ann, _ = await disk.stage.two()
    disk.fails(at)
    await ann.does("message", "ben", message="hi")
    disk.works()
    while disk.stage.node.trouble is not None:
        await disk.stage.timers()
    assert len(disk.store) == 3  # the two and their pair


async def test_one_that_leaves_meanwhile_is_settled_later(disk: Disk) -> None:
    ann, ben = await disk.stage.two()
    disk.fails("BEGIN")
    await ann.leaves()
    disk.works()
    disk.stage.node._lobby._sweep()
    await disk.stage.settles()
    assert [payload for _, payload in ben.hears()] == [
        {"clientId": "ann", "online": False, "lastSeen": 1_000_000_000}
    ]


async def test_a_replay_that_cannot_be_read_ends_the_session_so_that_it_comes_again(
    disk: Disk,
) -> None:
    ann, ben = await disk.stage.two()
    await ann.leaves()
    for number in range(1, 151):
        ben.emits("message", {"targetClientId": "ann", "message": number})
    await disk.stage.settles()
    again = await disk.stage.joins(resumeToken=ann.token, since={"ben": 0}, takes_at_most=100)
    disk.fails("SELECT sender")
    again.takes_at_most = None
    await disk.stage.timers()
    while again.connected:
        await disk.stage.timers()
    disk.works()
    third = await disk.stage.joins(resumeToken=ann.token, since={"ben": 100})
    assert (again.replayed, third.replayed) == (list(range(1, 101)), list(range(101, 151)))


@pytest.mark.parametrize("at", ["INSERT", "UPDATE"])
async def test_a_message_whose_row_cannot_be_written_is_refused_and_nothing_of_it_is_left(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    ann, ben = await disk.stage.two()
    await ann.says("ben", "one")
    broken = Broken(disk.store._db, at)
    monkeypatch.setattr(disk.store, "_db", broken)
    answer = await ann.does("message", "ben", message="lost")
    monkeypatch.undo()
    again = await ann.does("message", "ben", message="two")
    assert (answer["code"], again["seq"]) == ("unavailable", 2)
    assert ben.reads() == ["one", "two"]
