"""An application has the same commands wherever its node is."""

from __future__ import annotations

import dataclasses
import inspect
import socket
import subprocess
import sys
from typing import Any

import pytest

from duologue.host import Host
from duologue.hosts import asgi, beside, bridge, flask
from duologue.hosts.remote import RemoteCommands
from duologue.settings import Settings
from duologue.threads import HostInThreads

COMMANDS = sorted(
    name for name, _ in inspect.getmembers(Host, inspect.iscoroutinefunction) if name[0] != "_"
)


def signature(owner: type, name: str) -> tuple[list[Any], Any]:
    found = inspect.signature(getattr(owner, name))
    return list(found.parameters.values()), found.return_annotation


@pytest.mark.parametrize(
    "owner", [asgi.Duologue, flask.Duologue, flask.Commands, HostInThreads, RemoteCommands]
)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_the_same_everywhere(name: str, owner: type) -> None:
    assert signature(owner, name) == signature(Host, name)


def test_a_node_in_another_process_takes_all_of_them_and_nothing_else() -> None:
    assert sorted(beside.COMMANDS) == COMMANDS


def test_nobody_waits_for_ever_for_a_node_in_another_process_that_is_at_fault() -> None:
    ours, its = socket.socketpair()
    command = [sys.executable, "-m", "duologue.hosts.beside", str(its.fileno())]
    with (
        ours,
        subprocess.Popen(command, pass_fds=[its.fileno()], stderr=subprocess.PIPE, text=True) as it,
    ):
        its.close()
        ours.settimeout(20)
        settings = dataclasses.asdict(Settings(store="memory:"))
        ours.sendall(bridge.frame(bridge.Setup(settings, False, False)))
        ours.sendall(bridge.frame(bridge.Call(1, "online", ["ann"], {"colour": "red"})))
        frames = bridge.Frames()
        heard: list[Any] = []
        while len(heard) < 2:
            heard += map(bridge.decode_to_server, frames.received(ours.recv(65_536)))
        ours.close()
        _, log = it.communicate(timeout=20)
    assert [(each.refused, each.value["code"]) for each in heard[1:]] == [(True, "unavailable")]
    assert "colour" in log
