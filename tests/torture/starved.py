"""Scenarios in which the server runs out of something: the disk, or a reader's attention."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .cast import PATIENCE_SECONDS
from .client import Client
from .ledger import Kind
from .reader import Readers
from .report import Report
from .scenarios import measured
from .stage import Stage, stage
from .transports import KINDS, Broken

_SOON_SECONDS: Final = 10.0


# A full disk


@dataclass(frozen=True, kw_only=True)
class Disk:
    rounds: int
    ring: int = 4
    bytes: int = 2 * 2**20
    #: What is said while it is full
    attempts: int = 20


DISK_SMALL: Final = Disk(rounds=1)
DISK_FULL: Final = Disk(rounds=4, ring=8, attempts=500)

_MESSAGE_BYTES: Final = 4_000


class NoDisk(Exception):
    """There can be no small file system, because that takes root."""


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of a few bytes. Raises `NoDisk`."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoDisk(f"a full disk needs a tmpfs, which needs root: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def full_disk(size: Disk, seed: int, folder: Path) -> Report:
    """On a full disk senders are told, nobody else notices, and with room again it goes on."""
    with small_disk(folder / "disk", size.bytes) as disk:
        # Half of the disk is kept for later, a piece for each round
        pieces = [disk / f"ballast-{number}" for number in range(size.rounds)]
        for piece in pieces:
            piece.write_bytes(bytes(size.bytes // 2 // size.rounds))
        async with stage("full disk", seed, folder, store=disk / "store.db") as on:
            await on.begin(size.ring)
            for number, piece in enumerate(pieces, 1):
                await _fill(on)
                await _while_full(on, size.attempts)
                piece.unlink()
                await _with_room(on)
                on.report.disruptions = f"full {number} times"
            await on.server.kill()
            await on.server.start()
            await on.cast.settle()
            measured(on)
    return on.report


async def _fill(on: Stage) -> None:
    """Talk until somebody is told that the server cannot take it."""
    full = asyncio.Event()

    async def talk(client: Client) -> None:
        while not full.is_set():
            answer = await _try(on, client)
            if "ok" not in answer:
                full.set()

    async with asyncio.TaskGroup() as group:
        for client in on.cast.ring:
            group.create_task(talk(client))


async def _try(on: Stage, client: Client) -> dict[str, Any]:
    """One attempt, which is answered with success or with "later" and nothing else."""
    peer = on.random.choice(on.cast.peers[client])
    answer = await client.say(peer, on.cast.line(_MESSAGE_BYTES), patient=False)
    if "ok" not in answer:
        right = (answer["code"], answer["retryable"]) == ("unavailable", True)
        on.check(right, f"on a full disk a message was answered {answer}")
    return answer


async def _while_full(on: Stage, attempts: int) -> None:
    sessions = [client.sessions for client in on.cast.ring]
    refused = 0
    for _ in range(attempts):
        answers = await asyncio.gather(*(_try(on, client) for client in on.cast.ring))
        refused += sum("ok" not in answer for answer in answers)
    on.fact(f"On the full disk {refused:,} of {attempts * len(on.cast.ring):,} were refused")
    status, body = await on.server.answers("/readyz")
    on.check(status == 503 and body != b"", f"on a full disk /readyz answers {status} {body!r}")
    status, body = await on.server.answers("/livez")
    on.check(status == 200, f"on a full disk /livez answers {status} {body!r}")
    for client in on.cast.ring:
        peer = on.cast.peers[client][0]
        answer = await client.ask("signal", targetClientId=peer, data="still there?")
        on.check("ok" in answer, f"on a full disk a signal is answered {answer}")
    still = [client.sessions for client in on.cast.ring]
    on.check(sessions == still, "a client lost its connection while the disk was full")


async def _with_room(on: Stage) -> None:
    """What was refused is taken now, without a restart and soon."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(_SOON_SECONDS):
            for client in on.cast.ring:
                await on.cast.say(client, on.cast.peers[client][0], on.cast.content())
    except TimeoutError:
        text = f"with room on the disk again nothing was taken for {_SOON_SECONDS} s"
        on.ledger.violation(Kind.OTHER, text)
    on.fact(f"With room again, all were answered in {time.monotonic() - began:.2f} s")
    status, body = await on.server.answers("/readyz")
    on.check(status == 200, f"with room on the disk again /readyz answers {status} {body!r}")


# Much at once for readers who read as fast as they can


@dataclass(frozen=True, kw_only=True)
class Bulk:
    messages: int
    bytes: int


BULK_SMALL: Final = Bulk(messages=60, bytes=200_000)
BULK_FULL: Final = Bulk(messages=500, bytes=900_000)


