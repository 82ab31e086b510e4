"""Who may reach whom: every row of the consent table, and what goes with it."""

from __future__ import annotations

import msgspec
import pytest

from duologue.core import events, rules
from duologue.core.errors import Refusal
from duologue.core.events import (
    Done,
    LinkCancelled,
    LinkClosed,
    LinkDeclined,
    LinkEstablished,
    LinkExpired,
    LinkRequested,
    MessageReceived,
    MessageReply,
    Notice,
    Presence,
    Receipt,
    RequestReply,
)
from duologue.core.model import Policy, Progress, Terms
from duologue.core.rules import CONSENT, Action, Situation
from tests.support.world import World

TTL = Terms().request_ttl
COOLDOWN = Terms().decline_cooldown
ID = "7b0e4b8e-0c3c-4f11-9b6e-3b8f3b0b3b3b"


@pytest.fixture
def world() -> World:
    return World("ann", "ben", "cleo")


def code(reply: events.Reply) -> str:
    assert isinstance(reply, Refusal), reply
    return reply.code


def kinds(notices: list[Notice]) -> list[type]:
    return [type(notice) for notice in notices]


# Section 4, row by row


def test_a_request_is_told_to_the_other(world: World) -> None:
    world.join("dan", name="Dan")
    world.requests("dan", "ben", "it's me")
    expires = int((world.now + TTL) * 1000)
    assert world.hears("ben") == [LinkRequested("dan", "Dan", "it's me", expires)]


def test_a_request_is_answered_with_when_it_expires(world: World) -> None:
    expires = int((world.now + TTL) * 1000)
    assert world.requests("ann", "ben") == RequestReply("requested", expires)


def test_crossed_requests_are_agreement(world: World) -> None:
    world.requests("ann", "ben")
    assert world.requests("ben", "ann") == RequestReply("linked")


def test_both_hear_of_a_link_by_crossed_requests(world: World) -> None:
    world.requests("ann", "ben")
    world.requests("ben", "ann")
    assert kinds(world.hears("ann")) == [LinkEstablished, Presence]


def test_accepting_links(world: World) -> None:
    world.requests("ann", "ben")
    world.accepts("ben", "ann")
    assert isinstance(world.writes("ann", "ben"), MessageReply)


def test_both_hear_of_an_accepted_request(world: World) -> None:
    world.requests("ann", "ben")
    world.hears("ben")
    world.accepts("ben", "ann")
    assert (world.hears("ann"), world.hears("ben")) == (
        [LinkEstablished("ben", None), Presence("ben", online=True)],
        [LinkEstablished("ann", None), Presence("ann", online=True)],
    )


def test_a_decline_is_told_to_the_one_who_asked(world: World) -> None:
    world.requests("ann", "ben")
    world.declines("ben", "ann")
    assert world.hears("ann") == [LinkDeclined("ben")]


def test_a_declined_request_is_refused_until_the_cooldown_ends(world: World) -> None:
    world.requests("ann", "ben")
    world.declines("ben", "ann")
    world.passes(COOLDOWN - 1)
    reply = world.requests("ann", "ben")
    assert isinstance(reply, Refusal)
    assert (reply.code, reply.retry_after, reply.retryable) == ("rate_limited", 1.0, True)


def test_a_declined_request_may_be_made_again_when_the_cooldown_has_ended(world: World) -> None:
    world.requests("ann", "ben")
    world.declines("ben", "ann")
    world.passes(COOLDOWN)
    assert isinstance(world.requests("ann", "ben"), RequestReply)


def test_the_one_who_declined_may_ask_at_once(world: World) -> None:
    world.requests("ann", "ben")
    world.declines("ben", "ann")
    assert isinstance(world.requests("ben", "ann"), RequestReply)


def test_a_cancelled_request_is_told_to_the_other(world: World) -> None:
    world.requests("ann", "ben")
    world.hears("ben")
    world.cancels("ann", "ben")
    assert world.hears("ben") == [LinkCancelled("ann")]


def test_a_cancelled_request_cannot_be_accepted(world: World) -> None:
    world.requests("ann", "ben")
    world.cancels("ann", "ben")
    assert code(world.accepts("ben", "ann")) == "no_request"


