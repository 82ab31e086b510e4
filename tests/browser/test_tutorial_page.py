"""The tutorial's page works as it is printed."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.process import Serve

TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def folder_url(tmp_path: Path) -> Iterator[str]:
    """Where a folder is served, as the tutorial has Python's web server do it."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def two(browser: Browser) -> Iterator[tuple[Page, Page]]:
    contexts = [browser.new_context() for _ in range(2)]
    ann, ben = (context.new_page() for context in contexts)
    yield ann, ben
    for context in contexts:
        context.close()


def test_two_people_talk_on_the_page_of_the_tutorial(
    serve: Serve, tmp_path: Path, folder_url: str, two: tuple[Page, Page]
) -> None:
    url = serve("--cors-allowed-origins", folder_url).url
    (page,) = re.findall(r"```html\n(.*?)```", TUTORIAL, re.DOTALL)
    (tmp_path / "chat.html").write_text(page.replace("http://127.0.0.1:8000", url))
    ann, ben = two
    ben.on("dialog", lambda dialog: dialog.accept())
    for visitor in two:
        visitor.goto(f"{folder_url}/chat.html")
        expect(visitor.locator("#me")).not_to_have_text("…")
    ann.locator("#peer").fill(ben.locator("#me").inner_text())
    ann.locator("#text").fill("Hello, Ben")
    ann.get_by_role("button").click()
    expect(ann.locator("#log")).to_contain_text("linked with")
    ann.get_by_role("button").click()
    expect(ann.locator("#log")).to_contain_text("me: Hello, Ben (delivered)")
    expect(ben.locator("#log")).to_contain_text(": Hello, Ben")


@pytest.fixture
def lasting(serve: Serve, tmp_path: Path, folder_url: str, two: tuple[Page, Page]) -> Page:
    """The page with an identity that lasts, as the tutorial's last section has it."""
    url = serve("--cors-allowed-origins", folder_url).url
    (page,) = re.findall(r"```html\n(.*?)```", TUTORIAL, re.DOTALL)
    (kept,) = re.findall(r"```js\n(.*?)```", TUTORIAL, re.DOTALL)
    page = page.replace('const socket = io("http://127.0.0.1:8000");', kept)
    (tmp_path / "chat.html").write_text(page.replace("http://127.0.0.1:8000", url))
    two[0].goto(f"{folder_url}/chat.html")
    expect(two[0].locator("#me")).not_to_have_text("…")
    return two[0]


def test_an_identity_lasts_as_the_tutorial_says(lasting: Page) -> None:
    before = lasting.locator("#me").inner_text()
    lasting.reload()
    expect(lasting.locator("#me")).to_have_text(before)


def test_without_its_identity_the_page_of_the_tutorial_begins_anew(lasting: Page) -> None:
    lasting.evaluate("localStorage.resumeToken = 'of another store'")
    lasting.reload()
    expect(lasting.locator("#me")).not_to_have_text("…")
