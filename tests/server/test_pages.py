from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.support.process import ServerProcess


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ServerProcess("duologue", "serve", "--port", "0")
    yield server.url
    server.stop()


def test_the_root_leads_to_the_page(url: str) -> None:
    assert httpx.get(f"{url}/", follow_redirects=True).url == f"{url}/simple"


def test_the_page_may_run_its_own_script_and_style_and_nothing_else(url: str) -> None:
    page = httpx.get(f"{url}/simple")
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert page.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self'; style-src 'sha256-{digest}'; "
        "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere(url: str) -> None:
    text = httpx.get(f"{url}/simple").text
    assert re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|https?://", text) == []


def test_what_others_wrote_is_never_put_in_as_html(url: str) -> None:
    script = httpx.get(f"{url}/simple.js").text
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script) == []
    )


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/simple", "text/html; charset=utf-8"),
        ("/simple.js", "text/javascript; charset=utf-8"),
        ("/socket.io/socket.io.js", "text/javascript; charset=utf-8"),
        ("/socket.io/socket.io.min.js", "text/javascript; charset=utf-8"),
        ("/socket.io/socket.io.esm.min.js", "text/javascript; charset=utf-8"),
    ],
)
def test_files_are_what_they_say(url: str, path: str, kind: str) -> None:
    answer = httpx.get(url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_browsers_client_is_the_official_one(url: str) -> None:
    assert "Socket.IO v4." in httpx.get(f"{url}/socket.io/socket.io.js").text[:200]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/socket.io/nothing.js",
        "/socket.io/..%2f..%2fcli.py",
        "/socket.io/%2e%2e/%2e%2e/cli.py",
        "/socket.io//etc/passwd",
        "/socket.io/built-from",
        "/simple/x",
    ],
)
def test_there_is_nothing_else(url: str, path: str) -> None:
    assert httpx.get(url + path).status_code == 404


def test_pages_are_only_to_be_got(url: str) -> None:
    assert httpx.post(f"{url}/simple").status_code == 405
