"""What a client does is known to all its sessions: the others hear what is over by its doing."""

from __future__ import annotations

import pytest

from tests.node.stage import Actor, Stage

pytestmark = pytest.mark.anyio

#: How two clients stand to each other, what the first does, and what its other sessions hear.
OVER = [
    ("linked", "link_close", "link_closed"),
    ("linked", "block", "link_closed"),
    ("asked", "link_decline", "link_declined"),
    ("asked", "block", "link_declined"),
    ("asking", "link_cancel", "link_cancelled"),
    ("asking", "block", "link_cancelled"),
]


async def two_of_one(stage: Stage, standing: str) -> tuple[Actor, Actor, Actor]:
    """Two sessions of Ann's, and Ben, who stands to her in that way; nobody has heard anything."""
    ann, other = await stage.keeps("ann"), await stage.joins("ann")
    ben = await stage.keeps("ben")
    if standing == "linked":
        await stage.links(ann, ben)
    elif standing == "asked":
        await ben.does("link_request", "ann")
    elif standing == "asking":
        await ann.does("link_request", "ben")
    for session in (ann, other, ben):
        session.takes()
    return ann, other, ben


@pytest.mark.parametrize(("standing", "does", "heard"), OVER)
async def test_the_other_sessions_hear_what_is_over(
    stage: Stage, standing: str, does: str, heard: str
) -> None:
    ann, other, _ = await two_of_one(stage, standing)
    assert (await ann.does(does, "ben"))["ok"]
    assert other.hears() == [(heard, {"peer": "ben", "own": True})]


@pytest.mark.parametrize(("standing", "does", "heard"), OVER)
async def test_the_session_that_did_it_has_its_answer_and_hears_nothing(
    stage: Stage, standing: str, does: str, heard: str
) -> None:
    ann, _, _ = await two_of_one(stage, standing)
    assert (await ann.does(does, "ben"))["ok"]
    assert ann.hears() == []


@pytest.mark.parametrize("does", ["block", "unblock"])
async def test_nothing_is_over_where_there_was_nothing(stage: Stage, does: str) -> None:
    ann, other, _ = await two_of_one(stage, "strangers")
    assert (await ann.does(does, "ben"))["ok"]
    assert other.hears() == []


async def test_a_block_tells_nothing_of_a_request_that_was_never_delivered(stage: Stage) -> None:
    ann, other, ben = await two_of_one(stage, "strangers")
    await ann.does("block", "ben")
    await ben.does("link_request", "ann")
    await ann.does("unblock", "ben")
    await ann.does("block", "ben")
    assert other.hears() == []


@pytest.mark.parametrize("blocks", [False, True])
async def test_one_who_is_blocked_cannot_tell_by_what_its_other_sessions_hear(
    stage: Stage, blocks: bool
) -> None:
    ann, other, ben = await two_of_one(stage, "strangers")
    if blocks:
        await ben.does("block", "ann")
    await ann.does("link_request", "ben")
    await ann.does("link_cancel", "ben")
    assert other.hears() == [("link_cancelled", {"peer": "ben", "own": True})]


async def test_it_is_counted_once_what_both_sides_hear(stage: Stage) -> None:
    ann, _, _ = await two_of_one(stage, "linked")
    await ann.does("link_close", "ben")
    assert stage.node.counts.links["closed"] == 1
