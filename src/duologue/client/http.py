"""HTTP/1.1 for long-polling: one request at a time on a connection that is kept open.

It asks nothing again by itself and follows no redirect: a poll that is asked again has lost what
the first one carried.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httptools

#: Of the headers of a response; and of chunk sizes and trailers.
_OVERHEAD_BYTES: Final = 65_536
_READ_BYTES: Final = 65_536
_MAX_COOKIES: Final = 20


class Broken(Exception):
    """The connection is over, or never came to be.

    `deliberate` is whether the server has ended it in the protocol's own way.
    """

    def __init__(self, reason: str, *, deliberate: bool = False) -> None:
        super().__init__(reason)
        self.deliberate = deliberate


class Unreachable(Broken):
    """Nothing answers there, whatever the transport; or its certificate does not convince."""


class Target(NamedTuple):
    """Where a server is."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.authority}"


def parse_url(url: str, path: str = "/socket.io/") -> Target:
    """Where `url` leads; its own path goes before `path`. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss"):
        raise ValueError("a server's URL begins with http:// or https://")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("a server's URL has no credentials, query or fragment")
    if not parts.hostname:
        raise ValueError("a server's URL names a host")
    try:
        literal = ":" in parts.hostname
        host = parts.hostname if literal else parts.hostname.encode("idna").decode()
    except UnicodeError as error:
        raise ValueError("a server's URL names no possible host") from error
    whole = parts.path.rstrip("/") + path
    if not all("!" <= character <= "~" for character in host + whole):
        raise ValueError("a server's URL is of printable ASCII without spaces")
    secure = parts.scheme in ("https", "wss")
    return Target(secure, host, parts.port or (443 if secure else 80), whole)


class _Response:
    """What comes back, as httptools tells it."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.began = 0
        self.complete = False
        self.stays_open = False
        self.parser: Any = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.began += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True
        # Afterwards the parser does not know it any more
        self.stays_open = self.parser.should_keep_alive()


class Cookies:
    """What a proxy in front of several servers wants to see again."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def keep(self, headers: list[tuple[str, str]]) -> None:
        for name, value in headers:
            key, equals, content = value.partition(";")[0].strip().partition("=")
            full = len(self._values) >= _MAX_COOKIES
            if name == "set-cookie" and equals and (key in self._values or not full):
                self._values[key] = content

    def header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._values.items())


class HttpConnection:
    """`max_body_bytes` bounds a response; `cookies` may be shared with others."""

    def __init__(
        self,
        target: Target,
        tls: ssl.SSLContext | None,
        *,
        max_body_bytes: int,
        cookies: Cookies,
    ) -> None:
        self._target = target
        self._tls = tls
        self._max_body_bytes = max_body_bytes
        self._cookies = cookies
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._closed = False

    async def request(self, method: str, query: str, body: bytes | None = None) -> bytes:
        """The body of an answer 200. Raises `Broken` for anything else."""
        if self._streams is not None and self._streams[0].at_eof():
            self._hang_up()  # a server may close what is idle, and nothing is lost by that
        try:
            if self._streams is None:
                self._streams = await self._dial()
            if self._closed:
                raise Broken("closed")
            reader, writer = self._streams
            writer.write(self._head(method, query, body) + (body or b""))
            await writer.drain()
            return await self._response(reader)
        except BaseException as error:  # of one that was cancelled, half may be on its way
            self.close()
            if isinstance(error, OSError):
                raise Broken(str(error) or repr(error)) from error
            raise

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._closed:
            raise Broken("closed")
        try:
            return await asyncio.open_connection(
                self._target.host, self._target.port, ssl=self._tls, limit=_READ_BYTES
            )
        except OSError as error:
            raise Unreachable(str(error) or repr(error)) from error

    def _head(self, method: str, query: str, body: bytes | None) -> bytes:
        lines = [
            f"{method} {self._target.path}?{query} HTTP/1.1",
            f"Host: {self._target.authority}",
        ]
        if cookies := self._cookies.header():
            lines.append(f"Cookie: {cookies}")
        if body is not None:
            lines.append("Content-Type: text/plain;charset=UTF-8")
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    async def _response(self, reader: asyncio.StreamReader) -> bytes:
        response = _Response()
        fed = 0
        while not response.complete:
            data = await reader.read(_READ_BYTES)
            if not data:
                raise Broken("the server closed the connection")
            fed += len(data)
            try:
                response.parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
                raise Broken(f"the server's answer is not what HTTP says: {error}") from error
            body_bytes = len(response.body)
            if body_bytes > self._max_body_bytes:
                raise Broken("the server's answer is too large")
            if fed - body_bytes > _OVERHEAD_BYTES + max(_READ_BYTES, body_bytes):
                raise Broken("the server's headers are too large")
        if response.began != 1:
            raise Broken("the server answers what it was not asked")
        if not response.stays_open:
            self._hang_up()
        status = response.parser.get_status_code()
        del response.parser  # the two hold each other, and a body may be large
        if status != 200:
            raise Broken(f"the server answered {status}", deliberate=status == 400)
        if any(name == "content-encoding" for name, _ in response.headers):
            raise Broken("the server's answer is compressed, which was not asked for")
        self._cookies.keep(response.headers)
        return bytes(response.body)

    def close(self) -> None:
        self._closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None
