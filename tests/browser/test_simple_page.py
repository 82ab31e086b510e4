"""The simple page, in a real browser against a real server."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor, link
from tests.support.process import Serve, ServerProcess

NOT_LINKED = "You are not connected to this client"
NOT_FOUND = "Target client ID not found"

HOSTILE = [
    "<script>alert('met')</script>",
    "<img src=x onerror=alert('met')>",
    '"><svg onload=alert(1)>',
]


def text_of(visitor: Visitor) -> list[str]:
    return visitor.messages.all_inner_texts()


# Two people


def test_two_agree_and_talk_both_ways(visit: Visit) -> None:
    ann, ben = visit(), visit()
    ann.asks(ben.id, note="We met at the library")
    expect(ann.requests).to_contain_text(ben.id)
    expect(ben.requests).to_contain_text(ann.id)
    expect(ben.requests).to_contain_text("We met at the library")
    ben.presses("Accept")
    for visitor, peer in ((ann, ben), (ben, ann)):
        expect(visitor.links).to_contain_text(f"online · {peer.id}")
        expect(visitor.requests).to_have_count(0)

    sent = ann.writes("Hello, Ben")
    expect(sent).to_have_class("message sent")
    expect(sent).to_contain_text(f"To {ben.id}: Hello, Ben")
    expect(sent).to_contain_text("delivered")
    expect(ben.messages).to_have_class("message received")
    expect(ben.messages).to_have_text(f"From {ann.id}: Hello, Ben")

    ben.writes("Hello, Ann")
    expect(ann.messages.last).to_have_text(f"From {ben.id}: Hello, Ann")
    expect(ann.error).to_be_hidden()
    expect(ben.error).to_be_hidden()


def test_who_asks_each_other_agrees(visit: Visit) -> None:
    ann, ben = visit(), visit()
    ann.asks(ben.id)
    expect(ben.requests).to_have_count(1)
    ben.asks(ann.id)
    expect(ann.links).to_contain_text(ben.id)
    expect(ben.links).to_contain_text(ann.id)
    expect(ann.requests).to_have_count(0)
    expect(ben.requests).to_have_count(0)


def test_one_declines_and_the_other_is_told(visit: Visit) -> None:
    ann, ben = visit(), visit()
    ann.asks(ben.id)
    ben.presses("Decline")
    expect(ann.error).to_contain_text(f"{ben.id} declined your request.")
    expect(ann.requests).to_have_count(0)
    expect(ben.requests).to_have_count(0)
    expect(ann.links).to_have_count(0)
    ann.asks(ben.id)
    expect(ann.error).to_contain_text("try again later")
    expect(ann.requests).to_have_count(0)


def test_one_takes_the_request_back(visit: Visit) -> None:
    ann, ben = visit(), visit()
    ann.asks(ben.id)
    expect(ben.requests).to_have_count(1)
    ann.presses("Cancel")
    expect(ann.requests).to_have_count(0)
    expect(ben.requests).to_have_count(0)
    expect(ben.error).to_be_hidden()


def test_a_request_that_nobody_answers_expires(serve: Serve, visit: Visit) -> None:
    impatient = serve("--request-ttl-seconds", "1")
    ann, ben = visit(at=impatient), visit(at=impatient)
    ann.asks(ben.id)
    for visitor in (ann, ben):
        expect(visitor.error).to_contain_text("has expired")
        expect(visitor.requests).to_have_count(0)


def test_one_closes_and_nothing_more_gets_through(visit: Visit) -> None:
    ann, ben = visit(), visit()
    link(ann, ben)
    ben.presses("Close")
    expect(ann.error).to_contain_text(f"{ben.id} closed the link")
    expect(ann.links).to_have_count(0)
    expect(ben.links).to_have_count(0)
    expect(ann.writes("One more thing")).to_contain_text(f"not sent: {NOT_LINKED}")
    assert text_of(ben) == []


def test_who_leaves_is_gone(visit: Visit) -> None:
    ann, ben = visit(), visit()
    link(ann, ben)
    ben.page.close()
    expect(ann.links).to_have_count(0)
    expect(ann.error).to_contain_text("or is gone")


def test_a_name_is_seen_by_the_other(visit: Visit) -> None:
    ann, ben = visit(), visit()
    ann.is_called("Ann")
    ann.asks(ben.id)
    expect(ben.requests).to_contain_text("Ann")
    ben.presses("Accept")
    expect(ben.links).to_contain_text("Ann")
    expect(ann.links).to_contain_text("No name")


def test_a_new_name_does_not_end_a_conversation(visit: Visit) -> None:
    ann, ben = visit(), visit()
    link(ann, ben)
    before = ann.id
    ann.name.fill("Ann")
    ann.name.press("Tab")
    expect(ann.error).to_contain_text("when you next connect")
    assert ann.id == before
    ann.writes("Still here")
    expect(ben.messages).to_have_count(1)


def test_writing_to_one_of_two_links_takes_one_press(visit: Visit) -> None:
    ann, ben, cleo = visit(), visit(), visit()
    link(ben, ann)
    cleo.asks(ann.id)
    ann.presses("Accept")
    expect(ann.links).to_have_count(2)
    ann.presses(f"Write: {cleo.id}")
    expect(ann.target).to_have_value(cleo.id)
    expect(ann.text).to_be_focused()
    chosen = ann.page.locator("[aria-current]")
    expect(chosen).to_contain_text(cleo.id)
    ann.writes("For Cleo")
    expect(cleo.messages).to_contain_text("For Cleo")
    assert text_of(ben) == []
    ann.target.fill(ben.id)
    expect(chosen).to_contain_text(ben.id)


# Nothing is lost silently


def test_a_message_to_a_stranger_is_marked_as_not_sent(visit: Visit) -> None:
    ann, ben = visit(), visit()
    sent = ann.writes("Hello?", to=ben.id)
    expect(sent).to_have_class("message sent refused")
    expect(sent).to_contain_text(f"To {ben.id}: Hello?")
    expect(sent).to_contain_text(f"not sent: {NOT_LINKED}")
    expect(ann.error).to_contain_text(NOT_LINKED)
    assert text_of(ben) == []
    ann.presses("Dismiss")
    expect(ann.error).to_be_hidden()


def test_a_message_to_nobody_is_marked_as_not_sent(visit: Visit) -> None:
    ann = visit()
    sent = ann.writes("Anybody?", to="nobody-of-this-name")
    expect(sent).to_have_class("message sent refused")
    expect(sent).to_contain_text(f"not sent: {NOT_FOUND}")


def test_connecting_to_nobody_says_what_is_missing(visit: Visit) -> None:
    ann = visit()
    ann.asks("")
    expect(ann.error).to_contain_text("Enter the client ID")
    expect(ann.target).to_be_focused()
    ann.asks("nobody-of-this-name")
    expect(ann.error).to_contain_text(NOT_FOUND)
    expect(ann.requests).to_have_count(0)


def test_an_error_goes_with_the_next_thing_that_works(visit: Visit) -> None:
    ann, ben = visit(), visit()
    ann.writes("Hello?", to=ben.id)
    expect(ann.error).to_be_visible()
    ann.asks(ben.id)
    expect(ann.requests).to_have_count(1)
    expect(ann.error).to_be_hidden()


def test_a_message_that_gets_no_answer_says_so(server: ServerProcess, visit: Visit) -> None:
    ann = visit(at=server, may_complain=True)
    ann.page.clock.install()
    ann.comes()
    server.stop()
    expect(ann.status).not_to_have_text("Connected to the WebSocket server")
    sent = ann.writes("Hello?", to="anybody")
    expect(sent).to_contain_text("sending")
    ann.page.clock.fast_forward(10_000)
    expect(sent).to_contain_text("perhaps not sent: The server did not answer.")
    expect(sent).to_have_class("message sent refused")


def test_what_another_of_my_tabs_has_sent_is_shown_as_mine(visit: Visit) -> None:
    ann = visit()
    ann.is_told("message", {"from": ann.id, "to": "ben", "content": "From my phone"})
    expect(ann.messages).to_have_class("message sent")
    expect(ann.messages).to_have_text("To ben: From my phone")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("{a: [1, null]}", '{"a":[1,null]}'),
        ("null", "null"),
        ("0", "0"),
        ("new Uint8Array([1, 2, 3])", "3 bytes"),
        ("{file: new Uint8Array(5)}", '{"file":"5 bytes"}'),
    ],
)
def test_a_message_need_not_be_text(message: str, shown: str, visit: Visit) -> None:
    ann, ben = visit(), visit()
    link(ann, ben)
    ann.page.evaluate(
        f"(target) => socket.emit('message', {{targetClientId: target, message: {message}}})",
        ben.id,
    )
    expect(ben.messages).to_have_text(f"From {ann.id}: {shown}")


def test_presence_is_shown(visit: Visit) -> None:
    ann, ben = visit(), visit()
    link(ann, ben)
    ann.is_told("presence", {"clientId": ben.id, "online": False, "lastSeen": 1})
    expect(ann.links).to_contain_text(f"offline · {ben.id}")
    ann.is_told("presence", {"clientId": ben.id, "online": True, "lastSeen": None})
    expect(ann.links).to_contain_text(f"online · {ben.id}")


def test_with_the_open_policy_strangers_can_talk(serve: Serve, visit: Visit) -> None:
    unlocked = serve("--policy", "open")
    ann, ben = visit(at=unlocked), visit(at=unlocked)
    expect(ann.writes("Hello, stranger", to=ben.id)).to_contain_text("delivered")
    expect(ben.messages).to_have_text(f"From {ann.id}: Hello, stranger")


# The tutorial's words


def test_it_is_connecting_until_it_is_connected(server: ServerProcess, browser: Browser) -> None:
    page = browser.new_page()
    page.route("**/socket.io/**", lambda route: route.abort())
    page.goto(f"{server.url}/simple")
    expect(page.locator("#status")).to_have_text("Connecting...")
    expect(page.locator("#client-id")).to_have_text("Client ID: N/A")
    page.close()


def test_it_says_when_the_server_is_gone_and_when_it_is_back(
    serve: Serve, port: int, visit: Visit
) -> None:
    server = serve("--port", str(port))
    ann, ben = (visit(at=server, may_complain=True) for _ in range(2))
    link(ann, ben)
    before = ann.id
    # Each status may last for a moment only, so they are written down as they come
    ann.page.evaluate(
        """() => {
          const status = document.getElementById("status");
          window.statuses = [];
          new MutationObserver(() => statuses.push(status.textContent))
            .observe(status, { childList: true });
        }"""
    )
    assert server.stop() == 0
    expect(ann.status).to_have_text("Error occurred. Check console for details.")
    assert ann.page.evaluate("statuses.slice(0, 2)") == [
        "Disconnected from the WebSocket server",
        "Error occurred. Check console for details.",
    ]
    assert any("WebSocket error:" in complaint for complaint in ann.complaints)
    expect(ann.error).to_contain_text("The server is stopping")

    serve("--port", str(port))
    expect(ann.status).to_have_text("Connected to the WebSocket server")
    expect(ann.page.locator("#client-id")).not_to_contain_text(before)
    expect(ann.error).to_be_hidden()
    # A new identity: what the old one had is gone
    expect(ann.links).to_have_count(0)


# Text stays text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_script_stays_text_wherever_it_is_written(text: str, visit: Visit) -> None:
    ann, ben = visit(), visit()
    ann.is_called(text)
    ann.asks(ben.id, note=text)
    expect(ben.requests.locator("strong")).to_have_text(text)
    expect(ben.requests).to_contain_text(text)
    ben.presses("Accept")
    expect(ben.links.locator("strong")).to_have_text(text)
    ann.writes(text)
    expect(ben.messages).to_have_text(f"From {ann.id}: {text}")
    expect(ann.writes(text, to=text)).to_contain_text(f"To {text}: {text}")
    ann.asks(text)
    expect(ann.error).to_be_visible()
    for visitor in (ann, ben):
        assert_nothing_was_made(visitor.page)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_script_as_an_id_stays_text(text: str, visit: Visit) -> None:
    ann = visit()
    ann.is_told("client_id", {"clientId": text})
    expect(ann.page.locator("#client-id")).to_have_text(f"Client ID: {text}")
    request = {"from": text, "name": text, "note": text, "expiresAt": 1}
    peer = {"peer": text, "name": text, "online": True, "lastSeen": None}
    ann.is_told(
        "links", {"links": [peer], "requests": [request], "requested": [{"to": f"{text}2"}]}
    )
    expect(ann.requests).to_have_count(2)
    expect(ann.links).to_contain_text(text)
    ann.is_told("message", {"from": text, "content": text})
    expect(ann.messages).to_have_text(f"From {text}: {text}")
    for ending in ("link_declined", "link_expired", "link_closed"):
        ann.is_told(ending, {"peer": text})
        expect(ann.error).to_contain_text(text)
    ann.is_told("message", {"error": text, "code": "invalid"})
    expect(ann.page.locator("#error-text")).to_have_text(text)
    ann.is_told("refused", {"event": text, "error": text, "code": "invalid"})
    assert_nothing_was_made(ann.page)


def assert_nothing_was_made(page: Page) -> None:
    """No element of those texts, that is; the page's complaints are looked at in the end."""
    expect(page.locator("body script, img, svg, [onerror], [onload]")).to_have_count(0)


