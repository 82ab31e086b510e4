"""A TCP proxy on 127.0.0.1 that does to connections what networks do to them."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from typing import Final

from .transports import HOST

_CHUNK_BYTES: Final = 16_384

PASS: Final = "passed"
DELAY: Final = "delayed and cut"
CUT: Final = "cut"
SILENT: Final = "silenced"


class _Passage:
    """One connection through the proxy, and the fate it was given."""

    def __init__(self, fate: str, allowance: int, delay: float, reset: bool) -> None:
        self.fate = fate
        #: Whether a cut is a reset, which throws away what is on its way, or a plain end
        self.reset = reset
        #: Bytes, both ways together, until the fate comes true
        self.allowance = allowance
        self.delay = delay
        self.writers: list[asyncio.StreamWriter] = []
        self.silent = asyncio.Event()

    def abort(self) -> None:
        """End it on both sides at once, with a reset."""
        for writer in self.writers:
            reset = writer.get_extra_info("socket")
            if reset is not None and not writer.is_closing():
                linger = struct.pack("ii", 1, 0)
                reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()


class Proxy:
    """Listens on `port` and passes on to `target`; `random` says how each connection fares.

    A connection is *cut* in the middle of whatever it carries, or goes *silent*: it stays open and
    carries nothing more, as behind a router that has forgotten it; or each piece is *delayed*, and
    in the end it is cut, too. `calm` lets every later connection pass, to `target` as it is then.
    `fates` counts.
    """

    def __init__(
        self,
        target: int,
        random: random.Random,
        *,
        weights: dict[str, int] | None = None,
        most_bytes: int = 20_000,
    ) -> None:
        self.port = 0
        self.calm = False
        self.fates: Counter[str] = Counter()
        self.target = target
        self._random, self._most_bytes = random, most_bytes
        self._weights = weights or {CUT: 5, SILENT: 2, DELAY: 2}
        self._passages: set[_Passage] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, HOST, 0, backlog=1_000)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self) -> None:
        """Cut every connection that there is."""
        for passage in list(self._passages):
            passage.abort()
            passage.silent.set()
        for task in self._tasks:
            task.cancel()

    def _passage(self) -> _Passage:
        (fate,) = self._random.choices(list(self._weights), list(self._weights.values()))
        allowance = round(self._most_bytes ** self._random.uniform(0.5, 1))
        delay = self._random.uniform(0.001, 0.05)
        reset = self._random.random() < 0.5
        return _Passage(PASS if self.calm else fate, allowance, delay, reset)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = self._passage()
        passage.writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._passages.add(passage)
        try:
            above, below = await asyncio.open_connection(HOST, self.target)
            passage.writers.append(below)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(passage, reader, below))
                group.create_task(self._carry(passage, above, writer))
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass
        finally:
            passage.abort()
            self._passages.discard(passage)
            self._tasks.discard(task)

    async def _carry(
        self, passage: _Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            if passage.fate == DELAY:
                await asyncio.sleep(passage.delay)
            if passage.fate != PASS:
                left = passage.allowance
                passage.allowance -= len(data)
                if passage.allowance <= 0:
                    await self._strike(passage, data[: max(left, 0)], writer)
                    return
            writer.write(data)
            await writer.drain()
        if passage.silent.is_set():
            await self._silence(passage)
        raise ConnectionResetError("one side has closed")

    async def _strike(self, passage: _Passage, part: bytes, writer: asyncio.StreamWriter) -> None:
        if not passage.silent.is_set() and part:
            writer.write(part)
            await writer.drain()
        if passage.fate != SILENT:
            self.fates[passage.fate] += 1
            if not passage.reset:
                writer.close()
                await writer.wait_closed()
            raise ConnectionResetError("cut")
        if not passage.silent.is_set():
            self.fates[SILENT] += 1
        await self._silence(passage)

    async def _silence(self, passage: _Passage) -> None:
        """From now on neither side hears of the other, nor even that it has closed."""
        passage.silent.set()
        await asyncio.Event().wait()
