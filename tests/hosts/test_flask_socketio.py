"""On a Flask-SocketIO server, in each of its modes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import socketio
from flask import Flask
from flask_socketio import SocketIO
from socketio.packet import Packet
from websockets.sync.client import ClientConnection, connect

from duologue import Refused
from duologue.client import Client
from duologue.hosts.flask import Duologue
from tests.hosts.contract import ApplicationContract, Come, Host, Person, fresh, hears_go, link
from tests.hosts.contract import come as come
from tests.hosts.process import HostProcess
from tests.support.clients import SECONDS, _Heard


def start(folder: Path, mode: str, **env: str) -> HostProcess:
    path = f"{Path.cwd()}:{Path.cwd() / 'src'}"
    command = (sys.executable, "-m", "tests.hosts.apps.socketio_app")
    return HostProcess(folder, *command, env={"PYTHONPATH": path, "MODE": mode, **env})


def node_of(process: HostProcess) -> int:
    """The process of the node beside a server."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
            if parent == process.process.pid and b"duologue.hosts.beside" in command:
                return int(folder.name)
    raise AssertionError("there is no node")


class OnFlaskSocketIO(ApplicationContract):
    mode = ""

    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
        process = start(tmp_path_factory.mktemp(cls.mode), cls.mode)
        host = Host(process)
        yield host
        host.stop()

    def test_the_applications_own_events_are_left_to_it(self, come: Come) -> None:
        assert come().call("ours", {"a": 1}) == {"heard": {"a": 1}}

    def test_the_session_of_the_browser_says_who_a_client_is(self, host: Host) -> None:
        user = fresh("ann")
        _, _, cookie = host.process.get(f"/login/{user}")
        client = socketio.Client(reconnection=False)
        heard = _Heard()
        client.on("client_id", lambda data: heard.put([data]))
        client.connect(host.url, headers={"Cookie": cookie.split(";")[0]}, wait_timeout=SECONDS)
        try:
            assert heard.next(lambda entry: True)[0]["clientId"] == user
        finally:
            client.disconnect()
            client.shutdown()


class Unpatched(OnFlaskSocketIO):
    """Threads of the application's own are not those of the server."""

    def test_a_command_in_another_thread_is_refused_and_breaks_nothing(
        self, host: Host, come: Come
    ) -> None:
        ann = come(fresh("ann"))
        error = host.view(f"/elsewhere/{ann.id}")["error"]
        assert ("start_background_task" in error, host.view(f"/online/{ann.id}")) == (
            True,
            {"online": True},
        )


class TestThreading(OnFlaskSocketIO):
    mode = "threading"

    def test_a_command_in_another_thread_is_answered(self, host: Host, come: Come) -> None:
        ann = come(fresh("ann"))
        assert host.view(f"/elsewhere/{ann.id}") == {"online": True}

    def test_the_application_is_told_which_of_its_handlers_are_not_called(
        self, host: Host, come: Come
    ) -> None:
        come()
        assert "the namespace / are not called: typing\n" in host.process.log


class TestGevent(OnFlaskSocketIO):
    mode = "gevent"


class TestGeventUnpatched(Unpatched):
    mode = "gevent-unpatched"


# eventlet says at its import that it is no longer developed
class TestEventlet(OnFlaskSocketIO):
    mode = "eventlet"


class TestEventletUnpatched(Unpatched):
    """As the tutorial has it."""

    mode = "eventlet-unpatched"


def test_the_node_ends_with_its_server(tmp_path: Path) -> None:
    process = start(tmp_path, "threading")
    host = Host(process)
    assert host.view("/introduce/no-such/client") == {"refused": "not_found"}
    node = node_of(process)
    # Ready once the process has ended, whether or not the one that has it now asks how
    ended = os.pidfd_open(node)
    process.process.kill()
    process.stop()
    try:
        assert select.select([ended], [], [], SECONDS)[0], "the node still runs"
    finally:
        os.close(ended)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = Host(start(tmp_path_factory.mktemp("shared"), "threading"))
    yield host
    host.stop()


def linked(come: Come) -> tuple[Person, Person]:
    ann, ben = come(), come(transports="polling")
    link(ann, ben)
    return ann, ben


