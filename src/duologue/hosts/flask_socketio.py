"""Conversations on an existing Flask-SocketIO server, whatever its mode.

The node is in a process of its own (`duologue.hosts.beside`), so that its event loop and its
store's threads are those of Python, whatever has been patched here. This end waits on a socket, on
queues and on events that are those of the server's mode, and so stops nothing but its own threads.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from flask_socketio import SocketIO
from socketio.packet import Packet

from duologue.core import errors
from duologue.core.errors import Refusal, refuse
from duologue.host import Refused
from duologue.node import Unidentified
from duologue.settings import SettingsError
from duologue.vocabulary import COMMANDS
from duologue.wire import socketio
from duologue.wire.engineio import Binary, PacketError

from . import bridge
from .flask import State
from .flask_pages import add_page
from .remote import RemoteCommands

_logger: Final = logging.getLogger("duologue.hosts")

#: Which module's sockets a mode can wait on.
_SOCKETS: Final = {
    "threading": "socket",
    "gevent": "gevent.socket",
    "eventlet": "eventlet.green.socket",
}

#: How long a command, or a client that connects, waits for the node.
_SECONDS: Final = 10.0

#: A node that cannot run is not started more often than this.
_START_SECONDS: Final = 1.0

#: What may wait to be told to a node that does not read.
_MAX_WAITING_BYTES: Final = 33_554_432

#: What a server does something by, of what a client sends without having been asked.
_TAKEN: Final = (
    socketio.CONNECT,
    socketio.DISCONNECT,
    socketio.EVENT,
    socketio.BINARY_EVENT,
)

_GOODBYES: Final = {"client disconnect": "transport close"}

_Inner = Callable[..., Any]


def attach(state: State, server: SocketIO) -> None:
    """Have a Flask-SocketIO server carry an application's conversations."""
    if server.server is None:
        raise RuntimeError("give SocketIO its application first: SocketIO(app), or init_app(app)")
    if server.server.packet_class is not Packet:
        # Nobody could be held back who writes what is not understood here
        raise RuntimeError("conversations need Socket.IO's own packets: leave serializer out")
    if server.server.async_mode not in _SOCKETS:
        modes = ", ".join(_SOCKETS)
        raise RuntimeError(f"conversations need one of the modes {modes}: SocketIO(async_mode=…)")
    carrier = Carrier(state, server.server)
    state.commands = RemoteCommands(carrier.call)
    if state.page:
        add_page(state.app, state.settings)


class _Client:
    """A client of the server that has a session of the node, or waits for one."""

    def __init__(self, number: int, eio_sid: str, event: Any) -> None:
        self.number = number
        self.eio_sid = eio_sid
        self.answered = event
        self.refusal: tuple[str, Any] | None = None
        self.accepted = False
        self.decoder: socketio.Decoder | None = None
        #: Bytes given to the server since its queue for this client was last seen empty.
        self.waiting = 0


