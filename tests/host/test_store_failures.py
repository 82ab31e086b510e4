"""A host is told the truth while the store fails."""

from __future__ import annotations

import pytest

from duologue.core import errors
from duologue.host import Refused
from duologue.node import Node
from tests.node.fakes import by_id, connected, link, virtual_clock
from tests.node.test_store_failures import FailingStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
async def node(store: FailingStore) -> Node:
    return Node(store, identify=by_id, clock=virtual_clock)


async def test_a_link_that_cannot_be_kept_is_not_made(node: Node, store: FailingStore) -> None:
    ann, _ = connected(node, "ann"), connected(node, "ben")
    ann.takes()
    store.cannot_write = True
    with pytest.raises(Refused) as refused:
        await node.host.link("ann", "ben")
    assert refused.value.code == errors.UNAVAILABLE
    assert ann.hears() == []


async def test_a_message_that_cannot_be_kept_is_not_sent(node: Node, store: FailingStore) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    store.cannot_write = True
    with pytest.raises(Refused) as refused:
        await node.host.send("ann", "ben", "hi")
    store.cannot_write = False
    assert refused.value.code == errors.UNAVAILABLE
    assert (await node.host.send("ann", "ben", "again")).seq == 1
    assert [payload["content"] for _, payload in ben.hears()] == ["again"]
