"""A node with sessions that write down what they are given."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from duologue.core import events
from duologue.core.model import Policy, Terms
from duologue.node import Limits, Named, Node
from duologue.stores.base import StoreError
from duologue.stores.memory import MemoryStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class FakeSession:
    """The engine's session, as far as a node may know it."""

    address = "192.0.2.1"
    present = True

    def __init__(self) -> None:
        self.data: Any = None
        self.connected = False
        self.headers: Mapping[str, str] = {}
        self.sid = "a-session-of-a-fake"
        self.packets: list[str] = []
        self.refused: tuple[str, Any] | None = None

    def accept(self) -> bool:
        self.connected = True
        return True

    def refuse(self, message: str, data: Any = None) -> None:
        self.refused = (message, data)

    def send(self, packets: Iterable[bytes]) -> None:
        self.packets += [packet.decode() for packet in packets]

    def disconnect(self, *, close: bool = False) -> None:
        raise AssertionError("nothing here is to be disconnected")

    def pending_bytes(self) -> int:
        return 0

    def probe(self, timeout: float) -> None:
        raise AssertionError("nobody resumes here")

    def got(self) -> list[Any]:
        """What came since last time: [name, payload] of events, [ID, answer] of answers."""
        packets, self.packets = self.packets, []
        return [
            [int(packet[2 : packet.index("[")]), *json.loads(packet[packet.index("[") :])]
            if packet.startswith("43")
            else json.loads(packet[2:])
            for packet in packets
        ]


class Client:
    """A client of a node, with one session."""

    def __init__(self, node: Node, auth: dict[str, Any] | None = None) -> None:
        self.node = node
        self.session = FakeSession()
        node.connect(self.session, auth or {})
        self.id = self.session.data.identity.id if self.session.data else ""
        self.first = self.session.got()

    def emits(self, name: str, ack: int | None = None, **payload: Any) -> list[Any]:
        """Send an event as the engine would hand it on; returns what comes back."""
        decoder = self.node.decoders[name.encode()]
        event = decoder.decode(json.dumps([name, payload]).encode())
        self.node.typed_event(self.session, event, ack)
        return self.session.got()

    def says(self, target: Client, text: Any = "hi", ack: int | None = 0) -> list[Any]:
        return self.emits("message", ack, targetClientId=target.id, message=text)

    def leaves(self) -> None:
        self.node.disconnect(self.session, "transport close")


def make_node(**more: Any) -> Node:
    return Node(MemoryStore(), clock=Clock(), **more)


@pytest.fixture
def node() -> Node:
    return make_node()


def link(a: Client, b: Client) -> None:
    a.emits("link_request", targetClientId=b.id)
    b.emits("link_accept", targetClientId=a.id)
    a.session.got()
    b.session.got()


async def test_the_first_thing_told_is_the_client_id(node: Node) -> None:
    client = Client(node)
    assert client.first == [["client_id", {"clientId": client.id}]]


async def test_every_client_gets_a_uuid_of_its_own(node: Node) -> None:
    ids = {Client(node).id for _ in range(50)}
    assert (len(ids), {(len(id), id[14], id[19] in "89ab") for id in ids}) == (
        50,
        {(36, "4", True)},
    )


async def test_an_event_with_an_acknowledgement_is_answered_by_it_alone(node: Node) -> None:
    ann, ben = Client(node), Client(node)
    assert ann.says(ben, ack=7) == [
        [
            7,
            {
                "error": "You are not connected to this client",
                "code": "not_linked",
                "retryable": False,
                "targetClientId": ben.id,
            },
        ]
    ]


async def test_a_message_without_one_is_refused_as_a_message(node: Node) -> None:
    ann, ben = Client(node), Client(node)
    ((name, payload),) = ann.says(ben, ack=None)
    assert (name, payload["code"]) == ("message", "not_linked")


async def test_another_event_without_one_is_refused_by_name(node: Node) -> None:
    ann, ben = Client(node), Client(node)
    ((name, payload),) = ann.emits("link_accept", targetClientId=ben.id)
    assert (name, payload["event"], payload["code"]) == ("refused", "link_accept", "no_request")