@contextlib.contextmanager
def by_hand(host: Host) -> Iterator[ClientConnection]:
    """A client that writes its own packets, and has been let in."""
    address = host.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    with connect(address, close_timeout=0.1) as websocket:
        websocket.recv()
        websocket.send("40")
        while "client_id" not in str(websocket.recv()):
            pass
        yield websocket


@pytest.mark.parametrize(
    "frames",
    [
        ['451-["message",{"message":{"_placeholder":true,"num":0}}]', "42[]"],
        ['451-["message",{"message":{"_placeholder":true,"num":9}}]', b"x"],
        ['42["message",' + "[" * 100 + "]" * 100 + "]"],
    ],
)
def test_a_malformed_event_ends_its_session_and_no_other(
    host: Host, come: Come, frames: list[str | bytes]
) -> None:
    ann, ben = linked(come)
    with by_hand(host) as websocket:
        for frame in frames:
            websocket.send(frame)
        # Engine.IO's own word for the end, after which this server waits for the client to go
        assert websocket.recv(SECONDS) == "1"
    ann.call("message", targetClientId=ben.id, message="still here")
    assert ben.hears("message")["content"] == "still here"


@pytest.mark.parametrize(
    "packet",
    ["4012{}", "40/?a=1,{}", '40{"a":NaN}', '40{"a":"\\ud800"}', '40"x"', "401-{}", "4\u0660{}"],
)
def test_nobody_gets_in_to_the_applications_own_events_past_identify(
    host: Host, packet: str
) -> None:
    address = host.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    with connect(address, additional_headers={"x-user": "nobody"}, close_timeout=0.1) as websocket:
        websocket.recv()
        websocket.send(packet)
        # Refused, or told that this connection is over
        assert str(websocket.recv(SECONDS)).startswith(("44{", "1"))


@pytest.mark.parametrize("name", [' "typing"', '"\\u0074yping"', '\n"typing" '])
def test_an_event_is_duologues_however_its_name_is_spelt(host: Host, name: str) -> None:
    with by_hand(host) as websocket:
        websocket.send(f'420[{name},{{"targetClientId":"nobody","typing":true}}]')
        assert '"code":"not_' in str(websocket.recv(SECONDS))


@pytest.mark.parametrize(
    "packet",
    [
        '42\u0660["typing",{}]',
        '4211-["typing",{}]',
        '4511-["typing",{}]',
        '451-[{"_placeholder":true,"num":0},{}]',
        '42["typing",NaN]',
        '42[ "typing",NaN]',
        '42{"typing":1}',
        "41{}",
    ],
)
def test_what_only_the_server_would_take_for_an_event_of_duologues_ends_its_session(
    host: Host, packet: str
) -> None:
    with by_hand(host) as websocket:
        websocket.send(packet)
        assert websocket.recv(SECONDS) == "1"


def test_who_connects_twice_is_gone(host: Host, come: Come) -> None:
    ann, ben = linked(come)
    ann.client.eio.send("0")
    assert ben.hears("link_closed") == {"peer": ann.id}


def test_a_node_that_stands_still_is_not_waited_for_with_memory(tmp_path: Path) -> None:
    process = start(tmp_path, "threading")
    host = Host(process)
    try:
        ann = Person(host, fresh("ann"))
        node = node_of(process)
        os.kill(node, signal.SIGSTOP)
        ended = threading.Event()
        ann.client.on("disconnect", ended.set)
        with contextlib.suppress(socketio.exceptions.BadNamespaceError):  # it has just ended
            while not ended.wait(0.01):
                ann.tells("message", targetClientId="ben", message="x" * 900_000)
        os.kill(node, signal.SIGCONT)
        again = Person(host, ann.id)
        assert again.id == ann.id
        again.leave()
    finally:
        process.stop()


def test_settings_that_cannot_be_are_logged_and_clients_told_that_it_is_unavailable(
    tmp_path: Path,
) -> None:
    process = start(tmp_path, "threading", FLASK_DUOLOGUE_STOER="memory:")
    try:
        assert Host(process).view("/introduce/a/b") == {"refused": "unavailable"}
        assert "Duologue cannot run: unknown setting: stoer" in process.log
    finally:
        process.stop()


def test_a_number_of_any_size_arrives(come: Come) -> None:
    ann, ben = linked(come)
    ann.call("message", targetClientId=ben.id, message=10**40)
    assert ben.hears("message")["content"] == 10**40