def test_both_hear_of_a_request_that_has_expired(world: World) -> None:
    world.requests("ann", "ben")
    world.hears("ben")
    world.passes(TTL)
    assert (world.hears("ann"), world.hears("ben")) == (
        [LinkExpired("ben")],
        [LinkExpired("ann")],
    )


def test_a_request_does_not_expire_before_its_time(world: World) -> None:
    world.requests("ann", "ben")
    world.passes(TTL - 1)
    assert world.accepts("ben", "ann") == Done()


def test_an_expired_request_cannot_be_accepted(world: World) -> None:
    world.requests("ann", "ben")
    world.passes(TTL)
    assert code(world.accepts("ben", "ann")) == "no_request"


def test_a_repeated_request_is_answered_the_same(world: World) -> None:
    first = world.requests("ann", "ben")
    world.passes(10)
    assert world.requests("ann", "ben") == first


def test_a_repeated_request_is_not_told_again(world: World) -> None:
    world.requests("ann", "ben")
    world.hears("ben")
    world.requests("ann", "ben")
    assert world.hears("ben") == []


def test_a_request_between_linked_clients_says_that_they_are_linked(world: World) -> None:
    world.links("ann", "ben")
    assert world.requests("ann", "ben") == RequestReply("linked")


def test_accepting_again_changes_nothing(world: World) -> None:
    world.links("ann", "ben")
    assert (world.accepts("ben", "ann"), world.hears("ann")) == (Done(), [])


@pytest.mark.parametrize(("one", "other"), [("ann", "ben"), ("ben", "ann")])
def test_either_may_close_and_the_other_hears_of_it(world: World, one: str, other: str) -> None:
    world.links("ann", "ben")
    world.closes(one, other)
    assert world.hears(other) == [LinkClosed(one)]


def test_a_block_closes_the_link(world: World) -> None:
    world.links("ann", "ben")
    world.blocks("ben", "ann")
    assert world.hears("ann") == [LinkClosed("ben")]


def test_a_block_without_a_link_is_not_told(world: World) -> None:
    world.requests("ann", "ben")
    world.blocks("ben", "ann")
    assert world.hears("ann") == []


def test_the_request_of_somebody_blocked_is_answered_like_any_other(world: World) -> None:
    world.blocks("ben", "ann")
    assert world.requests("ann", "ben") == world.requests("ann", "cleo")


def test_the_request_of_somebody_blocked_is_never_delivered(world: World) -> None:
    world.blocks("ben", "ann")
    world.requests("ann", "ben")
    assert world.hears("ben") == []


def test_the_request_of_somebody_blocked_expires_for_its_maker_only(world: World) -> None:
    world.blocks("ben", "ann")
    world.requests("ann", "ben")
    world.passes(TTL)
    assert (world.hears("ann"), world.hears("ben")) == ([LinkExpired("ben")], [])


def test_a_request_that_was_waiting_when_its_maker_was_blocked_expires_as_usual(
    world: World,
) -> None:
    world.requests("ann", "ben")
    world.blocks("ben", "ann")
    world.hears("ben")
    world.passes(TTL)
    assert (world.hears("ann"), world.hears("ben")) == ([LinkExpired("ben")], [])


def test_whoever_blocks_must_unblock_before_asking(world: World) -> None:
    world.blocks("ben", "ann")
    assert code(world.requests("ben", "ann")) == "blocked"


def test_whoever_blocks_must_unblock_before_writing(world: World) -> None:
    world.blocks("ben", "ann")
    assert code(world.writes("ben", "ann")) == "blocked"


def test_after_an_unblock_a_new_request_is_delivered(world: World) -> None:
    world.blocks("ben", "ann")
    world.unblocks("ben", "ann")
    world.requests("ann", "ben")
    assert kinds(world.hears("ben")) == [LinkRequested]


def test_a_request_made_while_blocked_is_not_delivered_by_the_unblock(world: World) -> None:
    world.blocks("ben", "ann")
    world.requests("ann", "ben")
    world.unblocks("ben", "ann")
    world.requests("ann", "ben")
    assert world.hears("ben") == []


def test_a_request_made_while_blocked_meets_a_later_one_of_the_other(world: World) -> None:
    world.blocks("ben", "ann")
    world.requests("ann", "ben")
    world.unblocks("ben", "ann")
    assert world.requests("ben", "ann") == RequestReply("linked")


