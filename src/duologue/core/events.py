"""What clients ask for (commands), what they are told (notices), and what is kept (changes).

Field names are Python's; the keys under which fields travel stand beside them. Event names do not:
those are `duologue.vocabulary`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from .errors import Refusal
from .model import MAX_ID_CHARS, MAX_NOTE_CHARS, MAX_TOKEN_CHARS, Identity, Invite, Pair, Token

ClientId = Annotated[str, Meta(max_length=MAX_ID_CHARS)]
#: A signed token with which a client says who it is.
SignedToken = Annotated[str, Meta(max_length=MAX_TOKEN_CHARS)]
MessageId = Annotated[
    str,
    Meta(
        pattern=r"\A[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z"
    ),
]

# Commands: what a client asks for. Whose command it is, the server knows.


class SendMessage(msgspec.Struct, frozen=True):
    """Say something to `target`; `id` makes it safe to ask again."""

    target: ClientId = field(name="targetClientId")
    content: Any = field(name="message")
    id: MessageId | None = None
    sender: str | None = field(name="from", default=None)


class RequestLink(msgspec.Struct, frozen=True):
    target: ClientId = field(name="targetClientId")
    note: Annotated[str, Meta(max_length=MAX_NOTE_CHARS)] | None = None


class _Targeted(msgspec.Struct, frozen=True):
    target: ClientId = field(name="targetClientId")


class AcceptLink(_Targeted, frozen=True):
    pass


class DeclineLink(_Targeted, frozen=True):
    pass


class CancelRequest(_Targeted, frozen=True):
    pass


class CloseLink(_Targeted, frozen=True):
    pass


class Block(_Targeted, frozen=True):
    pass


class Unblock(_Targeted, frozen=True):
    pass


class SendTyping(msgspec.Struct, frozen=True):
    target: ClientId = field(name="targetClientId")
    typing: bool = True


class SendSignal(msgspec.Struct, frozen=True):
    target: ClientId = field(name="targetClientId")
    data: Any


Seq = Annotated[int, Meta(ge=0, le=2**53)]


class SendReceipt(msgspec.Struct, frozen=True):
    """How far the sender has got with what `target` wrote: sequence numbers, cumulative."""

    target: ClientId = field(name="targetClientId")
    delivered: Seq | None = None
    read: Seq | None = None


class ReadHistory(msgspec.Struct, frozen=True):
    """A page of a conversation: at most `limit` messages with numbers below `before`."""

    target: ClientId = field(name="targetClientId")
    before: Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class CreateInvite(msgspec.Struct, frozen=True):
    """Agree in advance to whoever has the code; `ttl` in seconds."""

    ttl: Annotated[int, Meta(ge=1, le=30 * 86_400)] | None = None
    uses: Annotated[int, Meta(ge=1, le=100)] = 1


class RedeemInvite(msgspec.Struct, frozen=True):
    code: Annotated[str, Meta(max_length=64)]


class RevokeInvite(msgspec.Struct, frozen=True):
    code: Annotated[str, Meta(max_length=64)]


class Forget(msgspec.Struct, frozen=True):
    """End this identity now and delete what is kept of it."""


class RenewToken(msgspec.Struct, frozen=True):
    """Stay connected for longer, by a new token of the same client."""

    token: SignedToken


#: What is decided by the consent table, or needs a link.
PairCommand = (
    RequestLink
    | AcceptLink
    | DeclineLink
    | CancelRequest
    | CloseLink
    | Block
    | Unblock
    | SendTyping
    | SendSignal
    | SendReceipt
)

#: What is between a client and the server alone, or an unknown maker of an invitation.
OwnCommand = ReadHistory | CreateInvite | RedeemInvite | RevokeInvite | Forget

Command = SendMessage | PairCommand | OwnCommand | RenewToken

# Replies: what the one who asked is answered. Times in milliseconds since the epoch.


class Done(msgspec.Struct, frozen=True):
    ok: bool = True


class RequestReply(msgspec.Struct, frozen=True, rename="camel"):
    state: Literal["requested", "linked"]
    expires_at: int | UnsetType = UNSET
    ok: bool = True


class MessageReply(msgspec.Struct, frozen=True, gc=False):
    """Of a message that is kept: `seq` counts those of a link, `at` is in milliseconds since the
    epoch, and `status` is whether it went to a live session or waits."""

    id: str
    seq: int
    at: int
    status: Literal["delivered", "stored"]
    ok: bool = True


class StoredMessage(msgspec.Struct, frozen=True, gc=False):
    """A message of a link as it is kept."""

    sender: str = field(name="from")
    content: Any
    id: str
    seq: int
    at: int


class HistoryReply(msgspec.Struct, frozen=True):
    """`more` is whether there are messages before these, which are in order of their numbers."""

    messages: list[StoredMessage]
    more: bool
    ok: bool = True


class InviteReply(msgspec.Struct, frozen=True, rename="camel"):
    code: str
    url: str
    expires_at: int
    ok: bool = True


class RedeemReply(msgspec.Struct, frozen=True, rename="camel"):
    client_id: str
    ok: bool = True


class TokenReply(msgspec.Struct, frozen=True, rename="camel"):
    """`expires_at` is when the session ends unless it is renewed again, if it does."""

    expires_at: int | UnsetType = UNSET
    ok: bool = True


class LinkReply(msgspec.Struct, frozen=True):
    """To a host; `new` is whether the two were not linked before."""

    new: bool


class ClientReply(msgspec.Struct, frozen=True, rename="camel"):
    """To a host: what is known of a client, as this client itself may know it. `blocked` are the
    clients that it blocks; `last_seen` is in milliseconds since the epoch, None while it is online
    and for one that has never been."""

    client_id: str
    name: str | None
    online: bool
    last_seen: int | None
    kept: bool
    links: list[LinkEntry]
    requests: list[LinkRequested]
    requested: list[SentRequestEntry]
    blocked: list[str]


Reply = (
    Done
    | RequestReply
    | MessageReply
    | HistoryReply
    | InviteReply
    | RedeemReply
    | TokenReply
    | LinkReply
    | ClientReply
    | Refusal
)

# Notices: what a client is told unasked. Times in milliseconds since the epoch.


class ClientIdGiven(msgspec.Struct, frozen=True, rename="camel"):
    """`resume_token` is there for an identity that is kept."""

    client_id: str
    resume_token: str | UnsetType = UNSET


class MessageReceived(msgspec.Struct, frozen=True, gc=False):
    """`to` is there for the sender's other sessions only; the rest for a message on a link."""

    sender: str = field(name="from")
    content: Any
    id: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    at: int | UnsetType = UNSET
    to: str | UnsetType = UNSET


