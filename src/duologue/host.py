"""What the application that Duologue is part of may do in its own right.

Its commands go through the same rules, the same writer and the same effects as those of clients:
they are decided inside a transaction, kept, and only then told. Nobody counts how often.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from . import vocabulary
from .core import errors, events, hosted, rules
from .core.errors import Refusal, refuse
from .core.model import MAX_ID_CHARS, Identity, Pair, Policy, Terms, alive, plain
from .hub import Hub
from .lobby import UNREAD_MOST, Limits, Lobby, around
from .messages import Decided, Messages
from .own import history
from .stores.base import Store, StoreError
from .stores.writer import Call, Writer

_logger: Final = logging.getLogger("duologue.node")

_T = TypeVar("_T")

#: An event is an array with an object in it, and both count for a client's message.
_DEPTH_AROUND: Final = 2


class Refused(Exception):
    """Why something was not done; `refusal` has the code, `code` is one of `errors.CODES`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code}: {refusal.error}")
        self.refusal = refusal
        self.code: str = refusal.code


class Host:
    """A node's commands for its own application; `Node.host` is one.

    All methods belong to the event loop's thread; other threads have
    `duologue.threads.HostInThreads`. A client ID has 1 to
    128 characters. What is refused raises `Refused`: with `invalid` for what is no ID or cannot be
    sent, `not_found` for a client that is not known, `unavailable` while the store fails or after
    the node's end, and what else each method names.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        hub: Hub,
        lobby: Lobby,
        *,
        terms: Terms,
        limits: Limits,
        clock: Callable[[], float],
        tell: Callable[[events.Decision, float | None], None],
        messages: Messages,
    ) -> None:
        self._store = store
        self._writer = writer
        self._hub = hub
        self._lobby = lobby
        self._terms = terms
        self._linked_only = msgspec.structs.replace(terms, policy=Policy.REQUIRED)
        self._limits = limits
        self._clock = clock
        self._tell = tell
        self._messages = messages
        self._closed = False

    # About clients

    async def online(self, client: str) -> bool:
        """Whether a client has a session; False for one that is not known."""
        return self._hub.online(_id(client))

    async def client(self, client: str) -> events.ClientReply:
        """What is known of a client: name, whether it is online, links and requests."""
        return await self._decided(partial(self._describe, _id(client)), events.ClientReply)

    async def disconnect(self, client: str) -> int:
        """End a client's sessions, and say how many those were. An identity that is kept stays;
        any other ends with its last session."""
        self._check_open()
        await self._decided(partial(self._known, _id(client)), events.Done)
        return self._lobby.disconnect(client)

    async def forget(self, client: str) -> None:
        """End an identity now, delete what is kept of it, and end its sessions."""
        client = _id(client)
        decide = partial(self._forget, client)
        await self._decided(decide, events.Done, partial(self._forgotten, client))

    def _forgotten(self, client: str) -> None:
        _logger.info("client %s forgotten", client)
        self._lobby.end(client)

    # Between two

    async def link(self, a: str, b: str, *, create: bool = False) -> bool:
        """Link two clients without asking them; both get `link_established`, now or when they come.
        Returns whether they were not linked before.

        With `create` one that is not known is from now on, as an identity that is kept: for
        applications that name their clients. Also refused with `blocked` where either of the two
        blocks the other, which `unblock` takes back, and `overloaded`.
        """
        decide = partial(self._link, _id(a), _id(b), create)
        return (await self._decided(decide, events.LinkReply)).new

    async def close(self, a: str, b: str) -> None:
        """Close a link; both get `link_closed`. Also refused with `not_linked`."""
        await self._decided(partial(self._close, _id(a), _id(b)), events.Done)

    async def block(self, client: str, target: str) -> None:
        """Block `target` in `client`'s name. Also refused with `overloaded`."""
        await self._decided(partial(self._block, _id(client), _id(target)), events.Done)

    async def unblock(self, client: str, target: str) -> None:
        """Take back `client`'s block of `target`, if there is one."""
        command = events.Unblock(_id(target))
        await self._decided(partial(self._command, _id(client), command), events.Done)

    async def send(
        self, sender: str, target: str, content: Any, id: str | None = None
    ) -> events.MessageReply:
        """Send a message in a client's name; its own sessions see it, too.

        `content` is any JSON value, with bytes anywhere in it. `id`, a UUID, makes it safe to try
        again: the same one is answered as the first time. The two must be linked, also with the
        policy `open`. Also refused with `not_linked`, `blocked`, `too_large` and `overloaded`.
        """
        sender, target = _id(sender), _id(target)
        command = self._message(target, content, id)
        made = next(self._messages.ids) if command.id is None else command.id
        decide = partial(self._sending, sender, command, made, self._clock())
        return await self._submitted(decide, partial(self._sent, sender, command), target)

    async def history(
        self, client: str, peer: str, before: int | None = None, limit: int = 50
    ) -> events.HistoryReply:
        """The last `limit` (1 to 100) messages of a link with numbers below `before`, in order.

        May have fewer than `limit`, for a page has at most about 1,000,000 bytes; `more` says
        whether there are earlier ones. Also refused with `not_linked`.
        """
        values = {"targetClientId": _id(peer), "before": before, "limit": limit}
        command = _converted(values, events.ReadHistory)
        return await self._decided(
            partial(self._history, _id(client), command), events.HistoryReply
        )

    def end(self) -> None:
        """The node's store is about to be closed: refuse everything from now on."""
        self._closed = True

    # How it is decided, inside a transaction

    def _describe(self, client: str, now: float) -> events.Decision:
        identity = self._identity(client, now)
        if identity is None:
            return events.Decision(refuse(errors.NOT_FOUND, target=client))
        pairs, peers = around(self._store, client, now)
        links = rules.snapshot(
            identity,
            pairs,
            peers,
            self._hub.online,
            lambda pair: self._store.unread(pair, client, UNREAD_MOST),
            {},
        )
        links = links or events.Links([], [], [])
        online = self._hub.online(client)
        last_seen = None if online else identity.last_seen
        return events.Decision(
            events.ClientReply(
                client,
                identity.name,
                online,
                last_seen,
                identity.kept,
                links.links,
                links.requests,
                links.requested,
                [pair.other(client) for pair in pairs if client in pair.blockers],
            )
        )

    def _known(self, client: str, now: float) -> events.Decision:
        known = self._identity(client, now) is not None
        return events.Decision(events.Done() if known else refuse(errors.NOT_FOUND, target=client))

    def _forget(self, client: str, now: float) -> events.Decision:
        identity = self._identity(client, now)
        if identity is None:
            return events.Decision(refuse(errors.NOT_FOUND, target=client))
        return rules.end(identity, list(self._store.pairs(client)), now)

    def _link(self, a: str, b: str, create: bool, now: float) -> events.Decision:
        sides: list[Identity] = []
        unknown: list[Identity] = []
        for client in (a, b):
            identity = self._identity(client, now)
            if identity is None:
                if not create:
                    return events.Decision(refuse(errors.NOT_FOUND, target=client))
                identity = hosted.newcomer(client, now, self._terms)
                unknown.append(identity)
            sides.append(identity)
        told: list[events.Tell] = []
        for identity in unknown:
            told += self._lobby.clear_away(self._store.identity(identity.id), now)
        pair = self._pair(a, b)
        decision = hosted.link(
            (sides[0], sides[1]), tuple(unknown), pair, self._hub.online, self._terms
        )
        return events.Decision(decision.reply, decision.changes, (*told, *decision.effects))

    def _close(self, a: str, b: str, now: float) -> events.Decision:
        for client in (a, b):
            if self._identity(client, now) is None:
                return events.Decision(refuse(errors.NOT_FOUND, target=client))
        return hosted.close(a, b, self._pair(a, b))

    def _block(self, client: str, target: str, now: float) -> events.Decision:
        facts = self._facts(client, target, now)
        if isinstance(facts, events.Decision):
            return facts
        return hosted.block(facts, events.Block(target), now)

    def _command(self, client: str, command: events.PairCommand, now: float) -> events.Decision:
        facts = self._facts(client, command.target, now)
        return facts if isinstance(facts, events.Decision) else rules.decide(facts, command, now)

    def _history(self, client: str, command: events.ReadHistory, now: float) -> events.Decision:
        for each in (client, command.target):
            if self._identity(each, now) is None:
                return events.Decision(refuse(errors.NOT_FOUND, target=each))
        return events.Decision(history(self._store, client, command, now))

    def _facts(self, client: str, target: str, now: float) -> rules.Facts | events.Decision:
        actor = self._identity(client, now)
        if actor is None:
            return events.Decision(refuse(errors.NOT_FOUND, target=client))
        online = self._hub.online(target)
        pair = self._pair(client, target)
        return rules.Facts(self._terms, actor, self._identity(target, now), pair, online)

    def _identity(self, client: str, now: float) -> Identity | None:
        return alive(self._store.identity(client), now)

    def _pair(self, a: str, b: str) -> Pair | None:
        return None if a == b else self._store.pair(a, b)

    # Messages

    def _message(self, target: str, content: Any, id: str | None) -> events.SendMessage:
        """A message that may be sent as it is; raises `Refused`."""
        limits = self._limits
        content = _plain(content, limits.max_json_depth - _DEPTH_AROUND)
        id = plain(id) if isinstance(id, str) else id
        values = {"targetClientId": target, "message": None, "id": id}
        command = _converted(values, events.SendMessage)
        command = msgspec.structs.replace(command, content=content)
        refusal = vocabulary.lookalike(command)
        if refusal is not None:
            raise Refused(refusal)
        try:
            packets = vocabulary.encode_message(events.MessageReceived("", content))
        except ValueError as error:  # UnicodeEncodeError is one
            raise Refused(_invalid("a string or a number cannot be encoded")) from error
        if sum(map(len, packets)) > limits.max_content_bytes:
            raise Refused(refuse(errors.TOO_LARGE, target=target, id=id))
        if len(packets) - 1 > limits.max_attachments:
            sentence = f"A message has at most {limits.max_attachments} attachments"
            raise Refused(refuse(errors.TOO_LARGE, sentence, target=target, id=id))
        return command

    def _sending(self, sender: str, command: events.SendMessage, id: str, now: float) -> Decided:
        if self._identity(sender, now) is None:
            return refuse(errors.NOT_FOUND, target=sender, id=command.id)
        return self._messages.decide(sender, command, id, now, self._linked_only)

    def _sent(
        self, sender: str, command: events.SendMessage, decided: Decided
    ) -> events.MessageReply:
        if isinstance(decided, Refusal):
            raise Refused(decided)
        return self._messages.sent(sender, command.target, decided)

    # Waiting

    async def _decided(
        self,
        decide: Callable[[float], events.Decision],
        kind: type[_T],
        then: Callable[[], None] = lambda: None,
    ) -> _T:
        """Have something decided, kept and told, and `then` done; the answer is of the `kind`."""
        now, store = self._clock(), self._store

        def run() -> tuple[events.Decision, float | None]:
            decision = decide(now)
            for change in decision.changes:
                store.apply(change)
            return decision, store.next_due()

        def done(decided: tuple[events.Decision, float | None]) -> _T:
            decision, due = decided
            self._tell(decision, due)
            if isinstance(decision.reply, Refusal):
                raise Refused(decision.reply)
            then()
            return cast(_T, decision.reply)

        return await self._submitted(run, done, UNSET)

    def _check_open(self) -> None:
        if self._closed:
            raise Refused(refuse(errors.UNAVAILABLE, "The server has stopped"))

    async def _submitted(
        self, run: Callable[[], Any], done: Callable[[Any], _T], target: str | UnsetType
    ) -> _T:
        """Wait until a job on the store has been kept; `done` tells of it and says what of it is
        the answer, also when nobody waits for that any more."""
        self._check_open()
        self._lobby.begin()
        answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()

        def faulty(error: Exception) -> None:
            # Of ours, for whoever asked; it must not leave anyone waiting either
            if not answer.done():
                answer.set_exception(error)
            elif not isinstance(error, Refused):
                _logger.error("a command of a host failed", exc_info=error)

        def kept(result: Any) -> None:
            try:
                found = done(result)
            except Exception as error:
                faulty(error)
            else:
                if not answer.done():
                    answer.set_result(found)

        def failed(error: StoreError) -> None:
            self._lobby.store_failed(error)
            if not answer.done():
                answer.set_exception(Refused(refuse(errors.UNAVAILABLE, target=target)))

        self._writer.submit(Call(run, kept, failed, faulty))
        return await answer


