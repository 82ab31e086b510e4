"""The server under torture: a process that is started, killed, and asked how it is."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
import time
from pathlib import Path
from typing import Final

from tests.support.ports import Port

from .transports import HOST, Broken, get

_ADDRESS: Final = re.compile(r"https?://[^/]*:\d+/")
_SECONDS_TO_START: Final = 60
_SECONDS_TO_STOP: Final = 60
_LOG_LINES: Final = 20


class ServerFailed(Exception):
    """The server did not start, or ended by itself; the text has the end of its log."""


class Server:
    """``duologue serve`` on one file and one port, through all of its lives.

    The port is free, and stays this server's while it does not run. `log` is the file that its
    standard error goes to. `serving` is set while it can be reached. `starts` has how long each
    start took, in seconds.
    """

    def __init__(self, store: Path, log: Path, *flags: str) -> None:
        self._port = Port()
        self.port = self._port.number
        self.pid = 0
        self.serving = asyncio.Event()
        self.starts: list[float] = []
        self._flags = (*flags, "--store", f"sqlite:///{store}")
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None
        self._began = 0.0

    async def spawn(self) -> None:
        """Begin to start; `serving` is set when it has."""
        command = [sys.executable, "-m", "duologue", "serve", "--host", HOST]
        with self._log.open("ab") as log:
            self._began = time.monotonic()
            self._process = await asyncio.create_subprocess_exec(
                *command,
                "--port",
                str(self.port),
                *self._flags,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self.pid = self._process.pid
        self._output = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if _ADDRESS.search(line.decode()) is not None:
                self.starts.append(time.monotonic() - self._began)
                self.serving.set()
        self.serving.clear()

    async def start(self) -> None:
        """Start and wait until it serves. Raises `ServerFailed`."""
        await self.spawn()
        await self.started()

    async def started(self) -> None:
        """Wait until what was begun serves. Raises `ServerFailed`."""
        up = asyncio.create_task(self.serving.wait())
        down = asyncio.create_task(self.ended())
        await asyncio.wait(
            (up, down), return_when=asyncio.FIRST_COMPLETED, timeout=_SECONDS_TO_START
        )
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        if not self.serving.is_set():
            await self.kill()
            raise ServerFailed(f"the server did not start:\n{self.log}")

    async def ended(self) -> int:
        """Wait until it has ended; its exit code, negative for a signal."""
        assert self._process is not None
        code = await self._process.wait()
        if self._output is not None:
            await asyncio.shield(self._output)
        return code

    async def kill(self) -> int:
        """SIGKILL, and wait until it is gone. Returns its exit code, -9 unless it was sooner."""
        self.signal(signal.SIGKILL)
        return await self.ended()

    async def stop(self) -> int:
        """SIGTERM, and wait for its end; -9 if that took too long."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_STOP):
                return await self.ended()
        return await self.kill()

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def answers(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET. (0, …) if there is no answer."""
        try:
            return await get(self.port, path)
        except Broken as error:
            return 0, str(error).encode()

    def memory(self) -> int:
        """Bytes of memory that the process holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1_024

    @property
    def log(self) -> str:
        """The end of what it has written to standard error."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return "\n".join(lines[-_LOG_LINES:])

    async def close(self) -> None:
        """Kill it if it runs, and give its port away."""
        if self._process is not None:
            await self.kill()
        self._port.release()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
