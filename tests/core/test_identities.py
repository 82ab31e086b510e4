"""What becomes of an identity, and of consent that was given in advance."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from duologue.core import events, identities, rules
from duologue.core.errors import Refusal
from duologue.core.events import (
    InviteCrowded,
    LinkEstablished,
    Presence,
    PutIdentity,
    PutInvite,
    PutPair,
    PutToken,
    RedeemReply,
    Tell,
)
from duologue.core.model import (
    UNUSED,
    Identity,
    Invite,
    Pair,
    Progress,
    State,
    Terms,
    Token,
    new_pair,
)

NOW = 1_000_000.0
TERMS = Terms(resume_overlap=60.0, identity_ttl=1_000.0, invite_ttl=500.0, max_invites=2)
NEW, OLD = b"digest of a new one", b"digest of an old one"


def code(reply: object) -> str:
    assert isinstance(reply, Refusal), reply
    return reply.code


def linked(a: str = "ann", b: str = "ben", **more: int) -> Pair:
    return replace(new_pair(a, b), state=State.LINKED, **more)


# Arriving


def arrives(
    identity: Identity | None = None,
    *,
    name: str | None = None,
    new_token: bytes | None = None,
    used: Token | None = None,
) -> identities.Arrival:
    return identities.arrive(identity, "ann", name, new_token, used, NOW, TERMS)


def test_one_that_is_new_is_kept_for_as_long_as_it_is_connected() -> None:
    ann = Identity(id="ann", name="Ann")
    assert arrives(name="Ann") == identities.Arrival(ann, (PutIdentity(ann),))


def test_one_that_asks_for_it_outlives_its_sessions_and_gets_a_token() -> None:
    ann = Identity(id="ann", kept=True)
    token = Token(NEW, "ann", UNUSED + NOW)
    assert arrives(new_token=NEW) == identities.Arrival(ann, (PutIdentity(ann), PutToken(token)))


def test_one_that_is_kept_stays_so_when_it_comes_without_asking_for_it() -> None:
    assert arrives(Identity(id="ann", kept=True)).identity.kept


def test_one_that_is_there_may_be_kept_from_now_on() -> None:
    assert arrives(Identity(id="ann"), new_token=NEW).identity.kept


def test_one_that_comes_back_has_no_end_and_nothing_that_waits_for_it() -> None:
    away = Identity(id="ann", kept=True, expires_at=NOW + 1, last_seen=7, queued=5, links=2)
    assert arrives(away).identity == replace(away, expires_at=None, queued=0)


@pytest.mark.parametrize(("name", "then"), [(None, "Ann"), ("Anna", "Anna"), ("", "")])
def test_one_that_comes_back_keeps_its_name_unless_it_says_another(
    name: str | None, then: str
) -> None:
    assert arrives(Identity(id="ann", name="Ann", kept=True), name=name).identity.name == then


def test_a_token_that_was_used_goes_on_for_the_overlap_alone() -> None:
    used = Token(OLD, "ann", UNUSED + 1.0)
    changes = arrives(Identity(id="ann", kept=True), new_token=NEW, used=used).changes
    assert changes[1:] == (
        PutToken(Token(OLD, "ann", NOW + 60.0)),
        PutToken(Token(NEW, "ann", UNUSED + NOW)),
    )


def test_a_token_that_is_used_again_lasts_no_longer_for_it() -> None:
    used = Token(OLD, "ann", NOW + 10.0)
    changes = arrives(Identity(id="ann", kept=True), new_token=NEW, used=used).changes
    assert changes[1] == PutToken(used)


def test_a_token_is_valid_until_it_expires() -> None:
    assert identities.expired_token(Token(OLD, "ann", NOW + 0.001), NOW) is None


@pytest.mark.parametrize("expires_at", [NOW, NOW - 1])
def test_a_token_that_has_expired_looks_like_one_that_never_was(expires_at: float) -> None:
    never = identities.expired_token(None, NOW)
    assert identities.expired_token(Token(OLD, "ann", expires_at), NOW) == never
    assert code(never) == "expired"


# Coming back and leaving


def _pairs() -> list[Pair]:
    """Ann's: a link, a request of hers, one that she got, and one whom she blocks."""
    return [
        linked(seq=9),
        replace(new_pair("ann", "cleo"), state=State.REQUESTED, requester="ann"),
        replace(new_pair("ann", "dan"), state=State.REQUESTED, requester="dan"),
        replace(new_pair("ann", "eve"), blockers=frozenset({"ann"})),
    ]


