"""What every store has to do. A store's own test module makes a fixture ``store`` and inherits.

`StoreContract` is for all of them; `contract_messages.DeliveredContract` is for one that is made to
keep nothing that was delivered, `contract_durable.DurableContract` for those that outlast their
process, beside the first, which it includes.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from duologue.core.events import AddMessage, Change, DropIdentity, PutPair
from duologue.core.model import Pair, State, new_pair
from duologue.stores.base import Conflict, Store

from .contract_identities import IdentityContract
from .contract_messages import MessageContract
from .facts import ID, linked, message, requested


class StoreContract(IdentityContract, MessageContract):
    def test_a_pair_is_found_whichever_way_it_is_named(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        assert store.pair("ben", "ann") == store.pair("ann", "ben") == linked("ann", "ben")

    def test_a_pair_that_is_blank_is_forgotten(self, store: Store) -> None:
        self.put(store, requested("ann", "ben"))
        self.put(store, new_pair("ann", "ben"))
        assert (store.pair("ann", "ben"), list(store.pairs("ann"))) == (None, [])

    @pytest.mark.parametrize(
        "kept",
        [
            replace(new_pair("ann", "ben"), blockers=frozenset({"ann"})),
            replace(new_pair("ann", "ben"), low_cooldown=5.0),
            replace(new_pair("ann", "ben"), high_cooldown=5.0),
            replace(new_pair("ann", "ben"), seq=1),
        ],
    )
    def test_a_pair_that_matters_is_kept(self, store: Store, kept: Pair) -> None:
        self.put(store, kept)
        assert store.pair("ann", "ben") == kept

    def test_all_pairs_of_a_client_are_found(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"), requested("cleo", "ann"), linked("ben", "cleo"))
        assert sorted(pair.other("ann") for pair in store.pairs("ann")) == ["ben", "cleo"]

    def test_requests_are_counted_on_both_sides(self, store: Store) -> None:
        self.put(store, requested("ann", "ben"))
        assert (self.counts(store, "ann"), self.counts(store, "ben")) == (
            (1, 0, 0, 0),
            (0, 1, 0, 0),
        )

    @pytest.mark.parametrize("ended", ["declined", "cancelled", "expired"])
    def test_a_request_that_has_ended_is_not_counted(self, store: Store, ended: str) -> None:
        self.put(store, requested("ann", "ben"))
        cooldown = 5.0 if ended == "declined" else 0.0
        self.put(store, replace(new_pair("ann", "ben"), low_cooldown=cooldown))
        assert self.counts(store, "ann") == self.counts(store, "ben") == (0, 0, 0, 0)

    def test_a_request_put_again_is_counted_once(self, store: Store) -> None:
        for expires_at in (100.0, 100.0, 200.0):
            self.put(store, requested("ann", "ben", expires_at))
        assert (self.counts(store, "ann"), self.counts(store, "ben")) == (
            (1, 0, 0, 0),
            (0, 1, 0, 0),
        )

    def test_a_request_that_falls_silent_is_no_longer_one_that_the_other_has_got(
        self, store: Store
    ) -> None:
        self.put(store, requested("ann", "ben"))
        self.put(store, requested("ann", "ben", silent=True))
        assert (self.counts(store, "ann"), self.counts(store, "ben")) == (
            (1, 0, 0, 0),
            (0, 0, 0, 0),
        )

    def test_a_block_of_both_is_counted_for_both(self, store: Store) -> None:
        self.put(store, replace(new_pair("ann", "ben"), blockers=frozenset({"ann", "ben"})))
        assert self.counts(store, "ann") == self.counts(store, "ben") == (0, 0, 0, 1)

    def test_the_other_is_counted_no_more_when_a_client_is_gone(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"), requested("ben", "cleo"))
        with store.transaction():
            store.apply(DropIdentity("ben"))
        assert self.counts(store, "ann") == self.counts(store, "cleo") == (0, 0, 0, 0)

    def test_a_silent_request_is_counted_for_its_maker_only(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", silent=True))
        assert (self.counts(store, "ann"), self.counts(store, "ben")) == (
            (1, 0, 0, 0),
            (0, 0, 0, 0),
        )

    def test_a_link_in_place_of_a_request_is_counted_as_one(self, store: Store) -> None:
        self.put(store, requested("ann", "ben"))
        self.put(store, linked("ann", "ben"))
        assert self.counts(store, "ann") == self.counts(store, "ben") == (0, 0, 1, 0)

    def test_blocks_are_counted_for_the_one_who_blocks(self, store: Store) -> None:
        self.put(store, replace(new_pair("ann", "ben"), blockers=frozenset({"ben"})))
        assert (self.counts(store, "ann"), self.counts(store, "ben")) == (
            (0, 0, 0, 0),
            (0, 0, 0, 1),
        )

    def test_a_message_moves_the_number_of_its_pair(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        with store.transaction():
            store.add_message(message(linked("ann", "ben"), 1))
        pair = store.pair("ann", "ben")
        assert pair is not None
        assert pair.seq == 1

    def test_a_message_for_a_link_that_was_closed_is_not_kept(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        self.put(store, replace(new_pair("ann", "ben"), low_cooldown=1.0))
        with pytest.raises(Conflict), store.transaction():
            store.add_message(message(linked("ann", "ben"), 1))

    def test_a_message_for_a_link_that_was_forgotten_does_not_bring_it_back(
        self, store: Store
    ) -> None:
        self.put(store, linked("ann", "ben"))
        self.put(store, new_pair("ann", "ben"))
        with pytest.raises(Conflict), store.transaction():
            store.add_message(message(linked("ann", "ben"), 1))
        assert (store.pair("ann", "ben"), list(store.pairs("ann"))) == (None, [])

    def test_a_message_for_a_client_that_is_gone_does_not_bring_its_link_back(
        self, store: Store
    ) -> None:
        self.put(store, linked("ann", "ben"))
        with store.transaction():
            store.apply(DropIdentity("ben"))
        with pytest.raises(Conflict), store.transaction():
            store.add_message(message(linked("ann", "ben"), 1))
        assert store.pair("ann", "ben") is None

    def test_a_message_that_is_not_kept_changes_nothing(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        with pytest.raises(Conflict), store.transaction():
            store.add_message(message(linked("ann", "ben"), 2))
        assert (store.pair("ann", "ben"), store.earlier(linked("ann", "ben"), "ann", ID)) == (
            linked("ann", "ben"),
            None,
        )

    @pytest.mark.parametrize("seq", [0, 1, 3])
    def test_a_message_with_any_other_number_is_not_kept(self, store: Store, seq: int) -> None:
        self.put(store, replace(linked("ann", "ben"), seq=1))
        with pytest.raises(Conflict), store.transaction():
            store.add_message(message(linked("ann", "ben"), seq))

    def test_a_message_between_strangers_makes_their_pair(self, store: Store) -> None:
        with store.transaction():
            store.add_message(message(new_pair("ann", "ben"), 1))
        pair = store.pair("ann", "ben")
        assert pair is not None
        assert (pair.state, pair.seq) == (State.NONE, 1)

    def test_the_answer_to_a_message_is_found_again(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        added = message(linked("ann", "ben"), 1)
        with store.transaction():
            store.add_message(added)
        assert store.earlier(linked("ann", "ben"), "ann", ID) == added.reply

    def test_messages_are_counted_in_one_row_for_both_sides(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        with store.transaction():
            store.add_message(message(linked("ann", "ben"), 1, sender="ann"))
            store.add_message(message(replace(linked("ann", "ben"), seq=1), 2, sender="ben"))
        pair = store.pair("ann", "ben")
        assert pair is not None
        assert pair.seq == 2

    def test_an_answer_outlives_its_link(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        added = message(linked("ann", "ben"), 1)
        with store.transaction():
            store.add_message(added)
        self.put(store, replace(new_pair("ann", "ben"), seq=1))
        assert store.earlier(new_pair("ann", "ben"), "ann", ID) == added.reply

    def test_the_answer_is_its_senders_alone(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        with store.transaction():
            store.add_message(message(linked("ann", "ben"), 1))
        assert store.earlier(linked("ann", "ben"), "ben", ID) is None

    def test_requests_are_due_when_they_expire(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", 100), requested("ann", "cleo", 200))
        due = [pair.other("ann") for pair in store.due(100, 10)]
        assert (due, store.next_due()) == (["ben"], 100)

    def test_a_request_is_due_until_something_is_done_about_it(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", 100), requested("ann", "cleo", 200))
        assert store.due(100, 10) == store.due(100, 10) != []
        self.put(store, new_pair("ann", "ben"))
        assert (store.due(100, 10), store.next_due()) == ([], 200)

    def test_the_first_to_expire_is_the_first_that_is_due(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", 300), requested("ann", "cleo", 100))
        self.put(store, requested("ben", "cleo", 200))
        found = [(pair.low, pair.high) for pair in store.due(300, 2)]
        assert found == [("ann", "cleo"), ("ben", "cleo")]

    def test_more_that_are_due_than_were_asked_for_follow_later(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", 100), requested("ann", "cleo", 100))
        found = []
        for _ in range(2):
            (pair,) = store.due(100, 1)
            found.append(pair.other("ann"))
            self.put(store, new_pair(pair.low, pair.high))
        assert sorted(found) == ["ben", "cleo"]

    def test_nothing_is_due_before_its_time(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", 100))
        assert (store.due(99.9, 10), store.next_due()) == ([], 100)

    def test_no_more_are_due_than_were_asked_for(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", 100), requested("ann", "cleo", 100))
        assert len(store.due(100, 1)) == 1

    def test_a_request_that_was_answered_is_not_due(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", 100))
        self.put(store, linked("ann", "ben"))
        assert (store.due(1_000, 10), store.next_due()) == ([], None)

    def test_a_request_made_again_is_due_at_its_new_time_once(self, store: Store) -> None:
        self.put(store, requested("ann", "ben", 100))
        self.put(store, new_pair("ann", "ben"))
        self.put(store, requested("ann", "ben", 150))
        assert (store.due(149, 10), len(store.due(150, 10))) == ([], 1)

    def test_what_was_done_before_a_failure_is_taken_back_unless_it_was_kept_at_once(
        self, store: Store
    ) -> None:
        self.put(store, linked("ann", "ben"))
        with pytest.raises(Conflict):
            self._keep(store, PutPair(requested("ann", "cleo")), message(linked("ann", "ben"), 2))
        assert (store.pair("ann", "cleo") is not None) is store.immediate

    def _keep(self, store: Store, change: Change, added: AddMessage) -> None:
        with store.transaction():
            store.apply(change)
            store.add_message(added)

    def test_a_transaction_sees_what_it_has_done(self, store: Store) -> None:
        with store.transaction():
            store.apply(PutPair(requested("ann", "ben")))
            assert store.pair("ann", "ben") == requested("ann", "ben")
            assert self.counts(store, "ann") == (1, 0, 0, 0)

    def test_what_a_client_leaves_behind_goes_with_it(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"), requested("ann", "cleo"))
        with store.transaction():
            store.add_message(message(linked("ann", "ben"), 1))
            store.apply(DropIdentity("ann"))
        assert store.identity("ann") is None
        assert (list(store.pairs("ben")), list(store.pairs("cleo"))) == ([], [])
        assert self.counts(store, "ben") == self.counts(store, "cleo") == (0, 0, 0, 0)
        assert (store.earlier(linked("ann", "ben"), "ann", ID), store.next_due()) == (None, None)
