"""What is asked and answered by REST, as structs; the OpenAPI document is made from them.

JSON has no binary. A message that holds some is written as on the wire: an object
``{"_placeholder": true, "num": 0}`` wherever there are bytes, and these, as base64, in
``attachments``. Clients cannot use that key for anything else, so that it is never ambiguous.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from duologue.core import errors, events
from duologue.core.errors import Refusal, refuse
from duologue.core.model import MAX_ID_CHARS
from duologue.wire import socketio
from duologue.wire.engineio import Binary, PacketError

ClientId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_ID_CHARS,
        pattern=r"\A[^\0]*\Z",
        extra_json_schema={"pattern": r"^[^\x00]*$"},
    ),
]

_UUID: Final = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
MessageId = Annotated[
    str, Meta(pattern=rf"\A{_UUID}\Z", extra_json_schema={"pattern": f"^{_UUID}$"})
]

_BASE64: Final = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
Attachment = Annotated[bytes, Meta(extra_json_schema={"pattern": _BASE64})]


class ClientQuery(msgspec.Struct, forbid_unknown_fields=True):
    client: ClientId


class ClientsQuery(msgspec.Struct, forbid_unknown_fields=True):
    client: Annotated[list[ClientId], Meta(min_length=1, max_length=100)]


class PairQuery(msgspec.Struct, forbid_unknown_fields=True):
    client: ClientId
    peer: ClientId


class HistoryQuery(msgspec.Struct, forbid_unknown_fields=True):
    client: ClientId
    peer: ClientId
    before: events.Seq | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class ClientBody(msgspec.Struct, forbid_unknown_fields=True):
    client: ClientId


class PairBody(msgspec.Struct, forbid_unknown_fields=True):
    client: ClientId
    peer: ClientId


class LinkBody(msgspec.Struct, forbid_unknown_fields=True):
    """With `create`, a client that is not known is from now on, as an identity that is kept."""

    client: ClientId
    peer: ClientId
    create: bool = False


class MessageBody(msgspec.Struct, forbid_unknown_fields=True):
    """`attachments` are what the placeholders in `content` stand for, in the order of `num`."""

    sender: ClientId = field(name="from")
    to: ClientId
    content: Any
    attachments: list[Attachment] = []
    id: MessageId | UnsetType = UNSET

    def value(self) -> Any:
        """The content with its bytes in it. Raises `PacketError`."""
        if not self.attachments:
            return self.content
        left = dict(enumerate(self.attachments))
        value = socketio.fill_attachments(self.content, left)
        if left:
            raise PacketError("attachment without a placeholder")
        return value


class Online(msgspec.Struct):
    """Whether each of the clients that were named has a session."""

    online: dict[str, bool]


class Linked(msgspec.Struct):
    """`new` is whether the two were not linked before."""

    new: bool
    state: Literal["linked"] = "linked"


class Disconnected(msgspec.Struct):
    """How many sessions were ended."""

    sessions: int


class Message(msgspec.Struct, omit_defaults=True):
    """`seq` counts the messages of a link; `at`, when it was kept, is in milliseconds since the
    epoch."""

    sender: str = field(name="from")
    to: str
    content: Any
    id: str
    seq: int
    at: int
    attachments: list[Attachment] = []


class History(msgspec.Struct):
    """Messages in the order of `seq`; `more` is whether there are earlier ones."""

    messages: list[Message]
    more: bool


def page(client: str, peer: str, found: events.HistoryReply) -> History:
    messages: list[Message] = []
    for each in found.messages:
        attachments: list[Binary] = []
        content = socketio.take_attachments(each.content, attachments)
        to = peer if each.sender == client else client
        messages.append(
            Message(
                each.sender,
                to,
                content,
                each.id,
                each.seq,
                each.at,
                [bytes(attachment) for attachment in attachments],
            )
        )
    return History(messages, found.more)


class Problem(msgspec.Struct, kw_only=True, rename="camel"):
    """RFC 9457's problem details, with the fields of an error as clients get it. `retry_after` in
    seconds."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: Annotated[str, Meta(extra_json_schema={"enum": list(errors.CODES)})]
    retryable: bool
    retry_after: float | UnsetType = UNSET
    target_client_id: str | UnsetType = UNSET
    id: str | UnsetType = UNSET


#: The status with which each code is answered.
STATUSES: Final = {
    errors.NOT_FOUND: 404,
    errors.NOT_LINKED: 409,
    errors.NO_REQUEST: 409,
    errors.BLOCKED: 409,
    errors.FROM_MISMATCH: 422,
    errors.INVALID: 422,
    errors.TOO_LARGE: 413,
    errors.RATE_LIMITED: 429,
    errors.UNAUTHORIZED: 401,
    errors.EXPIRED: 410,
    errors.OVERLOADED: 429,
    errors.UNAVAILABLE: 503,
}

#: Sentences for a host, where those for a client speak of it as "you".
_SENTENCES: Final = {
    errors.NOT_FOUND: "There is no such client",
    errors.NOT_LINKED: "The two are not linked",
    errors.BLOCKED: "One of the two blocks the other",
}


class Failed(Exception):
    """A request that is answered with a problem; `headers` go with it."""

    def __init__(
        self, status: int, refusal: Refusal, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(refusal.code)
        self.status = status
        self.refusal = refusal
        self.headers = headers or {}


def failed(status: int, sentence: str, code: str = errors.INVALID, **headers: str) -> Failed:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Failed(status, refuse(code, sentence), named)


def from_refusal(refusal: Refusal) -> Failed:
    if refusal.error == errors.CODES[refusal.code].sentence:
        sentence = _SENTENCES.get(refusal.code, refusal.error)
        refusal = msgspec.structs.replace(refusal, error=sentence)
    return Failed(STATUSES[refusal.code], refusal)