def test_a_client_that_the_application_disconnects_is_gone(host: Host, come: Come) -> None:
    ann, ben = come(fresh("ann")), come()
    link(ann, ben)
    host.view(f"/disconnect/{ann.id}")
    hears_go(ben)
    assert host.view(f"/online/{ann.id}") == {"online": False}


def test_one_that_the_applications_own_handler_turns_away_is_not_online(host: Host) -> None:
    user = fresh("ann")
    headers = {"x-user": user, "x-unwelcome": "1"}
    with pytest.raises(socketio.exceptions.ConnectionError):
        Person(host, headers=headers)
    assert host.view(f"/online/{user}") == {"online": False}


def test_an_answer_that_cannot_be_passed_on_is_the_applications_fault(host: Host) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        Person(host, "endless")
    assert "the application could not say" in host.process.log


def test_what_waits_for_one_that_is_turned_away_waits_on(host: Host, come: Come) -> None:
    ann, ben = come(fresh("ann")), come(fresh("ben"))
    link(ann, ben)
    ben.leave()
    hears_go(ann)
    assert ann.call("message", targetClientId=ben.id, message="wait")["status"] == "stored"
    with pytest.raises(socketio.exceptions.ConnectionError):
        Person(host, headers={"x-user": ben.id, "x-unwelcome": "1"})
    assert come(ben.id).hears("message")["content"] == "wait"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_the_python_client_connects_where_the_application_speaks_first(
    host: Host, transport: str
) -> None:
    async def come() -> str | None:
        async with Client(host.url, transports=[transport]) as client:
            return client.id

    assert asyncio.run(come())


def test_what_cannot_be_sent_is_refused(host: Host) -> None:
    assert host.view("/send-nonsense") == {"refused": "invalid"}


def test_when_the_node_is_gone_the_next_client_starts_another(tmp_path: Path) -> None:
    process = start(tmp_path, "threading")
    host = Host(process)
    try:
        first = Person(host, fresh("ann"))
        os.kill(node_of(process), signal.SIGKILL)
        first.hears("disconnect")
        first.leave()
        time.sleep(1.1)  # a node is started once a second at most
        again = Person(host, first.id)
        assert again.id == first.id
        again.leave()
    finally:
        process.stop()


def test_without_its_store_clients_are_told_that_it_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "duologue.db").write_text("this is no database, and was never one")
    process = start(tmp_path, "threading")
    try:
        assert Host(process).view("/introduce/a/b") == {"refused": "unavailable"}
        assert "Duologue cannot run" in process.log
    finally:
        process.stop()


def test_a_server_may_be_named_before_its_application() -> None:
    server, app = SocketIO(), Flask("app")
    duologue = Duologue(socketio=server)
    server.init_app(app, async_mode="threading")
    duologue.init_app(app)
    assert "/simple" in {rule.rule for rule in app.url_map.iter_rules()}


class OtherPackets(Packet):  # type: ignore[misc]
    """As of ``serializer="msgpack"``, which cannot be read here."""


def test_a_server_with_packets_of_another_kind_is_refused() -> None:
    app = Flask("app")
    server = SocketIO(app, async_mode="threading", serializer=OtherPackets)
    with pytest.raises(RuntimeError, match="serializer"):
        Duologue(app, socketio=server)


def test_a_server_in_a_mode_that_nothing_here_can_wait_in_is_refused() -> None:
    app = Flask("app")
    server = SocketIO(app, async_mode="threading")
    server.server.async_mode = "gevent_uwsgi"  # uWSGI alone can make such
    with pytest.raises(RuntimeError, match="async_mode"):
        Duologue(app, socketio=server)


def test_the_page_names_the_sign_in_that_is_set_after_it() -> None:
    app = Flask("app")
    Duologue(app, socketio=SocketIO(app, async_mode="threading"))
    app.config["DUOLOGUE_SIGN_IN_URL"] = "/login"
    page = app.test_client().get("/simple").text
    assert '<meta name="duologue-sign-in" content="/login">' in page


def test_a_setting_that_is_none_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask("app")
    duologue = Duologue(app, socketio=SocketIO(app, async_mode="threading"))
    app.config["DUOLOGUE_STOER"] = "memory:"
    with pytest.raises(Refused, match="unavailable"):
        duologue.online("ann")
    assert "Duologue cannot run: unknown setting: stoer" in caplog.text
