"""The application in docs/auth.md makes tokens that the server takes, and its page uses them."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.support import node
from tests.support.process import Serve
from tests.support.raw import receive, socketio
from tests.support.tokens import SECRET

GUIDE = (Path(__file__).parents[2] / "docs" / "auth.md").read_text()


def program(language: str) -> str:
    """What the guide says in this language, one part after the other."""
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL))


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DUOLOGUE_AUTH_SECRET", SECRET)
    monkeypatch.setenv("SECRET_KEY", "x" * 32)
    namespace: dict[str, Any] = {"__name__": "app"}
    exec(program("python"), namespace)
    return namespace["app"]


def test_a_user_who_is_logged_in_gets_a_token_that_the_server_takes(app: Any, serve: Serve) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session.update(user="user-7", name="Ann")
    payload = client.post("/token").get_json()
    server = serve("--store", "memory:", env={"DUOLOGUE_AUTH_SECRET": SECRET})
    with socketio(server.url, f"40{json.dumps(payload)}") as ann:
        assert receive(ann) == '42["client_id",{"clientId":"user-7"}]'


def test_a_user_who_is_not_logged_in_gets_no_token(app: Any) -> None:
    assert app.test_client().post("/token").status_code == 401


def test_a_user_who_is_logged_in_is_led_to_the_messenger(app: Any) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session.update(user="user-7", name="Ann")
    leads = client.get("/messages").location
    assert re.fullmatch(r"https://chat\.example\.org/#token=[\w.-]+", leads)


@pytest.mark.parametrize(
    ("following", "path"),
    [
        ("/", "/"),
        ("/simple", "/simple"),
        ("//evil.example", "/"),
        ("https://evil.example/talk", "/talk"),
        ("@evil.example", "/@evil.example"),
    ],
)
def test_who_has_logged_in_is_led_back_and_nowhere_else(
    app: Any, following: str, path: str
) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session.update(user="user-7", name="Ann")
    leads = client.get("/login/done", query_string={"next": following}).location
    assert leads.partition("#token=")[0] == f"https://chat.example.org{path}"


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site(app: Any) -> Iterator[str]:
    """The application on loopback, with a user who is always logged in."""

    def logged_in(environ: Any, start_response: Any) -> Any:
        with app.request_context(environ) as context:
            context.session.update(user="user-7", name="Ann")
            return app.finalize_request(app.dispatch_request())(environ, start_response)

    with make_server("127.0.0.1", 0, logged_in, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_page_connects_and_renews_its_token(site: str, serve: Serve, tmp_path: Path) -> None:
    server = serve("--store", "memory:", env={"DUOLOGUE_AUTH_SECRET": SECRET})
    page = (
        program("js")
        .replace("https://chat.example.org", server.url)
        .replace('"/token"', f'"{site}/token"')
        .replace("600_000", "200")
    )
    (tmp_path / "page.mjs").write_text(
        f"""import {{ io }} from "socket.io-client";
        {page}
        socket.on("client_id", async ({{ clientId }}) => {{
          const answer = await socket.emitWithAck("token", await fetchToken());
          console.log(clientId, answer.ok, answer.expiresAt > Date.now());
          process.exit();
        }});
        """
    )
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "socket.io-client").symlink_to(
        node.package("socket.io-client-newest")
    )
    done = subprocess.run(
        [node.executable(), str(tmp_path / "page.mjs")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "user-7 true true\n", done.stderr
