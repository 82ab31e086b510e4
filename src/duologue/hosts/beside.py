"""A node in a process of its own, beside a server that carries its clients.

``python -m duologue.hosts.beside FD`` with one end of a socket pair; ends when the other end is
closed. Nothing of gevent's or eventlet's reaches in here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import uvloop

from duologue import config, host, logs
from duologue.auth_options import CannotUseKeys
from duologue.core import errors
from duologue.core.errors import refuse
from duologue.node import Named, Node, Unidentified
from duologue.settings import Settings, SettingsError
from duologue.stores.base import CannotOpen
from duologue.wire import socketio
from duologue.wire.engineio import Binary, PacketError

from . import bridge

_logger: Final = logging.getLogger("duologue.hosts")

COMMANDS: Final = frozenset(
    {
        "online",
        "client",
        "disconnect",
        "forget",
        "link",
        "close",
        "block",
        "unblock",
        "send",
        "history",
    }
)


class CannotAnswer(Exception):
    """The application failed at a question; it has logged why."""


class BridgedSession:
    """A client that another server carries, as a node sees it (`duologue.hub.Session`)."""

    def __init__(self, beside: Beside, opened: bridge.Open) -> None:
        self._beside = beside
        self.number = opened.session
        self.sid = str(opened.session)
        self.address = opened.address
        self.headers: Mapping[str, str] = opened.headers
        self.data: Any = None
        self.connected = False
        self.present = True
        self._held: list[bridge.ToServer] | None = []

    def accept(self) -> bool:
        if self.present:
            self.connected = True
            self._beside.tell(bridge.Accepted(self.number))
        return self.present

    def begin(self) -> None:
        held, self._held = self._held or (), None
        for message in held:
            self._beside.tell(message)

    def refuse(self, message: str, data: Any = None) -> None:
        if self._beside.forget(self.number):
            data = msgspec.to_builtins(data)
            self._beside.tell(bridge.Refused(self.number, message, data))

    def send(self, packets: Iterable[bytes]) -> None:
        if self.connected:
            # Engine.IO's type before a text is the other server's to write
            plain = [
                bytes(each) if isinstance(each, Binary) else each[1:].decode() for each in packets
            ]
            self._tell(bridge.Packets(self.number, plain))

    def disconnect(self, *, close: bool = False) -> None:
        if self.connected:
            self._tell(bridge.End(self.number, close))
            self._beside.ended(
                self.number, "forced close" if close else "server namespace disconnect"
            )

    def _tell(self, message: bridge.ToServer) -> None:
        if self._held is None:
            self._beside.tell(message)
        else:
            self._held.append(message)

    def pending_bytes(self) -> int:
        return self._beside.pending_bytes()

    def probe(self, timeout: float) -> None:
        """Another server's heartbeat cannot be hurried; it ends those that do not answer it."""


