"""What is done to the server, and to the connections to it. Each scenario has a size and a seed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .cast import for_each
from .client import Client
from .ledger import Kind
from .proxy import Proxy
from .report import Report
from .stage import Stage, stage

#: A server that is told to stop under load may take this long: its grace time and a little.
_STOP_SECONDS: Final = 15.0

#: How long a client waits for a connection that may never open
_OPEN_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Talk:
    """How many talk, and how much: `in_flight` messages of each, `think` seconds between two."""

    ring: int = 6
    restless: int = 1
    in_flight: int = 2
    think: float = 0.01


# SIGKILL


@dataclass(frozen=True, kw_only=True)
class Kills:
    kills: int
    acks: int
    talk: Talk
    #: A server lives this long at most, from when it serves, or from its start
    life: float = 0.6


KILLS_SMALL: Final = Kills(kills=5, acks=200, talk=Talk())
KILLS_FULL: Final = Kills(
    kills=1_000, acks=100_000, talk=Talk(ring=32, restless=4, in_flight=3, think=0.2)
)


async def killed(size: Kills, seed: int, folder: Path) -> Report:
    """The server is killed at any instant, also while it starts, and started on the same file."""
    async with stage("killed", seed, folder) as on:
        kills = 0
        await on.begin(size.talk.ring, size.talk.restless)
        on.cast.talk(size.talk.in_flight, size.talk.think)
        for _ in range(size.kills):
            if on.random.random() < 0.9:
                await on.server.started()
            await _lives(on, on.random.uniform(0, size.life))
            kills += await on.server.kill() == -9
            on.report.disruptions = f"{kills:,} kills"
            await on.server.spawn()
        await on.server.started()
        await _until_acked(on, size.acks)
        await on.cast.settle()
        measured(on)
    return on.report


async def _lives(on: Stage, seconds: float) -> None:
    """Let the server run for a while, which it has to survive."""
    try:
        async with asyncio.timeout(seconds):
            code = await on.server.ended()
    except TimeoutError:
        return
    on.ledger.violation(Kind.OTHER, f"the server ended by itself with {code}:\n{on.server.log}")


async def _until_acked(on: Stage, acks: int) -> None:
    """Let the conversations go on until enough was said."""
    while on.ledger.counts["acks"] < acks:
        await _lives(on, 0.1)


def measured(on: Stage) -> None:
    on.durations("From start to serving", on.server.starts)
    on.durations("From sending to acknowledged, retries included", on.cast.waits)
    on.durations("From asking to resumed, at last", [c.resumed_in for c in on.cast.clients])
    on.fact(f"The server's memory at the end: {on.server.memory() / 2**20:,.0f} MiB")
    log = on.server.log
    on.check("Traceback" not in log, f"the server's log ends with:\n{log}")


# SIGTERM


@dataclass(frozen=True, kw_only=True)
class Restarts:
    restarts: int
    talk: Talk
    life: float = 0.6


RESTARTS_SMALL: Final = Restarts(restarts=3, talk=Talk())
RESTARTS_FULL: Final = Restarts(
    restarts=100, talk=Talk(ring=32, restless=4, in_flight=3, think=0.02)
)


async def restarted(size: Restarts, seed: int, folder: Path) -> Report:
    """The server is told to stop and started again while everybody talks: nobody gets an error."""
    async with stage("restarted", seed, folder) as on:
        await on.begin(size.talk.ring, size.talk.restless)
        on.cast.talk(size.talk.in_flight, size.talk.think)
        stops: list[float] = []
        for number in range(size.restarts):
            await _lives(on, on.random.uniform(0.1, size.life))
            began = time.monotonic()
            code = await on.server.stop()
            stops.append(time.monotonic() - began)
            on.check(code == 0, f"told to stop, it ended with {code}:\n{on.server.log}")
            await on.server.start()
            on.report.disruptions = f"{number + 1:,} restarts"
        on.check(max(stops) < _STOP_SECONDS, f"it took {max(stops):.1f} s to stop")
        on.durations("From SIGTERM to its end", stops)
        await on.cast.settle()
        measured(on)
    return on.report


# Connections that break


@dataclass(frozen=True, kw_only=True)
class Cuts:
    cuts: int
    talk: Talk
    most_bytes: int = 20_000
    #: Whether messages are kept after they were delivered
    kept: bool = True


CUTS_SMALL: Final = Cuts(cuts=40, talk=Talk())
CUTS_FULL: Final = Cuts(cuts=5_000, talk=Talk(ring=32, restless=4, in_flight=3, think=0.01))


async def cut(size: Cuts, seed: int, folder: Path) -> Report:
    """Connections are cut in the middle of anything, go silent, or are slow."""
    flags = ["--ping-interval=0.5", "--ping-timeout=0.5", "--max-queue-bytes=100000"]
    if not size.kept:
        flags.append("--history-ttl-seconds=0")
    async with stage("cut" if size.kept else "cut, unkept", seed, folder, flags) as on:
        on.ledger.keeps_delivered = size.kept
        await on.begin(size.talk.ring, size.talk.restless)
        proxy = Proxy(on.server.port, on.random, most_bytes=size.most_bytes)
        async with proxy:
            on.port = lambda: proxy.port
            for client in on.cast.clients:
                client.open_seconds = _OPEN_SECONDS
                await client.disconnect()
            on.cast.talk(size.talk.in_flight, size.talk.think)
            while proxy.fates.total() < size.cuts:
                await _lives(on, 0.05)
            on.report.disruptions = ", ".join(f"{n:,} {fate}" for fate, n in proxy.fates.items())
            proxy.calm = True
            proxy.drop()
            await on.cast.settle(kept=size.kept)
            measured(on)
            await on.cast.leave()
    return on.report


# Answers that are lost


@dataclass(frozen=True, kw_only=True)
class Losses:
    losses: int


LOSSES_SMALL: Final = Losses(losses=50)
LOSSES_FULL: Final = Losses(losses=1_000)


async def unheard(size: Losses, seed: int, folder: Path) -> Report:
    """A client is cut off at times before it hears of its new token, and gets in all the same."""
    async with stage("unheard", seed, folder) as on:
        await on.begin(2)
        client = on.cast.ring[0]
        for number in range(size.losses):
            on.report.disruptions = f"{number + 1:,} answers lost"
            await client.stop()
            await client.knock()
            client.start()
            await client.online()
        await on.cast.settle()
    return on.report


# Much to catch up with


@dataclass(frozen=True, kw_only=True)
class Absence:
    #: What is said to each who is away, by each of its peers
    messages: int
    talk: Talk
    #: How often those who come back are cut off again while they catch up
    breaks: int


ABSENCE_SMALL: Final = Absence(messages=600, talk=Talk(), breaks=3)
ABSENCE_FULL: Final = Absence(
    messages=5_000, talk=Talk(ring=16, restless=0, in_flight=3, think=0.01), breaks=20
)


async def absent(size: Absence, seed: int, folder: Path) -> Report:
    """Some come back to much that was said, and join in before they have been told all of it."""
    async with stage("absent", seed, folder) as on:
        await on.begin(size.talk.ring, size.talk.restless)
        away = on.cast.ring[::2]
        for client in away:
            await client.stop()
        await for_each(on.cast.ring[1::2], lambda client: _tell_all(on, client, size.messages))
        on.cast.talk(size.talk.in_flight, size.talk.think)
        for client in away:
            client.start()
        for number in range(size.breaks):
            await on.cast.online()
            await _lives(on, on.random.uniform(0, 0.05))
            for client in away:
                await client.disconnect()
            on.report.disruptions = f"{len(away)} away, {number + 1} breaks of each"
        await on.cast.settle()
        measured(on)
    return on.report


async def _tell_all(on: Stage, client: Client, messages: int) -> None:
    """Write to each peer, some messages at a time."""

    async def tell(peer: str) -> None:
        for _ in range(messages):
            await on.cast.say(client, peer, on.cast.content())

    await asyncio.gather(*(tell(peer) for peer in on.cast.peers[client]))


# Everybody at once


@dataclass(frozen=True, kw_only=True)
class Herd:
    clients: int
    #: How long all of them may take together
    seconds: float


HERD_SMALL: Final = Herd(clients=100, seconds=20)
HERD_FULL: Final = Herd(clients=5_000, seconds=240)


async def herd(size: Herd, seed: int, folder: Path) -> Report:
    """The server is killed, and all who were connected come back at the same moment."""
    async with stage("herd", seed, folder) as on:
        on.cast.patience = size.seconds
        await on.begin(size.clients)
        await _each_says_one(on)
        await on.ledger.settled(size.seconds)
        await on.server.kill()
        await _all_away(on)
        began = time.monotonic()
        await on.server.start()
        await on.cast.online()
        on.fact(f"All {size.clients:,} were back in {time.monotonic() - began:.1f} s")
        on.report.disruptions = f"1 kill, {size.clients:,} reconnects"
        await _each_says_one(on)
        await on.cast.settle()
        measured(on)
    return on.report


async def _all_away(on: Stage) -> None:
    """Wait until every client has noticed that the server is gone."""
    for client in on.cast.clients:
        await client.offline()


async def _each_says_one(on: Stage) -> None:
    async with asyncio.TaskGroup() as group:
        for client in on.cast.ring:
            peer = on.random.choice(on.cast.peers[client])
            group.create_task(on.cast.say(client, peer, on.cast.content()))
