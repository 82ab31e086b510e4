"""The page in a Flask application, where no engine of ours serves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask

from duologue.server.pages import browser_client, simple_page, with_sign_in
from duologue.settings import Settings


def add_page(app: flask.Flask, settings: Callable[[], Settings]) -> None:
    """Serve ``/simple``, and the browser's client. Raises `PagesMissing`.

    `settings` may still change until the first visit.
    """
    document, script, headers = simple_page()
    pages = flask.Blueprint("duologue", __name__)

    @pages.get("/simple")
    def simple() -> flask.Response:
        page = with_sign_in(document, settings().sign_in_url)
        return flask.Response(page, headers=headers, mimetype="text/html")

    @pages.get("/simple.js")
    def simple_script() -> flask.Response:
        return flask.Response(script, mimetype="text/javascript")

    app.register_blueprint(pages)
    app.wsgi_app = _BrowserClient(app.wsgi_app, browser_client())  # type: ignore[method-assign]


class _BrowserClient:
    """WSGI: the browser's client below ``/socket.io/``, where the server has only itself."""

    def __init__(self, inner: Any, folder: Path) -> None:
        self._inner = inner
        self._files = {
            f"/socket.io/{path.name}": path for path in folder.iterdir() if path.suffix == ".js"
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = self._files.get(environ.get("PATH_INFO", ""))
        if path is None or environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return self._inner(environ, start_response)
        body = path.read_bytes()
        headers = [("Content-Type", "text/javascript"), ("Content-Length", str(len(body)))]
        start_response("200 OK", [*headers, ("X-Content-Type-Options", "nosniff")])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
