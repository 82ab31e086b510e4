"""What follows from the word of the application that clients belong to.

It may link and unlink two clients without asking them. It does not stand above a block, which is
its client's own word: it has to take that back first, in that client's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from . import errors
from .errors import refuse
from .events import (
    Block,
    Change,
    Decision,
    Done,
    LinkCancelled,
    LinkClosed,
    LinkEstablished,
    LinkExpired,
    LinkReply,
    Notice,
    Presence,
    PutIdentity,
    PutPair,
    Tell,
)
from .model import Identity, Pair, State, Terms, new_pair
from .rules import Facts, Situation, decide, linked_pair, situation, unlinked_pair


def newcomer(client_id: str, now: float, terms: Terms) -> Identity:
    """A client that its application has named and that has never been connected."""
    return Identity(id=client_id, kept=True, expires_at=now + terms.identity_ttl)


def link(
    sides: tuple[Identity, Identity],
    unknown: tuple[Identity, ...],
    pair: Pair | None,
    online: Callable[[str], bool],
    terms: Terms,
) -> Decision:
    """Two clients are linked as if both had agreed, whatever was asked before.

    `unknown` are those of the two that have to be kept from now on.
    """
    a, b = sides
    if a.id == b.id:
        return Decision(refuse(errors.INVALID, "A client cannot be linked to itself"))
    if pair is not None and pair.blockers:
        sentence = "One of the two blocks the other"
        return Decision(refuse(errors.BLOCKED, sentence))
    if pair is not None and pair.state is State.LINKED:
        return Decision(LinkReply(new=False))
    for side in sides:
        if side.links >= terms.max_links:
            sentence = "This client has too many links"
            return Decision(refuse(errors.OVERLOADED, sentence, target=side.id))
    pair = linked_pair(pair or new_pair(a.id, b.id))
    changes: tuple[Change, ...] = (*map(PutIdentity, unknown), PutPair(pair))
    effects = (
        Tell(b.id, LinkEstablished(a.id, a.name)),
        Tell(a.id, LinkEstablished(b.id, b.name)),
        Tell(b.id, Presence(a.id, online=online(a.id))),
        Tell(a.id, Presence(b.id, online=online(b.id))),
    )
    return Decision(LinkReply(new=True), changes, effects)


def close(a: str, b: str, pair: Pair | None) -> Decision:
    """A link is over; both sides are told, for neither of them has closed it."""
    if pair is None or pair.state is not State.LINKED:
        return Decision(refuse(errors.NOT_LINKED, "The two are not linked"))
    effects = (Tell(a, LinkClosed(b)), Tell(b, LinkClosed(a)))
    return Decision(Done(), (PutPair(unlinked_pair(pair)),), effects)


#: How the one in whose name another is blocked hears that there is nothing between them any more.
_OVER: Final[Mapping[Situation, Callable[[str], Notice]]] = {
    Situation.LINKED: LinkClosed,
    Situation.INCOMING: LinkCancelled,
    Situation.REQUESTED: LinkExpired,
    Situation.IGNORED: LinkExpired,
}


def block(facts: Facts, command: Block, now: float) -> Decision:
    """One client blocks another by its application's word, of which it is told what it sees."""
    decision = decide(facts, command, now)
    actor = facts.actor.id
    over = _OVER.get(situation(facts.pair, actor))
    if not decision.changes or over is None:
        return decision
    effects = (*decision.effects, Tell(actor, over(command.target)))
    return Decision(decision.reply, decision.changes, effects)
