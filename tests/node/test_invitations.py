"""Consent in advance, from its making to whoever finds the code later."""

from __future__ import annotations

import re

import pytest

from duologue.core.model import Terms
from duologue.node import Limits
from tests.node.conftest import Stages
from tests.node.stage import Actor, Stage

pytestmark = pytest.mark.anyio

NOT_VALID = {
    "error": "This invitation is not valid, or no longer",
    "code": "expired",
    "retryable": False,
}


async def code_of(maker: Actor, **payload: int) -> str:
    answer = await maker.does("invite_create", None, **payload)
    code: str = answer["code"]
    return code


async def test_an_invitation_has_a_code_a_link_to_the_page_and_an_end(stages: Stages) -> None:
    stage = stages(terms=Terms(invite_ttl=500.0))
    answer = await (await stage.keeps("ann")).does("invite_create")
    code = answer.pop("code")
    assert re.fullmatch(r"[a-z]{5}-[a-z]{5}-[a-z]{5}", code)
    assert answer == {
        "url": f"https://example.org/?invite={code}",
        "expiresAt": 1_000_500_000,
        "ok": True,
    }


async def test_who_redeems_it_is_linked(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann", name="Ann"), await stage.keeps("ben", name="Ben")
    code = await code_of(ann)
    assert await ben.does("invite_redeem", code=code) == {"clientId": "ann", "ok": True}
    await ben.says("ann", "hi")
    assert ann.reads() == ["hi"]


async def test_both_hear_of_the_link_and_of_each_other(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann", name="Ann"), await stage.keeps("ben", name="Ben")
    await ben.does("invite_redeem", code=await code_of(ann))
    assert (ann.hears(), ben.hears()) == (
        [
            ("link_established", {"peer": "ben", "name": "Ben"}),
            ("presence", {"clientId": "ben", "online": True, "lastSeen": None}),
        ],
        [
            ("link_established", {"peer": "ann", "name": "Ann"}),
            ("presence", {"clientId": "ann", "online": True, "lastSeen": None}),
        ],
    )


async def test_its_maker_need_not_be_there(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = await code_of(ann)
    await ann.leaves()
    await ben.does("invite_redeem", code=code)
    assert ben.hears()[1] == (
        "presence",
        {"clientId": "ann", "online": False, "lastSeen": None},
    )
    assert list((await stage.joins(resumeToken=ann.token)).links) == ["ben"]


@pytest.mark.parametrize("change", [str.upper, lambda code: code.replace("-", " ")])
async def test_it_may_be_typed_in_another_way(stage: Stage, change: object) -> None:
    assert callable(change)
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = change(await code_of(ann))
    assert (await ben.does("invite_redeem", code=code))["ok"]


async def test_it_works_as_often_as_it_says(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    code = await code_of(ann, uses=2)
    answers = [
        await (await stage.keeps(id)).does("invite_redeem", code=code)
        for id in ("ben", "cleo", "dan")
    ]
    assert [answer.get("ok", False) for answer in answers] == [True, True, False]


async def test_its_maker_hears_that_it_was_tried_once_too_often(stage: Stage) -> None:
    ann, ben, cleo = [await stage.keeps(id) for id in ("ann", "ben", "cleo")]
    code = await code_of(ann)
    await ben.does("invite_redeem", code=code)
    ann.takes()
    assert await cleo.does("invite_redeem", code=code) == NOT_VALID
    assert ann.hears() == [("invite_crowded", {"code": code})]


async def test_who_has_used_it_may_use_it_again_and_nobody_hears(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = await code_of(ann)
    await ben.does("invite_redeem", code=code)
    ann.takes()
    assert await ben.does("invite_redeem", code=code) == {"clientId": "ann", "ok": True}
    assert ann.hears() == []


async def test_it_works_until_its_time_is_over(stage: Stage) -> None:
    ann, ben, cleo = [await stage.keeps(id) for id in ("ann", "ben", "cleo")]
    code = await code_of(ann, ttl=100, uses=2)
    stage.now += 99.999
    assert (await ben.does("invite_redeem", code=code))["ok"]
    stage.now += 0.001
    assert await cleo.does("invite_redeem", code=code) == NOT_VALID


@pytest.mark.parametrize("code", ["", "lusab-babad-gutih", "x" * 64, "é"])
async def test_a_code_that_never_was_is_not_valid(stage: Stage, code: str) -> None:
    ben = await stage.keeps("ben")
    assert await ben.does("invite_redeem", code=code) == NOT_VALID


async def test_one_that_is_blocked_sees_what_it_would_see_of_no_invitation(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = await code_of(ann)
    await ann.does("block", "ben")
    assert await ben.does("invite_redeem", code=code) == NOT_VALID
    assert (ann.hears(), ben.hears()) == ([], [])


async def test_what_a_blocked_one_tried_is_not_used_up(stage: Stage) -> None:
    ann, ben, cleo = [await stage.keeps(id) for id in ("ann", "ben", "cleo")]
    code = await code_of(ann)
    await ann.does("block", "ben")
    await ben.does("invite_redeem", code=code)
    assert (await cleo.does("invite_redeem", code=code))["ok"]


async def test_ones_own_is_refused(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    assert (await ann.does("invite_redeem", code=await code_of(ann)))["code"] == "invalid"


async def test_one_that_is_revoked_is_not_valid(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = await code_of(ann)
    assert await ann.does("invite_revoke", code=code) == {"ok": True}
    assert await ben.does("invite_redeem", code=code) == NOT_VALID


async def test_nobody_revokes_the_invitation_of_another(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = await code_of(ann)
    refused = await ben.does("invite_revoke", code=code)
    assert refused == await ben.does("invite_revoke", code="lusab-babad-gutih")
    assert (refused["code"], (await ben.does("invite_redeem", code=code))["ok"]) == (
        "not_found",
        True,
    )


async def test_a_link_outlasts_the_invitation_that_made_it(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = await code_of(ann)
    await ben.does("invite_redeem", code=code)
    await ann.does("invite_revoke", code=code)
    assert (await ben.does("message", "ann", message="hi"))["ok"]


async def test_as_many_as_a_client_may_have_are_made(stages: Stages) -> None:
    stage = stages(terms=Terms(max_invites=2))
    ann = await stage.keeps("ann")
    answers = [await ann.does("invite_create") for _ in range(3)]
    assert [answer.get("ok", answer["code"]) for answer in answers] == [True, True, "overloaded"]


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_there_is_room_again_when_one_is_over(stages: Stages, how: str) -> None:
    stage = stages(terms=Terms(max_invites=1, invite_ttl=100.0))
    ann = await stage.keeps("ann")
    code = await code_of(ann)
    if how == "revoked":
        await ann.does("invite_revoke", code=code)
    else:
        stage.now += 100.0
        stage.node._lobby._sweep()
        await stage.settles()
    assert (await ann.does("invite_create"))["ok"]


async def test_the_invitation_of_one_that_has_ended_is_not_valid(stage: Stage) -> None:
    ann, ben = await stage.joins("ann"), await stage.keeps("ben")
    code = await code_of(ann)
    await ann.leaves()
    assert await ben.does("invite_redeem", code=code) == NOT_VALID


async def test_the_invitation_of_one_that_was_forgotten_is_not_valid(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    code = await code_of(ann)
    await ann.does("forget")
    await stage.keeps("ann")
    assert await ben.does("invite_redeem", code=code) == NOT_VALID


async def test_guessing_is_limited_strictly(stages: Stages) -> None:
    stage = stages(limits=Limits(requests_per_minute=3))
    ben = await stage.keeps("ben")
    answers = [await ben.does("invite_redeem", code=f"lusab-{number}") for number in range(4)]
    assert [answer["code"] for answer in answers] == ["expired"] * 3 + ["rate_limited"]


async def test_a_code_is_not_kept_as_it_is(stage: Stage) -> None:
    ann = await stage.keeps("ann")
    assert stage.store.invite((await code_of(ann)).encode()) is None
