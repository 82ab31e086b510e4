"""Messages that a session has missed.

It is given them page by page as it takes them, from the store. What is said meanwhile with the same
peer is not given to it directly: it will be read from there, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import msgspec

from . import vocabulary
from .core.model import State
from .hub import Client, Session
from .stores.base import Conflict, Store, StoreError
from .stores.writer import Call, Writer

#: Messages that are read from the store at a time for a session that has missed some.
_PAGE: Final = 100
_PAGE_BYTES: Final = 65_536

#: A session that has more on its way than this waits with the next page, and so long.
_PAGE_AHEAD_BYTES: Final = 32_768
_PAGE_WAIT_SECONDS: Final = 0.02


class _Page(NamedTuple):
    """Messages for a session that is catching up, each with its number, whether the client said it
    itself, and its packets; and up to where it has then come if there are more."""

    messages: list[tuple[int, bool, tuple[bytes, ...]]]
    upto: int | None


class Replay:
    """Gives sessions what they have missed. `failed` is called when the store cannot be read."""

    def __init__(
        self, store: Store, writer: Writer, *, failed: Callable[[StoreError], None]
    ) -> None:
        self._store = store
        self._writer = writer
        self._failed = failed

    def begin(self, session: Session, client: Client) -> None:
        """Give a session what `client.behind` says that it has missed."""
        for peer in client.behind.get(session, ()):
            self._next(session, client, peer)
            break

    def _next(self, session: Session, client: Client, peer: str, limit: int = _PAGE) -> None:
        after = client.behind.get(session, {}).get(peer)
        if after is None or not session.connected:
            return
        if session.pending_bytes() > _PAGE_AHEAD_BYTES:
            loop = asyncio.get_running_loop()
            loop.call_later(_PAGE_WAIT_SECONDS, self._next, session, client, peer, limit)
            return
        self._writer.submit(
            Call(
                partial(self._page, client.id, peer, after, limit),
                partial(self._give, session, client, peer),
                partial(self._page_failed, session),
            )
        )

    def _page(self, client: str, peer: str, after: int, limit: int) -> _Page:
        pair = self._store.pair(client, peer)
        if pair is None or pair.state is not State.LINKED:
            return _Page([], None)
        after = max(after, pair.first - 1)
        found = self._store.messages(pair, after, limit)
        first = found[0].seq if found else pair.seq + 1
        if self._store.keeps_delivered and isinstance(first, int) and first > after + 1:
            # It was given so slowly that what comes next is no longer kept. When it comes back it
            # will be told so.
            raise Conflict("messages were deleted before they could be given")
        page = _Page([], None)
        size, last = 0, pair.seq
        for message in found:
            own = message.sender == client
            notice = msgspec.structs.replace(message, to=peer) if own else message
            packets = vocabulary.encode_message(notice)
            size += sum(map(len, packets))
            if page.messages and size > _PAGE_BYTES:
                break
            last = message.seq  # type: ignore[assignment]
            page.messages.append((last, own, packets))
        return page._replace(upto=last) if last < pair.seq else page

    def _give(self, session: Session, client: Client, peer: str, page: _Page) -> None:
        if session not in client.behind:
            return
        for seq, own, packets in page.messages:
            # Instead of what it said itself it gets the answer that it waits for
            answer = client.held.pop((session, peer, seq), None) if own else None
            session.send(answer or packets)
        behind = client.behind.get(session)
        if behind is None:
            return  # it could not keep up
        if page.messages and client.kept:
            client.got[peer] = max(client.got.get(peer, 0), page.messages[-1][0])
        if page.upto is not None:
            behind[peer] = page.upto
        else:
            del behind[peer]
            client.release(session, peer)
        # One link after the other, or a thousand of them would be more than a session may have
        # on its way
        following = next(iter(behind), None)
        if following is None:
            client.behind.pop(session, None)
        else:
            loop = asyncio.get_running_loop()
            # As many again as there was room for: of large messages the store reads few in vain
            limit = min(2 * len(page.messages) + 1, _PAGE)
            loop.call_soon(self._next, session, client, following, limit)

    def _page_failed(self, session: Session, error: StoreError) -> None:
        # Better to come back later than to go on with a gap
        if not isinstance(error, Conflict):
            self._failed(error)
        session.disconnect(close=True)
