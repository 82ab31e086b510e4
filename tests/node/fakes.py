"""What a node meets in its tests: sessions that write down what they get, and time that is told."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from duologue.node import Named, Node, Session

START = 1_000_000.0


class _NoWaiting(selectors.DefaultSelector):
    """Instead of waiting it sets the clock to when the waiting would have been over."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which hours pass at once, and in which nothing is ever late."""

    def __init__(self) -> None:
        self._virtual = _NoWaiting()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def virtual_clock() -> float:
    """Seconds since the epoch, by the running loop."""
    return START + asyncio.get_running_loop().time()


def by_id(_: Session, auth: Mapping[str, Any]) -> Named:
    """Lets a client say who it is."""
    return Named(auth["id"], auth.get("name"))


class FakeSession:
    """A session as the engine makes it. It ends by itself when `ends_at` says so of a packet."""

    address = "192.0.2.1"
    headers: Mapping[str, str] = {}
    sid = "a-session-of-a-fake"

    def __init__(self, node: Node, ends_at: Callable[[bytes], bool] = lambda packet: False) -> None:
        self.data: Any = None
        self.connected = False
        self.refused: tuple[str, Any] | None = None
        self.packets: list[bytes] = []
        self.gone = False
        #: The times within which it was asked to prove that it is alive.
        self.probed: list[float] = []
        self._node = node
        self._ends_at = ends_at

    @property
    def present(self) -> bool:
        return not self.gone

    def connect(self, auth: dict[str, Any]) -> None:
        self._node.connect(self, auth)

    def accept(self) -> bool:
        self.connected = not self.gone
        self.send((b"40",))
        return self.connected

    def refuse(self, message: str, data: Any = None) -> None:
        self.refused = (message, data)

    def send(self, packets: Iterable[bytes]) -> None:
        for packet in packets:
            if self.connected and self._ends_at(packet):
                self.end()
            elif self.connected:
                self.packets.append(packet)

    def end(self, reason: str = "slow reader") -> None:
        """As the engine ends a session: it is told once, and only of those it has accepted."""
        self.gone = True
        if self.connected:
            self.connected = False
            self._node.disconnect(self, reason)

    def disconnect(self, *, close: bool = False) -> None:
        self.end("server disconnect")

    def pending_bytes(self) -> int:
        return 0

    def probe(self, timeout: float) -> None:
        self.probed.append(timeout)

    def takes(self) -> list[bytes]:
        """The packets since last time."""
        packets, self.packets = self.packets, []
        return packets

    def hears(self) -> list[tuple[str, Any]]:
        """The events since last time, without acknowledgements."""
        events = (packet for packet in self.takes() if packet.startswith(b"42"))
        return [(name, payload) for name, payload in (json.loads(event[2:]) for event in events)]

    def emits(self, name: str, payload: dict[str, Any], ack: int | None = None) -> None:
        """Send an event, as the engine would hand it on."""
        if name.encode() not in self._node.decoders:
            self._node.event(self, name, [payload], ack)
            return
        body = json.dumps([name, payload]).encode()
        event = self._node.decoders[name.encode()].decode(body)
        self._node.typed_event(self, event, ack)

    def asks(self, name: str, target: str, **payload: Any) -> dict[str, Any]:
        """Send an event; returns its acknowledgement."""
        before = len(self.packets)
        self.emits(name, {"targetClientId": target, **payload}, 7)
        for packet in self.packets[before:]:
            if packet.startswith(b"437["):
                self.packets.remove(packet)
                answer: dict[str, Any] = json.loads(packet[3:])[0]
                return answer
        raise AssertionError("there was no answer")


def connected(node: Node, id: str, **auth: Any) -> FakeSession:
    """A session of the client `id`, on a node that lets clients say who they are."""
    session = FakeSession(node)
    session.connect({"id": id, **auth})
    return session


def link(a: FakeSession, b: FakeSession) -> None:
    """Link two sessions' clients; what they were told of it is forgotten."""
    one, other = a.data.identity.id, b.data.identity.id
    assert a.asks("link_request", other)["ok"]
    assert b.asks("link_accept", one)["ok"]
    a.takes()
    b.takes()