# The table as a whole


def test_the_table_says_what_follows_in_every_situation() -> None:
    assert set(CONSENT) == {(situation, action) for situation in Situation for action in Action}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    ("known", "hidden"),
    [
        (Situation.NONE, Situation.SHUNNED),
        (Situation.NONE, Situation.UNSEEN),
        (Situation.REQUESTED, Situation.IGNORED),
    ],
)
def test_what_a_client_must_not_know_is_not_in_what_it_is_refused(
    known: Situation, hidden: Situation, action: Action
) -> None:
    assert CONSENT[known, action].refused == CONSENT[hidden, action].refused


def _view_of_the_asker(*, blocked: bool) -> list[object]:
    """All that Ann gets to know while Ben, unknown to her, blocks her or does nothing."""
    world = World("ann", "ben", terms=Terms(max_requests_sent=2))
    if blocked:
        world.blocks("ben", "ann")
    seen: list[object] = [
        world.requests("ann", "ben", "hello"),
        world.requests("ann", "ben"),
        world.writes("ann", "ben"),
        world.does("ann", events.SendTyping("ben")),
        world.does("ann", events.SendSignal("ben", 1)),
        world.cancels("ann", "ben"),
        world.cancels("ann", "ben"),
        world.requests("ann", "ben"),
        world.closes("ann", "ben"),
        world.accepts("ann", "ben"),
        world.declines("ann", "ben"),
        rules.snapshot(
            world.identity("ann"),
            world.store.pairs("ann"),
            {"ben": world.identity("ben")},
            lambda _: True,
            lambda _: 0,
            {},
        ),
    ]
    world.passes(TTL)
    seen.append(world.requests("ann", "ben"))
    world.leaves("ben")
    seen.append(world.requests("ann", "ben"))
    return [*seen, *world.hears("ann")]


def test_a_blocked_client_cannot_tell_from_one_that_is_not_answered() -> None:
    assert _view_of_the_asker(blocked=True) == _view_of_the_asker(blocked=False)


# Requests that are refused


def test_a_request_to_nobody_is_not_found(world: World) -> None:
    assert code(world.requests("ann", "nobody")) == "not_found"


def test_a_client_cannot_be_linked_to_itself(world: World) -> None:
    assert code(world.requests("ann", "ann")) == "invalid"


def test_one_cannot_accept_ones_own_request(world: World) -> None:
    world.requests("ann", "ben")
    assert code(world.accepts("ann", "ben")) == "no_request"


def test_a_third_cannot_accept_the_request_of_another(world: World) -> None:
    world.requests("ann", "ben")
    assert code(world.accepts("cleo", "ann")) == "no_request"


def _limited(**limits: int) -> World:
    return World("ann", "ben", "cleo", "dan", terms=Terms(**limits))  # type: ignore[arg-type]


def test_as_many_requests_as_may_wait_are_taken() -> None:
    world = _limited(max_requests_sent=2)
    world.requests("ann", "ben")
    assert isinstance(world.requests("ann", "cleo"), RequestReply)


def test_one_request_more_than_may_wait_is_refused() -> None:
    world = _limited(max_requests_sent=2)
    world.requests("ann", "ben")
    world.requests("ann", "cleo")
    assert code(world.requests("ann", "dan")) == "overloaded"


def test_an_answered_request_makes_room_for_another() -> None:
    world = _limited(max_requests_sent=1)
    world.requests("ann", "ben")
    world.declines("ben", "ann")
    assert isinstance(world.requests("ann", "cleo"), RequestReply)


def test_as_many_requests_as_one_may_have_to_answer_are_taken() -> None:
    world = _limited(max_requests_received=2)
    world.requests("ann", "dan")
    assert isinstance(world.requests("ben", "dan"), RequestReply)


def test_one_request_more_than_one_may_have_to_answer_is_refused() -> None:
    world = _limited(max_requests_received=2)
    world.requests("ann", "dan")
    world.requests("ben", "dan")
    assert code(world.requests("cleo", "dan")) == "overloaded"


