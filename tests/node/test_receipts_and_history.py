"""How far each has got, and what was said before."""

from __future__ import annotations

import pytest

from tests.node.conftest import Stages
from tests.node.stage import Actor, Stage

pytestmark = pytest.mark.anyio


async def says_many(sender: Actor, target: str, number: int) -> None:
    for each in range(1, number + 1):
        sender.emits("message", {"targetClientId": target, "message": each})
    await sender.stage.settles()


# Receipts


async def test_a_receipt_reaches_every_session_of_both(stage: Stage) -> None:
    ann, ben = await stage.two()
    sessions = [ann, await stage.joins(resumeToken=ann.token)]
    sessions += [ben, await stage.joins(resumeToken=ben.token)]
    await ann.says("ben", 1, 2)
    for session in sessions:
        session.takes()
    await ben.does("receipt", "ann", delivered=2, read=1)
    theirs = [("receipt", {"from": "ben", "delivered": 2, "read": 1})]
    own = [("receipt", {"from": "ben", "delivered": 2, "read": 1, "to": "ann"})]
    assert [session.hears() for session in sessions] == [theirs, theirs, own, own]


async def test_a_receipt_of_nothing_new_is_told_to_nobody(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.says("ben", 1)
    await ben.does("receipt", "ann", read=1)
    ann.takes()
    assert await ben.does("receipt", "ann", read=1, delivered=1) == {"ok": True}
    assert ann.hears() == []


async def test_a_receipt_is_refused_without_a_link(stage: Stage) -> None:
    ann, _ = await stage.keeps("ann"), await stage.keeps("ben")
    assert (await ann.does("receipt", "ben", read=1))["code"] == "not_linked"


async def test_one_that_comes_back_sees_what_was_read_meanwhile(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.says("ben", 1, 2, 3)
    await ann.leaves()
    await ben.does("receipt", "ann", delivered=3, read=2)
    again = await stage.joins(resumeToken=ann.token)
    entry = again.links["ben"]
    assert (entry["delivered"], entry["read"]) == (3, 2)


async def test_what_one_has_not_read_is_counted(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", 1, 2, 3)
    await ann.says("ben", 4)
    await ann.does("receipt", "ben", read=1)
    again = await stage.joins(resumeToken=ann.token)
    assert again.links["ben"]["unread"] == 2


async def test_what_one_wrote_itself_is_not_unread(stage: Stage) -> None:
    ann, _ = await stage.two()
    await ann.says("ben", 1, 2)
    again = await stage.joins(resumeToken=ann.token)
    assert again.links["ben"]["unread"] == 0


async def test_what_was_said_in_an_earlier_link_is_not_unread(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", 1, 2)
    await ann.does("link_close", "ben")
    await stage.links(ben, ann)
    await ben.says("ann", 3)
    again = await stage.joins(resumeToken=ann.token)
    assert again.links["ben"]["unread"] == 1


async def test_what_waited_is_unread_although_it_is_given(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", 1, 2)
    again = await stage.joins(resumeToken=ann.token)
    assert (again.links["ben"]["unread"], again.replayed) == (2, [1, 2])


async def test_more_than_a_thousand_unread_are_said_to_be_a_thousand(stage: Stage) -> None:
    ann, ben = await stage.two()
    await says_many(ben, "ann", 1_001)
    again = await stage.joins(resumeToken=ann.token)
    assert again.links["ben"]["unread"] == 1_000


async def test_what_is_kept_until_it_is_delivered_is_gone_after_the_receipt(
    stages: Stages,
) -> None:
    stage = stages(history_ttl=0)
    ann, ben = await stage.two()
    await ben.says("ann", 1, 2, 3)
    await ann.does("receipt", "ben", delivered=2)
    answer = await ann.does("history", "ben")
    assert [message["content"] for message in answer["messages"]] == [3]


async def test_what_its_own_sender_has_is_not_delivered_by_that(stages: Stages) -> None:
    stage = stages(history_ttl=0)
    ann, ben = await stage.two()
    await ben.says("ann", 1, 2, 3)
    await ben.does("receipt", "ann", delivered=3)
    answer = await ann.does("history", "ben")
    assert [message["content"] for message in answer["messages"]] == [1, 2, 3]


# History


async def test_history_has_the_last_messages_in_order(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.says("ben", "one")
    await ben.says("ann", "two")
    answer = await ann.does("history", "ben")
    ids = [message.pop("id") for message in answer["messages"]]
    assert len(set(ids)) == 2
    assert answer == {
        "messages": [
            {"from": "ann", "content": "one", "seq": 1, "at": 1_000_000_000},
            {"from": "ben", "content": "two", "seq": 2, "at": 1_000_000_000},
        ],
        "more": False,
        "ok": True,
    }


async def test_history_of_nothing_is_empty(stage: Stage) -> None:
    ann, _ = await stage.two()
    assert await ann.does("history", "ben") == {"messages": [], "more": False, "ok": True}


@pytest.mark.parametrize(
    ("said", "limit", "first", "more"),
    [(1, 1, 1, False), (2, 1, 2, True), (100, 100, 1, False), (101, 100, 2, True)],
)
async def test_a_page_has_as_many_as_were_asked_for_and_says_whether_there_are_more(
    stage: Stage, said: int, limit: int, first: int, more: bool
) -> None:
    ann, ben = await stage.two()
    await says_many(ann, "ben", said)
    answer = await ben.does("history", "ann", limit=limit)
    assert (
        [message["seq"] for message in answer["messages"]],
        answer["more"],
    ) == (list(range(first, said + 1)), more)


async def test_a_page_has_fifty_unless_another_number_is_asked_for(stage: Stage) -> None:
    ann, ben = await stage.two()
    await says_many(ann, "ben", 51)
    answer = await ben.does("history", "ann")
    assert (len(answer["messages"]), answer["more"]) == (50, True)


@pytest.mark.parametrize("limit", [0, 101])
async def test_a_page_of_another_size_is_refused(stage: Stage, limit: int) -> None:
    ann, _ = await stage.two()
    # As the engine hands on what has attachments; else its decoder refuses it before
    stage.node.event(ann, "history", [{"targetClientId": "ben", "limit": limit}], None)
    ((name, payload),) = ann.hears()
    assert (name, payload["event"], payload["code"]) == ("refused", "history", "invalid")


async def test_pages_follow_each_other_without_a_gap(stage: Stage) -> None:
    ann, ben = await stage.two()
    await says_many(ann, "ben", 250)
    found: list[int] = []
    more, before = True, None
    while more:
        answer = await ben.does("history", "ann", limit=100, before=before)
        found = [message["seq"] for message in answer["messages"]] + found
        more, before = answer["more"], found[0]
    assert found == list(range(1, 251))


@pytest.mark.parametrize(
    ("before", "seqs"), [(0, []), (1, []), (2, [1]), (4, [1, 2, 3]), (99, [1, 2, 3])]
)
async def test_a_page_has_what_is_before_a_number(
    stage: Stage, before: int, seqs: list[int]
) -> None:
    ann, ben = await stage.two()
    await says_many(ann, "ben", 3)
    answer = await ben.does("history", "ann", before=before)
    assert [message["seq"] for message in answer["messages"]] == seqs


async def test_history_goes_back_as_far_as_it_is_kept(stages: Stages) -> None:
    stage = stages(history_max=10)
    ann, ben = await stage.two()
    await says_many(ann, "ben", 25)
    answer = await ben.does("history", "ann", limit=100)
    assert [message["seq"] for message in answer["messages"]] == list(range(16, 26))


async def test_history_of_another_link_is_refused(stage: Stage) -> None:
    ann, _ = await stage.two()
    cleo = await stage.keeps("cleo")
    await ann.says("ben", "secret")
    assert (await cleo.does("history", "ben"))["code"] == "not_linked"


async def test_history_is_refused_before_acceptance(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.does("link_request", "ben")
    assert (await ben.does("history", "ann"))["code"] == "not_linked"


async def test_history_is_refused_after_a_close(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.says("ben", "one")
    await ann.does("link_close", "ben")
    assert (await ben.does("history", "ann"))["code"] == "not_linked"


@pytest.mark.parametrize("by", ["ann", "ben"])
async def test_history_is_refused_after_a_block_to_both(stage: Stage, by: str) -> None:
    ann, ben = await stage.two()
    await ann.says("ben", "one")
    sides = {"ann": (ann, "ben"), "ben": (ben, "ann")}
    actor, other = sides[by]
    await actor.does("block", other)
    answers = [await ann.does("history", "ben"), await ben.does("history", "ann")]
    assert [answer["code"] for answer in answers] == ["not_linked", "not_linked"]


async def test_history_of_a_new_link_has_nothing_of_the_earlier_one(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.says("ben", "one", "two")
    await ann.does("link_close", "ben")
    await stage.links(ann, ben)
    await ann.says("ben", "three")
    answer = await ben.does("history", "ann", limit=1)
    assert ([message["content"] for message in answer["messages"]], answer["more"]) == (
        ["three"],
        False,
    )


async def test_history_with_nobody_is_refused_as_with_a_stranger(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    assert (await ann.does("history", "nobody"))["code"] == "not_linked"


async def test_what_looks_like_an_attachment_is_refused(stage: Stage) -> None:
    ann, _ = await stage.two()
    answer = await ann.does("message", "ben", message={"_placeholder": True, "num": 99})
    assert answer["code"] == "invalid"


async def test_pages_with_many_attachments_follow_each_other_without_a_gap(stage: Stage) -> None:
    ann, ben = await stage.two()
    for number in range(12):
        payload = {"targetClientId": "ben", "message": bytes([number])}
        stage.node.event(ann, "message", [payload], None)
    await stage.settles()
    ben.takes()
    pages = []
    for before in (None, 3):
        ben.emits("history", {"targetClientId": "ann", "before": before}, 7)
        await stage.settles()
        pages.append(ben.takes())
    seqs = [[int(part.split(b",")[0]) for part in page[0].split(b'"seq":')[1:]] for page in pages]
    assert (seqs, b'"more":true' in pages[0][0]) == ([[*range(3, 13)], [1, 2]], True)


async def test_binary_in_history_travels_as_an_attachment(stage: Stage) -> None:
    ann, ben = await stage.two()
    payload = {"targetClientId": "ben", "message": {"file": b"\x00\xff"}}
    stage.node.event(ann, "message", [payload], 7)
    await stage.settles()
    ben.takes()
    ben.emits("history", {"targetClientId": "ann"}, 7)
    await stage.settles()
    assert (ben.packets[0][:6], ben.packets[1]) == (b"461-7[", b"\x00\xff")
