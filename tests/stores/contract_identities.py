"""What every store has to do with clients, and with what they can show or give away."""

from __future__ import annotations

import pytest

from duologue.core.events import MAX_TOKENS, DropIdentity, DropInvite, PutIdentity
from duologue.core.model import UNUSED, Identity, Invite, Token
from duologue.stores.base import Store

from .facts import Contract, digest, invite, linked, message, requested, token

KEPT = Identity(
    id="dan", name="Dan", kept=True, expires_at=1_234.567891, last_seen=1_700_000_000_001, queued=3
)


class IdentityContract(Contract):
    def test_a_client_is_found_by_its_id(self, store: Store) -> None:
        assert self.identity(store, "ann") == Identity(id="ann", name="Ann")

    def test_a_client_that_was_never_there_is_not_found(self, store: Store) -> None:
        assert store.identity("nobody") is None

    @pytest.mark.parametrize("client", ["", "ANN", "ann ", "ann\x00", "\x00", "💬", "a" * 128])
    def test_no_other_client_is_found_in_its_place(self, store: Store, client: str) -> None:
        assert (store.identity(client), store.pair("ann", client)) == (None, None)

    def test_all_that_is_known_of_a_client_is_kept(self, store: Store) -> None:
        self.put(store, KEPT)
        assert store.identity("dan") == KEPT

    @pytest.mark.parametrize("client", ["a" * 128, "💬" * 128, "d'an\"%s;--", "ДАН", "d\nan"])
    def test_a_client_may_have_any_id(self, store: Store, client: str) -> None:
        self.put(store, Identity(id=client), linked("ann", client))
        assert (store.identity(client), store.pair(client, "ann")) == (
            Identity(id=client, links=1),
            linked("ann", client),
        )

    @pytest.mark.parametrize("name", [None, "", "\x00", "a\x00b", "💬", "'%s\\", "\n"])
    def test_a_client_may_have_any_name(self, store: Store, name: str | None) -> None:
        self.put(store, Identity(id="ann", name=name))
        assert self.identity(store, "ann").name == name

    def test_what_is_known_of_a_client_may_change(self, store: Store) -> None:
        changed = Identity(
            id="ann", name="Anna", kept=True, expires_at=5.5, last_seen=1_000, queued=7
        )
        self.put(store, changed)
        assert store.identity("ann") == changed

    def test_what_is_known_of_a_client_may_be_known_no_more(self, store: Store) -> None:
        self.put(store, KEPT, Identity(id="dan"))
        assert store.identity("dan") == Identity(id="dan")

    def test_a_client_of_which_more_is_known_is_in_what_it_was_in(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"), requested("ann", "cleo"))
        self.put(store, Identity(id="ann", name="Anna", kept=True))
        assert self.counts(store, "ann") == (1, 0, 1, 0)

    @pytest.mark.parametrize("client", ["ann", "dan"])
    def test_the_counts_of_a_client_are_the_stores_own(self, store: Store, client: str) -> None:
        self.put(store, Identity(id=client, sent=2, received=3, links=4, blocks=5))
        assert self.counts(store, client) == (0, 0, 0, 0)

    def test_a_client_that_comes_back_starts_from_nothing(self, store: Store) -> None:
        self.put(store, linked("ann", "ben"))
        self.say(store, message(linked("ann", "ben"), 1))
        self.apply(store, DropIdentity("ann"), PutIdentity(Identity(id="ann")))
        assert (store.pair("ann", "ben"), self.counts(store, "ann")) == (None, (0, 0, 0, 0))

    def test_a_client_that_is_gone_can_be_dropped_again(self, store: Store) -> None:
        for _ in range(2):
            self.apply(store, DropIdentity("ann"))
        assert store.identity("ann") is None

    # Those whose time is over

    def test_a_kept_client_ends_when_its_time_is_over(self, store: Store) -> None:
        self.put(store, Identity(id="ann", kept=True, expires_at=100.0))
        self.put(store, Identity(id="ben", kept=True, expires_at=200.0))
        assert [ended.id for ended in store.ended(100.0, 10)] == ["ann"]

    def test_a_kept_client_does_not_end_before_its_time(self, store: Store) -> None:
        self.put(store, Identity(id="ann", kept=True, expires_at=100.0))
        assert store.ended(99.9, 10) == []

    @pytest.mark.parametrize(
        "client",
        [
            Identity(id="ann", kept=True),  # it is connected
            Identity(id="ann", expires_at=100.0),  # it ends with its last session
        ],
    )
    def test_others_do_not_end_with_time(self, store: Store, client: Identity) -> None:
        self.put(store, client)
        assert store.ended(1e9, 10) == []

    def test_a_client_that_came_back_does_not_end(self, store: Store) -> None:
        self.put(store, Identity(id="ann", kept=True, expires_at=100.0))
        self.put(store, Identity(id="ann", kept=True))
        assert store.ended(1e9, 10) == []

    def test_no_more_have_ended_than_were_asked_for(self, store: Store) -> None:
        for client in ("ann", "ben", "cleo"):
            self.put(store, Identity(id=client, kept=True, expires_at=100.0))
        assert len(store.ended(100.0, 2)) == 2

    def test_more_that_have_ended_follow_when_the_first_are_gone(self, store: Store) -> None:
        for client in ("ann", "ben", "cleo"):
            self.put(store, Identity(id=client, kept=True, expires_at=100.0))
        found = []
        while ended := store.ended(100.0, 2):
            found += [client.id for client in ended]
            self.apply(store, *(DropIdentity(client.id) for client in ended))
        assert sorted(found) == ["ann", "ben", "cleo"]

    def test_a_client_that_has_ended_comes_with_its_counts(self, store: Store) -> None:
        self.put(store, Identity(id="ann", kept=True, expires_at=100.0), linked("ann", "ben"))
        (ended,) = store.ended(100.0, 10)
        assert ended == store.identity("ann")

    def test_those_that_are_not_kept_are_found(self, store: Store) -> None:
        self.put(store, Identity(id="ann", kept=True), KEPT)
        assert sorted(client.id for client in store.ephemeral(10)) == ["ben", "cleo"]

    def test_those_that_are_kept_and_have_no_end_are_found(self, store: Store) -> None:
        self.put(store, Identity(id="ann", kept=True), KEPT)
        assert [client.id for client in store.present(10)] == ["ann"]

    def test_a_client_that_is_kept_from_now_on_is_no_longer_one_that_is_not(
        self, store: Store
    ) -> None:
        for client in ("ann", "ben"):
            self.put(store, Identity(id=client, kept=True))
        assert ([client.id for client in store.ephemeral(10)], len(store.present(10))) == (
            ["cleo"],
            2,
        )

    def test_no_more_of_either_are_found_than_were_asked_for(self, store: Store) -> None:
        for client in ("dan", "eve", "fay"):
            self.put(store, Identity(id=client, kept=True))
        assert (len(store.ephemeral(2)), len(store.present(2))) == (2, 2)

    def test_clients_that_are_gone_are_not_found(self, store: Store) -> None:
        self.put(store, Identity(id="ann", kept=True), KEPT)
        self.apply(store, *(DropIdentity(client) for client in ("ann", "ben", "cleo", "dan")))
        assert (store.ended(1e9, 10), store.ephemeral(10), store.present(10)) == ([], [], [])

    # Tokens

    def test_a_token_is_found_by_its_digest(self, store: Store) -> None:
        self.put(store, token(1, "ann", 1_234.5), token(2, "ben"))
        assert store.token(digest(1)) == Token(digest(1), "ann", 1_234.5)

    def test_a_token_that_was_never_there_is_not_found(self, store: Store) -> None:
        self.put(store, token(1))
        assert (store.token(digest(2)), store.token(b"")) == (None, None)

    def test_a_token_that_is_put_again_is_replaced(self, store: Store) -> None:
        self.put(store, token(1, expires_at=2_000.0), token(1, expires_at=500.0))
        assert store.token(digest(1)) == token(1, expires_at=500.0)

    def test_a_token_that_has_expired_is_found_until_it_is_pruned(self, store: Store) -> None:
        self.put(store, token(1, expires_at=1.0), token(2, expires_at=1_000.0))
        assert store.token(digest(1)) is not None
        store_pruned = self.prune(store, 500.0)
        assert (store.token(digest(1)), store_pruned) == (None, 0)
        assert store.token(digest(2)) is not None

    def test_a_client_has_as_many_tokens_as_it_may(self, store: Store) -> None:
        self.put(store, *(token(number) for number in range(MAX_TOKENS)), token(0))
        assert self.tokens(store, MAX_TOKENS) == list(range(MAX_TOKENS))

    def test_one_token_more_pushes_out_the_one_that_expires_first(self, store: Store) -> None:
        for number in range(MAX_TOKENS):
            # The second one expires first of all
            self.put(store, token(number, expires_at=5.0 if number == 1 else 1_000.0 + number))
        self.put(store, token(MAX_TOKENS, expires_at=9_000.0))
        assert self.tokens(store, MAX_TOKENS + 1) == [0, *range(2, MAX_TOKENS + 1)]

    def test_tokens_that_were_used_and_those_that_were_not_leave_each_other_alone(
        self, store: Store
    ) -> None:
        self.put(store, *(token(n, expires_at=10.0 + n) for n in range(MAX_TOKENS)))
        unused = range(MAX_TOKENS, 2 * MAX_TOKENS + 1)
        self.put(store, *(token(n, expires_at=UNUSED + n) for n in unused))
        # One that was not used was too much: the one that was issued first is gone
        left = [*range(MAX_TOKENS), *range(MAX_TOKENS + 1, 2 * MAX_TOKENS + 1)]
        assert self.tokens(store, 2 * MAX_TOKENS + 1) == left

    def test_tokens_push_out_nobody_elses(self, store: Store) -> None:
        self.put(store, token(100, "ben", expires_at=1.0))
        self.put(store, *(token(number) for number in range(MAX_TOKENS)))
        assert store.token(digest(100)) is not None

    def tokens(self, store: Store, numbers: int) -> list[int]:
        return [number for number in range(numbers) if store.token(digest(number)) is not None]

    # Invitations

    def test_an_invitation_is_found_by_its_digest(self, store: Store) -> None:
        self.put(store, invite(1, "ann", 3, 1_234.5), invite(2, "ben"))
        assert store.invite(digest(1)) == Invite(digest(1), "ann", 3, 1_234.5)

    def test_an_invitation_that_was_never_there_is_not_found(self, store: Store) -> None:
        self.put(store, invite(1))
        assert (store.invite(digest(2)), store.invite(b"")) == (None, None)

    def test_an_invitation_that_is_put_again_is_replaced(self, store: Store) -> None:
        self.put(store, invite(1, uses=2), invite(1, uses=1))
        assert (store.invite(digest(1)), store.invites("ann")) == (invite(1, uses=1), 1)

    def test_an_invitation_that_is_used_up_is_kept(self, store: Store) -> None:
        self.put(store, invite(1, uses=0))
        assert (store.invite(digest(1)), store.invites("ann")) == (invite(1, uses=0), 1)

    def test_an_invitation_that_is_dropped_is_gone(self, store: Store) -> None:
        self.put(store, invite(1), invite(2))
        self.apply(store, DropInvite(digest(1)))
        assert (store.invite(digest(1)), store.invites("ann")) == (None, 1)

    def test_an_invitation_that_is_gone_can_be_dropped_again(self, store: Store) -> None:
        self.apply(store, DropInvite(digest(1)))
        assert store.invites("ann") == 0

    def test_invitations_are_counted_for_their_maker(self, store: Store) -> None:
        self.put(store, invite(1, "ann"), invite(2, "ann"), invite(3, "ben"))
        counted = [store.invites(client) for client in ("ann", "ben", "cleo", "nobody")]
        assert counted == [2, 1, 0, 0]

    def test_an_invitation_that_has_expired_is_found_until_it_is_pruned(self, store: Store) -> None:
        self.put(store, invite(1, expires_at=1.0), invite(2, expires_at=1_000.0))
        assert store.invite(digest(1)) is not None
        pruned = self.prune(store, 500.0)
        assert (store.invite(digest(1)), store.invites("ann"), pruned) == (None, 1, 0)

    def test_a_token_and_an_invitation_with_one_digest_are_two_things(self, store: Store) -> None:
        self.put(store, token(1, "ann"), invite(1, "ben"))
        self.apply(store, DropInvite(digest(1)))
        assert (store.token(digest(1)), store.invite(digest(1))) == (token(1, "ann"), None)

    def test_what_a_client_can_show_or_gave_away_goes_with_it(self, store: Store) -> None:
        self.put(store, token(1), token(2, "ben"), invite(3), invite(4, "ben"))
        self.apply(store, DropIdentity("ann"), PutIdentity(Identity(id="ann")))
        assert (store.token(digest(1)), store.invite(digest(3))) == (None, None)
        assert (store.invites("ann"), store.invites("ben")) == (0, 1)
        assert (store.token(digest(2)), store.invite(digest(4))) == (
            token(2, "ben"),
            invite(4, "ben"),
        )
