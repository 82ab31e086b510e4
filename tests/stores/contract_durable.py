"""What a store has to do that outlasts its process, beside what every store has to."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from msgspec.structs import replace

from duologue.core.events import (
    Change,
    DropIdentity,
    DropInvite,
    PutIdentity,
    PutInvite,
    PutPair,
    PutToken,
)
from duologue.core.model import Identity, Progress
from duologue.stores.base import Conflict, Store, StoreError

from .contract import StoreContract
from .facts import ID, digest, invite, linked, message, requested, retry_id, token


class DurableContract(StoreContract):
    def again(self, store: Store) -> Store:
        """What another process would find that opens the same store; a test closes it."""
        raise NotImplementedError

    def spoil(self, store: Store, seq: int) -> None:
        """Make the content of a message between ann and ben, as it is stored, such that nobody can
        read it."""
        raise NotImplementedError

    def baseline(self, store: Store) -> None:
        """Something of every kind."""
        self.put(store, Identity(id="ann", name="Ann", kept=True, expires_at=1.5, last_seen=7))
        self.put(store, linked("ann", "ben"), requested("cleo", "ann", 300.0))
        self.put(store, token(1), invite(1, "ben", 3))
        self.say(
            store,
            message(linked("ann", "ben"), 1, content={"a": [b"\x00"]}, delivered=False),
            message(linked("ann", "ben"), 2, retry_id=None),
        )
        pair = replace(self.pair(store), high_progress=Progress(2, 1, 1))
        self.put(store, pair)

    def everything(self, store: Store) -> Any:
        """All that the baseline put and the change below changes, such that no later change can
        reach into it."""
        pair = linked("ann", "ben")
        with store.transaction():
            found = (
                [store.identity(client) for client in ("ann", "ben", "cleo", "dan")],
                [store.pair("ann", client) for client in ("ben", "cleo", "dan")],
                [sorted(pair.high for pair in store.pairs(client)) for client in ("ann", "ben")],
                store.messages(pair, 0, 10),
                store.messages_before(pair, 10, 10),
                [store.earlier(pair, "ann", id) for id in (ID, retry_id(3))],
                [store.unread(pair, client, 10) for client in ("ann", "ben")],
                [store.token(digest(number)) for number in (1, 2)],
                [store.invite(digest(number)) for number in (1, 2)],
                [store.invites(client) for client in ("ann", "ben")],
                (store.next_due(), [due.low for due in store.due(1e9, 10)]),
                [sorted(c.id for c in kind(10)) for kind in (store.ephemeral, store.present)],
                [ended.id for ended in store.ended(1e9, 10)],
            )
        return copy.deepcopy(found)

    def change_everything(self, store: Store) -> None:
        first: list[Change] = [
            PutIdentity(Identity(id="ann", name="Anna", kept=True, last_seen=8, queued=4)),
            PutIdentity(Identity(id="dan", kept=True)),
            PutToken(token(1, expires_at=2_000.0)),
            PutToken(token(2)),
            PutInvite(invite(2, "ann")),
            DropInvite(digest(1)),
        ]
        for change in first:
            store.apply(change)
        added = message(linked("ann", "ben"), 3, retry_id=retry_id(3), delivered=False)
        store.add_message(added)
        pair = store.pair("ann", "ben")
        assert pair is not None
        then: list[Change] = [
            PutPair(replace(pair, low_progress=Progress(3, 3, 3), first=2)),
            PutPair(requested("ann", "dan", 50.0)),
            DropIdentity("cleo"),
        ]
        for change in then:
            store.apply(change)

    def test_a_durable_store_keeps_things_transaction_by_transaction(self, store: Store) -> None:
        assert not store.immediate

    def test_what_was_kept_is_there_for_the_next_process(self, store: Store) -> None:
        self.baseline(store)
        before = self.everything(store)
        store.close()
        again = self.again(store)
        try:
            assert self.everything(again) == before
        finally:
            again.close()

    def test_what_was_changed_is_changed_for_the_next_process(self, store: Store) -> None:
        self.baseline(store)
        unchanged = self.everything(store)
        with store.transaction():
            self.change_everything(store)
        before = self.everything(store)
        store.close()
        again = self.again(store)
        try:
            assert self.everything(again) == before != unchanged
        finally:
            again.close()

    def test_nothing_is_kept_of_a_transaction_in_which_a_message_is_refused(
        self, store: Store
    ) -> None:
        self.unkept(store, Conflict, self.change_everything, self.refused)

    def test_nothing_is_kept_of_a_transaction_that_fails_for_any_other_reason(
        self, store: Store
    ) -> None:
        self.unkept(store, LookupError, self.change_everything, self.broken)

    def test_nothing_is_kept_of_a_transaction_in_which_a_failure_was_not_heeded(
        self, store: Store
    ) -> None:
        self.unkept(store, StoreError, self.change_everything, self.refused_unheeded)

    def test_nothing_is_kept_of_a_client_that_came_in_a_transaction_that_failed(
        self, store: Store
    ) -> None:
        def come(store: Store) -> None:
            store.apply(PutIdentity(Identity(id="dan")))
            store.apply(PutPair(linked("ann", "dan")))

        self.unkept(store, LookupError, come, self.broken)

    def test_all_is_kept_of_a_client_that_went_in_a_transaction_that_failed(
        self, store: Store
    ) -> None:
        def go(store: Store) -> None:
            store.apply(DropIdentity("ann"))
            store.apply(DropIdentity("ben"))

        self.unkept(store, LookupError, go, self.broken)

    def test_all_messages_are_kept_that_went_in_a_transaction_that_failed(
        self, store: Store
    ) -> None:
        def push_out(store: Store) -> None:
            for seq in range(3, 4 + self.HISTORY_MAX):
                store.add_message(message(linked("ann", "ben"), seq, retry_id=retry_id(seq)))
            store.prune(1e9, 2)

        self.unkept(store, LookupError, push_out, self.broken)

    def test_a_transaction_after_one_that_failed_is_kept(self, store: Store) -> None:
        self.unkept(store, LookupError, self.change_everything, self.broken)
        self.transact(store, self.change_everything)
        assert self.seqs(store) == [1, 2, 3]

    def unkept(self, store: Store, error: type[Exception], *steps: Callable[[Store], None]) -> None:
        """Take these steps in a transaction that ends with an error, and see that nothing is as
        it would be then."""
        self.baseline(store)
        before = self.everything(store)
        with pytest.raises(error):
            self.transact(store, *steps)
        assert self.everything(store) == before

    def transact(self, store: Store, *steps: Callable[[Store], None]) -> None:
        with store.transaction():
            for step in steps:
                step(store)

    def refused(self, store: Store) -> None:
        store.add_message(message(linked("ann", "ben"), 9, retry_id=retry_id(9)))

    def refused_unheeded(self, store: Store) -> None:
        with suppress(StoreError):
            self.refused(store)

    def broken(self, store: Store) -> None:
        raise LookupError

    # What cannot be read

    @pytest.mark.parametrize("spoiled", [1, 2, 3])
    def test_a_message_that_cannot_be_read_is_empty_and_keeps_nobody_from_the_others(
        self, store: Store, spoiled: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.fill(store, 3)
        pair = self.pair(store)
        kept = store.messages(pair, 0, 10)
        self.spoil(store, spoiled)
        kept[spoiled - 1] = replace(kept[spoiled - 1], content=None)
        with caplog.at_level(logging.WARNING):
            assert store.messages(pair, 0, 10) == store.messages_before(pair, 4, 10) == kept
        assert f"message {spoiled} " in caplog.text

    def test_after_a_message_that_cannot_be_read_others_are_kept(self, store: Store) -> None:
        self.fill(store, 1)
        self.spoil(store, 1)
        self.say(store, message(self.pair(store), 2))
        assert self.seqs(store) == [1, 2]
