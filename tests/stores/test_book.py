"""Clients, what stands between two of them, and what is due, in dictionaries."""

from __future__ import annotations

from msgspec.structs import replace

from duologue.core.events import Change, DropIdentity, PutIdentity, PutPair
from duologue.core.model import Identity, Pair, State, new_pair
from duologue.stores.book import Book, Deadlines
from duologue.stores.memory import MemoryStore


def requested(requester: str, target: str, expires_at: float = 100.0) -> Pair:
    pair = new_pair(requester, target)
    return replace(pair, state=State.REQUESTED, requester=requester, expires_at=expires_at)


def linked(a: str, b: str) -> Pair:
    return replace(new_pair(a, b), state=State.LINKED)


def counts(book: Book, client: str) -> tuple[int, int, int, int]:
    identity = book.identities[client]
    return identity.sent, identity.received, identity.links, identity.blocks


def book_of(*clients: str) -> Book:
    book = Book()
    for client in clients:
        book.put_identity(Identity(id=client))
    return book


# When something is due


def test_nothing_is_due_of_nothing() -> None:
    deadlines: Deadlines[str] = Deadlines()
    assert (deadlines.next(), deadlines.due(1e9, 10)) == (None, [])


def test_what_is_due_is_due_at_its_very_time_and_not_before() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("ann", 10.0)
    assert (deadlines.due(9.999, 10), deadlines.due(10.0, 10)) == ([], ["ann"])


def test_the_first_that_is_due_comes_first() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for name, at in (("ben", 3.0), ("ann", 1.0), ("cleo", 2.0)):
        deadlines.put(name, at)
    assert (deadlines.next(), deadlines.due(5.0, 10)) == (1.0, ["ann", "cleo", "ben"])


def test_no_more_are_due_at_once_than_are_asked_for() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for number in range(5):
        deadlines.put(f"client-{number}", float(number))
    assert deadlines.due(9.0, 2) == ["client-0", "client-1"]


def test_what_is_due_stays_so_until_something_is_done_about_it() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("ann", 1.0)
    assert [deadlines.due(1.0, 10), deadlines.due(1.0, 10)] == [["ann"], ["ann"]]


def test_what_was_put_off_is_due_at_its_new_time_alone() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("ann", 1.0)
    deadlines.put("ann", 2.0)
    assert (deadlines.next(), deadlines.due(1.5, 10), deadlines.due(2.0, 10)) == (2.0, [], ["ann"])


def test_what_was_brought_forward_is_due_once() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("ann", 2.0)
    deadlines.put("ann", 1.0)
    assert deadlines.due(3.0, 10) == ["ann"]


def test_what_was_put_twice_at_one_time_is_due_once() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for at in (1.0, 2.0, 1.0):
        deadlines.put("ann", at)
    assert deadlines.due(3.0, 10) == ["ann"]


def test_what_was_taken_away_is_not_due() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("ann", 1.0)
    deadlines.put("ann", None)
    assert (deadlines.next(), deadlines.due(2.0, 10)) == (None, [])


def test_what_was_never_there_can_be_taken_away() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.put("ann", None)
    assert deadlines.next() is None


def test_what_is_put_off_again_and_again_leaves_little() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for number in range(10_000):
        deadlines.put("ann", float(number))
    assert (len(deadlines._heap) < 2_000, deadlines.next()) == (True, 9_999.0)


# What is counted of a client


def test_a_client_put_again_keeps_its_counts() -> None:
    book = book_of("ann", "ben")
    book.put_pair(linked("ann", "ben"))
    book.put_identity(Identity(id="ann", name="Ann", links=7, sent=7))
    assert (counts(book, "ann"), book.identities["ann"].name) == ((0, 0, 1, 0), "Ann")


def test_a_client_that_comes_after_its_pairs_is_counted_in_them() -> None:
    book = book_of("ben")
    book.put_pair(requested("ann", "ben"))
    book.put_pair(replace(new_pair("ann", "cleo"), blockers=frozenset({"ann"})))
    book.put_identity(Identity(id="ann"))
    assert counts(book, "ann") == (1, 0, 0, 1)


def test_dropping_a_pair_takes_it_from_the_counts_of_both() -> None:
    book = book_of("ann", "ben")
    book.put_pair(requested("ann", "ben"))
    book.drop_pair(("ann", "ben"))
    assert (counts(book, "ann"), counts(book, "ben")) == ((0, 0, 0, 0), (0, 0, 0, 0))


def test_a_dropped_pairs_request_is_no_longer_due() -> None:
    book = book_of("ann", "ben")
    book.put_pair(requested("ann", "ben"))
    book.drop_pair(("ann", "ben"))
    assert book.requests.next() is None


