"""Commands on their way out, and the answers to them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from duologue import vocabulary
from duologue.core import errors, events
from duologue.core.errors import Refusal
from duologue.wire import socketio

from .errors import DuologueError, NoAnswer, Refused
from .session import Session

#: What a server takes by default; it ends the session of a client that goes beyond.
_MAX_ATTACHMENTS: Final = 10
_MAX_DEPTH: Final = 32

_MAX_CALLS: Final = 1_000

_ReplyT = TypeVar("_ReplyT", bound=msgspec.Struct)


def encode(command: events.Command, ack: int | None) -> list[bytes]:
    """The packets of a command. Raises `DuologueError` for what no server would take."""
    try:
        packets = socketio.encode(
            socketio.EVENT, socketio.MAIN, ack, vocabulary.encode_command(command)
        )
        socketio.check_depth(packets[0][packets[0].index(b"[") :], _MAX_DEPTH)
    except (TypeError, ValueError, RecursionError) as error:
        raise DuologueError(errors.INVALID, f"This cannot be sent: {error}") from error
    if len(packets) - 1 > _MAX_ATTACHMENTS:
        sentence = f"This cannot be sent: more than {_MAX_ATTACHMENTS} attachments"
        raise DuologueError(errors.INVALID, sentence)
    return packets


def too_large() -> DuologueError:
    return DuologueError(errors.TOO_LARGE, errors.CODES[errors.TOO_LARGE].sentence)


class Calls:
    """Asks the server. `online` waits for a session, `forgotten` is called when the identity of
    this client has been ended, and each answer may take `timeout` seconds."""

    def __init__(
        self,
        online: Callable[[], Awaitable[Session]],
        forgotten: Callable[[], None],
        timeout: float,
    ) -> None:
        self._online = online
        self._forgotten = forgotten
        self._timeout = timeout
        self._acks = itertools.count()
        self._waiting = 0

    def next_ack(self) -> int:
        """One for all sessions, so that packets can be sent again as they are."""
        return next(self._acks)

    async def ask(self, command: events.Command, kind: type[_ReplyT], *, again: bool) -> _ReplyT:
        """The answer to a command, asked `again` if the connection breaks first.

        Raises `DuologueError`.
        """
        if self._waiting >= _MAX_CALLS:
            sentence = "Too many requests wait for an answer; try again later"
            raise DuologueError(errors.OVERLOADED, sentence, retryable=True)
        ack, forgets = self.next_ack(), isinstance(command, events.Forget)
        packets = encode(command, ack)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    args = await self._once(await self._online(), ack, packets, forgets)
                    if args is not None:
                        break
                    if not again:
                        raise NoAnswer
            reply = vocabulary.decode_reply(args, kind)
        except TimeoutError:
            raise NoAnswer("There was no answer in time") from None
        except msgspec.ValidationError as error:
            raise NoAnswer("The server's answer makes no sense") from error
        finally:
            self._waiting -= 1
        if isinstance(reply, Refusal):
            raise Refused.by(reply)
        return reply

    async def _once(
        self, session: Session, ack: int, packets: Sequence[bytes], forgets: bool
    ) -> Sequence[Any] | None:
        """What one session is answered; None if it ends first."""
        if not session.transport.carries(packets):
            raise too_large()
        answer: asyncio.Future[Sequence[Any] | None] = asyncio.get_running_loop().create_future()

        def answered(args: Sequence[Any] | None) -> None:
            if forgets and args == [{"ok": True}]:
                self._forgotten()  # before it can be seen that the session ends by it
            if not answer.done():
                answer.set_result(args)

        session.expect(ack, answered)
        session.post(packets)
        try:
            return await answer
        finally:
            session.forget(ack)
