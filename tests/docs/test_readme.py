"""The clients in the README talk to each other as they are printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import node
from tests.support.process import Serve

README = (Path(__file__).parents[2] / "README.md").read_text()
SECONDS = 30


def program(language: str) -> str:
    """The client in this language; the server that comes after it is another matter."""
    return str(re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)[0])


def start(url: str, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "SERVER": url},
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    printed = ""
    try:
        for line in process.stdout:
            printed += line
            found = re.search(pattern, line)
            if found:
                return found
    finally:
        watchdog.cancel()
    raise AssertionError(f"{pattern} was not printed: {printed}")


@pytest.mark.parametrize("asks", ["python", "js"])
def test_the_clients_in_the_readme_talk(serve: Serve, tmp_path: Path, asks: str) -> None:
    url = serve().url
    (tmp_path / "client.py").write_text(program("python"))
    (tmp_path / "client.mjs").write_text(program("js"))
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "socket.io-client").symlink_to(
        node.package("socket.io-client-newest")
    )
    commands = {
        "python": (sys.executable, str(tmp_path / "client.py")),
        "js": (node.executable(), str(tmp_path / "client.mjs")),
    }
    answers = "js" if asks == "python" else "python"
    first = start(url, *commands[answers])
    second = None
    try:
        client_id = read_until(first, r"[0-9a-f]{8}-[0-9a-f-]{27}")[0]
        second = start(url, *commands[asks], client_id)
        read_until(first, "Hello!")
        read_until(second, "Hello!")
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()
                assert process.stdout is not None
                process.stdout.close()