async def test_an_event_that_went_well_without_one_is_not_answered(node: Node) -> None:
    ann, ben = Client(node), Client(node)
    assert ann.emits("link_request", targetClientId=ben.id) == []


async def test_what_does_not_fit_its_type_is_refused(node: Node) -> None:
    ann = Client(node)
    node.invalid(ann.session, "message", "Expected `object`, got `str` - at `$[1]`", 3)
    ((_, answer),) = ann.session.got()
    assert (answer["code"], answer["error"]) == (
        "invalid",
        "The request is not well formed: Expected `object`, got `str`",
    )


async def test_linked_clients_talk(node: Node) -> None:
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    ((_, answer),) = ann.says(ben)
    ((name, message),) = ben.session.got()
    assert (name, message) == (
        "message",
        {
            "from": ann.id,
            "content": "hi",
            "id": answer["id"],
            "seq": 1,
            "at": 1_000_000_000,
        },
    )


async def test_messages_without_ids_are_given_different_ones(node: Node) -> None:
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    ids = {ann.says(ben)[0][1]["id"] for _ in range(20)}
    assert (len(ids), {len(id) for id in ids}) == (20, {36})


async def test_binary_is_carried(node: Node) -> None:
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    payload = {"targetClientId": ben.id, "message": b"xyz"}
    node.event(ann.session, "message", [payload], 1)
    assert (ben.session.packets[0][:4], ben.session.packets[1]) == ("451-", "xyz")


async def test_the_tutorials_contract_holds_in_the_open() -> None:
    node = make_node(terms=Terms(policy=Policy.OPEN))
    ann, ben = Client(node), Client(node)
    ann.emits("message", None, targetClientId=ben.id, message="hi", **{"from": ann.id})
    assert ben.session.got() == [["message", {"from": ann.id, "content": "hi"}]]


async def test_an_unknown_target_is_told_in_the_tutorials_words() -> None:
    node = make_node(terms=Terms(policy=Policy.OPEN))
    ((name, payload),) = Client(node).emits("message", targetClientId="nobody", message="hi")
    assert (name, payload["error"]) == ("message", "Target client ID not found")


# Names


@pytest.mark.parametrize("name", [None, "", "Ann", "x" * 64, "<script>alert(1)</script>"])
async def test_a_name_is_shown_with_a_request(node: Node, name: str | None) -> None:
    ann, ben = Client(node, {"name": name}), Client(node)
    ann.emits("link_request", targetClientId=ben.id)
    assert ben.session.got()[0][1]["name"] == name


@pytest.mark.parametrize("name", ["x" * 65, 5, ["x"], {}])
async def test_a_name_that_is_none_is_refused_with_the_connection(node: Node, name: Any) -> None:
    client = Client(node, {"name": name})
    assert client.session.refused is not None
    assert client.session.refused[1]["code"] == "invalid"


async def test_a_refused_connection_leaves_nothing(node: Node) -> None:
    Client(node, {"name": "x" * 65})
    assert len(node.hub) == 0


# Several sessions of one client


def by_name(session: Any, auth: Mapping[str, Any]) -> Named:
    return Named(auth["id"], auth.get("name"))


@pytest.fixture
def named() -> Node:
    return make_node(identify=by_name)


async def test_a_host_may_name_its_clients(named: Node) -> None:
    assert Client(named, {"id": "ann"}).id == "ann"


@pytest.mark.parametrize("id", ["", "x" * 129])
async def test_a_client_id_that_cannot_be_one_is_refused(named: Node, id: str) -> None:
    assert Client(named, {"id": id}).session.refused is not None


async def test_every_session_of_a_client_is_told(named: Node) -> None:
    ann, one, two = (Client(named, {"id": id}) for id in ("ann", "ben", "ben"))
    link(ann, one)
    two.session.got()
    ann.says(one)
    assert one.session.got() == two.session.got() != []


