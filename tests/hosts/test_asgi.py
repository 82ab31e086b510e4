"""Mounted in ASGI applications, under plain uvicorn."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from duologue import Duologue, Refused
from duologue.hosts.applications import CannotLoad, as_asgi, load
from duologue.settings import SettingsError
from tests.hosts.contract import ApplicationContract, Come, Host, Person, fresh, link
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

WAITS = """
import asyncio, os

async def app(scope, receive, send):
    while True:
        message = await receive()
        if message["type"] == os.environ["WAITS_AT"]:
            print("waits", flush=True)
            await asyncio.Event().wait()
        await send({"type": message["type"] + ".complete"})
"""

WSGI = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"WSGI at " + environ["PATH_INFO"].encode()]
"""


def _uvicorn(folder: Path, app: str, *flags: str) -> HostProcess:
    command = (sys.executable, "-m", "uvicorn", app, "--port", "{port}", *flags)
    return HostProcess(folder, *command, env={"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'src'}"})


class TestStarlette(ApplicationContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        folder = tmp_path_factory.mktemp("starlette")
        process = _uvicorn(folder, "tests.hosts.apps.starlette_app:app")
        host = Host(process)
        yield host
        host.stop()


class TestFastApiBelowAPath(ApplicationContract):
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
        (".site:app", "'.site' is no module by its full name"),
        ("tests.hosts.test_asgi:make_app", "is not called as an application"),
    ],
)
def test_what_is_no_application_is_said_in_one_line(name: str, reason: str) -> None:
    with pytest.raises(CannotLoad, match=re.escape(reason)):
        load(name)


def make_app() -> object:
    """A factory, which is no application."""
    return object()


async def _greets(greeting: bytes, scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": greeting})


class _HandsOn:
    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        return _greets(b"hi", scope, receive, send)


@pytest.mark.parametrize("app", [partial(_greets, b"hi"), _HandsOn()])
def test_what_hands_on_to_an_asgi_application_is_one(app: Callable[..., Any]) -> None:
    assert as_asgi(app) is app


@pytest.mark.parametrize(
    ("waits_at", "signals"), [("lifespan.startup", 1), ("lifespan.shutdown", 2)]
)
def test_an_application_that_waits_for_ever_does_not_hold_up_the_end(
    tmp_path: Path, waits_at: str, signals: int
) -> None:
    (tmp_path / "shop.py").write_text(WAITS)
    server = subprocess.Popen(
        [sys.executable, "-m", "duologue", "serve", "--port", "0", "--app", "shop:app"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd() / "src"), "WAITS_AT": waits_at},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    with server, server.stdout as lines:
        for _ in range(signals):
            while not next(lines).startswith(("waits", "Duologue is running")):
                pass
            server.terminate()
        assert server.wait(30) == 0


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


class _Server:
    """As an ASGI server sees an application: what it is told, and what it then says."""

    def __init__(self, duologue: Duologue) -> None:
        self.duologue = duologue
        self.said: list[MutableMapping[str, Any]] = []
        #: Whether the application's store was open whenever something was said
        self.open: list[bool] = []

    async def lives(self) -> None:
        await self.serve({"type": "lifespan"}, "lifespan.startup", "lifespan.shutdown")

    async def serve(self, scope: MutableMapping[str, Any], *types: str) -> None:
        told = [{"type": type} for type in types]

        async def receive() -> MutableMapping[str, Any]:
            return told.pop(0)

        async def send(message: MutableMapping[str, Any]) -> None:
            self.said.append(message)
            try:
                self.open.append(self.duologue.node is not None)
            except RuntimeError:
                self.open.append(False)

        await self.duologue.asgi(scope, receive, send)


async def _with_a_lifespan(scope: Any, receive: Any, send: Any) -> None:
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})


async def _without_a_lifespan(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("no such scope")


@pytest.mark.anyio
@pytest.mark.parametrize("app", [None, _with_a_lifespan, _without_a_lifespan])
async def test_a_server_hears_of_the_end_when_the_store_is_closed(app: Any) -> None:
    server = _Server(Duologue(store="memory:", app=app))
    await server.lives()
    said = [message["type"] for message in server.said]
    assert list(zip(said, server.open, strict=True)) == [
        ("lifespan.startup.complete", True),
        ("lifespan.shutdown.complete", False),
    ]


@pytest.mark.anyio
async def test_a_server_is_told_that_the_store_cannot_be_opened(tmp_path: Path) -> None:
    server = _Server(Duologue(store=f"sqlite:///{tmp_path}/no/such.db"))
    await server.lives()
    (said,) = server.said
    assert (said["type"], "as a store" in said["message"]) == ("lifespan.startup.failed", True)


@pytest.mark.anyio
async def test_a_command_after_the_end_is_refused_and_opens_nothing() -> None:
    duologue = Duologue(store="memory:")
    async with duologue.lifespan():
        pass
    with pytest.raises(Refused, match="unavailable"):
        await duologue.online("ann")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("http", {"type": "http.response.start", "status": 503}),
        ("websocket", {"type": "websocket.close", "code": 1012}),
    ],
)
async def test_a_request_after_the_end_is_refused_and_opens_nothing(
    kind: str, answer: dict[str, Any]
) -> None:
    server = _Server(Duologue(store="memory:"))
    await server.lives()
    del server.said[:]
    await server.serve({"type": kind, "path": "/socket.io/", "headers": []})
    assert server.said[0].items() >= answer.items()


@pytest.mark.anyio
async def test_of_two_lifespans_at_once_the_last_one_ends_it() -> None:
    duologue = Duologue(store="memory:")
    async with duologue.lifespan():
        node = duologue.node
        async with duologue.lifespan():
            pass
        assert duologue.node is node


@pytest.mark.anyio
async def test_it_begins_anew_with_each_lifespan() -> None:
    duologue = Duologue(store="memory:")
    async with duologue.lifespan():
        await duologue.link("ann", "ben", create=True)
    async with duologue.lifespan():
        assert await duologue.link("ann", "ben", create=True)


@pytest.mark.anyio
async def test_a_command_on_another_loop_says_what_to_do() -> None:
    duologue = Duologue(store="memory:")

    def elsewhere() -> bool:
        return asyncio.run(duologue.online("ann"))

    async with duologue.lifespan():
        with pytest.raises(RuntimeError, match="other threads have `in_threads`"):
            await asyncio.to_thread(elsewhere)


def test_without_a_lifespan_each_loop_has_the_same_store(tmp_path: Path) -> None:
    duologue = Duologue(store=f"sqlite:///{tmp_path}/duologue.db")
    news = [asyncio.run(duologue.link("ann", "ben", create=True)) for _ in range(2)]
    assert news == [True, False]


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
