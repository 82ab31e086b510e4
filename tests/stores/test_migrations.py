from __future__ import annotations

from pathlib import Path

import pytest

from duologue.stores.base import CannotOpen
from duologue.stores.migrations import Migration, migrations, pending, schema


def folder(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).write_text(f"-- {name}")
    return path


def test_the_steps_come_in_order(tmp_path: Path) -> None:
    found = migrations(folder(tmp_path, "0002_b.sql", "0001_c.sql", "0003_a.sql"))
    assert found == (
        Migration(1, "-- 0001_c.sql"),
        Migration(2, "-- 0002_b.sql"),
        Migration(3, "-- 0003_a.sql"),
    )


def test_what_is_no_step_is_left_alone(tmp_path: Path) -> None:
    found = migrations(folder(tmp_path, "0001_a.sql", "__init__.py", "1_b.sql", "0002_c.sql~"))
    assert [step.number for step in found] == [1]


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("0002_a.sql",),
        ("0000_a.sql", "0001_b.sql"),
        ("0001_a.sql", "0003_b.sql"),
        ("0001_a.sql", "0002_b.sql", "0002_c.sql"),
    ],
)
def test_steps_with_other_numbers_are_a_mistake(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not numbered"):
        migrations(folder(tmp_path, *names))


STEPS = (Migration(1, "one"), Migration(2, "two"))


@pytest.mark.parametrize(("version", "left"), [(0, [1, 2]), (1, [2]), (2, [])])
def test_a_database_has_those_before_it_that_it_has_not_behind_it(
    version: int, left: list[int]
) -> None:
    assert [step.number for step in pending(STEPS, version)] == left


def test_a_database_that_is_newer_than_the_program_is_refused() -> None:
    with pytest.raises(CannotOpen, match=r"version 3.* up to 2"):
        pending(STEPS, 3)


def test_the_schema_of_postgres_has_its_steps() -> None:
    assert "CREATE TABLE" in schema("postgres")[0].sql
