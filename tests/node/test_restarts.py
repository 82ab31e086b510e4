"""A process that ends without a word, and the next one that opens the same file."""

from __future__ import annotations

import pytest

from duologue.core.model import Terms
from tests.node.conftest import Stages
from tests.node.stage import Stage

pytestmark = pytest.mark.anyio


@pytest.fixture
def kind() -> str:
    return "sqlite"


async def test_one_that_was_not_kept_is_gone(stage: Stage) -> None:
    await stage.joins("ann")
    stage.crashes()
    await stage.joins("ben")
    assert stage.store.identity("ann") is None


async def test_many_that_were_not_kept_are_gone(stage: Stage) -> None:
    for number in range(450):
        await stage.joins(f"client-{number}")
    stage.crashes()
    await stage.joins("ben")
    assert len(stage.store) == 1  # type: ignore[arg-type]


async def test_one_that_was_kept_takes_its_identity_back(stage: Stage) -> None:
    ann = await stage.keeps("ann", name="Ann")
    stage.crashes()
    again = await stage.joins(resumeToken=ann.token)
    identity = stage.store.identity("ann")
    assert identity is not None
    assert (again.id, identity.name) == ("ann", "Ann")


async def test_a_link_and_what_was_said_last(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one", {"a": [1, None, "é"]}, 2**70)
    stage.crashes()
    again = await stage.joins(resumeToken=ann.token, since={"ben": 0})
    assert again.replayed == ["one", {"a": [1, None, "é"]}, 2**70]


async def test_what_was_given_before_a_crash_is_given_again_to_who_does_not_say_that_it_has_it(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one")
    stage.crashes()
    again = await stage.joins(resumeToken=ann.token)
    assert again.replayed == ["one"]


async def test_the_link_of_one_that_was_kept_with_one_that_was_not_is_gone(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.joins("ben")
    await stage.links(ann, ben)
    stage.crashes()
    again = await stage.joins(resumeToken=ann.token)
    assert again.links == {}


async def test_one_that_was_connected_is_away_until_it_comes_back(stage: Stage) -> None:
    ann, ben = await stage.two()
    stage.crashes()
    stage.now += 9.0
    again = await stage.joins(resumeToken=ben.token)
    entry = again.links["ann"]
    assert (entry["online"], entry["lastSeen"]) == (False, 1_000_009_000)
    assert (await again.does("message", "ann", message="hi"))["status"] == "stored"
    assert ann.id == "ann"


async def test_one_that_was_connected_and_never_comes_back_ends(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=100.0))
    ann, ben = await stage.two()
    stage.crashes()
    again = await stage.joins(resumeToken=ben.token)
    stage.now += 100.0
    stage.node._lobby._sweep()
    await stage.settles()
    assert [name for name, _ in again.hears()] == ["presence", "link_closed"]
    assert (await stage.joins(resumeToken=ann.token)).refusal == "expired"


async def test_numbers_go_on_where_they_were(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ben.says("ann", "one", "two")
    stage.crashes()
    again = await stage.joins(resumeToken=ann.token)
    assert (await again.does("message", "ben", message="three"))["seq"] == 3


async def test_a_retry_gets_its_first_answer_again(stage: Stage) -> None:
    id = "7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"
    ann, _ = await stage.two()
    first = await ann.does("message", "ben", message="hi", id=id)
    stage.crashes()
    stage.now += 5.0
    again = await stage.joins(resumeToken=ann.token)
    assert await again.does("message", "ben", message="hi", id=id) == first


async def test_receipts_last(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.says("ben", "one", "two")
    await ben.does("receipt", "ann", delivered=2, read=1)
    stage.crashes()
    again = await stage.joins(resumeToken=ann.token)
    entry = again.links["ben"]
    assert (entry["delivered"], entry["read"]) == (2, 1)


async def test_an_invitation_lasts(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    code = (await ann.does("invite_create"))["code"]
    stage.crashes()
    ben = await stage.keeps("ben")
    assert await ben.does("invite_redeem", code=code) == {"clientId": "ann", "ok": True}


async def test_a_block_lasts(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.does("block", "ben")
    stage.crashes()
    again = await stage.joins(resumeToken=ben.token)
    assert (await again.does("message", "ann", message="hi"))["code"] == "not_linked"
    assert ann.id == "ann"


async def test_what_was_forgotten_stays_so(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.does("forget")
    stage.crashes()
    assert (await stage.joins(resumeToken=ann.token)).refusal == "expired"
    assert (await stage.joins(resumeToken=ben.token)).links == {}


async def test_a_request_whose_time_ran_out_meanwhile_expires_when_somebody_comes(
    stages: Stages,
) -> None:
    stage = stages(terms=Terms(request_ttl=10.0))
    ann, _ = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.does("link_request", "ben")
    stage.crashes()
    stage.now += 10.0
    again = await stage.joins(resumeToken=ann.token)
    await stage.timers()
    assert [*again.first, *again.hears()][-1] == ("link_expired", {"peer": "ben"})


async def test_it_works_a_second_time(stage: Stage) -> None:
    ann, ben = await stage.two()
    token = ann.token
    for number in range(3):
        stage.crashes()
        ben = await stage.joins(resumeToken=ben.token, since={"ann": 9})
        await ben.says("ann", number)
    again = await stage.joins(resumeToken=token, since={"ben": 1})
    assert again.replayed == [1, 2]
