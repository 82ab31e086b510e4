"""An engine with the echo application, served by uvicorn in a thread of the test's process."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette

from duologue.server import http, websocket
from duologue.server.app import Engine, Options
from duologue.server.asgi import EngineApp
from tests.conformance.echo import EchoApplication
from tests.support.raw import receive, socketio


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))


class EngineServer:
    """A server with `options`; `url` and `port` are its address, `engine` the engine in it.

    `stop` fails if the server has logged an error: no client's bytes may cause one.
    """

    def __init__(self, *, asgi: bool = False, **options: Any) -> None:
        self.engine = Engine.socketio(Options(**options), {"/": EchoApplication()})
        engines = {"/socket.io/": self.engine}
        fast: dict[str, Any] = {
            "ws": websocket.protocol_factory(engines),
            "http": http.protocol_factory(self.engine),
        }
        config = uvicorn.Config(
            EngineApp(engines, Starlette()),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            **({"ws": "websockets-sansio"} if asgi else fast),
        )
        self._server = uvicorn.Server(config)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._errors = _Errors()
        logging.getLogger().addHandler(self._errors)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._started.wait(10)

    def _run(self) -> None:
        factory = self._server.config.get_loop_factory()
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._started.set)
        await self._server.serve(sockets=[self._listener])

    def tasks(self) -> int:
        """How many tasks there are in the server's loop."""
        assert self._loop is not None
        loop = self._loop

        async def count() -> int:
            return len(asyncio.all_tasks())

        return asyncio.run_coroutine_threadsafe(count(), loop).result(10) - 1

    def connections(self) -> int:
        """How many TCP connections the server holds."""
        return len(self._server.server_state.connections)

    def echoes(self) -> bool:
        """Whether another client is still served."""
        with socketio(self.url) as connection:
            receive(connection)
            connection.send('42["message","still there?"]')
            return receive(connection) == '42["message-back","still there?"]'

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        logging.getLogger().removeHandler(self._errors)
        assert not self._thread.is_alive()
        assert self._errors.records == []
