"""Clients that last, and those that do not: who hears of it, and what is left of them."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.core.model import Policy, Terms
from duologue.node import Limits
from tests.node.conftest import Stages
from tests.node.stage import Actor, Stage

pytestmark = pytest.mark.anyio


# Those that do not last


async def test_one_that_is_not_kept_ends_with_its_last_session(stage: Stage) -> None:
    ann, other = await stage.joins("ann"), await stage.joins("ann")
    await ann.leaves()
    assert stage.store.identity("ann") is not None
    await other.leaves()
    assert stage.store.identity("ann") is None


async def test_the_links_of_one_that_is_not_kept_close_with_it(stage: Stage) -> None:
    ann, ben = await stage.joins("ann"), await stage.joins("ben")
    await stage.links(ann, ben)
    await ann.leaves()
    assert ben.hears() == [
        ("presence", {"clientId": "ann", "online": False, "lastSeen": 1_000_000_000}),
        ("link_closed", {"peer": "ann"}),
    ]


async def test_one_that_is_not_kept_starts_from_nothing_when_it_comes_again(stage: Stage) -> None:
    ann, ben = await stage.joins("ann"), await stage.joins("ben")
    await stage.links(ann, ben)
    await ann.leaves()
    again = await stage.joins("ann")
    assert again.first == [("client_id", {"clientId": "ann"})]


async def test_all_that_go_leave_nothing(stage: Stage) -> None:
    ann, ben = await stage.joins("ann"), await stage.joins("ben")
    await stage.links(ann, ben)
    await ann.says("ben", "hi")
    await ann.leaves()
    await ben.leaves()
    assert (len(stage.node.hub), len(stage.store)) == (0, 0)  # type: ignore[arg-type]


async def test_the_link_of_one_that_is_kept_closes_when_the_other_ends(stage: Stage) -> None:
    ann, ben = await stage.joins("ann"), await stage.keeps("ben")
    await stage.links(ann, ben)
    await ben.leaves()
    await ann.leaves()
    again = await stage.joins(resumeToken=ben.token)
    assert (again.links, stage.store.pair("ann", "ben")) == ({}, None)


async def test_one_that_asks_for_it_in_a_later_session_is_kept(stage: Stage) -> None:
    ann, ben = await stage.joins("ann"), await stage.keeps("ben")
    await stage.links(ann, ben)
    later = await stage.keeps("ann")
    await ann.leaves()
    await later.leaves()
    again = await stage.joins(resumeToken=later.token)
    assert (again.id, list(again.links)) == ("ann", ["ben"])


async def test_what_it_was_given_since_then_is_not_given_again(stage: Stage) -> None:
    ann, ben = await stage.joins("ann"), await stage.keeps("ben")
    await stage.links(ann, ben)
    later = await stage.keeps("ann")
    await ben.says("ann", "one")
    await ann.leaves()
    await later.leaves()
    await ben.says("ann", "two")
    again = await stage.joins(resumeToken=later.token)
    assert again.replayed == ["two"]


# Presence


async def test_linked_peers_hear_when_one_that_is_kept_has_left_and_was_last_seen(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    stage.now += 5.0
    await ann.leaves()
    assert ben.hears() == [
        ("presence", {"clientId": "ann", "online": False, "lastSeen": 1_000_005_000})
    ]


async def test_linked_peers_hear_when_it_comes_back(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    ben.takes()
    await stage.joins(resumeToken=ann.token)
    assert ben.hears() == [("presence", {"clientId": "ann", "online": True, "lastSeen": None})]


async def test_nobody_hears_of_a_second_session_nor_of_its_end(stage: Stage) -> None:
    ann, ben = await stage.two()
    other = await stage.joins(resumeToken=ann.token)
    await other.leaves()
    assert ben.hears() == []


async def test_nobody_hears_of_one_that_it_is_not_linked_with(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.does("link_request", "ben")
    ben.takes()
    await ann.leaves()
    await stage.joins(resumeToken=ann.token)
    assert ben.hears() == []


async def test_one_that_comes_back_sees_who_is_there_and_who_was_last_seen_when(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    stage.now += 5.0
    await ben.leaves()
    other = await stage.joins(resumeToken=ann.token)
    entry = other.links["ben"]
    assert (entry["online"], entry["lastSeen"]) == (False, 1_000_005_000)


async def test_the_last_that_is_heard_of_one_that_ends_while_it_comes_back_is_that_it_has_left(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    ben.takes()
    again = Actor(stage, ends_at=b'"links"')
    again.connect({"resumeToken": ann.token})
    await stage.settles()
    assert [payload["online"] for _, payload in ben.hears()][-1:] in ([], [False])


# More at once than a client may have


async def test_of_sessions_that_come_at_once_no_more_are_let_in_than_a_client_may_have(
    stages: Stages,
) -> None:
    stage = stages(limits=Limits(max_sessions_per_client=2))
    sessions = [Actor(stage) for _ in range(4)]
    for session in sessions:
        session.connect({"id": "ann", "keep": True})
    await stage.settles()
    assert [session.connected for session in sessions] == [True, True, False, False]


# While one is away


async def test_a_message_for_one_that_is_away_is_stored(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    answer = await ben.does("message", "ann", message="hi")
    assert (answer["seq"], answer["status"]) == (1, "stored")


async def test_as_many_messages_wait_for_one_that_is_away_as_may(stages: Stages) -> None:
    stage = stages(terms=Terms(queue_max=3))
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", 1, 2, 3)
    again = await stage.joins(resumeToken=ann.token)
    assert again.replayed == [1, 2, 3]


async def test_one_message_more_is_refused_and_not_kept(stages: Stages) -> None:
    stage = stages(terms=Terms(queue_max=3))
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", 1, 2, 3)
    answer = await ben.does("message", "ann", message=4)
    again = await stage.joins(resumeToken=ann.token)
    assert (answer["code"], answer["retryable"], again.replayed) == (
        "overloaded",
        True,
        [1, 2, 3],
    )


async def test_messages_of_all_peers_count_together(stages: Stages) -> None:
    stage = stages(terms=Terms(queue_max=2))
    ann, ben = await stage.two()
    cleo = await stage.keeps("cleo")
    await stage.links(ann, cleo)
    await ann.leaves()
    await ben.says("ann", 1)
    await cleo.says("ann", 1)
    answer = await cleo.does("message", "ann", message=2)
    assert answer["code"] == "overloaded"


async def test_there_is_room_again_when_one_has_come_back(stages: Stages) -> None:
    stage = stages(terms=Terms(queue_max=3))
    ann, ben = await stage.two()
    for _ in range(2):
        await ann.leaves()
        await ben.says("ann", 1, 2, 3)
        ann = await stage.joins(resumeToken=ann.token)
    assert ann.replayed == [1, 2, 3]


async def test_messages_to_one_that_is_there_do_not_count(stages: Stages) -> None:
    stage = stages(terms=Terms(queue_max=3))
    ann, ben = await stage.two()
    await ben.says("ann", *range(10))
    await ann.leaves()
    await ben.says("ann", 1, 2, 3)
    assert (await ben.does("message", "ann", message=4))["code"] == "overloaded"


async def test_there_is_room_again_when_a_link_is_closed_on_which_messages_waited(
    stages: Stages,
) -> None:
    stage = stages(terms=Terms(queue_max=3))
    ann, ben = await stage.two()
    cleo = await stage.keeps("cleo")
    await stage.links(ann, cleo)
    await ann.leaves()
    stage.now += 1.0
    await ben.says("ann", 1, 2, 3)
    await ben.does("link_close", "ann")
    await cleo.says("ann", 1, 2, 3)
    again = await stage.joins(resumeToken=ann.token)
    assert again.replayed == [1, 2, 3]


async def test_a_link_that_is_closed_makes_no_room_for_what_waits_on_others(
    stages: Stages,
) -> None:
    stage = stages(terms=Terms(queue_max=3))
    ann, ben = await stage.two()
    cleo = await stage.keeps("cleo")
    await stage.links(ann, cleo)
    await ben.says("ann", *range(10))
    await ann.leaves()
    stage.now += 1.0
    await cleo.says("ann", 1, 2, 3)
    await ben.does("link_close", "ann")
    assert (await cleo.does("message", "ann", message=4))["code"] == "overloaded"


async def test_nothing_that_waited_is_shown_after_the_link_was_closed(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", "one")
    await ben.does("link_close", "ann")
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    assert [name for name, _ in again.first] == ["client_id"]


async def test_nothing_that_waited_is_shown_after_a_close_and_a_new_link(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.does("link_request", "ann")
    await ann.leaves()
    await ben.says("ann", "one")
    await ben.does("link_close", "ann")
    again = await stage.joins(resumeToken=ann.token)
    await stage.links(again, ben)
    await ben.says("ann", "two")
    await again.leaves()
    third = await stage.joins(resumeToken=again.token, since={"ben": 0})
    assert (third.replayed, third.links["ben"]["seq"]) == (["two"], 2)


async def test_nothing_that_waited_is_shown_after_a_block(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", "one")
    await ben.does("block", "ann")
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    assert [name for name, _ in again.first] == ["client_id"]


async def test_in_the_open_nothing_is_said_to_be_stored_that_is_never_given(
    stages: Stages,
) -> None:
    stage = stages(terms=Terms(policy=Policy.OPEN))
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.leaves()
    answer = await ben.does("message", "ann", message="hi")
    again = await stage.joins(resumeToken=ann.token)
    assert (answer["code"], again.replayed) == ("not_found", [])


async def test_a_request_waits_for_one_that_is_away(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.leaves()
    await ben.does("link_request", "ann", note="hello")
    again = await stage.joins(resumeToken=ann.token)
    assert [entry["note"] for entry in again.first[1][1]["requests"]] == ["hello"]


async def test_one_that_was_accepted_while_it_was_away_sees_the_link(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.does("link_request", "ben")
    await ann.leaves()
    await ben.does("link_accept", "ann")
    again = await stage.joins(resumeToken=ann.token)
    assert list(again.links) == ["ben"]


# Forgetting


async def test_one_that_asks_to_be_forgotten_is_answered_and_then_ended(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    assert (await ann.does("forget"), ann.connected) == ({"ok": True}, False)


async def test_all_its_sessions_end(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    other = await stage.joins(resumeToken=ann.token)
    await ann.does("forget")
    assert (other.connected, len(stage.node.hub)) == (False, 0)


async def test_its_linked_peers_hear_that_it_has_gone_for_good(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.does("forget")
    assert ben.hears() == [
        ("presence", {"clientId": "ann", "online": False, "lastSeen": 1_000_000_000}),
        ("link_closed", {"peer": "ann"}),
    ]


async def test_its_requests_are_over(stage: Stage) -> None:
    ann, ben, cleo = [await stage.keeps(id) for id in ("ann", "ben", "cleo")]
    await ann.does("link_request", "ben")
    await cleo.does("link_request", "ann")
    ben.takes()
    await ann.does("forget")
    assert (ben.hears(), cleo.hears()) == (
        [("link_cancelled", {"peer": "ann"})],
        [("link_expired", {"peer": "ann"})],
    )


async def test_its_token_is_worth_nothing_any_more(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    await ann.does("forget")
    assert (await stage.joins(resumeToken=ann.token)).refusal == "expired"


async def test_nobody_reaches_it(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.does("forget")
    assert (await ben.does("message", "ann", message="hi"))["code"] == "not_found"


async def test_nothing_is_left_of_what_it_said(stage: Stage) -> None:
    ann, _ = await stage.two()
    pair = stage.store.pair("ann", "ben")
    assert pair is not None
    await ann.says("ben", "secret")
    await ann.does("forget")
    assert stage.store.messages(pair, 0, 10) == []


async def test_one_of_its_name_that_comes_later_has_nothing_of_it(stage: Stage) -> None:
    ann, _ = await stage.two()
    await ann.does("forget")
    later = await stage.keeps("ann")
    assert [name for name, _ in later.first] == ["client_id"]


async def test_one_that_is_not_kept_may_ask_for_it_too(stage: Stage) -> None:
    ann = await stage.joins("ann")
    await ann.does("forget")
    assert (ann.connected, stage.store.identity("ann")) == (False, None)


AFTERWARDS: list[tuple[str, dict[str, Any]]] = [
    ("link_request", {"targetClientId": "ben"}),
    ("block", {"targetClientId": "ben"}),
    ("message", {"targetClientId": "ben", "message": "hi"}),
    ("invite_create", {}),
]


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize(("name", "payload"), AFTERWARDS)
async def test_what_it_sent_right_after_that_does_nothing(
    stages: Stages, policy: Policy, name: str, payload: dict[str, Any]
) -> None:
    stage = stages(terms=Terms(policy=policy))
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    ann.emits("forget", {})
    if ann.connected:  # it was on its way already when the identity ended
        ann.emits(name, payload)
    await stage.settles()
    left = (stage.store.pair("ann", "ben"), stage.store.invites("ann"))
    assert (ben.hears(), left) == ([], (None, 0))
