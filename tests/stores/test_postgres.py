from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from duologue.core.events import PutIdentity, PutPair
from duologue.core.model import Identity, new_pair
from duologue.stores.base import CannotOpen, Conflict, StoreError, Uncertain
from duologue.stores.postgres import PostgresStore
from tests.stores.contract_durable import DurableContract
from tests.stores.contract_messages import DeliveredContract
from tests.stores.facts import linked, message, requested, retry_id

SECONDS = 30


class TestPostgresStore(DurableContract):
    url: str

    @pytest.fixture
    def store(self, postgres_url: str) -> Iterator[PostgresStore]:
        self.url = postgres_url
        with closing(self.again()) as store:
            yield store

    def again(self, store: object = None) -> PostgresStore:
        return PostgresStore(self.url, history_ttl=self.HISTORY_TTL, history_max=self.HISTORY_MAX)

    def spoil(self, store: object, seq: int) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(r"UPDATE messages SET content = '\xc1' WHERE seq = %s", [seq])


class TestPostgresStoreOfWhatWasNotDelivered(DeliveredContract):
    @pytest.fixture
    def store(self, postgres_url: str) -> Iterator[PostgresStore]:
        with closing(opened(postgres_url, self.HISTORY_TTL, self.HISTORY_MAX)) as store:
            yield store


def opened(url: str, history_ttl: float = 100.0, history_max: int = 1_000) -> PostgresStore:
    return PostgresStore(url, history_ttl=history_ttl, history_max=history_max)


@pytest.fixture
def nodes(postgres_url: str) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Two nodes with one database, in which ann and ben are linked and cleo is alone."""
    with closing(opened(postgres_url)) as one, closing(opened(postgres_url)) as other:
        with one.transaction():
            for client in ("ann", "ben", "cleo"):
                one.apply(PutIdentity(Identity(id=client)))
            one.apply(PutPair(linked("ann", "ben")))
        yield one, other


@pytest.fixture
def store(nodes: tuple[PostgresStore, PostgresStore]) -> PostgresStore:
    return nodes[0]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def terminate(url: str, store: PostgresStore) -> None:
    """End a store's connection from the other side."""
    pid = store._db._connection.info.backend_pid
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


# The connection


def test_a_connection_that_was_lost_between_transactions_is_not_missed(
    store: PostgresStore, postgres_url: str
) -> None:
    terminate(postgres_url, store)
    with store.transaction():
        store.apply(PutPair(linked("ann", "cleo")))
    assert store.pair("ann", "cleo") is not None


def test_a_look_at_something_survives_the_loss_of_the_connection_too(
    store: PostgresStore, postgres_url: str
) -> None:
    terminate(postgres_url, store)
    assert store.identity("ann") is not None


def test_a_transaction_is_lost_with_its_connection_and_the_next_one_is_not(
    store: PostgresStore, postgres_url: str
) -> None:
    def keep(*, lose: bool) -> None:
        with store.transaction():
            store.apply(PutPair(linked("ann", "cleo")))
            if lose:
                terminate(postgres_url, store)
            store.apply(PutPair(linked("ben", "cleo")))

    with pytest.raises(StoreError):
        keep(lose=True)
    assert (store.pair("ann", "cleo"), store.pair("ben", "cleo")) == (None, None)
    keep(lose=False)
    assert None not in (store.pair("ann", "cleo"), store.pair("ben", "cleo"))


def test_a_connection_that_is_lost_at_the_end_fails_the_transaction(
    store: PostgresStore, postgres_url: str
) -> None:
    def keep() -> None:
        with store.transaction():
            store.apply(PutPair(linked("ann", "cleo")))
            terminate(postgres_url, store)

    with pytest.raises(Uncertain):
        keep()
    assert store.pair("ann", "cleo") is None