class Beside:
    """The node's end of the bridge."""

    def __init__(self, writer: asyncio.StreamWriter, setup: bridge.Setup) -> None:
        self._writer = writer
        self._sessions: dict[int, BridgedSession] = {}
        self.numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._calls: set[asyncio.Task[None]] = set()
        settings = msgspec.convert(setup.settings, Settings)
        self._max_depth = settings.max_json_depth
        logs.configure(settings.log_level, settings.log_format)
        self.node: Node = config.build_node(
            settings,
            self._identify if setup.identifies else None,
            self._authorize if setup.authorizes else None,
        )

    def tell(self, message: bridge.ToServer) -> None:
        self._writer.write(bridge.frame(message))

    def pending_bytes(self) -> int:
        return self._writer.transport.get_write_buffer_size()

    def forget(self, number: int) -> bool:
        """A session is over, or was never to begin; returns whether it was there."""
        session = self._sessions.pop(number, None)
        if session is not None:
            session.present = session.connected = False
        return session is not None

    def ended(self, number: int, reason: str) -> None:
        session = self._sessions.get(number)
        if session is not None:
            was_connected = session.connected
            self.forget(number)
            if was_connected:
                self.node.disconnect(session, reason)

    def received(self, message: bridge.ToNode) -> None:
        if isinstance(message, bridge.Event):
            self._event(message)
        elif isinstance(message, bridge.Open):
            opened = self._sessions[message.session] = BridgedSession(self, message)
            self.node.connect(opened, message.auth)
        elif isinstance(message, bridge.Begin):
            session = self._sessions.get(message.session)
            if session is not None:
                session.begin()
        elif isinstance(message, bridge.Gone):
            self.ended(message.session, message.reason)
        elif isinstance(message, bridge.Call):
            task = asyncio.ensure_future(self._call(message))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
        elif isinstance(message, bridge.Answer):
            self._answered(message)

    def _event(self, message: bridge.Event) -> None:
        session = self._sessions.get(message.session)
        if session is None or not session.connected:
            return
        attachments = message.attachments
        packet = socketio.Packet(
            socketio.EVENT if attachments is None else socketio.BINARY_EVENT,
            socketio.MAIN,
            message.ack,
            message.body,
            None if attachments is None else [Binary(each) for each in attachments],
        )
        try:
            name, args = socketio.decode_event(packet, self._max_depth)
        except PacketError:
            session.disconnect(close=True)
        else:
            self.node.event(session, name, args, message.ack)

    async def _call(self, call: bridge.Call) -> None:
        try:
            if call.method not in COMMANDS:
                raise AttributeError(call.method)
            value = await getattr(self.node.host, call.method)(*call.args, **call.options)
        except host.Refused as refused:
            value = msgspec.to_builtins(refused.refusal)
            self.tell(bridge.Result(call.number, value, refused=True))
        except Exception:  # a fault of ours, of which the one who asks is told no more than that
            _logger.exception("a command of a host failed")
            value = msgspec.to_builtins(refuse(errors.UNAVAILABLE))
            self.tell(bridge.Result(call.number, value, refused=True))
        else:
            value = msgspec.to_builtins(value, builtin_types=(bytes,))
            try:
                self.tell(bridge.Result(call.number, value))
            except OverflowError:  # a number that only JSON has room for
                value = msgspec.to_builtins(refuse(errors.INVALID))
                self.tell(bridge.Result(call.number, value, refused=True))

    # Questions to the application

    async def _ask(self, what: str, *args: Any) -> Any:
        number = next(self.numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self.tell(bridge.Ask(number, what, list(args)))
        try:
            return await answer
        finally:
            del self._asked[number]

    def _answered(self, message: bridge.Answer) -> None:
        answer = self._asked.get(message.number)
        if answer is not None and not answer.done():
            if message.failed:
                answer.set_exception(CannotAnswer("the application could not say"))
            else:
                answer.set_result(message.value)

    async def _identify(self, session: Any, auth: Mapping[str, Any]) -> Named:
        found = await self._ask("identify", session.number, dict(auth))
        if "code" in found:
            raise Unidentified(found["code"], found["message"])
        return Named(**found)

    async def _authorize(self, asker: str, target: str) -> bool:
        return await self._ask("authorize", asker, target) is True

    # The end

    async def close(self) -> None:
        for number in tuple(self._sessions):
            self.ended(number, "server shutting down")
        await self.node.settled()
        self.node.close()


async def _run(fd: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=fd))
    frames = bridge.Frames()
    beside: Beside | None = None
    try:
        while data := await reader.read(1 << 18):
            for body in frames.received(data):
                message = bridge.decode_to_node(body)
                if beside is not None:
                    beside.received(message)
                elif isinstance(message, bridge.Setup):
                    beside = Beside(writer, message)
                    beside.tell(bridge.Ready())
    except (CannotOpen, CannotUseKeys, SettingsError) as error:
        writer.write(bridge.frame(bridge.Failed(str(error))))
    except ConnectionError:
        pass  # the server is gone, as at the end of the stream
    finally:
        if beside is not None:
            await beside.close()
        writer.close()


def main() -> None:
    # Ctrl+C is for the server, whose end is ours
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_run(int(sys.argv[1])))


if __name__ == "__main__":
    main()
