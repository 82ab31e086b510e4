"""Event names and payloads on the one side, typed commands and notices on the other.

The one module that knows how Duologue's events are called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from duologue.core import errors, events
from duologue.core.errors import Refusal, refuse
from duologue.wire import socketio

#: What clients ask for.
COMMANDS: Final[Mapping[str, type[events.Command]]] = {
    "message": events.SendMessage,
    "link_request": events.RequestLink,
    "link_accept": events.AcceptLink,
    "link_decline": events.DeclineLink,
    "link_cancel": events.CancelRequest,
    "link_close": events.CloseLink,
    "block": events.Block,
    "unblock": events.Unblock,
    "typing": events.SendTyping,
    "signal": events.SendSignal,
    "receipt": events.SendReceipt,
    "history": events.ReadHistory,
    "invite_create": events.CreateInvite,
    "invite_redeem": events.RedeemInvite,
    "invite_revoke": events.RevokeInvite,
    "forget": events.Forget,
    "token": events.RenewToken,
}

#: What clients are told.
NOTICES: Final[Mapping[type[events.Notice], str]] = {
    events.ClientIdGiven: "client_id",
    events.Links: "links",
    events.MessageReceived: "message",
    events.LinkRequested: "link_requested",
    events.LinkEstablished: "link_established",
    events.LinkDeclined: "link_declined",
    events.LinkCancelled: "link_cancelled",
    events.LinkClosed: "link_closed",
    events.LinkExpired: "link_expired",
    events.Typing: "typing",
    events.Presence: "presence",
    events.SignalReceived: "signal",
    events.Receipt: "receipt",
    events.InviteCrowded: "invite_crowded",
    events.Draining: "draining",
}

#: Name of the event with which a command is refused that asked for no acknowledgement.
REFUSED: Final = "refused"

#: May come with an object or with nothing, so that only their names are known beforehand.
_WITHOUT_PAYLOAD: Final = ("invite_create", "forget")

#: For the engine: decoders of each event's whole JSON array, its name included.
DECODERS: Final[dict[bytes, msgspec.json.Decoder[Any]]] = {
    name.encode(): msgspec.json.Decoder(tuple.__class_getitem__((str, command)))
    for name, command in COMMANDS.items()
    if name not in _WITHOUT_PAYLOAD
}

#: For a client: what it may be told, by name, and how its commands are called.
_TOLD: Final[Mapping[str, type[events.Notice]]] = {name: kind for kind, name in NOTICES.items()}
_NAMES: Final[Mapping[type[events.Command], str]] = {kind: name for name, kind in COMMANDS.items()}

_encode: Final = msgspec.json.Encoder().encode

_HEADS: Final = {notice: b'42["' + name.encode() + b'",' for notice, name in NOTICES.items()}
_MESSAGE: Final = _HEADS[events.MessageReceived] + b"%b]"


class Auth(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The payload with which a client connects; other keys than these are ignored."""

    name: str | None = None
    keep: bool = False
    resume_token: Annotated[str, Meta(max_length=128)] | None = None
    token: events.SignedToken | None = None
    since: Annotated[dict[events.ClientId, events.Seq], Meta(max_length=10_000)] = {}


class RefusedEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A `Refusal` with the name of the event that was refused."""

    event: str
    error: str
    code: str
    retryable: bool
    retry_after: float | UnsetType = UNSET
    target_client_id: str | UnsetType = UNSET


def decode_command(name: str, args: Sequence[Any]) -> events.Command | Refusal:
    """An event that came as plain values, because it has attachments or an unknown name."""
    command = COMMANDS.get(name)
    if command is None:
        return refuse(errors.INVALID, "There is no event of this name")
    if not args and name in _WITHOUT_PAYLOAD:
        args = ({},)
    if len(args) != 1:
        return refuse(errors.INVALID, "An event takes one argument, an object")
    try:
        return msgspec.convert(args[0], command, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        return invalid(str(error))


def invalid(reason: str) -> Refusal:
    """What does not fit its type, as msgspec puts it."""
    # It names places in the event's array, of which a client's author only knows the payload
    reason = reason.replace("$[1]", "$").replace(" - at `$`", "").replace("`$.", "`")
    return refuse(errors.INVALID, f"{errors.CODES[errors.INVALID].sentence}: {reason}")


def encode_message(notice: events.MessageReceived) -> tuple[bytes, ...]:
    """The same as `encode_notice`, for the commonest one by far."""
    if type(notice.content) is not str:
        return encode_notice(notice)
    return (_MESSAGE % _encode(notice),)


def encode_notice(notice: events.Notice) -> tuple[bytes, ...]:
    """An event for the main namespace, as packets."""
    if has_binary(notice):
        name = NOTICES[type(notice)]
        fields = {
            field.encode_name: value
            for field in msgspec.structs.fields(notice)
            if (value := getattr(notice, field.name)) is not UNSET
        }
        return tuple(socketio.encode(socketio.EVENT, socketio.MAIN, None, [name, fields]))
    return (_HEADS[type(notice)] + _encode(notice) + b"]",)


def has_binary(notice: events.Notice) -> bool:
    """Whether there are bytes in what a client wrote, which have to travel as attachments."""
    if type(notice) is events.MessageReceived:
        return _holds_bytes(notice.content)
    if type(notice) is events.SignalReceived:
        return _holds_bytes(notice.data)
    return False


def _holds_bytes(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        return False
    if kind is dict:
        return any(map(_holds_bytes, value.values()))
    if kind is list:
        return any(map(_holds_bytes, value))
    return isinstance(value, bytes)


def lookalike(command: events.Command) -> Refusal | None:
    """Why what a client wrote cannot be handed on, if it cannot.

    A key ``_placeholder`` in plain JSON would be taken for the place of an attachment, by some
    clients whatever stands in it, and cost the one who reads it the connection.
    """
    content = command.data if isinstance(command, events.SendSignal) else None
    if isinstance(command, events.SendMessage):
        content = command.content
    if type(content) in (dict, list) and _holds_placeholder(content):
        return refuse(errors.INVALID, "The key '_placeholder' is Socket.IO's own")
    return None


def _holds_placeholder(value: Any) -> bool:
    if isinstance(value, dict):
        return "_placeholder" in value or any(map(_holds_placeholder, value.values()))
    return isinstance(value, list) and any(map(_holds_placeholder, value))


#: What clients take in one packet at most, by default.
_PAGE_ATTACHMENTS: Final = 10
_PAGE_BYTES: Final = 1_000_000


def page(messages: list[events.MessageReceived]) -> list[events.MessageReceived]:
    """The last of some messages, as many as one packet can carry; at least one."""
    attachments = size = 0
    for index in range(len(messages) - 1, -1, -1):
        packets = encode_message(messages[index])
        attachments += len(packets) - 1
        size += sum(map(len, packets))
        if attachments > _PAGE_ATTACHMENTS or size > _PAGE_BYTES:
            return messages[index + 1 :] or messages[-1:]
    return messages


def encode_reply(ack: int, reply: events.Reply) -> tuple[bytes, ...]:
    """The acknowledgement of a command."""
    if type(reply) is events.HistoryReply and any(_holds_bytes(m.content) for m in reply.messages):
        payload = msgspec.to_builtins(reply, builtin_types=(bytes,))
        return tuple(socketio.encode(socketio.ACK, socketio.MAIN, ack, [payload]))
    return (socketio.encode_ack(ack, reply),)


def encode_refusal(event: str, refusal: Refusal) -> tuple[bytes, ...]:
    """The refusal of a command that came without asking for an acknowledgement."""
    if event == "message":
        return (_HEADS[events.MessageReceived] + _encode(refusal) + b"]",)
    payload = RefusedEvent(
        event=event,
        error=refusal.error,
        code=refusal.code,
        retryable=refusal.retryable,
        retry_after=refusal.retry_after,
        target_client_id=refusal.target_client_id,
    )
    return (socketio.encode_event((REFUSED, payload)),)


# A client's direction


def encode_command(command: events.Command) -> tuple[str, dict[str, Any]]:
    """The name and payload of a command, for a client; what it leaves unsaid is left out.

    Raises `TypeError` or `ValueError` for content that cannot travel.
    """
    payload = msgspec.to_builtins(
        command, builtin_types=(bytes, bytearray, memoryview), str_keys=True
    )
    if _holds_placeholder(payload):
        raise ValueError("The key '_placeholder' is Socket.IO's own")
    return _NAMES[type(command)], {
        key: value
        for key, value in payload.items()
        if value is not None or key in ("message", "data")
    }


def decode_notice(name: str, args: Sequence[Any]) -> events.Notice | Refusal | RefusedEvent | None:
    """What a client is told by an event that came as plain values.

    None for an event of an unknown name. Raises `msgspec.ValidationError` for a known one whose
    payload does not fit.
    """
    payload = args[0] if args else {}
    kind: Any = _TOLD.get(name)
    if name == REFUSED:
        kind = RefusedEvent
    elif name == "message" and isinstance(payload, dict) and "error" in payload:
        kind = Refusal
    if kind is None:
        return None
    return msgspec.convert(payload, kind, builtin_types=(bytes,))  # type: ignore[no-any-return]


_ReplyT = TypeVar("_ReplyT", bound=msgspec.Struct)


def decode_reply(args: Sequence[Any], kind: type[_ReplyT]) -> _ReplyT | Refusal:
    """The acknowledgement of a command that is answered with `kind`, or its refusal.

    Raises `msgspec.ValidationError` for anything else.
    """
    payload = args[0] if args else None
    if isinstance(payload, dict) and "error" in payload:
        return msgspec.convert(payload, Refusal)
    return msgspec.convert(payload, kind, builtin_types=(bytes,))
