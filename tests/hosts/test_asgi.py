"""Mounted in ASGI applications, under plain uvicorn."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from duologue import Duologue
from duologue.hosts.applications import CannotLoad, load
from duologue.settings import SettingsError
from tests.hosts.contract import Come, Contract, Host, Person, fresh, link
from tests.hosts.contract import come as come
from tests.hosts.process import HostProcess

SITE = """
import contextlib
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

state = ["not started"]

@contextlib.asynccontextmanager
async def lifespan(app):
    state[0] = "started"
    yield

async def index(request):
    return PlainTextResponse(state[0])

async def echo(websocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()

app = Starlette(routes=[Route("/", index), WebSocketRoute("/echo", echo)], lifespan=lifespan)
"""

WSGI = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"WSGI at " + environ["PATH_INFO"].encode()]
"""


def _uvicorn(folder: Path, app: str, *flags: str) -> HostProcess:
    command = (sys.executable, "-m", "uvicorn", app, "--port", "{port}", *flags)
    return HostProcess(folder, *command, env={"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'src'}"})


class TestStarlette(Contract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        folder = tmp_path_factory.mktemp("starlette")
        process = _uvicorn(folder, "tests.hosts.apps.starlette_app:app")
        host = Host(process)
        yield host
        host.stop()


class TestFastApiBelowAPath(Contract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        folder = tmp_path_factory.mktemp("fastapi")
        process = _uvicorn(folder, "tests.hosts.apps.fastapi_app:app")
        host = Host(process, "/talk")
        yield host
        host.stop()


class TestServeBesideStarlette:
    """``duologue serve --app``: the fast engine, and somebody else's application."""

    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        folder = tmp_path_factory.mktemp("serve")
        (folder / "shop.py").write_text(SITE)
        command = (sys.executable, "-m", "duologue", "serve", "--port", "{port}")
        process = HostProcess(folder, *command, "--app", "shop:app")
        host = Host(process)
        yield host
        host.stop()

    def test_conversations_are_served(self, come: Come) -> None:
        ann, ben = come(), come(transports="polling+websocket")
        link(ann, ben)
        ann.call("message", targetClientId=ben.id, message="hi")
        assert ben.hears("message")["content"] == "hi"

    def test_the_application_has_all_other_requests(self, host: Host) -> None:
        assert host.process.get("/")[:2] == (200, b"started")

    def test_the_application_has_its_own_websockets(self, host: Host) -> None:
        with connect(host.url.replace("http", "ws") + "/echo") as websocket:
            websocket.send("hi")
            assert websocket.recv() == "hi"

    def test_the_page_is_beside_it(self, host: Host) -> None:
        assert host.process.get("/simple")[0] == 200


def test_a_wsgi_application_is_served_too(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(WSGI)
    command = (sys.executable, "-m", "duologue", "serve", "--port", "{port}", "--app", "shop:app")
    process = HostProcess(tmp_path, *command)
    try:
        assert process.get("/here")[:2] == (200, b"WSGI at /here")
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("shop", "'shop' is not of the form module:name"),
        ("no_such_site:app", "There is no module 'no_such_site'"),
        ("json:app", "There is no 'app' in module 'json'"),
        ("json:__name__", "json:__name__ is not an application, but str"),
    ],
)
def test_what_is_no_application_is_said_in_one_line(name: str, reason: str) -> None:
    with pytest.raises(CannotLoad, match=re.escape(reason)):
        load(name)


def test_what_was_said_before_a_restart_still_holds(tmp_path: Path) -> None:
    first = _uvicorn(tmp_path, "tests.hosts.apps.starlette_app:app")
    ann, ben = Person(Host(first), fresh("ann")), Person(Host(first), fresh("ben"))
    link(ann, ben)
    ben.leave()
    ann.leave()
    first.stop()
    second = Host(_uvicorn(tmp_path, "tests.hosts.apps.starlette_app:app"))
    try:
        ann = Person(second, ann.id)
        ann.call("message", targetClientId=ben.id, message="after")
        ben = Person(second, ben.id)
        assert ben.hears("message")["content"] == "after"
    finally:
        ann.leave()
        ben.leave()
        second.process.stop()


def test_without_a_lifespan_there_is_no_node() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        _ = Duologue(store="memory:").node


@pytest.mark.anyio
async def test_commands_work_inside_the_lifespan() -> None:
    duologue = Duologue(store="memory:")
    async with duologue.lifespan():
        assert await duologue.link("ann", "ben", create=True)


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="unknown setting: stoer"):
        Duologue(stoer="memory:")


def test_a_setting_that_only_the_server_could_follow_is_refused() -> None:
    with pytest.raises(SettingsError, match="metrics_port is the ASGI server's to say"):
        Duologue(store="memory:", metrics_port=9464)


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, duologue; print([m for m in sys.modules if m.startswith('duologue.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