@pytest.mark.parametrize(
    "slip",
    [
        "document.querySelector('h1').innerHTML = '<img src=x onerror=\"met = true\">'",
        "document.querySelector('h1').setAttribute('onclick', 'met = true')",
        "document.createElement('script').text = 'met = true'",
    ],
)
def test_the_policy_would_stop_a_slip_of_the_page(slip: str, visit: Visit) -> None:
    ann = visit(may_complain=True)
    with (
        ann.page.expect_console_message(lambda heard: "policy violated" in heard.text),
        pytest.raises(Error, match="requires 'Trusted"),
    ):
        ann.page.evaluate(slip)


def test_everything_comes_from_the_one_host(server: ServerProcess, visit: Visit) -> None:
    ann = visit(at=server)
    hosts = {urlsplit(address).netloc for address in ann.addresses if "data:" not in address}
    assert hosts == {f"127.0.0.1:{server.port}"}


# By keyboard


def test_a_whole_conversation_by_keyboard_alone(visit: Visit) -> None:
    ann, ben = visit(), visit()
    ann.tabs_to(ann.target)
    ann.page.keyboard.type(ben.id)
    ann.tabs_to(ann.note)
    ann.page.keyboard.type("By keyboard")
    ann.page.keyboard.press("Shift+Tab")
    expect(ann.page.get_by_role("button", name="Connect")).to_be_focused()
    ann.page.keyboard.press("Enter")

    accept = ben.page.get_by_role("button", name="Accept")
    expect(accept).to_be_visible()
    ben.tabs_to(accept)
    ben.page.keyboard.press("Space")
    expect(ben.links).to_have_count(1)
    # The button is gone; the place where it was is not
    expect(ben.page.locator("#requests")).to_be_focused()
    ben.tabs_to(ben.page.get_by_role("button", name="Write"))
    ben.page.keyboard.press("Enter")
    expect(ben.text).to_be_focused()
    ben.page.keyboard.type("Hello, Ann")
    ben.page.keyboard.press("Enter")
    expect(ann.messages).to_have_text(f"From {ben.id}: Hello, Ann")
    expect(ben.text).to_be_focused()

    ann.tabs_to(ann.page.get_by_role("button", name="Close"))
    ann.page.keyboard.press("Enter")
    expect(ben.links).to_have_count(0)
    expect(ben.error).to_be_visible()
    ben.tabs_to(ben.page.get_by_role("button", name="Dismiss"))
    ben.page.keyboard.press("Enter")
    expect(ben.error).to_be_hidden()


