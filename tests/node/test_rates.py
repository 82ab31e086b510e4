"""How often one client may do something: as often as is said, and not once more."""

from __future__ import annotations

import asyncio

import pytest

from duologue.core.model import Terms
from duologue.node import Limits, Node
from duologue.stores.memory import MemoryStore
from tests.node.fakes import FakeSession, by_id, connected, link, virtual_clock

pytestmark = pytest.mark.anyio

ID = "7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"


def limited(**limits: int) -> Node:
    return Node(
        MemoryStore(),
        terms=Terms(decline_cooldown=0),
        limits=Limits(**limits),
        identify=by_id,
        clock=virtual_clock,
    )


def two(node: Node) -> tuple[FakeSession, FakeSession]:
    return connected(node, "ann"), connected(node, "ben")


async def test_typing_and_signals_count_as_messages() -> None:
    ann, ben = two(limited(messages_per_minute=3))
    link(ann, ben)
    ann.asks("message", "ben", message="hi")
    ann.asks("typing", "ben")
    ann.asks("signal", "ben", data=1)
    assert ann.asks("message", "ben", message="hi")["code"] == "rate_limited"


async def test_what_is_too_often_does_not_arrive() -> None:
    ann, ben = two(limited(messages_per_minute=1))
    link(ann, ben)
    ann.asks("message", "ben", message="one")
    ben.takes()
    ann.asks("message", "ben", message="two")
    assert ben.takes() == []


async def test_what_is_too_often_gets_no_number() -> None:
    ann, ben = two(limited(messages_per_minute=1))
    link(ann, ben)
    ann.asks("message", "ben", message="one")
    ann.asks("message", "ben", message="two")
    await asyncio.sleep(60)
    assert ann.asks("message", "ben", message="three")["seq"] == 2


async def test_a_message_that_is_too_often_is_refused_by_its_id() -> None:
    ann, ben = two(limited(messages_per_minute=1))
    link(ann, ben)
    ann.asks("message", "ben", message="one")
    assert ann.asks("message", "ben", message="two", id=ID) == {
        "error": "Too many requests; try again later",
        "code": "rate_limited",
        "retryable": True,
        "retryAfter": 60.0,
        "targetClientId": "ben",
        "id": ID,
    }


async def test_one_clients_rate_is_not_anothers() -> None:
    ann, ben = two(limited(messages_per_minute=1))
    link(ann, ben)
    ann.asks("message", "ben", message="hi")
    assert ben.asks("message", "ann", message="hi")["ok"]


async def test_all_sessions_of_a_client_have_one_rate() -> None:
    node = limited(messages_per_minute=1)
    ann, ben = two(node)
    link(ann, ben)
    ann.asks("message", "ben", message="hi")
    other = connected(node, "ann")
    assert other.asks("message", "ben", message="hi")["code"] == "rate_limited"


async def test_after_a_long_silence_no_more_may_come_at_once_than_in_a_minute() -> None:
    ann, ben = two(limited(messages_per_minute=3))
    link(ann, ben)
    await asyncio.sleep(10_000)
    answers = [ann.asks("message", "ben", message="hi") for _ in range(4)]
    assert [answer.get("code") for answer in answers] == [None, None, None, "rate_limited"]


@pytest.mark.parametrize("name", ["message", "typing", "signal", "link_close"])
async def test_every_attempt_on_a_stranger_counts(name: str) -> None:
    ann, _ = two(limited(stranger_messages_per_minute=2))
    payload = {"message": "", "data": ""}
    codes = [ann.asks(name, "ben", **payload)["code"] for _ in range(3)]
    assert codes == ["not_linked", "not_linked", "rate_limited"]


async def test_nobody_and_a_stranger_are_the_same_when_it_is_too_often() -> None:
    ann, _ = two(limited(stranger_messages_per_minute=1))
    ann.asks("message", "nobody", message="")
    answers = [ann.asks("message", target, message="") for target in ("ben", "nobody")]
    for answer in answers:
        del answer["targetClientId"]
    assert answers[0] == answers[1]


async def test_attempts_on_strangers_may_be_made_again_when_their_time_has_come() -> None:
    ann, _ = two(limited(stranger_messages_per_minute=2))
    for _ in range(3):
        answer = ann.asks("message", "ben", message="")
    await asyncio.sleep(answer["retryAfter"])
    assert ann.asks("message", "ben", message="")["code"] == "not_linked"


@pytest.mark.parametrize(
    "name", ["link_accept", "link_decline", "link_cancel", "link_close", "block", "unblock"]
)
async def test_every_step_counts_as_a_request(name: str) -> None:
    ann, _ = two(limited(requests_per_minute=1))
    ann.asks(name, "ben")
    assert ann.asks("link_request", "ben")["code"] == "rate_limited"


async def test_a_request_that_is_too_often_is_not_delivered() -> None:
    ann, ben = two(limited(requests_per_minute=1))
    ann.asks("block", "cleo")
    ben.takes()
    ann.asks("link_request", "ben")
    assert ben.takes() == []


async def test_requests_may_be_made_again_when_their_time_has_come() -> None:
    ann, _ = two(limited(requests_per_minute=2))
    for _ in range(3):
        answer = ann.asks("link_request", "ben")
    await asyncio.sleep(answer["retryAfter"] - 0.01)
    early = ann.asks("link_request", "ben")
    await asyncio.sleep(0.02)
    assert (early["code"], ann.asks("link_request", "ben")["state"]) == (
        "rate_limited",
        "requested",
    )


async def test_messages_may_be_sent_when_requests_are_too_many() -> None:
    ann, ben = two(limited(requests_per_minute=1))
    link(ann, ben)
    ann.asks("link_request", "ben")
    assert ann.asks("message", "ben", message="hi")["ok"]


async def test_a_client_may_have_20_sessions() -> None:
    node = limited()
    sessions = [connected(node, "ann") for _ in range(20)]
    assert [session.refused for session in sessions] == [None] * 20


async def test_a_client_may_not_have_21_sessions() -> None:
    node = limited()
    for _ in range(20):
        connected(node, "ann")
    assert connected(node, "ann").refused == (
        "This client has too many sessions",
        {
            "error": "This client has too many sessions",
            "code": "overloaded",
            "retryable": True,
        },
    )


async def test_a_session_that_ends_makes_room_for_another() -> None:
    node = limited()
    sessions = [connected(node, "ann") for _ in range(20)]
    sessions[3].end()
    assert connected(node, "ann").refused is None
