"""A connection to a PostgreSQL database, its transactions, and who may decide about whom in one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from . import postgres_sql as sql
from .base import CannotOpen, Conflict, StoreError, Uncertain
from .migrations import pending, schema

_logger: Final = logging.getLogger("duologue.stores")

_Connection = psycopg.Connection[TupleRow]
_Values = Sequence[Any] | Mapping[str, Any] | None

#: What a URL may say otherwise. A server that does not answer is given up after 15 to 45 seconds.
_DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": 10,
    "fallback_application_name": "duologue",
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

#: After these the database is as well as before, and so is everybody else.
_CONFLICTS: Final = (
    UnicodeError,
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.SerializationFailure,
)


class Database:
    """What is decided about clients, and about what stands between them, is decided with their rows
    in `identities` locked, those of both clients of a pair; nothing else is ever locked first.

    Whoever waits for a client holds only such as come before it in the order of their IDs, so that
    no two nodes wait for each other: a lock out of that order is had at once, or is a `Conflict`. A
    client may be looked at without a lock. If it has changed by the time that it is locked, and it
    is before anything is changed, that is a `Conflict` as well.

    A connection that is lost takes its transaction with it, and the next one makes a new
    connection.
    """

    def __init__(self, url: str) -> None:
        """Raises `CannotOpen`."""
        try:
            self.conninfo: Final = {**_DEFAULTS, **conninfo_to_dict(url)}
        except psycopg.Error as error:
            # Its text may have the password in it
            raise CannotOpen("This is not the URL of a PostgreSQL database") from error
        self._inside = False
        self._failed = False
        #: The clients that nobody else can decide about before the transaction ends, and whether
        #: there are such
        self._locked: dict[str, bool] = {}
        #: Which version of a client that is not locked was seen, None if there was none
        self._seen: dict[str, Any] = {}
        try:
            self._connection = self._connect()
            try:
                _migrate(self._connection)
            except BaseException:
                self._connection.close()
                raise
        except psycopg.Error as error:
            raise CannotOpen(f"Cannot use the database: {_line(error)}") from error

    def close(self) -> None:
        self._connection.close()

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._run_anew("BEGIN")
        self._inside = True
        try:
            yield
            self._commit()
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._inside = self._failed = False
            self._locked.clear()
            self._seen.clear()

    def _commit(self) -> None:
        asked = not self._failed
        try:
            self.run("COMMIT")
        except StoreError as error:
            if asked and self._connection.closed:
                raise Uncertain(str(error)) from error
            raise

    def run(self, query: LiteralString, values: _Values = None) -> psycopg.Cursor[TupleRow]:
        if not self._inside:
            return self._run_anew(query, values)
        if self._failed:
            raise StoreError("something has failed before, so that nothing is kept")
        try:
            return self._connection.execute(query, values)
        except (psycopg.Error, UnicodeError) as error:
            raise self.failure(_store_error(error)) from error

    def _run_anew(self, query: LiteralString, values: _Values = None) -> psycopg.Cursor[TupleRow]:
        """The first thing after a pause, in which the connection may have been lost."""
        try:
            if not self._connection.closed:
                try:
                    return self._connection.execute(query, values)
                except psycopg.OperationalError:
                    if not self._connection.closed:
                        raise
            _logger.info("connecting to the database again")
            self._connection = self._connect()
            return self._connection.execute(query, values)
        except (psycopg.Error, UnicodeError) as error:
            raise _store_error(error) from error

    def failure(self, error: StoreError) -> StoreError:
        """The error, after which nothing of the transaction is kept even if nobody heeds it."""
        self._failed = self._inside
        return error

    def _roll_back(self) -> None:
        if self._connection.closed:
            return
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error:
            # Whatever state it is in, the server takes everything back when it goes
            self._connection.close()

    def _connect(self) -> _Connection:
        connection = psycopg.connect(**self.conninfo, autocommit=True, client_encoding="utf8")
        try:
            connection.execute(sql.SETTINGS)
        except BaseException:
            connection.close()
            raise
        return connection

    # Locks

    def lock(self, *clients: str) -> bool:
        """Lock what is not locked yet; returns whether there was any."""
        wanted = {client for client in clients if possible(client)} - self._locked.keys()
        if not wanted or not self._inside:
            return False
        first, last = min(wanted), max(self._locked, default="")
        rows = self.run(sql.LOCK if first > last else sql.LOCK_NOW, [list(wanted)])
        found: dict[str, Any] = dict(rows.fetchall())
        for client in wanted:
            self._locked[client] = client in found
            if self._seen.pop(client, found.get(client)) != found.get(client):
                raise self.failure(Conflict("a client has changed since it was looked at"))
        return True

    def hold(self, clients: Iterable[str]) -> None:
        """Remember that these were locked."""
        if self._inside:
            for client in clients:
                self._locked[client] = True
                self._seen.pop(client, None)

    def saw(self, client: str, version: Any) -> None:
        """Remember which version of a client was looked at; None if there was no such client."""
        if self._inside and client not in self._locked:
            self._seen[client] = version

    def exists(self, client: str) -> bool:
        """Whether there is a client that is locked."""
        return self._locked.get(client, False)

    def changed(self, client: str, *, exists: bool) -> None:
        """Remember that a client that is locked was put or dropped."""
        self._locked[client] = exists


def _migrate(connection: _Connection) -> None:
    with connection.transaction():
        # Several nodes may start at once; all but one wait here until it is done
        connection.execute(sql.LOCK_SCHEMA)
        row = connection.execute(sql.HAS_VERSION).fetchone()
        if row is None or not row[0]:
            connection.execute(sql.CREATE_VERSION)
        row = connection.execute(sql.VERSION).fetchone()
        for step in pending(schema("postgres"), 0 if row is None else row[0]):
            connection.execute(step.sql.encode())
            connection.execute(sql.SET_VERSION, [step.number])


def possible(client: str) -> bool:
    """Whether there can be such a client: PostgreSQL's text has no U+0000."""
    return "\0" not in client


def _store_error(error: Exception) -> StoreError:
    return (Conflict if isinstance(error, _CONFLICTS) else StoreError)(_line(error))


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
