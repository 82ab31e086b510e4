from __future__ import annotations

from functools import partial

import pytest

from duologue.stores.postgres import PostgresStore
from tests.node import conftest as node
from tests.node.conftest import OpenStore, anyio_backend, stage, stages
from tests.stores.conftest import postgres_server, postgres_url

__all__ = ["anyio_backend", "postgres_server", "postgres_url", "stage", "stages"]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def open_store(kind: str, request: pytest.FixtureRequest) -> OpenStore:
    """Open a store of any kind that there is."""
    if kind == "postgres":
        return partial(PostgresStore, request.getfixturevalue("postgres_url"))
    return node.store_opener(kind, request.getfixturevalue("tmp_path"))
