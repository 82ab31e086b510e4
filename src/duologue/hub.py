"""The clients that are connected to this node, and where to find each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

from duologue.core.model import Identity, TokenBucket


class Outlet(Protocol):
    """What the hub needs of a session: something that packets can be given to."""

    def send(self, packets: Iterable[bytes]) -> None:
        """Send packets that are encoded already, of one event."""


#: In place of three dictionaries that most clients never need, nothing that could be written to.
_NOTHING: Final = cast(dict[Any, Any], MappingProxyType({}))


class Session(Outlet, Protocol):
    """What a node needs of the engine's sessions."""

    data: Any
    connected: bool
    sid: str

    @property
    def present(self) -> bool: ...

    @property
    def address(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def accept(self) -> bool: ...

    def refuse(self, message: str, data: Any = None) -> None: ...

    def disconnect(self, *, close: bool = False) -> None: ...

    def pending_bytes(self) -> int: ...

    def probe(self, timeout: float) -> None: ...


#: So much of a session's ID is logged: enough to find it again, too little to be anything else.
_SHOWN: Final = 8


def about(session: Session) -> dict[str, str]:
    """What a log line about a session has beside its text: the beginning of its public ID, which
    Socket.IO's clients know as ``socket.id``, and the ID of the request that opened it."""
    request = session.headers.get("x-request-id", "")
    return {"session": session.sid[:_SHOWN], "request": request}


class Client:
    """A client with at least one live session on this node, and what it may do how often.

    `behind` are its sessions that are still being given what they have missed: by peer, the number
    of the last message that they have. `got` is how far any session has been given what was said
    with a peer, for a client that is `kept`: others cannot come back for it.
    """

    __slots__ = (
        "behind",
        "got",
        "held",
        "id",
        "identity",
        "kept",
        "messages",
        "requests",
        "sessions",
        "strangers",
        "waiting",
    )

    def __init__(
        self,
        identity: Identity,
        messages: TokenBucket,
        strangers: TokenBucket,
        requests: TokenBucket,
    ) -> None:
        self.id = identity.id
        self.sessions: list[Outlet] = []
        self.behind: dict[Outlet, dict[str, int]] = _NOTHING
        #: Answers to messages, by session, peer and number, that wait until those before have come.
        self.held: dict[tuple[Outlet, str, int], tuple[bytes, ...]] = _NOTHING
        self.got: dict[str, int] = _NOTHING
        self.kept = False
        self.known_as(identity)
        #: Its messages that have not been kept yet.
        self.waiting = 0
        self.messages = messages
        self.strangers = strangers
        self.requests = requests

    def known_as(self, identity: Identity) -> None:
        """Take what is known of the client now, which may be kept from now on."""
        self.identity = identity
        if identity.kept and not self.kept:
            self.kept = True
            self.got = {}

    def miss(self, session: Outlet, missed: dict[str, int]) -> None:
        """A session has yet to be given what came after these numbers, by peer."""
        if self.behind is _NOTHING:
            self.behind, self.held = {}, {}
        self.behind[session] = missed

    def send(self, packets: tuple[bytes, ...], but: Outlet | None = None) -> None:
        """Give the packets of one event to every session."""
        sessions = self.sessions
        # A session that cannot keep up ends while it is given something
        for session in sessions if len(sessions) == 1 else tuple(sessions):
            if session is not but:
                session.send(packets)

    def answer(self, session: Outlet, peer: str, seq: int, packets: tuple[bytes, ...]) -> None:
        """Answer a message of a session, once it has been given those with numbers before it."""
        behind = self.behind.get(session)
        if behind is not None and behind.get(peer, seq) < seq:
            self.held[session, peer, seq] = packets
        else:
            session.send(packets)

    def release(self, session: Outlet, peer: str) -> None:
        """Give the answers that still wait to a session that has been given everything."""
        for key in [key for key in self.held if key[:2] == (session, peer)]:
            session.send(self.held.pop(key))

    def deliver(
        self, peer: str, seq: int, packets: tuple[bytes, ...], but: Outlet | None = None
    ) -> None:
        """Give message `seq` said with `peer` to every session that has those before it."""
        behind, sessions = self.behind, self.sessions
        counts = self.kept and not (behind and self.is_behind(peer))
        # A session that cannot keep up ends while it is given something
        for session in sessions if len(sessions) == 1 else tuple(sessions):
            if session is not but and not (behind and peer in behind.get(session, ())):
                session.send(packets)
                if counts:
                    self.got[peer] = seq

    def is_behind(self, peer: str) -> bool:
        """Whether a session still has to be given what was said with `peer`. As long as there is
        one, a later message that another has does not count as what this client was given."""
        return any(peer in missing for missing in self.behind.values())


class Hub:
    """Client ID to live sessions: one dictionary look-up, however many clients there are."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}
        #: A client with its live sessions, or None; the dictionary's own, for each message asks.
        self.get: Callable[[str], Client | None] = self._clients.get

    def __len__(self) -> int:
        return len(self._clients)

    def online(self, client: str) -> bool:
        return client in self._clients

    def add(self, client: Client, session: Outlet) -> None:
        client.sessions.append(session)
        self._clients[client.id] = client

    def remove(self, client: Client, session: Outlet) -> bool:
        """Returns whether that was the client's last session."""
        client.sessions.remove(session)
        if client.behind and client.behind.pop(session, None) is not None:
            for key in [key for key in client.held if key[0] is session]:
                del client.held[key]
        if client.sessions:
            return False
        del self._clients[client.id]
        return True

    def send(self, client: str, packets: tuple[bytes, ...], but: Outlet | None = None) -> None:
        """Give packets to every session of a client; to none if it has none here."""
        found = self._clients.get(client)
        if found is not None:
            found.send(packets, but)

    def everyone(self) -> list[str]:
        return list(self._clients)
