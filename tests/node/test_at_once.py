"""Things that happen at once: between the moment at which one is decided and that at which it is
told, the other has come in or gone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.node.stage import Actor, Stage

pytestmark = pytest.mark.anyio


def starts(stage: Stage, **auth: Any) -> Actor:
    """A session that has begun to connect."""
    session = Actor(stage)
    session.connect(auth)
    return session


def sees(session: Actor, peer: str) -> bool | None:
    """Whether a client is online, by all that a session was told of it."""
    online: bool | None = None
    for name, payload in [*session.first, *session.hears()]:
        if name == "links":
            online = {entry["peer"]: entry["online"] for entry in payload["links"]}.get(peer)
        elif name == "presence" and payload["clientId"] == peer:
            online = payload["online"]
    return online


async def test_two_that_come_back_at_once_see_each_other(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.leaves()
    again = starts(stage, resumeToken=ann.token), starts(stage, resumeToken=ben.token)
    await stage.settles()
    assert (sees(again[0], "ben"), sees(again[1], "ann")) == (True, True)


async def test_one_that_leaves_while_another_comes_is_not_seen(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    again = starts(stage, resumeToken=ann.token)
    ben.end()
    await stage.settles()
    assert sees(again, "ben") is False


async def test_one_that_is_linked_while_it_comes_back_is_seen(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.does("link_request", "ben")
    await ann.leaves()
    again = starts(stage, resumeToken=ann.token)
    ben.emits("link_accept", {"targetClientId": "ann"})
    await stage.settles()
    assert (sees(again, "ben"), sees(ben, "ann")) == (True, True)


async def test_one_whose_old_session_ends_while_a_new_one_comes_is_seen(stage: Stage) -> None:
    ann, ben = await stage.two()
    again = starts(stage, resumeToken=ann.token)
    ann.end()
    await stage.settles()
    identity = stage.store.identity("ann")
    assert identity is not None
    assert (again.connected, identity.expires_at, sees(ben, "ann")) in [
        (True, None, True),
        (True, None, None),  # there was never nobody
    ]


async def test_one_that_is_not_kept_keeps_its_links_when_a_new_session_comes_as_the_old_one_ends(
    stage: Stage,
) -> None:
    ann, ben = await stage.joins("ann"), await stage.joins("ben")
    await stage.links(ann, ben)
    again = starts(stage, id="ann")
    ann.end()
    await stage.settles()
    await ben.says("ann", "hi")
    assert (again.reads(), sees(ben, "ann") is not False) == (["hi"], True)


async def test_one_that_is_not_kept_ends_when_the_session_that_was_coming_does_not_come(
    stage: Stage,
) -> None:
    ann, ben = await stage.joins("ann"), await stage.joins("ben")
    await stage.links(ann, ben)
    again = Actor(stage)
    again.end()
    again.connect({"id": "ann"})
    ann.end()
    await stage.settles()
    assert (stage.store.identity("ann"), [name for name, _ in ben.hears()][-1:]) == (
        None,
        ["link_closed"],
    )


async def test_one_that_is_linked_between_two_sessions_is_seen(stage: Stage) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.does("link_request", "ben")
    starts(stage, resumeToken=ann.token)
    ben.emits("link_accept", {"targetClientId": "ann"})
    ann.end()
    await stage.settles()
    assert sees(ben, "ann") is True


async def test_what_a_session_said_before_it_broke_off_is_seen_by_another(stage: Stage) -> None:
    ann, ben = await stage.two()
    other = await stage.joins(resumeToken=ann.token)
    ann.emits("message", {"targetClientId": "ben", "message": "one"})
    ann.end()
    await stage.settles()
    await ben.says("ann", "two")
    assert other.reads() == ["one", "two"]


async def test_what_it_said_is_seen_by_one_that_was_coming_meanwhile(stage: Stage) -> None:
    ann, ben = await stage.two()
    again = starts(stage, resumeToken=ann.token, since={"ben": 0})
    ann.emits("message", {"targetClientId": "ben", "message": "one"})
    ann.end()
    await stage.settles()
    await ben.says("ann", "two")
    assert again.reads() == ["one", "two"]


async def test_what_is_said_while_one_comes_back_is_given_once(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    ben.emits("message", {"targetClientId": "ann", "message": "one"})
    again = starts(stage, resumeToken=ann.token, since={"ben": 0})
    ben.emits("message", {"targetClientId": "ann", "message": "two"})
    await stage.settles()
    assert again.reads() == ["one", "two"]


async def test_a_link_that_closes_while_one_comes_back_is_told_after_it_was_shown(
    stage: Stage,
) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    await ben.says("ann", "one")
    again = starts(stage, resumeToken=ann.token, since={"ben": 0})
    ben.emits("link_close", {"targetClientId": "ann"})
    await stage.settles()
    assert [name for name, _ in again.hears()] in [
        ["client_id", "links", "message", "link_closed"],
        ["client_id", "links", "link_closed"],
    ]


async def test_one_that_breaks_off_before_it_was_let_in_is_away(stage: Stage) -> None:
    ann, ben = await stage.two()
    await ann.leaves()
    again = Actor(stage)
    again.end()
    again.connect({"resumeToken": ann.token})
    await stage.settles()
    identity = stage.store.identity("ann")
    assert identity is not None
    assert (len(stage.node.hub), identity.expires_at is None, sees(ben, "ann")) == (
        1,
        False,
        False,
    )


async def test_one_that_is_forgotten_while_another_session_comes_stays_forgotten(
    stage: Stage,
) -> None:
    ann, _ = await stage.two()
    again = starts(stage, resumeToken=ann.token)
    ann.emits("forget", {})
    ann.end()
    await stage.settles()
    assert (stage.store.identity("ann"), stage.node.hub.online("ann"), again.connected) == (
        None,
        False,
        False,
    )
