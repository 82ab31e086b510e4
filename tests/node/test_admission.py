"""Clients that their host names, and keeps, for a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from duologue.node import Limits, Named, Node, Session, Unidentified
from duologue.stores.memory import MemoryStore
from tests.node.conftest import Stages
from tests.node.fakes import START, FakeSession, link, virtual_clock
from tests.node.stage import Stage

pytestmark = pytest.mark.anyio


def by_token(_: Session, auth: Mapping[str, Any]) -> Named:
    """Takes "ann" or "ann 30" for a token, which is of Ann and for 30 seconds after the start."""
    client_id, _, seconds = auth["token"].partition(" ")
    if client_id == "nobody":
        raise Unidentified("unauthorized", "Nobody is not allowed")
    expires_at = START + float(seconds) if seconds else None
    return Named(client_id, auth.get("name"), kept=True, expires_at=expires_at)


async def slowly(session: Session, auth: Mapping[str, Any]) -> Named:
    """The same after five seconds."""
    await asyncio.sleep(5)
    return by_token(session, auth)


Join = Callable[..., FakeSession]


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node(
        MemoryStore(),
        identify=by_token,
        clock=virtual_clock,
        limits=Limits(requests_per_minute=10),
    )
    yield node
    node.close()


@pytest.fixture
async def slow_node() -> AsyncIterator[Node]:
    node = Node(MemoryStore(), identify=slowly, clock=virtual_clock)
    yield node
    node.close()


def join(node: Node, token: str, **auth: Any) -> FakeSession:
    session = FakeSession(node)
    session.connect({"token": token, **auth})
    return session


def renew(session: FakeSession, token: str) -> dict[str, Any]:
    session.emits("token", {"token": token}, 7)
    (answer,) = (packet for packet in session.takes() if packet.startswith(b"437["))
    found: dict[str, Any] = json.loads(answer[3:])[0]
    return found


# The end of a token

EXPIRED = {
    "event": "token",
    "error": "The token of this session has expired",
    "code": "expired",
    "retryable": False,
}


async def test_a_session_ends_with_its_token_and_is_told_so(node: Node) -> None:
    ann = join(node, "ann 30")
    ann.takes()
    await asyncio.sleep(29)
    assert (ann.connected, ann.hears()) == (True, [])
    await asyncio.sleep(2)
    assert (ann.connected, ann.hears()) == (False, [("refused", EXPIRED)])


async def test_a_session_whose_token_has_no_end_stays(node: Node) -> None:
    ann = join(node, "ann")
    await asyncio.sleep(1_000_000)
    assert ann.connected


async def test_other_sessions_of_the_client_stay_as_long_as_their_own_tokens(node: Node) -> None:
    first, second = join(node, "ann 30"), join(node, "ann 60")
    await asyncio.sleep(31)
    assert (first.connected, second.connected) == (False, True)


async def test_peers_are_told_that_the_client_has_gone(node: Node) -> None:
    ann, ben = join(node, "ann 30"), join(node, "ben")
    link(ann, ben)
    await asyncio.sleep(31)
    ((name, payload),) = ben.hears()
    assert (name, payload["clientId"], payload["online"]) == ("presence", "ann", False)


async def test_links_outlast_the_token(node: Node) -> None:
    link(join(node, "ann 30"), join(node, "ben"))
    await asyncio.sleep(31)
    told = dict(join(node, "ann 60").hears())
    assert [each["peer"] for each in told["links"]["links"]] == ["ben"]


class Stopped:
    """A clock that goes on although the loop has not come to its timers."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return virtual_clock() + self.ahead


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("message", {"targetClientId": "ben", "message": "hi"}),
    ("typing", {"targetClientId": "ben"}),
    ("link_close", {"targetClientId": "ben"}),
    ("history", {"targetClientId": "ben"}),
    ("forget", {}),
    ("token", {"token": "ann 60"}),
]


