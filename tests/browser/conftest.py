"""A real Chromium. Without one these tests fail: a run that skipped them would prove nothing."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.people import Person
from tests.browser.stranger import Stranger
from tests.browser.visitor import Visitor
from tests.support.process import Serve, ServerProcess

_ROOT = Path(__file__).parents[2]

# It needs nothing from the network, and no sandbox within the one that a build runs in
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Visit = Callable[..., Visitor]
Meet = Callable[..., Person]
MeetStranger = Callable[..., Stranger]


# Not for the session: while Playwright runs, no other test in this thread can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    finder = runpy.run_path(str(_ROOT / "tools" / "browser.py"))
    path = finder["find"]()
    if path is None:
        pytest.fail(finder["HOW_TO"])
    expect.set_options(timeout=10_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def server(serve: Serve) -> ServerProcess:
    return serve()


@pytest.fixture
def visit(browser: Browser, place: ServerProcess) -> Iterator[Visit]:
    """Open the page for somebody, with the browser settings given.

    At the end nobody's page may have complained, or met with a dialog, unless it `may_complain`.
    """
    contexts: list[BrowserContext] = []
    watched: list[Visitor] = []

    def come(*, at: ServerProcess = place, may_complain: bool = False, **settings: Any) -> Visitor:
        context = browser.new_context(**settings)
        contexts.append(context)
        visitor = Visitor(context.new_page(), at.url)
        if not may_complain:
            watched.append(visitor)
        visitor.comes()
        return visitor

    yield come
    for visitor in watched:
        visitor.has_said_all()
    complaints = [complaint for visitor in watched for complaint in visitor.complaints]
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def place() -> Iterator[ServerProcess]:
    """One server for all who come without naming another: they do not know of each other."""
    server = ServerProcess("duologue", "serve", "--port", "0", "--store", "memory:")
    yield server
    server.process.kill()  # it would wait for those whose browsers have been closed
    server.stop()


@contextmanager
def company(browser: Browser, place: ServerProcess | str) -> Iterator[Meet]:
    """Gives what brings people to the messenger for the first time, each with their own browser.

    Who comes by a `link` may not be let in. At the end nobody's page may have complained.
    """
    people: list[Person] = []

    def come(
        called: str | None = None,
        *,
        at: ServerProcess | str = place,
        link: str | None = None,
        **settings: Any,
    ) -> Person:
        # Most need no service worker, and it fetches the whole page once more
        usual = {"locale": "en-GB", "service_workers": "block"}
        context = browser.new_context(**{**usual, **settings})
        context.set_default_timeout(10_000)
        url = at if isinstance(at, str) else at.url
        touches = bool(settings.get("has_touch"))
        someone = Person(context, url, called=called, touches=touches)
        people.append(someone)
        if link is None:
            someone.comes()
        else:
            someone.breaks = True  # who is not let in is cut off
            someone.visit(link)
        return someone

    yield come
    complaints = []
    for someone in people:
        someone.has_said_all()
        complaints += [f"{someone.name}: {complaint}" for complaint in someone.complaints]
    for someone in people:
        someone.context.close()
    assert complaints == []


@pytest.fixture
def person(browser: Browser, place: ServerProcess) -> Iterator[Meet]:
    """Brings somebody to the messenger for the first time."""
    with company(browser, place) as come:
        yield come


@pytest.fixture
def stranger(place: ServerProcess) -> Iterator[MeetStranger]:
    """Somebody comes to the same server with another client."""
    strangers: list[Stranger] = []

    def come(name: str | None = None) -> Stranger:
        strangers.append(Stranger(place.url, name))
        return strangers[-1]

    yield come
    for each in strangers:
        each.leaves()
