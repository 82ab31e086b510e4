"""The messenger of a server that wants tokens: who comes without, with one, and with another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import company
from tests.browser.login import LoginSite
from tests.browser.looks import assert_nothing_sticks_out, complaints_of_axe
from tests.browser.people import Person, meet
from tests.support import tokens
from tests.support.process import Serve, ServerProcess

#: Opens the page for somebody with a browser of their own, by a link with this token or without.
Come = Callable[..., Person]

SIGNED = {"DUOLOGUE_AUTH_SECRET": tokens.SECRET}


@pytest.fixture
def server(serve: Serve) -> ServerProcess:
    return serve("--store", "memory:", "--auth-leeway-seconds", "0", env=SIGNED)


@pytest.fixture
def come(browser: Browser, server: ServerProcess) -> Iterator[Come]:
    with company(browser, server) as bring:

        def come(token: str | None = None, **settings: Any) -> Person:
            by = "/" if token is None else link(token)
            return bring(link=by, **{"reduced_motion": "reduce", **settings})

        yield come


def link(token: str) -> str:
    return f"/#token={token}"


def follows(person: Person, token: str) -> None:
    """Open a link with this token where the page is already."""
    person.page.goto(person.url + link(token))


def wants(person: Person) -> Locator:
    """What the page says to who is not let in."""
    return person.page.get_by_role("main")


def member(come: Come, name: str, **where: Any) -> Person:
    """Somebody whom a link has signed in."""
    person = come(tokens.token(name, name=name.title()), **where)
    expect(person.own_id).to_have_text(name)
    person.page.evaluate(_SIGNED_IN)
    person.name = name.title()
    return person


# A sign-in is written down a moment after the server has taken it
_SIGNED_IN = """async () => {
  const opening = indexedDB.open("duologue");
  await new Promise((resolve) => (opening.onsuccess = resolve));
  for (let token; token === undefined; ) {
    const got = opening.result.transaction("values").objectStore("values").get("app.token");
    await new Promise((resolve) => (got.onsuccess = resolve));
    token = got.result;
  }
  opening.result.close();
}"""


# Without a sign-in


def test_who_comes_without_is_told_how_to_get_in(come: Come) -> None:
    ann = come()
    expect(ann.banner).to_contain_text("Sign in to use this messenger.")
    expect(wants(ann)).to_contain_text("Sign in there, and open the messenger from there.")
    expect(wants(ann)).not_to_contain_text("nothing to sign up for")


def test_it_is_said_in_german_too(come: Come) -> None:
    ann = come(locale="de-DE")
    expect(wants(ann)).to_contain_text("Melde dich an, um diesen Messenger zu benutzen.")


def test_a_sign_in_that_is_not_for_this_server_is_not_kept(come: Come) -> None:
    ann = come(tokens.token("ann", key="of another server, and long enough for its algorithm"))
    expect(wants(ann)).to_contain_text("Your sign-in does not count here.")
    ann.reloads()
    expect(wants(ann)).to_contain_text("Sign in to use this messenger.")


def test_one_that_has_ended_says_so(come: Come) -> None:
    ann = come(tokens.token("ann", ttl=-60))
    expect(wants(ann)).to_contain_text("You have been signed out.")


@pytest.mark.parametrize("before", [None, "of-no-kind", tokens.token("ann", ttl=-60)])
def test_a_link_lets_in_who_has_been_refused(come: Come, before: str | None) -> None:
    ann = come(before)
    expect(ann.banner).to_contain_text(re.compile("sign-in|Sign in|signed out"))
    follows(ann, tokens.token("ann"))
    expect(ann.own_id).to_have_text("ann")


@pytest.mark.parametrize("settings", [{}, {"viewport": {"width": 360, "height": 640}}])
def test_all_can_read_it(come: Come, settings: dict[str, Any]) -> None:
    ann = come(tokens.token("ann", ttl=-60), **settings)
    expect(wants(ann)).to_contain_text("You have been signed out.")
    assert_nothing_sticks_out(ann)
    found = {"light": complaints_of_axe(ann)}
    ann.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found["dark"] = complaints_of_axe(ann)
    assert found == {"light": [], "dark": []}


# By the site where people sign in


@pytest.fixture
def login() -> Iterator[LoginSite]:
    with LoginSite(tokens.token("ann", name="Ann")) as site:
        yield site


@pytest.fixture
def leading(serve: Serve, login: LoginSite) -> ServerProcess:
    """A server that knows where people sign in."""
    leading = serve(
        "--store", "memory:", "--auth-leeway-seconds", "0", "--sign-in-url", login.url, env=SIGNED
    )
    login.home = leading.url
    return leading


def sign_in(place: Locator) -> Locator:
    return place.get_by_role("link", name="Sign in", exact=True)


@pytest.mark.parametrize("before", [None, "of-no-kind", tokens.token("ann", ttl=-60)])
def test_who_is_not_let_in_is_led_to_sign_in_and_back(
    come: Come, leading: ServerProcess, before: str | None
) -> None:
    ann = come(before, at=leading)
    expect(ann.banner.get_by_role("button")).to_have_count(0)
    sign_in(wants(ann)).click()
    expect(ann.own_id).to_have_text("ann")
    assert ann.page.url == f"{ann.url}/"


def test_who_has_been_signed_out_is_led_back_to_what_they_have_written(
    come: Come, leading: ServerProcess
) -> None:
    ann, ben = member(come, "ann", at=leading), member(come, "ben", at=leading)
    meet(ann, ben)
    ann.page.goto("about:blank")
    ann.visit(link(tokens.token("ann", name="Ann", ttl=3)))
    ann.opens("Ben")
    expect(ann.banner).to_contain_text("Sign in again, and what you have written is sent.")
    ann.says("Written too late")
    ann.sees_state("Written too late", "Waiting for a connection")
    sign_in(ann.banner).click()
    ben.sees_only("Written too late")


def test_who_is_let_in_sees_no_sign_in(come: Come, leading: ServerProcess) -> None:
    ann = member(come, "ann", at=leading)
    expect(sign_in(ann.page.locator("body"))).to_have_count(0)


def test_without_such_a_site_nothing_leads_there(come: Come) -> None:
    ann = come()
    expect(wants(ann)).to_contain_text("Sign in to use this messenger.")
    expect(sign_in(ann.page.locator("body"))).to_have_count(0)


@pytest.mark.parametrize("settings", [{}, {"viewport": {"width": 360, "height": 640}}])
def test_all_can_find_the_sign_in(
    come: Come, leading: ServerProcess, settings: dict[str, Any]
) -> None:
    ann = come(at=leading, **settings)
    expect(sign_in(wants(ann))).to_be_visible()
    assert_nothing_sticks_out(ann)
    found = {"light": complaints_of_axe(ann)}
    ann.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found["dark"] = complaints_of_axe(ann)
    assert found == {"light": [], "dark": []}


# The simple page


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Opens the simple page at an address."""
    with browser.new_context() as context:

        def opened(address: str) -> Page:
            page = context.new_page()
            page.goto(address)
            return page

        yield opened


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "This server lets in only people who have signed in."),
        ("of-no-kind", "Your sign-in does not count here."),
        (tokens.token("ann", ttl=-60), "You have been signed out."),
    ],
)
def test_the_simple_page_says_what_is_missing(
    opened: Callable[[str], Page], server: ServerProcess, token: str | None, said: str
) -> None:
    page = opened(f"{server.url}/simple" + ("" if token is None else f"#token={token}"))
    expect(page.get_by_role("alert")).to_contain_text(
        f"{said} Come from the site where you sign in."
    )
    expect(page.get_by_role("status")).to_have_text(re.compile("^Not connected"))