def test_the_order_of_places_is_the_order_on_the_page(visit: Visit) -> None:
    ann, ben = visit(), visit()
    ben.asks(ann.id)
    expect(ann.requests).to_have_count(1)
    places: list[str] = []
    ann.page.keyboard.press("Tab")
    while place := ann.page.evaluate(
        """(({ id, innerText, tagName }) => tagName === "BODY" ? "" : id || innerText)
          (document.activeElement)"""
    ):
        places.append(place)
        ann.page.keyboard.press("Tab")
    assert places == [
        "copy",
        "name",
        "Accept",
        "Decline",
        "target-client-id",
        "connect",
        "note",
        "message-content",
        "Send",
    ]


def test_a_new_request_does_not_take_the_focus(visit: Visit) -> None:
    ann, ben, cleo = visit(), visit(), visit()
    ben.asks(ann.id)
    decline = ann.page.get_by_role("button", name=f"Decline: {ben.id}")
    decline.focus()
    cleo.asks(ann.id)
    expect(ann.requests).to_have_count(2)
    expect(decline).to_be_focused()


def test_what_changes_is_read_out(visit: Visit) -> None:
    ann = visit()
    expect(ann.page.get_by_role("status")).to_have_text("Connected to the WebSocket server")
    expect(ann.page.locator("#messages-list")).to_have_attribute("aria-live", "polite")
    expect(ann.page.locator("#requests")).to_have_attribute("aria-live", "polite")
    for field in (ann.name, ann.target, ann.note, ann.text):
        expect(field).to_have_count(1)


