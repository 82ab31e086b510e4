"""Sessions that end at the worst moment: while the node tells them something.

A peer that reads nothing is disconnected by whatever overflows its queue, and that can be any
packet. The engine then calls the node from within the node.
"""

from __future__ import annotations

import pytest

from duologue.core.model import Terms
from duologue.node import Node
from duologue.stores.memory import MemoryStore
from tests.node.fakes import FakeSession, by_id, connected, link, virtual_clock

pytestmark = pytest.mark.anyio

TTL = 60.0


class World:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.node = Node(
            self.store, terms=Terms(request_ttl=TTL), identify=by_id, clock=virtual_clock
        )

    def joins(self, id: str, ends_at: bytes | None = None) -> FakeSession:
        """A client; its session ends when it is given a packet that contains `ends_at`."""
        if ends_at is None:
            return connected(self.node, id)
        session = FakeSession(self.node, lambda packet: ends_at in packet)
        session.connect({"id": id})
        return session

    def kept(self) -> tuple[int, int]:
        return len(self.node.hub), len(self.store)


@pytest.fixture
async def world() -> World:
    return World()


def names(session: FakeSession) -> list[str]:
    return [name for name, _ in session.hears()]


# While it connects


@pytest.mark.parametrize("packet", [b"40", b"client_id"])
async def test_a_session_that_ends_while_it_is_accepted_leaves_nothing(
    world: World, packet: bytes
) -> None:
    world.joins("ann", ends_at=packet)
    assert world.kept() == (0, 0)


async def test_a_session_that_has_gone_before_it_is_accepted_leaves_nothing(world: World) -> None:
    session = FakeSession(world.node)
    session.end()
    session.connect({"id": "ann"})
    assert (world.kept(), session.packets) == ((0, 0), [])


@pytest.mark.parametrize("packet", [b"40", b"client_id", b"links"])
async def test_a_second_session_that_ends_while_it_is_accepted_leaves_the_first(
    world: World, packet: bytes
) -> None:
    ann, ben = world.joins("ann"), world.joins("ben")
    link(ann, ben)
    world.joins("ann", ends_at=packet)
    assert ben.asks("message", "ann", message="hi")["status"] == "delivered"


async def test_the_first_session_is_not_told_that_a_second_one_has_gone(world: World) -> None:
    ann = world.joins("ann")
    ann.takes()
    world.joins("ann", ends_at=b"40")
    assert ann.takes() == []


# While it is told of others


async def test_one_who_links_with_a_client_that_ends_meanwhile_hears_of_the_end_last(
    world: World,
) -> None:
    ann, ben = world.joins("ann", ends_at=b"link_established"), world.joins("ben")
    ann.asks("link_request", "ben")
    ben.takes()
    ben.asks("link_accept", "ann")
    assert names(ben) == ["link_established", "presence", "presence", "link_closed"]


async def test_one_who_is_told_of_a_link_hears_that_its_maker_has_gone_meanwhile(
    world: World,
) -> None:
    ann, ben = world.joins("ann"), world.joins("ben", ends_at=b"link_established")
    ann.asks("link_request", "ben")
    ben.emits("link_accept", {"targetClientId": "ann"})
    assert names(ann)[1:] == ["link_established", "presence", "presence", "link_closed"]


async def test_a_link_with_a_client_that_ends_meanwhile_is_not_kept(world: World) -> None:
    ann, ben = world.joins("ann", ends_at=b"link_established"), world.joins("ben")
    ann.asks("link_request", "ben")
    ben.asks("link_accept", "ann")
    assert ben.asks("message", "ann", message="hi")["code"] == "not_found"


async def test_a_request_to_a_client_that_ends_at_it_is_over(world: World) -> None:
    ann, _ = world.joins("ann"), world.joins("ben", ends_at=b"link_requested")
    ann.takes()
    assert ann.asks("link_request", "ben")["state"] == "requested"
    assert names(ann) == ["link_expired"]


async def test_a_sender_hears_that_a_message_has_ended_its_reader(world: World) -> None:
    ann, ben = world.joins("ann"), world.joins("ben", ends_at=b'"content"')
    link(ann, ben)
    ann.asks("message", "ben", message="hi")
    assert names(ann) == ["presence", "link_closed"]


async def test_one_session_of_a_client_that_ends_at_a_message_does_not_cost_another_it(
    world: World,
) -> None:
    ann, slow, quick = world.joins("ann"), world.joins("ben", b'"content"'), world.joins("ben")
    link(ann, slow)
    quick.takes()
    ann.asks("message", "ben", message="hi")
    assert names(quick) == ["message"]


async def test_a_senders_other_session_may_end_at_what_it_sent(world: World) -> None:
    ann, ben, other = world.joins("ann"), world.joins("ben"), world.joins("ann", b'"content"')
    link(ann, ben)
    assert ann.asks("message", "ben", message="hi")["ok"]
    assert (other.connected, len(world.node.hub)) == (False, 2)


async def test_two_who_end_at_each_others_ends_leave_nothing(world: World) -> None:
    ann, ben = world.joins("ann"), world.joins("ben", ends_at=b"presence")
    cleo = world.joins("cleo", ends_at=b"link_closed")
    link(ann, cleo)
    ann.asks("link_request", "ben")
    ben.emits("link_accept", {"targetClientId": "ann"})
    ann.end()
    assert world.kept() == (0, 0)


async def test_everyone_may_end_at_being_told_of_draining(world: World) -> None:
    sessions = [world.joins(name, ends_at=b"draining") for name in ("ann", "ben", "cleo")]
    link(sessions[0], sessions[1])
    world.node.draining()
    assert world.kept() == (0, 0)
