"""A conversation in a page of another site, with the strictest policy that it may have."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Meet
from tests.browser.host import Customer, Host, chat
from tests.browser.looks import complaints_of_axe
from tests.browser.people import PICTURE, Person, file
from tests.support import tokens
from tests.support.process import Serve, ServerProcess


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


@pytest.fixture
def server(serve: Serve, host: Host) -> ServerProcess:
    return serve("--store", "memory:", "--cors-allowed-origins", host.url)


@pytest.fixture
def customer(browser: Browser, host: Host) -> Iterator[Customer]:
    context = browser.new_context(locale="en-GB", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    someone = Customer(context, host.url)
    yield someone
    someone.has_said_all()
    complaints = [each for each in someone.complaints if "favicon" not in each]
    context.close()
    assert complaints == []


def test_a_customer_asks_and_is_answered(
    server: ServerProcess, host: Host, customer: Customer, person: Meet
) -> None:
    ann = person("Ann", at=server)
    host.shows(server.url, chat(peer=ann.id, name="A customer"))
    customer.comes()
    customer.widget.get_by_label("Note (optional)").fill("About my order")
    customer.press("Ask to talk")
    expect(customer.page.get_by_text("Your request is waiting for an answer.")).to_be_visible()
    expect(ann.requests).to_contain_text("About my order")
    ann.accept("A customer")
    expect(customer.field).to_be_visible()
    customer.says("Where is my parcel?")
    ann.sees("Where is my parcel?")
    ann.says("On its way")
    customer.sees("On its way")
    customer.sees_state("Where is my parcel?", "Read")

    customer.visit()
    customer.sees("On its way")
    customer.attaches(file("parcel.png", "image/png", PICTURE))
    customer.press("Send")
    expect(ann.log.get_by_role("img", name="Picture: parcel.png")).to_be_visible()
    expect(customer.log.get_by_role("img", name="Picture: parcel.png")).to_be_visible()


def test_an_invitation_opens_a_conversation(
    server: ServerProcess, host: Host, customer: Customer, person: Meet
) -> None:
    ann = person("Ann", at=server)
    ann.press("Invite by link")
    code = ann.dialog.get_by_role("code").inner_text().split("invite=")[1]
    ann.press("Close", ann.dialog)
    host.shows(server.url, chat(invite=code))
    customer.comes()
    customer.press("Start talking")
    customer.says("I was invited")
    ann.conversations.get_by_role("link").click()
    ann.sees("I was invited")


def test_a_wrong_invitation_says_so(server: ServerProcess, host: Host, customer: Customer) -> None:
    host.shows(server.url, chat(invite="lusab-babad-gutih"))
    customer.comes()
    customer.press("Start talking")
    expect(customer.widget.get_by_role("alert")).to_have_text(
        "This invitation is wrong, or it is over. Ask for a new one."
    )


def test_a_request_that_is_declined_can_be_made_again_later(
    server: ServerProcess, host: Host, customer: Customer, person: Meet
) -> None:
    ann = person("Ann", at=server)
    host.shows(server.url, chat(peer=ann.id, name="A customer"))
    customer.comes()
    customer.press("Ask to talk")
    ann.decline("A customer")
    expect(customer.page.get_by_text("Your request was declined.")).to_be_visible()
    customer.press("Ask to talk")
    expect(customer.widget.get_by_role("alert").last).to_contain_text("You can ask again in")


def test_two_widgets_are_one_customer(
    server: ServerProcess, host: Host, customer: Customer, person: Meet
) -> None:
    ann, ben = person("Ann", at=server), person("Ben", at=server)
    host.shows(server.url, chat(peer=ann.id, label="Ann") + chat(peer=ben.id, label="Ben"))
    customer.comes()
    for name, other in (("Ann", ann), ("Ben", ben)):
        widget = customer.page.get_by_role("region", name=f"Chat with {name}")
        customer.press("Ask to talk", widget)
        expect(other.requests).to_have_count(1)
    asked = {each.requests.get_by_title(re.compile("^[0-9a-f-]{36}$")).first for each in (ann, ben)}
    ids = {each.get_attribute("title") for each in asked}
    assert len(ids) == 1


def test_somebody_who_only_looks_is_nobody(
    server: ServerProcess, host: Host, customer: Customer, person: Meet
) -> None:
    ann = person("Ann", at=server)
    host.shows(server.url, chat(peer=ann.id))
    customer.comes()
    expect(customer.page.get_by_role("button", name="Ask to talk")).to_be_visible()
    assert [each for each in customer.addresses if "/socket.io/" in each] == []


def test_a_site_sets_the_colours(
    server: ServerProcess, host: Host, customer: Customer, person: Meet
) -> None:
    ann = person("Ann", at=server)
    host.shows(server.url, chat(peer=ann.id, theme="dark"))
    customer.comes()
    button = customer.page.get_by_role("button", name="Ask to talk")
    expect(button).to_be_visible()
    customer.page.evaluate(
        "document.querySelector('duologue-chat').style.setProperty('--duologue-accent', '#abcdef')"
    )
    expect(button).to_have_css("background-color", "rgb(171, 205, 239)")


def test_a_site_that_was_not_named_gets_no_connection(
    serve: Serve, host: Host, customer: Customer
) -> None:
    other = serve("--store", "memory:")
    host.shows(other.url, chat(peer="somebody"))
    customer.comes()
    customer.breaks = True
    customer.meant = "blocked by CORS policy"
    customer.press("Ask to talk")
    status = customer.widget.get_by_role("status")
    expect(status.filter(has_text="No connection")).to_be_visible()


def test_an_address_that_is_none_is_said(
    server: ServerProcess, host: Host, customer: Customer
) -> None:
    host.shows(server.url, chat(peer="ann", server="https://"))
    customer.comes()
    expect(customer.widget.get_by_role("alert")).to_have_text(
        "This chat is not set up: the address of its server is wrong."
    )
    customer.sets("server", server.url)
    expect(customer.page.get_by_role("button", name="Ask to talk")).to_be_visible()


# Tokens


@pytest.fixture
def closed(serve: Serve, host: Host) -> ServerProcess:
    """A server that lets in those only who are signed in."""
    flags = ("--store", "memory:", "--cors-allowed-origins", host.url)
    secret = {"DUOLOGUE_AUTH_SECRET": tokens.SECRET}
    return serve(*flags, "--auth-leeway-seconds", "0", env=secret)


def test_who_is_not_signed_in_is_told_so_and_may_come_in_later(
    closed: ServerProcess, host: Host, customer: Customer
) -> None:
    host.shows(closed.url, chat(peer="support"))
    customer.comes()
    customer.breaks = True
    customer.press("Ask to talk")
    refused = customer.widget.get_by_role("alert")
    expect(refused).to_have_text("You have to be signed in to talk here.")
    customer.sets("token", tokens.token("ann"))
    expect(customer.page.get_by_role("button", name="Ask to talk")).to_be_visible()


def test_a_sign_in_that_has_ended_is_renewed_at_once(
    closed: ServerProcess, host: Host, customer: Customer
) -> None:
    host.shows(closed.url, chat(peer="support", token=tokens.token("ann", ttl=2)))
    customer.comes()
    customer.breaks = True
    refused = customer.widget.get_by_role("alert")
    expect(refused).to_have_text("Your sign-in has ended. Sign in again, or reload this page.")
    customer.sets("token", tokens.token("ann"))
    expect(customer.page.get_by_role("button", name="Ask to talk")).to_be_visible()


def test_another_reader_sees_nothing_of_the_first(
    closed: ServerProcess, host: Host, customer: Customer, browser: Browser
) -> None:
    context = browser.new_context(locale="en-GB", service_workers="block")
    support = Person(context, closed.url, called="Support")
    support.visit(f"/#token={tokens.token('support')}")
    expect(support.own_id).to_have_text("support")
    host.shows(closed.url, chat(peer="support", token=tokens.token("ann", name="Ann")))
    customer.comes()
    customer.press("Ask to talk")
    support.accept("Ann")
    customer.says("Between Ann and Support")
    support.sees("Between Ann and Support")
    customer.sets("token", tokens.token("ben"))
    expect(customer.page.get_by_role("button", name="Ask to talk")).to_be_visible()
    expect(customer.log).to_have_count(0)
    customer.sets("token", tokens.token("ann", name="Ann"))
    customer.sees("Between Ann and Support")
    context.close()


def test_axe_finds_nothing_in_the_widget(
    server: ServerProcess, host: Host, customer: Customer, person: Meet
) -> None:
    ann = person("Ann", at=server)
    host.shows(server.url, chat(peer=ann.id, name="A customer", label="Ann"))
    customer.comes()
    expect(customer.page.get_by_role("button", name="Ask to talk")).to_be_visible()
    found = {"asking": complaints_of_axe(customer)}
    customer.press("Ask to talk")
    expect(customer.page.get_by_text("Your request is waiting")).to_be_visible()
    found["waiting"] = complaints_of_axe(customer)
    ann.accept("A customer")
    customer.says("Hello")
    ann.sees("Hello")
    found["talking"] = complaints_of_axe(customer)
    customer.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found["in the dark"] = complaints_of_axe(customer)
    assert found == {"asking": [], "waiting": [], "talking": [], "in the dark": []}