class LinkRequested(
    msgspec.Struct, frozen=True, rename={"sender": "from", "expires_at": "expiresAt"}
):
    sender: str
    name: str | None
    note: str | None
    expires_at: int


class LinkEstablished(msgspec.Struct, frozen=True):
    peer: str
    name: str | None


class _AboutPeer(msgspec.Struct, frozen=True):
    peer: str


class _Over(_AboutPeer, frozen=True):
    own: bool | UnsetType = UNSET


class LinkDeclined(_Over, frozen=True):
    """`own` is there for the other sessions of the client that has declined itself only."""


class LinkCancelled(_Over, frozen=True):
    """`own` is there for the other sessions of the client that has cancelled itself only."""


class LinkClosed(_Over, frozen=True):
    """`own` is there for the other sessions of the client that has closed it itself only."""


class LinkExpired(_AboutPeer, frozen=True):
    pass


class Presence(msgspec.Struct, frozen=True, rename="camel"):
    client_id: str
    online: bool
    last_seen: int | None = None


class Typing(msgspec.Struct, frozen=True):
    sender: str = field(name="from")
    typing: bool


class Receipt(msgspec.Struct, frozen=True):
    """`to` is there for the other sessions of the client that says so only."""

    sender: str = field(name="from")
    delivered: int
    read: int
    to: str | UnsetType = UNSET


