"""The page and the browser's Socket.IO client, as static files."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'sha256-{style}'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


_PACKAGE: Final = Path(str(resources.files("duologue")))


class PagesMissing(Exception):
    """The browser's client has not been built into this installation."""


class _Files(StaticFiles):
    """Static files that no browser takes for anything else than they say."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_HEADERS)
        return response


def browser_client() -> Path:
    """The folder with the browser's Socket.IO client. Raises `PagesMissing`."""
    client = _PACKAGE / "_web" / "socket.io"
    if not (client / "socket.io.js").is_file():
        raise PagesMissing("The browser's Socket.IO client has not been built; run 'make web'")
    return client


def simple_page() -> tuple[bytes, bytes, dict[str, str]]:
    """The simple page, its script, and the headers that the page needs."""
    html = (_PACKAGE / "pages" / "simple.html").read_bytes()
    script = (_PACKAGE / "pages" / "simple.js").read_bytes()
    policy = _POLICY.format(style=_style_hash(html))
    return html, script, {**_HEADERS, "content-security-policy": policy}


def pages(
    trouble: Callable[[], str | None], *, page: bool = True, fallback: ASGIApp | None = None
) -> Starlette:
    """``/simple`` with its script, ``/socket.io/socket.io.js``, and what a supervisor asks for.

    ``/livez`` says that the process answers; ``/readyz`` whether it can do its work, which it
    cannot while there is `trouble`. Without `page` there is only the browser's client. Everything
    else is for `fallback`, with one also ``/``. Raises `PagesMissing`.
    """
    client = browser_client() if page else _PACKAGE / "_web" / "socket.io"
    html, script, page_headers = simple_page()

    async def simple(request: Request) -> Response:
        return Response(html, media_type="text/html", headers=page_headers)

    async def simple_script(request: Request) -> Response:
        return Response(script, media_type="text/javascript", headers=_HEADERS)

    async def livez(request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_HEADERS)

    async def readyz(request: Request) -> Response:
        reason = trouble()
        if reason is None:
            return PlainTextResponse("ok\n", headers=_HEADERS)
        return PlainTextResponse(f"store: {reason}\n", status_code=503, headers=_HEADERS)

    async def root(request: Request) -> Response:
        return RedirectResponse("simple", status_code=307)

    routes: list[BaseRoute] = [Mount("/socket.io", _Files(directory=client, check_dir=False))]
    if page:
        routes += [
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/simple", simple),
            Route("/simple.js", simple_script),
        ]
        if fallback is None:
            routes.append(Route("/", root))
    site = Starlette(routes=routes)
    if fallback is not None:
        site.router.redirect_slashes = False
        site.router.default = fallback
    return site


def _style_hash(html: bytes) -> str:
    """What the page's one style element hashes to, so that the policy allows it and no other."""
    _, _, rest = html.partition(b"<style>")
    style, _, _ = rest.partition(b"</style>")
    return base64.b64encode(hashlib.sha256(style).digest()).decode()
