"""Whole conversations as the packets that go to each session, byte by byte."""

from __future__ import annotations

import asyncio
import logging

import pytest

from duologue.core.model import Policy, Terms
from duologue.node import Node
from duologue.stores.memory import MemoryStore
from tests.node.fakes import FakeSession, by_id, connected, link, virtual_clock

pytestmark = pytest.mark.anyio

ID = "7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"


def node_with(policy: Policy = Policy.REQUIRED) -> Node:
    return Node(MemoryStore(), terms=Terms(policy=policy), identify=by_id, clock=virtual_clock)


@pytest.fixture
async def node() -> Node:
    return node_with()


@pytest.fixture
async def open_node() -> Node:
    return node_with(Policy.OPEN)


# The tutorial's contract


async def test_a_bare_client_is_given_an_id_and_nothing_else() -> None:
    node = Node(MemoryStore(), clock=virtual_clock)
    session = FakeSession(node)
    session.connect({})
    given = session.data.identity.id.encode()
    assert session.takes() == [b"40", b'42["client_id",{"clientId":"' + given + b'"}]']


async def test_in_the_open_its_message_arrives(open_node: Node) -> None:
    ann, ben = connected(open_node, "ann"), connected(open_node, "ben")
    ben.takes()
    ann.emits("message", {"targetClientId": "ben", "from": "ann", "message": "hello"})
    assert ben.takes() == [b'42["message",{"from":"ann","content":"hello"}]']


async def test_in_the_open_its_sender_is_told_nothing(open_node: Node) -> None:
    ann = connected(open_node, "ann")
    connected(open_node, "ben")
    ann.takes()
    ann.emits("message", {"targetClientId": "ben", "from": "ann", "message": "hello"})
    assert ann.takes() == []


@pytest.mark.parametrize("policy", Policy)
async def test_an_unknown_target_is_answered(policy: Policy) -> None:
    ann = connected(node_with(policy), "ann")
    ann.takes()
    ann.emits("message", {"targetClientId": "001", "from": "ann", "message": "hello"})
    assert ann.takes() == [
        b'42["message",{"error":"Target client ID not found","code":"not_found",'
        b'"retryable":false,"targetClientId":"001"}]'
    ]


async def test_one_who_has_left_is_an_unknown_target(open_node: Node) -> None:
    ann, ben = connected(open_node, "ann"), connected(open_node, "ben")
    ben.end()
    ann.takes()
    ann.emits("message", {"targetClientId": "ben", "from": "ann", "message": "hello"})
    assert ann.takes() == [
        b'42["message",{"error":"Target client ID not found","code":"not_found",'
        b'"retryable":false,"targetClientId":"ben"}]'
    ]


async def test_where_consent_is_required_its_message_is_refused(node: Node) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    for session in (ann, ben):
        session.takes()
    ann.emits("message", {"targetClientId": "ben", "from": "ann", "message": "hello"})
    assert (ann.takes(), ben.takes()) == (
        [
            b'42["message",{"error":"You are not connected to this client",'
            b'"code":"not_linked","retryable":false,"targetClientId":"ben"}]'
        ],
        [],
    )


@pytest.mark.parametrize("policy", Policy)
async def test_one_who_says_to_be_another_is_refused(policy: Policy) -> None:
    node = node_with(policy)
    ann, ben = connected(node, "ann"), connected(node, "ben")
    for session in (ann, ben):
        session.takes()
    ann.emits("message", {"targetClientId": "ben", "from": "cleo", "message": "hello"})
    assert (ann.takes(), ben.takes()) == (
        [
            b'42["message",{"error":"The \'from\' of a message can only be your own client ID",'
            b'"code":"from_mismatch","retryable":false,"targetClientId":"ben"}]'
        ],
        [],
    )


# From the first request to the end


async def test_two_agree_and_talk(node: Node) -> None:
    ann, ben = connected(node, "ann", name="Ann"), connected(node, "ben")
    for session in (ann, ben):
        session.takes()
    ann.emits("link_request", {"targetClientId": "ben", "note": "it is me"}, 1)
    ben.emits("link_accept", {"targetClientId": "ann"}, 2)
    ann.emits("message", {"targetClientId": "ben", "message": "hello", "id": ID}, 3)
    ben.emits("typing", {"targetClientId": "ann"})
    ben.emits("signal", {"targetClientId": "ann", "data": [1]})
    ben.emits("link_close", {"targetClientId": "ann"})
    assert (ann.takes(), ben.takes()) == (
        [
            b'431[{"state":"requested","expiresAt":1003600000,"ok":true}]',
            b'42["link_established",{"peer":"ben","name":null}]',
            b'42["presence",{"clientId":"ben","online":true,"lastSeen":null}]',
            b'433[{"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b","seq":1,"at":1000000000,'
            b'"status":"delivered","ok":true}]',
            b'42["typing",{"from":"ben","typing":true}]',
            b'42["signal",{"from":"ben","data":[1]}]',
            b'42["link_closed",{"peer":"ben"}]',
        ],
        [
            b'42["link_requested",{"from":"ann","name":"Ann","note":"it is me",'
            b'"expiresAt":1003600000}]',
            b'42["link_established",{"peer":"ann","name":"Ann"}]',
            b'42["presence",{"clientId":"ann","online":true,"lastSeen":null}]',
            b'432[{"ok":true}]',
            b'42["message",{"from":"ann","content":"hello",'
            b'"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b","seq":1,"at":1000000000}]',
        ],
    )


