"""A connection that is made again each time that it breaks, and loses and repeats nothing by it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from duologue import vocabulary
from duologue.core import events
from duologue.core.errors import Refusal
from duologue.wire.engineio import PacketError

from .books import (
    Backoff,
    Connected,
    Delivered,
    Disconnected,
    Event,
    Inbox,
    Outbox,
    Outgoing,
    Progress,
    Reached,
    partner,
)
from .calls import Calls, encode, too_large
from .errors import CannotConnect, Closed, NoAnswer, NoToken, Refused
from .http import Broken, Target
from .session import Session
from .tokens import Token, Tokens
from .transports import open_transport

_logger: Final = logging.getLogger("duologue.client")

_MAX_QUEUE_BYTES: Final = 33_554_432

#: The next break of a session that lasted as long is the first of its kind.
_SETTLED_SECONDS: Final = 2.0
#: A message at which so many sessions have ended is not sent again.
_MAX_STRIKES: Final = 3
_CLOSE_SECONDS: Final = 2.0
#: Longer than this no server can keep a client away.
_MAX_WAIT_SECONDS: Final = 3_600.0


class Options(NamedTuple):
    """As `Client` has them."""

    target: Target
    tls: ssl.SSLContext | None
    transports: tuple[str, ...]
    name: str | None
    keep: bool
    token: Token | None
    on_resume_token: Callable[[str], None] | None
    timeout: float
    max_backoff: float
    max_events: int
    max_outbox: int


class Connection:
    """What a client has beside its methods. `failure` is why it is over, once it is."""

    def __init__(self, options: Options, resume_token: str | None, since: dict[str, int]) -> None:
        self.id = ""
        self.resume_token = resume_token
        self.session: Session | None = None
        self.failure: BaseException | None = None
        self.inbox = Inbox(max_events=options.max_events, max_bytes=_MAX_QUEUE_BYTES)
        self.inbox.start_from(since)
        self.progress = Progress()
        self.delivered = Delivered()
        #: Set when there is something to take, or nothing will come any more
        self.news = asyncio.Event()
        self._options = options
        self._tokens = Tokens(options.token, options.timeout)
        self._outbox = Outbox(max_messages=options.max_outbox, max_bytes=_MAX_QUEUE_BYTES)
        self._backoff = Backoff(most=options.max_backoff)
        self.calls = Calls(self.online, lambda: self.end(Closed()), options.timeout)
        #: Set while there is a session that knows who it is, and at the end
        self._ready = asyncio.Event()
        self._greeted_at: float | None = None
        self._expects_links = self._draining = False
        self._task: asyncio.Task[None] | None = None

    @property
    def kept(self) -> bool:
        """Whether the next session will be of the same client: one that a token names is kept."""
        return self.resume_token is not None or self._options.token is not None

    # The life of it

    async def open(self) -> None:
        """Connect for the first time. Raises `CannotConnect` and `Refused`."""
        if self._task is not None:
            raise RuntimeError("a client connects once")
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ran)
        try:
            await self.online()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self.failure is None and self._greeted_at is not None and self.session is not None:
            self.say_delivered()
            with contextlib.suppress(Broken, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    # To the server a goodbye means that what it has given has been taken
                    await self.session.leave(goodbye=not self.inbox.untaken)
        self.end(Closed())
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def end(self, error: BaseException) -> None:
        """Nothing more will happen, because of `error`."""
        if self.failure is None:
            self.failure = error
            for entry in self._outbox:
                entry.fail(error)
            self.progress.end(error)
            self._ready.set()
            self.news.set()

    def _ran(self, task: asyncio.Task[None]) -> None:
        self.end((None if task.cancelled() else task.exception()) or Closed())

    async def _run(self) -> None:
        while self.failure is None:
            wait = 0.0
            try:
                await self._once()
            except Broken as error:
                if not self.id:
                    origin = self._options.target.origin
                    raise CannotConnect(f"Cannot connect to {origin}: {error}") from error
                if self._broke(error):
                    continue
            except Refused as error:
                if not self.id or not error.retryable:
                    raise
                wait = min(error.retry_after or 0.0, _MAX_WAIT_SECONDS)
            await asyncio.sleep(max(wait, self._backoff.next(random.random())))  # noqa: S311

    async def _once(self) -> None:
        """One session, from its beginning to its end."""
        options = self._options
        transport = await open_transport(
            options.target, options.tls, options.transports, seconds=options.timeout
        )
        loop = asyncio.get_running_loop()
        impatience = loop.call_later(options.timeout, self._abort_unless_greeted, transport.abort)
        self._greeted_at, self._draining, self._expects_links = None, False, False
        try:
            auth = self._auth()
            token = await self._token()
            if token is not None:
                auth["token"] = token
            renewal = asyncio.create_task(self._tokens.keep_renewed(token, self._renew))
            try:
                await self._stay(Session(transport, self._told), auth)
            finally:
                renewal.cancel()
                await asyncio.gather(renewal, return_exceptions=True)
        finally:
            impatience.cancel()
            transport.abort()

    async def _stay(self, session: Session, auth: dict[str, Any]) -> None:
        self.session = session
        try:
            await session.run(auth)
        finally:
            # At once: whoever is told that it has ended must not find it here again
            self.session = None
            if self.failure is None:
                self._ready.clear()

    async def _token(self) -> str | None:
        try:
            return await self._tokens.fetch()
        except NoToken as error:
            raise Broken(error.message) from error

    async def _renew(self, token: str) -> events.TokenReply:
        return await self.calls.ask(events.RenewToken(token), events.TokenReply, again=False)

    def _abort_unless_greeted(self, abort: Callable[[], None]) -> None:
        if self._greeted_at is None:
            abort()

    def _auth(self) -> dict[str, Any]:
        since = self.inbox.resume()
        auth: dict[str, Any] = msgspec.to_builtins(
            vocabulary.Auth(
                name=self._options.name,
                keep=self._options.keep,
                resume_token=self.resume_token,
                since=since if self.kept else {},
            )
        )
        return auth

    def _broke(self, error: Broken) -> bool:
        """A session is over; returns whether to come back at once."""
        since, self._greeted_at = self._greeted_at, None
        if since is None:
            _logger.info("not connected: %s", error)
            return False
        now = asyncio.get_running_loop().time()
        if now - since >= _SETTLED_SECONDS:
            self._backoff.reset()
        if error.deliberate and not self._draining:
            self._strike()
        self._queue(Disconnected(str(error)))
        _logger.info("disconnected: %s", error)
        # It was this client that broke off, to be given what it had no room for
        return self.inbox.lagging and self.inbox.drained

    def _strike(self) -> None:
        """The server has ended a session: maybe because of what it got last and did not answer."""
        for entry in self._outbox:
            if entry.posted:
                entry.strikes += 1
                if entry.strikes >= _MAX_STRIKES:
                    sentence = "The server ends the connection whenever this message is sent"
                    entry.fail(NoAnswer(sentence))
                    self._outbox.drop(entry)
                break

    # What comes in

    def _told(self, name: str, args: Sequence[Any], size: int) -> None:
        try:
            notice = vocabulary.decode_notice(name, args)
        except msgspec.ValidationError as error:
            if self._greeted_at is None:
                raise PacketError("not told who this client is") from error
            _logger.warning("an event %s that makes no sense: %s", name, error)
            return
        if notice is None:
            return  # an event of the application around the server
        if isinstance(notice, events.ClientIdGiven):
            self._greeted(notice)
        elif self._greeted_at is None:
            raise PacketError("not told who this client is")
        else:
            if self._expects_links and not isinstance(notice, events.Links):
                self._linked_with(events.Links([], [], []))
            self._expects_links = False
            if isinstance(notice, Refusal | vocabulary.RefusedEvent):
                # Only of what asked for no answer
                _logger.debug("refused: %s", notice)
            else:
                self._notice(notice, size)

    def _notice(self, notice: events.Happening, size: int) -> None:
        if isinstance(notice, events.MessageReceived):
            self._message(notice, size)
        else:
            if isinstance(notice, events.Links):
                self._linked_with(notice)
            elif isinstance(notice, events.LinkClosed):
                self.unlinked(notice.peer)
            elif isinstance(notice, events.Receipt) and notice.to is msgspec.UNSET:
                self.progress.link(notice.sender).to(notice.delivered, notice.read)
            elif isinstance(notice, events.Draining):
                self._draining = True
            self.inbox.add(notice, size)
        self.news.set()

    def _message(self, message: events.MessageReceived, size: int) -> None:
        entry = None
        if message.to is not msgspec.UNSET and isinstance(message.id, str):
            entry = self._outbox.get(message.id)
        if entry is not None and isinstance(message.seq, int) and isinstance(message.at, int):
            # What was sent before a break comes back before its answer can
            self._outbox.drop(entry)
            reply = events.MessageReply(entry.id, message.seq, message.at, "stored")
            entry.succeed(reply, self.progress.link(entry.target))
        self.inbox.message(message, size, own=entry is not None)

    def _greeted(self, notice: events.ClientIdGiven) -> None:
        session = self.session
        if session is None or self._greeted_at is not None:
            raise PacketError("told twice who this client is")
        new = notice.client_id != self.id
        if new and self.id:
            self._somebody_new()
        self.id = notice.client_id
        if isinstance(notice.resume_token, str):
            self.resume_token = notice.resume_token
            if self._options.on_resume_token is not None:
                self._options.on_resume_token(notice.resume_token)
        self._greeted_at = asyncio.get_running_loop().time()
        self._expects_links = True
        self._queue(Connected(self.id, new))
        for entry in self._outbox:
            self._post(session, entry)
        self.delivered.again()
        self.say_delivered()
        self._ready.set()

    def _somebody_new(self) -> None:
        self._linked_with(events.Links([], [], []))
        for entry in self._outbox:
            if entry.posted:
                # As somebody else it cannot be sent safely again
                entry.fail(NoAnswer())
                self._outbox.drop(entry)

    def _linked_with(self, links: events.Links) -> None:
        for entry in links.links:
            if isinstance(entry.first, int) and 0 < self.inbox.last(entry.peer) < entry.first:
                self.unlinked(entry.peer)  # it was closed and made anew while this client was away
        peers = {entry.peer for entry in links.links}
        self.inbox.keep_only(peers)
        self.delivered.keep_only(peers)
        self.progress.links(links)

    def unlinked(self, peer: str) -> None:
        self.inbox.unlink(peer)
        self.delivered.unlink(peer)
        self.progress.unlink(peer)

    def _queue(self, event: Connected | Disconnected) -> None:
        self.inbox.status(event)
        self.news.set()

    # What is taken

    def take(self) -> Event:
        event = self.inbox.take()
        if self.inbox.drained and self.kept and self.session is not None:
            self.session.transport.abort()
        return event

    def finish(self, *, confirm: bool, at_once: int) -> None:
        """The application has finished with what it took; the peer hears of it, maybe later."""
        message = self.inbox.finish()
        if not confirm or message is None or not isinstance(message.seq, int):
            return
        if message.to is msgspec.UNSET:
            self.delivered.note(partner(message), message.seq)
            if not len(self.inbox) or self.delivered.noted >= at_once:
                self.say_delivered()

    def say_delivered(self) -> None:
        session = self.session
        if session is None or self._greeted_at is None or session.busy:
            return
        for peer, seq in self.delivered.to_say():
            ack = self.calls.next_ack()
            packets = encode(events.SendReceipt(peer, delivered=seq), ack)
            session.expect(ack, partial(self._said_delivered, peer, seq))
            session.post(packets)

    def _said_delivered(self, peer: str, seq: int, args: Sequence[Any] | None) -> None:
        if args is not None:  # if it was refused, it is of no use to say it again
            self.delivered.answered(peer, seq)

    # What goes out

    async def send(
        self, command: events.SendMessage, id: str
    ) -> tuple[events.MessageReply, Reached]:
        """Have a message stored, however many sessions that takes."""
        if self.failure is not None:
            raise self.failure
        entry = self._outbox.get(id)
        if entry is None:
            ack = self.calls.next_ack()
            entry = Outgoing(id, command.target, ack, encode(command, ack))
            self._outbox.add(entry)
            if self.session is not None and self._greeted_at is not None:
                self._post(self.session, entry)
        entry.senders += 1
        try:
            reply = await asyncio.shield(entry.answer)
        finally:
            entry.senders -= 1
            if not entry.senders:
                entry.answer.cancel()
                self._outbox.drop(entry)
        return reply, entry.reached or self.progress.link(entry.target)

    def _post(self, session: Session, entry: Outgoing) -> None:
        if not session.transport.carries(entry.packets):
            entry.fail(too_large())
            self._outbox.drop(entry)
            return
        entry.posted = True
        session.expect(entry.ack, partial(self._sent, entry))
        session.post(entry.packets)

    def _sent(self, entry: Outgoing, args: Sequence[Any] | None) -> None:
        if args is None or self._outbox.get(entry.id) is not entry:
            return
        self._outbox.drop(entry)
        try:
            reply = vocabulary.decode_reply(args, events.MessageReply)
        except msgspec.ValidationError:
            entry.fail(NoAnswer("The server's answer makes no sense"))
            return
        if isinstance(reply, Refusal):
            entry.fail(Refused.by(reply))
        else:
            self.inbox.acked(entry.target, reply.seq)
            entry.succeed(reply, self.progress.link(entry.target))

    async def online(self) -> Session:
        """Wait for a session that knows who it is. Raises what has ended the client."""
        while self.failure is None:
            if self.session is not None and self._greeted_at is not None:
                return self.session
            self._ready.clear()
            await self._ready.wait()
        raise self.failure

    def mention(self, command: events.Command) -> None:
        """Send a command that wants no answer, if there is a connection that keeps up."""
        packets = encode(command, None)
        session = self.session if self._greeted_at is not None else None
        if session is not None and not session.busy and session.transport.carries(packets):
            session.post(packets)
