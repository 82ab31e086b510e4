"""The site of an application whose login page leads to the messenger and back."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit


class LoginSite:
    """Sends whoever comes to `url` back to `home`, to the path that `next` names, with `token`."""

    def __init__(self, token: str) -> None:
        site = self
        self.home = ""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                (back,) = parse_qs(urlsplit(self.path).query)["next"]
                self.send_response(303)
                self.send_header("Location", f"{site.home}{back}#token={token}")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/login?for=chat"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> LoginSite:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