async def test_a_second_session_is_shown_what_there_is(node: Node) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben", name="Ben")
    link(ann, ben)
    ann.asks("message", "ben", message="hello")
    connected(node, "cleo", name="Cleo").asks("link_request", "ann", note="hello")
    connected(node, "dan")
    ann.asks("link_request", "dan")
    assert connected(node, "ann").takes()[1:] == [
        b'42["client_id",{"clientId":"ann"}]',
        b'42["links",{"links":[{"peer":"ben","name":"Ben","online":true,"lastSeen":null,'
        b'"seq":1,"unread":0,"delivered":0,"read":0}],"requests":[{"from":"cleo","name":"Cleo","note":"hello",'
        b'"expiresAt":1003600000}],'
        b'"requested":[{"to":"dan","note":null,"expiresAt":1003600000}]}]',
    ]


async def test_a_second_session_is_not_shown_whom_it_would_have_heard_of_but_for_a_block(
    node: Node,
) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    ann.asks("block", "ben")
    ben.asks("link_request", "ann")
    assert connected(node, "ann").takes()[1:] == [b'42["client_id",{"clientId":"ann"}]']


async def test_the_other_sessions_of_a_sender_see_what_it_sent_and_to_whom(node: Node) -> None:
    ann, ben, other = connected(node, "ann"), connected(node, "ben"), connected(node, "ann")
    link(ann, ben)
    other.takes()
    ann.asks("message", "ben", message="hello", id=ID)
    assert other.takes() == [
        b'42["message",{"from":"ann","content":"hello",'
        b'"id":"7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b","seq":1,"at":1000000000,"to":"ben"}]'
    ]


async def test_a_message_sent_again_is_seen_by_nobody_again(node: Node) -> None:
    ann, ben, other = connected(node, "ann"), connected(node, "ben"), connected(node, "ann")
    link(ann, ben)
    first = ann.asks("message", "ben", message="hello", id=ID)
    for session in (ben, other):
        session.takes()
    await asyncio.sleep(5)
    again = ann.asks("message", "ben", message="hello", id=ID)
    assert (again, ben.takes(), other.takes()) == (first, [], [])


async def test_a_peer_is_told_of_the_last_sessions_end(node: Node) -> None:
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    await asyncio.sleep(5)
    ann.end()
    assert ben.takes() == [
        b'42["presence",{"clientId":"ann","online":false,"lastSeen":1000005000}]',
        b'42["link_closed",{"peer":"ann"}]',
    ]


async def test_requests_in_both_directions_end_with_a_client(node: Node) -> None:
    ann, ben, cleo = connected(node, "ann"), connected(node, "ben"), connected(node, "cleo")
    ann.asks("link_request", "ben")
    cleo.asks("link_request", "ann")
    for session in (ben, cleo):
        session.takes()
    ann.end()
    assert (ben.takes(), cleo.takes()) == (
        [b'42["link_cancelled",{"peer":"ann"}]'],
        [b'42["link_expired",{"peer":"ann"}]'],
    )


# What does not fit


@pytest.mark.parametrize(
    ("ack", "packet"),
    [
        (
            7,
            b'437[{"error":"There is no event of this name","code":"invalid","retryable":false}]',
        ),
        (
            None,
            b'42["refused",{"event":"shout","error":"There is no event of this name",'
            b'"code":"invalid","retryable":false}]',
        ),
    ],
)
async def test_an_event_that_nobody_knows_is_refused(
    node: Node, ack: int | None, packet: bytes
) -> None:
    ann = connected(node, "ann")
    ann.takes()
    node.event(ann, "shout", [{"targetClientId": "ben"}], ack)
    assert ann.takes() == [packet]


async def test_a_message_that_is_not_well_formed_is_refused_as_a_message(node: Node) -> None:
    ann = connected(node, "ann")
    ann.takes()
    node.invalid(ann, "message", "Expected `object`, got `str` - at `$[1]`", None)
    assert ann.takes() == [
        b'42["message",{"error":"The request is not well formed: Expected `object`, got `str`",'
        b'"code":"invalid","retryable":false}]'
    ]


async def test_a_refused_name_is_not_logged(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    connected(node, "ann", name="SECRET" * 20)
    assert ("refused a connection: invalid" in caplog.text, "SECRET" in caplog.text) == (
        True,
        False,
    )


async def test_who_linked_and_unlinked_is_logged(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ann, ben = connected(node, "ann"), connected(node, "ben")
    link(ann, ben)
    ann.asks("link_close", "ben")
    ben.end("transport close")
    assert [record.getMessage() for record in caplog.records] == [
        "client ann connected",
        "client ben connected",
        "clients ann and ben linked",
        "clients ben and ann unlinked",
        "client ben left: transport close",
    ]
