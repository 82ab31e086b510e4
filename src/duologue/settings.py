"""Every setting of the program, documented once.

`--help`, the names of environment variables and ``docs/settings.md`` are made from `Settings`. A
flag beats the environment, the environment beats the file, and the file beats the default.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import ipaddress
import math
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from .auth_options import Options

ENVIRONMENT_PREFIX: Final = "DUOLOGUE_"


#: What RFC 6750 lets stand after "Bearer".
_API_KEY: Final = re.compile(r"(?=.{32})[A-Za-z0-9._~+/-]+=*")

_URL: Final = re.compile(r"https?://[^/?#\s]+(/[^?#\s]*)?")

#: With a query, too, but no fragment. A path of two slashes would be another site.
_SIGN_IN_URL: Final = re.compile(
    r"(https?://([\w.~-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(?=[/?]|$)|/(?![/\\]))[!\"$-\[\]-~]*"
)

#: Who asks for more means milliseconds, as Socket.IO has them in JavaScript.
_MAX_HEARTBEAT_SECONDS: Final = 3_600

#: What the types of settings are called.
_KINDS: Final = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "a list of texts",
}


class SettingsError(ValueError):
    """Settings that contradict each other or are out of range."""


def _setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    least: float | None = None,
    most: float = math.inf,
    secret: bool = False,
) -> Any:
    """A number is from `least` to `most`. A `secret` is no flag, for everybody on a machine can
    read those, and is never shown."""
    metadata = {"help": help, "unit": unit, "least": least, "most": most, "secret": secret}
    return dataclasses.field(default=default, metadata=metadata, repr=not secret)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be set. Raises `SettingsError` for values that cannot be."""

    host: str = _setting("127.0.0.1", "Address to listen on")
    port: int = _setting(8000, "Port to listen on; 0 takes any that is free", least=0, most=65_535)
    uds: str | None = _setting(None, "Unix domain socket to listen on, instead of host and port")
    store: str = _setting(
        "sqlite:///duologue.db",
        "Where what must last is kept: 'sqlite:///PATH', 'postgresql://…', or 'memory:' to keep it "
        "while the server runs",
    )
    url: str = _setting(
        "", "Where the page is for its visitors, as https://example.org; for links to it"
    )
    sign_in_url: str = _setting(
        "",
        "Where people sign in who come without a token, as https://example.org/login, or a path of "
        "this site; the pages lead there, and name the way back as 'next'",
    )
    policy: Literal["required", "open"] = _setting(
        "required", "Who may write to whom: 'open' asks for no link, as in the tutorial"
    )
    ssl_certfile: str | None = _setting(None, "TLS certificate, a PEM file")
    ssl_keyfile: str | None = _setting(None, "TLS private key, a PEM file")
    proxy_headers: bool = _setting(
        False, "Believe X-Forwarded-For and X-Forwarded-Proto of trusted proxies"
    )
    forwarded_allow_ips: str = _setting(
        "127.0.0.1", "Addresses of trusted proxies, with commas between; '*' for all"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "Least important messages that are logged"
    )
    log_format: Literal["text", "json"] = _setting("text", "Format of log lines")
    access_log: bool = _setting(False, "Log a line for each HTTP request, without its query")
    metrics_host: str = _setting("127.0.0.1", "Address to serve /metrics on, for Prometheus")
    metrics_port: int | None = _setting(
        None,
        "Port to serve /metrics on; 0 takes any that is free. Without one it is not served",
        least=0,
        most=65_535,
    )
    grace_seconds: float = _setting(
        10.0, "Time to finish what is in flight when told to stop", unit="seconds", least=0
    )

    api_key: str | None = _setting(
        None,
        "Key of the REST API, at least 32 letters, digits or '-._~+/='; several with commas "
        "between while one takes the place of another. Without any there is no such API",
        secret=True,
    )
    api_key_file: str | None = _setting(
        None,
        "File with keys of the REST API, one on each line, beside those in DUOLOGUE_API_KEY; read "
        "at the start",
    )

    ping_interval: float = _setting(
        25.0,
        "Time between two heartbeats of a session",
        unit="seconds",
        least=0.05,
        most=_MAX_HEARTBEAT_SECONDS,
    )
    ping_timeout: float = _setting(
        20.0,
        "Time that a heartbeat's answer may take",
        unit="seconds",
        least=0.05,
        most=_MAX_HEARTBEAT_SECONDS,
    )
    max_http_buffer_size: int = _setting(
        1_000_000, "Largest packet, request body or set of attachments", unit="bytes", least=1_000
    )
    cors_allowed_origins: tuple[str, ...] = _setting(
        (),
        "Other origins that may connect, as https://example.org, with commas between; "
        "'*' for any. Without any only the server's own",
    )
    transports: tuple[str, ...] = _setting(
        ("polling", "websocket"), "Transports on offer, with commas between"
    )
    allow_upgrades: bool = _setting(True, "Let sessions go from polling to WebSocket")
    http_compression: bool = _setting(False, "Compress the answers to polls")
    cookie: str | None = _setting(None, "Name of a cookie that holds a session's ID, for proxies")

    connect_timeout_seconds: float = _setting(
        10.0, "Time in which a session has to connect to a namespace", unit="seconds", least=0.05
    )
    upgrade_timeout_seconds: float = _setting(
        10.0, "Time that an upgrade to WebSocket may take", unit="seconds", least=0.05
    )
    attachment_timeout_seconds: float = _setting(
        10.0, "Time in which a packet's attachments have to follow", unit="seconds", least=0.05
    )
    header_timeout_seconds: float = _setting(
        10.0, "Time in which a request's headers have to come", unit="seconds", least=0.05
    )
    request_timeout_seconds: float = _setting(
        30.0, "Time in which a request's body has to come", unit="seconds", least=0.05
    )
    max_header_bytes: int = _setting(
        16_384, "Largest request line and headers together", unit="bytes", least=1_024
    )
    max_attachments: int = _setting(10, "Attachments of one packet", least=1)
    max_json_depth: int = _setting(32, "How deep arrays and objects may nest", least=4)
    max_fragments: int = _setting(1_024, "Fragments of one WebSocket message", least=1)
    max_payload_packets: int = _setting(10_000, "Packets in the body of one request", least=1)
    max_queue_bytes: int = _setting(
        4_000_000,
        "What may wait for a slow reader before it is disconnected",
        unit="bytes",
        least=10_000,
    )
    max_sessions: int = _setting(100_000, "Sessions in all", least=1)
    max_sessions_per_address: int = _setting(20_000, "Sessions from one IP address", least=1)
    max_sessions_per_client: int = _setting(20, "Sessions of one client", least=1)

    messages_per_minute: int = _setting(
        600_000,
        "Messages of one client to those it is linked with, or to anyone with policy open",
        least=1,
    )
    stranger_messages_per_minute: int = _setting(
        120, "Attempts of one client to reach those that it has no link with", least=1
    )
    requests_per_minute: int = _setting(
        60, "Link requests, answers to them, and blocks of one client", least=1
    )
    identities_per_hour_per_address: int = _setting(
        1_000, "New identities that outlive their connection, from one IP address", least=1
    )
    max_requests_sent: int = _setting(50, "Requests of one client that wait for an answer", least=1)
    max_requests_received: int = _setting(
        200, "Requests to one client that wait for its answer", least=1
    )
    max_links_per_client: int = _setting(1_000, "Links of one client", least=1)
    max_blocks_per_client: int = _setting(1_000, "Clients that one client has blocked", least=1)
    request_ttl_seconds: float = _setting(
        3_600.0, "Time until a request that nobody answered expires", unit="seconds", least=0.05
    )
    decline_cooldown_seconds: float = _setting(
        60.0, "Time after a decline in which the same request is refused", unit="seconds", least=0
    )

    identity_ttl_seconds: float = _setting(
        90 * 86_400.0,
        "Time for which an identity that is kept lasts without being connected",
        unit="seconds",
        least=1,
    )
    resume_overlap_seconds: float = _setting(
        3_600.0,
        "Time for which a resume token still works after it has been exchanged for a new one",
        unit="seconds",
        least=0,
    )
    takeover_timeout_seconds: float = _setting(
        3.0,
        "Time in which a client's older sessions have to prove that they are alive when it resumes",
        unit="seconds",
        least=0.05,
    )
    history_ttl_seconds: float = _setting(
        30 * 86_400.0,
        "Time for which messages are kept; 0 keeps each until it has been delivered",
        unit="seconds",
        least=0,
    )
    history_max: int = _setting(10_000, "Messages that are kept of one link", least=10)
    queue_max: int = _setting(1_000, "Messages that wait for one client that is away", least=1)
    max_waiting_messages: int = _setting(
        1_000, "Messages of one client that have been sent and not been kept yet", least=1
    )
    invite_ttl_seconds: float = _setting(
        86_400.0, "Time for which an invitation is valid", unit="seconds", least=1
    )
    max_invites_per_client: int = _setting(20, "Invitations of one client", least=1)

    anonymous: bool | None = _setting(
        None,
        "Let clients in that bring no token; by default where there is no key for tokens",
    )
    auth_secret: str | None = _setting(
        None, "Secret with which clients' tokens are signed", secret=True
    )
    auth_secret_file: str | None = _setting(
        None,
        "File with the secret with which clients' tokens are signed (HS256, …); or the secret "
        "itself in DUOLOGUE_AUTH_SECRET",
    )
    auth_public_key_file: str | None = _setting(
        None, "Public key with which clients' tokens are verified, a PEM file"
    )
    auth_jwks: tuple[str, ...] | None = _setting(
        None,
        "Public keys as a JWK set, a file or an https URL; with several issuers one for each, in "
        "the same order, with commas between",
    )
    auth_algorithms: tuple[str, ...] | None = _setting(
        None,
        "Algorithms that tokens may be signed with, with commas between. Without any HS256 with a "
        "secret; RS256, ES256 and EdDSA with public keys",
    )
    auth_issuer: tuple[str, ...] | None = _setting(
        None,
        "Who tokens have to be issued by (iss), with commas between; needed for a JWK set's URL",
    )
    auth_audience: tuple[str, ...] | None = _setting(
        None, "Whom tokens may be meant for (aud), with commas between; without any they name none"
    )
    auth_leeway_seconds: float = _setting(
        10.0, "How far the clocks of issuer and server may be apart", unit="seconds", least=0
    )
    auth_jwks_ttl_seconds: float = _setting(
        600.0, "Time for which keys from a URL are good", unit="seconds", least=1
    )
    auth_jwks_stale_seconds: float = _setting(
        3_600.0,
        "Time for which they are used after that while the URL fails",
        unit="seconds",
        least=0,
    )
    auth_jwks_interval_seconds: float = _setting(
        10.0, "Time between two requests to a URL for keys, at least", unit="seconds", least=0.1
    )
    auth_jwks_timeout_seconds: float = _setting(
        5.0, "Time that a URL's answer may take", unit="seconds", least=0.05
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None and field.default is None:
                continue
            _check_type(field, value)
            _check_range(field, value)
            # As from a variable of the shell that was never set: no TLS, or a socket without a name
            if value == "" and field.default is None and not field.metadata["secret"]:
                raise SettingsError(f"{field.name} is empty")
        if not (self.store == "memory:" or sqlite_path(self.store) or is_postgres(self.store)):
            raise SettingsError("store is 'sqlite:///PATH', 'postgresql://…' or 'memory:'")
        if "*" in self.cors_allowed_origins and len(self.cors_allowed_origins) > 1:
            raise SettingsError("cors_allowed_origins is either '*' or a list of origins")
        for origin in self.cors_allowed_origins:
            if origin != "*" and ("://" not in origin or origin.count("/") > 2):
                raise SettingsError(
                    f"cors_allowed_origins: {origin!r} is not an origin like https://example.org"
                )
        if self.url and not _URL.fullmatch(self.url):
            raise SettingsError(f"url: {self.url!r} is not an address like https://example.org")
        if self.sign_in_url and not _SIGN_IN_URL.fullmatch(self.sign_in_url):
            raise SettingsError(
                f"sign_in_url: {self.sign_in_url!r} is neither an address like "
                "https://example.org/login nor a path like /login"
            )
        for place in words(self.forwarded_allow_ips):
            if place != "*" and not _is_network(place):
                raise SettingsError(
                    f"forwarded_allow_ips: {place!r} is neither an IP address nor a network"
                )
        if not set(self.transports) <= {"polling", "websocket"} or not self.transports:
            raise SettingsError("transports are 'polling' and 'websocket'")
        if (self.ssl_certfile is None) != (self.ssl_keyfile is None):
            raise SettingsError("ssl_certfile and ssl_keyfile belong together")
        _checked_keys("api_key", _api_keys(self))
        auth_options(self)


def _is_network(place: str) -> bool:
    try:
        ipaddress.ip_network(place)
    except ValueError:
        return False
    return True


def _check_type(field: dataclasses.Field[Any], value: Any) -> None:
    kind, choices = value_type(field)
    if choices and value not in choices:
        raise SettingsError(f"{field.name} is one of {', '.join(choices)}, not {value!r}")
    # A whole number is a number, though True is none
    kinds = (int, float) if kind is float else (kind,)
    if not isinstance(value, kinds) or isinstance(value, bool) != (kind is bool):
        # Not what it is: it may be a secret
        raise SettingsError(f"{field.name} is {_KINDS[kind]}, not of type {type(value).__name__}")


def _check_range(field: dataclasses.Field[Any], value: Any) -> None:
    least, most = field.metadata["least"], field.metadata["most"]
    if least is None or (least <= value <= most and value != math.inf):
        return
    limit = "" if most == math.inf else f" and at most {most}"
    raise SettingsError(f"{field.name} must be a number of at least {least}{limit}")


def _checked_keys(name: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    # Nothing of a key may be in what is said about it
    if not all(map(_API_KEY.fullmatch, keys)):
        raise SettingsError(f"{name}: a key has at least 32 letters, digits or '-._~+/='")
    return keys


def _api_keys(settings: Settings) -> tuple[str, ...]:
    text = (settings.api_key or "").strip()
    return tuple(part.strip() for part in text.split(",")) if text else ()


#: Settings of `duologue serve` as a process. Under another server it is that one's to say.
OF_THE_PROCESS: Final = frozenset(
    {
        "host",
        "port",
        "uds",
        "ssl_certfile",
        "ssl_keyfile",
        "proxy_headers",
        "forwarded_allow_ips",
        "log_level",
        "log_format",
        "access_log",
        "metrics_host",
        "metrics_port",
    }
)


def api_keys(settings: Settings) -> tuple[str, ...]:
    """The keys of the REST API, those in the file included. Raises `SettingsError`."""
    if settings.api_key_file is None:
        return _api_keys(settings)
    try:
        lines = Path(settings.api_key_file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(f"api_key_file: {settings.api_key_file}: {reason}") from error
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise SettingsError("api_key_file: there is no key in it")
    return (*_api_keys(settings), *_checked_keys("api_key_file", found))


def sqlite_path(store: str) -> str:
    """The path in a store's URL, as SQLAlchemy's users know it: after three slashes. Empty for what
    is no file, as is SQLite's own name for memory."""
    scheme, _, path = store.partition(":///")
    return path if scheme == "sqlite" and path != ":memory:" else ""


def is_postgres(store: str) -> bool:
    return store.startswith(("postgresql://", "postgres://"))


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Settings from values by name. Raises `SettingsError`, also for a name that is no setting.

    A list may be a text with commas between, too, as in the environment.
    """
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        near = difflib.get_close_matches(unknown[0], fields, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise SettingsError(f"unknown setting: {', '.join(unknown)}{hint}")
    return Settings(
        **{
            name: words(value) if value_type(fields[name])[0] is tuple else value
            for name, value in values.items()
        }
    )


def words(value: Any) -> Any:
    """What a list is given as: words with commas between, or a list of them. Else as it is."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        return value
    return tuple(part.strip() for part in parts if part.strip())


def value_type(field: dataclasses.Field[Any]) -> tuple[Any, tuple[str, ...]]:
    """A setting's plain type, and its choices if it has any."""
    hint = _hints()[field.name]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    origin = typing.get_origin(hint)
    if origin is Literal:
        return str, typing.get_args(hint)
    return origin or hint, ()


@functools.cache
def _hints() -> dict[str, Any]:
    return typing.get_type_hints(Settings)


def markdown() -> str:
    """``docs/settings.md``."""
    rows = [
        "# Settings",
        "",
        "Made from `duologue.settings.Settings`; `make docs` renews it. Each setting is a flag of",
        "`duologue serve`, an environment variable, and a key of the TOML file that `--config`",
        "names. A flag beats the environment, the environment the file, and the file the default.",
        "Secrets are no flags, for those can be seen in the list of processes.",
        "",
        "| flag | environment | default | meaning |",
        "|---|---|---|---|",
    ]
    for field in dataclasses.fields(Settings):
        flag = field.name.replace("_", "-")
        kind, choices = value_type(field)
        if kind is bool:
            flag = f"{flag}/--no-{flag}"
        flag = "" if field.metadata["secret"] else f"`--{flag}`"
        default = field.default
        if isinstance(default, tuple):
            default = ",".join(default)
        shown = "" if default is None or default == "" else f"`{default}`"
        unit = f" ({field.metadata['unit']})" if field.metadata["unit"] else ""
        options = f" One of: {', '.join(choices)}." if choices else ""
        rows.append(
            f"| {flag} | `{ENVIRONMENT_PREFIX}{field.name.upper()}` | {shown} "
            f"| {field.metadata['help']}{unit}.{options} |"
        )
    return "\n".join(rows) + "\n"


def auth_options(settings: Settings) -> Options:
    """Raises `SettingsError` for settings of tokens that do not go together."""
    try:
        return Options(
            secret=settings.auth_secret,
            secret_file=settings.auth_secret_file,
            public_key_file=settings.auth_public_key_file,
            jwks=settings.auth_jwks,
            algorithms=settings.auth_algorithms,
            issuer=settings.auth_issuer,
            audience=settings.auth_audience,
            leeway=settings.auth_leeway_seconds,
            jwks_ttl=settings.auth_jwks_ttl_seconds,
            jwks_stale=settings.auth_jwks_stale_seconds,
            jwks_interval=settings.auth_jwks_interval_seconds,
            jwks_timeout=settings.auth_jwks_timeout_seconds,
            anonymous=settings.anonymous,
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error