@pytest.mark.parametrize(("name", "payload"), COMMANDS)
async def test_nothing_is_done_for_an_expired_token_also_before_the_timer_comes(
    name: str, payload: dict[str, Any]
) -> None:
    clock = Stopped()
    node = Node(MemoryStore(), identify=by_token, clock=clock)
    ann, ben = join(node, "ann 30"), join(node, "ben")
    link(ann, ben)
    clock.ahead = 30.0
    ann.emits(name, payload, 7)
    assert (ann.connected, ann.hears()) == (False, [("refused", EXPIRED)])
    assert [event for event, _ in ben.hears()] == ["presence"]
    assert node.hub.get("ann") is None
    node.close()


async def test_other_sessions_are_not_stopped_by_an_expired_token() -> None:
    clock = Stopped()
    node = Node(MemoryStore(), identify=by_token, clock=clock)
    ann, ben = join(node, "ann 30"), join(node, "ben 90")
    link(ann, ben)
    clock.ahead = 30.0
    assert ben.asks("message", "ann", message="hi")["ok"]
    node.close()


async def test_what_was_sent_before_the_end_is_delivered(stages: Stages) -> None:
    stage = stages(identify=lambda _, auth: by_token(_, {"token": auth["id"]}))
    ann, ben = await stage.joins("ann 30"), await stage.joins("ben")
    await stage.links(ann, ben)
    ann.emits("message", {"targetClientId": "ben", "message": "last words"}, 7)
    stage.now += 30
    ann.emits("message", {"targetClientId": "ben", "message": "one more"}, 8)
    await stage.settles()
    assert (ann.connected, ben.reads()) == (False, ["last words"])


# Renewal


async def test_a_session_stays_when_its_client_brings_a_new_token(node: Node) -> None:
    ann = join(node, "ann 30")
    ann.takes()
    assert renew(ann, "ann 60") == {"ok": True, "expiresAt": round((START + 60) * 1000)}
    await asyncio.sleep(59)
    assert ann.connected
    await asyncio.sleep(2)
    assert not ann.connected


async def test_a_token_that_ends_sooner_takes_nothing_away(node: Node) -> None:
    ann = join(node, "ann 30")
    assert renew(ann, "ann 10")["expiresAt"] == round((START + 30) * 1000)


async def test_a_token_of_another_client_is_refused(node: Node) -> None:
    ann = join(node, "ann 30")
    assert renew(ann, "ben 60")["code"] == "unauthorized"
    await asyncio.sleep(31)
    assert not ann.connected


async def test_a_token_that_its_host_refuses_is_refused(node: Node) -> None:
    ann = join(node, "ann 30")
    assert renew(ann, "nobody")["error"] == "Nobody is not allowed"
    assert ann.connected


async def test_a_refused_token_without_acknowledgement_is_told(node: Node) -> None:
    ann = join(node, "ann 30")
    ann.takes()
    ann.emits("token", {"token": "ben"})
    ((name, payload),) = ann.hears()
    assert (name, payload["event"], payload["code"]) == ("refused", "token", "unauthorized")


async def test_a_token_without_an_end_lets_a_session_stay_for_ever(node: Node) -> None:
    ann = join(node, "ann 30")
    assert renew(ann, "ann") == {"ok": True}
    await asyncio.sleep(1_000_000)
    assert ann.connected


async def test_tokens_cannot_be_tried_for_ever(node: Node) -> None:
    ann = join(node, "ann 30")
    answers = [renew(ann, "nobody") for _ in range(11)]
    assert [answer["code"] for answer in answers] == ["unauthorized"] * 10 + ["rate_limited"]


async def test_an_anonymous_client_has_no_token_to_renew() -> None:
    node = Node(MemoryStore(), clock=virtual_clock)
    assert renew(join(node, "whatever"), "whatever")["code"] == "unauthorized"
    node.close()


# Hosts that take their time


async def test_a_session_waits_until_its_host_has_named_it(slow_node: Node) -> None:
    ann = join(slow_node, "ann")
    await asyncio.sleep(4)
    assert (ann.connected, ann.refused) == (False, None)
    await asyncio.sleep(2)
    assert ann.hears() == [("client_id", {"clientId": "ann"})]


