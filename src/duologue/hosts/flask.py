"""Duologue as a Flask extension: beside the application on one port, or on its Flask-SocketIO."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import click
import flask
from flask.cli import with_appcontext
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from duologue import config, logs, serving
from duologue.auth_options import CannotUseKeys
from duologue.core import errors, events
from duologue.core.errors import refuse
from duologue.host import Refused
from duologue.node import Named, Session, Unidentified
from duologue.server.pages import PagesMissing
from duologue.server.serve import CannotStart
from duologue.settings import Settings, SettingsError, settings_from
from duologue.stores.base import CannotOpen
from duologue.threads import HostInThreads

from .applications import CannotLoad, from_wsgi
from .naming import Who, named

if TYPE_CHECKING:
    from flask_socketio import SocketIO

#: Says who a client is, by the payload of its connect; Flask's `request` is the one with which it
#: connects, with its cookies, and so `session` and what login libraries make of them are there.
#: As Flask's views, it may be a coroutine function where ``flask[async]`` is installed.
Identify = Callable[[Mapping[str, Any]], Who | Awaitable[Who]]

#: Says whether the first client may ask the second, by their IDs. The same holds of it.
Authorize = Callable[[str, str], bool | Awaitable[bool]]

_I = TypeVar("_I", bound=Identify)
_A = TypeVar("_A", bound=Authorize)

EXTENSION: Final = "duologue"
_PREFIX: Final = "DUOLOGUE_"

_SERVER_ERROR: Final = 500

#: So many of an application's functions at most run at once for clients that connect or ask.
_THREADS: Final = 8


_CANNOT_RUN: Final = (
    CannotLoad,
    CannotOpen,
    CannotStart,
    CannotUseKeys,
    PagesMissing,
    SettingsError,
)


class Commands(Protocol):
    """What `HostInThreads` does, wherever the node is."""

    def online(self, client: str) -> bool: ...
    def client(self, client: str) -> events.ClientReply: ...
    def disconnect(self, client: str) -> int: ...
    def forget(self, client: str) -> None: ...
    def link(self, a: str, b: str, *, create: bool = False) -> bool: ...
    def close(self, a: str, b: str) -> None: ...
    def block(self, client: str, target: str) -> None: ...
    def unblock(self, client: str, target: str) -> None: ...
    def send(
        self, sender: str, target: str, content: Any, id: str | None = None
    ) -> events.MessageReply: ...
    def history(
        self, client: str, peer: str, before: int | None = None, limit: int = 50
    ) -> events.HistoryReply: ...


class State:
    """What an application has of Duologue: `app.extensions["duologue"]`."""

    def __init__(self, extension: Duologue, app: flask.Flask, page: bool) -> None:
        self.extension = extension
        self.app = app
        self.page = page
        #: While it runs; None before and after.
        self.commands: Commands | None = None

    def settings(self) -> Settings:
        """Those of the application's configuration. Raises `SettingsError`."""
        return settings_from(self.app.config.get_namespace(_PREFIX))

    def identify(self, environ: Mapping[str, Any], auth: Mapping[str, Any]) -> Named:
        """Ask the application who a client is; may block. Raises `Unidentified`."""
        function = self.extension.functions.identify
        if function is None:
            raise RuntimeError("this application does not say who clients are")
        try:
            with self.app.request_context(dict(environ)):
                who: Any = self.app.ensure_sync(function)(auth)
        except HTTPException as error:
            answer = error.get_response()
            if answer.status_code >= _SERVER_ERROR:
                raise
        else:
            if not isinstance(who, Response):
                return named(who, auth)
            answer = who
        # What views answer those with who have to log in, and what decorators of views do
        raise Unidentified(errors.UNAUTHORIZED, f"You are not allowed to connect: {answer.status}")

    def authorize(self, asker: str, target: str) -> bool:
        """Ask the application whether a client may ask another; may block."""
        function = self.extension.functions.authorize
        if function is None:
            return True
        with self.app.app_context():
            return self.app.ensure_sync(function)(asker, target) is True


class _Functions:
    identify: Identify | None = None
    authorize: Authorize | None = None


