"""A client of a Duologue server, for asyncio: ``from duologue.client import Client``.

See docs/python-client.md.
"""

from duologue.core.events import (
    Draining,
    HistoryReply,
    InviteCrowded,
    InviteReply,
    LinkCancelled,
    LinkClosed,
    LinkDeclined,
    LinkEntry,
    LinkEstablished,
    LinkExpired,
    LinkRequested,
    Links,
    MessageReceived,
    Presence,
    Receipt,
    RequestReply,
    SentRequestEntry,
    SignalReceived,
    StoredMessage,
    Typing,
)

from .books import Connected, Disconnected, Event
from .client import Client, Sent
from .errors import CannotConnect, Closed, DuologueError, EventsLost, NoAnswer, NoToken, Refused

__all__ = [
    "CannotConnect",
    "Client",
    "Closed",
    "Connected",
    "Disconnected",
    "Draining",
    "DuologueError",
    "Event",
    "EventsLost",
    "HistoryReply",
    "InviteCrowded",
    "InviteReply",
    "LinkCancelled",
    "LinkClosed",
    "LinkDeclined",
    "LinkEntry",
    "LinkEstablished",
    "LinkExpired",
    "LinkRequested",
    "Links",
    "MessageReceived",
    "NoAnswer",
    "NoToken",
    "Presence",
    "Receipt",
    "Refused",
    "RequestReply",
    "Sent",
    "SentRequestEntry",
    "SignalReceived",
    "StoredMessage",
    "Typing",
]
