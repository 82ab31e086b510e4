"""What tokens have to be like, and where the keys to them are, before any key has been read.

Apart from `duologue.auth`, for what that reads keys with need not be loaded where there are none.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

#: Secret of at least so many bytes, as long as the digest that is made with it (RFC 7518, 3.2).
SHARED: Final[Mapping[str, int]] = {"HS256": 32, "HS384": 48, "HS512": 64}

RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES: Final[Mapping[str, str]] = {
    "secp256r1": "ES256",
    "secp384r1": "ES384",
    "secp521r1": "ES512",
}
PUBLIC: Final = (*RSA, *CURVES.values(), "EdDSA")


class CannotUseKeys(Exception):
    """There is no key to be had from where it should be; the text says why, in one line."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Where the key is, and what tokens have to be like; times in seconds.

    `jwks` are files and URLs, one for each of `issuer`, in the same order. Tokens need one kind of
    key; without any all clients are anonymous. What is None has not been given, and nothing that
    has been may be empty. Raises `ValueError` for that and for what does not go together, under the
    names that settings have.
    """

    secret: str | None = dataclasses.field(default=None, repr=False)
    secret_file: str | None = None
    public_key_file: str | None = None
    jwks: tuple[str, ...] | None = None
    algorithms: tuple[str, ...] | None = None
    issuer: tuple[str, ...] | None = None
    audience: tuple[str, ...] | None = None
    leeway: float = 10.0
    jwks_ttl: float = 600.0
    jwks_stale: float = 3_600.0
    jwks_interval: float = 10.0
    jwks_timeout: float = 5.0
    anonymous: bool | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if _is_empty(getattr(self, field.name)):
                # Who says what tokens have to be like wants them asked for. If that came out empty,
                # as from a variable of the shell that was never set, everybody would be let in.
                raise ValueError(f"auth_{field.name} is empty")
        given = self.key_options
        if not given:
            self._check_without_key()
            return
        if len(given) > 1:
            raise ValueError(f"auth_{' and auth_'.join(given)} exclude each other")
        shared = given[0] in ("secret", "secret_file")
        algorithms = self.algorithms or (("HS256",) if shared else ("RS256", "ES256", "EdDSA"))
        object.__setattr__(self, "algorithms", algorithms)
        for algorithm in algorithms:
            if algorithm not in SHARED and algorithm not in PUBLIC:
                there = ", ".join((*SHARED, *PUBLIC))
                raise ValueError(f"auth_algorithms: {algorithm!r} is none of {there}")
            if (algorithm in SHARED) != shared:
                kind = "a public key" if shared else "a secret"
                raise ValueError(f"auth_algorithms: {algorithm} needs {kind}, not auth_{given[0]}")
        self._check_issuers()

    @property
    def key_options(self) -> list[str]:
        """The names of the options that say where a key is."""
        names = ("secret", "secret_file", "public_key_file", "jwks")
        return [name for name in names if getattr(self, name) is not None]

    def _check_without_key(self) -> None:
        for name in ("algorithms", "issuer", "audience"):
            if getattr(self, name) is not None:
                raise ValueError(f"auth_{name} is of no use without a key")
        if self.anonymous is False:
            raise ValueError("nobody can connect without a key and with no anonymous clients")

    def _check_issuers(self) -> None:
        issuers = self.issuer or ()
        if len(set(issuers)) != len(issuers):
            raise ValueError("auth_issuer names one twice")
        if self.jwks is None:
            if len(issuers) > 1:
                raise ValueError("auth_issuer: several need keys of their own, by auth_jwks")
            return
        if len(self.jwks) != max(len(issuers), 1):
            raise ValueError("auth_jwks has one for each of auth_issuer, in the same order")
        for place in filter(is_url, self.jwks):
            try:
                check_url(place)
            except CannotUseKeys as error:
                raise ValueError(f"auth_jwks: {error}") from error
            if not issuers:
                raise ValueError("auth_jwks: a URL needs auth_issuer, whose keys it has")


def _is_empty(value: object) -> bool:
    return not value.strip() if isinstance(value, str) else value == ()


def is_url(place: str) -> bool:
    return "://" in place


def check_url(url: str) -> None:
    """Hold a URL against what may be fetched. Raises `CannotUseKeys`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
        host.encode("idna")
        f"{parts.path}?{parts.query}".encode("ascii")
    except ValueError as error:
        raise CannotUseKeys(f"{url!r} is not a URL") from error
    if parts.username is not None or parts.password is not None:
        raise CannotUseKeys("a URL with a password in it can be read by others")
    if " " in url or not url.isprintable():
        raise CannotUseKeys(f"{url!r} is not a URL")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise CannotUseKeys(f"{url!r} is neither https nor on this machine")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
