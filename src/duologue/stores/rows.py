"""What a SQLite store keeps of clients and pairs, as rows of its tables."""

from __future__ import annotations

from typing import Any

from duologue.core.events import MessageReply
from duologue.core.model import Identity, Pair, Progress, State


def side_of(pair: Pair, client: str | None) -> int:
    return 1 if client == pair.low else 2


def answer_of(id: str, seq: int, at: int, delivered: bool) -> MessageReply:
    return MessageReply(id, seq, at, "delivered" if delivered else "stored")


def identity_of(row: Any) -> Identity:
    id, name, kept, expires_at, last_seen, queued = row
    return Identity(
        id=id,
        name=name,
        kept=bool(kept),
        expires_at=expires_at,
        last_seen=last_seen,
        queued=queued,
    )


def identity_row(identity: Identity) -> tuple[Any, ...]:
    return (
        identity.id,
        identity.name,
        identity.kept,
        identity.expires_at,
        identity.last_seen,
        identity.queued,
    )


def pair_of(row: Any) -> Pair:
    low, high, state, requester, silent, note, expires_at, blockers, *rest = row
    low_cooldown, high_cooldown, seq, first, *progress = rest
    sides = {1: low, 2: high}
    return Pair(
        low=low,
        high=high,
        state=State(state),
        requester=sides.get(requester),
        silent=bool(silent),
        note=note,
        expires_at=expires_at,
        blockers=frozenset(client for side, client in sides.items() if blockers & side),
        low_cooldown=low_cooldown,
        high_cooldown=high_cooldown,
        seq=seq,
        first=first,
        low_progress=Progress(*progress[:3]),
        high_progress=Progress(*progress[3:]),
    )


def pair_row(pair: Pair) -> tuple[Any, ...]:
    low, high = pair.low_progress, pair.high_progress
    return (
        pair.low,
        pair.high,
        pair.state.value,
        None if pair.requester is None else side_of(pair, pair.requester),
        pair.silent,
        pair.note,
        pair.expires_at,
        sum(side_of(pair, client) for client in pair.blockers),
        pair.low_cooldown,
        pair.high_cooldown,
        pair.seq,
        pair.first,
        *(low.got, low.delivered, low.read),
        *(high.got, high.delivered, high.read),
    )
