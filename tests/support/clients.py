"""Foreign clients behind one face: what a test needs of any Socket.IO client."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Callable
from typing import Any, Protocol, Self

import socketio

from tests.support import node

SECONDS = 15


class Foreign(Protocol):
    """A client of some library, connected to a server."""

    id: str

    def call(self, name: str, **payload: Any) -> Any:
        """Emit an event and return its acknowledgement."""

    def hears(self, name: str) -> Any:
        """The payload of the next event of this name that has not been taken yet."""

    def transport(self) -> str:
        """The transport in use now."""

    def close(self) -> None: ...


class _Heard:
    """What a client has heard, to be taken in any order."""

    def __init__(self) -> None:
        self._entries: list[list[Any]] = []
        self._more = threading.Condition()

    def put(self, entry: list[Any]) -> None:
        with self._more:
            self._entries.append(entry)
            self._more.notify()

    def next(self, wanted: Callable[[list[Any]], bool]) -> list[Any]:
        def found() -> int | None:
            return next((at for at, entry in enumerate(self._entries) if wanted(entry)), None)

        with self._more:
            came = self._more.wait_for(lambda: found() is not None, SECONDS)
            at = found()
            assert came, f"did not come; what came is {self._entries}"
            assert at is not None
            return self._entries.pop(at)


class JavaScript:
    """The official client from npm, in Node.js."""

    def __init__(
        self,
        package: str,
        url: str,
        transports: str = "default",
        auth: object = None,
        path: str = "/socket.io/",
    ) -> None:
        node.package(package)
        options = (transports, json.dumps(auth), path)
        command = [node.executable(), "client.mjs", package, url, *options]
        self._process = subprocess.Popen(
            command, cwd=node.INTEROP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._heard = _Heard()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.id: str = ""

    def identified(self) -> Self:
        self.id = self.hears("client_id")["clientId"]
        return self

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._heard.put(json.loads(line, object_hook=_from_base64))

    def say(self, *what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what, default=_to_base64) + "\n")
        self._process.stdin.flush()

    def hears_of(self, what: str) -> list[Any]:
        """What the client says itself: connect, disconnect, connect_error."""
        return self._heard.next(lambda entry: entry[0] == what)[1:]

    def call(self, name: str, **payload: Any) -> Any:
        self.say("emit", name, payload)
        return self.hears_of("answer")[0]

    def hears(self, name: str) -> Any:
        return self._heard.next(lambda entry: entry[:2] == ["event", name])[2]

    def transport(self) -> str:
        self.say("transport")
        return str(self.hears_of("transport")[0])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(SECONDS)
        self._process.stdout.close()


class Python:
    """python-socketio's client."""

    def __init__(self, url: str, transports: str = "default", auth: object = None) -> None:
        self._client = socketio.Client(reconnection=False)
        self._heard = _Heard()
        self._client.on("*", lambda name, data=None: self._heard.put([name, data]))
        chosen = None if transports == "default" else transports.split("+")
        self._client.connect(url, transports=chosen, auth=auth, wait_timeout=SECONDS)
        self.id: str = self.hears("client_id")["clientId"]

    def call(self, name: str, **payload: Any) -> Any:
        return self._client.call(name, payload, timeout=SECONDS)

    def hears(self, name: str) -> Any:
        return self._heard.next(lambda entry: entry[0] == name)[1]

    def transport(self) -> str:
        return str(self._client.transport())

    def close(self) -> None:
        self._client.disconnect()
        self._client.shutdown()


def _to_base64(value: object) -> object:
    assert isinstance(value, bytes)
    return {"base64": base64.b64encode(value).decode()}


def _from_base64(value: dict[str, Any]) -> object:
    return base64.b64decode(value["base64"]) if set(value) == {"base64"} else value