class Duologue:
    """Conversations for Flask applications.

    `Duologue(app)`, or `init_app(app)` for each of several applications. Settings are those of
    docs/settings.md, as ``app.config["DUOLOGUE_…"]``. With `socketio`, that Flask-SocketIO server
    carries the conversations; otherwise `run`, or ``flask duologue run``, serves them and the
    application on one port. Without `page` there is none.

    The commands may be called in any view, job or thread, and wait. They raise `duologue.Refused`,
    with `unavailable` while Duologue does not run. With several applications they need the context
    of one. See `duologue.host.Host` for what each does.
    """

    def __init__(
        self, app: flask.Flask | None = None, *, socketio: SocketIO | None = None, page: bool = True
    ) -> None:
        self.functions = _Functions()
        self._states: list[State] = []
        self._page = page
        self._socketio = socketio
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask, *, socketio: SocketIO | None = None) -> None:
        """Be part of an application; raises `RuntimeError` for one that has a Duologue already."""
        socketio = socketio or self._socketio
        if EXTENSION in app.extensions:
            raise RuntimeError("this application has a Duologue already")
        state = State(self, app, self._page)
        if socketio is None:
            app.cli.add_command(_commands(self))
        else:
            from .flask_socketio import attach

            attach(state, socketio)
        app.extensions[EXTENSION] = state
        self._states.append(state)

    def identify(self, function: _I) -> _I:
        """Have a function say who clients are; without one all are anonymous, or come by tokens."""
        self.functions.identify = function
        return function

    def authorize_request(self, function: _A) -> _A:
        """Have a function say who may ask whom; without one everybody may."""
        self.functions.authorize = function
        return function

    def run(
        self, app: flask.Flask | None = None, *, host: str | None = None, port: int | None = None
    ) -> None:
        """Serve the application and Duologue until a signal says to stop.

        In the main thread; views run in threads. The program ends with a sentence if that cannot
        be. Raises `RuntimeError` where there is no main thread or no application to serve.
        """
        state = self._state(app)
        if "socketio" in state.app.extensions:
            raise RuntimeError(
                "this application has a Flask-SocketIO server: let it carry the conversations, by "
                "Duologue(app, socketio=socketio), and run it, by socketio.run(app)"
            )
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("run() hears signals, and so belongs to the main thread")
        try:
            settings = state.settings()
            if host is not None:
                settings = dataclasses.replace(settings, host=host)
            if port is not None:
                settings = dataclasses.replace(settings, port=port)
            _run(state, settings)
        except _CANNOT_RUN as error:
            raise SystemExit(f"Error: {error}") from error

    # Commands

    def online(self, client: str) -> bool:
        """Whether a client has a session; False for one that is not known."""
        return self._running.online(client)

    def client(self, client: str) -> events.ClientReply:
        """What is known of a client: name, whether it is online, links and requests."""
        return self._running.client(client)

    def disconnect(self, client: str) -> int:
        """End a client's sessions, and say how many those were."""
        return self._running.disconnect(client)

    def forget(self, client: str) -> None:
        """End an identity now, delete what is kept of it, and end its sessions."""
        self._running.forget(client)

    def link(self, a: str, b: str, *, create: bool = False) -> bool:
        """Link two clients without asking them; returns whether they were not linked before."""
        return self._running.link(a, b, create=create)

    def close(self, a: str, b: str) -> None:
        """Close a link; both get `link_closed`."""
        self._running.close(a, b)

    def block(self, client: str, target: str) -> None:
        """Block `target` in `client`'s name."""
        self._running.block(client, target)

    def unblock(self, client: str, target: str) -> None:
        """Take back `client`'s block of `target`, if there is one."""
        self._running.unblock(client, target)

    def send(
        self, sender: str, target: str, content: Any, id: str | None = None
    ) -> events.MessageReply:
        """Send a message in a client's name; its own sessions see it, too."""
        return self._running.send(sender, target, content, id)

    def history(
        self, client: str, peer: str, before: int | None = None, limit: int = 50
    ) -> events.HistoryReply:
        """The last `limit` (1 to 100) messages of a link with numbers below `before`, in order."""
        return self._running.history(client, peer, before, limit)

    # Which application

    @property
    def _running(self) -> Commands:
        commands = self._state().commands
        if commands is None:
            raise Refused(refuse(errors.UNAVAILABLE, "Duologue does not run in this process"))
        return commands

    def _state(self, app: flask.Flask | None = None) -> State:
        if app is None and flask.has_app_context():
            app = flask.current_app
        if app is not None:
            found = app.extensions.get(EXTENSION)
            if isinstance(found, State) and found.extension is self:
                return found
        if app is None and len(self._states) == 1:
            return self._states[0]
        if app is None and self._states:
            raise RuntimeError("with several applications this needs the context of one")
        raise RuntimeError("this application has no Duologue: init_app(app) gives it one")


# Beside the application on one port


def _run(
    state: State,
    settings: Settings,
    announce: Callable[[str], None] = click.echo,
) -> None:
    if not logging.getLogger().handlers:
        logs.configure(settings.log_level, settings.log_format)
    functions = state.extension.functions
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="duologue") as threads:
        service = config.build(
            settings,
            identify=functions.identify and partial(_identify, state, threads),
            authorize=functions.authorize and partial(_authorize, state, threads),
            app=from_wsgi(state.app),
            page=state.page,
        )

        def started() -> None:
            state.commands = HostInThreads(service.node.host, asyncio.get_running_loop())

        try:
            serving.run(
                settings,
                service,
                announce=lambda address: announce(f" * Duologue is running at {address}"),
                started=started,
            )
        finally:
            state.commands = None


async def _identify(
    state: State, threads: Executor, session: Session, auth: Mapping[str, Any]
) -> Named:
    loop = asyncio.get_running_loop()
    environ = _environ(session)
    return await loop.run_in_executor(threads, state.identify, environ, auth)


async def _authorize(state: State, threads: Executor, asker: str, target: str) -> bool:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, state.authorize, asker, target)


def _environ(session: Session) -> dict[str, Any]:
    """The request with which a client connects, as WSGI has it, which cannot tell underscores in a
    header's name from hyphens (`applications.from_wsgi`)."""
    from werkzeug.test import EnvironBuilder

    headers = [(name, value) for name, value in session.headers.items() if "_" not in name]
    builder = EnvironBuilder("/socket.io/", headers=headers)
    environ = builder.get_environ()
    environ["REMOTE_ADDR"] = session.address
    return environ


def _commands(extension: Duologue) -> click.Group:
    group = click.Group("duologue", help="Private conversations between clients.")

    @group.command("run")
    @click.option("--host", "-h", help="Address to listen on.")
    @click.option("--port", "-p", type=click.IntRange(0, 65_535), help="Port to listen on.")
    @with_appcontext
    def run(host: str | None, port: int | None) -> None:
        """Serve the application and Duologue on one port."""
        extension.run(host=host, port=port)

    return group
