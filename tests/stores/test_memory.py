from __future__ import annotations

import pytest

from duologue.core.events import DropIdentity, PutIdentity, PutPair
from duologue.core.model import Identity, new_pair
from duologue.stores.memory import MemoryStore
from tests.stores.contract import StoreContract
from tests.stores.contract_messages import DeliveredContract
from tests.stores.facts import linked, requested


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore(history_ttl=self.HISTORY_TTL, history_max=self.HISTORY_MAX)


class TestMemoryStoreOfWhatWasNotDelivered(DeliveredContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore(history_ttl=self.HISTORY_TTL, history_max=self.HISTORY_MAX)


def test_clients_that_come_and_go_leave_nothing() -> None:
    store = MemoryStore()
    for number in range(10_000):
        a, b = f"a{number}", f"b{number}"
        for client in (a, b):
            store.apply(PutIdentity(Identity(id=client)))
        store.apply(PutPair(requested(a, b)))
        store.apply(PutPair(linked(a, b)))
        for client in (a, b):
            store.apply(DropIdentity(client))
    assert len(store) == 0
    assert len(store._book.requests._heap) < 2_000


def test_requests_that_come_and_go_leave_little() -> None:
    store = MemoryStore()
    for client in ("ann", "ben"):
        store.apply(PutIdentity(Identity(id=client)))
    for number in range(10_000):
        store.apply(PutPair(requested("ann", "ben", 100.0 + number)))
        store.apply(PutPair(new_pair("ann", "ben")))
    assert len(store) == 2
    assert len(store._book.requests._heap) < 2_000
