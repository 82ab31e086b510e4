"""A store that cannot do what it is asked: everyone is told the truth, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duologue.core import events
from duologue.core.model import Identity, Pair
from duologue.node import Node
from duologue.stores.base import StoreError
from duologue.stores.book import Book
from duologue.stores.memory import MemoryStore
from tests.node.fakes import FakeSession, by_id, connected, link, virtual_clock

pytestmark = pytest.mark.anyio

ID = "7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"


class FailingStore(MemoryStore):
    """Fails to read, or to write, for as long as it is told to."""

    cannot_read = False
    cannot_write = False

    def _open(self, book: Book) -> None:
        super()._open(book)
        self.pair = self._pair

    def _pair(self, a: str, b: str) -> Pair | None:
        if self.cannot_read:
            raise StoreError("the disk cannot be read")
        return self._book.pair(a, b)

    def apply(self, change: events.Change) -> None:
        if self.cannot_write:
            raise StoreError("the disk is full")
        super().apply(change)

    def add_message(self, message: events.AddMessage) -> None:
        if self.cannot_write:
            raise StoreError("the disk is full")
        super().add_message(message)


class FailsOnce(MemoryStore):
    """Fails when it is asked for the first time whom a crash has left."""

    failed = False

    def ephemeral(self, limit: int) -> list[Identity]:
        if not self.failed:
            self.failed = True
            raise StoreError("the disk cannot be read")
        return super().ephemeral(limit)


@pytest.fixture
async def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
async def node(store: FailingStore) -> Node:
    return Node(store, identify=by_id, clock=virtual_clock)


UNAVAILABLE = {
    "error": "The service is unavailable at the moment; try again later",
    "code": "unavailable",
    "retryable": True,
}


async def test_a_client_that_cannot_be_kept_is_turned_away(node: Node, store: FailingStore) -> None:
    store.cannot_write = True
    session = connected(node, "ann")
    assert session.refused == (UNAVAILABLE["error"], UNAVAILABLE)


async def test_a_client_that_was_turned_away_has_left_nothing(
    node: Node, store: FailingStore
) -> None:
    store.cannot_write = True
    connected(node, "ann")
    assert (len(node.hub), len(store)) == (0, 0)


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("message", {"message": "hi"}),
    ("link_close", {}),
    ("block", {}),
]


@pytest.mark.parametrize(("name", "payload"), COMMANDS)
async def test_what_cannot_be_kept_is_refused_and_may_be_tried_again(
    node: Node, store: FailingStore, name: str, payload: dict[str, Any]
) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    store.cannot_write = True
    assert ann.asks(name, "ben", **payload) == {**UNAVAILABLE, "targetClientId": "ben"}


@pytest.mark.parametrize(("name", "payload"), COMMANDS)
async def test_nobody_hears_of_what_cannot_be_kept(
    node: Node, store: FailingStore, name: str, payload: dict[str, Any]
) -> None:
    ann, ben, other = connected(node, "ann"), connected(node, "ben"), connected(node, "ann")
    link(ann, ben)
    other.takes()
    store.cannot_write = True
    ann.asks(name, "ben", **payload)
    assert (ben.takes(), other.takes()) == ([], [])


async def test_an_end_that_cannot_be_kept_is_kept_later(node: Node, store: FailingStore) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    store.cannot_write = True
    ann.end()
    store.cannot_write = False
    heard_at_first = ben.hears()
    await asyncio.sleep(31)
    assert (heard_at_first, [name for name, _ in ben.hears()], store.identity("ann")) == (
        [],
        ["presence", "link_closed"],
        None,
    )


async def test_who_comes_back_after_an_end_that_could_not_be_kept_does_not_end_later(
    node: Node, store: FailingStore
) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    store.cannot_write = True
    ann.end()
    store.cannot_write = False
    again = connected(node, "ann")
    link(again, ben)
    await asyncio.sleep(31)
    assert ben.asks("message", "ann", message="hi")["status"] == "delivered"


async def test_it_is_known_that_the_store_works_again_although_nobody_asks(
    node: Node, store: FailingStore
) -> None:
    connected(node, "ann")
    ben = connected(node, "ben")
    store.cannot_write = True
    ben.asks("link_request", "ann")
    await asyncio.sleep(5)
    during = node.trouble
    store.cannot_write = False
    await asyncio.sleep(1.1)
    assert (during, node.trouble) == ("the disk is full", None)


async def test_looking_after_a_store_that_fails_leaves_nothing_in_it(
    node: Node, store: FailingStore
) -> None:
    ann = connected(node, "ann")
    connected(node, "ben")
    store.cannot_write = True
    ann.asks("link_request", "ben")
    store.cannot_write = False
    await asyncio.sleep(5)
    assert len(store) == 2


@pytest.mark.parametrize("keep", [True, False])
async def test_a_start_that_failed_at_first_does_not_end_those_that_have_come_meanwhile(
    keep: bool,
) -> None:
    store = FailsOnce()
    node = Node(store, identify=by_id, clock=virtual_clock)
    connected(node, "ann", keep=keep)
    connected(node, "ben")
    identity = store.identity("ann")
    assert identity is not None
    assert (store.failed, identity.expires_at) == (True, None)


async def test_what_cannot_be_read_is_refused(node: Node, store: FailingStore) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    store.cannot_read = True
    assert ann.asks("typing", "ben")["code"] == "unavailable"


async def test_a_message_that_cannot_be_kept_is_refused_by_its_id(
    node: Node, store: FailingStore
) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    store.cannot_write = True
    assert ann.asks("message", "ben", message="hi", id=ID)["id"] == ID


async def test_it_is_taken_when_it_is_tried_again_and_the_store_has_recovered(
    node: Node, store: FailingStore
) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    store.cannot_write = True
    ann.asks("message", "ben", message="hi", id=ID)
    store.cannot_write = False
    ann.asks("message", "ben", message="hi", id=ID)
    assert [(name, payload["seq"]) for name, payload in ben.hears()] == [("message", 1)]


async def test_the_log_says_that_the_store_failed_and_not_what_was_written(
    node: Node, store: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    store.cannot_write = True
    ann.asks("message", "ben", message="CONTENT")
    assert ("the disk is full" in caplog.text, "CONTENT" in caplog.text) == (True, False)


async def test_a_session_that_asks_for_no_answer_gets_the_refusal_as_an_event(
    node: Node, store: FailingStore
) -> None:
    ann: FakeSession = connected(node, "ann")
    connected(node, "ben")
    store.cannot_write = True
    ann.takes()
    ann.emits("link_request", {"targetClientId": "ben"})
    assert ann.hears() == [
        ("refused", {"event": "link_request", **UNAVAILABLE, "targetClientId": "ben"})
    ]