def test_as_many_links_as_are_allowed_are_made() -> None:
    world = _limited(max_links=2)
    world.links("ann", "ben")
    world.requests("ann", "cleo")
    assert world.accepts("cleo", "ann") == Done()


def test_one_link_more_than_is_allowed_cannot_be_accepted() -> None:
    world = _limited(max_links=2)
    world.links("ann", "ben")
    world.requests("dan", "ann")
    world.links("ann", "cleo")
    assert code(world.accepts("ann", "dan")) == "overloaded"


def test_one_with_all_its_links_cannot_ask() -> None:
    world = _limited(max_links=1)
    world.links("ann", "ben")
    assert code(world.requests("ann", "cleo")) == "overloaded"


def test_as_many_blocks_as_are_allowed_are_made() -> None:
    world = _limited(max_blocks=2)
    world.blocks("ann", "ben")
    assert world.blocks("ann", "cleo") == Done()


def test_one_block_more_than_is_allowed_is_refused() -> None:
    world = _limited(max_blocks=2)
    world.blocks("ann", "ben")
    world.blocks("ann", "cleo")
    assert code(world.blocks("ann", "dan")) == "overloaded"


# Messages


@pytest.mark.parametrize("asked", [False, True])
def test_a_message_before_acceptance_is_refused(world: World, asked: bool) -> None:
    if asked:
        world.requests("ann", "ben")
        world.hears("ben")
    assert (code(world.writes("ann", "ben")), world.hears("ben")) == ("not_linked", [])


def test_a_message_after_a_close_is_refused(world: World) -> None:
    world.links("ann", "ben")
    world.closes("ben", "ann")
    assert code(world.writes("ann", "ben")) == "not_linked"


def test_a_message_after_a_block_is_refused_as_if_the_link_had_been_closed(world: World) -> None:
    world.links("ann", "ben")
    world.blocks("ben", "ann")
    assert code(world.writes("ann", "ben")) == "not_linked"


def test_a_message_to_nobody_is_not_found_in_the_tutorials_words(world: World) -> None:
    reply = world.writes("ann", "nobody")
    assert isinstance(reply, Refusal)
    assert (reply.code, reply.error) == ("not_found", "Target client ID not found")


def test_a_message_says_who_it_is_from(world: World) -> None:
    world.links("ann", "ben")
    world.writes("ann", "ben", "hi", ID)
    at = int(world.now * 1000)
    assert world.hears("ben") == [MessageReceived("ann", "hi", ID, 1, at)]


def test_a_message_that_claims_another_sender_is_refused(world: World) -> None:
    world.links("ann", "ben")
    forged = events.SendMessage("ben", "hi", None, "cleo")
    assert (code(world.does("ann", forged)), world.hears("ben")) == ("from_mismatch", [])


def test_a_message_that_claims_its_own_sender_is_taken(world: World) -> None:
    world.links("ann", "ben")
    honest = events.SendMessage("ben", "hi", None, "ann")
    assert isinstance(world.does("ann", honest), MessageReply)


def test_both_directions_of_a_link_count_together(world: World) -> None:
    world.links("ann", "ben")
    replies = [world.writes("ann", "ben"), world.writes("ben", "ann"), world.writes("ann", "ben")]
    assert [reply.seq for reply in replies if isinstance(reply, MessageReply)] == [1, 2, 3]


def test_a_link_made_again_goes_on_counting(world: World) -> None:
    world.links("ann", "ben")
    world.writes("ann", "ben")
    world.closes("ann", "ben")
    world.links("ann", "ben")
    reply = world.writes("ben", "ann")
    assert isinstance(reply, MessageReply)
    assert reply.seq == 2


def test_a_message_sent_again_gets_the_first_answer(world: World) -> None:
    world.links("ann", "ben")
    first = world.writes("ann", "ben", "hi", ID)
    world.passes(5)
    world.writes("ann", "ben", "more")
    assert world.writes("ann", "ben", "hi", ID) == first


def test_a_message_sent_again_is_not_delivered_again(world: World) -> None:
    world.links("ann", "ben")
    world.writes("ann", "ben", "hi", ID)
    world.hears("ben")
    world.writes("ann", "ben", "hi", ID)
    assert world.hears("ben") == []


