"""What an application may do in its own right, on every kind of store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from duologue.core.model import Policy, Terms
from duologue.host import Host, Refused
from duologue.node import Limits
from tests.node.conftest import Stages
from tests.node.fakes import START
from tests.node.stage import Stage, contents

pytestmark = pytest.mark.anyio

ID = "11111111-1111-4111-8111-111111111111"


async def code_of(call: Awaitable[Any]) -> str:
    """With which code something is refused."""
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.code


@pytest.fixture
def host(stage: Stage) -> Host:
    return stage.node.host


# About clients


async def test_a_client_with_a_session_is_online(stage: Stage, host: Host) -> None:
    await stage.joins("ann")
    assert [await host.online("ann"), await host.online("ben")] == [True, False]


async def test_a_client_is_described_as_it_knows_itself(stage: Stage, host: Host) -> None:
    ann, _ = await stage.two()
    cleo = await stage.keeps("cleo", name="Cleo")
    await cleo.does("link_request", "ann", note="hello")
    await ann.does("link_request", "dan")
    await ann.does("block", "cleo")
    found = await host.client("ann")
    assert (found.client_id, found.name, found.online, found.last_seen, found.kept) == (
        ("ann", None, True, None, True)
    )
    assert [link.peer for link in found.links] == ["ben"]
    assert found.requests == []
    assert found.blocked == ["cleo"]


async def test_a_client_that_is_away_was_last_seen_when_it_left(stage: Stage, host: Host) -> None:
    ann = await stage.keeps("ann")
    await ann.leaves()
    assert (await host.client("ann")).last_seen == START * 1000


async def test_a_client_that_is_not_known_is_not_found(host: Host) -> None:
    assert await code_of(host.client("nobody")) == "not_found"


async def test_a_client_that_is_disconnected_keeps_its_identity(stage: Stage, host: Host) -> None:
    ann, ben = await stage.two()
    await stage.joins("ann")
    ended = await host.disconnect("ann")
    await stage.settles()
    assert (ended, ann.connected, ben.connected) == (2, False, True)
    assert (await host.client("ann")).kept


async def test_nobody_is_disconnected_who_is_not_known(host: Host) -> None:
    assert await code_of(host.disconnect("nobody")) == "not_found"


async def test_a_client_is_forgotten_with_its_links(stage: Stage, host: Host) -> None:
    ann, ben = await stage.two()
    await host.forget("ann")
    await stage.settles()
    assert not ann.connected
    assert [name for name, _ in ben.hears()] == ["presence", "link_closed"]
    assert await code_of(host.client("ann")) == "not_found"


async def test_forgetting_twice_is_refused(stage: Stage, host: Host) -> None:
    await stage.keeps("ann")
    await host.forget("ann")
    assert await code_of(host.forget("ann")) == "not_found"


@pytest.mark.parametrize("id", ["x", "x" * 128, "a/b?c#d%2F", "..", "Ä\n"])
async def test_any_characters_make_a_client_id(host: Host, id: str) -> None:
    assert await host.link("ann", id, create=True)


@pytest.mark.parametrize("id", ["", "x" * 129, "\0", "\ud800"])
async def test_what_is_no_client_id_is_invalid(host: Host, id: str) -> None:
    assert await code_of(host.online(id)) == "invalid"


# Links


async def test_both_are_told_of_a_link_by_the_hosts_word(stage: Stage, host: Host) -> None:
    ann, ben = await stage.keeps("ann", name="Ann"), await stage.keeps("ben")
    assert await host.link("ann", "ben") is True
    assert ben.hears() == [
        ("link_established", {"peer": "ann", "name": "Ann"}),
        ("presence", {"clientId": "ann", "online": True, "lastSeen": None}),
    ]
    assert ann.hears() == [
        ("link_established", {"peer": "ben", "name": None}),
        ("presence", {"clientId": "ben", "online": True, "lastSeen": None}),
    ]
    assert (await ann.does("message", "ben", message="hi"))["status"] == "delivered"


async def test_a_link_that_is_there_is_not_told_again(stage: Stage, host: Host) -> None:
    ann, ben = await stage.two()
    assert await host.link("ann", "ben") is False
    assert (ann.hears(), ben.hears()) == ([], [])


async def test_a_pending_request_becomes_a_link(stage: Stage, host: Host) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    await ann.does("link_request", "ben")
    ann.takes(), ben.takes()
    assert await host.link("ben", "ann")
    assert ann.hears()[0] == ("link_established", {"peer": "ben", "name": None})
    stage.now += 10_000
    await stage.timers()
    assert [name for name, _ in ann.hears()] == []


@pytest.mark.parametrize("blocker", ["ann", "ben"])
async def test_a_block_stands_above_the_hosts_word(stage: Stage, host: Host, blocker: str) -> None:
    await stage.keeps("ann"), await stage.keeps("ben")
    await host.block(blocker, "ben" if blocker == "ann" else "ann")
    assert await code_of(host.link("ann", "ben")) == "blocked"


async def test_a_block_that_was_taken_back_stands_no_more(stage: Stage, host: Host) -> None:
    await stage.keeps("ann"), await stage.keeps("ben")
    await host.block("ann", "ben")
    await host.unblock("ann", "ben")
    assert await host.link("ann", "ben")


async def test_nobody_is_linked_to_itself(stage: Stage, host: Host) -> None:
    await stage.keeps("ann")
    assert await code_of(host.link("ann", "ann")) == "invalid"


async def test_one_that_is_not_known_is_not_linked(stage: Stage, host: Host) -> None:
    await stage.keeps("ann")
    assert await code_of(host.link("ann", "ben")) == "not_found"


async def test_one_that_is_not_known_can_be_made_known(stage: Stage, host: Host) -> None:
    ann = await stage.keeps("ann")
    await host.link("ann", "ben", create=True)
    await ann.says("ben", "for when you come")
    ben = await stage.joins("ben")
    assert list(ben.links) == ["ann"]
    assert ben.replayed == ["for when you come"]


async def test_one_that_was_made_known_and_never_comes_ends_in_its_time(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=60.0))
    await stage.node.host.link("ann", "ben", create=True)
    stage.now += 61.0
    stage.node._lobby._sweep()
    await stage.settles()
    assert await code_of(stage.node.host.client("ann")) == "not_found"


@pytest.mark.parametrize("linked", [True, False])
async def test_one_whose_time_is_over_is_made_known_again_before_it_is_swept_up(
    stages: Stages, linked: bool
) -> None:
    stage = stages(terms=Terms(identity_ttl=60.0))
    host = stage.node.host
    await host.link("ann", "ben" if linked else "cleo", create=True)
    stage.now += 60.0
    assert await host.link("ann", "ben", create=True)
    stage.node._lobby._sweep()
    await stage.settles()
    assert [link.peer for link in (await host.client("ann")).links] == ["ben"]


async def test_a_link_with_one_whose_time_is_over_is_closed_before_it_is_made_anew(
    stages: Stages,
) -> None:
    stage = stages(terms=Terms(identity_ttl=60.0))
    ann, ben = await stage.two()
    await ann.says("ben", "of an earlier life")
    await ann.leaves()
    ben.takes()
    stage.now += 60.0
    assert await stage.node.host.link("ann", "ben", create=True)
    heard = [name for name, _ in ben.hears()]
    assert heard == ["presence", "link_closed", "link_established", "presence"]
    assert (await stage.node.host.history("ben", "ann")).messages == []


@pytest.mark.parametrize(
    "asks",
    [
        lambda host: host.client("ann"),
        lambda host: host.disconnect("ann"),
        lambda host: host.forget("ann"),
        lambda host: host.link("ann", "ben"),
        lambda host: host.close("ann", "ben"),
        lambda host: host.block("ben", "ann"),
        lambda host: host.send("ann", "ben", "hi"),
        lambda host: host.send("ben", "ann", "hi"),
        lambda host: host.history("ben", "ann"),
    ],
)
async def test_one_whose_time_is_over_is_not_known_before_it_is_swept_up_either(
    stages: Stages, asks: Callable[[Host], Awaitable[Any]]
) -> None:
    stage = stages(terms=Terms(identity_ttl=60.0))
    ann, _ = await stage.two()
    await ann.leaves()
    stage.now += 60.0
    assert await code_of(asks(stage.node.host)) == "not_found"


async def test_a_client_is_not_shown_with_one_whose_time_is_over(stages: Stages) -> None:
    stage = stages(terms=Terms(identity_ttl=60.0))
    ann, _ = await stage.two()
    await stage.node.host.link("ben", "cleo", create=True)
    await stage.node.host.block("ben", "cleo")
    await ann.leaves()
    stage.now += 60.0
    found = await stage.node.host.client("ben")
    assert (found.links, found.blocked) == ([], [])


async def test_a_client_with_as_many_links_as_it_may_have_gets_no_more(stages: Stages) -> None:
    host = stages(terms=Terms(max_links=1)).node.host
    assert await host.link("ann", "ben", create=True)
    assert await code_of(host.link("ann", "cleo", create=True)) == "overloaded"


async def test_both_are_told_when_the_host_closes_a_link(stage: Stage, host: Host) -> None:
    ann, ben = await stage.two()
    await host.close("ben", "ann")
    assert ann.hears() == [("link_closed", {"peer": "ben"})]
    assert ben.hears() == [("link_closed", {"peer": "ann"})]
    assert (await ann.does("message", "ben", message="?"))["code"] == "not_linked"


async def test_a_link_closed_by_the_host_is_logged_once(
    stage: Stage, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.two()
    caplog.set_level(logging.INFO)
    caplog.clear()  # of what else has happened
    await host.close("ann", "ben")
    assert [record.getMessage() for record in caplog.records] == ["clients ann and ben unlinked"]


async def test_a_link_that_is_not_there_is_not_closed(stage: Stage, host: Host) -> None:
    await stage.keeps("ann"), await stage.keeps("ben")
    assert await code_of(host.close("ann", "ben")) == "not_linked"


@pytest.mark.parametrize(
    ("asks", "heard"), [("ann", "link_expired"), ("ben", "link_cancelled"), (None, "link_closed")]
)
async def test_one_in_whose_name_another_is_blocked_sees_that_it_is_over(
    stage: Stage, host: Host, asks: str | None, heard: str
) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    if asks is None:
        await stage.links(ann, ben)
    else:
        actor, other = (ann, "ben") if asks == "ann" else (ben, "ann")
        await actor.does("link_request", other)
    ann.takes()
    await host.block("ann", "ben")
    assert ann.hears() == [(heard, {"peer": "ben"})]


async def test_one_that_is_blocked_by_the_host_is_not_told_of_it(stage: Stage, host: Host) -> None:
    await stage.keeps("ann")
    ben = await stage.keeps("ben")
    await host.block("ann", "ben")
    assert ben.hears() == []
    assert (await ben.does("link_request", "ann"))["state"] == "requested"


# Messages


async def test_a_message_in_a_clients_name_reaches_the_other(stage: Stage, host: Host) -> None:
    _, ben = await stage.two()
    answer = await host.send("ann", "ben", {"order": 7}, ID)
    assert (answer.id, answer.seq, answer.status) == (ID, 1, "delivered")
    expected = {"from": "ann", "content": {"order": 7}, "id": ID, "seq": 1, "at": answer.at}
    assert ben.hears() == [("message", expected)]


async def test_a_client_sees_what_was_sent_in_its_name(stage: Stage, host: Host) -> None:
    ann, _ = await stage.two()
    await host.send("ann", "ben", "hi")
    ((_, heard),) = ann.hears()
    assert (heard["content"], heard["from"], heard["to"]) == ("hi", "ann", "ben")


async def test_a_message_waits_for_one_that_is_away(stage: Stage, host: Host) -> None:
    _, ben = await stage.two()
    await ben.leaves()
    answer = await host.send("ann", "ben", "later")
    back = await stage.joins("ben")
    assert (answer.status, back.replayed) == ("stored", ["later"])


async def test_the_same_id_again_is_answered_as_the_first_time(stage: Stage, host: Host) -> None:
    _, ben = await stage.two()
    first = await host.send("ann", "ben", "once", ID)
    again = await host.send("ann", "ben", "once", ID)
    assert again == first
    assert ben.reads() == ["once"]


async def test_a_hosts_messages_are_counted_by_their_answer_as_clients_are(
    stage: Stage, host: Host
) -> None:
    _, ben = await stage.two()
    await host.send("ann", "ben", 1)
    await host.send("ann", "ben", 2, ID)
    await host.send("ann", "ben", 2, ID)
    await ben.leaves()
    await host.send("ann", "ben", 3)
    counts = stage.node.counts
    assert (counts.delivered, counts.repeated, counts.stored) == (2, 1, 1)


@pytest.mark.parametrize("policy", Policy)
async def test_a_host_sends_on_links_only(stages: Stages, policy: Policy) -> None:
    stage = stages(terms=Terms(policy=policy))
    await stage.keeps("ann"), await stage.keeps("ben")
    assert await code_of(stage.node.host.send("ann", "ben", "hi")) == "not_linked"


@pytest.mark.parametrize(("sender", "target"), [("ann", "nobody"), ("nobody", "ann")])
async def test_nothing_is_sent_from_or_to_nobody(
    stage: Stage, host: Host, sender: str, target: str
) -> None:
    await stage.keeps("ann")
    assert await code_of(host.send(sender, target, "hi")) == "not_found"


async def test_nothing_is_sent_to_one_whom_the_sender_blocks(stage: Stage, host: Host) -> None:
    await stage.two()
    await host.block("ann", "ben")
    assert await code_of(host.send("ann", "ben", "hi")) == "blocked"


async def test_a_host_is_held_to_what_may_wait_for_a_client(stages: Stages) -> None:
    host = stages(terms=Terms(queue_max=1)).node.host
    await host.link("ann", "ben", create=True)
    await host.send("ann", "ben", 1)
    assert await code_of(host.send("ann", "ben", 2)) == "overloaded"


async def test_no_rate_is_counted(stages: Stages) -> None:
    stage = stages(limits=Limits(messages_per_minute=1))
    _, ben = await stage.two()
    for number in range(5):
        await stage.node.host.send("ann", "ben", number)
    assert ben.reads() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        b"\x00\xff",
        {"a": [b"x", 1.5, True]},
        2**70,
        [[[[]]]],
    ],
)
async def test_content_comes_out_as_it_went_in(stage: Stage, host: Host, content: Any) -> None:
    await stage.two()
    await host.send("ann", "ben", content)
    assert [each.content for each in (await host.history("ann", "ben")).messages] == [content]


@pytest.mark.parametrize(
    "content",
    [
        float("nan"),
        {1: "a"},
        object(),
        {"_placeholder": True, "num": 0},
        "\ud800",
        {"\ud800": 1},
        [10**5_000],
    ],
)
async def test_what_cannot_be_sent_is_invalid(host: Host, content: Any) -> None:
    assert await code_of(host.send("ann", "ben", content)) == "invalid"


class Text(str):
    """A string as libraries for markup have it."""


class Number(int):
    pass


class Measure(float):
    pass


@pytest.mark.parametrize(
    "content",
    [Text("hi"), Number(7), Measure(1.5), [{Text("key"): Text("hi")}, b"x"]],
)
async def test_what_a_librarys_own_classes_say_can_be_sent(
    stage: Stage, host: Host, content: Any
) -> None:
    _, ben = await stage.two()
    await host.send(Text("ann"), Text("ben"), content, Text(ID))
    assert [each.content for each in (await host.history("ann", "ben")).messages] == [content]
    assert ben.takes()


async def test_a_librarys_own_strings_name_clients(stage: Stage, host: Host) -> None:
    ann, ben = await stage.keeps("ann"), await stage.keeps("ben")
    assert await host.link(Text("ann"), Text("ben"))
    await host.forget(Text("ann"))
    await stage.settles()
    heard = [name for name, _ in ben.hears()]
    assert (heard[0], heard[-1], ann.connected) == ("link_established", "link_closed", False)


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


async def test_content_may_nest_as_deep_as_a_clients(stage: Stage, host: Host) -> None:
    await stage.two()
    assert (await host.send("ann", "ben", nested(30))).ok
    assert await code_of(host.send("ann", "ben", nested(31))) == "invalid"


async def test_content_may_be_as_large_as_a_packet(stages: Stages) -> None:
    stage = stages(limits=Limits(max_content_bytes=1_000))
    await stage.two()
    around = len('42["message",{"from":"","content":""}]')
    assert (await stage.node.host.send("ann", "ben", "x" * (1_000 - around))).ok
    too_large = stage.node.host.send("ann", "ben", "x" * (1_001 - around))
    assert await code_of(too_large) == "too_large"


async def test_a_message_has_as_many_attachments_as_a_clients(stage: Stage, host: Host) -> None:
    await stage.two()
    assert (await host.send("ann", "ben", [b"x"] * 10)).ok
    assert await code_of(host.send("ann", "ben", [b"x"] * 11)) == "too_large"


@pytest.mark.parametrize("id", ["", "x", ID + "\n", ID[:-1]])
async def test_a_message_id_is_a_uuid(host: Host, id: str) -> None:
    assert await code_of(host.send("ann", "ben", "hi", id)) == "invalid"


# History


async def test_history_is_read_page_by_page(stage: Stage, host: Host) -> None:
    ann, _ = await stage.two()
    await ann.says("ben", 1, 2, 3)
    last = await host.history("ben", "ann", limit=2)
    assert ([each.content for each in last.messages], last.more) == ([2, 3], True)
    first = await host.history("ben", "ann", before=2, limit=2)
    assert ([each.content for each in first.messages], first.more) == ([1], False)


@pytest.mark.parametrize(("limit", "before"), [(0, None), (101, None), (1, -1)])
async def test_a_page_has_one_to_a_hundred_messages(
    host: Host, limit: int, before: int | None
) -> None:
    assert await code_of(host.history("ann", "ben", before, limit)) == "invalid"


async def test_there_is_no_history_of_a_link_that_is_closed(stage: Stage, host: Host) -> None:
    await stage.two()
    await host.send("ann", "ben", "hi")
    await host.close("ann", "ben")
    assert await code_of(host.history("ann", "ben")) == "not_linked"


# When the store or the node has ended


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])  # of memory nothing outlives the process
async def test_what_the_host_did_outlives_the_process(stages: Stages) -> None:
    stage = stages()
    await stage.node.host.link("ann", "ben", create=True)
    await stage.node.host.send("ann", "ben", "kept")
    stage.crashes()
    page = await stage.node.host.history("ben", "ann")
    assert [each.content for each in page.messages] == ["kept"]


async def test_after_the_nodes_end_everything_is_refused(stages: Stages) -> None:
    stage = stages()
    stage.node.close()
    for call in (stage.node.host.client("ann"), stage.node.host.send("a", "b", "hi")):
        assert await code_of(call) == "unavailable"


async def test_sessions_end_with_their_identity_also_when_nobody_waits_for_it(
    stage: Stage, host: Host
) -> None:
    ann = await stage.keeps("ann")
    forgetting = asyncio.ensure_future(host.forget("ann"))
    await asyncio.sleep(0)
    forgetting.cancel()
    await stage.settles()
    assert not ann.connected


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])  # with memory, nothing comes in between
async def test_one_that_comes_while_it_is_forgotten_leaves_nothing_that_never_ends(
    stage: Stage, host: Host
) -> None:
    ann = await stage.keeps("ann")
    await ann.leaves()
    forgetting = asyncio.ensure_future(host.forget("ann"))
    await asyncio.sleep(0)
    again = await stage.keeps("ann")
    await forgetting
    with stage.store.transaction():
        left = stage.store.identity("ann")
    assert left is not None
    assert (again.refusal, left.expires_at) == ("expired", START + Terms().identity_ttl)


async def test_nobody_waits_for_ever_for_what_goes_wrong_in_telling(
    stage: Stage, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(packets: Iterable[bytes]) -> None:
        raise ZeroDivisionError

    _, ben = await stage.two()
    monkeypatch.setattr(ben, "send", fails)
    with pytest.raises(ZeroDivisionError):
        await host.send("ann", "ben", "hi")


async def test_one_that_no_longer_waits_does_no_harm(stage: Stage, host: Host) -> None:
    _, ben = await stage.two()
    sending = asyncio.ensure_future(host.send("ann", "ben", "hi"))
    await asyncio.sleep(0)
    sending.cancel()
    await stage.settles()
    assert contents(ben.hears()) == ["hi"]
