"""What a message says, as bytes: any JSON value, with binary anywhere inside."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from duologue.wire import socketio
from duologue.wire.engineio import Binary, PacketError

#: Begins what is not plain JSON text, which never begins so.
_MARK: Final = b"\x00"

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode
_pack: Final = msgspec.msgpack.Encoder(enc_hook=bytes).encode
_unpack: Final = msgspec.msgpack.Decoder(tuple[bytes, list[bytes]]).decode


def encode(content: Any) -> bytes:
    """JSON text where there is no binary; else that with placeholders, and the attachments."""
    if type(content) is str:
        return _encode(content)
    attachments: list[Binary] = []
    plain = socketio.take_attachments(content, attachments)
    if not attachments:
        return _encode(plain)
    return _MARK + _pack((_encode(plain), attachments))


def decode(data: bytes) -> Any:
    """The value again; raises `ValueError` for what `encode` did not make."""
    try:
        if not data.startswith(_MARK):
            return _decode(data)
        text, attachments = _unpack(data[len(_MARK) :])
        return socketio.fill_attachments(_decode(text), dict(enumerate(attachments)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, PacketError) as error:
        raise ValueError(str(error)) from error
