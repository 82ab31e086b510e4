"""Other people's servers, as the processes that they are in life."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from pathlib import Path

from tests.support.ports import Port

_SECONDS = 30


class HostProcess:
    """A command that serves HTTP on a port, ``{port}`` in it; ready when it answers.

    Runs in `folder`. `log` is what it has written so far.
    """

    def __init__(self, folder: Path, *command: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self._port = Port()
        self.port = self._port.number
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "server.log"
        path = (str(Path.cwd() / "src"), os.environ.get("PYTHONPATH", ""))
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [part.format(port=self.port) for part in command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "PORT": str(self.port),
                    "PYTHONPATH": os.pathsep.join(filter(None, path)),
                    **(env or {}),
                },
            )
        try:
            self._wait()
        except AssertionError:
            self.stop()
            raise

    @property
    def log(self) -> str:
        return self._log.read_text()

    def _wait(self) -> None:
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.get("/")
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the server did not start: {self.log}")

    def get(self, path: str, **headers: str) -> tuple[int, bytes, str]:
        """Status, body, and the cookies that were set."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Set-Cookie", "")
        finally:
            connection.close()

    @staticmethod
    def run(folder: Path, *command: str, env: dict[str, str]) -> str:
        """What a command prints that ends by itself."""
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._port.release()
        return self.process.returncode
