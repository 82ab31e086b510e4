"""The keys that tokens are verified with: a secret, a public key, or a set of those.

Each key is tied to the algorithms that its kind is made for, whatever a token says of itself.
"""

from __future__ import annotations

import logging
import stat
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import HMACAlgorithm

from .auth_options import CURVES, RSA, SHARED, CannotUseKeys

_logger: Final = logging.getLogger("duologue.auth")

_MIN_RSA_BITS: Final = 2_048

#: What a file or an answer may have: no set of keys that anyone needs comes near.
MAX_BYTES: Final = 262_144
_MAX_KEYS: Final = 100
MAX_KID_CHARS: Final = 256


class NoKey(Exception):
    """No key that is known may have signed this token."""


class KeysUnavailable(Exception):
    """The key may exist; it cannot be asked for now."""


class Key(NamedTuple):
    """A key, its ID if it has one, and the algorithms that it may be used with."""

    id: str | None
    algorithms: frozenset[str]
    value: Any


class KeySource(Protocol):
    """Where the keys of one issuer come from."""

    def find(self, id: str | None, algorithm: str, now: float) -> Key | Awaitable[Key]:
        """The key for a token whose header says so, at once or as soon as it has been asked for.

        Raises, then or later, `NoKey` or `KeysUnavailable`. `now` in seconds since the epoch.
        """


class KeySet:
    """Keys by their IDs."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys: dict[str | None, list[Key]] = {}
        self._all: list[Key] = []
        for key in keys:
            self._keys.setdefault(key.id, []).append(key)
            self._all.append(key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._all)

    def find(self, id: str | None, algorithm: str) -> Key | None:
        """None if there is no key with this ID. A token that names none may be of the only key
        there is for its algorithm. Raises `NoKey` if the key is for other algorithms."""
        if id is not None and id not in self._keys:
            return None
        among = self._all if id is None else self._keys[id]
        found = [key for key in among if algorithm in key.algorithms]
        if not found or (id is None and len(found) > 1):
            raise NoKey
        return found[0]


# Keys from what was read


def secret(value: bytes, algorithms: Iterable[str]) -> Key:
    """A secret that issuer and server share. Raises `CannotUseKeys`."""
    least = max(SHARED[algorithm] for algorithm in algorithms)
    if len(value) < least:
        raise CannotUseKeys(
            f"the secret has {len(value)} bytes, and {', '.join(algorithms)} needs {least} at least"
        )
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(value)
    except jwt.InvalidKeyError as error:
        raise CannotUseKeys("the secret is a public key or a certificate, which is none") from error
    return Key(None, frozenset(algorithms), value)


def public_key(pem: bytes, algorithms: Iterable[str]) -> Key:
    """A public key in PEM. Raises `CannotUseKeys`."""
    if b"PRIVATE KEY" in pem:
        raise CannotUseKeys("it is a private key; only the issuer may have that")
    if b"BEGIN CERTIFICATE" in pem:
        raise CannotUseKeys("it is a certificate; 'openssl x509 -pubkey -noout' takes its key out")
    try:
        value = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CannotUseKeys("it is not a public key in PEM") from error
    fits = _fits(value)
    if not fits:
        raise CannotUseKeys(
            f"it is neither RSA of at least {_MIN_RSA_BITS} bits, nor of the curves P-256, P-384 "
            "and P-521, nor of EdDSA"
        )
    usable = fits.intersection(algorithms)
    if not usable:
        raise CannotUseKeys(f"it is a key for {', '.join(sorted(fits))}")
    return Key(None, usable, value)


def _fits(value: Any) -> frozenset[str]:
    """The algorithms that a public key is made for."""
    if isinstance(value, rsa.RSAPublicKey) and value.key_size >= _MIN_RSA_BITS:
        return frozenset(RSA)
    if isinstance(value, ec.EllipticCurvePublicKey) and value.curve.name in CURVES:
        return frozenset((CURVES[value.curve.name],))
    if isinstance(value, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return frozenset(("EdDSA",))
    return frozenset()


class _JwkSet(msgspec.Struct):
    keys: list[dict[str, Any]]


_FAMILIES: Final[Mapping[str, str]] = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


def key_set(data: bytes, algorithms: Iterable[str]) -> KeySet:
    """The public keys in a JWK set (RFC 7517) that are for `algorithms`; others are left out.

    Raises `CannotUseKeys` if there are none.
    """
    if len(data) > MAX_BYTES:
        raise CannotUseKeys(f"it has more than {MAX_BYTES} bytes")
    try:
        found = msgspec.json.decode(data, type=_JwkSet).keys
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CannotUseKeys("it is not a JWK set") from error
    if len(found) > _MAX_KEYS:
        raise CannotUseKeys(f"it has more than {_MAX_KEYS} keys")
    wanted = frozenset(algorithms)
    keys = [key for jwk in found if (key := _from_jwk(jwk, wanted)) is not None]
    if not keys:
        raise CannotUseKeys(f"it has no key for {', '.join(sorted(wanted))}")
    return KeySet(keys)


def _from_jwk(jwk: dict[str, Any], wanted: frozenset[str]) -> Key | None:
    family = _FAMILIES.get(jwk.get("kty", "")) if isinstance(jwk.get("kty"), str) else None
    id = jwk.get("kid")
    operations = jwk.get("key_ops")
    if (
        family is None
        or "d" in jwk  # a private key, which everybody has by now
        or jwk.get("use", "sig") != "sig"
        or not (operations is None or (isinstance(operations, list) and "verify" in operations))
        or not (id is None or (isinstance(id, str) and len(id) <= MAX_KID_CHARS))
    ):
        return None
    try:
        value = jwt.PyJWK(jwk, family).key
    except (jwt.PyJWTError, KeyError, AttributeError, UnsupportedAlgorithm):
        return None
    usable = _fits(value) & wanted
    if jwk.get("alg") is not None:
        usable = frozenset(each for each in usable if each == jwk["alg"])
    return Key(id, usable, value) if usable else None


# Sources


class OneKey:
    """The key that `current` gives. What a token says of its key's ID does not matter."""

    def __init__(self, current: Callable[[], Key]) -> None:
        self._current = current

    def find(self, id: str | None, algorithm: str, now: float) -> Key:
        key = self._current()
        if algorithm not in key.algorithms:
            raise NoKey
        return key


