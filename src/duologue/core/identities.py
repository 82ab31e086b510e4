"""What becomes of an identity: it arrives, comes back, leaves; and its consent in advance, which an
invitation is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from . import errors
from .errors import Refusal, refuse
from .events import (
    Change,
    CreateInvite,
    Decision,
    Done,
    InviteCrowded,
    LinkEstablished,
    MessageReceived,
    Presence,
    PutIdentity,
    PutInvite,
    PutPair,
    PutToken,
    RedeemReply,
    Tell,
)
from .model import (
    UNUSED,
    Identity,
    Invite,
    Pair,
    Progress,
    State,
    Terms,
    Token,
    new_pair,
    with_progress,
)
from .rules import Situation, linked_pair, milliseconds, no_room, situation


class Arrival(msgspec.Struct, frozen=True):
    """A client that may come in: what it is from now on, and what has to be kept of that."""

    identity: Identity
    changes: tuple[Change, ...]


def arrive(
    identity: Identity | None,
    client_id: str,
    name: str | None,
    new_token: bytes | None,
    used: Token | None,
    now: float,
    terms: Terms,
    *,
    keep: bool = False,
) -> Arrival:
    """A client connects: one that is new, or one whose `identity` is there already.

    One to `keep` lasts without a token. `new_token` is the digest of the token that it will get if
    it wants to be kept, `used` the one with which it came. That one stays valid for a while, for
    the answer may not reach the client.
    """
    kept = keep or new_token is not None or (identity is not None and identity.kept)
    if identity is None:
        identity = Identity(id=client_id, name=name, kept=kept)
    else:
        identity = replace(
            identity,
            name=identity.name if name is None else name,
            kept=kept,
            expires_at=None,
            queued=0,
        )
    changes: list[Change] = [PutIdentity(identity)]
    if used is not None:
        until = min(used.expires_at, now + terms.resume_overlap)
        changes.append(PutToken(replace(used, expires_at=until)))
    if new_token is not None:
        changes.append(PutToken(Token(new_token, identity.id, UNUSED + now)))
    return Arrival(identity, tuple(changes))


def expired_token(token: Token | None, now: float) -> Refusal | None:
    """Why a token does not take an identity back, if it does not."""
    if token is None or token.expires_at <= now:
        return refuse(errors.EXPIRED, "This identity has ended, or its token is no longer valid")
    return None


def came_back(identity: Identity, pairs: Iterable[Pair]) -> tuple[Tell, ...]:
    """Linked peers hear of a client's first session."""
    return tuple(
        Tell(pair.other(identity.id), Presence(identity.id, online=True, last_seen=None))
        for pair in pairs
        if pair.state is State.LINKED
    )


def leave(
    identity: Identity, pairs: Iterable[Pair], got: Mapping[str, int], now: float, terms: Terms
) -> Decision:
    """The last session of a client that is kept is over; `got` is how far it was given what each
    of its peers wrote."""
    seen = milliseconds(now)
    changes: list[Change] = [
        PutIdentity(replace(identity, expires_at=now + terms.identity_ttl, last_seen=seen))
    ]
    effects: list[Tell] = []
    for pair in pairs:
        peer = pair.other(identity.id)
        before = pair.progress(identity.id)
        given = min(got.get(peer, 0), pair.seq)
        if given > before.got:
            after = Progress(given, before.delivered, before.read)
            changes.append(PutPair(with_progress(pair, identity.id, after)))
        if pair.state is State.LINKED:
            effects.append(Tell(peer, Presence(identity.id, online=False, last_seen=seen)))
    return Decision(Done(), tuple(changes), tuple(effects))


def fewer_wait(identity: Identity, number: int) -> Identity:
    """A client that is away, and for which so many messages no longer wait."""
    return replace(identity, queued=max(identity.queued - number, 0))


def missed(
    pairs: Iterable[Pair], client: str, since: Mapping[str, int], *, all_of_it: bool
) -> dict[str, int]:
    """By peer, the number after which a session has to be given what there is.

    Of a link that `since` does not name that is (`all_of_it`) what its client has not said to have
    been delivered, nor had been given when it was last away: the session before may have been half
    open, and what is said twice can be told apart where what is lost cannot.
    """
    found: dict[str, int] = {}
    for pair in pairs:
        if pair.state is not State.LINKED:
            continue
        peer = pair.other(client)
        after = since.get(peer)
        if after is None:
            if not all_of_it:
                continue
            after = pair.progress(client).got
        if after > pair.seq:
            after = 0  # of an earlier life of the peer
        after = max(after, pair.first - 1)
        if after < pair.seq:
            found[peer] = after
    return found


def delivered_up_to(pair: Pair, messages: Iterable[MessageReceived]) -> int:
    """Up to which number all messages have been said to be delivered by whom they were for;
    `messages` are the first that are kept of a pair, in order."""
    upto = 0
    for message in messages:
        if not isinstance(message.seq, int):
            break
        if message.seq > pair.progress(pair.other(message.sender)).delivered:
            break
        upto = message.seq
    return upto


# Invitations


def invite(
    maker: Identity, existing: int, command: CreateInvite, digest: bytes, now: float, terms: Terms
) -> Invite | Refusal:
    """An invitation that may be made; `existing` is how many its maker has."""
    if existing >= terms.max_invites:
        return refuse(errors.OVERLOADED, "You have too many invitations; revoke one first")
    ttl = terms.invite_ttl if command.ttl is None else command.ttl
    return Invite(digest, maker.id, command.uses, now + ttl)


def redeem(
    found: Invite | None,
    actor: Identity,
    maker: Identity | None,
    pair: Pair | None,
    code: str,
    online: bool,
    now: float,
    terms: Terms,
) -> Decision:
    """A client has a code; `maker` is whose invitation it is, `online` whether that is connected.

    A code that never was, has run out, was used up, or is of somebody who blocks looks the same.
    """
    refusal = refuse(errors.EXPIRED, "This invitation is not valid, or no longer")
    if found is None or maker is None or found.expires_at <= now:
        return Decision(refusal)
    if maker.id == actor.id:
        return Decision(refuse(errors.INVALID, "A client cannot be linked to itself"))
    before = situation(pair, actor.id)
    if before is Situation.LINKED:
        return Decision(RedeemReply(maker.id))
    if before is Situation.BLOCKING:
        return Decision(refuse(errors.BLOCKED, target=maker.id))
    if pair is not None and pair.blockers:
        return Decision(refusal)
    if not found.uses:
        return Decision(refusal, (), (Tell(maker.id, InviteCrowded(code)),))
    pair = pair or new_pair(actor.id, maker.id)
    full = no_room(actor, maker, terms, Situation.LINKED, pair, now)
    if full is not None:
        return Decision(full)
    changes = (
        PutInvite(replace(found, uses=found.uses - 1)),
        PutPair(linked_pair(pair)),
    )
    effects = (
        Tell(maker.id, LinkEstablished(actor.id, actor.name)),
        Tell(actor.id, LinkEstablished(maker.id, maker.name)),
        Tell(maker.id, Presence(actor.id, online=True)),
        Tell(actor.id, Presence(maker.id, online=online)),
    )
    return Decision(RedeemReply(maker.id), changes, effects)
