"""The pages, the widget and the browser's Socket.IO client, as static files."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

_COMPRESSED: Final = ".gz"

_TYPES: Final = {
    # Not from the system's tables, which differ
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".map": "application/json",
    ".md": "text/plain",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}

_NOT_READY: Final = "the store does not work; the log says why\n"

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}

# The names of what is in it change with what is in it
_ASSET: Final = {**_HEADERS, "cache-control": "public, max-age=31536000, immutable"}

_PAGE: Final = {
    **_HEADERS,
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types lit-html duologue"
    ),
    "cross-origin-resource-policy": "same-origin",
    # The camera reads QR codes
    "permissions-policy": (
        "camera=(self), accelerometer=(), display-capture=(), geolocation=(), gyroscope=(), "
        "hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
}

_WORKER: Final = {
    **_HEADERS,
    "content-security-policy": "default-src 'none'; connect-src 'self'",
    "cross-origin-resource-policy": "same-origin",
}

# For any page of any site
_WIDGET: Final = {
    **_HEADERS,
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
}

_SIMPLE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'sha256-{style}'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


_PACKAGE: Final = Path(str(resources.files("duologue")))


class PagesMissing(Exception):
    """The page has not been built into this installation."""


class _File:
    """A file as it is sent, read when the server starts: building anew disturbs no server."""

    def __init__(self, path: Path, headers: Mapping[str, str], sign_in_url: str = "") -> None:
        self._plain = with_sign_in(path.read_bytes(), sign_in_url)
        self._type = _TYPES.get(path.suffix) or "application/octet-stream"
        compressed = path.with_name(path.name + _COMPRESSED)
        self._gzip = compressed.read_bytes() if compressed.is_file() else None
        if self._gzip is not None and sign_in_url:
            self._gzip = gzip.compress(self._plain, mtime=0)
        self._headers = {**headers, "vary": "accept-encoding"} if self._gzip else dict(headers)
        self._tag = hashlib.sha256(self._plain).hexdigest()[:32]

    async def __call__(self, request: Request) -> Response:
        body, tag, headers = self._plain, f'"{self._tag}"', dict(self._headers)
        if self._gzip is not None and _takes_gzip(request):
            body, tag = self._gzip, f'"{self._tag}-gzip"'
            headers["content-encoding"] = "gzip"
        headers["etag"] = tag
        known = request.headers.get("if-none-match", "")
        if tag in (each.strip().removeprefix("W/") for each in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=self._type, headers=headers)


def _takes_gzip(request: Request) -> bool:
    for each in request.headers.get("accept-encoding", "").split(","):
        name, _, quality = each.replace(" ", "").partition(";q=")
        if name == "gzip":
            return quality.strip("0.") != "" or not quality
    return False


def browser_client() -> Path:
    """The folder with the browser's Socket.IO client. Raises `PagesMissing`."""
    client = _PACKAGE / "_web" / "socket.io"
    if not (client / "socket.io.js").is_file():
        raise PagesMissing("The page has not been built; run 'make web'")
    return client


def simple_page() -> tuple[bytes, bytes, dict[str, str]]:
    """The simple page, its script, and the headers that the page needs."""
    document = (_PACKAGE / "pages" / "simple.html").read_bytes()
    script = (_PACKAGE / "pages" / "simple.js").read_bytes()
    policy = _SIMPLE_POLICY.format(style=_style_hash(document))
    return document, script, {**_HEADERS, "content-security-policy": policy}


def with_sign_in(document: bytes, url: str) -> bytes:
    """A page that knows where people sign in: its script finds it as the content of a `meta`."""
    if not url:
        return document
    meta = f'<meta name="duologue-sign-in" content="{html.escape(url)}">\n</head>'
    return document.replace(b"</head>", meta.encode(), 1)


def pages(
    trouble: Callable[[], str | None],
    *,
    page: bool = True,
    sign_in_url: str = "",
    fallback: ASGIApp | None = None,
) -> Starlette:
    """All that is served beside Socket.IO, and what a supervisor asks for.

    ``/livez`` says that the process answers; ``/readyz`` whether it can do its work, which it
    cannot while there is `trouble`. Without `page` there is only the browser's Socket.IO client.
    Pages lead those who lack a sign-in to `sign_in_url`.
    Everything else is for `fallback`, with which there is no messenger, for ``/`` is then its own.
    Raises `PagesMissing`.
    """

    async def livez(request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_HEADERS)

    async def readyz(request: Request) -> Response:
        if trouble() is None:
            return PlainTextResponse("ok\n", headers=_HEADERS)
        # Not what is the matter: it may name hosts, users and files, and anybody may ask
        return PlainTextResponse(_NOT_READY, status_code=503, headers=_HEADERS)

    routes: list[BaseRoute] = []
    if page:
        routes += [Route("/livez", livez), Route("/readyz", readyz)]
    for path, file in _files(sign_in_url, page=page, messenger=fallback is None):
        routes.append(Route(path, file.__call__))
    site = Starlette(routes=routes)
    if fallback is not None:
        site.router.redirect_slashes = False
        site.router.default = fallback
    return site


def _files(sign_in_url: str, *, page: bool, messenger: bool) -> Iterator[tuple[str, _File]]:
    """What `web/build.mjs` has made and `pages/` holds, by path."""
    built = _PACKAGE / "_web"
    if page:
        yield from _in(browser_client(), "/socket.io", _HEADERS)
        yield "/duologue.js", _File(built / "duologue.js", _WIDGET)
        _, _, headers = simple_page()
        yield "/simple", _File(_PACKAGE / "pages" / "simple.html", headers, sign_in_url)
        yield "/simple.js", _File(_PACKAGE / "pages" / "simple.js", _HEADERS)
    elif (built / "socket.io").is_dir():
        yield from _in(built / "socket.io", "/socket.io", _HEADERS)
    if page and messenger:
        yield "/", _File(built / "index.html", _PAGE, sign_in_url)
        yield "/sw.js", _File(built / "sw.js", _WORKER)
        yield from _in(built / "assets", "/assets", _ASSET)
        for path in built.iterdir():
            if path.suffix in (".png", ".svg", ".webmanifest", ".md"):
                yield f"/{path.name}", _File(path, _HEADERS)


def _in(folder: Path, below: str, headers: Mapping[str, str]) -> Iterator[tuple[str, _File]]:
    for path in folder.iterdir():
        if path.suffix != _COMPRESSED:
            yield f"{below}/{path.name}", _File(path, headers)


def _style_hash(document: bytes) -> str:
    """What the page's one style element hashes to, so that the policy allows it and no other."""
    _, _, rest = document.partition(b"<style>")
    style, _, _ = rest.partition(b"</style>")
    return base64.b64encode(hashlib.sha256(style).digest()).decode()
