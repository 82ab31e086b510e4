"""What a client asks of the server alone: its history, its invitations, and its end."""

from __future__ import annotations

from collections.abc import Callable

from . import codes, vocabulary
from .core import errors, events, identities, rules
from .core.errors import Refusal, refuse
from .core.model import Identity, Terms, alive
from .stores.base import Store


class Own:
    """Decides those commands that concern no pair, or one that only the store knows.

    `online` says whether a client has a session; `url` is where the page is, for the links of
    invitations.
    """

    def __init__(
        self, store: Store, online: Callable[[str], bool], *, terms: Terms, url: str
    ) -> None:
        self._store = store
        self._online = online
        self._terms = terms
        self._url = url

    def decide(self, actor: Identity, command: events.OwnCommand, now: float) -> events.Decision:
        """Belongs inside a transaction."""
        if isinstance(command, events.ReadHistory):
            return events.Decision(history(self._store, actor.id, command, now))
        if isinstance(command, events.CreateInvite):
            return self._invite(actor, command, now)
        if isinstance(command, events.RedeemInvite):
            return self._redeem(actor, command, now)
        if isinstance(command, events.RevokeInvite):
            return self._revoke(actor, command)
        return rules.end(actor, list(self._store.pairs(actor.id)), now)

    def maker(self, command: events.RedeemInvite) -> str | None:
        """Who made an invitation; None for a code that is none. Belongs inside a transaction."""
        invite = self._store.invite(codes.code_digest(command.code))
        return None if invite is None else invite.maker

    def _invite(self, actor: Identity, command: events.CreateInvite, now: float) -> events.Decision:
        code = codes.new_code()
        digest = codes.code_digest(code)
        invite = identities.invite(
            actor, self._store.invites(actor.id), command, digest, now, self._terms
        )
        if isinstance(invite, Refusal):
            return events.Decision(invite)
        expires_at = rules.milliseconds(invite.expires_at)
        reply = events.InviteReply(code, f"{self._url}/?invite={code}", expires_at)
        return events.Decision(reply, (events.PutInvite(invite),))

    def _redeem(self, actor: Identity, command: events.RedeemInvite, now: float) -> events.Decision:
        store = self._store
        invite = store.invite(codes.code_digest(command.code))
        maker = None if invite is None else alive(store.identity(invite.maker), now)
        pair = None if maker is None else store.pair(actor.id, maker.id)
        online = maker is not None and self._online(maker.id)
        return identities.redeem(
            invite, actor, maker, pair, codes.spelled(command.code), online, now, self._terms
        )

    def _revoke(self, actor: Identity, command: events.RevokeInvite) -> events.Decision:
        digest = codes.code_digest(command.code)
        invite = self._store.invite(digest)
        if invite is None or invite.maker != actor.id:
            return events.Decision(refuse(errors.NOT_FOUND, "You have no such invitation"))
        return events.Decision(events.Done(), (events.DropInvite(digest),))


def history(
    store: Store, client: str, command: events.ReadHistory, now: float
) -> events.HistoryReply | Refusal:
    """A page of what was said on a link. Belongs inside a transaction."""
    pair = store.pair(client, command.target)
    linked = pair is not None and rules.situation(pair, client) is rules.Situation.LINKED
    if pair is None or not linked or alive(store.identity(command.target), now) is None:
        return refuse(errors.NOT_LINKED, target=command.target)
    before = pair.seq + 1 if command.before is None else command.before
    # One more than is asked for says whether there are more
    found = store.messages_before(pair, before, command.limit + 1)
    found = [each for each in found if rules.since_linked(pair, each)]
    page = vocabulary.page(found[-command.limit :])
    return events.HistoryReply(page, len(found) > len(page))
