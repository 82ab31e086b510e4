from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from duologue.core.model import Terms
from duologue.node import Identify, Limits
from duologue.stores.base import Store
from duologue.stores.memory import MemoryStore
from duologue.stores.sqlite import SqliteStore
from tests.node.fakes import VirtualLoop
from tests.node.stage import Stage, by_id_or_token

Stages = Callable[..., Stage]

OpenStore = Callable[..., Store]


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """A loop in which time passes at once, unless there is a thread to wait for."""
    if "stages" in request.fixturenames:
        return "asyncio"
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture(params=["memory", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def open_store(kind: str, tmp_path: Path) -> OpenStore:
    """Open a store of the `kind`; a folder of tests may have others than these."""
    return store_opener(kind, tmp_path)


def store_opener(kind: str, tmp_path: Path) -> OpenStore:
    """Opens the same store each time, if it is one that outlasts its process."""
    if kind == "memory":
        return MemoryStore
    return partial(SqliteStore, str(tmp_path / "duologue.db"))


@pytest.fixture
async def stages(open_store: OpenStore) -> AsyncIterator[Stages]:
    """Make a stage with such a store."""
    made: list[Stage] = []

    def make(
        *,
        terms: Terms | None = None,
        limits: Limits | None = None,
        history_ttl: float = 30 * 86_400.0,
        history_max: int = 10_000,
        identify: Identify = by_id_or_token,
    ) -> Stage:
        opened = partial(open_store, history_ttl=history_ttl, history_max=history_max)
        made.append(Stage(opened, terms, limits, identify))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
async def stage(stages: Stages) -> Stage:
    return stages()
