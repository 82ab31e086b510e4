"""Socket.IO on one connection: its namespaces, and the `Session` that an application sees."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import msgspec

from duologue.wire import socketio
from duologue.wire.engineio import Binary, PacketError

from .connection import CLOSED_BY_SERVER, CONNECT_TIMEOUT, PARSE_ERROR, Connection
from .lane import Decoders

if TYPE_CHECKING:
    from .app import Application

#: A namespace that the client left, in Socket.IO's words.
LEFT_BY_CLIENT = "client namespace disconnect"
LEFT_BY_SERVER = "server namespace disconnect"


AckCallback = Callable[[list[Any]], None]


class Session:
    """One Socket.IO connection of a client to one namespace, as an application sees it.

    `data` is the application's own. `sid` is public, and not the secret one of the connection.
    """

    __slots__ = (
        "_acks",
        "_connection",
        "_layer",
        "_next_ack",
        "application",
        "connected",
        "data",
        "namespace",
        "sid",
    )

    def __init__(self, layer: SocketLayer, namespace: str, application: Application) -> None:
        self._layer = layer
        self._connection = layer.connection
        self.namespace = namespace
        self.application = application
        self.sid = secrets.token_urlsafe(15)
        self.connected = False
        self.data: Any = None
        self._next_ack = 0
        self._acks: dict[int, AckCallback] | None = None

    @property
    def present(self) -> bool:
        """Whether its client is still there, accepted or waiting to be."""
        return self._layer.holds(self)

    @property
    def address(self) -> str:
        return self._connection.address

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the request that opened the connection, names in lower case."""
        return self._connection.headers

    @property
    def scope(self) -> MutableMapping[str, Any] | None:
        """The ASGI scope of that request, with what middleware put there; None where it did not
        come by ASGI, or is not kept (`EngineApp`)."""
        return self._connection.scope

    def accept(self) -> bool:
        """Answer the client's CONNECT, before which nothing can be sent.

        Returns False if the client has gone away meanwhile.
        """
        self.connected = self._layer.holds(self)
        if self.connected:
            self._layer.accepted(self)
        return self.connected

    def refuse(self, message: str, data: Any = None) -> None:
        """Answer the client's CONNECT with a CONNECT_ERROR; the session is over."""
        self._layer.refused(self, message, data)

    def emit(self, name: str, *args: Any, ack: AckCallback | None = None) -> None:
        """Send an event; `ack` gets the client's answer, if there ever is one.

        `bytes` anywhere inside `args` travel as attachments.
        """
        id = None
        if ack is not None:
            id = self._next_ack
            self._next_ack += 1
            if self._acks is None:
                self._acks = {}
            self._acks[id] = ack
        self.send(socketio.encode(socketio.EVENT, self.namespace, id, [name, *args]))

    def ack(self, id: int, *args: Any) -> None:
        """Answer an event that came with the acknowledgement ID `id`."""
        self.send(socketio.encode(socketio.ACK, self.namespace, id, list(args)))

    def send(self, packets: Iterable[bytes]) -> None:
        """Send packets that are encoded already, of one event. Does nothing when the session is
        over."""
        connection = self._connection
        for packet in packets:
            # Each time, for the transport may end the session when it is given too much
            if self.connected and not connection.closed:
                connection.transport.send(packet)

    def disconnect(self, *, close: bool = False) -> None:
        """End this session; with `close` the whole connection, so that the client comes back."""
        if close:
            self._connection.close(CLOSED_BY_SERVER)
        else:
            self._layer.disconnect(self)

    def probe(self, timeout: float) -> None:
        """End this client's connection unless it answers a ping within `timeout` seconds."""
        self._connection.probe(timeout)

    def pending_bytes(self) -> int:
        """Bytes on their way to this client that it has not taken yet."""
        return self._connection.transport.pending_bytes()

    def acked(self, id: int, args: list[Any]) -> None:
        """The client answered. An ID that is not awaited is ignored, as in Node's server."""
        callback = None if self._acks is None else self._acks.pop(id, None)
        if callback is not None:
            callback(args)


