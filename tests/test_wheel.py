"""What is shipped is all there: the wheel, in an environment that has nothing else."""

from __future__ import annotations

import os
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

#: Somebody else's program, which mypy reads beside the installed package.
APPLICATION = """
from collections.abc import Mapping
from typing import Any, assert_type

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from duologue import (
    ANYONE, ClientReply, Duologue, HistoryReply, MessageReply, Named, Refused, Unidentified, Who
)
from duologue.client import Client, DuologueError, LinkRequested, MessageReceived
from duologue.settings import SettingsError
from duologue.threads import HostInThreads


async def identify(handshake: HTTPConnection, auth: Mapping[str, Any]) -> Who:
    if "x-barred" in handshake.headers:
        raise Unidentified("unauthorized", "Not you")
    return handshake.headers.get("x-user", ANYONE)


def by_payload(handshake: HTTPConnection, auth: Mapping[str, Any]) -> Named | None:
    return Named(str(auth["user"]), None, kept=True) if auth else None


async def authorize(asker: str, target: str) -> bool:
    return target != "director"


try:
    duologue = Duologue(identify=identify, authorize_request=authorize, store="memory:")
    other = Duologue(identify=by_payload, authorize_request=lambda asker, target: True)
except SettingsError:
    raise SystemExit(2)
app = Starlette(routes=[Mount("/", duologue.asgi)], lifespan=duologue.lifespan)


async def introduce() -> None:
    assert_type(duologue.in_threads, HostInThreads)
    assert_type(await duologue.link("ann", "ben", create=True), bool)
    assert_type(await duologue.send("ann", "ben", {"picture": b""}), MessageReply)
    assert_type(await duologue.client("ann"), ClientReply)
    try:
        page = await duologue.history("ann", "ben", limit=10)
    except Refused as refused:
        assert_type(refused.code, str)
    else:
        assert_type(page, HistoryReply)
        assert_type([message.sender for message in page.messages], list[str])
        assert_type([(message.seq, message.at) for message in page.messages], list[tuple[int, int]])


async def talk() -> None:
    async with Client("http://127.0.0.1:8000", token=lambda: "a token") as client:
        async for event in client:
            match event:
                case LinkRequested(sender=peer):
                    await client.accept(peer)
                case MessageReceived(sender=peer, content=content):
                    try:
                        sent = await client.send(peer, content)
                    except DuologueError as error:
                        assert_type(error.code, str)
                    else:
                        assert_type(sent.seq, int)
"""


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


@pytest.mark.parametrize(
    "path", ["/", "/duologue.js", "/simple", "/simple.js", "/socket.io/socket.io.js", "/readyz"]
)
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


def test_the_installed_package_is_typed(installed: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)
    python = installed.folder / "venv" / "bin" / "python"
    command = (sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python))
    done = subprocess.run(
        (*command, "--config-file", "", "--cache-dir", "cache", "application.py"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": "", "MYPYPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
