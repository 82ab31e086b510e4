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
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

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


def pages(trouble: Callable[[], str | None]) -> Starlette:
    """``/simple`` with its script, ``/socket.io/socket.io.js``, and what a supervisor asks for.

    ``/livez`` says that the process answers; ``/readyz`` whether it can do its work, which it
    cannot while there is `trouble`. Raises `PagesMissing`.
    """
    package = Path(str(resources.files("duologue")))
    client = package / "_web" / "socket.io"
    if not (client / "socket.io.js").is_file():
        raise PagesMissing("The browser's Socket.IO client has not been built; run 'make web'")
    html = (package / "pages" / "simple.html").read_bytes()
    script = (package / "pages" / "simple.js").read_bytes()
    policy = _POLICY.format(style=_style_hash(html))

    async def simple(request: Request) -> Response:
        headers = {**_HEADERS, "content-security-policy": policy}
        return Response(html, media_type="text/html", headers=headers)

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

    return Starlette(
        routes=[
            Route("/", root),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/simple", simple),
            Route("/simple.js", simple_script),
            Mount("/socket.io", _Files(directory=client)),
        ]
    )


def _style_hash(html: bytes) -> str:
    """What the page's one style element hashes to, so that the policy allows it and no other."""
    _, _, rest = html.partition(b"<style>")
    style, _, _ = rest.partition(b"</style>")
    return base64.b64encode(hashlib.sha256(style).digest()).decode()
