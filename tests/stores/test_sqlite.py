"""The SQLite store: what every store has to do, and what a file of its own brings with it."""

from __future__ import annotations

import itertools
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from duologue.core.events import PutPair
from duologue.stores import files
from duologue.stores.base import CannotOpen, Conflict, Store, StoreError
from duologue.stores.sqlite import SqliteStore
from tests.stores.contract_durable import DurableContract
from tests.stores.contract_messages import DeliveredContract
from tests.stores.facts import linked, message


class TestSqliteStore(DurableContract):
    path: Path

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteStore]:
        self.path = tmp_path / "duologue.db"
        self.copies = itertools.count()
        with closing(self.opened(self.path)) as store:
            yield store

    def opened(self, path: Path) -> SqliteStore:
        return SqliteStore(str(path), history_ttl=self.HISTORY_TTL, history_max=self.HISTORY_MAX)

    def again(self, store: Store) -> SqliteStore:
        # The files as a process that is killed at this moment leaves them
        folder = self.path.parent / f"killed-{next(self.copies)}"
        folder.mkdir()
        for file in self.path.parent.glob("duologue.db*"):
            shutil.copy(file, folder)
        return self.opened(folder / self.path.name)

    def spoil(self, store: Store, seq: int) -> None:
        with closing(apsw.Connection(str(self.path))) as db:
            db.execute("UPDATE messages SET content = x'c1' WHERE seq = ?", (seq,))


class TestSqliteStoreOfWhatWasNotDelivered(DeliveredContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteStore]:
        path = str(tmp_path / "duologue.db")
        store = SqliteStore(path, history_ttl=self.HISTORY_TTL, history_max=self.HISTORY_MAX)
        with closing(store):
            yield store


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "duologue.db")


def test_a_file_belongs_to_one_process_at_a_time(path: str) -> None:
    with closing(SqliteStore(path)), pytest.raises(CannotOpen, match="in use"):
        SqliteStore(path)


def test_a_file_by_another_name_is_the_same_file(path: str, tmp_path: Path) -> None:
    with closing(SqliteStore(path)):
        (tmp_path / "link.db").symlink_to(path)
        with pytest.raises(CannotOpen, match="in use"):
            SqliteStore(str(tmp_path / "link.db"))


def test_a_new_file_is_its_owners_alone(path: str) -> None:
    with closing(SqliteStore(path)) as store:
        with store.transaction():
            store.apply(PutPair(linked("ann", "ben")))
        modes = {file.stat().st_mode & 0o777 for file in Path(path).parent.iterdir()}
        assert modes == {0o600}


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_kept_in_a_file_that_nobody_will_find(path: str, replaced: bool) -> None:
    with closing(SqliteStore(path)) as store:
        Path(path).unlink()
        if replaced:
            Path(path).touch()
        with pytest.raises(StoreError), store.transaction():
            store.apply(PutPair(linked("ann", "ben")))


def test_a_file_that_was_let_go_can_be_opened_again(path: str) -> None:
    SqliteStore(path).close()
    SqliteStore(path).close()


def test_a_file_of_a_newer_version_is_refused(path: str) -> None:
    SqliteStore(path).close()
    with closing(apsw.Connection(path)) as db:
        db.pragma("user_version", 99)
    with pytest.raises(CannotOpen, match="newer one"):
        SqliteStore(path)


def test_what_is_no_database_is_refused_and_left_as_it_is(path: str) -> None:
    Path(path).write_text("a shopping list")
    with pytest.raises(CannotOpen, match="not a database"):
        SqliteStore(path)
    assert Path(path).read_text() == "a shopping list"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen):
        SqliteStore(str(tmp_path / "nowhere" / "duologue.db"))


def test_every_commit_reaches_the_disk(path: str) -> None:
    with closing(SqliteStore(path)) as store:
        settings = store._db.pragma("journal_mode"), store._db.pragma("synchronous")
        assert settings == ("wal", 2)


def test_a_message_without_an_open_link_is_refused_by_the_file_itself(path: str) -> None:
    with closing(SqliteStore(path)) as store:
        with store.transaction():
            store.apply(PutPair(linked("ann", "ben")))
        store._db.execute("UPDATE pairs SET state = 'none'")  # as no code of ours does
        with pytest.raises(Conflict), store.transaction():
            store.add_message(message(linked("ann", "ben"), 1))


# What an operator does with a file


@pytest.fixture
def filled(path: str) -> str:
    with closing(SqliteStore(path)) as store, store.transaction():
        store.apply(PutPair(linked("ann", "ben")))
        store.add_message(message(linked("ann", "ben"), 1))
    return path


def test_a_file_that_is_well_has_no_problems(filled: str) -> None:
    assert files.check_file(filled) == []


def test_a_message_of_no_pair_is_a_problem(filled: str) -> None:
    with closing(apsw.Connection(filled)) as db:
        db.execute("DELETE FROM pairs")
    assert files.check_file(filled) == ["1 messages belong to no pair"]


def test_a_number_that_was_given_twice_would_be_a_problem(filled: str) -> None:
    with closing(apsw.Connection(filled)) as db:
        db.execute("UPDATE pairs SET seq = 0")
    assert files.check_file(filled) == ["1 pairs have messages beyond their number"]


def test_a_file_that_is_not_there_cannot_be_checked(path: str) -> None:
    with pytest.raises(CannotOpen, match="no file"):
        files.check_file(path)


def test_a_backup_beside_a_server_has_everything(filled: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    with closing(SqliteStore(filled)):
        files.backup_file(filled, copy)
    with closing(SqliteStore(copy)) as store:
        pair = store.pair("ann", "ben")
        assert pair is not None
        assert [each.content for each in store.messages(pair, 0, 10)] == ["hello"]


def test_a_backup_replaces_nothing(filled: str, tmp_path: Path) -> None:
    (tmp_path / "copy.db").touch()
    with pytest.raises(CannotOpen, match="exists already"):
        files.backup_file(filled, str(tmp_path / "copy.db"))


def test_a_backup_for_which_there_is_no_room_leaves_nothing_behind(
    filled: str, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    command = [sys.executable, "-m", "duologue", "db", "backup", "--store", f"sqlite:///{filled}"]
    done = subprocess.run(
        [*command, str(target)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192)),
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"duologue: Cannot copy {filled} to {target}: "
    assert (done.returncode, said in done.stderr, target.exists()) == (1, True, False), done.stderr


def test_a_backup_that_cannot_be_made_is_said(filled: str, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "copy.db"
    with pytest.raises(CannotOpen, match=f"Cannot make {target}: No such file or directory"):
        files.backup_file(filled, str(target))


def test_a_file_in_use_is_not_upgraded(filled: str) -> None:
    with closing(SqliteStore(filled)), pytest.raises(CannotOpen, match="in use"):
        files.upgrade_file(filled)
