"""A SQLite store's file: its lock, its schema, and what an operator does with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw

from . import migrations
from .base import CannotOpen

#: What must hold beyond what SQLite checks by itself.
_CHECKS: Final = {
    "messages belong to no pair": (
        "SELECT count(*) FROM messages WHERE pair NOT IN (SELECT number FROM pairs)"
    ),
    "pairs have messages beyond their number": (
        "SELECT count(*) FROM pairs"
        " WHERE seq < (SELECT max(seq) FROM messages WHERE messages.pair = pairs.number)"
    ),
}


def lock(path: str) -> int:
    """Hold the file's lock, which ends with the process however that ends.

    Returns the descriptor to close. Raises `CannotOpen`.
    """
    path = os.path.realpath(path)  # however it is called
    try:
        descriptor = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotOpen(f"Cannot use {path} as a store: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise CannotOpen(f"{path} is in use by another process") from error
    return descriptor


def make(path: str) -> None:
    """Make a file that only its owner may read, unless it is there. Raises `OSError`.

    What SQLite puts beside it gets the same rights.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def upgrade(db: apsw.Connection, path: str) -> int:
    """Bring a schema up to date, or make it; returns its version.

    Raises `CannotOpen` for one of a newer version.
    """
    steps = migrations.schema("sqlite")
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations.pending(steps, _version(db)):
            db.execute(step.sql)
            db.pragma("user_version", step.number)
        db.execute("COMMIT")
    except BaseException as error:
        db.execute("ROLLBACK")
        if isinstance(error, CannotOpen):
            raise CannotOpen(f"Cannot use {path} as a store: {error}") from error
        raise
    return len(steps)


def _version(db: apsw.Connection) -> int:
    return int(db.pragma("user_version"))


def upgrade_file(path: str) -> int:
    """`upgrade` the file of a server that does not run."""
    descriptor = lock(path)
    try:
        with _open(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE) as db:
            return upgrade(db, path)
    finally:
        os.close(descriptor)


def check_file(path: str) -> list[str]:
    """What is wrong with a file, nothing if it is well. A server may run on it meanwhile.

    Raises `CannotOpen`.
    """
    with _existing(path) as db:
        migrations.pending(migrations.schema("sqlite"), _version(db))
        problems = [str(row[0]) for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        if not problems:
            for what, query in _CHECKS.items():
                count = db.execute(query).get
                if count:
                    problems.append(f"{count} {what}")
    return problems


def backup_file(path: str, target: str) -> None:
    """Copy a file as it stands at one moment. A server may run on it meanwhile.

    Raises `CannotOpen`, also for a target that is there already or cannot be made.
    """
    if Path(target).exists():
        raise CannotOpen(f"{target} exists already")
    with _existing(path) as db:
        try:
            make(target)
        except OSError as error:
            raise CannotOpen(f"Cannot make {target}: {error.strerror}") from error
        try:
            _copy(db, target)
        except BaseException as error:
            Path(target).unlink()  # half of it could be taken for all
            if isinstance(error, apsw.Error):
                # SQLite does not always have a sentence for what it was
                reason = f"{error} ({type(error).__name__})"
                raise CannotOpen(f"Cannot copy {path} to {target}: {reason}") from error
            raise


def _copy(db: apsw.Connection, target: str) -> None:
    copy = apsw.Connection(target)
    try:
        with copy.backup("main", db, "main") as backup:
            while not backup.done:
                backup.step(-1)
    finally:
        copy.close()


@contextlib.contextmanager
def _existing(path: str) -> Iterator[apsw.Connection]:
    if not Path(path).is_file():
        raise CannotOpen(f"There is no file {path}")
    with _open(path, apsw.SQLITE_OPEN_READWRITE) as db:
        db.set_busy_timeout(5_000)
        yield db


@contextlib.contextmanager
def _open(path: str, flags: int) -> Iterator[apsw.Connection]:
    try:
        db = apsw.Connection(path, flags=flags)
        try:
            yield db
        finally:
            db.close()
    except apsw.Error as error:
        raise CannotOpen(f"Cannot use {path} as a store: {error}") from error
