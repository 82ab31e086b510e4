"""The table of everything that can be asked by REST; routes and the document are made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET

from duologue.core import events
from duologue.core.events import ClientReply, MessageReply
from duologue.host import Host
from duologue.wire.engineio import PacketError

from .bodies import (
    ClientBody,
    ClientQuery,
    ClientsQuery,
    Disconnected,
    Failed,
    History,
    HistoryQuery,
    LinkBody,
    Linked,
    MessageBody,
    Online,
    PairBody,
    PairQuery,
    failed,
    page,
)

#: A status, and the struct that goes with it; None for an answer without a body.
Outcome = tuple[int, msgspec.Struct | None]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`asks` is the struct of its query, or of its body where the method has one. `answers` has the
    struct of each status that is no error, and `refusals` the statuses that are, beside those
    which every operation has."""

    method: str
    path: str
    name: str
    summary: str
    asks: type[msgspec.Struct]
    answers: dict[int, type[msgspec.Struct] | None]
    refusals: tuple[int, ...] = ()
    run: Callable[[Host, Any], Awaitable[Outcome]]

    @property
    def has_body(self) -> bool:
        return self.method == "POST"


async def _online(host: Host, query: ClientsQuery) -> Outcome:
    return 200, Online({client: await host.online(client) for client in query.client})


async def _client(host: Host, query: ClientQuery) -> Outcome:
    return 200, await host.client(query.client)


async def _forget(host: Host, query: ClientQuery) -> Outcome:
    await host.forget(query.client)
    return 204, None


async def _disconnect(host: Host, body: ClientBody) -> Outcome:
    return 200, Disconnected(await host.disconnect(body.client))


async def _link(host: Host, body: LinkBody) -> Outcome:
    new = await host.link(body.client, body.peer, create=body.create)
    return 201 if new else 200, Linked(new)


async def _close(host: Host, query: PairQuery) -> Outcome:
    await host.close(query.client, query.peer)
    return 204, None


async def _block(host: Host, body: PairBody) -> Outcome:
    await host.block(body.client, body.peer)
    return 204, None


async def _unblock(host: Host, query: PairQuery) -> Outcome:
    await host.unblock(query.client, query.peer)
    return 204, None


async def _send(host: Host, body: MessageBody) -> Outcome:
    try:
        content = body.value()
    except PacketError as error:
        raise _unfit(error) from error
    id = None if body.id is UNSET else body.id
    return 201, await host.send(body.sender, body.to, content, id)


def _unfit(error: PacketError) -> Failed:
    return failed(422, f"The attachments do not fit the content: {error}")


async def _history(host: Host, query: HistoryQuery) -> Outcome:
    before = query.before if isinstance(query.before, int) else None
    found: events.HistoryReply = await host.history(query.client, query.peer, before, query.limit)
    return 200, page(query.client, query.peer, found)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/online",
        name="getOnline",
        summary="Which of up to 100 clients are online",
        asks=ClientsQuery,
        answers={200: Online},
        run=_online,
    ),
    Operation(
        method="GET",
        path="/client",
        name="getClient",
        summary="What is known of a client: presence, links, requests and blocks",
        asks=ClientQuery,
        answers={200: ClientReply},
        refusals=(404,),
        run=_client,
    ),
    Operation(
        method="DELETE",
        path="/client",
        name="forgetClient",
        summary="End an identity, and delete what is kept of it",
        asks=ClientQuery,
        answers={204: None},
        refusals=(404,),
        run=_forget,
    ),
    Operation(
        method="POST",
        path="/disconnect",
        name="disconnectClient",
        summary="End a client's sessions, not its identity",
        asks=ClientBody,
        answers={200: Disconnected},
        refusals=(404,),
        run=_disconnect,
    ),
    Operation(
        method="POST",
        path="/links",
        name="makeLink",
        summary="Link two clients by the host's word",
        asks=LinkBody,
        answers={200: Linked, 201: Linked},
        refusals=(404, 409),
        run=_link,
    ),
    Operation(
        method="DELETE",
        path="/links",
        name="closeLink",
        summary="Close a link; both sides are told",
        asks=PairQuery,
        answers={204: None},
        refusals=(404, 409),
        run=_close,
    ),
    Operation(
        method="POST",
        path="/messages",
        name="sendMessage",
        summary="Send a message in a client's name, on a link",
        asks=MessageBody,
        answers={201: MessageReply},
        refusals=(404, 409),
        run=_send,
    ),
    Operation(
        method="GET",
        path="/messages",
        name="getMessages",
        summary="A page of what was said on a link",
        asks=HistoryQuery,
        answers={200: History},
        refusals=(404, 409),
        run=_history,
    ),
    Operation(
        method="POST",
        path="/blocks",
        name="blockClient",
        summary="Block `peer` in the name of `client`",
        asks=PairBody,
        answers={204: None},
        refusals=(404,),
        run=_block,
    ),
    Operation(
        method="DELETE",
        path="/blocks",
        name="unblockClient",
        summary="Take back the block of `peer` by `client`",
        asks=PairQuery,
        answers={204: None},
        refusals=(404,),
        run=_unblock,
    ),
)
