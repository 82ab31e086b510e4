"""Who a session belongs to, and for how long: what a host says, and what becomes of that."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from . import codes
from .core import errors
from .core.errors import Refusal, refuse
from .core.model import MAX_ID_CHARS, MAX_NAME_CHARS, MAX_TIME, is_id, plain
from .hub import Session

_logger: Final = logging.getLogger("duologue.node")

#: So many sessions may wait to be named before those are looked for that have gone.
_FEW: Final = 64

#: Admissions that end at the same moment are ended in pieces, so that nothing waits for all.
_AT_ONCE: Final = 200

#: The clock may be set meanwhile; and timers for centuries are not what loops are made for.
_LONGEST_WAIT: Final = 3_600.0


class Named(NamedTuple):
    """Who a session belongs to: a client ID, at most 128 characters, and a name, at most 64.

    `fresh` is whether the ID was made up for this session, and so has never been kept. One that is
    `kept` outlives its connections because whoever names it will name it again: no resume token is
    made or taken for it. `expires_at`, in seconds since the epoch, is when the session has to end
    unless the client is named again; None for never.
    """

    client_id: str
    name: str | None
    fresh: bool = False
    kept: bool = False
    expires_at: float | None = None


class Unidentified(Exception):
    """Raised by an `Identify` that does not let a session in; `code` is one of `errors.CODES`, and
    `message` a sentence for the client."""

    def __init__(self, code: str, message: str) -> None:
        if code not in errors.CODES:
            raise ValueError(f"{code!r} is none of {', '.join(errors.CODES)}")
        super().__init__(message)
        self.code = code


#: Gets the session, with the headers of its request, and the payload with which it connects; or
#: later, if a client renews its admission, ``{"token": …}``. It may be a coroutine function.
Identify = Callable[[Session, Mapping[str, Any]], Named | Awaitable[Named]]


def anonymous(session: Session, auth: Mapping[str, Any]) -> Named:
    """Gives everyone a new client ID and the name that it asks for."""
    name = auth.get("name")
    return Named(codes.uuid4(), name if isinstance(name, str) else None, fresh=True)


class Identification:
    """Asks an `Identify`, and waits for it where it takes its time."""

    def __init__(self, identify: Identify) -> None:
        self._identify = identify
        self._waiting: dict[asyncio.Future[Named], Session] = {}
        self._look_at = _FEW

    def ask(
        self,
        session: Session,
        auth: Mapping[str, Any],
        named: Callable[[Named], None],
        refused: Callable[[Refusal], None],
        within: float | None = None,
    ) -> None:
        """Call one of `named` and `refused`, at once or later; neither for a session that has gone
        meanwhile. A host that does not answer `within` so many seconds has none."""
        try:
            found = self._identify(session, auth)
            if not isinstance(found, Named):
                self._await(asyncio.ensure_future(found), session, named, refused, within)
                return
        except Exception as error:  # a host's own code may raise anything
            refused(_refusal(error))
        else:
            _tell(found, named, refused)

    def _await(
        self,
        answer: asyncio.Future[Named],
        session: Session,
        named: Callable[[Named], None],
        refused: Callable[[Refusal], None],
        within: float | None,
    ) -> None:
        timer = None
        if within is not None:
            timer = asyncio.get_running_loop().call_later(within, answer.cancel)

        def answered(answer: asyncio.Future[Named]) -> None:
            self._waiting.pop(answer, None)
            if timer is not None:
                timer.cancel()
            # An exception that nobody asks for would be logged once more
            error = None if answer.cancelled() else answer.exception()
            if not session.present:
                return
            if answer.cancelled():
                refused(refuse(errors.UNAVAILABLE))
            elif error is not None:
                refused(_refusal(error))
            else:
                _tell(answer.result(), named, refused)

        self._look_after_those_gone()
        self._waiting[answer] = session
        answer.add_done_callback(answered)

    def _look_after_those_gone(self) -> None:
        """Forget those whose sessions have gone, so that never many more wait than are there."""
        if len(self._waiting) >= self._look_at:
            for answer, session in tuple(self._waiting.items()):
                if not session.present:
                    answer.cancel()
                    del self._waiting[answer]
            self._look_at = max(_FEW, 2 * len(self._waiting))

    def close(self) -> None:
        for answer in tuple(self._waiting):
            answer.cancel()


def _refusal(error: BaseException) -> Refusal:
    if isinstance(error, Unidentified):
        return refuse(error.code, str(error))
    _logger.error("a client could not be identified", exc_info=error)
    return refuse(errors.UNAVAILABLE)


def _tell(found: Named, named: Callable[[Named], None], refused: Callable[[Refusal], None]) -> None:
    if (fault := _fault(found)) is not None:
        refused(_refusal(TypeError(fault)))
    elif not is_id(found.client_id):
        sentence = f"A client ID has 1 to {MAX_ID_CHARS} characters, none for control"
        refused(refuse(errors.INVALID, sentence))
    elif found.name is not None and not _is_name(found.name):
        sentence = f"A name has at most {MAX_NAME_CHARS} characters, all of which can be encoded"
        refused(refuse(errors.INVALID, sentence))
    else:
        name = None if found.name is None else plain(found.name)
        named(found._replace(client_id=plain(found.client_id), name=name))


def _is_name(text: str) -> bool:
    return len(text) <= MAX_NAME_CHARS and not any("\ud800" <= each <= "\udfff" for each in text)


def _fault(found: object) -> str | None:
    """What a host has got wrong in saying who a client is."""
    if not isinstance(found, Named):
        return f"An identity is a Named, and not {type(found).__name__}"
    if not isinstance(found.client_id, str) or not isinstance(found.name, str | None):
        return f"Client ID and name are strings, and not as in {found!r}"
    until = found.expires_at
    if until is not None and not (isinstance(until, int | float) and abs(until) < MAX_TIME):
        return f"The end of an identity is in seconds since the epoch, and not {until!r}"
    return None


class Admissions:
    """The sessions whose admission ends, in order of when: one timer for all of them.

    `end` is called with each that is not renewed in time. Times in seconds since the epoch, as
    `clock` gives them.
    """

    def __init__(self, clock: Callable[[], float], end: Callable[[Session], None]) -> None:
        self._clock = clock
        self._end = end
        self._until: dict[Session, float] = {}
        #: Each session once, at its end or, if that has been put off, before.
        self._heap: list[tuple[float, int, Session]] = []
        self._count = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf
        #: Before this time no admission ends.
        self.due = math.inf

    def __len__(self) -> int:
        """How many entries are held, of sessions that have gone too."""
        return len(self._heap)

    def hold(self, session: Session, expires_at: float | None) -> None:
        """A session may stay until `expires_at`; None for ever."""
        if expires_at is None:
            return
        self._until[session] = expires_at
        heapq.heappush(self._heap, (expires_at, next(self._count), session))
        self._watch()

    def extend(self, session: Session, expires_at: float | None) -> float | None:
        """The session's client has been named again. Returns until when it may stay: what was said
        before holds, too."""
        until = self._until.get(session)
        if until is None or expires_at is None:
            self._until.pop(session, None)
            return None
        self._until[session] = max(until, expires_at)
        return self._until[session]

    def forget(self, session: Session) -> None:
        """The session is over."""
        if self._until.pop(session, None) is not None and len(self._heap) > 64 + 2 * len(
            self._until
        ):
            self._heap = [entry for entry in self._heap if entry[2] in self._until]
            heapq.heapify(self._heap)
            self._watch()

    def is_over(self, session: Session, now: float) -> bool:
        """Whether the session is one that has to end by now, which it then does."""
        if self._until.get(session, math.inf) > now:
            return False
        self._finish(session)
        return True

    def _finish(self, session: Session) -> None:
        del self._until[session]
        self._end(session)

    def _watch(self) -> None:
        self.due = self._heap[0][0] if self._heap else math.inf
        if self.due >= self._wakes_at:
            return
        self.stop()
        now = self._clock()
        delay = min(max(self.due - now, 0.0), _LONGEST_WAIT)
        self._wakes_at = now + delay
        self._timer = asyncio.get_running_loop().call_later(delay, self._wake)

    def _wake(self) -> None:
        self._timer, self._wakes_at = None, math.inf
        now = self._clock()
        try:
            for _ in range(_AT_ONCE):
                if not self._heap or self._heap[0][0] > now:
                    break
                self._look(now)
        finally:
            # Whatever happened to one, the others must not stay for ever
            self._watch()

    def _look(self, now: float) -> None:
        """Take the first entry, and end its session unless that has been put off."""
        _, number, session = heapq.heappop(self._heap)
        until = self._until.get(session)
        if until is None:
            return
        if until > now:
            heapq.heappush(self._heap, (until, number, session))
        else:
            self._finish(session)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._wakes_at = None, math.inf
