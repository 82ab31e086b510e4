"""What is measured, and in which order: peers in turn, round after round."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from .measure import BenchError, Idle, Server, relay
from .peers import Peer, all_peers

#: Engine.IO's usual ping interval; a bit more than one is watched for the cost of being idle.
_HEARTBEAT_SECONDS: Final = 25.5

Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One way of writing to each other: `options` are those of ``load.c``."""

    name: str
    title: str
    options: dict[str, Any] = field(default_factory=dict)
    often: bool = False

    def fits(self, peer: Peer) -> bool:
        if peer.only is not None and self.name not in peer.only:
            return False
        if self.options.get("transport") == "polling" and not peer.polls:
            return False
        return not self.options.get("acks") or peer.acks


RELAY: Final = (
    Scenario(name="relay-1", title="64 B, 1 in flight", options={"flight": 1}, often=True),
    Scenario(name="relay-8", title="64 B, 8 in flight", options={"flight": 8}, often=True),
    Scenario(
        name="acks-8",
        title="64 B, 8 in flight, with acks",
        options={"flight": 8, "acks": 1},
        often=True,
    ),
    Scenario(
        name="ids-8",
        title="64 B, 8 in flight, with acks and IDs for retries",
        options={"flight": 8, "acks": 1, "ids": 1},
    ),
    Scenario(name="kib-8", title="1 KiB, 8 in flight", options={"flight": 8, "size": 1024}),
    Scenario(name="64kib-1", title="64 KiB, 1 in flight", options={"flight": 1, "size": 65536}),
    Scenario(name="one-pair", title="one pair alone, 64 B", options={"flight": 1, "pairs": 1}),
    Scenario(
        name="polling-1",
        title="64 B, 1 in flight, long-polling",
        options={"flight": 1, "transport": "polling"},
    ),
)