class Carrier:
    """Takes from a python-socketio server what is Duologue's, and leaves it the rest."""

    def __init__(self, state: State, server: Any) -> None:
        self._state = state
        self._server = server
        self._eio = server.eio
        self._message: _Inner = self._eio.handlers["message"]
        self._disconnect: _Inner = self._eio.handlers["disconnect"]
        self._clients: dict[str, _Client] = {}
        self._by_number: dict[int, _Client] = {}
        self._numbers = itertools.count(1)
        self._calls: dict[int, tuple[Any, list[bridge.Result]]] = {}
        # Green where this module was imported into a patched process, and else held so shortly
        # that nothing is switched meanwhile
        self._starting = threading.Lock()
        self._outgoing: Any = None
        self._waiting_bytes = 0
        self._started_at = 0.0
        #: Where the green threads of the server are, if it has such.
        self._thread: int | None = None
        self._settings = state.settings
        self._max_queue_bytes = 0
        self._max_depth = 32
        self._limits = (10, 1_000_000)
        self._eio.on("message", self._received)
        self._eio.on("disconnect", self._left)

    # The node's process

    def _tell(self, message: bridge.ToNode) -> bool:
        """Returns whether there is a node to tell. Raises `ValueError` for what cannot be said."""
        try:
            data = bridge.frame(message)
        except (TypeError, OverflowError, RecursionError) as error:
            raise ValueError(str(error)) from error
        with self._starting:
            if self._outgoing is None and time.monotonic() - self._started_at > _START_SECONDS:
                self._start()
            outgoing = self._outgoing
            if outgoing is None:
                return False
            # That somebody has gone it has to hear, whatever else waits
            if self._waiting_bytes > _MAX_WAITING_BYTES and not isinstance(message, bridge.Gone):
                return False
            self._waiting_bytes += len(data)
        outgoing.put(data)
        return True

    def _start(self) -> None:
        self._started_at = time.monotonic()
        try:
            settings = self._settings()
        except SettingsError as error:
            _logger.error("Duologue cannot run: %s", error)
            return
        self._thread = threading.get_native_id()
        self._say_what_is_not_called()
        self._max_queue_bytes = settings.max_queue_bytes
        self._max_depth = settings.max_json_depth
        self._limits = (settings.max_attachments, settings.max_http_buffer_size)
        functions = self._state.extension.functions
        sockets = importlib.import_module(_SOCKETS[self._server.async_mode])
        ours, theirs = sockets.socketpair()
        process = subprocess.Popen(  # noqa: S603 nothing of it comes from outside
            [sys.executable, "-P", "-m", "duologue.hosts.beside", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._outgoing = outgoing = self._eio.create_queue()
        self._waiting_bytes = 0
        setup = bridge.Setup(
            dataclasses.asdict(settings),
            functions.identify is not None,
            functions.authorize is not None,
        )
        outgoing.put(bridge.frame(setup))
        self._server.start_background_task(self._write, ours, outgoing)
        self._server.start_background_task(self._read, ours, outgoing, process)

    def _say_what_is_not_called(self) -> None:
        namespace = self._server.namespace_handlers.get(socketio.MAIN)
        taken = [
            name
            for name in COMMANDS
            if name in self._server.handlers.get(socketio.MAIN, ())
            or hasattr(namespace, f"on_{name}")
        ]
        if taken:
            _logger.warning(
                "these events are Duologue's, and the application's own handlers of them in the "
                "namespace / are not called: %s",
                ", ".join(taken),
            )

    def _write(self, sock: Any, outgoing: Any) -> None:
        while (data := outgoing.get()) is not None:
            try:
                sock.sendall(data)
            except OSError:
                return  # the reader sees it, too
            with self._starting:
                if self._outgoing is outgoing:
                    self._waiting_bytes -= len(data)

    def _read(self, sock: Any, outgoing: Any, process: subprocess.Popen[bytes]) -> None:
        frames = bridge.Frames()
        try:
            while data := sock.recv(1 << 18):
                for body in frames.received(data):
                    self._heard(bridge.decode_to_server(body))
        except OSError:
            _logger.info("the connection to the node broke")
        finally:
            outgoing.put(None)
            sock.close()
            process.wait()
            self._lost(outgoing)

    def _lost(self, outgoing: Any) -> None:
        """The node is gone: end what it had, so that clients come back, and begin anew then."""
        _logger.error("Duologue's node has ended; the next client starts another")
        with self._starting:
            if self._outgoing is outgoing:
                self._outgoing = None
        clients, self._clients, self._by_number = tuple(self._clients.values()), {}, {}
        calls, self._calls = self._calls, {}
        for client in clients:
            client.answered.set()
            self._server.start_background_task(self._eio.disconnect, client.eio_sid)
        for event, _ in calls.values():
            event.set()

    # From clients

    def _received(self, eio_sid: str, data: str | bytes) -> Any:
        """In place of the server's own handler of messages, which gets what is not Duologue's."""
        client = self._clients.get(eio_sid)
        if client is not None and client.decoder is not None:
            return self._attached(client, client.decoder, data)
        if not isinstance(data, str):
            return self._message(eio_sid, data)
        decoder = self._decoder()
        try:
            packet = decoder.text(b"4" + data.encode()) or decoder.waiting
        except (PacketError, UnicodeEncodeError):
            packet = None  # the server has its own way with such
        taken = self._taken(packet, data)
        if taken is None:
            return self._message(eio_sid, data)
        kind, name = taken
        if kind == socketio.CONNECT:
            return self._connecting(eio_sid, client, packet, data)
        if kind == socketio.DISCONNECT:
            if client is not None:
                if packet is None:
                    return self._end(client)
                self._forget(client, "client namespace disconnect")
        elif not isinstance(name, str) or name in COMMANDS:
            # Without a client it is on its way out
            if client is not None:
                if packet is None or not isinstance(name, str):
                    self._end(client)
                elif decoder.waiting is not None:
                    client.decoder = decoder
                else:
                    self._event(client, packet)
            return None
        return self._message(eio_sid, data)

    def _taken(self, packet: socketio.Packet | None, data: str) -> tuple[int, Any] | None:
        """What the server would take a text for, where that matters here: the kind of a packet of
        the main namespace, and an event's name. Nobody may connect there who has not been let in,
        and no event of Duologue's may get to the application by another spelling."""
        if packet is not None:
            if packet.kind in (socketio.ACK, socketio.BINARY_ACK):
                return None
            name = socketio.event_name(packet.body)
            if packet.kind != socketio.CONNECT and name is not None:
                return (packet.kind, name.decode()) if _namespace(packet) == socketio.MAIN else None
        try:
            found = self._server.packet_class(encoded_packet=data)
        except (ValueError, TypeError, RecursionError):
            return None
        kind, args = found.packet_type, found.data
        if (found.namespace or socketio.MAIN) != socketio.MAIN or kind not in _TAKEN:
            return None
        return kind, args[0] if isinstance(args, list) and args else None

    def _connecting(
        self, eio_sid: str, client: _Client | None, packet: socketio.Packet | None, data: str
    ) -> Any:
        if client is not None:
            self._end(client)  # connected twice
        elif packet is None:
            self._server.start_background_task(self._eio.disconnect, eio_sid)
        else:
            return self._connect(eio_sid, packet, data)
        return None

    def _decoder(self) -> socketio.Decoder:
        attachments, size = self._limits
        return socketio.Decoder(max_attachments=attachments, max_attachment_bytes=size)

    def _attached(self, client: _Client, decoder: socketio.Decoder, data: str | bytes) -> None:
        try:
            if isinstance(data, str):
                raise PacketError("text between a packet and its attachments")
            packet = decoder.binary(Binary(data))
        except PacketError:
            self._end(client)
        else:
            if packet is not None:
                client.decoder = None
                self._event(client, packet)

    def _event(self, client: _Client, packet: socketio.Packet) -> None:
        attachments = packet.attachments
        plain = None if attachments is None else [bytes(each) for each in attachments]
        if not self._tell(bridge.Event(client.number, packet.body, packet.id, plain)):
            self._end(client)

    def _connect(self, eio_sid: str, packet: socketio.Packet, data: str) -> Any:
        try:
            auth = socketio.decode_body(packet, self._max_depth) or {}
        except PacketError:
            self._server.start_background_task(self._eio.disconnect, eio_sid)
            return None
        environ = self._server.environ.get(eio_sid, {})
        client = _Client(next(self._numbers), eio_sid, self._eio.create_event())
        self._clients[eio_sid] = self._by_number[client.number] = client
        address = environ.get("REMOTE_ADDR", "")
        try:
            if self._tell(bridge.Open(client.number, address, _headers(environ), auth)):
                client.answered.wait(_SECONDS)
        except ValueError:
            client.refusal = None  # a payload that no node could read
        if self._clients.get(eio_sid) is not client:
            return None  # it has gone, or had to go
        if not client.accepted:
            self._refuse(client)
            return None
        answer = self._message(eio_sid, data)
        sid = self._server.manager.sid_from_eio_sid(eio_sid, socketio.MAIN)
        if sid is None or not self._server.manager.is_connected(sid, socketio.MAIN):
            # No goodbye: nothing of what waits for this client has reached it
            self._forget(client, "refused by the application")
        else:
            self._tell(bridge.Begin(client.number))
        return answer

    def _refuse(self, client: _Client) -> None:
        refusal = client.refusal
        if refusal is None:
            unavailable = refuse(errors.UNAVAILABLE)
            refusal = (unavailable.error, msgspec.to_builtins(unavailable))
        self._forget(client, "connect timeout")
        error = {"message": refusal[0], "data": refusal[1]}
        for part in socketio.encode(socketio.CONNECT_ERROR, socketio.MAIN, None, error):
            self._eio.send(client.eio_sid, part[1:].decode())

    def _left(self, eio_sid: str, reason: str = "transport close") -> Any:
        client = self._clients.get(eio_sid)
        if client is not None:
            self._forget(client, _GOODBYES.get(reason, reason))
        return self._disconnect(eio_sid, reason)

    def _forget(self, client: _Client, reason: str) -> None:
        self._clients.pop(client.eio_sid, None)
        if self._by_number.pop(client.number, None) is not None and self._outgoing is not None:
            self._tell(bridge.Gone(client.number, reason))

    def _end(self, client: _Client) -> None:
        self._forget(client, "parse error")
        client.answered.set()
        self._server.start_background_task(self._eio.disconnect, client.eio_sid)

    # From the node

    def _heard(self, message: bridge.ToServer) -> None:
        if isinstance(message, bridge.Packets):
            self._send(message)
        elif isinstance(message, bridge.Accepted | bridge.Refused):
            client = self._by_number.get(message.session)
            if client is not None:
                if isinstance(message, bridge.Refused):
                    client.refusal = (message.message, message.data)
                else:
                    client.accepted = True
                client.answered.set()
        elif isinstance(message, bridge.End):
            self._server.start_background_task(self._ended, message)
        elif isinstance(message, bridge.Ask):
            self._server.start_background_task(self._asked, message)
        elif isinstance(message, bridge.Result):
            event, results = self._calls.pop(message.number, (None, []))
            results.append(message)
            if event is not None:
                event.set()
        elif isinstance(message, bridge.Failed):
            _logger.error("Duologue cannot run: %s", message.reason)

    def _send(self, message: bridge.Packets) -> None:
        client = self._by_number.get(message.session)
        socket = None if client is None else self._eio.sockets.get(client.eio_sid)
        if client is None or socket is None:
            return
        if not socket.queue.qsize():
            client.waiting = 0
        client.waiting += sum(map(len, message.packets))
        if client.waiting > self._max_queue_bytes:
            _logger.info("a client does not read what it is sent")
            self._forget(client, "slow reader")
            self._server.start_background_task(self._eio.disconnect, client.eio_sid)
            return
        for packet in message.packets:
            self._eio.send(client.eio_sid, packet)

    def _ended(self, message: bridge.End) -> None:
        client = self._by_number.pop(message.session, None)
        if client is None:
            return
        self._clients.pop(client.eio_sid, None)
        sid = self._server.manager.sid_from_eio_sid(client.eio_sid, socketio.MAIN)
        if message.close or sid is None:
            self._eio.disconnect(client.eio_sid)
        else:
            self._server.disconnect(sid, namespace=socketio.MAIN)

    def _asked(self, ask: bridge.Ask) -> None:
        """Ask the application, in a thread as its handlers have."""
        asked = self._identified if ask.what == "identify" else self._state.authorize
        try:
            self._tell(bridge.Answer(ask.number, asked(*ask.args)))
        except Exception:  # an application's own code may raise anything, and say what has no form
            _logger.exception("the application could not say")
            self._tell(bridge.Answer(ask.number, None, failed=True))

    def _identified(self, session: int, auth: Mapping[str, Any]) -> dict[str, Any]:
        client = self._by_number[session]
        environ = self._server.environ[client.eio_sid]
        try:
            return self._state.identify(environ, auth)._asdict()
        except Unidentified as refused:
            return {"code": refused.code, "message": str(refused)}

    # Commands

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Have a method of the node's `Host` called; raises `Refused`, and `RuntimeError` in a
        thread that is none of the server's."""
        if self._server.async_mode != "threading" and (
            self._thread not in (None, threading.get_native_id())
        ):
            # It would wake the server's green threads in the wrong one, and for ever
            raise RuntimeError(
                f"in {self._server.async_mode} mode commands belong to the server's green threads: "
                "start one by socketio.start_background_task"
            )
        event, results = self._eio.create_event(), list[bridge.Result]()
        number = next(self._numbers)
        self._calls[number] = (event, results)
        try:
            if self._tell(bridge.Call(number, method, list(args), options)):
                event.wait(_SECONDS)
        except ValueError as error:
            sentence = f"{errors.CODES[errors.INVALID].sentence}: {error}"
            raise Refused(refuse(errors.INVALID, sentence)) from error
        finally:
            self._calls.pop(number, None)
        if not results:
            raise Refused(refuse(errors.UNAVAILABLE))
        if results[0].refused:
            raise Refused(msgspec.convert(results[0].value, Refusal))
        return results[0].value


def _namespace(packet: socketio.Packet) -> str:
    """As the server has it, which leaves out a query."""
    return packet.namespace.partition("?")[0]


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    return {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
