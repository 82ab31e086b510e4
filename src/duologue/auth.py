"""Clients by JSON Web Tokens: who a client is, says whoever signed its token.

The signature comes first: until it has been verified nothing in a token is believed. Of what it
says before that, its algorithm is held against a list, and its issuer and key ID only choose among
keys that are configured.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import jwt
import msgspec

from . import jwks, keys
from .auth_options import CannotUseKeys, Options, is_url
from .core import errors
from .core.model import MAX_ID_CHARS, MAX_NAME_CHARS, MAX_TIME, is_id
from .hub import about
from .keys import (
    Key,
    KeyFile,
    KeySource,
    KeysUnavailable,
    NoKey,
    OneKey,
)
from .node import Identify, Named, Session, Unidentified, anonymous

_logger: Final = logging.getLogger("duologue.auth")


class InvalidToken(Unidentified):
    """A token that is not valid here. Who brings it is not told `why`; the log is.

    `why` has nothing of the token in it.
    """

    def __init__(self, why: str) -> None:
        super().__init__(errors.UNAUTHORIZED, "This token is not valid here")
        self.why: Final = why


_MALFORMED: Final = "it is not a signed token"
_NO_KEY: Final = "no key is known that it names, or that is for its algorithm"
_OTHER_ISSUER: Final = "its iss is none of auth_issuer"


class Claimed(msgspec.Struct, frozen=True):
    """What a verified token says: whose it is, under which name, until when (seconds)."""

    subject: str
    name: str | None
    expires_at: float


def verify(
    token: str,
    key: Key,
    *,
    issuer: str | None,
    audiences: Iterable[str],
    leeway: float,
    now: float,
) -> Claimed:
    """Verify a token with a key, and only then look into it.

    Raises `InvalidToken`, or `Unidentified` for one that would be valid at another time.
    Without `issuer` any will do; without `audiences` the token may name none. `now` and `leeway`,
    by how much clocks may differ, in seconds.
    """
    audiences = tuple(audiences)
    try:
        claims = jwt.decode(
            token,
            key.value,
            algorithms=sorted(key.algorithms),
            audience=audiences or None,
            issuer=issuer,
            options={
                "require": ["exp", "sub"],
                "verify_iss": issuer is not None,
                # Against our own clock, below
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidSignatureError as error:
        raise InvalidToken("another key has signed it") from error
    except jwt.MissingRequiredClaimError as error:
        raise InvalidToken(f"it has no {error.claim}") from error
    except jwt.InvalidAudienceError as error:
        alone = "it has an aud, and there is no auth_audience"
        raise InvalidToken("its aud is none of auth_audience" if audiences else alone) from error
    except jwt.InvalidIssuerError as error:
        raise InvalidToken(_OTHER_ISSUER) from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidToken(_MALFORMED) from error
    expires_at, not_before = _time(claims["exp"]), _time(claims.get("nbf", 0))
    if now >= expires_at + leeway:
        raise Unidentified(errors.EXPIRED, "This token has expired")
    if now < not_before - leeway:
        raise Unidentified(errors.UNAUTHORIZED, "This token is not valid yet")
    if not is_id(claims["sub"]):
        sentence = f"A token's subject has 1 to {MAX_ID_CHARS} characters, none for control"
        raise Unidentified(errors.UNAUTHORIZED, sentence)
    return Claimed(claims["sub"], _name(claims.get("name")), expires_at + leeway)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < MAX_TIME:
        raise InvalidToken("its exp or nbf is no time in seconds")
    return float(value)


def _name(value: object) -> str | None:
    """A display name that a token gives, as far as there is room for it."""
    if not isinstance(value, str):
        return None
    shown = "".join(each for each in value if unicodedata.category(each) not in ("Cc", "Cs"))
    return shown.strip()[:MAX_NAME_CHARS] or None


class JwtVerifier:
    """An `Identify` that asks for a token, and lets others in only if `let_anonymous_in`.

    `sources` are the keys, by issuer; with the one issuer None, whoever it is. An identity that a
    token names is kept, and comes back by its next token. `leeway` and what `clock` gives in
    seconds.
    """

    def __init__(
        self,
        sources: Mapping[str | None, KeySource],
        *,
        algorithms: Iterable[str],
        audiences: Iterable[str] = (),
        leeway: float = 10.0,
        let_anonymous_in: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sources = dict(sources)
        self._algorithms = frozenset(algorithms)
        self._audiences = tuple(audiences)
        self._leeway = leeway
        self._let_anonymous_in = let_anonymous_in
        self._clock = clock

    def __call__(self, session: Session, auth: Mapping[str, Any]) -> Named | Awaitable[Named]:
        token = auth.get("token")
        if token is None:
            if self._let_anonymous_in:
                return anonymous(session, auth)
            raise Unidentified(errors.UNAUTHORIZED, "This server asks for a token")
        name = auth.get("name")
        name = name if isinstance(name, str) else None
        with _refused(session):
            issuer, key_id, algorithm = self._unverified(token)
            found = self._sources[issuer].find(key_id, algorithm, self._clock())
            if isinstance(found, Key):
                return self._named(token, found, issuer, name)
        return self._wait(session, token, found, issuer, name)

    async def _wait(
        self,
        session: Session,
        token: str,
        asked: Awaitable[Key],
        issuer: str | None,
        name: str | None,
    ) -> Named:
        with _refused(session):
            return self._named(token, await asked, issuer, name)

    def _named(self, token: str, key: Key, issuer: str | None, name: str | None) -> Named:
        claimed = verify(
            token,
            key,
            issuer=issuer,
            audiences=self._audiences,
            leeway=self._leeway,
            now=self._clock(),
        )
        return Named(
            claimed.subject,
            claimed.name or name,
            kept=True,
            expires_at=claimed.expires_at,
        )

    def _unverified(self, token: object) -> tuple[str | None, str | None, str]:
        """Which of the keys a token says it was signed with: issuer, key ID and algorithm.

        Raises `Unidentified` for anything that is not configured.
        """
        if not isinstance(token, str):
            raise InvalidToken(_MALFORMED)
        try:
            header = jwt.get_unverified_header(token)
            issuer = None
            if None not in self._sources:
                issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise InvalidToken(_MALFORMED) from error
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise InvalidToken("its algorithm is none of auth_algorithms")
        if not (issuer is None or isinstance(issuer, str)) or issuer not in self._sources:
            raise InvalidToken(_OTHER_ISSUER)
        if not (key_id is None or isinstance(key_id, str)):
            raise InvalidToken(_NO_KEY)
        return issuer, key_id, algorithm


@contextlib.contextmanager
def _refused(session: Session) -> Iterator[None]:
    """Say what went wrong: to the client that it did, and to the log why a token is not valid."""
    try:
        try:
            yield
        except NoKey as error:
            raise InvalidToken(_NO_KEY) from error
        except KeysUnavailable as error:
            sentence = "The keys for this token cannot be had at the moment; try again later"
            raise Unidentified(errors.UNAVAILABLE, sentence) from error
    except InvalidToken as error:
        _logger.info("a token is not valid: %s", error.why, extra=about(session))
        raise


# Options into objects


def identify(options: Options) -> Identify:
    """Says who clients are: by their tokens if there is a key. Raises `CannotUseKeys`."""
    if not options.key_options:
        return anonymous
    sources: dict[str | None, KeySource] = {}
    issuers = options.issuer or (None,)
    if options.jwks:
        for issuer, place in zip(issuers, options.jwks, strict=True):
            sources[issuer] = _key_set(options, place)
    else:
        sources[issuers[0]] = _one_key(options)
    return JwtVerifier(
        sources,
        algorithms=options.algorithms or (),
        audiences=options.audience or (),
        leeway=options.leeway,
        let_anonymous_in=bool(options.anonymous),
    )


def _one_key(options: Options) -> OneKey:
    algorithms = options.algorithms or ()
    if options.public_key_file is not None:
        path = options.public_key_file
        return OneKey(KeyFile(path, lambda pem: keys.public_key(pem, algorithms)).current)
    if options.secret_file is not None:
        path = options.secret_file
        return OneKey(KeyFile(path, lambda text: keys.secret(_line(text), algorithms)).current)
    try:
        secret = keys.secret(os.fsencode(options.secret or ""), algorithms)
    except CannotUseKeys as error:
        raise CannotUseKeys(f"Cannot use the key in auth_secret: {error}") from error
    return OneKey(lambda: secret)


def _line(text: bytes) -> bytes:
    """Without an editor's end of line, which is not meant."""
    return text.removesuffix(b"\n").removesuffix(b"\r")


def _key_set(options: Options, place: str) -> KeySource:
    algorithms = options.algorithms or ()
    if not is_url(place):
        return jwks.KeySetFile(place, algorithms)
    return jwks.KeySetUrl(
        place,
        algorithms,
        ttl=options.jwks_ttl,
        stale=options.jwks_stale,
        interval=options.jwks_interval,
        timeout=options.jwks_timeout,
    )