ANN = Identity(id="ann", name="Ann", kept=True)


def test_those_that_are_linked_hear_that_a_client_has_come_back_and_nobody_else() -> None:
    assert identities.came_back(ANN, _pairs()) == (
        Tell("ben", Presence("ann", online=True, last_seen=None)),
    )


def test_those_that_are_linked_hear_that_a_client_has_left_and_nobody_else() -> None:
    decision = identities.leave(ANN, _pairs(), {}, NOW, TERMS)
    assert decision.effects == (
        Tell("ben", Presence("ann", online=False, last_seen=1_000_000_000)),
    )


def test_one_that_has_left_lasts_for_its_time_from_now() -> None:
    decision = identities.leave(ANN, _pairs(), {}, NOW, TERMS)
    assert decision.changes == (
        PutIdentity(replace(ANN, expires_at=NOW + 1_000.0, last_seen=1_000_000_000)),
    )


def test_how_far_one_was_given_what_was_said_is_kept() -> None:
    pair = replace(linked(seq=9), low_progress=Progress(2, 1, 1))
    decision = identities.leave(ANN, [pair], {"ben": 5, "nobody": 3}, NOW, TERMS)
    assert decision.changes[1:] == (PutPair(replace(pair, low_progress=Progress(5, 1, 1))),)


@pytest.mark.parametrize("got", [{}, {"ben": 1}, {"ben": 2}])
def test_what_is_known_already_is_not_kept_again(got: dict[str, int]) -> None:
    pair = replace(linked(seq=9), low_progress=Progress(2, 1, 1))
    assert len(identities.leave(ANN, [pair], got, NOW, TERMS).changes) == 1


def test_nobody_was_given_more_than_was_said() -> None:
    pair = linked(seq=9)
    decision = identities.leave(ANN, [pair], {"ben": 50}, NOW, TERMS)
    assert decision.changes[1:] == (PutPair(replace(pair, low_progress=Progress(9, 0, 0))),)


# What a session has missed


def missed(
    pair: Pair, since: dict[str, int] | None = None, *, all_of_it: bool = True
) -> dict[str, int]:
    return identities.missed([pair], "ann", since or {}, all_of_it=all_of_it)


def test_what_a_client_says_that_it_has_counts() -> None:
    assert missed(linked(seq=9), {"ben": 4}) == {"ben": 4}


def test_what_a_client_says_counts_more_than_what_it_was_given() -> None:
    pair = replace(linked(seq=9), low_progress=Progress(got=7))
    assert missed(pair, {"ben": 4}) == {"ben": 4}


def test_who_says_nothing_gets_what_it_was_not_given() -> None:
    assert missed(replace(linked(seq=9), low_progress=Progress(got=7))) == {"ben": 7}


def test_it_is_its_own_side_that_counts() -> None:
    assert missed(replace(linked(seq=9), high_progress=Progress(got=7))) == {"ben": 0}


def test_who_says_nothing_gets_nothing_that_another_session_has() -> None:
    assert missed(linked(seq=9), all_of_it=False) == {}


def test_who_says_what_it_has_gets_the_rest_whatever_another_session_has() -> None:
    assert missed(linked(seq=9), {"ben": 0}, all_of_it=False) == {"ben": 0}


def test_who_has_all_has_missed_nothing() -> None:
    assert missed(linked(seq=9), {"ben": 9}) == {}


@pytest.mark.parametrize("since", [10, 2**53])
def test_who_has_more_than_there_is_has_it_from_an_earlier_life_of_the_peer(since: int) -> None:
    assert missed(linked(seq=9), {"ben": since}) == {"ben": 0}


def test_nothing_was_missed_where_nothing_was_said() -> None:
    assert missed(linked(seq=0), {"ben": 0}) == {}