async def test_the_senders_other_sessions_see_what_it_sent(named: Node) -> None:
    ann, other, ben = (Client(named, {"id": id}) for id in ("ann", "ann", "ben"))
    link(ann, ben)
    other.session.got()
    ann.says(ben)
    ((name, payload),) = other.session.got()
    assert (name, payload["from"], payload["to"], payload["seq"]) == ("message", "ann", "ben", 1)


async def test_the_session_that_sent_does_not_see_it_again(named: Node) -> None:
    ann, _, ben = (Client(named, {"id": id}) for id in ("ann", "ann", "ben"))
    link(ann, ben)
    assert [entry[0] for entry in ann.says(ben)] == [0]


async def test_a_new_session_is_shown_links_and_requests(named: Node) -> None:
    ann, ben, cleo = (Client(named, {"id": id}) for id in ("ann", "ben", "cleo"))
    link(ann, ben)
    cleo.emits("link_request", targetClientId="ann", note="hello")
    links = Client(named, {"id": "ann"}).first[1]
    assert (links[0], links[1]["links"][0]["peer"], links[1]["requests"][0]["note"]) == (
        "links",
        "ben",
        "hello",
    )


async def test_as_many_sessions_as_a_client_may_have_are_taken() -> None:
    node = make_node(identify=by_name, limits=Limits(max_sessions_per_client=2))
    Client(node, {"id": "ann"})
    assert Client(node, {"id": "ann"}).session.refused is None


async def test_one_session_more_is_refused() -> None:
    node = make_node(identify=by_name, limits=Limits(max_sessions_per_client=2))
    for _ in range(2):
        Client(node, {"id": "ann"})
    refused = Client(node, {"id": "ann"}).session.refused
    assert refused is not None
    assert refused[1]["code"] == "overloaded"


async def test_an_identity_lasts_as_long_as_one_of_its_sessions(named: Node) -> None:
    ann, other, ben = (Client(named, {"id": id}) for id in ("ann", "ann", "ben"))
    link(ann, ben)
    ann.leaves()
    assert (ben.session.got(), named.hub.online("ann")) == ([], True)
    other.leaves()
    assert [name for name, _ in ben.session.got()] == ["presence", "link_closed"]


async def test_what_ends_leaves_nothing(node: Node) -> None:
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    ann.says(ben)
    ann.leaves()
    ben.leaves()
    assert (len(node.hub), len(node._store)) == (0, 0)  # type: ignore[arg-type]


# Rates


@contextmanager
def clock_of(node: Node) -> Iterator[Clock]:
    clock = node._clock
    assert isinstance(clock, Clock)
    yield clock


async def test_as_many_messages_as_a_minute_allows_are_taken() -> None:
    node = make_node(limits=Limits(messages_per_minute=3))
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    assert [ann.says(ben)[0][1].get("ok") for _ in range(3)] == [True] * 3


async def test_one_message_more_is_refused_and_said_when_it_may_be_sent() -> None:
    node = make_node(limits=Limits(messages_per_minute=3))
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    answer = [ann.says(ben)[0][1] for _ in range(4)][-1]
    assert (answer["code"], answer["retryable"], answer["retryAfter"]) == (
        "rate_limited",
        True,
        20.0,
    )


async def test_when_its_time_has_come_it_is_taken() -> None:
    node = make_node(limits=Limits(messages_per_minute=3))
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    for _ in range(4):
        ann.says(ben)
    with clock_of(node) as clock:
        clock.now += 20.0
    assert ann.says(ben)[0][1]["ok"]


async def test_a_clock_that_is_set_back_takes_nothing_away() -> None:
    node = make_node(limits=Limits(messages_per_minute=3))
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    with clock_of(node) as clock:
        clock.now -= 1_000
    assert [ann.says(ben)[0][1].get("ok") for _ in range(3)] == [True] * 3


async def test_attempts_on_strangers_are_limited_strictly() -> None:
    node = make_node(limits=Limits(stranger_messages_per_minute=3))
    ann, ben = Client(node), Client(node)
    codes = [ann.says(ben)[0][1]["code"] for _ in range(4)]
    assert codes == ["not_linked"] * 3 + ["rate_limited"]


