"""Keys and tokens as an issuer makes them, and a server that hands out its public keys."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import get_default_algorithms

SECRET = "a secret of which there are enough bytes for every algorithm there is"


def private_key(algorithm: str, number: int = 0) -> Any:
    """A private key for an algorithm; the same for the same `number`."""
    return _private_key(algorithm, number)


@cache
def _private_key(algorithm: str, number: int) -> Any:
    if algorithm.startswith("HS"):
        return SECRET
    if algorithm[:2] in ("RS", "PS"):
        return rsa.generate_private_key(65_537, 2_048)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    curves: dict[str, type[Any]] = {
        "ES256": ec.SECP256R1,
        "ES384": ec.SECP384R1,
        "ES512": ec.SECP521R1,
    }
    return ec.generate_private_key(curves[algorithm]())


@cache
def small_rsa_key() -> Any:
    return rsa.generate_private_key(65_537, 1_024)


@cache
def ed448_key() -> Any:
    return ed448.Ed448PrivateKey.generate()


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def private_pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def jwk(key: Any, algorithm: str, kid: str | None = None, **more: Any) -> dict[str, Any]:
    """The public half of a key as a JWK."""
    made = dict(get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True))
    made.pop("key_ops", None)
    return made | ({} if kid is None else {"kid": kid}) | more


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def token(
    sub: object = "ann",
    *,
    algorithm: str = "HS256",
    key: Any = None,
    ttl: float | None = 3_600.0,
    kid: object = None,
    headers: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A token of `sub` that ends in `ttl` seconds; a claim that is None is left out."""
    payload = {"sub": sub, "exp": None if ttl is None else time.time() + ttl, **claims}
    return jwt.encode(
        {name: value for name, value in payload.items() if value is not None},
        private_key(algorithm) if key is None else key,
        algorithm,
        headers=(headers or {}) | ({} if kid is None else {"kid": kid}),
    )


class KeyServer:
    """An HTTP server on loopback that answers with `body`, and counts how often it is asked.

    `before` is called before each answer, and `parts` gives the pieces of its body.
    """

    def __init__(self, body: bytes = b"") -> None:
        self.body = body
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0
        self.before: Callable[[], Any] = lambda: None
        self.parts: Callable[[], Iterable[bytes]] = lambda: [self.body]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                outer.before()
                try:
                    self.send_response(outer.status)
                    for name, value in outer.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for part in outer.parts():
                        self.wfile.write(part)
                except OSError:
                    pass  # whoever asked did not wait

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Answer no more: connections are refused from now on."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
