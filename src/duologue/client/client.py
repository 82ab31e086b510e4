"""What an application sees of a client."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self

from duologue import codes
from duologue.core import events

from .books import Event, Reached, ReceiptKind
from .connection import Connection, Options
from .errors import Closed, EventsLost
from .http import parse_url
from .tokens import Token
from .transports import POLLING, WEBSOCKET

#: As many messages may be finished with before their senders are told, if there are always more.
_RECEIPTS_AT_ONCE: Final = 50


class Sent:
    """A message that the server has stored: its `id`, number on the link `seq`, and when it was
    taken, `at`, in milliseconds since the epoch. `status` is ``delivered`` if the peer had a live
    session to hand it to, else ``stored``."""

    __slots__ = ("_reached", "at", "id", "seq", "status")

    def __init__(self, reply: events.MessageReply, reached: Reached) -> None:
        self.id: str = reply.id
        self.seq: int = reply.seq
        self.at: int = reply.at
        self.status: Literal["delivered", "stored"] = reply.status
        self._reached = reached

    async def receipt(self, kind: ReceiptKind = "delivered") -> None:
        """Wait until the peer says that it has got this message, or read it.

        That may take for ever, and does for a message outside a link, for which there are no
        receipts: `asyncio.timeout` around it says how long to wait.

        Raises `DuologueError` with the code ``not_linked`` when the link ends first, and whatever
        ends the client.
        """
        await self._reached.wait(kind, self.seq)

    def __repr__(self) -> str:
        return f"Sent(id={self.id!r}, seq={self.seq}, at={self.at}, status={self.status!r})"


class Client:
    """A client of the server at `url`: an async context manager, and an iterator of what happens.

    `name` is shown to others, at most 64 characters. With `keep` the identity outlives the
    connection, and a break loses nothing; without it a break ends the identity, and the client
    comes back as somebody new. `resume_token` takes a kept identity back, and `since` says what of
    it has come already: `Client.since` of an earlier client. `on_resume_token` is called with each
    new token as soon as it comes; what it raises ends the client. `token` is for a server that
    wants to see one, or a function that fetches it, called before each connection and, if the
    token says when it ends, before that. While the function raises `OSError` or `NoToken` it is
    called again later; what else it raises when a connection is made ends the client. A client
    that a token names is kept by that, without `keep`.

    `transports` are tried in this order for each connection. `tls` replaces the default context,
    which verifies. `timeout` is how many seconds a connection may take to open, and every answer
    but that to `send`; `max_backoff` how many it waits at most before it tries again, unless the
    server asks for more. With `confirm` the sender of a message is told that it has been delivered
    when the application asks for the next event.

    At most `max_events` events wait to be taken, and `max_outbox` messages to be stored. Events
    that find no room are asked for again later, by a new connection, if the identity is kept;
    otherwise they are lost, and iterating raises `EventsLost` once.

    All methods raise `DuologueError`, and `Closed` after the end. One task may iterate.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str | None = None,
        keep: bool = False,
        resume_token: str | None = None,
        since: Mapping[str, int] | None = None,
        on_resume_token: Callable[[str], None] | None = None,
        token: Token | None = None,
        path: str = "/socket.io/",
        transports: Sequence[str] = (WEBSOCKET, POLLING),
        tls: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        max_backoff: float = 30.0,
        confirm: bool = True,
        max_events: int = 1_000,
        max_outbox: int = 500,
    ) -> None:
        target = parse_url(url, path)
        if not transports or not set(transports) <= {WEBSOCKET, POLLING}:
            raise ValueError(f"transports are {WEBSOCKET!r} and {POLLING!r}")
        if tls is not None and not target.secure:
            raise ValueError("a TLS context is for a URL that begins with https://")
        if target.secure and tls is None:
            tls = ssl.create_default_context()
        self._confirm = confirm
        self._connection = Connection(
            Options(
                target=target,
                tls=tls,
                transports=tuple(transports),
                name=name,
                keep=keep or resume_token is not None,
                token=token,
                on_resume_token=on_resume_token,
                timeout=timeout,
                max_backoff=max_backoff,
                max_events=max_events,
                max_outbox=max_outbox,
            ),
            resume_token,
            dict(since or {}),
        )

    # Its life

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self.close()
        else:
            await self._connection.close()

    async def connect(self) -> None:
        """Connect, and stay connected from then on.

        Raises `CannotConnect` if nothing answers there, and `Refused` if the server does not let
        this client in. It is over then.
        """
        await self._connection.open()

    async def close(self) -> None:
        """End the connection; the application has finished with the last event that it took.

        An identity that is kept stays, and messages that were not taken come again to whoever takes
        it back.
        """
        self._finish()
        await self._connection.close()

    @property
    def id(self) -> str:
        """Who this client is to others; empty before it has been connected."""
        return self._connection.id

    @property
    def resume_token(self) -> str | None:
        """The newest secret that takes this identity back, if it is kept."""
        return self._connection.resume_token

    @property
    def since(self) -> dict[str, int]:
        """By peer, number of the last message with which the application has finished."""
        return self._connection.inbox.finished()

    @property
    def transport(self) -> str | None:
        """``websocket`` or ``polling``; None while there is no connection."""
        session = self._connection.session
        return None if session is None else session.transport.name

    # What happens

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        connection = self._connection
        self._finish()
        while not len(connection.inbox):
            if isinstance(connection.failure, Closed):
                raise StopAsyncIteration
            if connection.failure is not None:
                raise connection.failure
            if connection.inbox.lagging and not connection.kept:
                connection.inbox.resume()
                raise EventsLost
            connection.news.clear()
            await connection.news.wait()
        return connection.take()

    def _finish(self) -> None:
        self._connection.finish(confirm=self._confirm, at_once=_RECEIPTS_AT_ONCE)

    # Messages

    async def send(self, peer: str, content: Any, *, id: str | None = None) -> Sent:
        """Send `peer` a message: any JSON value, with `bytes` anywhere in it.

        Returns when the server has stored it, however many connections that takes. `id` is a UUID,
        and the same one is stored once. If this is cancelled, the message may have been stored or
        not. Raises `Refused`; ``too_large`` and ``invalid`` for what no server would take, and
        ``overloaded`` if too many wait already.
        """
        id = codes.uuid4() if id is None else id
        return Sent(*await self._connection.send(events.SendMessage(peer, content, id), id))

    async def receipt(
        self, peer: str, *, delivered: int | None = None, read: int | None = None
    ) -> None:
        """Tell `peer` how far this client has got with its messages, by their numbers."""
        command = events.SendReceipt(peer, delivered=delivered, read=read)
        await self._connection.calls.ask(command, events.Done, again=True)

    async def history(
        self, peer: str, *, before: int | None = None, limit: int = 50
    ) -> events.HistoryReply:
        """The last `limit` (1 to 100) messages with numbers below `before`, in order: `messages`,
        and whether there are `more`."""
        command = events.ReadHistory(peer, before=before, limit=limit)
        return await self._connection.calls.ask(command, events.HistoryReply, again=True)

    async def typing(self, peer: str, typing: bool = True) -> None:
        """Let `peer` see that something is being written; lost if there is no connection."""
        self._connection.mention(events.SendTyping(peer, typing))

    async def signal(self, peer: str, data: Any) -> None:
        """Send any value to a peer that is online, once at most."""
        await self._connection.calls.ask(events.SendSignal(peer, data), events.Done, again=False)

    # Links

    async def request(self, peer: str, note: str | None = None) -> events.RequestReply:
        """Ask `peer` for a link. `state` is ``requested``, or ``linked`` if both want it now."""
        command = events.RequestLink(peer, note)
        return await self._connection.calls.ask(command, events.RequestReply, again=True)

    async def accept(self, peer: str) -> None:
        """Agree to the request of `peer`."""
        await self._connection.calls.ask(events.AcceptLink(peer), events.Done, again=True)

    async def decline(self, peer: str) -> None:
        """Say no to the request of `peer`."""
        await self._connection.calls.ask(events.DeclineLink(peer), events.Done, again=False)

    async def cancel(self, peer: str) -> None:
        """Take the request to `peer` back."""
        await self._connection.calls.ask(events.CancelRequest(peer), events.Done, again=False)

    async def close_link(self, peer: str) -> None:
        """End the link with `peer`."""
        await self._connection.calls.ask(events.CloseLink(peer), events.Done, again=False)
        self._connection.unlinked(peer)

    async def block(self, peer: str) -> None:
        """Hear no more of `peer`, which is not told."""
        await self._connection.calls.ask(events.Block(peer), events.Done, again=True)
        self._connection.unlinked(peer)

    async def unblock(self, peer: str) -> None:
        await self._connection.calls.ask(events.Unblock(peer), events.Done, again=True)

    async def invite(self, *, ttl: int | None = None, uses: int = 1) -> events.InviteReply:
        """An invitation for whoever has its `code`, for `ttl` seconds and `uses` times."""
        command = events.CreateInvite(ttl, uses)
        return await self._connection.calls.ask(command, events.InviteReply, again=False)

    async def redeem(self, code: str) -> str:
        """Use an invitation; returns the client ID of its maker, who is linked now."""
        command = events.RedeemInvite(code)
        return (
            await self._connection.calls.ask(command, events.RedeemReply, again=False)
        ).client_id

    async def revoke(self, code: str) -> None:
        """Make an invitation of one's own invalid."""
        await self._connection.calls.ask(events.RevokeInvite(code), events.Done, again=False)

    async def forget(self) -> None:
        """End this identity and delete what the server keeps of it. The client is over then."""
        await self._connection.calls.ask(events.Forget(), events.Done, again=False)
        await self.close()
