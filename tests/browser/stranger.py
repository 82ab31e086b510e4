"""A client of somebody else's making, which sends what no page of ours would."""

from __future__ import annotations

import queue
import threading
import uuid
from typing import Any

import socketio

from tests.support.clients import SECONDS


class Stranger:
    """Accepts whoever asks."""

    def __init__(self, url: str, name: str | None = None) -> None:
        self._heard: queue.Queue[Any] = queue.Queue()
        self._linked = threading.Event()
        self._known = threading.Event()
        self.id = ""
        self.peer = ""
        self._client = client = socketio.Client(reconnection=False)
        client.on("client_id", self._named)
        client.on("link_requested", self._asked)
        client.on("link_established", self._established)
        client.on("message", self._told)
        client.connect(
            url,
            auth={"name": name} if name else {},
            transports=["websocket"],
            wait_timeout=SECONDS,
        )
        assert self._known.wait(SECONDS)

    def _named(self, event: dict[str, Any]) -> None:
        self.id = event["clientId"]
        self._known.set()

    def _asked(self, event: dict[str, Any]) -> None:
        self._client.emit("link_accept", {"targetClientId": event["from"]})

    def _established(self, event: dict[str, Any]) -> None:
        self.peer = event["peer"]
        self._linked.set()

    def _told(self, event: dict[str, Any]) -> None:
        self._heard.put(event["content"])

    def asks(self, peer: str, note: str | None = None) -> None:
        answer = self._ask("link_request", {"targetClientId": peer, "note": note})
        assert answer["ok"], answer

    def is_linked(self) -> None:
        assert self._linked.wait(SECONDS)

    def hears(self) -> Any:
        """The next thing that is said to it."""
        return self._heard.get(timeout=SECONDS)

    def says(self, *contents: Any) -> None:
        for content in contents:
            message = {"targetClientId": self.peer, "message": content, "id": str(uuid.uuid4())}
            answer = self._ask("message", message)
            assert answer["ok"], answer

    def types(self) -> None:
        self._client.emit("typing", {"targetClientId": self.peer, "typing": True})

    def reads(self, seq: int) -> None:
        self._client.emit("receipt", {"targetClientId": self.peer, "read": seq})

    def leaves(self) -> None:
        self._client.disconnect()

    def _ask(self, event: str, payload: Any) -> Any:
        return self._client.call(event, payload, timeout=SECONDS)