_T = TypeVar("_T")


class KeyFile(Generic[_T]):
    """What `made` makes of a file with a key or keys, made again when the file has changed.

    While what is there cannot be used, what was there before is. Raises `CannotUseKeys`.
    """

    def __init__(self, path: str, made: Callable[[bytes], _T]) -> None:
        self._path = Path(path)
        self._made = made
        self._seen = self._state()
        try:
            self._found = self._read()
        except (OSError, CannotUseKeys) as error:
            raise CannotUseKeys(f"Cannot use the key in {path}: {_reason(error)}") from error

    def current(self) -> _T:
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._found = self._read()
            except (OSError, CannotUseKeys) as error:
                _logger.warning(
                    "the key in %s cannot be used, the former one is: %s",
                    self._path,
                    _reason(error),
                )
            else:
                _logger.info("the key in %s has been read again", self._path)
        return self._found

    def _state(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None  # a pipe can be read once, and whoever tries again waits for ever
        # By the time of the last change of any kind, too: a copy may bring its original's time, and
        # who may read a file can change without what is in it
        return found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> _T:
        return self._made(_read_file(self._path))


def _read_file(path: Path) -> bytes:
    """A file with a key or keys. Raises `OSError`, and `CannotUseKeys` if it is far too large."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CannotUseKeys(f"it has more than {MAX_BYTES} bytes")
    return data


def _reason(error: Exception) -> str:
    """Why a file could not be used, without its name."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
