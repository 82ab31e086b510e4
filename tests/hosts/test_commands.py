"""An application has the same commands wherever its node is."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from duologue.host import Host
from duologue.hosts import asgi, beside, flask
from duologue.hosts.remote import RemoteCommands
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