def test_both_sides_may_use_the_same_message_id(world: World) -> None:
    world.links("ann", "ben")
    world.writes("ann", "ben", "hi", ID)
    reply = world.writes("ben", "ann", "hello", ID)
    assert isinstance(reply, MessageReply)
    assert reply.seq == 2


def test_a_message_to_a_live_session_is_delivered(world: World) -> None:
    world.links("ann", "ben")
    reply = world.writes("ann", "ben")
    assert isinstance(reply, MessageReply)
    assert reply.status == "delivered"


def test_a_message_to_nobody_live_is_stored(world: World) -> None:
    world.links("ann", "ben")
    world.offline.add("ben")
    reply = world.writes("ann", "ben")
    assert isinstance(reply, MessageReply)
    assert reply.status == "stored"


# Typing, signals, presence


@pytest.mark.parametrize(
    "command", [events.SendTyping("ben"), events.SendSignal("ben", {"a": 1})], ids=type
)
def test_nothing_passes_between_clients_that_are_not_linked(
    world: World, command: events.SendTyping | events.SendSignal
) -> None:
    world.requests("ann", "ben")
    world.hears("ben")
    assert (code(world.does("ann", command)), world.hears("ben")) == ("not_linked", [])


def test_a_linked_peer_sees_typing(world: World) -> None:
    world.links("ann", "ben")
    world.does("ann", events.SendTyping("ben", typing=False))
    assert world.hears("ben") == [events.Typing("ann", typing=False)]


def test_a_linked_peer_gets_signals(world: World) -> None:
    world.links("ann", "ben")
    world.does("ann", events.SendSignal("ben", {"sdp": ""}))
    assert world.hears("ben") == [events.SignalReceived("ann", {"sdp": ""})]


def test_a_signal_to_a_linked_peer_that_is_offline_is_unavailable(world: World) -> None:
    world.links("ann", "ben")
    world.offline.add("ben")
    assert code(world.does("ann", events.SendSignal("ben", 1))) == "unavailable"


def test_a_signal_to_a_stranger_does_not_say_whether_it_is_online(world: World) -> None:
    online = world.does("ann", events.SendSignal("ben", 1))
    world.offline.add("ben")
    assert world.does("ann", events.SendSignal("ben", 1)) == online


# The policy open


@pytest.fixture
def open_world() -> World:
    return World("ann", "ben", terms=Terms(policy=Policy.OPEN))


def test_in_the_open_a_message_arrives_as_the_tutorial_has_it(open_world: World) -> None:
    open_world.writes("ann", "ben", "hi")
    (notice,) = open_world.hears("ben")
    assert msgspec.to_builtins(notice) == {"from": "ann", "content": "hi"}


def test_in_the_open_a_message_sent_again_is_not_delivered_again(open_world: World) -> None:
    open_world.writes("ann", "ben", "hi", ID)
    open_world.writes("ann", "ben", "hi", ID)
    assert len(open_world.hears("ben")) == 1


def test_in_the_open_one_may_write_to_oneself(open_world: World) -> None:
    open_world.writes("ann", "ann", "note")
    assert len(open_world.hears("ann")) == 1


def test_in_the_open_a_blocked_sender_is_told_that_there_is_nobody(open_world: World) -> None:
    open_world.blocks("ben", "ann")
    assert (code(open_world.writes("ann", "ben")), open_world.hears("ben")) == ("not_found", [])


def test_in_the_open_nothing_waits_for_one_that_is_away(open_world: World) -> None:
    open_world.offline.add("ben")
    reply = open_world.writes("ann", "ben")
    open_world.blocks("ben", "ann")
    assert (code(reply), reply) == ("not_found", open_world.writes("ann", "ben"))


def test_in_the_open_what_is_said_on_a_link_waits_for_one_that_is_away(open_world: World) -> None:
    open_world.links("ann", "ben")
    open_world.offline.add("ben")
    reply = open_world.writes("ann", "ben")
    assert isinstance(reply, MessageReply)
    assert reply.status == "stored"


def test_in_the_open_an_unblocked_sender_is_heard_again(open_world: World) -> None:
    open_world.blocks("ben", "ann")
    open_world.requests("ann", "ben")
    open_world.unblocks("ben", "ann")
    assert isinstance(open_world.writes("ann", "ben"), MessageReply)


