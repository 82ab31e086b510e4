"""Who may reach whom: what follows from a command, given what is known.

`CONSENT` is the whole state machine of two clients as one table, seen from the side of the client
that acts. The two sides of a pair differ in what they may know: a request to somebody who blocks
looks to its maker like one that is never answered, and to the other like nothing at all. So the
table has more situations than a pair has states.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from . import errors
from .errors import Refusal, refuse
from .events import (
    AcceptLink,
    AddMessage,
    Block,
    CancelRequest,
    Change,
    CloseLink,
    Decision,
    DeclineLink,
    Done,
    DropIdentity,
    LinkCancelled,
    LinkClosed,
    LinkDeclined,
    LinkEntry,
    LinkEstablished,
    LinkExpired,
    LinkRequested,
    Links,
    MessageReceived,
    MessageReply,
    Notice,
    PairCommand,
    Presence,
    PutPair,
    Receipt,
    RequestLink,
    RequestReply,
    SendMessage,
    SendReceipt,
    SendSignal,
    SendTyping,
    SentRequestEntry,
    SignalReceived,
    Tell,
    Typing,
    Unblock,
)
from .model import Identity, Pair, Policy, Progress, State, Terms, new_pair, with_progress


class Situation(enum.Enum):
    """How a pair stands, as the client that acts may know it or, where it says so, must not."""

    NONE = "none"
    SHUNNED = "none, and the other blocks me"  # not known to me
    REQUESTED = "requested by me"
    IGNORED = "requested by me, never told to the other"  # not known to me
    INCOMING = "requested by the other"
    UNSEEN = "requested by the other, never told to me"  # not known to me
    LINKED = "linked"
    BLOCKING = "blocked by me"


class Action(enum.Enum):
    """What a client can do about another."""

    REQUEST = "requests"
    ACCEPT = "accepts"
    DECLINE = "declines"
    CANCEL = "cancels"
    CLOSE = "closes"
    BLOCK = "blocks"
    UNBLOCK = "unblocks"


class Tells(enum.Enum):
    """Who hears of a step, beside the answer to the one who took it."""

    NOBODY = ""
    REQUESTED = "the other gets link_requested"
    ESTABLISHED = "both get link_established"
    DECLINED = "the other gets link_declined"
    CANCELLED = "the other gets link_cancelled"
    CLOSED = "the other gets link_closed"


class Step(NamedTuple):
    """A row of the table: the situation afterwards and who hears of it, or a refusal."""

    after: Situation | None = None
    tells: Tells = Tells.NOBODY
    refused: str | None = None


def _refused(code: str) -> Step:
    return Step(refused=code)


_S = Situation
#: Python 3.11 takes its time over a member of an enumeration that is looked up in its class.
_LINKED: Final = State.LINKED
_NO_REQUEST: Final = _refused(errors.NO_REQUEST)
_NOT_LINKED: Final = _refused(errors.NOT_LINKED)
_BLOCKED: Final = _refused(errors.BLOCKED)
_LINKS: Final = Step(_S.LINKED, Tells.ESTABLISHED)

#: Every step there is. `after` None leaves the pair as it is.
CONSENT: Final[Mapping[tuple[Situation, Action], Step]] = {
    (_S.NONE, Action.REQUEST): Step(_S.REQUESTED, Tells.REQUESTED),
    (_S.NONE, Action.ACCEPT): _NO_REQUEST,
    (_S.NONE, Action.DECLINE): _NO_REQUEST,
    (_S.NONE, Action.CANCEL): _NO_REQUEST,
    (_S.NONE, Action.CLOSE): _NOT_LINKED,
    (_S.NONE, Action.BLOCK): Step(_S.BLOCKING),
    (_S.NONE, Action.UNBLOCK): Step(),
    # Whatever happens here must look to me as it does in NONE and REQUESTED
    (_S.SHUNNED, Action.REQUEST): Step(_S.IGNORED),
    (_S.SHUNNED, Action.ACCEPT): _NO_REQUEST,
    (_S.SHUNNED, Action.DECLINE): _NO_REQUEST,
    (_S.SHUNNED, Action.CANCEL): _NO_REQUEST,
    (_S.SHUNNED, Action.CLOSE): _NOT_LINKED,
    (_S.SHUNNED, Action.BLOCK): Step(_S.BLOCKING),
    (_S.SHUNNED, Action.UNBLOCK): Step(),
    (_S.REQUESTED, Action.REQUEST): Step(),
    (_S.REQUESTED, Action.ACCEPT): _NO_REQUEST,
    (_S.REQUESTED, Action.DECLINE): _NO_REQUEST,
    (_S.REQUESTED, Action.CANCEL): Step(_S.NONE, Tells.CANCELLED),
    (_S.REQUESTED, Action.CLOSE): _NOT_LINKED,
    (_S.REQUESTED, Action.BLOCK): Step(_S.BLOCKING),
    (_S.REQUESTED, Action.UNBLOCK): Step(),
    (_S.IGNORED, Action.REQUEST): Step(),
    (_S.IGNORED, Action.ACCEPT): _NO_REQUEST,
    (_S.IGNORED, Action.DECLINE): _NO_REQUEST,
    (_S.IGNORED, Action.CANCEL): Step(_S.NONE),
    (_S.IGNORED, Action.CLOSE): _NOT_LINKED,
    (_S.IGNORED, Action.BLOCK): Step(_S.BLOCKING),
    (_S.IGNORED, Action.UNBLOCK): Step(),
    (_S.INCOMING, Action.REQUEST): _LINKS,
    (_S.INCOMING, Action.ACCEPT): _LINKS,
    (_S.INCOMING, Action.DECLINE): Step(_S.NONE, Tells.DECLINED),
    (_S.INCOMING, Action.CANCEL): _NO_REQUEST,
    (_S.INCOMING, Action.CLOSE): _NOT_LINKED,
    (_S.INCOMING, Action.BLOCK): Step(_S.BLOCKING),
    (_S.INCOMING, Action.UNBLOCK): Step(),
    # The other still waits for an answer, so my own request is agreement here too
    (_S.UNSEEN, Action.REQUEST): _LINKS,
    (_S.UNSEEN, Action.ACCEPT): _NO_REQUEST,
    (_S.UNSEEN, Action.DECLINE): _NO_REQUEST,
    (_S.UNSEEN, Action.CANCEL): _NO_REQUEST,
    (_S.UNSEEN, Action.CLOSE): _NOT_LINKED,
    (_S.UNSEEN, Action.BLOCK): Step(_S.BLOCKING),
    (_S.UNSEEN, Action.UNBLOCK): Step(),
    (_S.LINKED, Action.REQUEST): Step(),
    (_S.LINKED, Action.ACCEPT): Step(),
    (_S.LINKED, Action.DECLINE): _NO_REQUEST,
    (_S.LINKED, Action.CANCEL): _NO_REQUEST,
    (_S.LINKED, Action.CLOSE): Step(_S.NONE, Tells.CLOSED),
    (_S.LINKED, Action.BLOCK): Step(_S.BLOCKING, Tells.CLOSED),
    (_S.LINKED, Action.UNBLOCK): Step(),
    (_S.BLOCKING, Action.REQUEST): _BLOCKED,
    (_S.BLOCKING, Action.ACCEPT): _BLOCKED,
    (_S.BLOCKING, Action.DECLINE): _NO_REQUEST,
    (_S.BLOCKING, Action.CANCEL): _NO_REQUEST,
    (_S.BLOCKING, Action.CLOSE): _NOT_LINKED,
    (_S.BLOCKING, Action.BLOCK): Step(),
    (_S.BLOCKING, Action.UNBLOCK): Step(_S.NONE),
}

_ACTIONS: Final[Mapping[type, Action]] = {
    RequestLink: Action.REQUEST,
    AcceptLink: Action.ACCEPT,
    DeclineLink: Action.DECLINE,
    CancelRequest: Action.CANCEL,
    CloseLink: Action.CLOSE,
    Block: Action.BLOCK,
    Unblock: Action.UNBLOCK,
}


#: What is over when a client ends how it stood with another, as its own sessions hear it.
_OVER: Final[Mapping[Situation, type[LinkClosed | LinkDeclined | LinkCancelled]]] = {
    _S.LINKED: LinkClosed,
    _S.INCOMING: LinkDeclined,
    _S.REQUESTED: LinkCancelled,
    _S.IGNORED: LinkCancelled,
}


def over(before: Situation, step: Step) -> type[LinkClosed | LinkDeclined | LinkCancelled] | None:
    """What the other sessions of the client that takes a step hear of it, if anything ends that
    they know of."""
    return _OVER.get(before) if step.after in (_S.NONE, _S.BLOCKING) else None


class Facts(msgspec.Struct):
    """All that a decision may depend on beside the command and the time.

    `target` and `pair` are None where there is none.
    """

    terms: Terms
    actor: Identity
    target: Identity | None
    pair: Pair | None
    target_online: bool = False


def decide(facts: Facts, command: PairCommand, now: float) -> Decision:
    """What follows from `command` at `now`, in seconds since the epoch.

    A message has a decision of its own: `message`.
    """
    return _DECIDERS[type(command)](facts, command, now)


# Consent


def situation(pair: Pair | None, actor: str) -> Situation:
    """How `pair` stands as seen by `actor`."""
    if pair is None:
        return Situation.NONE
    if actor in pair.blockers:
        return Situation.BLOCKING
    if pair.state is State.LINKED:
        return Situation.LINKED
    if pair.state is State.REQUESTED:
        if pair.requester == actor:
            return Situation.IGNORED if pair.silent else Situation.REQUESTED
        return Situation.UNSEEN if pair.silent else Situation.INCOMING
    return Situation.SHUNNED if pair.blockers else Situation.NONE


def _consent(facts: Facts, command: PairCommand, now: float) -> Decision:
    actor, target = facts.actor, facts.target
    if target is None:
        return Decision(_no_such_client(command))
    if target.id == actor.id:
        return Decision(refuse(errors.INVALID, "A client cannot be linked to itself"))
    action = _ACTIONS[type(command)]
    before = situation(facts.pair, actor.id)
    step = CONSENT[before, action]
    if step.refused is not None:
        return Decision(refuse(step.refused, target=target.id))
    pair = facts.pair
    if step.after is None:
        return Decision(_reply(action, before, pair))
    if pair is None:
        pair = new_pair(actor.id, target.id)
    refusal = no_room(actor, target, facts.terms, step.after, pair, now)
    if refusal is not None:
        return Decision(refusal)
    note = command.note if isinstance(command, RequestLink) else None
    pair = _moved(pair, facts, before, step, note, now)
    effects = _heard(facts, step.tells, pair)
    ended = over(before, step)
    if ended is not None:
        effects += (Tell(actor.id, ended(target.id, own=True), others=True),)
    return Decision(_reply(action, step.after, pair), (PutPair(pair),), effects)


def _reply(action: Action, after: Situation, pair: Pair | None) -> Done | RequestReply:
    if action is not Action.REQUEST or pair is None:
        return Done()
    if after is Situation.LINKED:
        return RequestReply(state="linked")
    return RequestReply(state="requested", expires_at=milliseconds(pair.expires_at))


def no_room(
    actor: Identity, target: Identity, terms: Terms, after: Situation, pair: Pair, now: float
) -> Refusal | None:
    """Why a step may not be taken although the table has it.

    Nothing here may depend on whether the other side blocks: the answer would say so.
    """
    if after in (Situation.REQUESTED, Situation.IGNORED):
        wait = pair.cooldown(actor.id) - now
        if wait > 0:
            sentence = "This client declined your request; try again later"
            return refuse(errors.RATE_LIMITED, sentence, target=target.id, retry_after=wait)
        if actor.sent >= terms.max_requests_sent:
            sentence = "You have too many requests that nobody has answered yet"
            return refuse(errors.OVERLOADED, sentence, target=target.id)
        if target.received >= terms.max_requests_received:
            sentence = "This client has too many requests to answer"
            return refuse(errors.OVERLOADED, sentence, target=target.id)
    if after in (Situation.REQUESTED, Situation.IGNORED, Situation.LINKED):
        if actor.links >= terms.max_links:
            return refuse(errors.OVERLOADED, "You have too many links", target=target.id)
        if after is Situation.LINKED and target.links >= terms.max_links:
            return refuse(errors.OVERLOADED, "This client has too many links", target=target.id)
    if after is Situation.BLOCKING and actor.blocks >= terms.max_blocks:
        return refuse(errors.OVERLOADED, "You have blocked too many clients", target=target.id)
    return None


def _moved(
    pair: Pair, facts: Facts, before: Situation, step: Step, note: str | None, now: float
) -> Pair:
    """The pair after a step."""
    actor = facts.actor.id
    after = step.after
    if after in (Situation.REQUESTED, Situation.IGNORED):
        return replace(
            pair,
            state=State.REQUESTED,
            requester=actor,
            silent=after is Situation.IGNORED,
            note=note,
            expires_at=now + facts.terms.request_ttl,
        )
    if after is Situation.LINKED:
        return linked_pair(pair)
    if after is Situation.BLOCKING:
        pair = replace(pair, blockers=pair.blockers | {actor})
        if before in (Situation.INCOMING, Situation.UNSEEN):
            # Whoever asked must not learn of this: the request lives on until it expires, unheard
            return replace(pair, silent=True)
        return _without_request(pair, State.NONE)
    if before is Situation.BLOCKING:
        return replace(pair, blockers=pair.blockers - {actor})
    pair = _without_request(pair, State.NONE)
    if step.tells is Tells.DECLINED:
        until = now + facts.terms.decline_cooldown
        if actor == pair.low:
            return replace(pair, high_cooldown=until)
        return replace(pair, low_cooldown=until)
    return pair


def linked_pair(pair: Pair) -> Pair:
    """The pair once both have agreed."""
    pair = _without_request(pair, State.LINKED)
    return replace(pair, low_cooldown=0.0, high_cooldown=0.0, first=pair.seq + 1)


def unlinked_pair(pair: Pair) -> Pair:
    """The pair once its link is closed."""
    return _without_request(pair, State.NONE)


def _without_request(pair: Pair, state: State) -> Pair:
    return replace(pair, state=state, requester=None, silent=False, note=None, expires_at=0.0)


_ABOUT_PEER: Final[Mapping[Tells, Callable[[str], Notice]]] = {
    Tells.DECLINED: LinkDeclined,
    Tells.CANCELLED: LinkCancelled,
    Tells.CLOSED: LinkClosed,
}


def _heard(facts: Facts, tells: Tells, pair: Pair) -> tuple[Tell, ...]:
    actor, target = facts.actor, facts.target
    if tells is Tells.NOBODY or target is None:
        return ()
    if tells is Tells.REQUESTED:
        return (Tell(target.id, _request_notice(actor, pair)),)
    if tells is Tells.ESTABLISHED:
        return (
            Tell(target.id, LinkEstablished(actor.id, actor.name)),
            Tell(actor.id, LinkEstablished(target.id, target.name)),
            Tell(target.id, Presence(actor.id, online=True)),
            Tell(actor.id, Presence(target.id, online=facts.target_online)),
        )
    return (Tell(target.id, _ABOUT_PEER[tells](actor.id)),)


def _request_notice(requester: Identity, pair: Pair) -> LinkRequested:
    return LinkRequested(requester.id, requester.name, pair.note, milliseconds(pair.expires_at))


def _no_such_client(command: PairCommand) -> Refusal:
    return refuse(errors.NOT_FOUND, target=command.target)


def milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


# Messages


def message(
    command: SendMessage,
    sender: str,
    pair: Pair | None,
    earlier: MessageReply | None,
    id: str,
    now: float,
    target: Identity | None,
    online: bool,
    terms: Terms,
) -> AddMessage | MessageReply | Refusal:
    """What follows from a message at `now`: it is to be kept, or answered as it was before, or not.

    `pair` is what stands between the two, `earlier` the answer to an earlier message with the same
    ID, and `id` the message's, whoever gave it.
    """
    if command.sender is not None and command.sender != sender:
        return refuse(errors.FROM_MISMATCH, target=command.target, id=command.id)
    if target is None:
        return refuse(errors.NOT_FOUND, target=command.target, id=command.id)
    if earlier is not None:
        # Also when the link is gone by now: that message was taken, and it is the truth
        return earlier
    linked = pair is not None and pair.state is _LINKED
    if not linked:
        code = _unlinked_message(pair, sender, online, terms.policy)
        if code is not None:
            return refuse(code, target=command.target, id=command.id)
    if not online and target.queued >= terms.queue_max:
        sentence = "Too many messages wait for this client already; try again later"
        return refuse(errors.OVERLOADED, sentence, target=command.target, id=command.id)
    if pair is None:
        pair = new_pair(sender, command.target)
    message = notice = MessageReceived(sender, command.content, id, pair.seq + 1, int(now * 1000))
    if not linked:
        # To the letter what the tutorial's server sends; a sender who gave an ID knows more than
        # the tutorial's client.
        notice = MessageReceived(sender, command.content, command.id or msgspec.UNSET)
    return AddMessage(pair, message, notice, online, command.id is not None)


def since_linked(pair: Pair, message: MessageReceived) -> bool:
    """Whether a message is one of the present link."""
    return isinstance(message.seq, int) and message.seq >= pair.first


def _unlinked_message(pair: Pair | None, sender: str, online: bool, policy: Policy) -> str | None:
    """The code with which a message outside a link is refused; None where it is allowed."""
    if situation(pair, sender) is Situation.BLOCKING:
        return errors.BLOCKED
    if policy is Policy.REQUIRED:
        return errors.NOT_LINKED
    if not online or (pair is not None and pair.blockers):
        # Nothing waits for one that is away but what is said on a link. A block looks the same: it
        # is not told, and nothing is said to have been sent.
        return errors.NOT_FOUND
    return None


def _typing(facts: Facts, command: SendTyping, now: float) -> Decision:
    return _to_linked(facts, command, Typing(facts.actor.id, command.typing))


def _receipt(facts: Facts, command: SendReceipt, now: float) -> Decision:
    refusal = _not_linked(facts, command)
    if refusal is not None or facts.pair is None:
        return Decision(refusal or _no_such_client(command))
    pair, actor = facts.pair, facts.actor.id
    before = pair.progress(actor)
    # Nobody has read what has not been delivered, nor had delivered what has not been said
    read = min(max(before.read, command.read or 0), pair.seq)
    delivered = min(max(before.delivered, command.delivered or 0, read), pair.seq)
    after = Progress(max(before.got, delivered), delivered, read)
    if after == before:
        return Decision(Done())
    effects = (
        Tell(command.target, Receipt(actor, delivered, read)),
        Tell(actor, Receipt(actor, delivered, read, command.target)),
    )
    return Decision(Done(), (PutPair(with_progress(pair, actor, after)),), effects)


def _signal(facts: Facts, command: SendSignal, now: float) -> Decision:
    decision = _to_linked(facts, command, SignalReceived(facts.actor.id, command.data))
    if decision.effects and not facts.target_online:
        sentence = "This client is not online at the moment"
        return Decision(refuse(errors.UNAVAILABLE, sentence, target=command.target))
    return decision


def _to_linked(facts: Facts, command: SendTyping | SendSignal, notice: Notice) -> Decision:
    """Something that is not kept, for a peer that is linked."""
    refusal = _not_linked(facts, command)
    if refusal is not None:
        return Decision(refusal)
    return Decision(Done(), (), (Tell(command.target, notice),))


def _not_linked(facts: Facts, command: PairCommand) -> Refusal | None:
    if facts.target is None:
        return _no_such_client(command)
    before = situation(facts.pair, facts.actor.id)
    if before is Situation.LINKED:
        return None
    code = errors.BLOCKED if before is Situation.BLOCKING else errors.NOT_LINKED
    return refuse(code, target=command.target)


_DECIDERS: Final[Mapping[type, Callable[[Facts, PairCommand, float], Decision]]] = {
    SendTyping: _typing,  # type: ignore[dict-item]  # each takes its own command
    SendSignal: _signal,  # type: ignore[dict-item]
    SendReceipt: _receipt,  # type: ignore[dict-item]
    **dict.fromkeys(_ACTIONS, _consent),
}


# What happens without a command


def expire(pair: Pair, now: float) -> Decision:
    """A request that nobody answered is over; nothing if there is none or it still has time."""
    if pair.state is not State.REQUESTED or pair.expires_at > now or pair.requester is None:
        return Decision(Done())
    target = pair.other(pair.requester)
    effects = [Tell(pair.requester, LinkExpired(target))]
    if not pair.silent:
        effects.append(Tell(target, LinkExpired(pair.requester)))
    return Decision(Done(), (PutPair(_without_request(pair, State.NONE)),), tuple(effects))


def end(actor: Identity, pairs: Iterable[Pair], now: float) -> Decision:
    """A client is gone for good: its links close and its requests end, on both sides."""
    effects: list[Tell] = []
    for pair in pairs:
        peer = pair.other(actor.id)
        if pair.state is State.LINKED:
            effects.append(
                Tell(peer, Presence(actor.id, online=False, last_seen=milliseconds(now)))
            )
            effects.append(Tell(peer, LinkClosed(actor.id)))
        elif pair.state is State.REQUESTED and pair.requester != actor.id:
            # The same whether it was ever delivered or not
            effects.append(Tell(peer, LinkExpired(actor.id)))
        elif pair.state is State.REQUESTED and not pair.silent:
            effects.append(Tell(peer, LinkCancelled(actor.id)))
    changes: tuple[Change, ...] = (DropIdentity(actor.id),)
    return Decision(Done(), changes, tuple(effects))


def snapshot(
    actor: Identity,
    pairs: Iterable[Pair],
    peers: Mapping[str, Identity],
    online: Callable[[str], bool],
    unread: Callable[[Pair], int],
    history_from: Mapping[str, int],
) -> Links | None:
    """What stands between `actor` and others, as far as it may know; None if nothing does.

    `history_from` has, by peer, the first message that is still kept where some were missed that
    no longer are.
    """
    links: list[LinkEntry] = []
    requests: list[LinkRequested] = []
    requested: list[SentRequestEntry] = []
    for pair in pairs:
        peer = peers[pair.other(actor.id)]
        if pair.state is State.LINKED:
            theirs = pair.progress(peer.id)
            links.append(
                LinkEntry(
                    peer.id,
                    peer.name,
                    online(peer.id),
                    None if online(peer.id) else peer.last_seen,
                    pair.seq,
                    unread(pair),
                    theirs.delivered,
                    theirs.read,
                    history_from.get(peer.id, msgspec.UNSET),
                    pair.first if pair.first > 1 else msgspec.UNSET,
                )
            )
        elif pair.state is State.REQUESTED and pair.requester == actor.id:
            entry = SentRequestEntry(peer.id, pair.note, milliseconds(pair.expires_at))
            requested.append(entry)
        elif pair.state is State.REQUESTED and not pair.silent:
            requests.append(_request_notice(peer, pair))
    if not (links or requests or requested):
        return None
    return Links(links, requests, requested)
