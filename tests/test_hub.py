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


def client(id: str, *, kept: bool = False) -> Client:
    bucket = TokenBucket(60, 0.0)
    return Client(Identity(id=id, kept=kept), bucket, bucket, bucket)


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


# Messages


def with_sessions(number: int, *, kept: bool = True) -> tuple[Client, list[Outlet]]:
    hub, ann = Hub(), client("ann", kept=kept)
    sessions = [Outlet() for _ in range(number)]
    for session in sessions:
        hub.add(ann, session)
    return ann, sessions


def test_a_message_is_delivered_to_every_session() -> None:
    ann, sessions = with_sessions(2)
    ann.deliver("ben", 1, (b"one", b"two"))
    assert [session.packets for session in sessions] == [[b"one", b"two"]] * 2


def test_a_message_is_not_delivered_to_the_session_that_sent_it() -> None:
    ann, (sending, other) = with_sessions(2)
    ann.deliver("ben", 1, (b"one",), sending)
    assert (sending.packets, other.packets) == ([], [b"one"])


def test_a_session_that_is_behind_will_read_it_from_the_store() -> None:
    ann, (behind, other) = with_sessions(2)
    ann.miss(behind, {"ben": 0})
    ann.deliver("ben", 1, (b"one",))
    assert (behind.packets, other.packets) == ([], [b"one"])


def test_a_session_that_is_behind_with_one_peer_hears_another() -> None:
    ann, (behind,) = with_sessions(1)
    ann.miss(behind, {"ben": 0})
    ann.deliver("cleo", 1, (b"one",))
    assert behind.packets == [b"one"]


def test_how_far_a_client_was_given_what_was_said_is_written_down() -> None:
    ann, _ = with_sessions(1)
    ann.deliver("ben", 7, (b"one",))
    assert ann.got == {"ben": 7}


def test_nothing_is_written_down_of_a_client_that_is_not_kept() -> None:
    ann, _ = with_sessions(1, kept=False)
    ann.deliver("ben", 7, (b"one",))
    assert ann.got == {}


def test_what_no_session_was_given_is_not_written_down() -> None:
    ann, (behind,) = with_sessions(1)
    ann.miss(behind, {"ben": 0})
    ann.deliver("ben", 7, (b"one",))
    assert ann.got == {}


def test_what_one_session_was_given_does_not_count_while_another_is_behind() -> None:
    ann, (behind, _) = with_sessions(2)
    ann.miss(behind, {"ben": 3})
    ann.deliver("ben", 7, (b"one",))
    assert ann.got == {}


def test_a_session_that_ends_at_a_message_costs_no_other_it() -> None:
    hub, ann = Hub(), client("ann", kept=True)
    ending, staying = Outlet(when_told=lambda: hub.remove(ann, ending)), Outlet()
    for session in (ending, staying):
        hub.add(ann, session)
    ann.deliver("ben", 1, (b"one",))
    assert staying.packets == [b"one"]


def test_one_that_has_gone_is_not_behind() -> None:
    hub, ann, session = Hub(), client("ann"), Outlet()
    hub.add(ann, session)
    ann.miss(session, {"ben": 0})
    hub.remove(ann, session)
    assert ann.behind == {}