def test_a_server_that_cannot_be_reached_again_is_a_failure_each_time(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminate(postgres_url, store)
    with monkeypatch.context() as patch:
        patch.setitem(store._db.conninfo, "host", "/nowhere")
        for _ in range(2):
            with pytest.raises(StoreError, match="nowhere"), store.transaction():
                pass
    with store.transaction():
        assert store.identity("ann") is not None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:secret@localhost:port/x",
        "postgresql:/ann:secret@localhost/x",
        "postgresql://ann:secret@127.0.0.1:1/x",
        "postgresql://ann:secret@/x?host=/nowhere",
        "postgresql://ann:secret@/x?colour=blue",
    ],
)
def test_a_database_that_cannot_be_used_is_refused_in_one_line_without_the_password(
    url: str,
) -> None:
    with pytest.raises(CannotOpen) as caught:
        opened(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_answer_means_that_it_is_on_a_disk(postgres_url: str) -> None:
    asynchronous = f"{postgres_url}%20-csynchronous_commit%3Doff"
    with closing(opened(asynchronous)) as store:
        row = store._run("SHOW synchronous_commit").fetchone()
    assert row == ("on",)


# The schema


def test_a_database_that_is_newer_than_the_program_is_refused(
    store: PostgresStore, postgres_url: str
) -> None:
    store._run("UPDATE schema_version SET version = version + 1")
    with pytest.raises(CannotOpen, match="newer"):
        opened(postgres_url)


def test_a_database_that_is_somebody_elses_is_refused_and_left_as_it_was(
    postgres_url: str,
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE identities (theirs text)")
        with pytest.raises(CannotOpen, match="identities"):
            opened(postgres_url)
        row = connection.execute("SELECT to_regclass('schema_version')").fetchone()
    assert row == (None,)


def test_nodes_that_start_at_once_make_one_schema(
    postgres_url: str, threads: ThreadPoolExecutor
) -> None:
    stores = list(threads.map(opened, [postgres_url] * 4, timeout=SECONDS))
    try:
        with stores[0].transaction():
            stores[0].apply(PutIdentity(Identity(id="ann")))
        assert [store.identity("ann") is not None for store in stores] == [True] * 4
    finally:
        for store in stores:
            store.close()


# Several nodes


def both(
    threads: ThreadPoolExecutor,
    nodes: tuple[PostgresStore, PostgresStore],
    work: Callable[[PostgresStore], Any],
) -> list[Any]:
    return list(threads.map(work, nodes, timeout=SECONDS))


def test_of_two_messages_with_one_number_one_is_kept(
    nodes: tuple[PostgresStore, PostgresStore], threads: ThreadPoolExecutor
) -> None:
    together = threading.Barrier(2)

    def send(store: PostgresStore) -> list[bool]:
        kept = []
        for seq in range(1, 51):
            together.wait(SECONDS)
            try:
                with store.transaction():
                    store.add_message(message(linked("ann", "ben"), seq, retry_id=retry_id(seq)))
                kept.append(True)
            except Conflict:
                kept.append(False)
        return kept

    one, other = both(threads, nodes, send)
    assert [mine ^ theirs for mine, theirs in zip(one, other, strict=True)] == [True] * 50


def test_messages_of_two_nodes_that_look_first_are_all_kept_in_one_row(
    nodes: tuple[PostgresStore, PostgresStore], threads: ThreadPoolExecutor
) -> None:
    def send(store: PostgresStore) -> list[int]:
        given = []
        for _ in range(100):
            with store.transaction():
                pair = store.pair("ann", "ben")
                assert pair is not None
                store.add_message(message(pair, pair.seq + 1, retry_id=None))
            given.append(pair.seq + 1)
        return given

    one, other = both(threads, nodes, send)
    assert sorted(one + other) == list(range(1, 201))


def test_messages_of_two_nodes_for_a_client_that_is_away_are_all_counted(
    nodes: tuple[PostgresStore, PostgresStore], threads: ThreadPoolExecutor
) -> None:
    peers = dict(zip(nodes, ("ann", "ben"), strict=True))
    with nodes[0].transaction():
        nodes[0].apply(PutPair(linked("ann", "cleo")))
        nodes[0].apply(PutPair(linked("ben", "cleo")))

    def send(store: PostgresStore) -> None:
        sender = peers[store]
        for seq in range(1, 51):
            with store.transaction():
                pair = linked(sender, "cleo")
                store.add_message(message(pair, seq, sender=sender, retry_id=None, delivered=False))

    both(threads, nodes, send)
    cleo = nodes[0].identity("cleo")
    assert cleo is not None
    assert cleo.queued == 100


def test_who_looks_at_a_pair_waits_for_who_decides_about_it(
    nodes: tuple[PostgresStore, PostgresStore], threads: ThreadPoolExecutor
) -> None:
    """Also when there is no such pair yet."""
    one, other = nodes

    def look() -> Any:
        with other.transaction():
            return other.pair("cleo", "ann")

    with one.transaction():
        assert one.pair("ann", "cleo") is None
        looking = threads.submit(look)
        wait_until_blocked(one, other)
        one.apply(PutPair(requested("ann", "cleo")))
    assert looking.result(SECONDS) == requested("ann", "cleo")


def test_who_sends_to_a_client_that_goes_is_told_so(
    nodes: tuple[PostgresStore, PostgresStore], threads: ThreadPoolExecutor
) -> None:
    one, other = nodes

    def send() -> None:
        with other.transaction():
            other.add_message(message(linked("ann", "ben"), 1))

    with one.transaction():
        one.apply(PutPair(new_pair("ann", "ben")))
        sending = threads.submit(send)
        wait_until_blocked(one, other)
    with pytest.raises(Conflict, match="closed"):
        sending.result(SECONDS)


def test_of_two_that_would_wait_for_each_other_one_is_told_so_at_once(
    nodes: tuple[PostgresStore, PostgresStore], threads: ThreadPoolExecutor
) -> None:
    one, other = nodes

    def in_order() -> bool:
        with one.transaction():
            one.reserve(["ann"])
            return one.pair("ben", "ann") is not None

    def out_of_order() -> None:
        with other.transaction():
            other.reserve(["ben"])
            waiting.append(threads.submit(in_order))
            wait_until_blocked(other, one)
            other.reserve(["ann"])

    waiting: list[Future[bool]] = []
    with pytest.raises(Conflict):
        out_of_order()
    assert waiting[0].result(SECONDS)


def test_a_client_that_changes_after_it_was_looked_at_is_not_decided_about(
    nodes: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = nodes

    def overwrite() -> None:
        with one.transaction():
            one.identity("ann")
            with other.transaction():
                other.add_message(message(linked("ann", "ben"), 1, sender="ben", delivered=False))
            one.apply(PutIdentity(Identity(id="ann", name="Ann")))

    with pytest.raises(Conflict):
        overwrite()
    assert one.identity("ann") == Identity(id="ann", queued=1, links=1)


def test_nodes_that_say_first_what_they_will_decide_about_never_wait_in_a_circle(
    nodes: tuple[PostgresStore, PostgresStore], threads: ThreadPoolExecutor
) -> None:
    orders = {nodes[0]: ("ann", "ben", "cleo"), nodes[1]: ("cleo", "ben", "ann")}

    def decide(store: PostgresStore) -> None:
        first, second, third = orders[store]
        for _ in range(50):
            with store.transaction():
                store.reserve(orders[store])
                store.identity(first)
                store.apply(PutPair(requested(second, third)))
                store.identity(second)
                store.apply(PutPair(new_pair(second, third)))

    both(threads, nodes, decide)


def test_a_client_may_change_between_a_look_at_it_and_the_next_transaction(
    nodes: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = nodes
    with one.transaction():
        one.identity("ann")
    for store, name in ((other, "Anna"), (one, "Annie")):
        with store.transaction():
            store.apply(PutIdentity(Identity(id="ann", name=name)))
    assert other.identity("ann") == Identity(id="ann", name="Annie", links=1)


def test_a_client_that_comes_to_two_nodes_at_once_is_made_by_one(
    nodes: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = nodes

    def come() -> None:
        with one.transaction():
            assert one.identity("dan") is None
            with other.transaction():
                other.apply(PutIdentity(Identity(id="dan", name="Dan")))
            one.apply(PutIdentity(Identity(id="dan", name="Dave")))

    with pytest.raises(Conflict):
        come()
    assert one.identity("dan") == Identity(id="dan", name="Dan")


def test_what_one_node_ends_the_other_does_not_find(
    nodes: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = nodes
    with one.transaction():
        one.apply(PutIdentity(Identity(id="cleo", kept=True, expires_at=1.0)))
        one.apply(PutPair(requested("ann", "cleo", 1.0)))
        one.apply(PutPair(requested("ben", "cleo", 2.0)))
    with one.transaction():
        assert len(one.due(1.0, 10)) == 1
        with other.transaction():
            assert (other.due(2.0, 10), other.ended(1.0, 10)) == ([], [])
            assert [client.id for client in other.ephemeral(10)] == ["ben"]
    with other.transaction():
        assert (len(other.due(2.0, 10)), len(other.ended(1.0, 10))) == (2, 1)


def test_two_nodes_prune_side_by_side(
    nodes: tuple[PostgresStore, PostgresStore],
) -> None:
    one, other = nodes
    with one.transaction():
        for seq in range(1, 5):
            one.add_message(message(linked("ann", "ben"), seq, retry_id=None))
    with one.transaction(), other.transaction():
        pruned = one.prune(1e9, 3), other.prune(1e9, 3)
    assert (pruned, one.messages(linked("ann", "ben"), 0, 10)) == ((3, 1), [])


def wait_until_blocked(watcher: PostgresStore, store: PostgresStore) -> None:
    """Wait until `store` waits for a lock."""
    pid = store._db._connection.info.backend_pid
    while True:
        row = watcher._run("SELECT pg_blocking_pids(%s)", [pid]).fetchone()
        if row is not None and row[0]:
            return


# What is kept stays true without the program


def test_a_message_gets_in_by_no_other_way_than_an_open_link(store: PostgresStore) -> None:
    store._run("UPDATE pairs SET state = 'none'")
    with pytest.raises(Conflict), store.transaction():
        store.add_message(message(linked("ann", "ben"), 1))
    row = store._run("SELECT count(*) FROM messages").fetchone()
    assert row == (0,)


def test_a_retry_that_was_not_noticed_is_not_kept_twice(store: PostgresStore) -> None:
    with store.transaction():
        store.add_message(message(linked("ann", "ben"), 1))
    with pytest.raises(Conflict), store.transaction():
        store.add_message(message(replace(linked("ann", "ben"), seq=1), 2))
    assert [kept.seq for kept in store.messages(linked("ann", "ben"), 0, 10)] == [1]