def test_the_own_id_can_be_copied(visit: Visit) -> None:
    ann = visit(permissions=["clipboard-read", "clipboard-write"])
    ann.page.clock.install()
    ann.page.clock.pause_at(datetime.now() + timedelta(minutes=1))
    ann.presses("Copy ID")
    expect(ann.page.locator("#copy")).to_have_text("Copied")
    assert ann.page.evaluate("navigator.clipboard.readText()") == ann.id
    ann.page.clock.resume()
    expect(ann.page.locator("#copy")).to_have_text("Copy ID")


# How it looks


def test_empty_lists_say_what_will_be_there(visit: Visit) -> None:
    ann, ben = visit(), visit()
    empty = ann.page.locator(".empty:visible")
    expect(empty).to_have_count(3)
    link(ann, ben)
    ann.writes("Hello")
    expect(empty).to_have_text(re.compile("Nobody is asking"))


def crowd(visitor: Visitor) -> None:
    """Everything that a page can show, and each of it too long."""
    endless = "x" * 400
    peer = {"peer": endless[:128], "name": endless[:64], "online": False, "lastSeen": 1}
    request = {"from": endless[:127], "name": endless[:64], "note": endless[:200], "expiresAt": 1}
    visitor.is_told("client_id", {"clientId": endless[:128]})
    visitor.is_told("links", {"links": [peer], "requests": [request], "requested": [{"to": "Z"}]})
    visitor.is_told("message", {"from": endless[:128], "content": endless})
    visitor.is_told("message", {"from": "a", "to": endless[:128], "content": "no\n" * 99})
    visitor.writes(endless, to=endless[:128])
    expect(visitor.error).to_be_visible()
    visitor.is_told("refused", {"event": "x", "error": endless, "code": "invalid"})


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_sticks_out(width: int, visit: Visit) -> None:
    ann = visit(viewport={"width": width, "height": 780})
    crowd(ann)
    wide = ann.page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("body *:not(input)")]
          .filter((element) => element.scrollWidth > Math.max(element.clientWidth, 1)
            && getComputedStyle(element).display !== "inline"
            || element.getBoundingClientRect().right > innerWidth)
          .map((element) => element.outerHTML.slice(0, 80))"""
    )
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(scheme: str, visit: Visit) -> None:
    """WCAG 2 AA: a contrast of 4.5 for text, and of 3 for the edges of fields."""
    ann = visit(color_scheme=scheme, reduced_motion="reduce")
    crowd(ann)
    texts = ann.page.evaluate(
        """() => {
          const ground = (element) => {
            const colour = getComputedStyle(element).backgroundColor;
            return colour === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : colour;
          };
          const own = (element) => [...element.childNodes].some(
            (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
          return [...document.querySelectorAll("body *")]
            .filter((element) => element.checkVisibility() && own(element))
            .map((element) => ({
              what: element.textContent.slice(0, 40),
              colour: getComputedStyle(element).color,
              ground: ground(element),
            }));
        }"""
    )
    assert len(texts) > 20
    poor = [text for text in texts if contrast(text["colour"], text["ground"]) < 4.5]
    assert poor == []
    colours = ann.target.evaluate(
        """(field) => [getComputedStyle(field).borderTopColor,
                       getComputedStyle(field.closest(".card")).backgroundColor,
                       getComputedStyle(document.body).backgroundColor]"""
    )
    edge, card, ground = colours
    assert contrast(edge, card) >= 3
    assert (luminance(ground) < 0.1) == (scheme == "dark")


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Of a colour as a browser gives it, ``rgb(1, 2, 3)``; as WCAG 2 defines it."""
    found = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour)
    assert found is not None, f"not an opaque colour: {colour}"
    linear: list[Any] = []
    for channel in found.groups():
        share = int(channel) / 255
        linear.append(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def test_nothing_moves_for_those_who_do_not_want_it(visit: Visit) -> None:
    still, lively = visit(reduced_motion="reduce"), visit(reduced_motion="no-preference")
    assert transition(still) == "0s"
    assert transition(lively) != "0s"


def transition(visitor: Visitor) -> str:
    button = visitor.page.locator("#connect")
    return str(button.evaluate("(element) => getComputedStyle(element).transitionDuration"))


def test_a_message_does_not_carry_the_reader_away(visit: Visit) -> None:
    ann = visit(viewport={"width": 360, "height": 400})
    for number in range(30):
        ann.is_told("message", {"from": "ben", "content": f"Line {number}"})
    assert ann.page.evaluate("scrollY") == 0


def test_the_latest_message_is_in_sight_with_what_became_of_it(visit: Visit) -> None:
    ann = visit(viewport={"width": 360, "height": 780})
    for number in range(30):
        ann.is_told("message", {"from": "ben", "content": f"Line {number}"})
    expect(ann.writes("Hello?", to="nobody-of-this-name")).to_contain_text("not sent")
    assert ann.page.locator("#messages-list").evaluate(
        "(list) => list.scrollTop + list.clientHeight >= list.scrollHeight - 1"
    )
