"""Duologue as part of an ASGI application, under any ASGI server."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

from starlette.requests import HTTPConnection

from duologue import config
from duologue.core import events
from duologue.node import Authorize, Named, Node, Session
from duologue.settings import OF_THE_PROCESS, Settings, SettingsError, settings_from
from duologue.threads import HostInThreads

from .naming import Who, named

#: What ASGI calls a scope or a message.
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Asgi = Callable[[_Message, _Receive, _Send], Awaitable[None]]

#: Gets the request with which a client connects, and the payload of its connect, and says who it
#: is. Middleware around Duologue has seen that request: `session`, `user` and `state` are there.
#: It may be a coroutine function, and may raise `duologue.Unidentified`.
Identify = Callable[[HTTPConnection, Mapping[str, Any]], Who | Awaitable[Who]]


class Duologue:
    """Conversations for a Starlette, FastAPI or Django application.

    `asgi` is what to mount, `lifespan` what to hand over, so that the store is opened at the start
    and clients are told of the end; without that the first request opens it. `app` is an ASGI
    application that gets all other requests, for frameworks that cannot mount one. Without `page`
    there is none. All else are settings, under the names that docs/settings.md has in lower case.
    Raises `duologue.settings.SettingsError` for those that cannot be.

    The commands raise `duologue.Refused`, and belong to the event loop; `in_threads` has the same
    for other threads. See `duologue.host.Host` for what each does.
    """

    def __init__(
        self,
        *,
        identify: Identify | None = None,
        authorize_request: Authorize | None = None,
        app: _Asgi | None = None,
        page: bool = True,
        **settings: Any,
    ) -> None:
        for name in sorted(OF_THE_PROCESS & set(settings)):
            raise SettingsError(f"{name} is the ASGI server's to say, and not Duologue's")
        self.settings: Settings = settings_from(settings)
        self._identify = None if identify is None else partial(_named, identify)
        self._authorize = authorize_request
        self._app = app
        self._page = page
        self._service: config.Service | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # For the application around it

    @property
    def asgi(self) -> _Asgi:
        """The ASGI application, which may be mounted at any path."""

        # Servers know a function for what it is, and would take a method for something older
        async def asgi(scope: _Message, receive: _Receive, send: _Send) -> None:
            await self._serve(scope, receive, send)

        return asgi

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncIterator[None]:
        """For ``Starlette(lifespan=…)``, or inside a lifespan of your own.

        Raises `duologue.stores.base.CannotOpen` and what else `duologue.config.build` does.
        """
        self._opened()
        try:
            yield
        finally:
            await self._close()

    @property
    def node(self) -> Node:
        """The node, while it runs; raises `RuntimeError` otherwise."""
        if self._service is None:
            raise RuntimeError("Duologue does not run: neither its lifespan nor a request began")
        return self._service.node

    @property
    def in_threads(self) -> HostInThreads:
        """The same commands for threads that may wait, such as those of ``def`` endpoints."""
        node, loop = self.node, self._loop
        if loop is None:
            raise RuntimeError("Duologue has no loop")
        return HostInThreads(node.host, loop)

    # Commands

    async def online(self, client: str) -> bool:
        """Whether a client has a session; False for one that is not known."""
        return await self._opened().node.host.online(client)

    async def client(self, client: str) -> events.ClientReply:
        """What is known of a client: name, whether it is online, links and requests."""
        return await self._opened().node.host.client(client)

    async def disconnect(self, client: str) -> int:
        """End a client's sessions, and say how many those were."""
        return await self._opened().node.host.disconnect(client)

    async def forget(self, client: str) -> None:
        """End an identity now, delete what is kept of it, and end its sessions."""
        await self._opened().node.host.forget(client)

    async def link(self, a: str, b: str, *, create: bool = False) -> bool:
        """Link two clients without asking them; returns whether they were not linked before."""
        return await self._opened().node.host.link(a, b, create=create)

    async def close(self, a: str, b: str) -> None:
        """Close a link; both get `link_closed`."""
        await self._opened().node.host.close(a, b)

    async def block(self, client: str, target: str) -> None:
        """Block `target` in `client`'s name."""
        await self._opened().node.host.block(client, target)

    async def unblock(self, client: str, target: str) -> None:
        """Take back `client`'s block of `target`, if there is one."""
        await self._opened().node.host.unblock(client, target)

    async def send(
        self, sender: str, target: str, content: Any, id: str | None = None
    ) -> events.MessageReply:
        """Send a message in a client's name; its own sessions see it, too."""
        return await self._opened().node.host.send(sender, target, content, id)

    async def history(
        self, client: str, peer: str, before: int | None = None, limit: int = 50
    ) -> events.HistoryReply:
        """The last `limit` (1 to 100) messages of a link with numbers below `before`, in order."""
        return await self._opened().node.host.history(client, peer, before, limit)

    # Requests

    async def _serve(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await self._serve_lifespan(scope, receive, send)
        else:
            await self._opened().app(_whole_path(scope), receive, send)

    def _opened(self) -> config.Service:
        if self._service is None:
            self._loop = asyncio.get_running_loop()
            self._service = config.build(
                self.settings,
                identify=self._identify,
                authorize=self._authorize,
                app=self._app,
                page=self._page,
                keep_scopes=self._identify is not None,
            )
        return self._service

    async def _close(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            service.engine.draining = True
            service.node.draining()
            await service.node.settled()
            await service.engine.drain(self.settings.grace_seconds)
            await service.node.settled()
            service.node.close()

    async def _serve_lifespan(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """As the outermost application, with the lifespan of the one inside if that has one."""
        asked = False

        async def receive_inside() -> _Message:
            nonlocal asked
            asked = True
            return await receive()

        async with self.lifespan():
            if self._app is not None:
                try:
                    await self._app(scope, receive_inside, send)
                except Exception:  # how applications without a lifespan say so
                    if asked:
                        raise
                else:
                    return
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _named(
    identify: Identify, session: Session, auth: Mapping[str, Any]
) -> Named | Awaitable[Named]:
    found = identify(HTTPConnection(_scope(session)), auth)
    if inspect.isawaitable(found):
        return _named_later(found, auth)
    return named(found, auth)


async def _named_later(found: Awaitable[Who], auth: Mapping[str, Any]) -> Named:
    return named(await found, auth)


def _whole_path(scope: _Message) -> _Message:
    """The scope with a path that begins with `root_path`, as ASGI has it.

    Behind a proxy that takes its prefix away the path lacks it, and a framework that was told of
    it all the same puts it before the path of the mount.
    """
    path, root = scope["path"], scope.get("root_path", "")
    if path.startswith(root):
        return scope
    prefix = scope.get("app_root_path", "")
    mount = root.removeprefix(prefix)
    return {**scope, "path": prefix + path} if path.startswith(mount) else scope


def _scope(session: Session) -> _Message:
    scope: _Message | None = getattr(session, "scope", None)
    if scope is not None:
        return scope
    # A WebSocket of the fast engine has no scope: it does not come by ASGI
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in session.headers.items()
    ]
    return {
        "type": "websocket",
        "headers": headers,
        "client": (session.address, 0),
        "path": "/socket.io/",
        "query_string": b"",
    }
