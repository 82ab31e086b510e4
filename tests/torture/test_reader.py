"""Readers in a process of their own are not waited for when it has gone."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.process import Serve

from .ledger import Ledger
from .reader import Readers


async def wait_for_readers_that_are_killed(port: int) -> None:
    async with Readers.connected(port, 1, 1, Ledger()) as readers:
        readers.process.kill()
        await asyncio.Event().wait()


@pytest.mark.anyio
async def test_who_waits_for_readers_is_told_when_their_process_ends(serve: Serve) -> None:
    server = serve("--store", "memory:")
    with pytest.raises(ExceptionGroup) as caught:
        await wait_for_readers_that_are_killed(server.port)
    assert [str(each) for each in caught.value.exceptions] == ["the readers' process has ended"]