def test_in_the_open_typing_still_needs_a_link(open_world: World) -> None:
    assert code(open_world.does("ann", events.SendTyping("ben"))) == "not_linked"


# The end of an identity


def test_a_linked_peer_hears_that_a_client_is_gone(world: World) -> None:
    world.links("ann", "ben")
    world.leaves("ann")
    assert world.hears("ben") == [
        Presence("ann", online=False, last_seen=int(world.now * 1000)),
        LinkClosed("ann"),
    ]


def test_one_who_was_asked_hears_that_the_request_is_gone(world: World) -> None:
    world.requests("ann", "ben")
    world.hears("ben")
    world.leaves("ann")
    assert world.hears("ben") == [LinkCancelled("ann")]


def test_one_who_asked_hears_that_there_is_nobody_to_answer(world: World) -> None:
    world.requests("ann", "ben")
    world.leaves("ben")
    assert world.hears("ann") == [LinkExpired("ben")]


def test_a_stranger_hears_nothing_of_an_end(world: World) -> None:
    world.requests("ann", "ben")
    world.leaves("ann")
    assert world.hears("cleo") == []


def test_a_client_that_is_gone_is_not_found(world: World) -> None:
    world.links("ann", "ben")
    world.leaves("ann")
    assert code(world.writes("ben", "ann")) == "not_found"


# Receipts


def told_of(world: World, *clients: str) -> list[list[Notice]]:
    return [world.hears(client) for client in clients]


def _after_three_messages(world: World) -> None:
    world.links("ann", "ben")
    for _ in range(3):
        world.writes("ann", "ben")
    told_of(world, "ann", "ben")


def test_a_receipt_reaches_both(world: World) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", delivered=2)
    assert told_of(world, "ann", "ben") == [
        [Receipt("ben", 2, 0)],
        [Receipt("ben", 2, 0, "ann")],
    ]


def test_what_was_read_was_delivered(world: World) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", read=2)
    assert world.hears("ann") == [Receipt("ben", 2, 2)]


def test_a_receipt_goes_no_further_than_what_was_said(world: World) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", delivered=2**53, read=4)
    assert world.hears("ann") == [Receipt("ben", 3, 3)]


def test_a_receipt_is_kept_on_the_side_of_its_maker(world: World) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", delivered=3, read=1)
    pair = world.pair("ann", "ben")
    assert (pair.progress("ben"), pair.progress("ann")) == (Progress(3, 3, 1), Progress())


@pytest.mark.parametrize(
    ("delivered", "read"), [(None, None), (0, 0), (2, None), (1, 1), (None, 1), (2, 1)]
)
def test_a_receipt_never_goes_back(world: World, delivered: int | None, read: int | None) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", delivered=2, read=1)
    told_of(world, "ann", "ben")
    assert world.receipt("ben", "ann", delivered=delivered, read=read) == Done()
    assert told_of(world, "ann", "ben") == [[], []]


def test_one_part_of_a_receipt_may_go_on_without_the_other(world: World) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", delivered=3, read=1)
    world.hears("ann")
    world.receipt("ben", "ann", delivered=1, read=2)
    assert world.hears("ann") == [Receipt("ben", 3, 2)]


def test_each_side_has_receipts_of_its_own(world: World) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", read=3)
    world.receipt("ann", "ben", read=1)
    pair = world.pair("ann", "ben")
    assert (pair.progress("ann").read, pair.progress("ben").read) == (1, 3)


def test_a_receipt_for_nothing_that_was_said_says_nothing(world: World) -> None:
    world.links("ann", "ben")
    assert world.receipt("ben", "ann", delivered=1, read=1) == Done()
    assert told_of(world, "ann", "ben") == [[], []]


def test_a_receipt_leaves_a_message_that_follows_its_number(world: World) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", read=3)
    reply = world.writes("ann", "ben")
    assert isinstance(reply, MessageReply)
    assert reply.seq == 4


def test_a_receipt_without_a_link_is_refused(world: World) -> None:
    assert code(world.receipt("ann", "ben", read=1)) == "not_linked"