async def test_a_session_that_goes_while_it_waits_leaves_nothing(slow_node: Node) -> None:
    ann = join(slow_node, "ann")
    ann.end()
    await asyncio.sleep(6)
    assert (len(slow_node.hub), ann.packets) == (0, [])


async def test_a_client_may_be_refused_late(slow_node: Node) -> None:
    ann = join(slow_node, "nobody")
    await asyncio.sleep(6)
    assert ann.refused is not None
    assert ann.refused[1]["code"] == "unauthorized"


async def test_a_token_that_is_renewed_slowly_counts_from_then_on(slow_node: Node) -> None:
    ann = join(slow_node, "ann 30")
    await asyncio.sleep(20)
    ann.emits("token", {"token": "ann 60"}, 7)
    await asyncio.sleep(30)
    assert ann.connected


async def test_tokens_that_nobody_looks_at_do_not_wait_for_ever() -> None:
    async def hangs(session: Session, auth: Mapping[str, Any]) -> Named:
        if auth["token"] != "ann":
            await asyncio.Event().wait()
        return by_token(session, auth)

    node = Node(MemoryStore(), identify=hangs, clock=virtual_clock)
    ann, others = join(node, "ann"), len(asyncio.all_tasks())
    await asyncio.sleep(1)
    for _ in range(50):
        ann.emits("token", {"token": "ann 60"}, 7)
    await asyncio.sleep(11)
    refused = [packet for packet in ann.takes() if b'"unavailable"' in packet]
    assert (len(refused), len(asyncio.all_tasks())) == (50, others - 1)
    node.close()


async def test_a_token_that_is_renewed_too_late_does_not_bring_a_session_back(
    slow_node: Node,
) -> None:
    ann = join(slow_node, "ann 30")
    await asyncio.sleep(28)
    ann.takes()
    ann.emits("token", {"token": "ann 60"}, 7)
    await asyncio.sleep(10)
    assert (ann.connected, [name for name, _ in ann.hears()]) == (False, ["refused"])


# What is kept of a client that its host names


@pytest.fixture
def hosted(stages: Stages) -> Stage:
    """A stage whose clients are kept by their host."""
    return stages(identify=lambda _, auth: Named(auth["id"], None, kept=True))


@pytest.mark.parametrize("keep", [True, False])
async def test_no_resume_token_is_made_for_a_client_that_its_host_keeps(
    hosted: Stage, keep: bool
) -> None:
    ann = await hosted.joins("ann", keep=keep)
    assert ann.first == [("client_id", {"clientId": "ann"})]


async def test_it_is_the_same_client_when_it_is_named_again(hosted: Stage) -> None:
    ann, ben = await hosted.joins("ann"), await hosted.joins("ben")
    await hosted.links(ann, ben)
    await ann.leaves()
    await ben.says("ann", "while you were away")
    again = await hosted.joins("ann")
    assert (list(again.links), again.replayed) == (["ben"], ["while you were away"])


async def test_it_is_given_what_it_has_missed_since(hosted: Stage) -> None:
    ann, ben = await hosted.joins("ann"), await hosted.joins("ben")
    await hosted.links(ann, ben)
    await ben.says("ann", 1, 2, 3)
    await ann.leaves()
    assert (await hosted.joins("ann", since={"ben": 1})).replayed == [2, 3]


async def test_an_older_session_has_to_prove_that_it_is_alive(hosted: Stage) -> None:
    ann = await hosted.joins("ann")
    await hosted.joins("ann")
    assert ann.probed == [3.0]


async def test_a_resume_token_does_not_make_it_somebody_else(stages: Stages) -> None:
    stage = stages(identify=lambda _, auth: Named(auth["id"], None, kept=auth["id"] == "ann"))
    ben = await stage.keeps("ben")
    assert (await stage.joins("ann", resumeToken=ben.token)).id == "ann"
