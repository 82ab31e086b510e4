"""Clients that break off and come back, and get what they have missed."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.core.model import Terms
from duologue.node import Limits
from tests.node.conftest import Stages
from tests.node.stage import Actor, Stage

pytestmark = pytest.mark.anyio

OVERLAP = 60.0


async def says_many(ben: Actor, number: int) -> None:
    """Ben says the numbers from 1 on to Ann."""
    for each in range(1, number + 1):
        ben.emits("message", {"targetClientId": "ann", "message": each})
    await ben.stage.settles()


async def slowly(stage: Stage, token: str) -> Actor:
    """A session of Ann's that takes one page of what it has missed, and for now no more."""
    return await stage.joins(resumeToken=token, since={"ben": 0}, takes_at_most=100)


# Tokens


async def test_who_does_not_ask_to_be_kept_gets_no_token(stage: Stage) -> None:
    ann = await stage.joins("ann")
    assert ann.first == [("client_id", {"clientId": "ann"})]


async def test_who_asks_to_be_kept_gets_a_token(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    assert (ann.id, len(ann.token)) == ("ann", 43)


async def test_a_token_takes_the_same_identity_back(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    await ann.leaves()
    assert (await stage.joins(resumeToken=ann.token)).id == "ann"


async def test_a_token_is_exchanged_for_a_new_one_when_it_is_used(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    await ann.leaves()
    again = await stage.joins(resumeToken=ann.token)
    await again.leaves()
    third = await stage.joins(resumeToken=again.token)
    assert (third.id, len({ann.token, again.token, third.token})) == ("ann", 3)


async def test_the_token_of_a_client_says_more_than_the_name_that_it_gives(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    assert (await stage.joins("ben", resumeToken=ann.token)).id == "ann"


@pytest.mark.parametrize("later", [0.0, OVERLAP - 0.001])
async def test_the_old_token_still_works_in_the_overlap(stages: Stages, later: float) -> None:
    stage = stages(terms=Terms(resume_overlap=OVERLAP))
    ann = await stage.keeps("ann")
    await stage.joins(resumeToken=ann.token)
    stage.now += later
    assert (await stage.joins(resumeToken=ann.token)).id == "ann"


async def test_the_old_token_does_not_work_after_the_overlap(stages: Stages) -> None:
    stage = stages(terms=Terms(resume_overlap=OVERLAP))
    ann = await stage.keeps("ann")
    await stage.joins(resumeToken=ann.token)
    stage.now += OVERLAP
    assert (await stage.joins(resumeToken=ann.token)).refusal == "expired"


async def test_using_the_old_token_again_does_not_make_the_overlap_longer(stages: Stages) -> None:
    stage = stages(terms=Terms(resume_overlap=OVERLAP))
    ann = await stage.keeps("ann")
    await stage.joins(resumeToken=ann.token)
    stage.now += OVERLAP - 1
    await stage.joins(resumeToken=ann.token)
    stage.now += 1
    assert (await stage.joins(resumeToken=ann.token)).refusal == "expired"


async def test_the_new_token_works_after_the_overlap(stages: Stages) -> None:
    stage = stages(terms=Terms(resume_overlap=OVERLAP))
    ann = await stage.keeps("ann")
    again = await stage.joins(resumeToken=ann.token)
    stage.now += 1_000 * OVERLAP
    assert (await stage.joins(resumeToken=again.token)).id == "ann"


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "é" * 128, "\x00"])
async def test_a_token_that_never_was_is_refused(stage: Stage, token: str) -> None:
    await stage.keeps("ann")
    assert (await stage.joins("ann", resumeToken=token)).refusal == "expired"


@pytest.mark.parametrize("token", ["x" * 129, 7, ["x"]])
async def test_what_cannot_be_a_token_is_not_well_formed(stage: Stage, token: object) -> None:
    assert (await stage.joins("ann", resumeToken=token)).refusal == "invalid"


async def test_a_session_that_was_refused_leaves_nothing(stage: Stage) -> None:
    await stage.joins("ann", resumeToken="x" * 43)
    assert (len(stage.node.hub), stage.store.identity("ann")) == (0, None)


async def test_a_token_is_not_kept_as_it_is(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    assert stage.store.token(ann.token.encode()) is None


async def test_a_name_lasts_unless_another_is_given(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann", name="Ann"), await stage.keeps("ben")
    await stage.joins(resumeToken=ann.token)
    await ben.does("link_request", "ann")
    await ann.does("link_accept", "ben")
    assert ("link_established", {"peer": "ann", "name": "Ann"}) in ben.hears()


async def test_older_sessions_are_asked_whether_they_are_alive(stages: Stages) -> None:
    stage = stages(limits=Limits(takeover_timeout=1.5))
    ann = await stage.keeps("ann")
    again = await stage.joins(resumeToken=ann.token)
    assert (ann.probed, again.probed) == ([1.5], [])


async def test_another_session_that_does_not_resume_asks_nobody(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    await stage.keeps("ann")
    assert ann.probed == []


async def test_one_session_more_than_a_client_may_have_cannot_resume(stages: Stages) -> None:
    stage = stages(limits=Limits(max_sessions_per_client=2))
    ann = await stage.keeps("ann")
    again = await stage.joins(resumeToken=ann.token)
    assert (await stage.joins(resumeToken=again.token)).refusal == "overloaded"


async def test_who_was_refused_for_that_may_use_the_same_token_later(stages: Stages) -> None:
    stage = stages(limits=Limits(max_sessions_per_client=1), terms=Terms(resume_overlap=0.0))
    ann = await stage.keeps("ann")
    await stage.joins(resumeToken=ann.token)
    await ann.leaves()
    assert (await stage.joins(resumeToken=ann.token)).id == "ann"


async def test_an_identity_that_nobody_took_back_ends(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=100.0))
    ann = await stage.keeps("ann")
    await ann.leaves()
    stage.now += 100.0
    stage.node._lobby._sweep()
    await stage.settles()
    assert (await stage.joins(resumeToken=ann.token)).refusal == "expired"


@pytest.mark.parametrize(
    ("event", "payload", "code"),
    [
        ("link_request", {}, "not_found"),
        ("message", {"message": "hi"}, "not_found"),
        ("receipt", {"read": 1}, "not_found"),
        ("block", {}, "not_found"),
        ("history", {}, "not_linked"),
    ],
)
async def test_an_identity_whose_time_is_over_is_gone_before_it_is_swept_up(
    stages: Stages, event: str, payload: dict[str, Any], code: str
) -> None:
    stage = stages(terms=Terms(identity_ttl=100.0))
    ann, ben = await stage.two()
    await ann.says("ben", "hi")
    await ann.leaves()
    stage.now += 100.0
    assert (await ben.does(event, "ann", **payload))["code"] == code


async def test_an_invitation_of_one_whose_time_is_over_is_not_valid(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=100.0))
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = (await ann.does("invite_create"))["code"]
    await ann.leaves()
    stage.now += 100.0
    assert (await ben.does("invite_redeem", code=code))["code"] == "expired"


async def test_a_client_is_shown_nothing_of_one_whose_time_is_over(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=100.0))
    ann, ben = await stage.two()
    await ben.leaves()
    await ann.says("ben", "for when you come back")
    stage.now += 50.0
    await ann.leaves()
    stage.now += 49.0
    back = await stage.joins(resumeToken=ben.token)
    assert (list(back.links), back.replayed) == (["ann"], ["for when you come back"])
    await back.leaves()
    stage.now += 51.0
    again = await stage.joins(resumeToken=ben.token)
    assert (list(again.links), again.replayed) == ([], [])


async def test_a_named_client_that_comes_after_its_time_starts_anew(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=100.0))
    ann, ben = await stage.two()
    await ann.leaves()
    ben.takes()
    stage.now += 100.0
    again = await stage.joins("ann")
    assert (again.links, [name for name, _ in ben.hears()]) == ({}, ["presence", "link_closed"])


async def test_an_identity_that_is_connected_does_not_end(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=100.0))
    ann = await stage.keeps("ann")
    stage.now += 1_000.0
    stage.node._lobby._sweep()
    await stage.settles()
    assert (await stage.joins(resumeToken=ann.token)).id == "ann"