def test_a_receipt_after_the_link_was_closed_is_refused(world: World) -> None:
    _after_three_messages(world)
    world.closes("ann", "ben")
    told_of(world, "ann", "ben")
    assert code(world.receipt("ben", "ann", read=1)) == "not_linked"
    assert told_of(world, "ann", "ben") == [[], []]


def test_a_receipt_before_acceptance_is_refused(world: World) -> None:
    world.requests("ann", "ben")
    assert code(world.receipt("ben", "ann", read=1)) == "not_linked"


def test_a_receipt_to_one_that_one_blocks_is_refused_as_blocked(world: World) -> None:
    _after_three_messages(world)
    world.blocks("ben", "ann")
    assert code(world.receipt("ben", "ann", read=1)) == "blocked"


def test_a_receipt_to_one_who_blocks_is_refused_as_if_the_link_was_closed(world: World) -> None:
    _after_three_messages(world)
    world.blocks("ann", "ben")
    assert code(world.receipt("ben", "ann", read=1)) == "not_linked"


def test_a_receipt_to_nobody_is_not_found(world: World) -> None:
    assert code(world.receipt("ann", "nobody", read=1)) == "not_found"


# Messages for those that are away


def _away(queued: int, queue_max: int = 3) -> World:
    world = World("ann", "ben", terms=Terms(queue_max=queue_max))
    world.links("ann", "ben")
    world.offline.add("ben")
    for _ in range(queued):
        world.writes("ann", "ben")
    return world


def test_a_message_for_one_that_is_away_is_stored() -> None:
    reply = _away(2).writes("ann", "ben")
    assert isinstance(reply, MessageReply)
    assert (reply.seq, reply.status) == (3, "stored")


def test_a_message_too_many_for_one_that_is_away_is_refused() -> None:
    world = _away(3)
    assert code(world.writes("ann", "ben")) == "overloaded"


def test_a_message_that_was_taken_is_answered_again_however_many_wait() -> None:
    world = _away(2)
    first = world.writes("ann", "ben", id=ID)
    assert world.writes("ann", "ben", id=ID) == first


def test_what_waits_does_not_keep_anyone_from_one_that_is_online() -> None:
    world = _away(3)
    world.offline.clear()
    reply = world.writes("ann", "ben")
    assert isinstance(reply, MessageReply)
    assert reply.status == "delivered"


# What a session is shown


def test_a_snapshot_has_links_and_both_kinds_of_requests(world: World) -> None:
    world.join("dan", name="Dan")
    world.links("ann", "ben")
    world.requests("ann", "cleo", "please")
    world.requests("dan", "ann", "hello")
    expires = int((world.now + TTL) * 1000)
    peers = {name: world.identity(name) for name in ("ben", "cleo", "dan")}
    assert rules.snapshot(
        world.identity("ann"),
        world.store.pairs("ann"),
        peers,
        {"ben"}.__contains__,
        lambda _: 0,
        {},
    ) == events.Links(
        [events.LinkEntry("ben", None, True, None, 0)],
        [LinkRequested("dan", "Dan", "hello", expires)],
        [events.SentRequestEntry("cleo", "please", expires)],
    )


def test_a_snapshot_says_how_far_each_has_got(world: World) -> None:
    _after_three_messages(world)
    world.receipt("ben", "ann", delivered=3, read=2)
    links = rules.snapshot(
        world.identity("ann"),
        world.store.pairs("ann"),
        {"ben": world.identity("ben")},
        lambda _: False,
        lambda pair: pair.seq + 4,
        {"ben": 2},
    )
    assert links == events.Links(
        [events.LinkEntry("ben", None, False, None, 3, 7, 3, 2, 2)], [], []
    )


def test_a_snapshot_says_where_a_link_that_was_made_anew_begins(world: World) -> None:
    _after_three_messages(world)
    world.does("ann", events.CloseLink("ben"))
    world.links("ann", "ben")
    links = rules.snapshot(
        world.identity("ann"),
        world.store.pairs("ann"),
        {"ben": world.identity("ben")},
        lambda _: False,
        lambda _: 0,
        {},
    )
    assert links is not None
    assert (links.links[0].seq, links.links[0].first) == (3, 4)


def test_there_is_no_snapshot_of_nothing(world: World) -> None:
    assert rules.snapshot(world.identity("ann"), [], {}, bool, lambda _: 0, {}) is None
