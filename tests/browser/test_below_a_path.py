"""The messenger, the widget and the simple page below a path of somebody else's site."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Meet, company
from tests.browser.host import Customer, Host, chat
from tests.browser.people import Person, invitation, meet
from tests.browser.prefix import Prefix
from tests.browser.visitor import Visitor, link
from tests.hosts.process import HostProcess

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


@contextlib.contextmanager
def fastapi(folder: Path, origin: str, *flags: str, **env: str) -> Iterator[HostProcess]:
    """An application under plain uvicorn that has Duologue at `/talk`."""
    command = (sys.executable, "-m", "uvicorn", "tests.browser.below:app", "--port", "{port}")
    known = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "ORIGIN": origin}
    process = HostProcess(
        folder, *command, "--timeout-graceful-shutdown", "1", *flags, env=known | env
    )
    yield process
    process.stop()


@contextlib.contextmanager
def serve(folder: Path, origin: str) -> Iterator[HostProcess]:
    command = (sys.executable, "-m", "duologue", "serve", "--port", "{port}", "--store", "memory:")
    process = HostProcess(folder, *command, "--cors-allowed-origins", origin)
    yield process
    process.process.kill()  # it would wait for those whose browsers have been closed
    process.stop()


WAYS = ("mounted", "uvicorn --root-path", "FastAPI(root_path=…)", "served behind a proxy")


@pytest.fixture(scope="module", params=WAYS)
def address(
    request: pytest.FixtureRequest, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the messenger is, as people know it, without the last slash."""
    folder = tmp_path_factory.mktemp("below")
    with contextlib.ExitStack() as stack:
        match request.param:
            case "mounted":
                process = stack.enter_context(fastapi(folder, host.url))
                yield f"{process.url}/talk"
            case "uvicorn --root-path":
                flags = ("--root-path", "/shop")
                process = stack.enter_context(fastapi(folder, host.url, *flags))
                yield f"{stack.enter_context(Prefix('/shop', process.port)).url}/talk"
            case "FastAPI(root_path=…)":
                process = stack.enter_context(fastapi(folder, host.url, ROOT_PATH="/shop"))
                yield f"{stack.enter_context(Prefix('/shop', process.port)).url}/talk"
            case _:
                process = stack.enter_context(serve(folder, host.url))
                yield stack.enter_context(Prefix("/chat", process.port)).url


@pytest.fixture
def person(browser: Browser, address: str) -> Iterator[Meet]:
    with company(browser, address) as come:
        yield come


def assert_nothing_is_beside(person: Person) -> None:
    """All that the page has asked for is below its path."""
    there = f"{person.url}/"
    others = [each for each in person.addresses if not each.startswith((there, "blob:", "data:"))]
    assert others == []


