"""Requests that nobody answers run out by themselves, and at their time."""

from __future__ import annotations

import asyncio

import pytest

from duologue.core.model import Terms
from duologue.node import Limits, Node
from duologue.stores.memory import MemoryStore
from tests.node.fakes import START, FakeSession, by_id, connected, link, virtual_clock

pytestmark = pytest.mark.anyio

TTL = 60.0


@pytest.fixture
async def node() -> Node:
    return Node(
        MemoryStore(),
        terms=Terms(request_ttl=TTL, max_requests_sent=1_000, max_requests_received=1_000),
        limits=Limits(requests_per_minute=10_000),
        identify=by_id,
        clock=virtual_clock,
    )


def clients(node: Node, *ids: str) -> list[FakeSession]:
    sessions = [connected(node, id) for id in ids]
    for session in sessions:
        session.takes()
    return sessions


async def test_both_are_told_when_the_time_is_over(node: Node) -> None:
    ann, ben = clients(node, "ann", "ben")
    ann.asks("link_request", "ben")
    ben.takes()
    await asyncio.sleep(TTL + 0.01)
    assert (ann.takes(), ben.takes()) == (
        [b'42["link_expired",{"peer":"ben"}]'],
        [b'42["link_expired",{"peer":"ann"}]'],
    )


async def test_nobody_is_told_before(node: Node) -> None:
    ann, ben = clients(node, "ann", "ben")
    ann.asks("link_request", "ben")
    ben.takes()
    await asyncio.sleep(TTL - 0.01)
    assert (ann.takes(), ben.takes()) == ([], [])


async def test_it_expires_at_the_time_that_was_said(node: Node) -> None:
    ann, _ = clients(node, "ann", "ben")
    await asyncio.sleep(5)
    assert ann.asks("link_request", "ben")["expiresAt"] == (START + 5 + TTL) * 1000


async def test_one_who_blocks_is_told_nothing_of_a_request_that_it_never_got(node: Node) -> None:
    ann, ben = clients(node, "ann", "ben")
    ben.asks("block", "ann")
    ann.asks("link_request", "ben")
    await asyncio.sleep(TTL + 0.01)
    assert (ann.hears(), ben.hears()) == ([("link_expired", {"peer": "ben"})], [])


async def test_an_accepted_request_does_not_expire(node: Node) -> None:
    ann, ben = clients(node, "ann", "ben")
    link(ann, ben)
    await asyncio.sleep(10 * TTL)
    assert (ann.takes(), ben.takes()) == ([], [])


async def test_a_request_made_again_has_its_whole_time(node: Node) -> None:
    ann, ben = clients(node, "ann", "ben")
    ann.asks("link_request", "ben")
    await asyncio.sleep(TTL / 2)
    ann.asks("link_cancel", "ben")
    ann.asks("link_request", "ben")
    ben.takes()
    await asyncio.sleep(TTL - 0.01)
    assert (ann.takes(), ben.takes()) == ([], [])


async def test_each_request_expires_at_its_own_time(node: Node) -> None:
    ann, _, _ = clients(node, "ann", "ben", "cleo")
    ann.asks("link_request", "ben")
    await asyncio.sleep(10)
    ann.asks("link_request", "cleo")
    await asyncio.sleep(TTL - 9.9)
    first = ann.hears()
    await asyncio.sleep(10)
    assert (first, ann.hears()) == (
        [("link_expired", {"peer": "ben"})],
        [("link_expired", {"peer": "cleo"})],
    )


async def test_a_later_request_expires_although_the_first_was_answered(node: Node) -> None:
    ann, ben, _ = clients(node, "ann", "ben", "cleo")
    ann.asks("link_request", "ben")
    await asyncio.sleep(10)
    ann.asks("link_request", "cleo")
    ben.asks("link_decline", "ann")
    ann.takes()
    await asyncio.sleep(TTL + 0.01)
    assert ann.hears() == [("link_expired", {"peer": "cleo"})]


async def test_a_later_request_expires_although_the_first_ones_maker_has_gone(node: Node) -> None:
    ann, ben, _ = clients(node, "ann", "ben", "cleo")
    ann.asks("link_request", "cleo")
    await asyncio.sleep(10)
    ben.asks("link_request", "cleo")
    ann.end()
    await asyncio.sleep(TTL + 0.01)
    assert ben.hears() == [("link_expired", {"peer": "cleo"})]


async def test_more_than_are_worked_off_at_once_expire_all(node: Node) -> None:
    clients(node, "ann")
    others = clients(node, *map(str, range(500)))
    for other in others:
        other.asks("link_request", "ann")
    await asyncio.sleep(TTL + 0.01)
    assert [other.hears() for other in others] == [[("link_expired", {"peer": "ann"})]] * 500


async def test_after_a_request_has_expired_its_maker_may_ask_again(node: Node) -> None:
    ann, ben = clients(node, "ann", "ben")
    ann.asks("link_request", "ben")
    await asyncio.sleep(TTL + 0.01)
    ben.takes()
    ann.asks("link_request", "ben")
    assert [name for name, _ in ben.hears()] == ["link_requested"]


async def test_one_who_ends_at_being_told_of_an_expiry_costs_no_other_the_news(node: Node) -> None:
    slow = FakeSession(node, lambda packet: b"link_expired" in packet)
    slow.connect({"id": "slow"})
    ann, _ = clients(node, "ann", "ben")
    slow.asks("link_request", "ben")
    ann.asks("link_request", "ben")
    await asyncio.sleep(TTL + 0.01)
    assert ann.hears() == [("link_expired", {"peer": "ben"})]


async def test_a_node_without_requests_waits_for_nothing(node: Node) -> None:
    ann, ben = clients(node, "ann", "ben")
    link(ann, ben)
    assert node._expiry.idle


async def test_a_request_runs_out_within_the_hour_when_the_clock_was_set_on() -> None:
    ahead = 0.0
    node = Node(
        MemoryStore(),
        terms=Terms(request_ttl=7 * 86_400.0),
        identify=by_id,
        clock=lambda: virtual_clock() + ahead,
    )
    ann, _ = clients(node, "ann", "ben")
    ann.asks("link_request", "ben")
    await asyncio.sleep(60)
    ahead = 7 * 86_400.0
    await asyncio.sleep(3_600)
    assert [name for name, _ in ann.hears()] == ["link_expired"]
    node.close()


async def test_a_request_has_its_time_when_the_clock_was_set_back() -> None:
    ahead = 0.0
    node = Node(
        MemoryStore(),
        terms=Terms(request_ttl=TTL),
        identify=by_id,
        clock=lambda: virtual_clock() + ahead,
    )
    ann, _ = clients(node, "ann", "ben")
    ann.asks("link_request", "ben")
    ahead = -30.0
    await asyncio.sleep(TTL + 20)
    assert ann.hears() == []
    await asyncio.sleep(20)
    assert [name for name, _ in ann.hears()] == ["link_expired"]
    node.close()
