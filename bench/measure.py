"""Servers and load as processes on a core each, and what the kernel says of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from msgspec.structs import replace

from duologue.core.events import AddMessage, MessageReceived, PutIdentity, PutPair
from duologue.core.model import Identity, State, new_pair
from duologue.stores.sqlite import SqliteStore

from .peers import BUILD, Peer

SERVER_CORE: Final = 0
LOAD_CORE: Final = 1
LOAD: Final = BUILD / "load"

_START_SECONDS: Final = 30.0


#: How many pairs the messages of a store that is filled beforehand are spread over.
_FILLED_PAIRS: Final = 1_000

_BATCHES: Final = re.compile(r"batches of ([0-9.]+) jobs, at most ([0-9]+), in ([0-9.]+) ms each")


def _fill(path: str, messages: int) -> None:
    store = SqliteStore(path)
    pairs = [replace(new_pair(f"a{n}", f"b{n}"), state=State.LINKED) for n in range(_FILLED_PAIRS)]
    with store.transaction():
        for pair in pairs:
            for client in (pair.low, pair.high):
                store.apply(PutIdentity(Identity(id=client, kept=True, expires_at=4e9)))
            store.apply(PutPair(pair))
    for seq in range(1, messages // _FILLED_PAIRS + 1):
        with store.transaction():
            for pair in pairs:
                id = str(uuid.uuid4())
                said = MessageReceived(pair.low, "x" * 64, id, seq, int(time.time() * 1000))
                kept = store.pair(pair.low, pair.high)
                store.add_message(AddMessage(kept or pair, said, said, delivered=True, retry=True))
    store.close()


class BenchError(Exception):
    """A server or the load did not do what was asked of it."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A peer that runs on the server's core; ends with its ``with`` block."""

    def __init__(self, peer: Peer, *, fill: int = 0) -> None:
        """With `fill` so many messages are in Duologue's store already."""
        self.peer = peer
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="duologue-bench-")
        if fill:
            _fill(f"{self._folder.name}/duologue.db", fill)
        self._errors = (Path(self._folder.name) / "errors").open("w+b")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *peer.argv(self.port)],
            cwd=self._folder.name,
            env={**os.environ, **peer.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )

    def __enter__(self) -> Self:
        until = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return self
            if self.process.poll() is not None or time.monotonic() > until:
                self.close()
                raise BenchError(f"{self.peer.name} did not start: {self.errors()}")
            time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        self.close()
        self._errors.close()
        self._folder.cleanup()

    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-2_000:]

    def batches(self) -> dict[str, float]:
        """What Duologue said of its commits when it ended: how many jobs each had, and its time."""
        found = _BATCHES.search(self.errors())
        if found is None:
            return {}
        mean, largest, milliseconds = map(float, found.groups())
        return {"batch_mean": mean, "batch_max": largest, "batch_ms": milliseconds}

    def close(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._errors.flush()

    def _processes(self) -> Iterator[int]:
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            for thread in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())

    def cpu_seconds(self) -> float:
        """CPU time of all its processes and threads, in the kernel's nanosecond accounts."""
        total = 0
        for pid in self._processes():
            for thread in Path(f"/proc/{pid}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory_kib(self) -> int:
        """Proportional set size of all its processes, in KiB."""
        total = 0
        for pid in self._processes():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total


def _start_load(kind: str, server: Server, **options: Any) -> subprocess.Popen[str]:
    arguments = [f"{key}={value}" for key, value in options.items()]
    command = [str(LOAD), kind, str(server.port), f"dialect={server.peer.dialect}", *arguments]
    return subprocess.Popen(
        ["taskset", "-c", str(LOAD_CORE), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _line(load: subprocess.Popen[str], server: Server) -> str:
    assert load.stdout is not None
    assert load.stderr is not None
    line = load.stdout.readline()
    if not line:
        reason = load.stderr.read().strip()
        raise BenchError(f"{server.peer.name}: {reason}; the server said: {server.errors()}")
    return line


def relay(server: Server, **options: Any) -> dict[str, float]:
    """Let pairs write to each other; options are those of ``load.c``."""
    load = _start_load("relay", server, **options)
    try:
        _line(load, server)
        cpu = server.cpu_seconds()
        result = json.loads(_line(load, server))
        cpu = server.cpu_seconds() - cpu
    finally:
        load.kill()
        load.communicate()
    if result["refused"] or not result["delivered"]:
        raise BenchError(
            f"{server.peer.name} delivered {result['delivered']}, refused {result['refused']}"
        )
    seconds, delivered = result["seconds"], result["delivered"]
    figures = {
        "messages_per_s": delivered / seconds,
        "cpu_us": cpu / delivered * 1e6,
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "server_cpu": cpu / seconds,
        "load_cpu": result["load_cpu"],
    }
    if result["acked"]:
        figures["ack_p50_us"] = result["ack_p50_us"]
        figures["ack_p99_us"] = result["ack_p99_us"]
    return figures


class Idle:
    """Clients that are connected and say nothing, for as long as its ``with`` block lasts."""

    def __init__(self, server: Server, clients: int) -> None:
        self._server = server
        self._clients = clients

    def __enter__(self) -> Self:
        server = self._server
        memory, cpu = server.memory_kib(), server.cpu_seconds()
        self._load = _start_load("idle", server, clients=self._clients)
        try:
            result = json.loads(_line(self._load, server).removeprefix("connected "))
        except BaseException:
            self.__exit__()
            raise
        cpu = server.cpu_seconds() - cpu
        time.sleep(1.0)
        self.figures = {
            "connections_per_s": self._clients / result["seconds"],
            "connections_per_cpu_s": self._clients / cpu,
            "kib_per_connection": (server.memory_kib() - memory) / self._clients,
            "load_cpu": result["load_cpu"],
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._load.kill()
        self._load.communicate()