def test_a_client_that_is_dropped_names_its_pairs() -> None:
    book = book_of("ann", "ben", "cleo")
    book.put_pair(linked("ben", "ann"))
    book.put_pair(linked("cleo", "ann"))
    assert book.drop_identity("ann") == [("ann", "ben"), ("ann", "cleo")]


def test_forgetting_a_client_alone_leaves_its_pairs() -> None:
    book = book_of("ann", "ben")
    pair = linked("ann", "ben")
    book.put_pair(pair)
    book.forget_identity("ann")
    assert ("ann" in book.identities, book.pairs("ann")) == (False, (pair,))


def test_a_blank_pair_is_not_kept() -> None:
    book = book_of("ann", "ben")
    book.put_pair(linked("ann", "ben"))
    book.put_pair(new_pair("ann", "ben"))
    assert (book.pair("ann", "ben"), book.pairs("ben"), book.pair_count) == (None, (), 0)


def test_a_pair_that_was_never_there_can_be_dropped() -> None:
    book = book_of("ann", "ben")
    book.drop_pair(("ann", "ben"))
    assert book.pair_count == 0


# Who is listed for what


def test_one_that_is_not_kept_is_ephemeral() -> None:
    book = book_of("ann")
    assert (list(book.ephemeral), list(book.present), book.ends.next()) == (["ann"], [], None)


def test_one_that_is_kept_and_connected_is_present() -> None:
    book = Book()
    book.put_identity(Identity(id="ann", kept=True))
    assert (list(book.ephemeral), list(book.present), book.ends.next()) == ([], ["ann"], None)


def test_one_that_is_kept_and_away_has_an_end() -> None:
    book = Book()
    book.put_identity(Identity(id="ann", kept=True, expires_at=5.0))
    assert (list(book.ephemeral), list(book.present), book.ends.next()) == ([], [], 5.0)


def test_one_that_comes_back_has_no_end() -> None:
    book = Book()
    book.put_identity(Identity(id="ann", kept=True, expires_at=5.0))
    book.put_identity(Identity(id="ann", kept=True))
    assert (list(book.present), book.ends.due(9.0, 10)) == (["ann"], [])


def test_one_that_becomes_kept_is_no_longer_ephemeral() -> None:
    book = book_of("ann")
    book.put_identity(Identity(id="ann", kept=True))
    assert (list(book.ephemeral), list(book.present)) == ([], ["ann"])


def test_one_that_is_gone_is_listed_nowhere() -> None:
    book = Book()
    for identity in (Identity(id="ann"), Identity(id="ben", kept=True)):
        book.put_identity(identity)
        book.drop_identity(identity.id)
    assert (list(book.ephemeral), list(book.present), book.ends.next()) == ([], [], None)


# A store of it


def apply(store: MemoryStore, *changes: Change) -> None:
    for change in changes:
        store.apply(change)


def test_clients_that_come_and_go_leave_nothing() -> None:
    store = MemoryStore()
    for number in range(10_000):
        a, b = f"a{number}", f"b{number}"
        for client in (a, b):
            apply(store, PutIdentity(Identity(id=client)))
        apply(store, PutPair(requested(a, b)), PutPair(linked(a, b)))
        for client in (a, b):
            apply(store, DropIdentity(client))
    assert len(store) == 0
    assert len(store._book.requests._heap) < 2_000


def test_kept_clients_that_come_and_go_leave_nothing() -> None:
    store = MemoryStore()
    for number in range(10_000):
        client = f"a{number}"
        kept = Identity(id=client, kept=True, expires_at=100.0 + number)
        apply(store, PutIdentity(kept), DropIdentity(client))
    assert len(store) == 0
    assert len(store._book.ends._heap) < 2_000


def test_requests_that_come_and_go_leave_little() -> None:
    store = MemoryStore()
    for client in ("ann", "ben"):
        apply(store, PutIdentity(Identity(id=client)))
    for number in range(10_000):
        apply(store, PutPair(requested("ann", "ben", 100.0 + number)))
        apply(store, PutPair(new_pair("ann", "ben")))
    assert len(store) == 2
    assert len(store._book.requests._heap) < 2_000


# How many there are


def test_links_and_requests_are_counted_as_they_come_and_go() -> None:
    store = MemoryStore()
    changes: list[Change] = [
        PutIdentity(Identity(id="ann")),
        PutPair(linked("ann", "ben")),
        PutPair(requested("ann", "cleo")),
        PutPair(requested("ann", "dora")),
        PutPair(linked("ann", "dora")),
    ]
    for change in changes:
        store.apply(change)
    assert store.holds() == {"clients": 1, "links": 2, "requests": 1}
    store.apply(DropIdentity("ann"))
    assert store.holds() == {"clients": 0, "links": 0, "requests": 0}
