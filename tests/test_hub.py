"""Who is connected to a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from duologue.core.model import Identity, TokenBucket
from duologue.hub import Client, Hub


class Outlet:
    def __init__(self, when_told: Callable[[], object] = lambda: None) -> None:
        self.packets: list[bytes] = []
        self._when_told = when_told

    def send(self, packets: Iterable[bytes]) -> None:
        self.packets += packets
        self._when_told()


def client(id: str) -> Client:
    bucket = TokenBucket(60, 0.0)
    return Client(Identity(id=id), bucket, bucket, bucket)


def test_a_client_with_a_session_is_online() -> None:
    hub = Hub()
    hub.add(client("ann"), Outlet())
    assert (hub.online("ann"), hub.online("ben")) == (True, False)


def test_a_client_is_found_by_its_id() -> None:
    hub, ann = Hub(), client("ann")
    hub.add(ann, Outlet())
    assert (hub.get("ann"), hub.get("ben")) == (ann, None)


def test_a_client_is_counted_once_whatever_its_sessions() -> None:
    hub, ann = Hub(), client("ann")
    for _ in range(3):
        hub.add(ann, Outlet())
    assert (len(hub), hub.everyone()) == (1, ["ann"])


def test_a_client_stays_online_until_its_last_session_is_removed() -> None:
    hub, ann, sessions = Hub(), client("ann"), [Outlet(), Outlet()]
    for session in sessions:
        hub.add(ann, session)
    assert [(hub.remove(ann, session), hub.online("ann")) for session in sessions] == [
        (False, True),
        (True, False),
    ]


def test_a_client_that_has_gone_leaves_nothing() -> None:
    hub, ann, session = Hub(), client("ann"), Outlet()
    hub.add(ann, session)
    hub.remove(ann, session)
    assert (len(hub), hub.get("ann"), hub.everyone()) == (0, None, [])


def test_every_session_of_a_client_gets_every_packet() -> None:
    hub, ann, sessions = Hub(), client("ann"), [Outlet(), Outlet()]
    for session in sessions:
        hub.add(ann, session)
    hub.send("ann", (b"one", b"two"))
    assert [session.packets for session in sessions] == [[b"one", b"two"]] * 2


def test_nobody_else_gets_them() -> None:
    hub, ben = Hub(), Outlet()
    hub.add(client("ann"), Outlet())
    hub.add(client("ben"), ben)
    hub.send("ann", (b"one",))
    assert ben.packets == []


def test_what_is_for_a_client_that_is_not_here_goes_nowhere() -> None:
    Hub().send("ann", (b"one",))


def test_a_session_that_ends_while_it_is_told_something_costs_no_other_its_packets() -> None:
    hub, ann = Hub(), client("ann")
    ending = Outlet(when_told=lambda: hub.remove(ann, ending))
    staying = Outlet()
    for session in (ending, staying):
        hub.add(ann, session)
    hub.send("ann", (b"one",))
    assert (staying.packets, hub.online("ann")) == ([b"one"], True)
