"""The commands of a host whose node is in another process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from duologue.core import events


class RemoteCommands:
    """`duologue.hosts.flask.Commands`; `call` has a method of the node's `Host` called, by name."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def online(self, client: str) -> bool:
        return bool(self._call("online", client))

    def client(self, client: str) -> events.ClientReply:
        return msgspec.convert(self._call("client", client), events.ClientReply)

    def disconnect(self, client: str) -> int:
        return int(self._call("disconnect", client))

    def forget(self, client: str) -> None:
        self._call("forget", client)

    def link(self, a: str, b: str, *, create: bool = False) -> bool:
        return bool(self._call("link", a, b, create=create))

    def close(self, a: str, b: str) -> None:
        self._call("close", a, b)

    def block(self, client: str, target: str) -> None:
        self._call("block", client, target)

    def unblock(self, client: str, target: str) -> None:
        self._call("unblock", client, target)

    def send(
        self, sender: str, target: str, content: Any, id: str | None = None
    ) -> events.MessageReply:
        return msgspec.convert(self._call("send", sender, target, content, id), events.MessageReply)

    def history(
        self, client: str, peer: str, before: int | None = None, limit: int = 50
    ) -> events.HistoryReply:
        found = self._call("history", client, peer, before, limit)
        return msgspec.convert(found, events.HistoryReply, builtin_types=(bytes,))