def test_two_meet_and_talk_there(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("Hello, Ben")
    ben.sees("Hello, Ben")
    ben.says("Hello, Ann")
    ann.sees_state("Hello, Ben", "Read")
    ann.reloads()
    ann.sees_only("Hello, Ben", "Hello, Ann")
    ben.says("You are back")
    ann.sees("You are back")
    assert_nothing_is_beside(ann)


@pytest.mark.parametrize("address", WAYS[:2], indirect=True)
def test_the_address_without_its_last_slash_leads_there(person: Meet, address: str) -> None:
    ann = person("Ann")
    ann.visit("")
    assert ann.page.url == f"{address}/"


def test_an_invitation_leads_there(person: Meet, address: str) -> None:
    ann, ben = person("Ann"), person("Ben")
    leads = invitation(ann)
    assert leads.startswith(f"{address}/?invite=")
    ben.visit(leads.removeprefix(address))
    assert ben.page.url == f"{address}/"
    ben.press("Connect", ben.dialog)
    expect(ben.field).to_be_focused()
    ann.opens("Ben")
    ben.says("You invited me")
    ann.sees("You invited me")


def test_the_link_to_an_id_leads_there(person: Meet, address: str) -> None:
    ann, ben = person("Ann"), person("Ben")
    own = ben.id
    ben.press("Show QR code")
    expect(ben.dialog.get_by_role("code")).to_have_text(f"{address}/?to={own}")
    ann.visit(f"/?to={own}")
    ann.press("Send request", ann.dialog)
    expect(ben.requests).to_contain_text("Ann")


def test_the_service_worker_is_there_and_keeps_the_page(person: Meet, address: str) -> None:
    ann, ben = person("Ann", service_workers="allow"), person("Ben")
    meet(ann, ben)
    ben.says("Remember this")
    ann.sees("Remember this")
    scope = ann.page.evaluate("navigator.serviceWorker.ready.then(({ scope }) => scope)")
    assert scope == f"{address}/"
    ann.goes_offline()
    ann.reloads()
    ann.sees("Remember this")


def test_the_application_that_can_be_installed_is_there(person: Meet, address: str) -> None:
    manifest = installable(person("Ann"))
    assert {manifest[name] for name in ("id", "start_url", "scope")} == {f"{address}/"}


def installable(person: Person) -> dict[str, Any]:
    """The manifest as a browser understands it: its addresses from where it came."""
    found: dict[str, Any] = person.page.evaluate(
        """async () => {
          const { href } = document.querySelector("link[rel=manifest]");
          const manifest = await (await fetch(href)).json();
          const start = new URL(manifest.start_url, href);
          const scope = new URL(manifest.scope, href);
          const icons = manifest.icons.map(({ src }) => fetch(new URL(src, href)));
          const missing = (await Promise.all(icons)).filter(({ ok }) => !ok);
          if (missing.length > 0) throw new Error(`no icon ${missing[0].url}`);
          return { id: new URL(manifest.id, start).href, start_url: start.href, scope: scope.href };
        }"""
    )
    return found


def logs_in(person: Person, user: str) -> None:
    """With the application that the messenger is in."""
    person.context.add_cookies([{"name": "user", "value": user, "url": person.url}])
    person.reloads()
    expect(person.own_id).to_have_text(user)


@pytest.mark.parametrize("address", WAYS[:1], indirect=True)
def test_who_logs_in_there_as_somebody_else_sees_nothing_of_the_first(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    logs_in(ann, "ann")
    meet(ann, ben)
    ann.says("Between Ann and Ben")
    ben.sees("Between Ann and Ben")
    logs_in(ann, "cleo")
    expect(ann.page.get_by_text("No conversations yet")).to_be_visible()
    ann.is_told("You are signed in as cleo now.")


@pytest.mark.parametrize("address", WAYS[:1], indirect=True)
def test_who_logs_in_meanwhile_is_let_in_when_they_are_back(person: Meet) -> None:
    ann = person("Ann")
    ann.breaks = True  # who is not let in is cut off
    ann.visit("/../help/")
    expect(ann.banner).to_contain_text("Sign in to use this messenger.")
    ann.context.add_cookies([{"name": "user", "value": "ann", "url": ann.url}])
    ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(ann.own_id).to_have_text("ann")


@pytest.mark.parametrize("address", WAYS[:1], indirect=True)
def test_two_messengers_of_one_site_are_kept_apart(person: Meet) -> None:
    ann, ben = person("Ann", service_workers="allow"), person("Ben")
    own = ann.id
    meet(ann, ben)
    ann.page.evaluate(_WORKER)
    ann.context.add_cookies([{"name": "user", "value": "ann", "url": f"{ann.url}/../help/"}])
    ann.visit("/../help/")
    expect(ann.own_id).to_have_text("ann")
    expect(ann.page.get_by_text("No conversations yet")).to_be_visible()
    assert ann.page.evaluate(_WORKER) == ["/help/", "/talk/"]
    ann.visit()
    expect(ann.own_id).to_have_text(own)
    expect(ann.conversation("Ben")).to_be_visible()


# Waits for the worker, and says whose pages are kept
_WORKER = """async () => {
  await navigator.serviceWorker.ready;
  return (await caches.keys()).map((name) => name.split(" ")[1]).sort();
}"""


def test_the_widget_of_another_site_comes_from_there(
    browser: Browser, host: Host, person: Meet, address: str
) -> None:
    ann = person("Ann")
    host.shows(address, chat(peer=ann.id, name="A customer"))
    context = browser.new_context(locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    customer = Customer(context, host.url)
    customer.comes()
    customer.press("Ask to talk")
    ann.accept("A customer")
    customer.says("Where is my parcel?")
    ann.sees("Where is my parcel?")
    context.close()


def test_the_simple_page_is_there(browser: Browser, address: str) -> None:
    contexts = [browser.new_context() for _ in range(2)]
    ann, ben = (Visitor(context.new_page(), address) for context in contexts)
    ann.comes()
    ben.comes()
    link(ann, ben)
    ann.writes("Hello, Ben", to=ben.id)
    expect(ben.messages).to_contain_text("Hello, Ben")
    complaints = ann.complaints + ben.complaints
    for context in contexts:
        context.close()
    assert complaints == []
