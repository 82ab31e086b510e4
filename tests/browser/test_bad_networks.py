"""Nothing is lost, and nothing comes twice, whatever the network and the server do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Meet
from tests.browser.people import Person, invitation, meet
from tests.support.process import Serve, ServerProcess

OFFLINE = "You are offline. What you write is sent when you are back."


class Swallow:
    """Takes away what the server says to a page, from when `begin` is called until `end` is."""

    def __init__(self, person: Person) -> None:
        self._page = person.page
        self._on = False
        self._carries = False
        person.context.route_web_socket(re.compile("/socket.io/"), self._carry)

    def _carry(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def says(message: str | bytes) -> None:
            self._carries |= message == "5"  # Engine.IO's word for the end of polling
            server.send(message)

        socket.on_message(says)
        server.on_message(lambda message: None if self._on else socket.send(message))

    def begin(self) -> None:
        while not self._carries:
            self._page.wait_for_timeout(10)  # what comes by polling does not pass here
        self._on = True

    def end(self) -> None:
        self._on = False


def keep_the_shell(person: Person) -> None:
    """Until the service worker has all that the page needs."""
    person.page.evaluate("navigator.serviceWorker.ready.then(() => true)")


# Offline


def test_the_page_says_that_it_is_offline_and_back(person: Meet) -> None:
    ann = person("Ann")
    ann.goes_offline()
    expect(ann.banner).to_have_text(OFFLINE)
    ann.is_back_online()
    expect(ann.banner).to_have_count(0)


def test_nobody_is_said_to_be_away_while_one_cannot_know(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    heading = ann.page.get_by_role("heading", level=2, name="Ben").locator("..")
    expect(heading).to_contain_text("online")
    ann.goes_offline()
    expect(heading).not_to_contain_text(re.compile("online|offline"))
    ann.is_back_online()
    expect(heading).to_contain_text("online")


def test_a_link_that_is_made_anew_meanwhile_shows_nothing_of_the_one_before(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("The first time")
    ben.sees("The first time")
    link = invitation(ann)
    ann.goes_offline()
    expect(ann.banner).to_have_text(OFFLINE)
    ann.says("For the first one")
    ben.chooses("Close conversation", "Ann")
    ben.agrees_to("Close conversation")
    ben.visit(link.removeprefix(ben.url))
    ben.press("Connect", ben.dialog)
    ben.says("The second time")
    ann.is_back_online()
    ann.sees("The second time")
    ann.sees_only("The second time", "For the first one")
    ann.sees_state("For the first one", "Not sent")
    ben.sees_only("The second time")


def test_what_is_written_offline_is_sent_when_the_network_is_back(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.goes_offline()
    expect(ann.banner).to_have_text(OFFLINE)
    ann.says("One")
    ann.says("Two")
    ann.sees_state("One", "Waiting for a connection")
    expect(ben.messages).to_have_count(0)
    ann.is_back_online()
    ben.sees_only("One", "Two")
    ann.sees_state("Two", "Read")


def test_what_is_written_offline_survives_a_reload_and_is_sent_once(person: Meet) -> None:
    ann, ben = person("Ann", service_workers="allow"), person("Ben")
    meet(ann, ben)
    keep_the_shell(ann)
    ann.goes_offline()
    written = ann.says("Written in a tunnel")
    before = written.get_attribute("data-id")
    ann.reloads()
    expect(ann.banner).to_have_text(OFFLINE)
    ann.sees_state("Written in a tunnel", "Waiting for a connection")
    ann.is_back_online()
    ben.sees_only("Written in a tunnel")
    expect(ben.messages).to_have_attribute("data-id", before or "")
    ann.sees_only("Written in a tunnel")


def test_what_was_said_can_be_read_offline(person: Meet) -> None:
    ann, ben = person("Ann", service_workers="allow"), person("Ben")
    meet(ann, ben)
    ben.says("Remember this")
    ann.sees("Remember this")
    keep_the_shell(ann)
    ann.goes_offline()
    ann.reloads()
    ann.sees("Remember this")
    expect(ann.banner).to_have_text(OFFLINE)


def test_what_was_missed_offline_comes_when_one_is_back(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.goes_offline()
    ben.says("You miss this")
    ben.says("And this")
    ann.is_back_online()
    ann.sees_only("You miss this", "And this")


def test_what_cannot_wait_is_refused_offline(person: Meet) -> None:
    ann, ben = person("Ann", service_workers="allow"), person("Ben")
    meet(ann, ben)
    keep_the_shell(ann)
    ann.goes_offline()
    expect(ann.banner).to_have_text(OFFLINE)
    ann.chooses("Close conversation", "Ben")
    ann.press("Close conversation", ann.dialog)
    expect(ann.dialog.get_by_role("alert")).to_have_text(
        "That does not work without a connection to the server."
    )


# Answers that are lost


def test_a_message_whose_answer_is_lost_comes_once(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    swallow = Swallow(ann)
    ann.reloads()
    meet(ann, ben)
    swallow.begin()
    ann.says("Once")
    ben.sees("Once")
    ann.sees_state("Once", "Sending")
    swallow.end()
    ann.reloads()
    ann.sees_state("Once", "Read")
    ann.sees_only("Once")
    ben.sees_only("Once")


def test_a_file_whose_answer_is_lost_comes_once(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    swallow = Swallow(ann)
    ann.reloads()
    meet(ann, ben)
    swallow.begin()
    ann.attaches({"name": "a.bin", "mimeType": "application/octet-stream", "buffer": b"a" * 9000})
    ann.press("Send")
    expect(ann.log.get_by_role("progressbar", name="Sending")).to_be_visible()
    expect(ben.messages).to_contain_text("a.bin")
    swallow.end()
    ann.reloads()
    expect(ann.log.get_by_role("img", name="Read", exact=True)).to_be_visible()
    expect(ann.messages).to_have_count(1)
    expect(ben.messages).to_have_count(1)


# The server


@pytest.fixture
def durable(serve: Serve, tmp_path: Path) -> Callable[..., ServerProcess]:
    def start(port: int) -> ServerProcess:
        return serve("--port", str(port), folder=tmp_path)

    return start


def test_a_restart_costs_nothing_but_a_banner(
    durable: Callable[..., ServerProcess], port: int, person: Meet
) -> None:
    server = durable(port)
    ann, ben = person("Ann", at=server), person("Ben", at=server)
    meet(ann, ben)
    ann.says("Before")
    ben.sees("Before")
    ann.types("Half a sen")
    ids = ann.id, ben.id
    for each in (ann, ben):
        each.breaks = True
    server.stop()
    expect(ann.banner).to_have_text(re.compile(r"Not connected\. .*(s\.|again…)"))
    expect(ann.field).to_have_value("Half a sen")
    ben.says("While it was away")
    ben.sees_state("While it was away", "Waiting for a connection")
    durable(port)
    ann.sees_only("Before", "While it was away")
    for each in (ann, ben):
        expect(each.banner).to_have_count(0)
    ann.field.press("Enter")
    ben.sees_only("Before", "While it was away", "Half a sen")
    assert (ann.id, ben.id) == ids


def test_one_need_not_wait_for_the_next_try(
    durable: Callable[..., ServerProcess], port: int, person: Meet
) -> None:
    server = durable(port)
    ann = person("Ann", at=server)
    ann.breaks = True
    # The next try of its own never comes
    ann.page.clock.install()
    ann.page.clock.pause_at(datetime.now() + timedelta(minutes=1))
    server.stop()
    expect(ann.banner).to_contain_text(re.compile(r"Trying again in \d+ s"))
    durable(port)
    ann.press("Try now")
    expect(ann.banner).to_have_count(0)
    ann.page.clock.resume()


def test_the_page_opens_while_the_server_is_away(
    durable: Callable[..., ServerProcess], port: int, person: Meet
) -> None:
    server = durable(port)
    ann, ben = person("Ann", service_workers="allow", at=server), person("Ben", at=server)
    meet(ann, ben)
    ben.says("Still here")
    ann.sees("Still here")
    keep_the_shell(ann)
    for each in (ann, ben):
        each.breaks = True
    server.stop()
    ann.reloads()
    ann.sees("Still here")
    expect(ann.banner).to_contain_text("Not connected.")


def test_a_server_that_has_lost_everything_is_not_hidden(
    serve: Serve, port: int, person: Meet
) -> None:
    server = serve("--port", str(port), "--store", "memory:")
    ann, ben = person("Ann", at=server), person("Ben", at=server)
    meet(ann, ben)
    before = ann.id
    for each in (ann, ben):
        each.breaks = True
    server.stop()
    serve("--port", str(port), "--store", "memory:")
    expect(ann.own_id).not_to_have_text(before)
    expect(ann.conversation("Ben")).to_contain_text("ended")


# Tabs


def test_two_tabs_agree(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    other = ann.tab()
    expect(other.own_id).to_have_text(ann.id)
    meet(ann, ben)
    other.opens("Ben")
    ann.says("From the first tab")
    other.sees("From the first tab")
    other.says("From the second tab")
    ann.sees_only("From the first tab", "From the second tab")
    ben.sees_only("From the first tab", "From the second tab")
    ben.says("To both")
    for each in (ann, other):
        each.sees_only("From the first tab", "From the second tab", "To both")
        each.sees_state("From the first tab", "Read")


def test_what_is_read_in_one_tab_is_read_in_the_other(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.page.go_back()
    other = ann.tab()
    ben.says("Read me")
    expect(ann.conversation("Ben")).to_contain_text("1 unread message")
    other.opens("Ben")
    other.sees("Read me")
    expect(ann.conversation("Ben")).not_to_contain_text("unread")
    expect(ann.page).to_have_title("Duologue")


def test_what_is_done_in_one_tab_is_done_in_the_other(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    other = ann.tab()
    ann.ask(ben)
    expect(other.waiting).to_have_count(1)
    ben.accept("Ann")
    expect(other.conversation("Ben")).to_be_visible()
    ann.opens("Ben")
    ann.chooses("Rename for me", "Ben")
    ann.dialog.get_by_label("Name").fill("Benny")
    ann.press("Save", ann.dialog)
    expect(other.conversation("Benny")).to_be_visible()
    ann.chooses("Close conversation", "Benny")
    ann.agrees_to("Close conversation")
    expect(other.conversations).to_have_count(0)


def test_two_first_visits_at_once_make_one_person(person: Meet) -> None:
    ann = person("Ann")
    settings = ann.settings()
    ann.press("Forget everything…", settings)
    ann.press("Delete everything", settings)
    expect(ann.page.get_by_role("heading", name="Everything has been deleted")).to_be_visible()
    tabs = [ann.page, ann.context.new_page(), ann.context.new_page()]
    for page in tabs:
        page.goto(f"{ann.url}/", wait_until="commit")
    ids = set()
    for page in tabs:
        own = page.get_by_role("code").first
        expect(own).to_have_text(re.compile("^[0-9a-f-]{36}$"))
        ids.add(own.inner_text())
    assert len(ids) == 1


def test_what_is_forgotten_in_one_tab_is_forgotten_in_the_other(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    other = ann.tab()
    settings = ann.settings()
    ann.press("Forget everything…", settings)
    ann.press("Delete everything", settings)
    for each in (ann, other):
        gone = each.page.get_by_role("heading", name="Everything has been deleted")
        expect(gone).to_be_visible()


# The shell


def test_the_service_worker_leaves_alone_what_is_not_the_page(person: Meet) -> None:
    ann = person("Ann", service_workers="allow")
    keep_the_shell(ann)
    ann.reloads()
    assert ann.page.evaluate("navigator.serviceWorker.controller !== null")
    ann.goes_offline()
    answer = ann.page.evaluate("fetch('/livez').then(() => 'answer', () => 'none')")
    assert answer == "none"
    ann.is_back_online()


def test_the_service_worker_keeps_the_page_and_nothing_else(person: Meet) -> None:
    ann = person("Ann", service_workers="allow")
    kept = ann.page.evaluate(
        """async () => {
          await navigator.serviceWorker.ready;
          const names = await caches.keys();
          const cache = await caches.open(names[0]);
          const requests = await cache.keys();
          return [names, requests.map(({ url }) => new URL(url).pathname)];
        }"""
    )
    names, paths = kept
    assert len(names) == 1
    assert "/" in paths
    assert [each for each in paths if not re.fullmatch("/|/assets/[^/]+", each)] == []
