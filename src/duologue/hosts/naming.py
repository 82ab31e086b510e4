"""What an application's own functions say of clients, in the words of a node."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal

from duologue import codes
from duologue.core import errors
from duologue.node import Named, Unidentified


class _Anyone(enum.Enum):
    ANYONE = enum.auto()

    def __repr__(self) -> str:
        return self.name


#: Said of a client that the application does not know and lets in all the same: it gets a new ID,
#: and keeps it if it asks to.
ANYONE: Final = _Anyone.ANYONE

#: Who a client is: its ID, or that and its name; None for one that may not connect. Those who are
#: named keep their identity from one connection to the next. `Named` says more.
Who = Named | tuple[str, str | None] | str | Literal[_Anyone.ANYONE] | None


def named(who: Who, auth: Mapping[str, Any]) -> Named:
    """Raises `Unidentified` for a client that may not connect, `TypeError` for what is no `Who`."""
    if who is None:
        raise Unidentified(errors.UNAUTHORIZED, "You are not allowed to connect")
    if who is ANYONE:
        return Named(codes.uuid4(), _name(auth), fresh=True)
    if isinstance(who, Named) and _is_named(who.client_id, who.name):
        return who
    if isinstance(who, str):
        return Named(who, _name(auth), kept=True)
    if isinstance(who, tuple) and len(who) == 2 and _is_named(*who):
        return Named(who[0], who[1], kept=True)
    raise TypeError(f"who a client is says a string, or two, and not {who!r}")


def _is_named(client_id: object, name: object) -> bool:
    return isinstance(client_id, str) and (name is None or isinstance(name, str))


def _name(auth: Mapping[str, Any]) -> str | None:
    """The name that a client asks for."""
    name = auth.get("name")
    return name if isinstance(name, str) else None