class SocketLayer:
    """Socket.IO above one Engine.IO connection."""

    __slots__ = (
        "_applications",
        "_attach_by",
        "_connect_by",
        "_decoder",
        "_ever_connected",
        "_main",
        "_max_depth",
        "_options",
        "_sessions",
        "connection",
    )

    def __init__(self, connection: Connection, applications: Mapping[str, Application]) -> None:
        self.connection = connection
        self._applications = applications
        self._options = options = connection.engine.options
        self._max_depth = options.max_json_depth
        self._sessions: dict[str, Session] = {}
        #: The session of the main namespace while it is connected
        self._main: Session | None = None
        self._decoder = socketio.Decoder(
            max_attachments=options.max_attachments,
            max_attachment_bytes=options.max_http_buffer_size,
        )
        self._ever_connected = False
        self._connect_by = connection.engine.now() + options.connect_timeout
        self._attach_by = math.inf

    # Layer

    @property
    def deadline(self) -> float:
        return min(self._connect_by, self._attach_by)

    @property
    def decoders(self) -> Decoders:
        application = self._applications.get(socketio.MAIN)
        return {} if application is None else application.decoders

    @property
    def max_depth(self) -> int:
        return self._max_depth

    def typed(self, event: Any, ack: int | None) -> None:
        main = self._main
        if main is not None and self._decoder.waiting is None:
            main.application.typed_event(main, event, ack)
        elif main is not None or not self._ever_connected:
            # Between a packet and its attachments, or before there is a session
            self.connection.close(PARSE_ERROR)

    def text(self, data: bytes) -> None:
        packet = self._decoder.text(data)
        if packet is None:
            self._attach_by = self.connection.engine.now() + self._options.attachment_timeout
            self.connection.reschedule()
        elif packet.kind == socketio.EVENT:
            self._event(packet)
        else:
            self._other(packet)

    def binary(self, data: Binary) -> None:
        packet = self._decoder.binary(data)
        if packet is not None:
            self._attach_by = math.inf
            if packet.kind == socketio.BINARY_EVENT:
                self._event(packet)
            else:
                self._other(packet)

    def expire(self, now: float) -> None:
        if self._attach_by <= now:
            raise PacketError("attachments did not come in time")
        self.connection.close(CONNECT_TIMEOUT)

    def closed(self, reason: str) -> None:
        for session in list(self._sessions.values()):
            self._end(session, reason)

    # Packets in

    def _event(self, packet: socketio.Packet) -> None:
        session = self._sessions.get(packet.namespace)
        if session is None or not session.connected:
            self._unexpected()
            return
        if packet.attachments is None:
            raw_name = socketio.event_name(packet.body)
            decoder = None if raw_name is None else session.application.decoders.get(raw_name)
            if decoder is not None:
                self._typed(session, decoder, packet.body, packet.id)
                return
        name, args = socketio.decode_event(packet, self._max_depth)
        session.application.event(session, name, args, packet.id)

    def _typed(
        self, session: Session, decoder: msgspec.json.Decoder[Any], body: bytes, ack: int | None
    ) -> None:
        """An event that the application has a decoder for."""
        socketio.check_depth(body, self._max_depth)
        try:
            event = decoder.decode(body)
        except msgspec.ValidationError as error:
            # Right as JSON, wrong as this event; what is not even JSON ends the session
            event = socketio.Packet(socketio.EVENT, session.namespace, ack, body)
            name, _ = socketio.decode_event(event, self._max_depth)
            session.application.invalid(session, name, str(error), ack)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise PacketError("malformed JSON") from error
        else:
            session.application.typed_event(session, event, ack)

    def _other(self, packet: socketio.Packet) -> None:
        if packet.kind == socketio.CONNECT:
            self._connect(packet)
            return
        session = self._sessions.get(packet.namespace)
        if session is not None and packet.kind == socketio.DISCONNECT:
            self._end(session, LEFT_BY_CLIENT)  # also while it waits to be accepted
        elif session is None or not session.connected:
            self._unexpected()
        else:
            args = socketio.decode_body(packet, self._max_depth)
            if packet.id is not None:
                session.acked(packet.id, args)

    def _unexpected(self) -> None:
        # A client that never connected has no business sending. One that did may have sent before
        # it heard that its session was over: that is dropped.
        if not self._ever_connected:
            raise PacketError("packet for a namespace that is not connected")

    def _connect(self, packet: socketio.Packet) -> None:
        namespace = packet.namespace
        auth = socketio.decode_body(packet, self._max_depth)
        application = self._applications.get(namespace)
        if application is None:
            error = {"message": "Invalid namespace"}
            for part in socketio.encode(socketio.CONNECT_ERROR, namespace, None, error):
                self.connection.send(part)
            return
        if namespace in self._sessions:
            raise PacketError("namespace is connected already")
        session = self._sessions[namespace] = Session(self, namespace, application)
        application.connect(session, auth or {})

    # What sessions ask for

    def holds(self, session: Session) -> bool:
        return self._sessions.get(session.namespace) is session

    def accepted(self, session: Session) -> None:
        self._ever_connected = True
        self._connect_by = math.inf
        if session.namespace == socketio.MAIN:
            self._main = session
        session.send(
            socketio.encode(socketio.CONNECT, session.namespace, None, {"sid": session.sid})
        )

    def refused(self, session: Session, message: str, data: Any) -> None:
        if not self.holds(session):
            return  # it has gone, and what is there in its place is none of its business
        del self._sessions[session.namespace]
        error = {"message": message} if data is None else {"message": message, "data": data}
        for part in socketio.encode(socketio.CONNECT_ERROR, session.namespace, None, error):
            self.connection.send(part)

    def disconnect(self, session: Session) -> None:
        session.send(socketio.encode(socketio.DISCONNECT, session.namespace, None, None))
        self._end(session, LEFT_BY_SERVER)

    def _end(self, session: Session, reason: str) -> None:
        if self._sessions.pop(session.namespace, None) is None:
            return
        was_connected, session.connected = session.connected, False
        if session is self._main:
            self._main = None
        if not self._sessions and not self.connection.closed:
            # Nobody may stay without a session for longer than before the first one
            self._connect_by = self.connection.engine.now() + self._options.connect_timeout
            self.connection.reschedule()
        if was_connected:
            session.application.disconnect(session, reason)
