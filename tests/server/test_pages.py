from __future__ import annotations

import base64
import gzip
import hashlib
import html
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest

from duologue.server.pages import pages
from tests.support.process import ServerProcess


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ServerProcess("duologue", "serve", "--port", "0")
    yield server.url
    server.stop()


def get(address: str, **headers: str) -> httpx.Response:
    """As a client that takes nothing compressed, unless it says so."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(address, headers={"accept-encoding": "identity", **named})


def assets(url: str) -> list[str]:
    """Addresses of what the page loads by itself from its own build."""
    return [
        urljoin(f"{url}/", found)
        for found in re.findall(r'(?:src|href)="([^"]*assets/[^"]+)"', get(f"{url}/").text)
    ]


# The page


def test_the_root_is_the_messenger(url: str) -> None:
    answer = get(f"{url}/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Duologue</title>" in answer.text


@pytest.mark.parametrize("query", ["?invite=lusab-babad", "?to=somebody"])
def test_the_root_takes_invitations(query: str, url: str) -> None:
    assert get(f"{url}/{query}").text == get(f"{url}/").text


def test_the_page_may_do_what_it_needs_and_nothing_else(url: str) -> None:
    assert get(f"{url}/").headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types lit-html duologue"
    )


def test_the_page_may_use_the_camera_and_no_other_device(url: str) -> None:
    policy = get(f"{url}/").headers["permissions-policy"].split(", ")
    assert [each for each in policy if not each.endswith("=()")] == ["camera=(self)"]
    assert {"microphone=()", "geolocation=()"} <= set(policy)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-cache"),
    ],
)
def test_the_page_is_for_itself(header: str, value: str, url: str) -> None:
    assert get(f"{url}/").headers[header] == value


@pytest.mark.parametrize("path", ["/", "/simple"])
def test_a_page_has_no_script_inline_and_nothing_from_elsewhere(path: str, url: str) -> None:
    text = get(url + path).text
    assert re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|https?://", text) == []


def test_the_messenger_has_no_style_inline(url: str) -> None:
    assert "<style" not in get(f"{url}/").text


def test_the_page_names_what_it_loads_relative_to_itself(url: str) -> None:
    named = re.findall(r'(?:src|href)="([^"]*)"', get(f"{url}/").text)
    assert named != []
    assert [each for each in named if not each.startswith("./")] == []


def test_everything_that_the_page_names_is_there(url: str) -> None:
    named = re.findall(r'(?:src|href)="([^"]*)"', get(f"{url}/").text)
    answers = {each: get(urljoin(f"{url}/", each)).status_code for each in named}
    assert set(answers.values()) == {200}, answers


# What goes with it


def test_what_never_changes_is_kept_for_a_year(url: str) -> None:
    kept = {get(each).headers["cache-control"] for each in assets(url)}
    assert kept == {"public, max-age=31536000, immutable"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/simple", "text/html; charset=utf-8"),
        ("/simple.js", "text/javascript; charset=utf-8"),
        ("/sw.js", "text/javascript; charset=utf-8"),
        ("/duologue.js", "text/javascript; charset=utf-8"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/icon.svg", "image/svg+xml"),
        ("/icon-192.png", "image/png"),
        ("/icon-512.png", "image/png"),
        ("/maskable-512.png", "image/png"),
        ("/licenses.md", "text/plain; charset=utf-8"),
        ("/socket.io/socket.io.js", "text/javascript; charset=utf-8"),
        ("/socket.io/socket.io.min.js", "text/javascript; charset=utf-8"),
        ("/socket.io/socket.io.esm.min.js", "text/javascript; charset=utf-8"),
        ("/socket.io/socket.io.esm.min.js.map", "application/json"),
    ],
)
def test_files_are_what_they_say(path: str, kind: str, url: str) -> None:
    answer = get(url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


def test_the_manifest_names_icons_that_are_there(url: str) -> None:
    icons = get(f"{url}/manifest.webmanifest").json()["icons"]
    kinds = {get(urljoin(f"{url}/", icon["src"])).headers["content-type"] for icon in icons}
    assert kinds == {icon["type"] for icon in icons}


def test_the_service_worker_may_only_fetch_from_here(url: str) -> None:
    policy = get(f"{url}/sw.js").headers["content-security-policy"]
    assert policy == "default-src 'none'; connect-src 'self'"


def test_any_site_may_load_the_widget(url: str) -> None:
    headers = get(f"{url}/duologue.js", origin="https://example.org").headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize("path", ["/", "/sw.js", "/icon.svg", "/simple"])
def test_no_site_may_read_anything_else(path: str, url: str) -> None:
    headers = get(url + path, origin="https://example.org").headers
    assert "access-control-allow-origin" not in headers


def test_the_browsers_client_is_the_official_one(url: str) -> None:
    assert "Socket.IO v4." in get(f"{url}/socket.io/socket.io.js").text[:200]


def test_who_wrote_what_is_in_it_is_said(url: str) -> None:
    licenses = get(f"{url}/licenses.md").text
    assert [name for name in ("lit", "socket.io-client") if name not in licenses] == []


# Where people sign in


def test_a_page_names_no_sign_in_where_there_is_none(url: str) -> None:
    assert [path for path in ("/", "/simple") if "duologue-sign-in" in get(url + path).text] == []


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/", "/simple"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_page_names_the_sign_in(encoding: str, path: str) -> None:
    site = pages(lambda: None, sign_in_url="https://example.org/login?a=\"'><b>&c")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(site), base_url="http://a"
    ) as client:
        page = (await client.get(path, headers={"accept-encoding": encoding})).text
    (content,) = re.findall('<meta name="duologue-sign-in" content="([^"]*)">', page)
    assert html.unescape(content) == "https://example.org/login?a=\"'><b>&c"


@pytest.mark.anyio
async def test_a_browser_notices_another_sign_in() -> None:
    tags = set()
    for place in ("", "/login", "/enter"):
        site = pages(lambda: None, sign_in_url=place)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(site), base_url="http://a"
        ) as client:
            tags.add((await client.get("/")).headers["etag"])
    assert len(tags) == 3


# How it is sent


@pytest.mark.parametrize("path", ["/", "/duologue.js", "/socket.io/socket.io.js"])
def test_what_is_compressed_is_the_same(path: str, url: str) -> None:
    plain = get(url + path)
    with httpx.stream("GET", url + path, headers={"accept-encoding": "br, gzip"}) as small:
        body = b"".join(small.iter_raw())
        headers = small.headers
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == plain.content
    assert headers["etag"] != plain.headers["etag"]
    assert plain.headers["vary"] == headers["vary"] == "accept-encoding"


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip"])
def test_nobody_gets_what_they_do_not_take(accepted: str, url: str) -> None:
    assert "content-encoding" not in get(f"{url}/duologue.js", accept_encoding=accepted).headers


@pytest.mark.parametrize("path", ["/", "/sw.js", "/duologue.js", "/icon.svg", "/simple"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_what_a_browser_has_is_not_sent_again(path: str, encoding: str, url: str) -> None:
    tag = get(url + path, accept_encoding=encoding).headers["etag"]
    again = get(url + path, accept_encoding=encoding, if_none_match=f'"other", W/{tag}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag


def test_what_a_browser_has_of_another_version_is_sent_again(url: str) -> None:
    assert get(f"{url}/sw.js", if_none_match='"other"').status_code == 200


@pytest.mark.parametrize("path", ["/", "/sw.js", "/duologue.js", "/icon-192.png"])
def test_the_head_alone_is_that_of_the_whole(path: str, url: str) -> None:
    head = httpx.head(url + path, headers={"accept-encoding": "identity"})
    whole = get(url + path)
    assert head.content == b""
    for headers in (head.headers, whole.headers):
        for each in ("date", "x-request-id"):  # of each request alone
            headers.pop(each, None)
    assert head.headers == whole.headers


# Nothing else


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/index.html",
        "/built-from",
        "/.vite/manifest.json",
        "/assets",
        "/assets/",
        "/assets/nothing.js",
        "/assets/../built-from",
        "/assets/..%2fbuilt-from",
        "/assets/%2e%2e/%2e%2e/cli.py",
        "/duologue.js.gz",
        "/socket.io/nothing.js",
        "/socket.io/socket.io.js.gz",
        "/socket.io/..%2f..%2fcli.py",
        "/socket.io/%2e%2e/%2e%2e/cli.py",
        "/socket.io//etc/passwd",
        "/socket.io/built-from",
        "/simple/x",
        "/sw.js/x",
        "/c/somebody",
    ],
)
def test_there_is_nothing_else(path: str, url: str) -> None:
    assert get(url + path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/simple", "/sw.js", "/duologue.js"])
def test_pages_are_only_to_be_got(path: str, url: str) -> None:
    assert httpx.post(url + path).status_code == 405


# The simple page


def test_the_simple_page_may_run_its_own_script_and_style_and_nothing_else(url: str) -> None:
    page = get(f"{url}/simple")
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert page.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self'; style-src 'sha256-{digest}'; "
        "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )


def test_what_others_wrote_is_never_put_in_as_html(url: str) -> None:
    script = get(f"{url}/simple.js").text
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script) == []
    )


# What a supervisor asks for


@pytest.mark.anyio
async def test_what_is_the_matter_with_the_store_is_not_for_everybody() -> None:
    site = pages(lambda: 'connection to "10.0.0.5" failed for user "duologue"')
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(site), base_url="http://a"
    ) as client:
        ready, live = await client.get("/readyz"), await client.get("/livez")
    assert (ready.status_code, live.status_code) == (503, 200)
    assert ready.text == "the store does not work; the log says why\n"
