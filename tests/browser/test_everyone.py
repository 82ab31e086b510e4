"""The page is for everyone: by keyboard, by touch, by ear, small, large, and in other languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Meet, MeetStranger, company
from tests.browser.looks import assert_nothing_sticks_out, complaints_of_axe
from tests.browser.people import PICTURE, Person, file, greet, meet
from tests.support.process import ServerProcess

Scheme = Literal["light", "dark"]

PHONE: dict[str, Any] = {
    "viewport": {"width": 320, "height": 640},
    "has_touch": True,
    "is_mobile": True,
}

# By keyboard


def test_a_whole_conversation_by_keyboard_alone(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.tabs_to("New contact")
    ann.page.keyboard.press("Enter")
    expect(ann.dialog.get_by_label("ID or link")).to_be_focused()
    ann.page.keyboard.type(ben.id)
    ann.tabs_to("Note (optional)")
    ann.page.keyboard.type("By keyboard")
    ann.tabs_to("Send request")
    ann.page.keyboard.press("Enter")
    expect(ann.dialog).to_have_count(0)
    assert ann.focused()["name"] == "New contact"

    expect(ben.requests).to_contain_text("By keyboard")
    ben.tabs_to("Accept: Ann")
    ben.page.keyboard.press("Space")
    expect(ben.field).to_be_focused()
    ben.page.keyboard.type("Hello, Ann")
    ben.page.keyboard.press("Enter")
    expect(ben.field).to_be_focused()
    expect(ben.field).to_have_value("")

    link = ann.conversation("Ben").get_by_role("link")
    expect(link).to_be_visible()
    for _ in range(30):
        ann.page.keyboard.press("Tab")
        if link.evaluate("(link) => link.matches(':focus')"):
            break
    ann.page.keyboard.press("Enter")
    expect(ann.field).to_be_focused()
    ann.sees("Hello, Ann")
    ann.page.keyboard.type("Hello, Ben")
    ann.page.keyboard.press("Enter")
    ben.sees("Hello, Ben")

    ann.tabs_to("Actions for Ben", backwards=True)
    ann.page.keyboard.press("Enter")
    assert ann.focused()["name"] == "Rename for me"
    ann.page.keyboard.press("ArrowUp")
    assert ann.focused()["name"] == "Block"
    ann.page.keyboard.press("Escape")
    assert ann.focused()["name"] == "Actions for Ben"
    ann.page.keyboard.press("ArrowDown")
    ann.page.keyboard.press("End")
    ann.page.keyboard.press("Enter")
    expect(ann.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    ann.page.keyboard.press("Escape")
    expect(ann.dialog).to_have_count(0)
    assert ann.focused()["name"] == "Actions for Ben"


def test_the_list_is_one_stop_and_arrows_move_in_it(person: Meet) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    meet(ann, ben)
    ben.says("The first")
    meet(ann, cleo)
    cleo.says("The latest")
    ann.sees("The latest")
    ann.conversation("Cleo").get_by_role("link").focus()
    ann.page.keyboard.press("ArrowDown")
    expect(ann.conversation("Ben").get_by_role("link")).to_be_focused()
    ann.page.keyboard.press("ArrowUp")
    expect(ann.conversation("Cleo").get_by_role("link")).to_be_focused()
    ann.page.keyboard.press("Alt+ArrowDown")
    expect(ann.page.get_by_role("heading", level=2, name="Ben")).to_be_visible()
    expect(ann.field).to_be_focused()


def test_the_list_can_be_skipped(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.reloads()
    expect(ann.log).to_be_visible()
    ann.tabs_to("Skip to the conversation")
    ann.page.keyboard.press("Enter")
    expect(ann.field).to_be_focused()


def test_messages_are_scrolled_by_keyboard(person: Meet, stranger: MeetStranger) -> None:
    ann, other = person("Ann"), stranger("Sam")
    greet(ann, other, "Sam")
    other.says("Hello")
    ann.sees("Hello")
    other.says(*(f"Number {number}" for number in range(40)))
    ann.sees("Number 39")
    ann.log.focus()
    ann.page.keyboard.press("Home")
    expect(ann.message("Hello")).to_be_in_viewport()
    ann.page.keyboard.press("End")
    expect(ann.message("Number 39")).to_be_in_viewport()


@pytest.mark.parametrize(
    ("opens", "goes_to"),
    [("Settings", "What should others see?"), ("New contact", "ID or link")],
)
def test_a_dialog_takes_the_focus_and_gives_it_back(opens: str, goes_to: str, person: Meet) -> None:
    ann = person("Ann")
    ann.press(opens)
    expect(ann.dialog).to_be_visible()
    ann.tabs_to(goes_to)
    ann.page.keyboard.press("Escape")
    expect(ann.dialog).to_have_count(0)
    assert ann.focused()["name"] == opens


def test_a_new_request_does_not_take_the_focus(person: Meet) -> None:
    ann, ben, cleo = person("Ann"), person("Ben"), person("Cleo")
    ben.ask(ann)
    decline = ann.page.get_by_role("button", name="Decline: Ben")
    decline.focus()
    cleo.ask(ann)
    expect(ann.requests).to_have_count(2)
    expect(decline).to_be_focused()


def test_after_a_request_is_settled_the_focus_is_somewhere(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    ben.ask(ann)
    decline = ann.page.get_by_role("button", name="Decline: Ben")
    decline.focus()
    ann.page.keyboard.press("Enter")
    expect(ann.requests).to_have_count(0)
    ann.is_told("You have declined Ben")
    assert ann.focused()["tag"] != "BODY"


# Small and large


def test_a_conversation_on_the_smallest_phone(person: Meet) -> None:
    ann, ben = person("Ann", **PHONE), person("Ben")
    assert_nothing_sticks_out(ann)
    ann.ask(ben, note="From my phone")
    assert_nothing_sticks_out(ann)
    ben.accept("Ann")
    ann.opens("Ben")
    expect(ann.conversations).to_have_count(0)
    ann.types("Hello from my phone")
    ann.press("Send")
    ben.sees("Hello from my phone")
    assert_nothing_sticks_out(ann)
    ann.press("Back to the list")
    expect(ann.conversation("Ben")).to_be_visible()
    expect(ann.log).to_have_count(0)
    ann.opens("Ben")
    ann.page.go_back()
    expect(ann.conversation("Ben")).to_be_visible()
    ann.page.go_forward()
    expect(ann.log).to_be_visible()


def test_on_a_phone_enter_makes_a_line(person: Meet) -> None:
    ann, ben = person("Ann", **PHONE), person("Ben")
    meet(ann, ben)
    ann.field.fill("One")
    ann.field.press("Enter")
    expect(ann.messages).to_have_count(0)
    expect(ann.field).to_have_value("One\n")


def test_dialogs_fit_the_smallest_phone(person: Meet) -> None:
    ann = person("Ann", **PHONE)
    for dialog in ("Settings", "New contact", "Show QR code", "Invite by link"):
        ann.press(dialog)
        expect(ann.dialog).to_be_visible()
        assert_nothing_sticks_out(ann)
        ann.press("Close", ann.dialog)


def test_wide_screens_show_both_sides(person: Meet) -> None:
    ann, ben = person("Ann", viewport={"width": 1600, "height": 900}), person("Ben")
    meet(ann, ben)
    expect(ann.conversation("Ben")).to_be_visible()
    expect(ann.log).to_be_visible()


@pytest.mark.parametrize("settings", [{"viewport": {"width": 1000, "height": 700}}, PHONE])
def test_a_text_that_goes_away_is_not_over_a_button(settings: dict[str, Any], person: Meet) -> None:
    ann, ben = (
        person("Ann", **settings),
        person("Ben, who has as long a name as anybody may have in this place"),
    )
    ben.ask(ann)
    ann.accept(str(ben.name))
    expect(ann.log).to_be_visible()
    ann.page.goto(f"{ann.url}/#/")
    ben.opens("Ann")
    ben.chooses("Close conversation", "Ann")
    ben.agrees_to("Close conversation")
    ann.is_told("has ended the conversation")
    assert ann.page.get_by_role("button", name="Invite by link").evaluate(_ON_TOP)


_ON_TOP = """(button) => {
  const { x, y, width, height } = button.getBoundingClientRect();
  return button.contains(button.getRootNode().elementFromPoint(x + width / 2, y + height / 2));
}"""


def test_at_twice_the_size_nothing_is_lost(person: Meet) -> None:
    small = {"width": 640, "height": 400}  # what is left of 1280 by 800
    ann, ben = person("Ann", viewport=small, device_scale_factor=2), person("Ben")
    meet(ann, ben)
    ann.says("Still readable")
    expect(ann.message("Still readable")).to_be_in_viewport()
    expect(ann.field).to_be_in_viewport()
    assert_nothing_sticks_out(ann)


def test_nothing_moves_for_whom_it_should_not(person: Meet, stranger: MeetStranger) -> None:
    ann, other = person("Ann"), stranger("Sam")
    greet(ann, other, "Sam")
    other.types()
    typing = ann.page.get_by_text("Sam is typing")
    expect(typing).to_be_visible()
    moving = "(words) => words.getRootNode().getAnimations().length"
    assert typing.evaluate(moving) > 0
    ann.page.emulate_media(reduced_motion="reduce")
    assert typing.evaluate(moving) == 0


# Other languages


def test_german_is_spoken_to_who_speaks_it(person: Meet) -> None:
    ann, ben = person(locale="de-DE"), person("Ben")
    ann.page.get_by_label("Was sollen andere sehen?").fill("Änne")
    ann.press("Speichern")
    ann.is_told("Dein Name ist gespeichert")
    expect(ann.page.locator("html")).to_have_attribute("lang", "de")
    ben.ask(ann, note="Hallo")
    ann.page.get_by_role("button", name="Annehmen: Ben").click()
    field = ann.page.get_by_role("textbox", name="Nachricht", exact=True)
    expect(field).to_be_focused()
    field.fill("Grüß dich")
    field.press("Enter")
    ben.opens("Änne")
    ben.sees("Grüß dich")
    read = ann.message("Grüß dich").get_by_role("img", name="Gelesen", exact=True)
    expect(read).to_be_visible()
    ann.goes_offline()
    expect(ann.page.get_by_role("status").filter(has_text="offline")).to_be_visible()


def test_a_language_can_be_chosen_and_stays(person: Meet) -> None:
    ann = person("Ann")
    ann.settings().get_by_label("Language").select_option("de")
    expect(ann.dialog.get_by_role("heading", level=2)).to_have_text("Einstellungen")
    ann.reloads()
    expect(ann.page.locator("html")).to_have_attribute("lang", "de")
    ann.page.get_by_role("button", name="Einstellungen").click()
    ann.dialog.get_by_label("Sprache").select_option("auto")
    expect(ann.dialog.get_by_role("heading", level=2)).to_have_text("Settings")


def test_another_language_than_there_is_gets_english(person: Meet) -> None:
    ann = person("Ann", locale="fr-FR")
    expect(ann.page.locator("html")).to_have_attribute("lang", "en")


def test_what_is_written_from_right_to_left_is_shown_so(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("שלום לכולם")
    ann.says("Hello everybody")
    for text, direction in (("שלום לכולם", "rtl"), ("Hello everybody", "ltr")):
        words = ben.message(text).locator("[dir=auto]")
        expect(words).to_have_css("direction", direction)


def test_the_whole_page_can_be_turned(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("Mine")
    ben.says("Theirs")
    ann.sees("Theirs")
    ann.page.evaluate("document.documentElement.dir = 'rtl'")
    places: dict[str, Any] = {
        text: ann.page.get_by_role("log").get_by_text(text, exact=True).bounding_box() or {}
        for text in ("Mine", "Theirs")
    }
    assert places["Mine"]["x"] < places["Theirs"]["x"]
    for width in (1280, 320):
        ann.page.set_viewport_size({"width": width, "height": 700})
        assert_nothing_sticks_out(ann)


# By ear, and by eye: axe knows most of what can be checked by a machine


def first_visit(ann: Person, ben: Person) -> None:
    expect(ann.page.get_by_role("button", name="Copy ID")).to_be_visible()


def contact(ann: Person, ben: Person) -> None:
    ann.ask("")
    expect(ann.dialog.get_by_role("alert")).not_to_be_empty()


def own_code(ann: Person, ben: Person) -> None:
    ann.press("Show QR code")
    expect(ann.dialog.get_by_role("img")).to_be_visible()


def invite(ann: Person, ben: Person) -> None:
    ann.press("Invite by link")
    expect(ann.dialog.get_by_role("img")).to_be_visible()


def redeem(ann: Person, ben: Person) -> None:
    ann.visit("/?invite=lusab-babad-gutih")
    ann.press("Connect", ann.dialog)
    expect(ann.dialog.get_by_role("alert")).not_to_be_empty()


def settings(ann: Person, ben: Person) -> None:
    meet(ann, ben)
    ann.chooses("Block", "Ben")
    ann.agrees_to("Block")
    ann.press("Forget everything…", ann.settings())


def requests(ann: Person, ben: Person) -> None:
    ben.ask(ann, note="A note")
    ann.ask("7c9e6679-7425-40de-944b-e07fc1f90ae7")
    ann.page.keyboard.press("Escape")
    expect(ann.requests).to_have_count(1)


def waiting(ann: Person, ben: Person) -> None:
    ann.ask(ben, note="A note")
    expect(ann.waiting).to_have_count(1)
    ann.is_told("has been sent")


def conversation(ann: Person, ben: Person) -> None:
    ann.says("See https://example.org/ for more")
    ben.says("Thank you")
    ann.attaches(file("red.png", "image/png", PICTURE), file("page.html", "text/html", b"<p>"))
    ann.press("Send")
    ben.says('{"a": 1}')
    ann.sees('{"a": 1}')
    expect(ann.messages.filter(has_text="page.html")).not_to_have_count(0)
    ann.attaches(file("one.txt", "text/plain", b"1"), file("red.png", "image/png", PICTURE))


def empty_conversation(ann: Person, ben: Person) -> None:
    meet(ann, ben)
    expect(ann.log).to_contain_text("No messages yet")


def menu(ann: Person, ben: Person) -> None:
    ann.press("Actions for Ben")
    expect(ann.page.get_by_role("menu")).to_be_visible()


def rename(ann: Person, ben: Person) -> None:
    ann.chooses("Rename for me", "Ben")


def confirm(ann: Person, ben: Person) -> None:
    ann.chooses("Block", "Ben")


def picture(ann: Person, ben: Person) -> None:
    ben.attaches(file("red.png", "image/png", PICTURE))
    ben.press("Send")
    expect(ann.messages.last.get_by_role("img", name="Picture: red.png")).to_be_visible()
    ann.press("View red.png")
    expect(ann.dialog).to_be_visible()


def offline(ann: Person, ben: Person) -> None:
    ann.goes_offline()
    ann.says("Later")
    expect(ann.banner).to_be_visible()
    ann.sees_state("Later", "Waiting for a connection")


def not_sent(ann: Person, ben: Person) -> None:
    meet(ann, ben)
    ann.goes_offline()
    ann.says("Too late")
    ben.chooses("Close conversation", "Ann")
    ben.agrees_to("Close conversation")
    ann.is_back_online()
    expect(ann.page.get_by_role("button", name="Retry")).to_be_visible()


def ended(ann: Person, ben: Person) -> None:
    meet(ann, ben)
    ann.says("The end")
    ben.sees("The end")
    ben.chooses("Close conversation", "Ann")
    ben.agrees_to("Close conversation")
    expect(ann.page.get_by_role("button", name="Ask to talk again")).to_be_visible()


def nobody(ann: Person, ben: Person) -> None:
    ann.visit("/#/c/nobody")
    expect(
        ann.page.get_by_role("main").get_by_text("There is no conversation").first
    ).to_be_visible()


def forgotten(ann: Person, ben: Person) -> None:
    ann.press("Forget everything…", ann.settings())
    ann.press("Delete everything", ann.dialog)
    expect(ann.page.get_by_role("button", name="Start anew")).to_be_visible()


def drop(ann: Person, ben: Person) -> None:
    ann.log.evaluate(
        """(log) => {
          const data = new DataTransfer();
          data.items.add(new File(["one"], "one.txt"));
          log.dispatchEvent(new DragEvent("dragenter",
            { dataTransfer: data, bubbles: true, composed: true, cancelable: true }));
        }"""
    )
    expect(ann.page.get_by_text("Drop files here to attach them")).to_be_visible()


ALONE = [first_visit, contact, own_code, invite, redeem, nobody]
TALKING = [conversation, menu, rename, confirm, picture, drop, offline]
OTHERS = [settings, requests, waiting, empty_conversation, not_sent, ended, forgotten]

View = Callable[[Person, Person], None]


def in_both_schemes(ann: Person) -> dict[Scheme, list[Any]]:
    found: dict[Scheme, list[Any]] = {}
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        ann.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        if complaints := complaints_of_axe(ann):
            found[scheme] = complaints
    return found


@pytest.fixture(scope="module")
def strangers(browser: Browser, place: ServerProcess) -> Iterator[tuple[Person, Person]]:
    with company(browser, place) as come:
        yield come("Ann", reduced_motion="reduce"), come("Ben")


@pytest.fixture(scope="module")
def couple(browser: Browser, place: ServerProcess) -> Iterator[tuple[Person, Person]]:
    with company(browser, place) as come:
        ann, ben = come("Ann", reduced_motion="reduce"), come("Ben")
        meet(ann, ben)
        yield ann, ben


@pytest.mark.parametrize("view", ALONE, ids=lambda view: view.__name__)
def test_axe_finds_nothing_before_a_conversation(
    view: View, strangers: tuple[Person, Person]
) -> None:
    ann, ben = strangers
    ann.visit()
    ann.reloads()
    view(ann, ben)
    assert in_both_schemes(ann) == {}


@pytest.mark.parametrize("view", TALKING, ids=lambda view: view.__name__)
def test_axe_finds_nothing_in_a_conversation(view: View, couple: tuple[Person, Person]) -> None:
    ann, ben = couple
    ann.reloads()
    expect(ann.field).to_be_visible()
    view(ann, ben)
    found = in_both_schemes(ann)
    ann.is_back_online()
    assert found == {}


@pytest.mark.parametrize("view", OTHERS, ids=lambda view: view.__name__)
def test_axe_finds_nothing_else(view: View, person: Meet) -> None:
    ann, ben = person("Ann", reduced_motion="reduce"), person("Ben")
    view(ann, ben)
    assert in_both_schemes(ann) == {}


def test_axe_finds_nothing_on_a_phone(person: Meet) -> None:
    ann, ben = person("Ann", reduced_motion="reduce", **PHONE), person("Ben")
    found = {"at first": complaints_of_axe(ann)}
    requests(ann, ben)
    found["requests"] = complaints_of_axe(ann)
    ann.accept("Ben")
    ben.opens("Ann")
    conversation(ann, ben)
    found["conversation"] = complaints_of_axe(ann)
    assert {view: each for view, each in found.items() if each} == {}


def test_the_page_has_its_landmarks_and_one_first_heading(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    for role in ("navigation", "main"):
        expect(ann.page.get_by_role(role)).to_have_count(1)
    expect(ann.page.get_by_role("heading", level=1)).to_have_count(1)
    expect(ann.log).to_have_accessible_name("Messages with Ben")
    expect(ann.page.get_by_role("list", name="Conversations")).to_have_count(1)


def test_a_message_tells_its_state_to_who_cannot_see_it(person: Meet) -> None:
    ann, ben = person("Ann"), person("Ben")
    meet(ann, ben)
    ann.says("Hello")
    ann.sees_state("Hello", "Read")
    said = ann.log.aria_snapshot()
    assert re.search(r'You: Hello[\s\S]*img "Read"', said), said
