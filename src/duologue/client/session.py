"""One Socket.IO session of a client: from CONNECT to its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from duologue.core import errors
from duologue.core.errors import Refusal
from duologue.wire import engineio, socketio
from duologue.wire.engineio import Binary, PacketError

from .errors import Refused
from .http import Broken
from .transports import MAX_RECEIVED_BYTES, Transport

#: What a server may send: twice what it takes by default, for a page of history wraps it.
_MAX_ATTACHMENTS: Final = 1_000
_MAX_DEPTH: Final = 64

#: An answer that takes longer, on a connection on which nothing else comes, never comes.
ANSWER_SECONDS: Final = 60.0

#: Packets in line, of which a server that does not read takes none.
_MUCH: Final = 1_000

#: Is given the arguments of an acknowledgement, or None when the session ended before it came.
Answered = Callable[[Sequence[Any] | None], None]
Told = Callable[[str, Sequence[Any], int], None]


class Session:
    """Sends what it is given, in order, and hands on what comes.

    `told` gets the name and arguments of each event, and the bytes that they took.
    """

    def __init__(self, transport: Transport, told: Told) -> None:
        self.transport = transport
        self._told = told
        self._decoder = socketio.Decoder(
            max_attachments=_MAX_ATTACHMENTS,
            max_attachment_bytes=MAX_RECEIVED_BYTES,
            from_server=True,
        )
        self._accepted = False
        self._outgoing: list[bytes] = []
        #: Whether there is a pong in line already
        self._ponged = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._expected: dict[int, tuple[float, Answered]] = {}

    async def run(self, auth: dict[str, Any]) -> None:
        """Connect, and read until the session ends. Raises `Broken` then, or `Refused`."""
        self.post(socketio.encode(socketio.CONNECT, socketio.MAIN, None, auth))
        writer = asyncio.create_task(self._write())
        try:
            while True:
                await self._read()
        except PacketError as error:
            raise Broken(f"the server does not keep to the protocol: {error}") from error
        except TimeoutError as error:
            raise Broken("the server has fallen silent") from error
        finally:
            self.transport.abort()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            expected, self._expected = self._expected, {}
            for _, answered in expected.values():
                answered(None)

    # Out

    def post(self, packets: Sequence[bytes]) -> None:
        """Put the packets of one event in line."""
        self._outgoing.extend(packets)
        self._idle.clear()
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether so much is in line that what need not be sent should not be."""
        return len(self._outgoing) >= _MUCH

    def expect(self, ack: int, answered: Answered) -> None:
        """Have `answered` called with the acknowledgement `ack`, or at the end of the session."""
        self._expected[ack] = (asyncio.get_running_loop().time() + ANSWER_SECONDS, answered)

    def forget(self, ack: int) -> None:
        """Nobody waits for this acknowledgement any more."""
        self._expected.pop(ack, None)

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                packets, self._outgoing = self._outgoing, []
                self._ponged = False
                await self.transport.send(packets)
                if not self._outgoing:
                    self._idle.set()
        except Broken:
            # What is read says the same, and why
            self.transport.abort()

    async def leave(self, *, goodbye: bool) -> None:
        """End the session once all that was posted is on its way, with a `goodbye` or without."""
        if goodbye:
            self.post(socketio.encode(socketio.DISCONNECT, socketio.MAIN, None, None))
        if self._outgoing or not self._idle.is_set():
            await self._idle.wait()
        if goodbye:
            await self.transport.close()
        else:
            self.transport.abort()

    # In

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.transport.handshake.silence):
            packets = await self.transport.receive()
        quiet = True
        for packet in packets:
            if isinstance(packet, Binary):
                self._packet(self._decoder.binary(packet))
                quiet = False
            elif packet.startswith(engineio.MESSAGE):
                self._packet(self._decoder.text(packet))
                quiet = False
            elif packet == engineio.PING:
                if not self._ponged:
                    self._ponged = True
                    self.post([engineio.PONG])
            elif packet == engineio.CLOSE:
                raise Broken("the server has ended the connection", deliberate=True)
            elif packet != engineio.NOOP:
                raise PacketError("packet type not for a server to send")
        if quiet and self._expected and next(iter(self._expected.values()))[0] < loop.time():
            raise Broken("the server does not answer")

    def _packet(self, packet: socketio.Packet | None) -> None:
        if packet is None:
            return
        if packet.namespace != socketio.MAIN:
            raise PacketError("a namespace that was not asked for")
        if packet.kind == socketio.CONNECT and not self._accepted:
            self._accepted = True
        elif packet.kind == socketio.CONNECT_ERROR:
            raise self._refusal(socketio.decode_body(packet, _MAX_DEPTH))
        elif not self._accepted:
            # Flask-SocketIO sends what an application's own handler of connects says before it
            if packet.kind not in (socketio.EVENT, socketio.BINARY_EVENT):
                raise PacketError("not connected yet")
        elif packet.kind in (socketio.EVENT, socketio.BINARY_EVENT):
            size = len(packet.body) + sum(map(len, packet.attachments or ()))
            self._told(*socketio.decode_event(packet, _MAX_DEPTH), size)
        elif packet.kind in (socketio.ACK, socketio.BINARY_ACK):
            _, answered = self._expected.pop(packet.id or 0, (0.0, None))
            if answered is not None:
                answered(socketio.decode_body(packet, _MAX_DEPTH))
        elif packet.kind == socketio.DISCONNECT:
            raise Broken("the server has ended the session", deliberate=True)
        else:
            raise PacketError("connected twice")

    def _refusal(self, body: Any) -> Refused:
        try:
            return Refused.by(msgspec.convert(body.get("data"), Refusal))
        except msgspec.ValidationError:
            return Refused(errors.UNAUTHORIZED, json.dumps(body.get("message"))[:200])
