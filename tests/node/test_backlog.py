"""Messages that come faster than a store keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.node import Limits
from duologue.stores.sqlite import SqliteStore
from tests.node.stage import Stage

pytestmark = pytest.mark.anyio

MOST = 5


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("messages", [MOST, MOST + 1])
async def test_a_client_may_have_so_many_messages_on_their_way_and_no_more(
    tmp_path: Path, messages: int
) -> None:
    path = str(tmp_path / "duologue.db")
    stage = Stage(lambda: SqliteStore(path), limits=Limits(max_waiting_messages=MOST))
    ann, _ = await stage.two()
    for number in range(messages):
        ann.emits("message", {"targetClientId": "ben", "message": number}, number)
    await stage.settles()
    refused = [packet for packet in ann.takes() if b'"code":"overloaded"' in packet]
    stage.close()
    assert len(refused) == messages - MOST


async def test_they_may_be_sent_again_once_others_were_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "duologue.db")
    stage = Stage(lambda: SqliteStore(path), limits=Limits(max_waiting_messages=MOST))
    ann, ben = await stage.two()
    for _ in range(2):
        for number in range(MOST):
            ann.emits("message", {"targetClientId": "ben", "message": number})
        await stage.settles()
    said = ben.reads()
    stage.close()
    assert said == [*range(MOST)] * 2
