"""Private conversations between two connected clients, over Socket.IO."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .core.events import ClientReply, HistoryReply, MessageReply, StoredMessage
    from .host import Refused
    from .hosts.asgi import Duologue
    from .hosts.naming import ANYONE, Who
    from .node import Named, Unidentified

__all__ = [
    "ANYONE",
    "ClientReply",
    "Duologue",
    "HistoryReply",
    "MessageReply",
    "Named",
    "Refused",
    "StoredMessage",
    "Unidentified",
    "Who",
]

#: Where each is, so that only what is used is imported.
_HOMES: Final = {
    "ANYONE": ".hosts.naming",
    "ClientReply": ".core.events",
    "Duologue": ".hosts.asgi",
    "HistoryReply": ".core.events",
    "MessageReply": ".core.events",
    "Named": ".node",
    "Refused": ".host",
    "StoredMessage": ".core.events",
    "Unidentified": ".node",
    "Who": ".hosts.naming",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
