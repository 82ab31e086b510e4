"""A store on a disk that loses what was not flushed, or whose flushes fail."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from duologue.core.events import AddMessage, MessageReceived, PutIdentity, PutPair
from duologue.core.model import Identity, Pair, State, new_pair
from duologue.stores.base import StoreError
from duologue.stores.sqlite import SqliteStore

from .disk import Disk

SEEDS = 60
LINKS = 4


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk("power")
    yield disk
    disk.unregister()


def peers(number: int) -> tuple[str, str]:
    return f"ann{number}", f"ben{number}"


def opened(path: Path, vfs: str | None) -> SqliteStore:
    # A small file, so that what was deleted makes room and is written over
    return SqliteStore(str(path), history_ttl=100.0, history_max=50, vfs=vfs)


def begin(store: SqliteStore) -> None:
    with store.transaction():
        for number in range(LINKS):
            a, b = peers(number)
            for client in (a, b):
                store.apply(PutIdentity(Identity(id=client, kept=True)))
            store.apply(PutPair(replace(new_pair(a, b), state=State.LINKED)))


def say(store: SqliteStore, chance: random.Random) -> dict[int, int]:
    """One transaction; returns the numbers that links have got to."""
    reached: dict[int, int] = {}
    with store.transaction():
        for _ in range(chance.randint(1, 12)):
            number = chance.randrange(LINKS)
            pair = found(store, number)
            content = "x" * chance.choice([1, 60, 2_000])
            id = f"{number}-{pair.seq + 1}"
            said = MessageReceived(chance.choice(peers(number)), content, id, pair.seq + 1, 1)
            store.add_message(AddMessage(pair, said, said, delivered=True, retry=True))
            reached[number] = pair.seq
    return reached


def found(store: SqliteStore, number: int) -> Pair:
    pair = store.pair(*peers(number))
    assert pair is not None
    return pair


def kept(store: SqliteStore) -> dict[int, tuple[int, list[int | object]]]:
    """Each link's number, and those of the messages that are there."""
    return {
        number: (
            found(store, number).seq,
            [each.seq for each in store.messages(found(store, number), 0, 1_000)],
        )
        for number in range(LINKS)
    }


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_was_committed_survives_a_power_cut(seed: int, tmp_path: Path, disk: Disk) -> None:
    chance = random.Random(seed)
    committed = dict.fromkeys(range(LINKS), 0)
    with closing(opened(tmp_path / "duologue.db", "power")) as store:
        begin(store)
        for _ in range(chance.randint(1, 60)):
            committed |= say(store, chance)
        after = tmp_path / "after"
        after.mkdir()
        disk.cut(chance, after)
    with closing(opened(after / "duologue.db", None)) as store:
        for number, (seq, messages) in kept(store).items():
            expected = list(range(max(1, seq - 49), seq + 1))
            assert (seq, messages) == (committed[number], expected), f"seed {seed}"


@pytest.mark.parametrize("seed", range(SEEDS // 3))
def test_what_could_not_be_flushed_is_not_acknowledged_and_nothing_else_is_lost(
    seed: int, tmp_path: Path, disk: Disk
) -> None:
    chance = random.Random(seed)
    committed = dict.fromkeys(range(LINKS), 0)
    refused = 0
    with closing(opened(tmp_path / "duologue.db", "power")) as store:
        begin(store)
        for _ in range(40):
            disk.failing = chance.random() < 0.3
            try:
                committed |= say(store, chance)
            except StoreError:
                refused += 1
            disk.failing = False
            now = {number: seq for number, (seq, _) in kept(store).items()}
            assert now == committed, f"seed {seed}"
        after = tmp_path / "after"
        after.mkdir()
        disk.cut(chance, after)
    assert refused
    with closing(opened(after / "duologue.db", None)) as store:
        for number, (seq, messages) in kept(store).items():
            # What was refused may be there: its sender was told to try again with the same ID
            assert seq >= committed[number], f"seed {seed}"
            assert messages == list(range(max(1, seq - 49), seq + 1)), f"seed {seed}"