async def test_linked_peers_hear_that_an_identity_has_ended(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=100.0))
    ann, ben = await stage.two()
    await ann.leaves()
    ben.takes()
    stage.now += 100.0
    stage.node._lobby._sweep()
    await stage.settles()
    assert [name for name, _ in ben.hears()] == ["presence", "link_closed"]


# What was missed


async def test_what_was_said_meanwhile_follows_in_order(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one")
    await ann.leaves()
    await ben.says("ann", "two", "three")
    again = await stage.joins(resumeToken=ann.token, since={"ben": 1})
    assert [(m["seq"], m["content"]) for name, m in again.first if name == "message"] == [
        (2, "two"),
        (3, "three"),
    ]


async def test_what_is_missed_is_as_it_would_have_been(stage: Stage) -> None:
    ann, ben = await stage.two()
    other = await stage.joins(resumeToken=ann.token)
    await ann.leaves()
    await ben.says("ann", {"a": [1, "é", None]}, 2**70, "")
    again = await stage.joins(resumeToken=other.token, since={"ben": 0})
    assert again.first[-3:] == other.hears()


async def test_binary_that_was_missed_follows_with_its_attachments(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    payload = {"targetClientId": "ann", "message": {"file": b"\x00\xff"}}
    stage.node.event(ben, "message", [payload], 7)
    await stage.settles()
    again = Actor(stage)
    again.connect({"resumeToken": ann.token, "since": {"ben": 0}})
    await stage.settles()
    assert (again.packets[-2][:4], again.packets[-1]) == (b"451-", b"\x00\xff")


async def test_messages_follow_after_links(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", "one")
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    assert [name for name, _ in again.first] == ["client_id", "links", "message"]


async def test_who_has_all_gets_nothing_again(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one")
    await ann.leaves()
    again = await stage.joins(resumeToken=ann.token, since={"ben": 1})
    assert again.replayed == []


async def test_it_works_where_nothing_had_been_said_before(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", "one")
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    assert again.replayed == ["one"]


async def test_it_works_a_second_time_and_where_nothing_was_said_between(stage: Stage) -> None:
    ann, ben = await stage.two()
    token = ann.token
    await ann.leaves()
    for _ in range(3):
        ann = await stage.joins(resumeToken=token, since={"ben": 0})
        token = ann.token
        await ann.leaves()
    await ben.says("ann", "one")
    again = await stage.joins(resumeToken=token, since={"ben": 0})
    assert again.replayed == ["one"]


async def test_what_one_wrote_in_another_session_follows_too_and_says_to_whom(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    other = await stage.joins(resumeToken=ann.token)
    await ann.leaves()
    await other.says("ben", "mine")
    await ben.says("ann", "yours")
    again = await stage.joins(resumeToken=other.token, since={"ben": 0})
    assert [
        (m["from"], m.get("to"), m["content"]) for name, m in again.first if name == "message"
    ] == [("ann", "ben", "mine"), ("ben", None, "yours")]


async def test_who_does_not_say_what_it_has_gets_what_no_session_was_given(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one")
    await ann.leaves()
    await ben.says("ann", "two")
    again = await stage.joins(resumeToken=ann.token)
    assert again.replayed == ["two"]


async def test_who_does_not_say_what_it_has_does_not_get_its_own_messages_again(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    await ann.says("ben", "one")
    await ann.leaves()
    await ben.says("ann", "two")
    again = await stage.joins(resumeToken=ann.token)
    assert again.replayed == ["two"]


async def test_what_an_older_session_was_given_is_given_to_one_that_says_no_since(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one")
    other = await stage.joins(resumeToken=ann.token)
    assert other.replayed == ["one"]


async def test_what_its_client_has_said_to_have_is_not_given_again(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one", "two")
    await ann.does("receipt", "ben", delivered=1)
    other = await stage.joins(resumeToken=ann.token)
    assert other.replayed == ["two"]


async def test_messages_of_several_peers_follow_each_in_order(stage: Stage) -> None:
    ann, ben = await stage.two()
    cleo = await stage.keeps("cleo")
    await stage.links(ann, cleo)
    await ann.leaves()
    await ben.says("ann", "b1")
    await cleo.says("ann", "c1")
    await ben.says("ann", "b2")
    await cleo.says("ann", "c2")
    again = await stage.joins(resumeToken=ann.token, since={"cleo": 1})
    replayed = again.replayed
    assert [[each for each in replayed if each.startswith(peer)] for peer in ("b", "c")] == [
        ["b1", "b2"],
        ["c2"],
    ]


async def test_what_is_said_of_strangers_counts_for_nothing(stage: Stage) -> None:
    ann, _ = await stage.two()
    await ann.leaves()
    again = await stage.joins(resumeToken=ann.token, since={"nobody": 3, "ann": 5})
    assert [name for name, _ in again.first] == ["client_id", "links"]


@pytest.mark.parametrize("since", [{"ben": -1}, {"ben": "1"}, {"ben": None}, [], {"b" * 129: 1}])
async def test_what_cannot_be_a_number_of_a_message_is_refused(stage: Stage, since: object) -> None:
    ann, _ = await stage.two()
    assert (await stage.joins(resumeToken=ann.token, since=since)).refusal == "invalid"


# More than a page


async def test_more_than_a_page_follows_in_order_and_once(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    assert again.replayed == list(range(1, 251))


@pytest.mark.parametrize("number", [99, 100, 101, 200, 201])
async def test_at_the_edges_of_a_page_none_is_lost_or_doubled(stage: Stage, number: int) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, number)
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    assert again.replayed == list(range(1, number + 1))


async def test_who_takes_its_time_is_given_no_more_than_it_can_take(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    assert again.replayed == list(range(1, 101))


async def test_who_has_taken_it_is_given_the_rest(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    again.takes_at_most = None
    await stage.settles()
    assert again.replayed + again.reads() == list(range(1, 251))


async def test_who_breaks_off_again_meanwhile_goes_on_from_there(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    got = again.replayed
    await again.leaves()
    third = await stage.joins(resumeToken=ann.token, since={"ben": len(got)})
    assert (len(got), got + third.replayed) == (100, list(range(1, 251)))


async def test_who_breaks_off_again_without_a_word_of_what_it_has_goes_on_from_there_too(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    got = again.replayed
    await again.leaves()
    third = await stage.joins(resumeToken=ann.token)
    assert got + third.replayed == list(range(1, 251))


async def test_what_it_says_meanwhile_itself_does_not_count_as_what_it_was_given(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    again.emits("message", {"targetClientId": "ben", "message": "mine"}, 7)
    await stage.settles()
    assert not any(packet.startswith(b"437[") for packet in again.packets)
    await again.leaves()
    third = await stage.joins(resumeToken=ann.token)
    assert third.replayed == [*range(101, 251), "mine"]


async def test_its_answer_comes_when_all_before_it_has_come(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    again.emits("message", {"targetClientId": "ben", "message": "mine"}, 7)
    await stage.settles()
    again.takes_at_most = None
    await stage.timers()
    packets = again.takes()
    assert (packets[-1][:10], b'"seq":251' in packets[-1]) == (b'437[{"id":', True)


async def test_another_session_does_not_wait_for_one_that_catches_up_slowly(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    other = await stage.joins(resumeToken=again.token)
    await ben.says("ann", "live")
    assert other.replayed + other.reads() == [*range(1, 251), "live"]


async def test_what_is_said_meanwhile_comes_after_it_and_once(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    await ben.says("ann", "live")
    again.takes_at_most = None
    await stage.settles()
    assert again.replayed + again.reads() == [*range(1, 251), "live"]


async def test_what_another_peer_says_meanwhile_comes_at_once(stage: Stage) -> None:
    ann, ben = await stage.two()
    cleo = await stage.keeps("cleo")
    await stage.links(ann, cleo)
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    again.takes()
    await cleo.says("ann", "live")
    assert again.reads() == ["live"]


async def test_a_session_that_has_all_hears_what_is_said_while_another_catches_up(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    await says_many(ben, 250)
    ann.takes()
    await slowly(stage, ann.token)
    await ben.says("ann", "live")
    assert ann.reads() == ["live"]


async def test_what_is_said_after_it_comes_at_once(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 150)
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    await ben.says("ann", "live")
    assert again.reads() == ["live"]


async def test_nothing_more_follows_when_the_link_is_closed_meanwhile(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    again.takes()
    await ben.does("link_close", "ann")
    again.takes_at_most = None
    await stage.settles()
    assert again.hears() == [("link_closed", {"peer": "ben"})]


async def test_a_new_link_starts_anew_when_one_is_closed_meanwhile(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await says_many(ben, 250)
    again = await slowly(stage, ann.token)
    await ben.does("link_close", "ann")
    await ben.does("link_request", "ann")
    await again.does("link_accept", "ben")
    again.takes()
    await ben.says("ann", "new")
    again.takes_at_most = None
    await stage.settles()
    assert again.reads() == ["new"]


# History that is gone


async def test_who_has_missed_what_is_no_longer_kept_is_told_from_where_it_is(
    stages: Stages,
) -> None:
    stage = stages(history_max=10)
    ann, ben = await stage.two()
    await ben.says("ann", *range(1, 4))
    await ann.leaves()
    await ben.says("ann", *range(4, 31))
    again = await stage.joins(resumeToken=ann.token, since={"ben": 3})
    assert (again.links["ben"]["historyFrom"], again.replayed) == (21, list(range(21, 31)))


async def test_nobody_is_told_so_who_has_missed_nothing_that_is_gone(stages: Stages) -> None:
    stage = stages(history_max=10)
    ann, ben = await stage.two()
    await ben.says("ann", *range(1, 21))
    await ann.leaves()
    await ben.says("ann", *range(21, 31))
    again = await stage.joins(resumeToken=ann.token, since={"ben": 20})
    assert ("historyFrom" in again.links["ben"], again.replayed) == (False, list(range(21, 31)))


async def test_who_has_missed_all_that_was_kept_is_told_so(stages: Stages) -> None:
    stage = stages(history_ttl=100.0)
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", *range(1, 4))
    stage.now += 101.0
    stage.node._lobby._sweep()
    await stage.settles()
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    assert (again.links["ben"]["historyFrom"], again.replayed) == (4, [])


@pytest.mark.parametrize("reason", ["ping timeout", "transport error", "slow reader"])
async def test_what_a_session_was_given_that_broke_off_is_given_again(
    stage: Stage, reason: str
) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one", "two")
    await ann.does("receipt", "ben", delivered=1)
    ann.end(reason)
    await stage.settles()
    again = await stage.joins(resumeToken=ann.token)
    assert again.replayed == ["two"]


@pytest.mark.parametrize("reason", ["transport close", "client namespace disconnect"])
async def test_what_a_session_was_given_that_said_goodbye_is_not(stage: Stage, reason: str) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one", "two")
    ann.end(reason)
    await stage.settles()
    again = await stage.joins(resumeToken=ann.token)
    assert again.replayed == []
