"""Clients in a process of their own, which can be stopped like a laptop that is shut.

As a program it takes a port, a number of clients and a seed, and prints what happens to them as
lines of JSON, each a method of `Journal` and its arguments. `Readers` is the other end of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Self

from .client import Client
from .ledger import Ledger
from .transports import WEBSOCKET

_LINE_BYTES: Final = 4_000_000
_READY: Final = "ready"


class _Printed:
    """A journal for somebody else to read."""

    def __getattr__(self, method: str) -> Any:
        def tell(*arguments: Any) -> None:
            print(json.dumps([method, *arguments]), flush=True)

        return tell


class Readers:
    """Clients that agree to be linked by anyone, and only listen."""

    def __init__(self, process: asyncio.subprocess.Process, ledger: Ledger) -> None:
        self.ids: list[str] = []
        self.process = process
        self._ledger = ledger
        self._ready = asyncio.Event()
        self._leaving = False

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(
        cls, port: int, clients: int, seed: int, ledger: Ledger
    ) -> AsyncIterator[Self]:
        """Begins when all of them are connected; fails as soon as their process has ended."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(port), str(clients), str(seed)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
        )
        readers = cls(process, ledger)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(readers._read())
                await readers._ready.wait()
                yield readers
                readers._end()
        finally:
            readers._end()
            await process.wait()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            method, *arguments = json.loads(line)
            if method == _READY:
                self.ids = arguments
                self._ready.set()
            else:
                getattr(self._ledger, method)(*arguments)
        if not self._leaving:
            raise EOFError("the readers' process has ended")

    def _end(self) -> None:
        self._leaving = True
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


async def _listen(port: int, clients: int, seed: int) -> None:
    chance = random.Random(seed)
    readers: list[Client] = []
    answers: set[asyncio.Task[Any]] = set()

    def agrees(reader: Client) -> Callable[[str, dict[str, Any]], None]:
        def heard(name: str, payload: dict[str, Any]) -> None:
            if name == "link_requested":
                answer = reader.ask("link_accept", targetClientId=payload["from"])
                answers.add(asyncio.create_task(answer))

        return heard

    for _ in range(clients):
        reader = Client(lambda: port, _Printed(), chance, (WEBSOCKET,))
        reader.heard = agrees(reader)
        reader.start()
        readers.append(reader)
    for reader in readers:
        await reader.online()
    print(json.dumps([_READY, *(reader.id for reader in readers)]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_listen(*(int(argument) for argument in sys.argv[1:])))
