from __future__ import annotations

from collections.abc import AsyncIterator, Callable
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
async def stages(kind: str, tmp_path: Path) -> AsyncIterator[Stages]:
    """Make a stage with a store of the `kind`; a test module may have another than these."""
    made: list[Stage] = []

    def make(
        *,
        terms: Terms | None = None,
        limits: Limits | None = None,
        history_ttl: float = 30 * 86_400.0,
        history_max: int = 10_000,
        identify: Identify = by_id_or_token,
    ) -> Stage:
        def open_store() -> Store:
            if kind == "memory":
                return MemoryStore(history_ttl=history_ttl, history_max=history_max)
            path = str(tmp_path / "duologue.db")
            return SqliteStore(path, history_ttl=history_ttl, history_max=history_max)

        made.append(Stage(open_store, terms, limits, identify))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
async def stage(stages: Stages) -> Stage:
    return stages()