def test_nothing_of_an_earlier_link_was_missed() -> None:
    assert missed(linked(seq=9, first=6), {"ben": 2}) == {"ben": 5}


def test_nothing_was_missed_where_all_was_of_an_earlier_link() -> None:
    assert missed(linked(seq=9, first=10), {"ben": 2}) == {}


def test_nothing_is_missed_without_a_link() -> None:
    assert missed(replace(linked(seq=9), state=State.NONE), {"ben": 2}) == {}


def test_what_is_said_of_others_than_those_that_are_linked_counts_for_nothing() -> None:
    assert missed(linked(seq=9), {"ben": 9, "nobody": 0}) == {}


# What has been delivered


def _said(*senders: str, first: int = 1) -> list[events.MessageReceived]:
    return [
        events.MessageReceived(sender, "hi", "x", number, 1_000)
        for number, sender in enumerate(senders, first)
    ]


@pytest.mark.parametrize(
    ("ann_got", "ben_got", "senders", "upto"),
    [
        (0, 0, ["ann", "ann"], 0),
        (0, 1, ["ann", "ann"], 1),
        (0, 2, ["ann", "ann"], 2),
        (2, 0, ["ann", "ann"], 0),  # what one wrote itself was not for oneself
        (2, 1, ["ann", "ben", "ann"], 2),
        (3, 1, ["ann", "ben", "ben"], 3),
        (0, 9, ["ann", "ben", "ann"], 1),
        (9, 9, ["ann", "ben", "ann"], 3),
        (9, 9, [], 0),
    ],
)
def test_what_each_wrote_is_delivered_when_the_other_says_so(
    ann_got: int, ben_got: int, senders: list[str], upto: int
) -> None:
    pair = replace(
        linked(seq=len(senders)),
        low_progress=Progress(got=9, delivered=ann_got),
        high_progress=Progress(got=9, delivered=ben_got),
    )
    assert identities.delivered_up_to(pair, _said(*senders)) == upto


def test_what_was_delivered_begins_with_the_first_that_is_kept() -> None:
    pair = replace(linked(seq=9), high_progress=Progress(delivered=7))
    assert identities.delivered_up_to(pair, _said("ann", "ann", "ann", first=6)) == 7


# Invitations


def invites(existing: int = 0, ttl: int | None = None, uses: int = 1) -> Invite | Refusal:
    command = events.CreateInvite(ttl, uses)
    return identities.invite(ANN, existing, command, NEW, NOW, TERMS)


def test_an_invitation_lasts_as_long_as_the_terms_say() -> None:
    assert invites(uses=3) == Invite(NEW, "ann", 3, NOW + 500.0)


def test_an_invitation_lasts_as_long_as_its_maker_says() -> None:
    assert invites(ttl=7) == Invite(NEW, "ann", 1, NOW + 7)


def test_the_last_invitation_that_there_is_room_for_is_made() -> None:
    assert isinstance(invites(existing=1), Invite)


def test_one_invitation_more_is_refused() -> None:
    assert code(invites(existing=2)) == "overloaded"


BEN = Identity(id="ben", name="Ben")
INVITE = Invite(NEW, "ann", 2, NOW + 10.0)


def redeems(
    invite: Invite | None = INVITE,
    *,
    actor: Identity = BEN,
    maker: Identity | None = ANN,
    pair: Pair | None = None,
    online: bool = True,
    terms: Terms = TERMS,
) -> events.Decision:
    return identities.redeem(invite, actor, maker, pair, "lusab", online, NOW, terms)


def test_who_redeems_an_invitation_is_linked_to_its_maker() -> None:
    decision = redeems()
    assert (decision.reply, decision.changes) == (
        RedeemReply("ann"),
        (
            PutInvite(replace(INVITE, uses=1)),
            PutPair(replace(new_pair("ann", "ben"), state=State.LINKED)),
        ),
    )


@pytest.mark.parametrize("online", [True, False])
def test_both_hear_of_the_link_and_of_each_other(online: bool) -> None:
    assert redeems(online=online).effects == (
        Tell("ann", LinkEstablished("ben", "Ben")),
        Tell("ben", LinkEstablished("ann", "Ann")),
        Tell("ann", Presence("ben", online=True)),
        Tell("ben", Presence("ann", online=online)),
    )


