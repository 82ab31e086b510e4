"""Duologue as part of an ASGI application, under any ASGI server."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

import msgspec
from starlette.requests import HTTPConnection

from duologue import config
from duologue.auth_options import CannotUseKeys
from duologue.core import errors, events
from duologue.core.errors import refuse
from duologue.host import Refused
from duologue.node import Authorize, Named, Node, Session
from duologue.server.pages import PagesMissing
from duologue.server.polling import respond
from duologue.settings import OF_THE_PROCESS, Settings, SettingsError, settings_from
from duologue.stores.base import CannotOpen
from duologue.threads import HostInThreads

from .naming import Who, named

#: What ASGI calls a scope or a message.
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Asgi = Callable[[_Message, _Receive, _Send], Awaitable[None]]

_CANNOT_START = (CannotOpen, CannotUseKeys, PagesMissing, SettingsError)

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
        self._lifespans = 0
        self._over = False

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

        Of several at once the last one ends it. Raises `duologue.stores.base.CannotOpen` and what
        else `duologue.config.build` does.
        """
        self._start()
        self._lifespans += 1
        try:
            yield
        finally:
            self._lifespans -= 1
            if not self._lifespans:
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
            return
        try:
            service = self._opened()
        except Refused as refused:
            await _stopped(scope, send, refused)
        else:
            await service.app(_whole_path(scope), receive, send)

    def _opened(self) -> config.Service:
        """The service, from the first use to the end of the lifespan. Raises `Refused` after it."""
        loop = asyncio.get_running_loop()
        if self._service is not None and self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError(
                    "Duologue runs on another event loop; other threads have `in_threads`"
                )
            # As in tests that have a loop for each request, and no lifespan
            self._end(self._service)
        elif self._over:
            raise Refused(refuse(errors.UNAVAILABLE, "The server has stopped"))
        if self._service is None:
            self._loop = loop
            self._service = config.build(
                self.settings,
                identify=self._identify,
                authorize=self._authorize,
                app=self._app,
                page=self._page,
                keep_scopes=self._identify is not None,
            )
        return self._service

    def _start(self) -> None:
        self._over = False
        self._opened()

    async def _close(self) -> None:
        service = self._service
        if service is None:
            return
        try:
            service.engine.draining = True
            service.node.draining()
            await service.node.settled()
            # The server has closed its connections before: nobody can take what still waits
            await service.engine.drain(0)
            await service.node.settled()
        finally:
            self._over = True
            self._end(service)

    def _end(self, service: config.Service) -> None:
        self._service = None
        service.node.close()

    async def _serve_lifespan(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """As the outermost application, with the lifespan of the one inside if that has one."""
        try:
            self._start()
        except _CANNOT_START as error:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        inside = _InnerLifespan(receive, send)
        async with self.lifespan():
            if not await inside.run(self._app, scope):
                await inside.receive()
                await inside.send({"type": "lifespan.startup.complete"})
                await inside.receive()
        await inside.finish()


class _InnerLifespan:
    """The lifespan of an application inside this one, which is over a little before this one's."""

    def __init__(self, receive: _Receive, send: _Send) -> None:
        self._receive = receive
        self._send = send
        self._asked = False
        self._last: _Message = {"type": "lifespan.shutdown.complete"}

    async def receive(self) -> _Message:
        self._asked = True
        return await self._receive()

    async def send(self, message: _Message) -> None:
        if message["type"].startswith("lifespan.shutdown."):
            self._last = message  # with it the server may end the process
        else:
            await self._send(message)

    async def run(self, app: _Asgi | None, scope: _Message) -> bool:
        """Returns whether the application has a lifespan."""
        if app is None:
            return False
        try:
            await app(scope, self.receive, self.send)
        except Exception:  # how applications without a lifespan say so
            if self._asked:
                raise
            return False
        return True

    async def finish(self) -> None:
        await self._send(self._last)


async def _stopped(scope: _Message, send: _Send, refused: Refused) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1012})
    else:
        body = msgspec.json.encode(refused.refusal)
        await respond(send, 503, body, "application/json", ())


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
