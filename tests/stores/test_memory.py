from __future__ import annotations

import pytest

from duologue.stores.memory import MemoryStore
from tests.stores.contract import RETRY_WINDOW, StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore(history_ttl=100.0, history_max=RETRY_WINDOW)
