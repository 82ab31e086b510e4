"""What every scenario needs: a server, clients of it, a ledger, and a report at the end."""

from __future__ import annotations

import contextlib
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from .cast import Cast
from .client import Gone
from .ledger import Kind, Ledger
from .report import Report
from .server import Server, ServerFailed
from .transports import KINDS

#: No limit may come in the way: what is asked for here is not whether they hold.
LIMITS: Final = (
    "--messages-per-minute=100000000",
    "--identities-per-hour-per-address=100000000",
    "--stranger-messages-per-minute=100000000",
    "--requests-per-minute=100000000",
    "--history-max=10000000",
    "--queue-max=10000000",
    "--log-level=warning",
)


class Stage:
    """One run of one scenario. All that is random in it comes from `seed`."""

    def __init__(
        self, scenario: str, seed: int, folder: Path, flags: Sequence[str], store: Path | None
    ) -> None:
        self.random = random.Random(f"{scenario} {seed}")
        self.ledger = Ledger()
        self.report = Report(scenario, seed, self.ledger)
        self.folder = folder
        self.server = Server(store or folder / "store.db", folder / "log", *LIMITS, *flags)
        #: Where clients find the server; a scenario may put something in between
        self.port: Callable[[], int] = lambda: self.server.port
        self.cast = Cast(self.ledger, self.random, KINDS, lambda: self.port(), self._serving)

    async def _serving(self) -> None:
        await self.server.serving.wait()

    async def begin(self, ring: int, restless: int = 0) -> None:
        """Start the server, and gather the cast."""
        await self.server.start()
        await self.cast.gather(ring, restless)

    def fact(self, text: str) -> None:
        self.report.facts.append(text)

    def durations(self, what: str, seconds: Sequence[float]) -> None:
        """Note how long something took: median, 99th percentile, longest."""
        if seconds:
            ordered = sorted(seconds)
            late = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
            values = (statistics.median(ordered), late, ordered[-1])
            shown = " / ".join(f"{value * 1_000:,.0f}" for value in values)
            self.fact(f"{what}, median / 99 % / longest: {shown} ms")

    def check(self, right: bool, text: str) -> None:
        """Note a violation unless something is right."""
        if not right:
            self.ledger.violation(Kind.OTHER, text)

    async def leave(self) -> None:
        await self.cast.leave()
        await self.server.close()


@contextlib.asynccontextmanager
async def stage(
    scenario: str, seed: int, folder: Path, flags: Sequence[str] = (), store: Path | None = None
) -> AsyncIterator[Stage]:
    """Sets up, and in the end ends every client and the server. Failures go into the report."""
    self = Stage(scenario, seed, folder, flags, store)
    began = time.monotonic()
    try:
        yield self
    except (ServerFailed, Gone) as failure:
        self.ledger.violation(Kind.OTHER, str(failure))
    finally:
        await self.leave()
        self.report.seconds = time.monotonic() - began