async def bulky(size: Bulk, seed: int, folder: Path) -> Report:
    """Who comes back to more than may wait for a slow reader is no slow reader."""
    async with stage("bulky", seed, folder) as on:
        await on.begin(2)
        writer, away = on.cast.ring
        await away.stop()
        for _ in range(size.messages):
            await on.cast.say(writer, away.id, on.cast.line(size.bytes))
        before = on.server.memory()
        for kind in KINDS:
            away.kinds = (kind,)
            away.since[writer.id] = 0
            sessions = away.sessions
            all_told = on.ledger.reaches(away.id, writer.id, size.messages, PATIENCE_SECONDS)
            told = asyncio.create_task(all_told)
            await asyncio.sleep(0)
            began = time.monotonic()
            away.start()
            on.check(await told, f"by {kind} it was not told all that it had missed")
            on.fact(f"By {kind} it had caught up in {time.monotonic() - began:.1f} s")
            page = {"targetClientId": writer.id, "limit": 100}
            try:
                answer = await away.call("history", page)
                on.check("ok" in answer, f"by {kind} a page of history was answered {answer}")
            except Broken as broken:
                on.check(False, f"by {kind} a page of history was not answered: {broken}")
            await away.stop()
            sessions = away.sessions - sessions
            on.check(sessions == 1, f"by {kind} it took {sessions} sessions to tell it all")
        grown = on.server.memory() - before
        on.report.disruptions = f"{size.messages} x {size.bytes:,} bytes missed"
        on.check(grown < _SPARE_BYTES, f"the server's memory grew by {grown / 2**20:,.0f} MiB")
    return on.report


# Readers that are stopped


@dataclass(frozen=True, kw_only=True)
class Sleepers:
    rounds: int
    readers: int
    ring: int
    #: What each reader is sent while it is stopped, far more than may wait for it
    messages: int = 400
    bytes: int = 50_000
    queue_bytes: int = 200_000


SLEEPERS_SMALL: Final = Sleepers(rounds=1, readers=2, ring=4, messages=300)
SLEEPERS_FULL: Final = Sleepers(rounds=3, readers=10, ring=8)

#: What the server's memory may grow by for other reasons, as the store's cache of 64 MiB
_SPARE_BYTES: Final = 128 * 2**20


async def sleepers(size: Sleepers, seed: int, folder: Path) -> Report:
    """Readers stop reading without a word. Others do not feel it, and no message is lost."""
    flags = (f"--max-queue-bytes={size.queue_bytes}",)
    async with stage("stopped readers", seed, folder, flags) as on:
        await on.begin(size.ring)
        async with Readers.connected(on.server.port, size.readers, seed, on.ledger) as readers:
            writers = {id: on.cast.ring[n % size.ring] for n, id in enumerate(readers.ids)}
            for id, writer in writers.items():
                await _befriend(writer, id)
            for number in range(size.rounds):
                await _sleep_and_wake(on, size, readers, writers)
                on.report.disruptions = f"{size.readers} stopped, {number + 1} times"
            for id, writer in writers.items():
                on.cast.peers[writer].append(id)  # so that this is looked at in the end, too
            await on.cast.settle()
            measured(on)
    return on.report


async def _befriend(writer: Client, reader: str) -> None:
    """The reader agrees by itself, sooner or later."""
    linked = asyncio.Event()

    def heard(name: str, payload: dict[str, Any]) -> None:
        if name == "link_established" and payload["peer"] == reader:
            linked.set()

    writer.heard = heard
    await writer.ask("link_request", targetClientId=reader)
    await linked.wait()


async def _sleep_and_wake(
    on: Stage, size: Sleepers, readers: Readers, writers: dict[str, Client]
) -> None:
    before, most = on.server.memory(), 0
    readers.pause()
    on.cast.waits.clear()
    on.cast.talk(in_flight=1, think=0.01)
    for _ in range(size.messages):
        await asyncio.gather(
            *(on.cast.say(writer, id, on.cast.line(size.bytes)) for id, writer in writers.items())
        )
        most = max(most, on.server.memory())
    await on.cast.hush()
    readers.go_on()
    waits = on.cast.waits
    on.durations("Between others, while readers were stopped", waits)
    on.check(max(waits) < _SOON_SECONDS, f"others had to wait for {max(waits):.1f} s")
    allowed = before + 2 * size.readers * size.queue_bytes + _SPARE_BYTES
    text = f"the server's memory went from {before / 2**20:,.0f} to {most / 2**20:,.0f} MiB"
    on.fact(text[0].upper() + text[1:])
    on.check(most < allowed, text)
