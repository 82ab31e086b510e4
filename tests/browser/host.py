"""A page of another site, which has a widget in it, and who looks at that."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from playwright.sync_api import Locator, expect

from tests.browser.people import Person

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A shop</title>
<script type="module" src="{server}/duologue.js"></script></head>
<body><main><h1>A shop</h1>{widgets}</main></body>
</html>
"""

# As strict as a page can be: the widget's script, its connections, its pictures, nothing else
_POLICY = (
    "default-src 'none'; script-src {server}; connect-src {server} {socket}; img-src blob:; "
    "media-src blob:; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)


class Host:
    """Serves one page at an origin of its own; what is on it can be changed at any time."""

    def __init__(self) -> None:
        host = self
        self.body = b""
        self.policy = ""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-security-policy", host.policy)
                self.end_headers()
                self.wfile.write(host.body if self.path == "/" else b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def shows(self, server: str, widgets: str) -> None:
        """A page with these widgets, of this Duologue server."""
        self.body = _PAGE.format(server=server, widgets=widgets).encode()
        origin = "/".join(server.split("/")[:3])
        self.policy = _POLICY.format(server=origin, socket=origin.replace("http", "ws", 1))

    def __enter__(self) -> Host:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Customer(Person):
    """Somebody who looks at the shop's page."""

    def visit(self, path: str = "/") -> None:
        self.page.goto(self.url + path)
        expect(self.page.get_by_role("heading", name="A shop")).to_be_visible()

    def comes(self) -> None:
        self.visit()

    def sets(self, attribute: str, value: str) -> None:
        """What the shop's own script would do."""
        self.page.evaluate(
            "([name, value]) => document.querySelector('duologue-chat').setAttribute(name, value)",
            [attribute, value],
        )

    @property
    def widget(self) -> Locator:
        return self.page.get_by_role("region", name=re.compile("^Chat"))


def chat(**attributes: str) -> str:
    """A widget with these attributes."""
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f"<duologue-chat {written}></duologue-chat>"
