"""What is shipped is all there: the wheel, in an environment that has nothing else."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.clients import Python
from tests.support.process import ServerProcess

ROOT = Path(__file__).parents[1]


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server from the wheel, installed without extras."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    python = str(folder / "venv" / "bin" / "python")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-input", str(wheel))
    server = ServerProcess(
        "duologue", "serve", "--port", "0", python=python, env={"PYTHONPATH": ""}, folder=folder
    )
    yield server
    server.stop()


@pytest.mark.parametrize("path", ["/simple", "/simple.js", "/socket.io/socket.io.js", "/readyz"])
def test_the_page_is_in_the_wheel(installed: ServerProcess, path: str) -> None:
    assert httpx.get(installed.url + path).status_code == 200


def test_two_clients_of_a_server_from_the_wheel_talk(installed: ServerProcess) -> None:
    ann, ben = Python(installed.url), Python(installed.url)
    ann.call("link_request", targetClientId=ben.id)
    ben.call("link_accept", targetClientId=ann.id)
    ann.call("message", targetClientId=ben.id, message="hello")
    heard = ben.hears("message")
    ann.close()
    ben.close()
    assert heard["content"] == "hello"


def test_a_server_from_the_wheel_keeps_its_store(installed: ServerProcess) -> None:
    assert (installed.folder / "duologue.db").is_file()
