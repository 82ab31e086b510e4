"""Servers under test, as the processes that they are in life."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_ADDRESS = re.compile(r"(https?://\S+/|unix:\S+)")

_SECONDS_TO_START = 20
_SECONDS_TO_STOP = 20


class ServerProcess:
    """A running ``python -m MODULE …`` that prints its address once it serves.

    `log` is what it has written to standard error so far. Its working folder, where its store is
    unless it is told otherwise, is `folder`, or one of its own that goes with it. `python` is the
    interpreter that it runs in.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        env: dict[str, str] | None = None,
        folder: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self._own_folder = tempfile.TemporaryDirectory(prefix="duologue-test-")
        self.folder = folder or Path(self._own_folder.name)
        path = [str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                "PYTHONPATH": os.pathsep.join(filter(None, path)),
                **(env or {}),
            },
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        watchdog = threading.Timer(_SECONDS_TO_START, self.process.kill)
        watchdog.start()
        try:
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        found = _ADDRESS.search(line)
        if found is None:
            self.stop()
            raise AssertionError(f"the server did not start: {line!r} {self.log}")
        self.url = found[1].rstrip("/")
        self.port = urlsplit(self.url).port or 0

    @classmethod
    def on_socket(cls, path: Path) -> ServerProcess:
        """``duologue serve`` on a Unix domain socket."""
        return cls("duologue", "serve", "--uds", str(path))

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def terminate(self) -> None:
        """Tell it to stop, and do not wait."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Stop it and wait until it has ended; returns its exit code."""
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self._own_folder.cleanup()
        return self.process.returncode


Serve = Callable[..., ServerProcess]
