"""What every store has to do with messages."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from duologue.core.events import DropIdentity, MessageReply, PutIdentity
from duologue.core.model import Identity, Pair, Progress, State, new_pair
from duologue.stores.base import Conflict, Store

from .facts import ID, Contract, linked, message, retry_id

CONTENTS: list[Any] = [
    *("", "hello", "\x00", "💬\u2028\ufeff", "x" * 100_000),
    *(0, -1, 2**53 + 1, 2**63, 2**64 - 1, -(2**63), 10**30, -(10**30)),
    *(0.0, 1.0, 1.5, -1e300, 5e-324),
    *(True, False, None),
    *([], {}, [[]], {"": {}}, [None, [True, {"a": [1, 1.0, "1"]}]]),
    *(b"", b"\x00\xff", [b"a", {"b": b"c", "d": [b"e", "e"]}], {"n": [10**30, b"\x00"]}),
    {"_placeholder": True, "num": 0},
]


def described(content: Any) -> str:
    """Tells 1 from True and from 1.0, which are equal."""
    return repr(content)


class MessageContract(Contract):
    # What is kept

    def test_a_message_that_was_added_is_kept(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        added = message(linked("ann", "ben"), 1, sender="ben", at=1_700_000_000_123)
        self.say(store, added)
        assert store.messages(linked("ann", "ben"), 0, 10) == [added.message]

    def test_a_message_without_an_id_of_its_sender_is_kept_with_the_one_it_got(
        self, store: Store
    ) -> None:
        self.put(store, linked("ann", "ben"))
        added = message(linked("ann", "ben"), 1, retry_id=None)
        self.say(store, added)
        assert store.messages(linked("ann", "ben"), 0, 10) == [added.message]

    @pytest.mark.parametrize("content", CONTENTS, ids=lambda content: repr(content)[:30])
    def test_a_message_may_say_anything(self, store: Store, content: Any) -> None:
        self.put(store, linked("ann", "ben"))
        self.say(store, message(linked("ann", "ben"), 1, content=content))
        (kept,) = store.messages(linked("ann", "ben"), 0, 10)
        assert described(kept.content) == described(content)

    def test_a_message_between_strangers_is_kept(self, store: Store) -> None:
        added = message(new_pair("ann", "ben"), 1)
        self.say(store, added)
        assert store.messages(new_pair("ann", "ben"), 0, 10) == [added.message]

    def test_messages_of_other_pairs_are_others(self, store: Store) -> None:
        self.fill(store, 2)
        self.fill(store, 1, peer="cleo")
        assert (self.seqs(store), self.seqs(store, "ann", "cleo")) == ([1, 2], [1])

    def test_between_two_that_never_wrote_there_are_no_messages(self, store: Store) -> None:
        pair = new_pair("ann", "ben")
        assert (store.messages(pair, 0, 10), store.messages_before(pair, 9, 10)) == ([], [])
        assert (store.unread(pair, "ann", 10), store.earlier(pair, "ann", ID)) == (0, None)

    def test_a_message_that_is_not_kept_is_not_found(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        with pytest.raises(Conflict):
            self.say(store, message(linked("ann", "ben"), 2))
        assert self.seqs(store) == []

    def test_messages_outlive_their_link(self, store: Store) -> None:
        self.fill(store, 2)
        self.put(store, replace(new_pair("ann", "ben"), seq=2))
        self.put(store, replace(linked("ann", "ben"), seq=2, first=3))
        assert self.seqs(store) == [1, 2]

    # Those that wait

    @pytest.mark.parametrize(("delivered", "queued"), [(False, 4), (True, 3)])
    def test_messages_for_a_client_that_is_away_are_counted(
        self, store: Store, delivered: bool, queued: int
    ) -> None:
        self.put(store, Identity(id="ben", kept=True, queued=3), linked("ann", "ben"))
        self.say(store, message(linked("ann", "ben"), 1, delivered=delivered))
        waiting = [self.identity(store, client).queued for client in ("ann", "ben", "cleo")]
        assert waiting == [0, queued, 0]

    def test_messages_from_everybody_are_counted_together(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"), linked("ben", "cleo"))
        for sender in ("ann", "cleo"):
            self.say(store, message(linked("ben", sender), 1, sender=sender, delivered=False))
        assert self.identity(store, "ben").queued == 2

    def test_a_message_that_is_not_kept_does_not_wait(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        with pytest.raises(Conflict):
            self.say(store, message(linked("ann", "ben"), 2, delivered=False))
        assert self.identity(store, "ben").queued == 0

    def test_messages_are_counted_from_where_they_were_said_to_be(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        self.say(store, message(linked("ann", "ben"), 1, delivered=False))
        self.put(store, Identity(id="ben", queued=0))
        self.say(store, message(linked("ann", "ben"), 2, retry_id=None, delivered=False))
        assert self.identity(store, "ben").queued == 1

    @pytest.mark.parametrize(("after", "waiting"), [(0, 3), (1_000, 2), (3_999, 1), (4_000, 0)])
    def test_those_that_wait_on_a_link_are_counted_after_a_time(
        self, store: Store, after: int, waiting: int
    ) -> None:
        self.put(store, linked("ann", "ben"))
        for seq, sender in enumerate(("ann", "ann", "ben", "ann"), 1):
            said = message(linked("ann", "ben"), seq, sender=sender, retry_id=None, at=seq * 1_000)
            self.say(store, said)
        assert store.waiting(self.pair(store), "ben", after) == waiting

    def test_what_was_said_on_an_earlier_link_does_not_wait(self, store: Store) -> None:
        self.fill(store, 3)
        self.put(store, replace(linked("ann", "ben"), seq=3, first=4))
        assert store.waiting(self.pair(store), "ben", 0) == 0

    # Reading

    def test_messages_are_read_in_order_from_where_they_are_asked_for(self, store: Store) -> None:
        self.fill(store, 5)
        pages = [
            [kept.seq for kept in store.messages(self.pair(store), after, 2)]
            for after in (0, 2, 4, 5)
        ]
        assert pages == [[1, 2], [3, 4], [5], []]

    def test_messages_are_read_backwards_page_by_page_in_order(self, store: Store) -> None:
        self.fill(store, 5)
        pages = [
            [kept.seq for kept in store.messages_before(self.pair(store), before, 2)]
            for before in (6, 4, 2, 1)
        ]
        assert pages == [[4, 5], [2, 3], [1], []]

    def test_a_page_backwards_has_all_of_each_message(self, store: Store) -> None:
        self.fill(store, 3)
        pair = self.pair(store)
        assert store.messages_before(pair, 4, 10) == store.messages(pair, 0, 10)

    def test_a_number_that_was_not_given_yet_is_no_limit(self, store: Store) -> None:
        self.fill(store, 2)
        pair = self.pair(store)
        assert len(store.messages_before(pair, 2**53, 10)) == 2
        assert store.messages(pair, 2**53, 10) == []

    def conversation(self, store: Store, **more: Any) -> Pair:
        """Ann says 1, 2 and 4 to Ben, who says 3."""
        pair = linked("ann", "ben")
        self.put(store, pair)
        for seq, sender in enumerate(("ann", "ann", "ben", "ann"), start=1):
            self.say(store, message(pair, seq, sender=sender, retry_id=retry_id(seq)))
        pair = replace(self.pair(store), **more)
        self.put(store, pair)
        return pair

    def test_what_the_other_wrote_is_unread(self, store: Store) -> None:
        pair = self.conversation(store)
        assert (store.unread(pair, "ben", 10), store.unread(pair, "ann", 10)) == (3, 1)

    @pytest.mark.parametrize(("read", "unread"), [(1, 2), (2, 1), (3, 1), (4, 0)])
    def test_what_was_read_is_not_unread(self, store: Store, read: int, unread: int) -> None:
        pair = self.conversation(store, high_progress=Progress(4, 4, read))
        assert (store.unread(pair, "ben", 10), store.unread(pair, "ann", 10)) == (unread, 1)

    @pytest.mark.parametrize(("first", "unread"), [(1, 3), (2, 2), (3, 1), (5, 0)])
    def test_what_was_said_before_the_link_is_not_unread(
        self, store: Store, first: int, unread: int
    ) -> None:
        pair = self.conversation(store, first=first)
        assert store.unread(pair, "ben", 10) == unread

    def test_no_more_are_counted_as_unread_than_were_asked_for(self, store: Store) -> None:
        pair = self.conversation(store)
        assert store.unread(pair, "ben", 2) == 2

    # Answers that are given again

    @pytest.mark.parametrize("delivered", [True, False])
    def test_the_answer_to_a_message_is_found_as_it_was_given(
        self, store: Store, delivered: bool
    ) -> None:
        self.put(store, linked("ann", "ben"))
        added = message(linked("ann", "ben"), 1, at=1_700_000_000_123, delivered=delivered)
        self.say(store, added)
        status = "delivered" if delivered else "stored"
        reply = store.earlier(linked("ann", "ben"), "ann", ID)
        assert reply == added.reply == MessageReply(ID, 1, 1_700_000_000_123, status)  # type: ignore[arg-type]

    def test_one_id_of_both_clients_is_of_two_messages(self, store: Store) -> None:
        pair = linked("ann", "ben")
        self.put(store, pair)
        said = [message(pair, 1, sender="ann"), message(pair, 2, sender="ben")]
        self.say(store, *said)
        found = [store.earlier(pair, sender, ID) for sender in ("ann", "ben")]
        assert found == [said[0].reply, said[1].reply]

    def test_one_id_to_two_clients_is_of_two_messages(self, store: Store) -> None:
        pairs = linked("ann", "ben"), linked("ann", "cleo")
        self.put(store, *pairs)
        said = [message(pair, 1, at=at) for pair, at in zip(pairs, (1_000, 2_000), strict=True)]
        self.say(store, *said)
        assert [store.earlier(pair, "ann", ID) for pair in pairs] == [
            said[0].reply,
            said[1].reply,
        ]

    def test_an_id_that_the_sender_did_not_give_is_not_found(self, store: Store) -> None:
        pair = linked("ann", "ben")
        self.put(store, pair)
        self.say(store, *(message(pair, seq, retry_id=None) for seq in (1, 2)))
        assert (store.earlier(pair, "ann", "x"), self.seqs(store)) == (None, [1, 2])

    def test_an_answer_is_found_before_its_transaction_ends(self, store: Store) -> None:
        pair = linked("ann", "ben")
        self.put(store, pair)
        added = message(pair, 1)
        with store.transaction():
            store.add_message(added)
            assert store.earlier(pair, "ann", ID) == added.reply

    # What is kept no longer

    def test_a_pair_has_as_many_messages_as_it_may(self, store: Store) -> None:
        self.fill(store, self.HISTORY_MAX)
        assert self.seqs(store) == list(range(1, self.HISTORY_MAX + 1))
        assert self.earlier(store, 1)

    def test_one_message_more_pushes_out_the_oldest_with_its_answer(self, store: Store) -> None:
        self.fill(store, self.HISTORY_MAX + 1)
        assert self.seqs(store) == list(range(2, self.HISTORY_MAX + 2))
        assert (self.earlier(store, 1), self.earlier(store, 2)) == (False, True)

    def test_many_messages_push_out_all_that_are_older(self, store: Store) -> None:
        many = 3 * self.HISTORY_MAX
        self.fill(store, many)
        pair = self.pair(store)
        assert len(store.messages(pair, 0, many)) == self.HISTORY_MAX
        assert len(store.messages_before(pair, many + 1, many)) == self.HISTORY_MAX
        assert store.unread(pair, "ben", many) == self.HISTORY_MAX

    def test_messages_push_out_none_of_other_pairs(self, store: Store) -> None:
        self.fill(store, 1, peer="cleo")
        self.fill(store, self.HISTORY_MAX + 1)
        assert self.seqs(store, "ann", "cleo") == [1]

    def earlier(self, store: Store, number: int) -> bool:
        return store.earlier(linked("ann", "ben"), "ann", retry_id(number)) is not None

    def test_messages_that_are_old_are_pruned_with_their_answers(self, store: Store) -> None:
        self.fill(store, 3)  # at 1, 2 and 3 seconds
        assert self.prune(store, self.HISTORY_TTL + 2.5) == 2
        assert (self.seqs(store), self.earlier(store, 2), self.earlier(store, 3)) == (
            [3],
            False,
            True,
        )

    def test_messages_are_pruned_in_pieces(self, store: Store) -> None:
        self.fill(store, 3)
        self.fill(store, 2, peer="cleo")
        pruned = [self.prune(store, self.HISTORY_TTL + 10.0, 2) for _ in range(4)]
        assert (pruned, self.seqs(store), self.seqs(store, "ann", "cleo")) == ([2, 2, 1, 0], [], [])

    def test_a_piece_is_the_oldest_of_a_pair(self, store: Store) -> None:
        self.fill(store, 4)
        self.prune(store, self.HISTORY_TTL + 10.0, 2)
        assert self.seqs(store) == [3, 4]

    def test_messages_that_are_not_old_are_not_pruned(self, store: Store) -> None:
        self.fill(store, 3)
        assert (self.prune(store, self.HISTORY_TTL + 0.5), self.seqs(store)) == (0, [1, 2, 3])

    def test_numbers_go_on_after_everything_was_pruned(self, store: Store) -> None:
        self.fill(store, 2)
        self.prune(store, 1e9)
        self.say(store, message(linked("ann", "ben"), 3))
        assert (self.seqs(store), self.pair(store).seq) == ([3], 3)

    def test_messages_that_were_pruned_are_not_unread(self, store: Store) -> None:
        self.fill(store, 3)
        self.prune(store, self.HISTORY_TTL + 2.5)
        assert store.unread(self.pair(store), "ben", 10) == 1

    def test_messages_that_were_delivered_are_kept(self, store: Store) -> None:
        self.fill(store, 3)
        with store.transaction():
            store.delivered(linked("ann", "ben"), 3)
        assert (self.seqs(store), self.earlier(store, 1)) == ([1, 2, 3], True)

    @pytest.mark.parametrize("gone", ["ann", "ben"])
    def test_messages_go_with_either_client(self, store: Store, gone: str) -> None:
        self.fill(store, 2)
        self.fill(store, 1, peer="cleo")
        self.apply(store, DropIdentity(gone), PutIdentity(Identity(id=gone)))
        self.put(store, linked("ann", "ben"))
        pair = self.pair(store)
        assert (pair.seq, self.seqs(store), self.earlier(store, 1)) == (0, [], False)
        assert self.seqs(store, "ann", "cleo") == ([] if gone == "ann" else [1])

    # How far each side has got

    def test_how_far_both_sides_have_got_is_kept(self, store: Store) -> None:
        pair = replace(
            linked("ann", "ben"),
            seq=2**53,
            first=2**52,
            low_progress=Progress(3, 2, 1),
            high_progress=Progress(2**53, 2**52, 2**51),
        )
        self.put(store, pair)
        assert store.pair("ann", "ben") == pair

    def test_a_message_changes_nothing_but_the_number_of_its_pair(self, store: Store) -> None:
        pair = replace(
            linked("ann", "ben"),
            seq=7,
            first=5,
            blockers=frozenset({"ben"}),  # never with a link: the store need not know that
            low_cooldown=1.5,
            high_cooldown=2.5,
            low_progress=Progress(7, 6, 5),
        )
        self.put(store, pair)
        self.say(store, message(replace(pair), 8))
        assert store.pair("ann", "ben") == replace(pair, seq=8)

    def test_a_message_that_knows_an_older_pair_takes_none_of_it_back(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        self.put(store, replace(linked("ann", "ben"), high_progress=Progress(1, 1, 1)))
        self.say(store, message(linked("ann", "ben"), 1))
        assert self.pair(store).high_progress == Progress(1, 1, 1)

    @pytest.mark.parametrize("note", ["", "\x00", "a\x00b", "💬" * 200, "'%s\\", None])
    def test_a_request_may_come_with_any_note(self, store: Store, note: str | None) -> None:
        pair = replace(
            new_pair("ann", "ben"), state=State.REQUESTED, requester="ben", note=note, silent=True
        )
        self.put(store, pair)
        assert store.pair("ann", "ben") == pair


class DeliveredContract(Contract):
    """What a store has to do that keeps no message that was delivered: `HISTORY_TTL` is 0."""

    HISTORY_TTL: ClassVar[float] = 0.0

    def delivered(self, store: Store, upto: int) -> None:
        with store.transaction():
            store.delivered(linked("ann", "ben"), upto)

    def answered(self, store: Store) -> list[bool]:
        pair = linked("ann", "ben")
        answers = [store.earlier(pair, "ann", retry_id(seq)) for seq in (1, 2, 3)]
        return [answer is not None for answer in answers]

    def test_messages_that_were_delivered_are_gone_and_their_answers_are_not(
        self, store: Store
    ) -> None:
        self.fill(store, 3)
        self.delivered(store, 2)
        assert (self.seqs(store), self.answered(store)) == ([3], [True, True, True])

    def test_messages_that_were_delivered_are_not_unread(self, store: Store) -> None:
        self.fill(store, 3)
        self.delivered(store, 2)
        assert store.unread(self.pair(store), "ben", 10) == 1

    def test_the_answers_to_what_was_delivered_go_after_a_day(self, store: Store) -> None:
        self.fill(store, 3)
        self.delivered(store, 2)
        self.prune(store, 1e9)
        assert (self.seqs(store), self.answered(store)) == ([3], [False, False, True])

    def test_messages_of_other_pairs_stay(self, store: Store) -> None:
        self.fill(store, 2)
        self.fill(store, 2, peer="cleo")
        self.delivered(store, 2)
        assert (self.seqs(store), self.seqs(store, "ann", "cleo")) == ([], [1, 2])

    def test_what_was_delivered_may_be_delivered_again(self, store: Store) -> None:
        self.fill(store, 3)
        for upto in (2, 2, 1):
            self.delivered(store, upto)
        assert self.seqs(store) == [3]

    def test_numbers_go_on_after_what_was_delivered(self, store: Store) -> None:
        self.fill(store, 2)
        self.delivered(store, 2)
        self.say(store, message(linked("ann", "ben"), 3))
        assert (self.seqs(store), self.pair(store).seq) == ([3], 3)

    def test_messages_that_were_not_delivered_are_kept_however_old(self, store: Store) -> None:
        self.fill(store, 2)
        pruned = self.prune(store, 1e9)
        assert (pruned, self.seqs(store)) == (0, [1, 2])

    def test_messages_that_were_not_delivered_push_out_the_oldest(self, store: Store) -> None:
        self.fill(store, self.HISTORY_MAX + 1)
        assert self.seqs(store) == list(range(2, self.HISTORY_MAX + 2))