def test_the_simple_page_says_when_a_sign_in_has_ended(
    opened: Callable[[str], Page], server: ServerProcess
) -> None:
    page = opened(f"{server.url}/simple#token={tokens.token('ann', ttl=3)}")
    expect(page.get_by_text("Client ID: ann")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text(
        "You have been signed out. Come from the site where you sign in."
    )
    expect(page.get_by_role("status")).to_have_text(re.compile("^Disconnected"))


def test_the_simple_page_says_that_it_leads_back(
    opened: Callable[[str], Page], leading: ServerProcess
) -> None:
    page = opened(f"{leading.url}/simple")
    expect(page.get_by_role("alert")).to_contain_text("Sign in; you come back here.")


def test_the_simple_page_leads_to_sign_in_and_back(
    opened: Callable[[str], Page], leading: ServerProcess
) -> None:
    page = opened(f"{leading.url}/simple")
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_text("Client ID: ann")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_have_count(0)
    assert page.url == f"{leading.url}/simple"


# With one


def test_a_token_in_the_address_signs_in_and_is_gone_from_there(come: Come) -> None:
    ann = member(come, "ann")
    assert ann.page.url == f"{ann.url}/"


def test_two_who_are_signed_in_talk(come: Come) -> None:
    ann, ben = member(come, "ann"), member(come, "ben")
    meet(ann, ben)
    ann.says("Hello, Ben")
    ben.sees("Hello, Ben")


def test_the_sign_in_lasts_through_reloads_and_in_other_tabs(come: Come) -> None:
    ann = member(come, "ann")
    ann.reloads()
    expect(ann.own_id).to_have_text("ann")
    expect(ann.tab().own_id).to_have_text("ann")


def test_a_token_is_in_no_request(come: Come) -> None:
    token = tokens.token("ann")
    ann = come(token)
    expect(ann.own_id).to_have_text("ann")
    assert [each for each in ann.addresses if token[:40] in each] == []


def test_who_has_stayed_too_long_goes_on_with_another_link(come: Come) -> None:
    ann, ben = member(come, "ann"), member(come, "ben")
    meet(ann, ben)
    ann.page.goto("about:blank")
    ann.visit(link(tokens.token("ann", name="Ann", ttl=3)))
    ann.opens("Ben")
    expect(ann.banner).to_contain_text("You have been signed out.")
    ann.says("Written too late")
    ann.sees_state("Written too late", "Waiting for a connection")
    follows(ann, tokens.token("ann", name="Ann"))
    ben.sees_only("Written too late")
    expect(ann.banner).to_have_count(0)
    assert "token" not in ann.page.url


def test_a_link_leaves_the_conversation_open(come: Come) -> None:
    ann, ben = member(come, "ann"), member(come, "ben")
    meet(ann, ben)
    before = ann.page.url
    follows(ann, tokens.token("ann", name="Ann"))
    ann.says("Still here")
    ben.sees("Still here")
    assert ann.page.url == before


# Others


def test_nobody_becomes_somebody_else_unasked(come: Come) -> None:
    ann = member(come, "ann")
    follows(ann, tokens.token("mallory"))
    expect(ann.dialog).to_contain_text("signs you in as mallory")
    ann.press("Cancel", ann.dialog)
    expect(ann.own_id).to_have_text("ann")
    ann.reloads()
    expect(ann.own_id).to_have_text("ann")


def test_who_takes_the_place_of_another_sees_nothing_of_theirs(come: Come) -> None:
    ann, ben = member(come, "ann"), member(come, "ben")
    meet(ann, ben)
    ann.says("For Ben alone")
    ben.sees("For Ben alone")
    follows(ann, tokens.token("cleo"))
    ann.press("Sign in", ann.dialog)
    expect(ann.own_id).to_have_text("cleo")
    expect(ann.page.get_by_text("No conversations yet")).to_be_visible()
    follows(ann, tokens.token("ann", name="Ann"))
    ann.press("Sign in", ann.dialog)
    ann.opens("Ben")
    ann.sees_only("For Ben alone")


def test_who_has_an_id_of_this_browser_is_asked_and_gets_it_back(serve: Serve, come: Come) -> None:
    both = serve("--store", "memory:", "--anonymous", env=SIGNED)
    ann = come(at=both)
    expect(ann.own_id).not_to_have_text("Your ID comes with the first connection.")
    own = ann.id
    follows(ann, tokens.token("ann"))
    ann.press("Sign in", ann.dialog)
    expect(ann.own_id).to_have_text("ann")
    signs_out(ann)
    expect(ann.own_id).to_have_text(own)


def signs_out(person: Person) -> None:
    person.press("Sign out…", person.settings())
    person.press("Sign out", person.dialog)


def test_who_signs_out_leaves_nothing_here_and_finds_it_again(come: Come) -> None:
    ann, ben = member(come, "ann"), member(come, "ben")
    meet(ann, ben)
    ann.says("Kept at the server")
    ben.sees("Kept at the server")
    tab = ann.tab()
    tab.opens("Ben")
    signs_out(ann)
    for each in (ann, tab):
        expect(wants(each)).to_contain_text("Sign in to use this messenger.")
    assert ann.page.evaluate(_KEPT) == 0
    follows(ann, tokens.token("ann", name="Ann"))
    ann.opens("Ben")
    ann.sees_only("Kept at the server")


# How many messages there are in all databases
_KEPT = """async () => {
  let count = 0;
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve) => {
      const opening = indexedDB.open(name);
      opening.onsuccess = () => resolve(opening.result);
    });
    const counting = database.transaction("messages").objectStore("messages").count();
    count += await new Promise((resolve) => (counting.onsuccess = () => resolve(counting.result)));
    database.close();
  }
  return count;
}"""
