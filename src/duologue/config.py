"""The one place where settings become objects.

What only some servers need is imported where it is made, so that others need not wait for it.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, Final

from .core.model import Policy, Terms
from .node import Authorize, Identify, Limits, Node, anonymous
from .server.app import Engine, Options
from .server.asgi import EngineApp
from .server.pages import pages
from .settings import Settings, SettingsError, api_keys, auth_options, is_postgres, sqlite_path
from .stores.base import CannotOpen, Store
from .stores.memory import MemoryStore
from .stores.sqlite import SqliteStore

_logger: Final = logging.getLogger("duologue.hosts")


def engine_options(settings: Settings) -> Options:
    return Options(
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        max_http_buffer_size=settings.max_http_buffer_size,
        cors_allowed_origins=settings.cors_allowed_origins or None,
        transports=settings.transports,
        allow_upgrades=settings.allow_upgrades,
        http_compression=settings.http_compression,
        cookie=settings.cookie,
        connect_timeout=settings.connect_timeout_seconds,
        upgrade_timeout=settings.upgrade_timeout_seconds,
        attachment_timeout=settings.attachment_timeout_seconds,
        header_timeout=settings.header_timeout_seconds,
        request_timeout=settings.request_timeout_seconds,
        max_header_bytes=settings.max_header_bytes,
        max_attachments=settings.max_attachments,
        max_json_depth=settings.max_json_depth,
        max_fragments=settings.max_fragments,
        max_payload_packets=settings.max_payload_packets,
        max_queue_bytes=settings.max_queue_bytes,
        max_sessions=settings.max_sessions,
        max_sessions_per_address=settings.max_sessions_per_address,
    )


def terms(settings: Settings) -> Terms:
    return Terms(
        policy=Policy(settings.policy),
        request_ttl=settings.request_ttl_seconds,
        decline_cooldown=settings.decline_cooldown_seconds,
        max_requests_sent=settings.max_requests_sent,
        max_requests_received=settings.max_requests_received,
        max_links=settings.max_links_per_client,
        max_blocks=settings.max_blocks_per_client,
        queue_max=settings.queue_max,
        identity_ttl=settings.identity_ttl_seconds,
        resume_overlap=settings.resume_overlap_seconds,
        invite_ttl=settings.invite_ttl_seconds,
        max_invites=settings.max_invites_per_client,
    )


def limits(settings: Settings) -> Limits:
    return Limits(
        messages_per_minute=settings.messages_per_minute,
        stranger_messages_per_minute=settings.stranger_messages_per_minute,
        requests_per_minute=settings.requests_per_minute,
        identities_per_hour_per_address=settings.identities_per_hour_per_address,
        max_sessions_per_client=settings.max_sessions_per_client,
        takeover_timeout=settings.takeover_timeout_seconds,
        max_waiting_messages=settings.max_waiting_messages,
        max_content_bytes=settings.max_http_buffer_size,
        max_attachments=settings.max_attachments,
        max_json_depth=settings.max_json_depth,
    )


def open_store(settings: Settings) -> Store:
    """Raises `CannotOpen`."""
    ttl, most = settings.history_ttl_seconds, settings.history_max
    if settings.store == "memory:":
        return MemoryStore(history_ttl=ttl, history_max=most)
    if is_postgres(settings.store):
        try:
            from .stores.postgres import PostgresStore
        except ImportError as error:
            raise CannotOpen(
                "For a PostgreSQL store install duologue[postgres], which brings psycopg"
            ) from error
        return PostgresStore(settings.store, history_ttl=ttl, history_max=most)
    return SqliteStore(sqlite_path(settings.store), history_ttl=ttl, history_max=most)


@dataclasses.dataclass(frozen=True)
class Service:
    """A node, the engine that carries it, and the ASGI application with its page."""

    node: Node
    engine: Engine
    app: EngineApp


def build_node(
    settings: Settings, identify: Identify | None = None, authorize: Authorize | None = None
) -> Node:
    """A node alone. Raises `CannotOpen`, `CannotUseKeys`, and `SettingsError` for a key for tokens
    that would not be asked for because `identify` says who clients are."""
    options = auth_options(settings)
    if identify is not None and options.key_options:
        raise SettingsError(f"auth_{options.key_options[0]} is of no use beside identify")
    if identify is None and options.key_options:
        from . import auth

        identify = auth.identify(options)
    if authorize is not None and settings.policy == "open":
        _logger.warning(
            "with the policy open everybody may write to everybody, and authorize_request is asked "
            "about links alone"
        )
    return Node(
        open_store(settings),
        terms=terms(settings),
        limits=limits(settings),
        identify=identify or anonymous,
        authorize=authorize,
        url=settings.url,
    )


def build(
    settings: Settings,
    *,
    identify: Identify | None = None,
    authorize: Authorize | None = None,
    app: Callable[..., Any] | None = None,
    page: bool = True,
    keep_scopes: bool = False,
) -> Service:
    """The objects of a server with these settings, and with what an application that it is part of
    adds: who clients are, who may ask whom, and `app`, an ASGI application for all other requests.

    Raises `PagesMissing` without its page, `CannotOpen` without its store, `CannotUseKeys` without
    the keys for tokens, and `SettingsError` for keys of the REST API that cannot be read and for
    what `build_node` does not take.
    """
    keys = api_keys(settings)
    site: Callable[..., Any] = pages(
        lambda: node.trouble, page=page, sign_in_url=settings.sign_in_url, fallback=app
    )
    node = build_node(settings, identify, authorize)
    if keys:
        from .rest.app import Api

        site = Api(
            node.host,
            keys,
            site,
            max_body_bytes=settings.max_http_buffer_size,
            max_json_depth=settings.max_json_depth,
        )
    options = engine_options(settings)
    engine = Engine.socketio(options, {"/": node})
    return Service(node, engine, EngineApp({options.path: engine}, site, keep_scopes=keep_scopes))
