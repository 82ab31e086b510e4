"""A service as a process of its own, on the fast engine."""

from __future__ import annotations

import contextvars
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from .config import Service
from .server import http, serve, websocket
from .server.requests import WithRequestId
from .settings import Settings

if TYPE_CHECKING:
    from .metrics import Metrics

_logger: Final = logging.getLogger("duologue.serving")


def run(
    settings: Settings,
    service: Service,
    *,
    announce: Callable[[str], None],
    app: Callable[..., Any] | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal says to stop; close the service's node then.

    `announce` gets the address once it is served, and after that `started` is called, both on the
    loop. `app` is the application whose lifespan is run, if it has one. Raises `CannotStart`.
    """
    engine = service.engine
    try:
        listener, address = _listener(settings)
        watched = _metrics_server(settings, service)
    except serve.CannotStart:
        service.node.close()
        raise

    def on_started() -> None:
        started()
        if watched is not None:
            watched.metrics.start()
            _logger.info("metrics at %s", watched.address)
        announce(address)

    whole = service.app if app is None else _with_lifespan(service, app)

    server = serve.Server(
        uvicorn.Config(
            cast(Any, WithRequestId(whole)),
            http=http.protocol_factory(engine, None if app is None else WebSocketsSansIOProtocol),
            ws=websocket.protocol_factory({engine.options.path: engine}),
            lifespan=_lifespan(app),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=settings.proxy_headers,
            # By a socket in the file system a proxy has no address; who may open that says its mode
            forwarded_allow_ips="*" if settings.uds else settings.forwarded_allow_ips,
            ssl_certfile=settings.ssl_certfile,
            ssl_keyfile=settings.ssl_keyfile,
            timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
        ),
        engine,
        grace=settings.grace_seconds,
        on_started=on_started,
        on_drain=service.node.draining,
        on_drained=service.node.settled,
        beside=None if watched is None else watched.beside,
    )
    try:
        # In a context of its own: what is pushed where this is called, as Flask's `g`, would be
        # that of every request
        contextvars.Context().run(serve.run, server, listener)
    finally:
        if watched is not None:
            watched.metrics.stop()
        service.node.close()


def _listener(settings: Settings) -> tuple[socket.socket, str]:
    if settings.uds is not None:
        return serve.bind_uds(settings.uds), f"unix:{settings.uds}"
    listener = serve.bind(settings.host, settings.port)
    scheme = "http" if settings.ssl_certfile is None else "https"
    return listener, _address(scheme, settings.host, listener)


class _Watched(NamedTuple):
    """The metrics, what serves them, and where."""

    metrics: Metrics
    beside: serve.Beside
    address: str


def _metrics_server(settings: Settings, service: Service) -> _Watched | None:
    if settings.metrics_port is None:
        return None
    from .metrics import Metrics

    metrics = Metrics(service.node, service.engine)
    listener = serve.bind(settings.metrics_host, settings.metrics_port)
    server_config = uvicorn.Config(
        cast(Any, metrics.app()),
        http=http.protocol_factory(service.engine),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    address = _address("http", settings.metrics_host, listener) + "metrics"
    return _Watched(metrics, serve.Beside(server_config, listener), address)


def _address(scheme: str, host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{listener.getsockname()[1]}/"


def _lifespan(app: Callable[..., Any] | None) -> Literal["auto", "off"]:
    return "off" if app is None else "auto"


def _with_lifespan(service: Service, app: Callable[..., Any]) -> Callable[..., Any]:
    async def serve_both(scope: Any, receive: Any, send: Any) -> None:
        target = app if scope["type"] == "lifespan" else service.app
        await target(scope, receive, send)

    return serve_both