class InviteCrowded(msgspec.Struct, frozen=True):
    """Somebody tried a code that has been used up: it may have got into wrong hands."""

    code: str


class SignalReceived(msgspec.Struct, frozen=True):
    sender: str = field(name="from")
    data: Any


class LinkEntry(msgspec.Struct, frozen=True, rename="camel"):
    """`delivered` and `read` are how far the peer says that it has got, `unread` how many of its
    messages this client has not said to have read. `history_from` is there when messages that this
    client has missed are no longer kept: the number of the first one that is. `first` is there when
    the link has been made anew: the number of its own first message, said or not yet."""

    peer: str
    name: str | None
    online: bool
    last_seen: int | None
    seq: int
    unread: int = 0
    delivered: int = 0
    read: int = 0
    history_from: int | UnsetType = UNSET
    first: int | UnsetType = UNSET


class SentRequestEntry(msgspec.Struct, frozen=True, rename={"expires_at": "expiresAt"}):
    to: str
    note: str | None
    expires_at: int


class Links(msgspec.Struct, frozen=True):
    """A client's links, the requests it has got, and those that it has made."""

    links: list[LinkEntry]
    requests: list[LinkRequested]
    requested: list[SentRequestEntry]


class Draining(msgspec.Struct, frozen=True):
    pass


#: What a session is told after it has been told who it is.
Happening = (
    MessageReceived
    | LinkRequested
    | LinkEstablished
    | LinkDeclined
    | LinkCancelled
    | LinkClosed
    | LinkExpired
    | Presence
    | Typing
    | Receipt
    | InviteCrowded
    | SignalReceived
    | Links
    | Draining
)

Notice = ClientIdGiven | Happening


class Tell(msgspec.Struct, frozen=True):
    """An effect: every session of the client `to` is told `notice`; of what it has done itself, the
    `others` than the one that asked, which gets an answer."""

    to: str
    notice: Notice
    others: bool = False


# Changes: what a store does with a decision


class PutPair(msgspec.Struct, frozen=True):
    """Keep this of two clients instead of what was kept before."""

    pair: Pair


class PutIdentity(msgspec.Struct, frozen=True):
    identity: Identity


class DropIdentity(msgspec.Struct, frozen=True):
    """Forget a client, and every pair, message, token and invitation of it."""

    id: str


MAX_TOKENS: Final = 20


class PutToken(msgspec.Struct, frozen=True):
    """Keep this token, or what is now known of it. A client has at most `MAX_TOKENS` that have been
    used, and as many that have not, so that neither kind pushes out the other: more than
    that push out those that expire first."""

    token: Token


class PutInvite(msgspec.Struct, frozen=True):
    invite: Invite


class DropInvite(msgspec.Struct, frozen=True):
    digest: bytes


Change = PutPair | PutIdentity | DropIdentity | PutToken | PutInvite | DropInvite


class Decision(msgspec.Struct, frozen=True):
    """What follows from a command: nothing of it happens before `changes` are kept."""

    reply: Reply
    changes: tuple[Change, ...] = ()
    effects: tuple[Tell, ...] = ()


class AddMessage(msgspec.Struct, frozen=True, gc=False):
    """What follows from a message that may be sent, the commonest decision by far: a `reply` to its
    sender and a `notice` to its target, as soon as it is kept.

    It is kept only if `pair`'s number is still the one before the message's, and its link still
    open if it was. `delivered` is whether the target is online, and `retry` whether its sender gave
    it an ID with which it may be sent again. `notice` is `message` as far as its target may see it.
    """

    pair: Pair
    message: MessageReceived
    notice: MessageReceived
    delivered: bool
    retry: bool

    @property
    def reply(self) -> MessageReply:
        message = self.message
        status: Literal["delivered", "stored"] = "delivered" if self.delivered else "stored"
        return MessageReply(message.id, message.seq, message.at, status)  # type: ignore[arg-type]