#: How many idle clients there are beside the busy ones.
GROWTH: Final = (0, 1_000, 10_000)
#: How many messages are in the file before.
STORED: Final = (1_000, 1_000_000)
#: The clients of the load generator's 50 pairs.
BUSY_CLIENTS: Final = 100


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured: rounds, and seconds of each measurement.

    What a budget of CPU per message stands on, and connections, is measured in every one of
    `rounds`, the rest in the first `fewer_rounds`, what needs thousands of idle clients in the
    first `growth_rounds`.
    """

    rounds: int
    fewer_rounds: int
    growth_rounds: int
    seconds: float
    warmup: float
    quick: bool


FULL: Final = Plan(rounds=5, fewer_rounds=3, growth_rounds=2, seconds=2.0, warmup=0.5, quick=False)
QUICK: Final = Plan(rounds=2, fewer_rounds=0, growth_rounds=1, seconds=1.5, warmup=0.5, quick=True)

Record = Callable[[str, str, int, Figures], None]
Progress = Callable[[str], None]


class Run:
    """One run of the benchmark: `results` fills as `go` goes on."""

    def __init__(self, plan: Plan, *, only: str, peers: tuple[str, ...], say: Progress) -> None:
        self._plan = plan
        self._only = only
        self._say = say
        self._peers = [peer for peer in all_peers() if not peers or peer.name in peers]
        self._steps = list(self._plan_steps())
        self.runs: list[dict[str, Any]] = []
        self.failures: list[str] = []

    def go(self) -> dict[str, Any]:
        """Measure everything; returns what is written to the result file."""
        started = time.monotonic()
        for number, (what, round_number, step) in enumerate(self._steps, 1):
            self._say(f"[{number}/{len(self._steps)}] round {round_number + 1}: {what}")
            try:
                step()
            except BenchError as error:
                # A peer that cannot do something must not cost us the rest of the run
                self.failures.append(f"{what}: {error}")
                self._say(f"    FAILED: {error}")
        return {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "took_seconds": round(time.monotonic() - started),
            "quick": self._plan.quick,
            "rounds": self._plan.rounds,
            "seconds": self._plan.seconds,
            "machine": machine(),
            "versions": {peer.name: peer.versions for peer in self._peers},
            "titles": {peer.name: peer.title for peer in self._peers},
            "failures": self.failures,
            "runs": self.runs,
        }

    def _record(self, peer: Peer, scenario: str, round_number: int, figures: Figures) -> None:
        rounded = {key: round(value, 4) for key, value in figures.items()}
        self.runs.append(
            {"peer": peer.name, "scenario": scenario, "round": round_number, **rounded}
        )
        shown = ", ".join(f"{key} {value:,.4g}" for key, value in figures.items())
        self._say(f"    {peer.name} {scenario}: {shown}")

    def _plan_steps(self) -> Iterator[tuple[str, int, Callable[[], None]]]:
        plan = self._plan
        for round_number in range(plan.rounds):
            # Peers take turns as quickly as may be where a ratio is what counts
            for often in (True, False) if round_number < plan.fewer_rounds else (True,):
                for peer in self._peers:
                    scenarios = [
                        scenario
                        for scenario in RELAY
                        if scenario.often is often
                        and scenario.fits(peer)
                        and self._only in scenario.name
                    ]
                    if scenarios:
                        step = self._bind(self._relay, peer, round_number, scenarios)
                        yield f"{peer.title}, relay", round_number, step
            for peer in self._peers:
                if self._only in "connect" and _takes_part(peer, "connect"):
                    step = self._bind(self._connect, peer, round_number)
                    yield f"{peer.title}, connections", round_number, step
        for round_number in range(plan.growth_rounds):
            for peer in self._peers:
                if (
                    self._only in "growth"
                    and _takes_part(peer, "growth")
                    and not (plan.quick and peer.name != "duologue")
                ):
                    step = self._bind(self._growth, peer, round_number)
                    yield f"{peer.title}, idle clients", round_number, step
                if self._only in "stored" and peer.name == "durable" and not plan.quick:
                    step = self._bind(self._stored, peer, round_number)
                    yield f"{peer.title}, messages stored before", round_number, step

    def _bind(self, method: Callable[..., None], *arguments: Any) -> Callable[[], None]:
        return lambda: method(*arguments)

    def _measure(self, server: Server, **options: Any) -> Figures:
        return relay(server, seconds=self._plan.seconds, warmup=self._plan.warmup, **options)

    def _relay(self, peer: Peer, round_number: int, scenarios: list[Scenario]) -> None:
        # One server for all, unless what it says at its end is of interest
        for group in [[each] for each in scenarios] if peer.only is not None else [scenarios]:
            with Server(peer) as server:
                measured = [self._measure(server, **each.options) for each in group]
                server.close()
                measured[-1] |= server.batches()
            for scenario, figures in zip(group, measured, strict=True):
                self._record(peer, scenario.name, round_number, figures)

    def _stored(self, peer: Peer, round_number: int) -> None:
        for messages in STORED:
            with Server(peer, fill=messages) as server:
                figures = self._measure(server, flight=8, acks=1)
            self._record(peer, f"stored-{messages}", round_number, figures)

    def _connect(self, peer: Peer, round_number: int) -> None:
        with Server(peer) as server:
            with Idle(server, 200):
                pass  # what a server loads and compiles for its first clients is not their price
            # One with a limit may not have noticed yet that those have gone
            with Idle(server, min(1_000, peer.most_clients // 2)) as idle:
                self._record(peer, "connect", round_number, idle.figures)

    def _growth(self, peer: Peer, round_number: int) -> None:
        with Server(peer) as server:
            self._measure(server, flight=8)  # so that the code is warm in the first one, too
            for clients in GROWTH:
                if clients + BUSY_CLIENTS > peer.most_clients:
                    break
                if not clients:
                    figures = self._measure(server, flight=8)
                else:
                    # Memory by itself: what the busy ones left behind would be given back meanwhile
                    with Server(peer) as fresh, Idle(fresh, clients) as idle:
                        self._record(peer, f"idle-{clients}", round_number, idle.figures)
                    with Idle(server, clients):
                        if round_number == 0 and clients == GROWTH[-1] and not self._plan.quick:
                            self._record(peer, f"resting-{clients}", 0, self._resting(server))
                        figures = self._measure(server, flight=8)
                self._record(peer, f"growth-{clients}", round_number, figures)

    def _resting(self, server: Server) -> Figures:
        cpu = server.cpu_seconds()
        time.sleep(_HEARTBEAT_SECONDS)
        return {"cpu_percent": (server.cpu_seconds() - cpu) / _HEARTBEAT_SECONDS * 100}


def _takes_part(peer: Peer, scenario: str) -> bool:
    return peer.only is None or scenario in peer.only


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    processor = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
    }


__all__ = ["FULL", "GROWTH", "QUICK", "RELAY", "STORED", "BenchError", "Plan", "Run", "Scenario"]
