"""On a Flask-SocketIO server, in each of its modes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import socketio

from tests.hosts.contract import Come, Contract, Host, fresh
from tests.hosts.contract import come as come
from tests.hosts.process import HostProcess
from tests.support.clients import SECONDS, _Heard


def start(folder: Path, mode: str) -> HostProcess:
    path = f"{Path.cwd()}:{Path.cwd() / 'src'}"
    command = (sys.executable, "-m", "tests.hosts.apps.socketio_app")
    return HostProcess(folder, *command, env={"PYTHONPATH": path, "MODE": mode})


def node_of(process: HostProcess) -> int:
    """The process of the node beside a server."""
    done = subprocess.run(
        ["pgrep", "-P", str(process.process.pid), "-f", "duologue.hosts.beside"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


class OnFlaskSocketIO(Contract):
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


class TestThreading(OnFlaskSocketIO):
    mode = "threading"


class TestGevent(OnFlaskSocketIO):
    mode = "gevent"


class TestGeventUnpatched(OnFlaskSocketIO):
    mode = "gevent-unpatched"


# eventlet says at its import that it is no longer developed
class TestEventlet(OnFlaskSocketIO):
    mode = "eventlet"


class TestEventletUnpatched(OnFlaskSocketIO):
    """As the tutorial has it."""

    mode = "eventlet-unpatched"


def test_the_node_ends_with_its_server(tmp_path: Path) -> None:
    process = start(tmp_path, "threading")
    host = Host(process)
    assert host.view("/introduce/no-such/client") == {"refused": "not_found"}
    node = node_of(process)
    process.process.send_signal(signal.SIGKILL)
    process.process.wait()
    for _ in range(100):
        try:
            os.kill(node, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the node still runs")