def test_what_was_said_in_an_earlier_link_stays_hidden() -> None:
    before = replace(new_pair("ann", "ben"), seq=9)
    assert redeems(pair=before).changes[1] == PutPair(replace(before, state=State.LINKED, first=10))


@pytest.mark.parametrize("requester", ["ann", "ben"])
def test_a_request_between_the_two_is_over_with_it(requester: str) -> None:
    asked = replace(
        new_pair("ann", "ben"),
        state=State.REQUESTED,
        requester=requester,
        note="please",
        expires_at=NOW + 5,
        low_cooldown=NOW + 60,
        high_cooldown=NOW + 60,
    )
    linked_now = replace(new_pair("ann", "ben"), state=State.LINKED)
    assert redeems(pair=asked).changes[1] == PutPair(linked_now)


def test_those_that_are_linked_already_use_nothing_up() -> None:
    decision = redeems(pair=linked())
    assert decision == events.Decision(RedeemReply("ann"))


NO_INVITE = redeems(None, maker=None)
BLOCKED_BY_ANN = replace(new_pair("ann", "ben"), blockers=frozenset({"ann"}))


def test_a_code_that_never_was_is_not_valid() -> None:
    assert code(NO_INVITE.reply) == "expired"


@pytest.mark.parametrize(
    "decision",
    [
        redeems(replace(INVITE, expires_at=NOW)),
        redeems(replace(INVITE, expires_at=NOW - 1)),
        redeems(maker=None),
        redeems(pair=BLOCKED_BY_ANN),
        redeems(replace(INVITE, uses=0), pair=BLOCKED_BY_ANN),
        redeems(pair=replace(BLOCKED_BY_ANN, state=State.REQUESTED, requester="ben", silent=True)),
    ],
    ids=["out of time", "long over", "its maker is gone", "blocked", "used up", "not answered"],
)
def test_a_code_that_is_of_no_use_looks_like_one_that_never_was(
    decision: events.Decision,
) -> None:
    assert decision == NO_INVITE


def test_a_code_that_was_used_up_is_refused_like_one_that_never_was() -> None:
    assert redeems(replace(INVITE, uses=0)).reply == NO_INVITE.reply


def test_the_maker_hears_that_a_code_is_tried_that_was_used_up() -> None:
    decision = redeems(replace(INVITE, uses=0))
    assert (decision.changes, decision.effects) == ((), (Tell("ann", InviteCrowded("lusab")),))


def test_who_used_it_up_may_try_again_for_nothing() -> None:
    decision = redeems(replace(INVITE, uses=0), pair=linked())
    assert decision == events.Decision(RedeemReply("ann"))


def test_nobody_can_redeem_an_invitation_of_its_own() -> None:
    assert code(redeems(actor=ANN).reply) == "invalid"


def test_who_blocks_the_maker_has_to_unblock_it_first() -> None:
    blocking = replace(new_pair("ann", "ben"), blockers=frozenset({"ben"}))
    assert code(redeems(pair=blocking).reply) == "blocked"


@pytest.mark.parametrize("full", ["ann", "ben"])
def test_there_is_no_link_where_one_of_them_has_no_room_for_it(full: str) -> None:
    terms = Terms(max_links=3)
    sides = {each.id: replace(each, links=3 if each.id == full else 2) for each in (ANN, BEN)}
    decision = redeems(actor=sides["ben"], maker=sides["ann"], terms=terms)
    assert (code(decision.reply), decision.changes) == ("overloaded", ())


def test_the_last_link_that_both_have_room_for_is_made() -> None:
    terms = Terms(max_links=3)
    decision = redeems(actor=replace(BEN, links=2), maker=replace(ANN, links=2), terms=terms)
    assert decision.reply == RedeemReply("ann")


def test_an_invitation_is_worth_more_than_a_cooldown() -> None:
    cooling = replace(new_pair("ann", "ben"), high_cooldown=NOW + 60)
    assert rules.situation(cooling, "ben") is rules.Situation.NONE
    assert redeems(pair=cooling).reply == RedeemReply("ann")