def _id(client: str) -> str:
    """A client ID that may be one; raises `Refused`."""
    if not isinstance(client, str) or not 0 < len(client) <= MAX_ID_CHARS:
        raise Refused(_invalid(f"a client ID has 1 to {MAX_ID_CHARS} characters"))
    if any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in client):
        raise Refused(_invalid("a client ID holds a character that cannot be kept"))
    return plain(client)


def _converted(values: Mapping[str, Any], kind: type[_T]) -> _T:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise Refused(vocabulary.invalid(str(error))) from error


def _plain(value: Any, depth: int) -> Any:
    """`value` of JSON's own types and bytes; raises `Refused` for what has none of them."""
    if value is None or isinstance(value, bool):
        return value
    # Libraries have classes of their own for these, which say the same and cannot be encoded
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, list | tuple | Mapping):
        if not depth:
            raise Refused(_invalid("arrays and objects nest too deep"))
        if not isinstance(value, Mapping):
            return [_plain(item, depth - 1) for item in value]
        if all(isinstance(key, str) for key in value):
            return {plain(key): _plain(item, depth - 1) for key, item in value.items()}
    raise Refused(_invalid(f"a {type(value).__name__} such as this cannot be sent"))


def _invalid(reason: str) -> Refusal:
    return vocabulary.invalid(reason)