async def test_trying_out_ids_is_limited_strictly() -> None:
    node = make_node(limits=Limits(stranger_messages_per_minute=3))
    ann = Client(node)
    codes = [
        ann.emits("link_request", 0, targetClientId=str(number))[0][1]["code"]
        for number in range(4)
    ]
    assert codes == ["not_found"] * 3 + ["rate_limited"]


async def test_messages_on_links_do_not_count_as_attempts() -> None:
    node = make_node(limits=Limits(stranger_messages_per_minute=1))
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    assert [ann.says(ben)[0][1].get("ok") for _ in range(5)] == [True] * 5


async def test_as_many_requests_as_a_minute_allows_are_taken() -> None:
    node = make_node(limits=Limits(requests_per_minute=3))
    ann, ben = Client(node), Client(node)
    answers = [ann.emits("link_request", 0, targetClientId=ben.id)[0][1] for _ in range(4)]
    assert [answer.get("code") for answer in answers] == [None, None, None, "rate_limited"]


# Time


async def test_a_request_expires_without_anyone_doing_anything() -> None:
    node = Node(MemoryStore(), terms=Terms(request_ttl=0.05))
    ann, ben = Client(node), Client(node)
    ann.emits("link_request", targetClientId=ben.id)
    while not (told := ann.session.got()):
        await asyncio.sleep(0.01)
    assert told == [["link_expired", {"peer": ben.id}]]


async def test_everyone_is_told_of_draining(node: Node) -> None:
    clients = [Client(node) for _ in range(3)]
    node.draining()
    assert [client.session.got() for client in clients] == [[["draining", {}]]] * 3


# When storing fails


class BrokenStore(MemoryStore):
    broken = False

    def apply(self, change: events.Change) -> None:
        if self.broken:
            raise StoreError("the disk is full")
        super().apply(change)

    def add_message(self, message: events.AddMessage) -> None:
        if self.broken:
            raise StoreError("the disk is full")
        super().add_message(message)


async def test_what_cannot_be_kept_is_not_told_to_anyone() -> None:
    store = BrokenStore()
    node = Node(store, clock=Clock())
    ann, ben = Client(node), Client(node)
    link(ann, ben)
    store.broken = True
    ((_, answer),) = ann.says(ben)
    assert (answer["code"], answer["retryable"], ben.session.got()) == ("unavailable", True, [])


# Logs


async def test_logs_have_ids_and_nothing_that_clients_wrote(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ann, ben = Client(node, {"name": "NAME"}), Client(node)
    ann.emits("link_request", targetClientId=ben.id, note="NOTE")
    ben.emits("link_accept", targetClientId=ann.id)
    ann.says(ben, "CONTENT")
    ann.leaves()
    assert [word in caplog.text for word in (ann.id, ben.id, "NAME", "NOTE", "CONTENT")] == [
        True,
        True,
        False,
        False,
        False,
    ]


async def test_an_address_gets_as_many_kept_identities_as_it_may() -> None:
    node = Node(MemoryStore(), limits=Limits(identities_per_hour_per_address=2))
    sessions = [FakeSession() for _ in range(3)]
    for session in sessions:
        node.connect(session, {"keep": True})
    assert [session.refused and session.refused[1]["code"] for session in sessions] == [
        None,
        None,
        "rate_limited",
    ]
    node.close()


async def test_identities_that_end_with_their_sessions_are_not_counted() -> None:
    node = Node(MemoryStore(), limits=Limits(identities_per_hour_per_address=1))
    sessions = [FakeSession() for _ in range(3)]
    for session in sessions:
        node.connect(session, {})
    assert [session.refused for session in sessions] == [None] * 3
    node.close()


async def test_one_that_takes_its_identity_back_is_not_counted() -> None:
    node = Node(MemoryStore(), limits=Limits(identities_per_hour_per_address=1))
    first, again = FakeSession(), FakeSession()
    node.connect(first, {"keep": True})
    node.disconnect(first, "transport close")
    node.connect(again, {"keep": True, "resumeToken": first.got()[0][1]["resumeToken"]})
    assert again.refused is None
    node.close()
