"""The steps by which a database comes to what this program wants: SQL files with numbers.

They are only listed here. A store runs them, in one transaction, with the number that it then has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

from .base import CannotOpen

_NAME: Final = re.compile(r"(\d{4})_\w+\.sql")


class Migration(NamedTuple):
    """`number` is the version of a database in which `sql` was run."""

    number: int
    sql: str


def schema(dialect: str) -> tuple[Migration, ...]:
    """The steps for a kind of database: `postgres`, or any other folder in `schema`."""
    return migrations(files(__package__) / "schema" / dialect)


def migrations(folder: Traversable) -> tuple[Migration, ...]:
    """The steps in a folder, in order. Raises `ValueError` when one is missing, or there twice."""
    found = []
    for file in folder.iterdir():
        name = _NAME.fullmatch(file.name)
        if name is not None:
            found.append(Migration(int(name[1]), file.read_text(encoding="utf-8")))
    found.sort()
    if not found or [step.number for step in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the files in {folder} are not numbered 1, 2, 3 and so on")
    return tuple(found)


def pending(steps: Sequence[Migration], version: int) -> Sequence[Migration]:
    """Those that a database of this version has before it; 0 is an empty one.

    Raises `CannotOpen` when it has steps behind it that this program does not know.
    """
    if version > len(steps):
        raise CannotOpen(
            f"the database is of version {version}, and this program knows versions up to"
            f" {len(steps)}: use a newer one"
        )
    return steps[version:]
